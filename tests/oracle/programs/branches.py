"""if, elif, else, conditional expressions, and/or/not, chained comparison: over generated values and arguments."""

from __future__ import annotations

import lmc as lm
from tests.oracle.programs.case import Case


def if_else(s):
    s += "easy?"
    s += lm.select("easy", ["yes", "no"])
    if s["easy"] == "yes":
        s += " so:"
        s += lm.gen("answer", max_tokens=6)
    else:
        s += " think:"
        s += lm.gen("thought", max_tokens=10)
        s += lm.gen("answer", max_tokens=6)
    s += " done " + s["answer"]


def if_without_else(s, extra):
    s += lm.select("x", ["a", "b"])
    if s["x"] == "a":
        s += extra
        s += lm.gen("y", max_tokens=4)
    s += "end"
    s += lm.gen("z", max_tokens=4)


def elif_chain(s):
    s += "pick "
    s += lm.select("tool", ["search", "calculate", "finish", "none"])
    if s["tool"] == "search":
        s += " query: " + lm.gen("query", max_tokens=8)
    elif s["tool"] == "calculate":
        s += " expr: " + lm.gen("expr", regex=r"[0-9]\+[0-9]")
        a, b = s["expr"].split("+")
        s += f"={int(a) + int(b)}"
    elif s["tool"] == "finish":
        return "finished"
    else:
        s["none"] = True
    s += lm.gen("end", max_tokens=3)
    return s["tool"]


def ternaries(s, flag):
    s += lm.gen("d", regex="[0-9]")
    d = int(s["d"])
    kind = "low" if d < 3 else "mid" if d < 7 else "high"
    s += f" {kind}"
    s += lm.gen("x", max_tokens=5) if flag else "nothing"
    return kind


def and_or_values(s, fallback):
    """`and` and `or` give one of their operands, not a bool."""
    s += lm.gen("x", regex="[ab]{0,2}")
    x = s["x"] or fallback
    y = s["x"] and s["x"][0]
    z = s["x"].strip("a") and "rest" or "none"  # noqa: RUF021
    s += f" {x}|{y}|{z}"
    s += lm.gen("end", max_tokens=3)
    return x, y, z


def short_circuit(s):
    """The right operand is not evaluated where the left one decides."""
    s += lm.gen("x", regex="[0-9]{0,1}")
    if s["x"] and int(s["x"]) > 4:
        s += "big"
    if not s["x"] or 10 // (int(s["x"]) + 1) > 2:
        s += "small or none"
    s += lm.gen("end", max_tokens=3)


def not_in_and_chained(s, lo, hi):
    s += lm.gen("d", regex="[0-9]")
    d = int(s["d"])
    inside = lo < d <= hi
    if inside and "5" not in s["d"]:
        s += "inside"
    elif not inside != (d == 5):  # noqa: SIM202
        s += "outside or five"
    s += lm.gen("end", max_tokens=3)
    return inside, lo <= d < hi <= 9


def nested_ifs(s):
    s += lm.select("a", ["0", "1"])
    s += lm.select("b", ["0", "1"])
    if s["a"] == "1":
        if s["b"] == "1":
            word = "both"
        else:
            word = "a"
            s += "(only a)"
    elif s["b"] == "1":
        word = "b"
    else:
        word = "neither"
        s += lm.gen("why", max_tokens=4)
    s += word
    s += lm.gen("end", max_tokens=3)


def on_argument(s, lang):
    if lang == "de":
        s += "Hallo "
    elif lang in ("fr", "it"):
        s += "Salut "
    else:
        s += "Hello "
    s += lm.gen("name", max_tokens=5)
    if len(lang) > 2:
        s += "?"


def truthiness_of_arguments(s, items, text, number):
    if items:
        s += f"{len(items)} items"
    if not text:
        s += "no text"
    if number:
        s += f"number {number}"
    s += lm.gen("x", max_tokens=3)


def names_set_in_one_arm(s):
    s += lm.select("which", ["a", "b"])
    if s["which"] == "a":
        s["only_a"] = 1
        s += lm.gen("extra", max_tokens=3)
    return "only_a" in s, "extra" in s, "which" in s


def states_differ_after_branch(s):
    """After the branch the prompt differs, and so do the random numbers of later calls."""
    s += lm.select("which", ["a", "b"])
    if s["which"] == "a":
        s += lm.gen("one", max_tokens=2)
        s += lm.gen("two", max_tokens=2)
    s += "|"
    s += lm.gen("end", max_tokens=8)
    f = s.fork(2)
    f += lm.gen("child", max_tokens=4)
    f.join()


def same_definition_in_both_arms(s):
    s += lm.select("which", ["a", "b"])
    if s["which"] == "a":
        s += lm.gen("v", max_tokens=3)
    else:
        s += "other "
        s += lm.gen("v", max_tokens=4)
    return s["v"] + s["which"]


def membership_of_names(s):
    s += lm.select("which", ["a", "b"])
    if s["which"] == "b":
        s += lm.gen("hint", max_tokens=3)
    if "hint" in s:
        s += " hint: " + s["hint"]
    s += lm.gen("end", max_tokens=3)


def expression_picked_by_generation(s):
    s += lm.select("which", ["a", "b"])
    e = lm.gen("x", max_tokens=3) if s["which"] == "a" else lm.gen("y", max_tokens=5)
    s += e


def appended_conditional_expression(s):
    s += lm.select("which", ["a", "b"])
    s += "short" if s["which"] == "a" else f"long {s['which']}"
    s += lm.gen("x", max_tokens=3)


def is_and_none(s):
    s += lm.select("which", ["a", "b"])
    found = None
    if s["which"] == "a":
        found = s["which"]
    if found is None:
        s += "nothing"
    if found is not None and found != "z":
        s += found
    s += lm.gen("x", max_tokens=3)
    return found


CASES = [
    Case(if_else),
    Case(if_without_else, ({"extra": "!"},)),
    Case(elif_chain),
    Case(ternaries, ({"flag": True}, {"flag": False})),
    Case(and_or_values, ({"fallback": "f"}, {"fallback": ""})),
    Case(short_circuit),
    Case(not_in_and_chained, ({"lo": 2, "hi": 6},)),
    Case(nested_ifs),
    Case(on_argument, ({"lang": "de"}, {"lang": "fr"}, {"lang": "eng"})),
    Case(
        truthiness_of_arguments,
        ({"items": [], "text": "", "number": 0}, {"items": [1], "text": "t", "number": 2.5}),
    ),
    Case(names_set_in_one_arm),
    Case(states_differ_after_branch),
    Case(same_definition_in_both_arms),
    Case(membership_of_names),
    Case(expression_picked_by_generation),
    Case(appended_conditional_expression),
    Case(is_and_none),
]
