"""Early returns: in branches, loops, nested loops, role blocks and helpers."""

from __future__ import annotations

import lmc as lm
from tests.oracle.programs.case import Case


def return_in_branch(s):
    s += lm.select("ok", ["yes", "no"])
    if s["ok"] == "no":
        return "early"
    s += lm.gen("rest", max_tokens=5)
    return s["rest"]


def return_in_both(s):
    s += lm.select("ok", ["yes", "no"])
    if s["ok"] == "no":
        s += "sorry"
        return 1
    else:
        s += lm.gen("x", max_tokens=3)
        return 2


def return_in_loop(s, n):
    for i in range(n):
        s += f"{i}?"
        s += lm.select("stop", ["y", "n"])
        if s["stop"] == "y":
            return i
    s += lm.gen("exhausted", max_tokens=4)
    return None


def return_in_nested_loops(s):
    for i in range(3):
        for j in range(3):
            s += lm.gen("d", regex="[0-9]")
            if int(s["d"]) == i + j:
                return i, j
            if s["d"] > "7":
                break
        else:
            s += "|"
            continue
        s += "/"
    return "no match"


def return_in_nested_loops_without_else(s):
    for i in range(3):
        s += "|"
        for j in range(3):
            s += lm.gen("d", regex="[0-5]")
            if int(s["d"]) == i + j:
                s += "hit"
                return i, j
    s += lm.gen("miss", max_tokens=3)
    return "no match"


def return_in_role_block(s, question):
    """The turn is closed before the program returns."""
    s += lm.user(question)
    with s.assistant():
        s += lm.select("ok", ["yes", "no"])
        if s["ok"] == "yes":
            return "inside"
        s += lm.gen("why", max_tokens=5)
    s += lm.user("and?")
    return "outside"


def return_in_loop_in_role_block(s):
    with s.user():
        for i in range(4):
            s += lm.gen("d", regex="[0-9]")
            if s["d"] < "3":
                return i
    with s.assistant():
        s += lm.gen("x", max_tokens=4)
    return s.messages()


def break_out_of_role_block(s):
    for i in range(3):
        with s.user():
            s += f"turn {i}"
            s += lm.select("end", ["y", "n"])
            if s["end"] == "y":
                break
        with s.assistant():
            s += lm.gen("a", max_tokens=3)
    return s.messages()


def return_over_forks(s):
    """The first fork that says yes ends the program."""
    forks = s.fork(2)
    forks += lambda i: f"path {i}: "
    forks += lm.select("ok", ["yes", "no"])
    for i, f in enumerate(forks):
        if f["ok"] == "yes":
            s += f"took {i}"
            s += lm.gen("end", max_tokens=3)
            return i
    return -1


def while_true_return(s):
    num = 0
    while True:
        s += lm.select("x", ["a", "b", "c"])
        num += 1
        if s["x"] == "c" or num >= 6:
            return num
        if s["x"] == "b":
            continue
        s += "-"


def code_after_return_in_arm(s):
    s += lm.gen("d", regex="[0-9]")
    d = int(s["d"])
    if d < 3:
        label = "low"
    elif d < 6:
        return "middle"
    else:
        label = "high"
        if d == 9:
            return "nine"
    s += label
    s += lm.gen("end", max_tokens=3)
    return label


def bare_return(s):
    s += lm.select("ok", ["yes", "no"])
    if s["ok"] == "no":
        return
    s += lm.gen("x", max_tokens=3)


def raise_in_branch(s):
    s += lm.select("ok", ["yes", "no"])
    if s["ok"] == "no":
        raise ValueError("the answer is no")
    s += lm.gen("x", max_tokens=3)
    return s["x"]


def raise_with_generated_text(s):
    s += lm.gen("d", regex="[0-9]")
    if int(s["d"]) > 5:
        raise RuntimeError(f"too big: {s['d']}", int(s["d"]))
    return "fine"


def assert_on_generated(s):
    s += lm.gen("d", regex="[0-9]")
    assert s["d"] != "3", f"three: {s['d']}"
    assert int(s["d"]) < 9
    s += lm.gen("x", max_tokens=3)


CASES = [
    Case(return_in_branch),
    Case(return_in_both),
    Case(return_in_loop, ({"n": 4}, {"n": 0})),
    Case(return_in_nested_loops),
    Case(return_in_nested_loops_without_else),
    Case(return_in_role_block, ({"question": "really?"},)),
    Case(return_in_loop_in_role_block),
    Case(break_out_of_role_block),
    Case(return_over_forks),
    Case(while_true_return),
    Case(code_after_return_in_arm),
    Case(bare_return),
    Case(raise_in_branch),
    Case(raise_with_generated_text),
    Case(assert_on_generated),
]
