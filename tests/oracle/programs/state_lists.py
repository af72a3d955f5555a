"""Lists of states: index by constant and by generated number, zip, enumerate, argmax, sorting, beams."""

from __future__ import annotations

import lmc as lm
from tests.oracle.programs.case import Case


def generated_index(s):
    forks = s.fork(3)
    forks += lambda i: f"door {i} "
    forks += lm.gen("prize", max_tokens=4)
    s += lm.gen("door", regex="[0-2]")
    chosen = forks[int(s["door"])]
    chosen += "opened "
    chosen += lm.gen("inside", max_tokens=3)
    s += chosen["prize"] + chosen["inside"]
    return chosen.text(), [f.text() for f in forks]


def generated_index_alone(s):
    """Only the chosen state is read after it was changed."""
    forks = s.fork(3)
    forks += lambda i: f"door {i} "
    forks += lm.gen("prize", max_tokens=4)
    s += lm.gen("door", regex="[0-2]")
    chosen = forks[int(s["door"])]
    chosen += "opened "
    chosen += lm.gen("inside", max_tokens=3)
    s += chosen["prize"] + chosen["inside"]
    return chosen.text()


def best_by_key_alone(s):
    forks = s.fork(3)
    forks += lm.gen("score", regex="[0-9]{2}")
    best = max(forks, key=lambda f: int(f["score"]))
    best += "best"
    best += lm.gen("x", max_tokens=3)
    s += best["score"] + best["x"]
    return best.text()


def argmax_by_loop(s):
    forks = s.fork(3)
    forks += lm.gen("plan", max_tokens=4)
    forks += " score: "
    forks += lm.gen("score", regex="[0-9]")
    best = None
    for f in forks:
        if best is None or int(f["score"]) > int(best["score"]):
            best = f
    best += " winner "
    best += lm.gen("end", max_tokens=3)
    return best.text()


def argmax_by_index(s):
    forks = s.fork(3)
    forks += lm.gen("score", regex="[0-9]")
    best = 0
    for i in range(1, len(forks)):
        if forks[i]["score"] > forks[best]["score"]:
            best = i
    s += forks[best].text() + str(best)
    s += lm.gen("end", max_tokens=3)
    return best


def max_with_key(s):
    forks = s.fork(3)
    forks += lm.gen("score", regex="[0-9]{2}")
    best = max(forks, key=lambda f: int(f["score"]))
    worst = min(forks, key=lambda f: int(f["score"]))
    best += "best"
    best += lm.gen("x", max_tokens=3)
    return best.text(), worst["score"]


def sorted_with_key(s):
    forks = s.fork(4)
    forks += lm.gen("score", regex="[0-9]")
    ranked = sorted(forks, key=lambda f: int(f["score"]), reverse=True)
    kept = ranked[:2]
    for rank, f in enumerate(kept):
        f += f" rank {rank} "
        f += lm.gen("more", max_tokens=3)
    return [f["score"] for f in ranked], [f.text() for f in kept]


def beam_search(s, steps, beam):
    states = list(s.fork(beam))
    for _ in range(steps):
        grown = []
        for state in states:
            for f in state.fork(2):
                f += lm.gen("step", regex="[a-z]{2}")
                f += lm.gen("score", regex="[0-9]")
                grown.append(f)
        states = sorted(grown, key=lambda f: f["score"])[:beam]
    s += states[0].text()
    s += lm.gen("answer", max_tokens=4)
    return [f["step"] for f in states]


def zip_of_forks(s, openers):
    forks = s.fork(len(openers))
    for f, opener in zip(forks, openers):
        f += opener
        f += lm.gen("x", max_tokens=3)
    left = s.fork(2)
    right = s.fork(2)
    for a, b in zip(left, right):
        a += lm.gen("y", max_tokens=3)
        b += a["y"] + "!"
        b += lm.gen("z", max_tokens=3)
    return [f["x"] for f in forks], [b.text() for b in right]


def appended_list(s):
    kept = []
    for i in range(3):
        f = s.fork(1)[0]
        f += f"{i} "
        f += lm.select("keep", ["y", "n"])
        if f["keep"] == "y":
            kept.append(f)
    s += f"{len(kept)} kept "
    for f in kept:
        f += lm.gen("more", max_tokens=3)
        s += f["more"]
    s += lm.gen("end", max_tokens=3)
    return len(kept)


def filtered_by_comprehension(s):
    forks = s.fork(4)
    forks += lm.gen("score", regex="[0-9]")
    good = [f for f in forks if int(f["score"]) >= 5]
    s += f"{len(good)} good"
    if good:
        s += good[0]["score"]
        good[0] += "first"
    s += lm.gen("end", max_tokens=3)
    return [f.text() for f in good], forks[0].text()


def states_in_tuple_and_dict(s):
    pair = (s.fork(1)[0], s.fork(1)[0])
    named = {"a": pair[0], "b": pair[1]}
    for name, f in named.items():
        f += name
        f += lm.gen("x", max_tokens=3)
    first, second = pair
    first += second["x"]
    return named["a"].text(), pair[1]["x"]


def list_of_lists(s):
    rows = [list(s.fork(2)) for _ in range(2)]
    for i, row in enumerate(rows):
        for j, f in enumerate(row):
            f += f"{i}{j}"
            f += lm.gen("x", max_tokens=2)
    return [[f["x"] for f in row] for row in rows]


def replaced_element(s):
    states = list(s.fork(2))
    states[0] += "old "
    states[0] = s.fork(1)[0]
    states[0] += "new "
    for f in states:
        f += lm.gen("x", max_tokens=3)
    return [f.text() for f in states]


def any_and_all(s):
    forks = s.fork(3)
    forks += lm.gen("d", regex="[0-9]")
    some = any(int(f["d"]) > 7 for f in forks)
    every = all(f["d"] > "0" for f in forks)
    total = sum(int(f["d"]) for f in forks)
    s += f"{some} {every} {total}"
    s += lm.gen("end", max_tokens=3)
    return some, every, total


def next_match(s):
    forks = s.fork(3)
    forks += lm.gen("d", regex="[0-9]")
    found = next((f["d"] for f in forks if f["d"] > "4"), "none")
    s += found
    s += lm.gen("end", max_tokens=3)
    return found


def generated_index_out_of_range(s):
    forks = s.fork(2)
    forks += lm.gen("x", max_tokens=3)
    s += lm.gen("i", regex="[0-3]")
    return forks[int(s["i"])]["x"]


def pop_of_states(s):
    """Depth-first search with a stack of states."""
    stack = [s.fork(1)[0]]
    visited = 0
    while stack and visited < 5:
        f = stack.pop()
        f += lm.gen("n", regex="[0-2]")
        visited += 1
        for child in f.fork(int(f["n"])):
            child += "."
            stack.append(child)
    return visited, len(stack)


def grown_until_enough(s):
    """A list of states whose length is known only at run time."""
    states = []
    while len(states) < 4:
        f = s.fork(1)[0]
        f += lm.gen("x", regex="[a-d]")
        if f["x"] == "d":
            break
        states.append(f)
    s += f"{len(states)}:"
    for i, f in enumerate(states):
        s += f"{i}{f['x']}"
    s += lm.gen("end", max_tokens=3)


def returned_states(s):
    forks = s.fork(2)
    forks += lm.gen("x", max_tokens=3)
    return forks[1], [forks[0]]


CASES = [
    Case(generated_index),
    Case(generated_index_alone),
    Case(best_by_key_alone),
    Case(argmax_by_loop),
    Case(argmax_by_index),
    Case(max_with_key),
    Case(sorted_with_key),
    Case(beam_search, ({"steps": 2, "beam": 2},)),
    Case(zip_of_forks, ({"openers": ["a ", "b "]},)),
    Case(appended_list),
    Case(filtered_by_comprehension, expects="either"),
    Case(states_in_tuple_and_dict),
    Case(list_of_lists),
    Case(replaced_element),
    Case(any_and_all),
    Case(next_match),
    Case(generated_index_out_of_range),
    Case(pop_of_states, expects="either"),
    Case(grown_until_enough),
    Case(returned_states),
]
