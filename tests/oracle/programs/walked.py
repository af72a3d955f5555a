"""Lists, dicts and sets that are changed while they are walked over."""

from __future__ import annotations

import lmc as lm
from tests.oracle.programs.case import Case


def removes(s, xs):
    ys = list(xs)
    for y in ys:
        if y % 2:
            ys.remove(y)
    return ys, xs


def removes_by_the_run(s):
    ys = ["a", "b", "a", "c"]
    for y in ys:
        s += y + lm.gen("x", regex="[ab]")
        if s["x"] == "a":
            ys.remove(y)
        elif len(ys) < 6:
            ys.append(s["x"] + y)
    return ys


def removes_of_its_argument(s, xs):
    seen = []
    for x in xs:
        seen.append(x)
        s += f"{x}" + lm.gen("x", regex="[ab]")
        if s["x"] == "a":
            xs.remove(x)
    return seen, xs


def work_list(s):
    todo = ["a"]
    for task in todo:
        s += f"Split {task}: " + lm.gen("n", regex="[0-2]")
        for i in range(int(s["n"])):
            if len(todo) < 7:
                todo.append(f"{task}.{i}")
    return todo


def work_list_of_the_run(s):
    s += lm.gen("w", regex="[a-c]{2}")
    todo = list(s["w"])
    done = ""
    for task in todo:
        s += f"Split {task}: " + lm.gen("n", regex="[01]")
        if s["n"] == "1" and len(todo) < 7:
            todo.insert(0, task * 2)
        done += task
    return todo, done


def dict_grows(s):
    table = {"a": 1}
    try:
        for key in table:
            s += lm.gen("x", regex="[abc]")
            table[s["x"]] = key
    except RuntimeError as error:
        return str(error), table
    return table


def items_of_a_dict(s):
    table = {"a": 1, "b": 2}
    try:
        for key, value in table.items():
            s += f"{key}{value}" + lm.gen("x", regex="[ab]")
            if s["x"] == "a":
                del table[key]
            else:
                table[key] = 0
    except RuntimeError as error:
        return str(error), table
    return table


def copied_first(s):
    ys = ["a", "b", "c"]
    for y in list(ys):
        s += lm.gen("x", regex="[ab]")
        if s["x"] == "a":
            ys.remove(y)
    return ys


def pops_in_pairs(s):
    ys = ["a", "b", "c", "d"]
    out = []
    for i, y in enumerate(ys):
        s += lm.gen("x", regex="[ab]")
        if s["x"] == "a":
            ys.pop()
        out.append((i, y))
    return out, ys


def states_grow(s):
    forks = [s.fork(1)[0]]
    for f in forks:
        f += lm.gen("x", regex="[ab]")
        if f["x"] == "a" and len(forks) < 4:
            forks.append(s.fork(1)[0])
    return len(forks)


CASES = [
    Case(removes, ({"xs": [1, 2, 3, 4]}, {"xs": [1, 1, 2]}, {"xs": []})),
    Case(removes_by_the_run),
    Case(removes_of_its_argument, ({"xs": ["a", "b", "c"]},)),
    *(Case(fn) for fn in (work_list, work_list_of_the_run, dict_grows, items_of_a_dict, copied_first)),
    *(Case(fn, expects="either") for fn in (pops_in_pairs, states_grow)),
]
