"""Programs that broke a prototype, or look as if they would: scopes, unset names, shadowing, order of evaluation."""

from __future__ import annotations

import lmc as lm
from tests.oracle.programs.case import Case

LOG: list[object] = []
len_ = len


def unset_in_one_arm(s):
    s += lm.select("x", ["a", "b"])
    if s["x"] == "a":
        word = "set"
    s += lm.gen("y", max_tokens=2)
    return word


def unset_but_never_read(s):
    s += lm.select("x", ["a", "b"])
    if s["x"] == "a":
        word = "set"
        s += word
    if s["x"] == "a":
        s += word
    s += lm.gen("y", max_tokens=2)


def deleted_name(s):
    word = "w"
    s += word
    s += lm.select("x", ["a", "b"])
    if s["x"] == "a":
        del word
    s += lm.gen("y", max_tokens=2)
    return word


def none_or_text(s):
    s += lm.select("x", ["a", "b"])
    found = None
    if s["x"] == "b":
        found = "b"
    s += f"{found}"
    return (found or "nothing") + "!", found


def int_or_text(s):
    s += lm.select("x", ["a", "b"])
    v = 1 if s["x"] == "a" else "one"
    s += f"{v}"
    return v * 2


def shadowed_builtin(s):
    len = 3
    s += lm.gen("x", max_tokens=len)
    str = s["x"]
    s += f"{str}{len}{len_(str)}"
    s += lm.gen("y", max_tokens=2)


def comprehension_scope(s):
    """A comprehension's variable is its own; the name outside keeps its value."""
    i = "outer"
    xs = [i for i in range(3)]  # noqa: C416
    s += f"{i} {xs}"
    s += lm.gen("x", regex="[ab]{2}")
    ys = [i + j for i in s["x"] for j in s["x"]]
    return i, ys, [[c for c in "ab"] for _ in range(2)]  # noqa: C416


def loop_rebinds_its_iterable(s):
    xs = ["a", "b"]
    for x in xs:
        s += x
        xs = [x + "!"]
    s += "".join(xs)
    s += lm.gen("y", max_tokens=2)
    return xs


def list_grown_while_iterated(s):
    xs = [1]
    for x in xs:
        if len(xs) < 4:
            xs.append(x + 1)
    s += f"{xs}"
    s += lm.gen("y", max_tokens=2)


def dict_order(s):
    d = {"b": 1}
    s += lm.gen("k", regex="[abc]")
    d[s["k"]] = 2
    d["a"] = 3
    s += "".join(f"{k}{v}" for k, v in d.items())
    s += lm.gen("y", max_tokens=2)
    return list(d), list(d.values())


def equal_but_distinct_literals(s, flag):
    """1, 1.0 and True are equal and are not the same text."""
    xs = [1, 1.0, True, 0, 0.0, False, -0.0]
    s += " ".join(str(x) for x in xs)
    y = 1 if flag else 1.0
    z = {1: "int", True: "bool"}  # noqa: F601
    s += f" {y} {z}"
    s += lm.gen("x", max_tokens=2)


def evaluation_order(s):
    def mark(x):
        LOG.append(x)
        return x

    s += lm.gen("x", regex="[ab]")
    a = mark(s["x"]) + mark("2") if mark("cond") else mark("never")
    b = [mark("i"), mark("j")][mark(0)]
    mark("obj").replace(mark("o"), mark(s["x"]))
    return a, b, mark("l") < mark("m") < mark("a") < mark("never"), not mark("")


def augmented_target_evaluated_once(s):
    counts = {"a": 0, "b": 0}

    def key():
        LOG.append("key")
        return s["k"]

    s += lm.gen("k", regex="[ab]")
    counts[key()] += 1
    counts[key()] += len(s["k"])
    s += f"{counts}"
    s += lm.gen("x", max_tokens=2)
    return counts


def chained_assignment(s):
    s += lm.gen("x", max_tokens=2)
    a = b = c = s["x"]
    first, *rest = d = [a, b, c]
    d.append("z")
    s += f"{first} {rest} {d}"
    s += lm.gen("y", max_tokens=2)


def text_that_looks_like_ir(s, text):
    s += '%s = append "x" ; {} {0} %d \\n \x00'
    s += text
    s += lm.gen("x", max_tokens=2)
    s += "\ud800"
    s += lm.gen("y", max_tokens=2)


def huge_numbers(s, n):
    s += f"{n} {n**20} {n / 3} {1e300 * n} {float('inf')} {n // -7} {n % -7}"
    s += lm.gen("x", max_tokens=2)
    return n**40, -(2**70)


def boolean_arithmetic(s):
    s += lm.gen("d", regex="[0-9]")
    big = int(s["d"]) > 4
    s += f"{big + 1} {big * 'yes'} {[False, True][big]} {'NY'[big]}"
    return sum([big, True]), big & True, ~int(big)


def while_with_two_exits(s):
    n = 0
    found = None
    while n < 5:
        s += lm.gen("c", regex="[a-e]")
        if s["c"] == "e":
            found = n
            break
        if s["c"] == "a":
            n += 2
            continue
        n += 1
    s += f"{n}{found}"
    s += lm.gen("y", max_tokens=2)
    return found, n


def branch_in_loop_rebinding_loop_variable(s):
    out = []
    for i in range(4):
        s += lm.select("skip", ["y", "n"])
        if s["skip"] == "y":
            i = i * 10
        out.append(i)
    s += str(out)
    s += lm.gen("y", max_tokens=2)
    return out


def many_arms_carry_many_names(s):
    a, b, c = 0, "b", None
    for _ in range(3):
        s += lm.gen("d", regex="[0-3]")
        if s["d"] == "0":
            a += 1
        elif s["d"] == "1":
            b, c = b + "1", b
        elif s["d"] == "2":
            c = c or "c"
            a, b = len(b), str(a)
        else:
            break
    s += f"{a}{b}{c}"
    s += lm.gen("y", max_tokens=2)
    return a, b, c


def forks_in_both_arms(s):
    s += lm.select("wide", ["y", "n"])
    if s["wide"] == "y":
        forks = s.fork(3)
    else:
        forks = s.fork(1)
    forks += lm.gen("x", max_tokens=3)
    return [f["x"] for f in forks]


def gen_inside_f_string(s):
    s += f"answer: {lm.gen('x', max_tokens=3)}"


def same_name_as_python_variable(s, x):
    s += x
    s += lm.gen("x", max_tokens=3)
    y = s["x"]
    s["x"] = x
    return y != x, s["x"]


def long_chain(s):
    for i in range(40):
        s += f"{i}"
        s += lm.gen("x", max_tokens=1)
    return len(s.text())


def deep_nesting(s):
    s += lm.gen("d", regex="[0-9]{5}")
    path = ""
    for c in s["d"]:
        if c > "2":
            if c > "5":
                while len(path) % 3 != 2:
                    path += c
                    if c == "9":
                        break
                else:
                    path += "w"
            else:
                for k in range(int(c)):
                    if k == 3:
                        continue
                    path += str(k)
        else:
            path += "-"
    s += path
    s += lm.gen("y", max_tokens=2)
    return path


def deep_nesting_without_else(s):
    s += lm.gen("d", regex="[0-9]{4}")
    path = ""
    for c in s["d"]:
        if c > "2":
            if c > "5":
                while len(path) % 3 != 2:
                    path += c
                    if c == "9":
                        break
            else:
                for k in range(int(c)):
                    if k == 3:
                        continue
                    path += str(k)
        else:
            path += "-"
    s += path
    s += lm.gen("y", max_tokens=2)
    return path


def walrus(s):
    s += lm.gen("x", regex="[a-c]{1,4}")
    if (n := len(s["x"])) > 2:
        s += f"long {n}"
    s += lm.gen("y", max_tokens=2)
    return n, [m for c in s["x"] if (m := c.upper()) != "A"]


def global_function_rebound_as_value(s):
    pick = max
    s += lm.gen("d", regex="[0-9]")
    s += f"{pick(int(s['d']), 5)}"
    pick = min
    s += f"{pick(int(s['d']), 5)}"
    s += lm.gen("x", max_tokens=2)


def docstring_and_pass(s):
    """A docstring is no statement to capture."""
    pass
    ...
    "a string alone"
    s += lm.gen("x", max_tokens=2)


def annotated(s, n: int = 2) -> str:
    text: str = "a"
    num: int
    num = n
    s += text * num
    s += lm.gen("x", max_tokens=2)
    return text


def imported_inside(s):
    import json
    from math import floor

    s += lm.gen("d", regex="[0-9]")
    s += json.dumps({"d": int(s["d"])}) + str(floor(int(s["d"]) / 2))
    s += lm.gen("x", max_tokens=2)


CASES = [
    Case(unset_in_one_arm),
    Case(unset_but_never_read),
    Case(deleted_name),
    Case(none_or_text),
    Case(int_or_text),
    Case(shadowed_builtin),
    Case(comprehension_scope),
    Case(loop_rebinds_its_iterable),
    Case(list_grown_while_iterated, expects="either"),
    Case(dict_order),
    Case(equal_but_distinct_literals, ({"flag": True}, {"flag": False})),
    Case(evaluation_order, log=LOG),
    Case(augmented_target_evaluated_once, log=LOG),
    Case(chained_assignment),
    Case(text_that_looks_like_ir, ({"text": '"} %x := \\'},)),
    Case(huge_numbers, ({"n": 7}, {"n": 10**18})),
    Case(boolean_arithmetic),
    Case(while_with_two_exits),
    Case(branch_in_loop_rebinding_loop_variable),
    Case(many_arms_carry_many_names),
    Case(forks_in_both_arms),
    Case(gen_inside_f_string, raises=True),
    Case(same_name_as_python_variable, ({"x": "v"},)),
    Case(long_chain),
    Case(deep_nesting),
    Case(deep_nesting_without_else),
    Case(walrus),
    Case(global_function_rebound_as_value),
    Case(docstring_and_pass),
    Case(annotated, ({}, {"n": 3})),
    Case(imported_inside),
]
