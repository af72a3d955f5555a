"""Bound methods of lists and texts given to Python, which may call them at any time; and folds over what is known."""

from __future__ import annotations

import bisect
import contextlib
import functools
import threading

import lmc as lm
from tests.oracle.programs.case import Case

HANDLERS = []


def reset():
    HANDLERS.clear()


def register(fn):
    HANDLERS.append(fn)


def fire(x):
    for handler in HANDLERS:
        handler(x)


def called_later(s):
    seen, other = [], {"a": 1}
    register(seen.append)
    register(lambda x: other.update({x: len(seen)}))
    s += lm.gen("x", regex="[a-z]")
    seen.append("own")
    fire(s["x"])
    before = list(seen)
    fire("second")
    return before, seen, len(seen), other


def given_inside_a_branch(s):
    seen = ["first"]
    alias = seen
    s += lm.gen("x", regex="[ab]")
    if s["x"] == "a":
        register(seen.append)
    fire("more")
    alias.append("last")
    return seen, alias is seen


def closed_in_order(s, names):
    trail = []
    with contextlib.ExitStack() as stack:
        for name in names:
            stack.callback(trail.append, f"closed {name}")
            s += name + lm.gen("x", regex="[a-z]")
        trail.append("body")
    return trail


def in_a_thread(s):
    out = []
    s += lm.gen("x", regex="[0-9]")
    thread = threading.Thread(target=out.append, args=(s["x"],))
    thread.start()
    thread.join()
    return out, len(out)


def method_of_a_text(s):
    s += lm.gen("x", regex="[a-z]{3}")
    register(s["x"].upper)
    return [handler() for handler in HANDLERS]


def in_a_list_that_is_given(s):
    seen = []
    hooks = [seen.append, seen.insert]
    register(hooks[0])
    fire(1)
    hooks[1](0, 2)
    return seen


def states_stay(s):
    forks = [s.fork(1)[0]]
    register(forks.append)
    return len(forks)


def folded_states(s, turns):
    def say(state, turn):
        state += f"{turn}: " + lm.gen("r", regex="[0-9]")
        return state

    last = functools.reduce(say, turns, s.fork(1)[0])
    return last.text(), functools.reduce(lambda a, b: a + b, map(len, turns), 0)


def folded_sets(s, tags):
    both = functools.reduce(set.union, map(set, tags), set())
    s += ", ".join(sorted(both))
    return sorted(functools.reduce(set.intersection, map(set, tags))), sorted(both)


def folded_nothing(s, tags):
    try:
        return functools.reduce(lambda a, b: a + b, tags)
    except TypeError as error:
        return str(error)


def fold_changes_its_list(s):
    xs = [1, 2, 3]

    def grow(a, b):
        if len(xs) < 6:
            xs.append(a)
        return a + b

    return functools.reduce(grow, xs), xs


def fold_of_the_run(s):
    s += lm.gen("n", regex="[1-3]{2}")
    return functools.reduce(lambda a, b: a + int(b), s["n"], 0), functools.reduce(lambda a, b: b + a, list(s["n"]))


def fold_fails(s, xs):
    seen = []

    def step(a, b):
        seen.append(b)
        if b == 2:
            raise ValueError(f"no {b}")
        return a + b

    try:
        functools.reduce(step, xs)
    except ValueError as error:
        return str(error), seen
    return seen


def sums_of_known_tables(s):
    weights = {"a": 2, "b": 1}
    s += lm.gen("n", regex="[1-9]")
    weights["a"] = int(s["n"])
    return sum(weights.values()), sorted(weights.items()), max(weights.values()), len(weights.keys())


SCALE = {"low": 1, "high": 3}


def constant_table(s):
    forks = s.fork(len(SCALE))
    for f, (name, weight) in zip(forks, SCALE.items()):
        f += f"{name} {weight}: " + lm.gen("v", regex="[0-9]")
    total = sum(SCALE.values())
    return [f["v"] for f in forks], total, min(SCALE.values()), sorted(SCALE.keys())


def backwards(s):
    forks = s.fork(3)
    for i, f in enumerate(forks):
        f += f"{i}" + lm.gen("v", regex="[0-9]")
    s += lm.gen("i", regex="[0-2]")
    forks[int(s["i"])] += "picked"
    seen = [f["v"] for f in reversed(forks)]
    for i, g in enumerate(reversed(forks)):
        g += f"<{i}>"
    return seen, [h.text() for h in forks]


def buckets(s, limits):
    counts = [0] * (len(limits) + 1)
    for _ in range(3):
        s += lm.gen("n", regex="[0-9]")
        counts[bisect.bisect(limits, int(s["n"]))] += 1
    return counts, bisect.bisect_left(limits, 3)


def appended_by_name(s):
    forks = s.fork(2)
    same = [f.__iadd__(f"{i}" + lm.gen("v", regex="[0-9]")) is f for i, f in enumerate(forks)]
    return same, [f.text() for f in forks]


CASES = [
    *(Case(fn, reset=reset) for fn in (called_later, given_inside_a_branch, method_of_a_text, in_a_list_that_is_given)),
    Case(states_stay, reset=reset, expects="break"),
    Case(closed_in_order, ({"names": ["a", "b"]}, {"names": []})),
    Case(in_a_thread),
    Case(folded_states, ({"turns": ["x", "yy"]}, {"turns": []}), needs_structure=True),
    Case(folded_sets, ({"tags": [["a", "b"], ["b"]]},), needs_structure=True),
    Case(folded_nothing, ({"tags": []}, {"tags": ["a", "b"]}), needs_structure=True),
    Case(fold_changes_its_list, expects="either"),
    Case(fold_of_the_run),
    Case(fold_fails, ({"xs": [1, 2, 3]}, {"xs": [1, 1]}), expects="either"),
    *(Case(fn) for fn in (sums_of_known_tables, constant_table, backwards, appended_by_name)),
    Case(buckets, ({"limits": [2, 5, 8]},)),
]
