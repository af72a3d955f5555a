"""Containers that hold themselves, directly or through others."""

from __future__ import annotations

import lmc as lm
from tests.oracle.programs.case import Case


def list_in_itself(s):
    s += lm.gen("x", regex="[a-c]{3}")
    xs = list(s["x"])
    xs.append(xs)
    return len(xs), len(xs[3]), xs[3] is xs


def dict_in_itself(s):
    s += lm.gen("x", regex="[a-c]")
    d = {}
    d["me"] = d
    d["x"] = s["x"]
    return d["me"]["me"]["x"], d == d["me"]


def through_another(s):
    s += lm.gen("x", regex="[a-c]")
    a = [s["x"]]
    b = {"a": a}
    a.append(b)
    b["n"] = 1
    s += str(b)
    return a[1]["n"], a[1]["a"] is a


def through_a_tuple(s):
    a = [0]
    s += lm.gen("x", regex="[a-c]")
    a[0] = (a, s["x"])
    return a[0][0][0][1]


def in_an_arm(s):
    a = [1]
    s += lm.gen("x", regex="[ab]")
    if s["x"] == "a":
        a.append(a)
    return len(a), isinstance(a[-1], list)


def in_a_loop(s):
    xs = []
    s += lm.gen("x", regex="[a-c]{3}")
    for letter in s["x"]:
        xs.append(xs)
        xs.append(letter)
    print(xs)
    return len(xs), xs[0] is xs


def parents(s):
    s += lm.gen("x", regex="[a-c]{3}")
    root = {"kids": []}
    for letter in s["x"]:
        root["kids"].append({"name": letter, "up": root})
    return [kid["up"]["kids"][0]["name"] + kid["name"] for kid in root["kids"]]


def by_methods(s):
    s += lm.gen("x", regex="[a-c]")
    d, xs = {}, [s["x"]]
    d.setdefault("k", d)
    d.update(z=d)
    xs.extend([xs, d])
    return d["z"]["k"]["z"] is d, xs[1][2]["z"] is d


class Node:
    def __init__(self, up):
        self.up, self.kids = up, []
        if up is not None:
            up.kids.append(self)


def objects(s):
    s += lm.gen("x", regex="[a-c]")
    top = Node(None)
    kid = Node(top)
    kid.x = s["x"]
    return top.kids[0].up.kids[0].x


def keeps(items, **more):
    items.append(more)
    return len(items)


def by_a_call(s):
    xs = []
    s += lm.gen("x", regex="[a-c]")
    keeps(xs, x=s["x"], xs=xs)
    return xs[0]["xs"] is xs, xs[0]["x"]


CASES = [
    Case(fn)
    for fn in (
        list_in_itself, dict_in_itself, through_another, through_a_tuple, in_an_arm, in_a_loop, parents, by_methods,
        objects, by_a_call,
    )
]  # fmt: skip
