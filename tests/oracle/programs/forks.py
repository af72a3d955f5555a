"""fork, join and copy: lineage, gathered names, forks of forks, what stays readable."""

from __future__ import annotations

import lmc as lm
from tests.oracle.programs.case import Case


def sampled_forks_differ(s):
    """Three forks of one prompt draw three different random streams."""
    s += "Say something: "
    forks = s.fork(3)
    forks += lm.gen("x", max_tokens=12)
    forks.join()
    return s["x"]


def expand_tips(s, topic, n):
    s += f"Tips about {topic}:\n"
    s += lm.gen("skeleton", max_tokens=12)
    forks = s.fork(n)
    for i in range(n):
        forks[i] += f"Tip {i + 1}: "
        forks[i] += lm.gen("detail", max_tokens=6)
    for i in range(n):
        s += f"{i + 1}. " + forks[i]["detail"] + "\n"
    s += lm.gen("summary", max_tokens=6)
    return s["summary"]


def comprehension_over_forks(s):
    forks = s.fork(3)
    for i, f in enumerate(forks):
        f += f"way {i}: "
        f += lm.gen("score", regex="[0-9]")
    scores = [int(f["score"]) for f in forks]
    s += f"best {max(scores)} of {scores}"
    s += lm.gen("end", max_tokens=3)
    return {i: f["score"] for i, f in enumerate(forks)}, {f["score"] for f in forks}


def gather_overwrites(s):
    s += lm.gen("x", max_tokens=3)
    forks = s.fork(2)
    forks += lm.gen("x", max_tokens=4)
    forks.join()
    first = s["x"]
    again = s.fork(3)
    again += lambda i: lm.gen("x", max_tokens=2 + i)
    again.join()
    return first, s["x"], forks[0]["x"]


def ragged_names(s):
    """A child that lacks a name gives None in its place."""
    forks = s.fork(3)
    forks[0] += lm.gen("a", max_tokens=3)
    forks[1] += lm.gen("b", max_tokens=3)
    forks[2] += lm.gen("a", max_tokens=3)
    forks[2]["c"] = 7
    forks.join()
    return s["a"], s["b"], s["c"]


def ragged_by_branch(s):
    forks = s.fork(3)
    for f in forks:
        f += lm.select("kind", ["x", "y"])
        if f["kind"] == "x":
            f += lm.gen("extra", max_tokens=4)
    forks.join()
    if "extra" in s:
        s += f"{s['extra']}"
    return s["kind"]


def inherited_names_are_not_gathered(s):
    s += lm.gen("x", max_tokens=3)
    forks = s.fork(2)
    forks[0] += "same " + forks[0]["x"]
    forks[1] += lm.gen("y", max_tokens=3)
    forks.join()
    return s["x"], s["y"]


def concatenate(s, documents):
    s += "Question first.\n"
    forks = s.fork(len(documents))
    forks += lambda i: f"[{documents[i]}]"
    forks += lm.gen("note", max_tokens=4)
    forks.join("concate_and_append")
    s += "\nAnswer: "
    s += lm.gen("answer", max_tokens=6)
    return "note" in s


def list_appended_to_forks(s):
    forks = s.fork(2)
    forks += ["first ", "second "]
    forks += "both "
    forks += lm.gen("x", max_tokens=3)
    forks.join()


def fork_of_fork(s):
    s += "root "
    outer = s.fork(2)
    for i, f in enumerate(outer):
        f += f"o{i} "
        inner = f.fork(2)
        inner += lambda j: f"i{j} "
        inner += lm.gen("leaf", max_tokens=5)
        inner.join()
        f += str(f["leaf"])
    outer.join()
    return s["leaf"]


def fork_readable_after_join(s):
    forks = s.fork(2)
    forks += lm.gen("x", max_tokens=3)
    forks.join()
    forks[1] += " more"
    forks[1] += lm.gen("y", max_tokens=3)
    s += forks[1].text() + "|" + forks[0]["x"]
    s += lm.gen("end", max_tokens=3)
    return "y" in s, "y" in forks[1]


def forks_without_join(s):
    f = s.fork(1)[0]
    f += "aside "
    f += lm.gen("x", max_tokens=4)
    s += "main " + f["x"]
    s += lm.gen("end", max_tokens=4)
    return f.text()


def unused_fork(s):
    """A branch that nobody reads changes nothing in the rest, its random numbers included."""
    s += "a"
    f = s.fork(2)
    f += lm.gen("never", max_tokens=5)
    s += lm.gen("x", max_tokens=5)


def fork_moves_lineage(s):
    s += "same "
    a = s.fork(1)[0]
    b = s.fork(1)[0]
    a += lm.gen("x", max_tokens=6)
    b += lm.gen("x", max_tokens=6)
    s += lm.gen("x", max_tokens=6)
    return a["x"], b["x"], s["x"]


def copied(s):
    s += "base "
    with s.copy() as t:
        t += "side "
        t += lm.gen("x", max_tokens=4)
    s += str(s["x"])
    s += lm.gen("end", max_tokens=3)
    return s["x"]


def copy_without_with(s):
    s += "base "
    t = s.copy()
    t += lm.gen("x", max_tokens=4)
    s += lm.gen("y", max_tokens=4)
    return t["x"], "x" in s, t.text()


def fork_count_generated(s):
    s += lm.gen("n", regex="[1-3]")
    forks = s.fork(int(s["n"]))
    forks += lm.gen("x", max_tokens=4)
    forks.join()
    s += str(len(s["x"]))
    s += lm.gen("end", max_tokens=3)
    return s["x"]


def fork_in_branch(s):
    s += lm.select("hard", ["yes", "no"])
    if s["hard"] == "yes":
        forks = s.fork(2)
        forks += lm.gen("idea", max_tokens=4)
        forks.join()
        s += s["idea"][0] + s["idea"][1]
    else:
        s += lm.gen("idea", max_tokens=4)
    s += lm.gen("end", max_tokens=3)


def fork_in_loop(s, rounds):
    for r in range(rounds):
        forks = s.fork(2)
        forks += f"r{r}: "
        forks += lm.gen("x", regex="[a-z]{2}")
        forks.join()
        best = max(s["x"])
        s += best
    s += lm.gen("end", max_tokens=3)
    return s.text()


def forks_with_loops_inside(s):
    forks = s.fork(2)
    for f in forks:
        for i in range(2):
            f += lm.gen(f"w{i}", regex="[a-c]")
            if f[f"w{i}"] == "a":
                break
    forks.join()
    return [name in s for name in ("w0", "w1")]


def vote(s, question):
    s += question
    forks = s.fork(5)
    forks += lm.gen("answer", regex="[AB]")
    answers = [f["answer"] for f in forks]
    winner = max(sorted(set(answers)), key=answers.count)
    s += f" -> {winner}"
    s += lm.gen("because", max_tokens=4)
    return winner, answers


def tree_of_thought(s, width, depth):
    leaves = [s.fork(1)[0]]
    for level in range(depth):
        children = []
        for leaf in leaves:
            forks = leaf.fork(width)
            forks += f"L{level} "
            forks += lm.gen("thought", max_tokens=4)
            children.extend(forks)
        leaves = children
    return [leaf.text() for leaf in leaves]


def slice_of_forks(s):
    forks = s.fork(4)
    forks += lm.gen("x", max_tokens=3)
    return [f["x"] for f in forks[1:3]] + [forks[-1]["x"]] + [len(forks)]


CASES = [
    Case(sampled_forks_differ),
    Case(expand_tips, ({"topic": "sleep", "n": 2}, {"topic": "", "n": 1})),
    Case(comprehension_over_forks),
    Case(gather_overwrites),
    Case(ragged_names),
    Case(ragged_by_branch),
    Case(inherited_names_are_not_gathered),
    Case(concatenate, ({"documents": ["one", "two", "three"]}, {"documents": ["x"]})),
    Case(list_appended_to_forks),
    Case(fork_of_fork),
    Case(fork_readable_after_join),
    Case(forks_without_join),
    Case(unused_fork),
    Case(fork_moves_lineage),
    Case(copied),
    Case(copy_without_with),
    Case(fork_count_generated),
    Case(fork_in_branch),
    Case(fork_in_loop, ({"rounds": 2},)),
    Case(forks_with_loops_inside),
    Case(vote, ({"question": "A or B?"},)),
    Case(tree_of_thought, ({"width": 2, "depth": 2},)),
    Case(slice_of_forks),
]
