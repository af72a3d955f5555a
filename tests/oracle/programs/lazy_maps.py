"""Loops over map, filter, enumerate and strict zip: a step does what it does in its turn, be it an exception."""

from __future__ import annotations

import types
from pathlib import PurePosixPath

import lmc as lm
from tests.oracle.programs.case import Case

LOG: list[object] = []
LISTS = ({"xs": ["a", "", "b c"]}, {"xs": []}, {"xs": ["x", 1, "y"]}, {"xs": ["a"] * 70})


def a_step_that_fails(s):
    s += lm.gen("a", regex="[1-3] [1-3]")
    out = []
    try:
        for n in map(int, [*s["a"].split(), "x", "4"]):
            out.append(n)
    except ValueError:
        out.append("bad")
    try:
        for i, n in enumerate(map(int, ["1", s["a"], "2"]), 5):
            out.append((i, n))
    except ValueError:
        out.append("bad")
    return out


def methods_by_their_class(s, xs):
    out = []
    try:
        for name in map(str.title, xs):
            if name in out:
                continue
            s += name + lm.gen("a", regex="[ab]")
            out.append(name)
            if s["a"] == "b" and len(out) > 2:
                break
        else:
            out.append("else")
    except TypeError as error:
        out.append(str(error))
    return out


def strict_pairs(s, xs):
    s += lm.gen("a", regex="[a-c]{2,3}")
    out = []
    try:
        for a, b in zip(xs, s["a"], strict=True):
            out.append((a, b))
            LOG.append(a)
        out.append(dict(zip("abc", list(s["a"]), strict=True)))
    except ValueError as error:
        out.append(str(error))
    return out


def strict_forks(s, xs):
    forks = s.fork(len(xs))
    for f, x in zip(forks, xs, strict=True):
        f += f"{x}: " + lm.gen("a", regex="[a-c]")
    return [f["a"] for f in forks]


def filtered_parts(s):
    s += lm.gen("a", regex="[1-3] [1-3]")
    out = []
    for n in filter(None, (LOG.append(p) or p.strip() for p in s["a"].split("2"))):
        f = s.fork(1)[0]
        f += n + lm.gen("b", regex="[a-c]")
        LOG.append(f["b"])
        if f["b"] == "b":
            continue
        out.append(f["b"] + n)
    return out


def functions_in_functions(s, xs):
    seen, pair = [], lambda x: (x, len(str(x)))
    for i, (x, n) in enumerate(map(pair, filter(lambda x: seen.append(x) or x, xs))):
        for j, up in enumerate(map(str.upper, str(x)), 2):
            seen.append((i, j, up))
            if up == "B":
                break
        s += str(n)
        if i > 3:
            break
    return seen, [n + "x" for n in map(str, xs)], {k: v for k, v in enumerate(map(type, xs)) if v is str}


def classes_of_python(s):
    s += lm.gen("a", regex="[a-c]")
    by_suffix = {}
    for path in map(PurePosixPath, ["x.py", s["a"] + ".md", "y.py"]):
        by_suffix.setdefault(path.suffix, []).append(path.stem)
    return by_suffix


def changed_by_the_body(s):
    s += lm.gen("a", regex="[a-c]{2}")
    out, xs = [], list(s["a"])
    for n in map(str.upper, xs):
        if len(xs) < 5:
            xs.append(n)
        out.append(n)
    return out


def the_rest_of_a_map(s, xs):
    it = map(str, xs)
    out = []
    for x in it:
        out.append(x)
        break
    return out, list(it)


def united(s, xs):
    s += lm.gen("a", regex="[a-c]{2}")
    every = set.union(*map(set, [s["a"], "b", *filter(str.strip, map(str, xs))]))
    both = set.intersection(set(s["a"]), every)
    return sorted(every), both <= every, s["a"][0] in both, len(every - both), str.upper(s["a"])


def variables_of_a_namespace(s):
    n = types.SimpleNamespace(a=1, b=[2])
    s += lm.gen("x", regex="[a-c]")
    n.a = s["x"]
    held = vars(n)
    held["z"] = 3
    n.b.append(held["a"])
    return held, n.z, sorted(vars(n)), vars(n)["b"] is n.b


class Box:
    def __init__(self, x):
        self.x, self.y = x, [1]


def variables_of_an_object(s):
    s += lm.gen("x", regex="[a-c]")
    box = Box(s["x"])
    held = vars(box)
    held["z"] = box.y
    box.x += "!"
    return held, box.z is box.y


CASES = [
    *(Case(fn) for fn in (a_step_that_fails, classes_of_python, variables_of_a_namespace, variables_of_an_object)),
    Case(methods_by_their_class, LISTS),
    Case(functions_in_functions, LISTS),
    Case(strict_pairs, ({"xs": [1, 2]}, {"xs": [1, 2, 3]}, {"xs": []}), log=LOG),
    Case(strict_forks, ({"xs": ["a", "b"]}, {"xs": []}), needs_structure=True),
    Case(filtered_parts, log=LOG),
    Case(changed_by_the_body, expects="either"),
    Case(the_rest_of_a_map, LISTS, expects="either"),
    Case(united, LISTS, expects="either"),
]
