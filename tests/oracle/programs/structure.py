"""Programs whose structure an argument decides: nested forks, trees of thought, recursion by depth, scored states."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import lmc as lm
from tests.oracle.programs.case import Case


def propose(s, question, num_branches):
    s += lm.user(question)
    forks = s.fork(num_branches)
    forks += lm.assistant(lm.gen("plan", max_tokens=2))
    return forks


def execute(s, num_branches):
    s += lm.user("execute")
    forks = s.fork(num_branches)
    forks += lm.assistant(lm.gen("answer", max_tokens=2))
    return forks


def tree_of_thought(s, question, num_branches):
    plans = propose(s, question, num_branches)
    states = []
    for plan in plans:
        states.extend(execute(plan, num_branches))
    solutions = []
    for state in states:
        solutions.append(execute(state, num_branches))
    return [[f["answer"] for f in forks] for forks in solutions]


def groups_in_a_list(s, n):
    groups = []
    for f in s.fork(n):
        f += lm.gen("a", max_tokens=1)
        groups.append(f.fork(2))
    for g in groups:
        g += lm.gen("b", max_tokens=1)
    for g in groups:
        g.join()
    return len(groups), [[f["b"] for f in g] for g in groups]


def tree(s, depth):
    if depth == 0:
        return [s]
    out = []
    for f in s.fork(2):
        f += f"{depth}"
        f += lm.gen("t", regex="[0-9]")
        out += tree(f, depth - 1)
    return out


def tree_by_recursion(s, depth):
    leaves = tree(s, depth)
    best = max(leaves, key=lambda f: f["t"])
    s += best["t"]
    return [f["t"] for f in leaves], len(leaves)


def best_with_score(s, n):
    best = (-1, None)
    for f in s.fork(n):
        f += lm.gen("x", regex="[0-9]")
        if int(f["x"]) > best[0]:
            best = (int(f["x"]), f)
    score, state = best
    s += f"{score} "
    if state is not None:
        s += state["x"]
    return score


def best_as_two_names(s, n):
    best, score = None, -1
    for f in s.fork(n):
        f += lm.gen("x", regex="[0-9]")
        if int(f["x"]) > score:
            best, score = f, int(f["x"])
    best += " best "
    best += lm.gen("y", max_tokens=1)
    s += best["y"]
    return score


def scored(s):
    s += lm.gen("step", regex="[a-z]{2}")
    s += lm.gen("score", regex="[0-9]")
    return int(s["score"])


def beam_of_pairs(s, width, steps):
    beam = [(0, s.fork(1)[0])]
    for _ in range(steps):
        cands = []
        for total, state in beam:
            for f in state.fork(width):
                cands.append((total + scored(f), f))
        beam = sorted(cands, key=lambda c: c[0], reverse=True)[:width]
    total, state = beam[0]
    s += state["step"]
    s += lm.gen("end", max_tokens=1)
    return [t for t, _ in beam], [f["step"] for _, f in beam]


def beam_of_dicts(s, width):
    beam = [{"state": f, "score": 0} for f in s.fork(width)]
    for b in beam:
        b["score"] += scored(b["state"])
    beam.sort(key=lambda b: b["score"])
    best = beam[-1]
    s += best["state"]["step"] + str(best["score"])
    return [b["score"] for b in beam]


@dataclass
class Beam:
    state: Any
    score: float = 0.0
    path: str = ""


def beam_of_objects(s, width):
    beams = [Beam(f) for f in s.fork(width)]
    for b in beams:
        b.score += scored(b.state)
        b.path += b.state["step"]
    best = max(beams, key=lambda b: b.score)
    s += best.path
    ranked = sorted(beams, key=lambda b: -b.score)
    return best.score, [b.path for b in ranked]


def best_of_pairs(s, n):
    cands = []
    for f in s.fork(n):
        cands.append((scored(f), f))
    score, best = max(cands, key=lambda c: c[0])
    best += "again "
    best += lm.gen("more", max_tokens=1)
    s += best["more"]
    return score


def pairs_of_forks(s, n):
    fs = s.fork(n)
    fs += lm.gen("v", regex="[0-9]")
    wins = [0] * n
    for (i, a), (j, b) in itertools.combinations(enumerate(fs), 2):
        if a["v"] > b["v"]:
            wins[i] += 1
        else:
            wins[j] += 1
    s += f"{wins}"
    return [(a["v"], b["v"]) for a, b in itertools.product(fs, fs) if a is not b]


def permuted_forks(s):
    fs = list(s.fork(3))
    for i, (a, b) in enumerate(itertools.permutations(fs, 2)):
        a += f"{i}"
        if i == 0:
            b += lm.gen("x", max_tokens=1)
    for f in itertools.chain(fs[:1], fs[2:]):
        f += "chained"
    return [f.text() for f in fs]


def tournament(s, n):
    players = list(s.fork(n))
    for i, p in enumerate(players):
        p += f"player {i} "
        p += lm.gen("v", regex="[0-9]")
    while len(players) > 1:
        winners = []
        for a, b in zip(players[::2], players[1::2]):
            winners.append(a if a["v"] >= b["v"] else b)
        players = winners
    s += players[0]["v"]
    return players[0].text()


def states_by_name(s, topics):
    states = {}
    for t in topics:
        states[t] = s.fork(1)[0]
        states[t] += t
        states[t] += lm.gen("x", max_tokens=1)
    for name, f in states.items():
        s += f"{name}: {f['x']}"
    return sorted(states), [f.text() for f in states.values()]


def debate(s, rounds, n):
    agents = [s.fork(1)[0] for _ in range(n)]
    for r in range(rounds):
        said = []
        for i, a in enumerate(agents):
            a += f"{r}.{i} "
            a += lm.gen(f"a{r}", max_tokens=1)
            said.append(a[f"a{r}"])
        for i, a in enumerate(agents):
            a += "others: " + " ".join(x for j, x in enumerate(said) if j != i)
    s += " ".join(said)
    return said


def countdown(s, n):
    if n == 0:
        return "done"
    s += lm.gen(f"x{n}", max_tokens=1)
    return countdown(s, n - 1) + s[f"x{n}"]


def recursion_by_an_argument(s, n):
    return countdown(s, n)


def number_only_written(s, n, k):
    """A graph for every `n`, and for every `k`."""
    groups = [f.fork(1) for f in s.fork(k)]
    s += f"{n} of {k}"
    s += lm.gen("x", max_tokens=n)
    return len(groups), n


def flag_decides(s, deep, n):
    out = [s]
    for _ in range(n):
        out = [f for g in out for f in (g.fork(2) if deep else [g])]
    for i, f in enumerate(out):
        f += f"{i}"
        f += lm.gen("x", max_tokens=1)
    return [f["x"] for f in out]


def depth_of_a_list(s, sizes):
    groups = []
    for n in sizes:
        groups.append(s.fork(n))
    groups[0] += lm.gen("x", max_tokens=1)
    return [len(g) for g in groups], [f["x"] for f in groups[0]]


def monte_carlo(s, rollouts, depth):
    root = {"state": s.fork(1)[0], "visits": 0, "children": []}
    for r in range(rollouts):
        node = root
        for d in range(depth):
            child = {"state": node["state"].fork(1)[0], "visits": 0, "children": []}
            child["state"] += f"{r}{d} "
            child["state"] += lm.gen("m", regex="[0-9]")
            node["children"].append(child)
            node["visits"] += 1
            node = child
    s += " ".join(c["state"]["m"] for c in root["children"])
    return root["visits"], len(root["children"])


TWO = ({"n": 2}, {"n": 3})
CASES = [
    Case(
        tree_of_thought,
        ({"question": "q", "num_branches": 2}, {"question": "r", "num_branches": 1}),
        needs_structure=True,
    ),
    Case(groups_in_a_list, TWO, needs_structure=True),
    Case(tree_by_recursion, ({"depth": 2}, {"depth": 1}), needs_structure=True),
    Case(best_with_score, ({"n": 2}, {"n": 0}), needs_structure=True),
    Case(best_as_two_names, ({"n": 3},), needs_structure=True),
    Case(beam_of_pairs, ({"width": 2, "steps": 2},), needs_structure=True),
    Case(beam_of_dicts, ({"width": 2},), needs_structure=True),
    Case(beam_of_objects, ({"width": 3},), needs_structure=True),
    Case(best_of_pairs, TWO, needs_structure=True),
    Case(pairs_of_forks, TWO, needs_structure=True),
    Case(permuted_forks),
    Case(tournament, ({"n": 4},), needs_structure=True),
    Case(states_by_name, ({"topics": ["b", "a"]}, {"topics": []}), expects="either"),
    Case(debate, ({"rounds": 2, "n": 3},), needs_structure=True),
    Case(recursion_by_an_argument, ({"n": 3}, {"n": 0}), needs_structure=True),
    Case(number_only_written, ({"n": 1, "k": 2}, {"n": 2, "k": 2}), needs_structure=True),
    Case(flag_decides, ({"deep": True, "n": 2}, {"deep": False, "n": 2}), needs_structure=True),
    Case(depth_of_a_list, ({"sizes": [2, 1]},), needs_structure=True),
    Case(monte_carlo, ({"rollouts": 2, "depth": 2},), needs_structure=True),
]
