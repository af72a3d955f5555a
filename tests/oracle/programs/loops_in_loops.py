"""A name that an inner loop binds, read behind it, behind both, or in the next turn of the outer one."""

from __future__ import annotations

import lmc as lm
from tests.oracle.programs.case import Case


def flags(s, rows):
    found, i = False, 0
    while not found and i < len(rows):
        for j, value in enumerate(rows[i]):  # noqa: B007
            s += f"is {value} it? " + lm.select("it", ["yes", "no"])
            if s["it"] == "yes":
                found = True
                break
        else:
            s += "next row\n"
        i += 1
    return found, i, j


def read_behind_the_inner_one(s):
    s += lm.gen("n", regex="[1-4]")
    for i in range(int(s["n"])):
        s += lm.gen("x", regex="[ab]{1,3}")
        for j, c in enumerate(s["x"].replace("a", "")):  # noqa: B007
            s += f"{c} "
        s += f"{i}"
        if i:
            s += f"<{j}>"
    return s.text()


def always_read(s):
    s += lm.gen("n", regex="[1-4]")
    for _ in range(int(s["n"])):
        s += lm.gen("x", regex="[ab]{1,3}")
        for c in s["x"].replace("a", ""):
            s += c
        s += c
    return c


def read_in_the_next_turn(s):
    last = "none"
    s += lm.gen("n", regex="[1-4]")
    for i in range(int(s["n"])):
        if i > 0:
            last = word  # noqa: F821
        s += lm.gen("x", regex="[ab]{1,3}")
        for word in s["x"].split("a"):
            s += word
    return last, word


def in_a_try(s, rows):
    for row in rows:
        s += lm.gen("n", regex="[0-3]")
        try:
            for k in range(int(s["n"])):
                s += f"{10 // (k - 1)}"
        except ZeroDivisionError:
            s += f"failed at {k}"
        s += f"{row} {k}"
    return k


def only_inside(s, rows):
    total = 0
    for row in rows:
        s += lm.gen("n", regex="[1-3]")
        for _ in range(int(s["n"])):
            for part in s["n"] + row:
                total += len(part)
    return total


CASES = [
    Case(flags, ({"rows": [[1, 2], [3, 4]]}, {"rows": [[1], []]}, {"rows": [[]]}, {"rows": []})),
    Case(read_behind_the_inner_one),
    *(Case(fn, expects="either") for fn in (always_read, read_in_the_next_turn)),
    Case(in_a_try, ({"rows": ["a", "b"]},), expects="either"),
    Case(only_inside, ({"rows": ["a", "bc"]},)),
]
