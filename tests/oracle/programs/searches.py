"""next, any and all over generator expressions: they end with the first item that settles them, all loops of it."""

from __future__ import annotations

import lmc as lm
from tests.oracle.programs.case import Case

LOG: list[object] = []
LISTS = ({"xs": ["a", "b"]}, {"xs": ["b"]}, {"xs": []}, {"xs": ["a"] * 70 + ["b"]})


def note(x):
    LOG.append(x)
    return x


def through_two_loops(s):
    s += lm.gen("x", regex="[1-4]")
    pair = next((x + s["x"] for r in ["ab", "cd"] for x in r), None)
    return pair, any(x == "b" for r in ["ab", "cd"] for x in r), all(x == "c" for r in ["ab", s["x"]] for x in r)


def no_step_too_many(s):
    s += lm.gen("x", regex="[1-4]{2} [1-4]{2}")
    rows = s["x"].split()
    hit = next((note(x) for r in rows for x in r if note(x) > "2"), "none")
    some = any(note(x) == "1" for r in rows if r != "11" for x in r)
    every = all(note(x) != "4" for r in rows for x in r for _ in r)
    return hit, some, every, next((r + y for r in rows for x in r for y in r if x == y == "3"), None)


def without_a_default(s, xs):
    s += lm.gen("x", regex="[ab]")
    try:
        hit = next(note(x) for x in xs if x == s["x"])
        s += f"found {hit}" + lm.gen("y", regex="[a-c]")
        return hit
    except StopIteration as error:
        return "none", error.value


def that_fails(s, xs):
    s += "x" + lm.gen("x", regex="[ab]")
    note("before")
    out = next(x for x in xs if x == "b")
    note("after")
    return out


CASES = [
    Case(through_two_loops),
    Case(no_step_too_many, log=LOG),
    Case(without_a_default, LISTS, log=LOG),
    Case(that_fails, LISTS, log=LOG),
]
