"""Names of the user's that capture has words of its own for: a variable may be called anything."""

from __future__ import annotations

import lmc as lm
from tests.oracle.programs.case import Case

TEXTS = ({"x": ["ab", "cd", "e", "f"]}, {"x": []})


def used_in_a_branch(s, x):
    used = 0
    used += len(x)
    if used > 3:
        used += len(x)
    return used


def used_in_a_loop(s, x):
    used = 0
    for text in x:
        if used > 3:
            break
        used += len(text)
    return used


def stale_while(s):
    stale = 0
    while stale < 3:
        s += lm.gen("a", regex="[0-9]")
        stale += int(s["a"])
    return stale


def frozen_in_a_try(s):
    frozen = None
    try:
        s += lm.gen("a", regex="[0-9a]")
        frozen = int(s["a"])
        frozen += int(s["a"] + "b")
    except ValueError:
        return frozen
    return frozen


class Box:
    def __init__(self):
        self.resized = self.shown = 0


def attributes_of_an_object(s, x):
    box = Box()
    s += lm.gen("a", regex="[0-9]")
    if s["a"] > "4":
        box.resized = s["a"]
    for text in x:
        box.shown = str(box.shown) + text
    return box.resized, box.shown


def shown_is_a_list(s):
    shown, scrambled = [], []
    s += lm.gen("a", regex="[0-9]")
    if s["a"] > "4":
        shown.append(1)
    for letter in s["a"]:
        shown.append(letter)
        scrambled = shown
    return shown, scrambled


def value_and_content(s, x):
    value, content, it = 0, "", None
    for text in x:
        s += text + lm.gen("a", regex="[0-9]")
        if s["a"] > "4":
            value, it = value + 1, text
        content += s["a"]
    return value, content, it


CASES = [
    *(Case(fn, TEXTS) for fn in (used_in_a_branch, used_in_a_loop, attributes_of_an_object, value_and_content)),
    *(Case(fn) for fn in (stale_while, frozen_in_a_try, shown_is_a_list)),
]
