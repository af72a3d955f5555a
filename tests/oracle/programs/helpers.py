"""Helper functions: taking states, nested, recursive, with defaults and *args; closures, nonlocal, lambdas."""

from __future__ import annotations

from functools import partial

import lmc as lm
from tests.oracle.programs.case import Case

SEPARATOR = "; "


def ask(s, name, question, max_tokens=4):
    s += f"{question} "
    s += lm.gen(name, max_tokens=max_tokens)
    return s[name]


def yes_or_no(s, question):
    s += question
    s += lm.select("yn", ["yes", "no"])
    return s["yn"] == "yes"


def joined(*parts, sep=SEPARATOR, **named):
    return sep.join([*parts, *(f"{k}={v}" for k, v in named.items())])


def calls_helpers(s, topic):
    first = ask(s, "first", f"what is {topic}?")
    second = ask(s, "second", "and?", max_tokens=2)
    if yes_or_no(s, "more?"):
        ask(s, max_tokens=3, question="what?", name="third")
    return joined(first, second, sep="/")


def star_arguments(s, words):
    pair = ("q", "how?")
    answer = ask(s, *pair, **{"max_tokens": 3})
    s += joined(*words, answer, best=answer, sep=", ")
    s += lm.gen("x", max_tokens=2)


def nested_helper(s):
    def note(text):
        s.set_var("last", text)
        return lm.gen(text, max_tokens=2)

    s += note("one")
    s += "-" + note("two")
    return s["last"]


def nonlocal_counter(s):
    num = 0

    def count(word):
        nonlocal num
        num += 1
        return f"{num}{word} "

    s += count("a")
    for _ in range(3):
        s += lm.select("again", ["y", "n"])
        if s["again"] == "n":
            s += count("stop")
            break
        s += count("go")
    return num


def nested_nonlocal(s):
    """Two levels: the inner function changes the outermost variable."""
    total = 0

    def outer():
        def inner(k):
            nonlocal total
            total += k

        inner(1)
        inner(2)

    outer()
    outer()
    s += f"{total}"
    s += lm.gen("x", max_tokens=2)
    return total


def nested_nonlocal_generated(s):
    total = 0

    def outer():
        def inner(k):
            nonlocal total
            total += k

        inner(int(s["d"]))
        inner(1)

    for _ in range(2):
        s += lm.gen("d", regex="[0-9]")
        outer()
    s += f"{total}"
    s += lm.gen("x", max_tokens=2)
    return total


def solve(s, depth):
    s += f"depth {depth} "
    s += lm.select("split", ["y", "n"])
    if depth == 0 or s["split"] == "n":
        s += lm.gen("leaf", max_tokens=2)
        return 1
    left, right = s.fork(2)
    return solve(left, depth - 1) + solve(right, depth - 1)


def recursion(s, depth):
    total = solve(s, depth)
    s += f"{total}"
    return total


def recursion_of_constant_depth(s):
    total = solve(s, 2)
    s += f"{total}"
    return total


def factorial(n):
    return 1 if n <= 1 else n * factorial(n - 1)


def recursion_on_values(s, n):
    s += f"{factorial(n)} "
    s += lm.gen("x", max_tokens=2)


def late_binding(s):
    """A lambda reads its variable when it is called."""
    fs = [lambda: f"i{i} " for i in range(3)]  # noqa: B023
    gs = [lambda i=i: f"g{i} " for i in range(3)]
    for f, g in zip(fs, gs):
        s += f() + g()
    s += lm.gen("x", max_tokens=2)


def closure_over_generated(s):
    s += lm.gen("x", max_tokens=3)
    shout = lambda t: t + s["x"].upper()  # noqa: E731
    s += shout("a ")
    s += lm.gen("x", max_tokens=3)
    s += shout("b ")
    s += lm.gen("y", max_tokens=2)


def helper_returns_state(s):
    def branch(opener):
        f = s.fork(1)[0]
        f += opener
        f += lm.gen("x", max_tokens=3)
        return f

    a, b = branch("a "), branch("b ")
    s += a["x"] + b["x"]
    s += lm.gen("end", max_tokens=3)
    return a.text()


def helper_with_early_returns(s):
    def grade(text):
        if not text:
            return "empty"
        if len(text) > 3:
            return "long"
        for c in text:
            if c == "a":
                return "has a"
        return "other"

    s += lm.gen("w", regex="[a-c]{0,5}")
    g = grade(s["w"])
    s += g
    s += lm.gen("x", max_tokens=2)
    return g


def helper_that_generates_in_branch(s):
    def maybe(name):
        s += "?"  # noqa: F823
        s += lm.select("go", ["y", "n"])
        if s["go"] == "y":
            s += lm.gen(name, max_tokens=2)
            return s[name]
        return ""

    s += "first "
    return maybe("a") + maybe("b")


def state_shadowed(s):
    def add(s, text):
        s += text
        s += lm.gen("x", max_tokens=2)

    f = s.fork(1)[0]
    add(f, "to f ")
    add(s, "to s ")
    return f["x"], s["x"]


def apply_twice(f, x):
    return f(f(x))


def higher_order(s):
    s += lm.gen("x", max_tokens=3)
    y = apply_twice(lambda t: t + "!", s["x"])
    z = list(map(str.upper, [y, "b"]))
    w = list(filter(lambda t: "!" in t, z))
    add = partial(joined, sep="+")
    s += f"{y} {z} {w} {add('p', 'q')}"
    s += lm.gen("end", max_tokens=2)
    return w


def conditional_function(s):
    s += lm.select("mode", ["up", "low"])
    change = str.upper if s["mode"] == "up" else str.lower
    s += change("MiXed")
    s += lm.gen("x", max_tokens=2)


def table_of_functions(s, op):
    table = {"up": lambda t: t.upper(), "twice": lambda t: t * 2, "none": lambda t: ""}
    s += lm.gen("x", max_tokens=2)
    s += table[op](s["x"])
    s += lm.gen("y", max_tokens=2)


def method_helpers(s):
    class_free = {"add": s.set_var}
    class_free["add"]("k", "v")
    s += s["k"]
    s += lm.gen("x", max_tokens=2)


CASES = [
    Case(calls_helpers, ({"topic": "rain"},)),
    Case(star_arguments, ({"words": ["a", "b"]}, {"words": []}), needs_structure=True),
    Case(nested_helper),
    Case(nonlocal_counter),
    Case(nested_nonlocal),
    Case(nested_nonlocal_generated),
    Case(recursion, ({"depth": 0}, {"depth": 2}), expects="either"),
    Case(recursion_of_constant_depth),
    Case(recursion_on_values, ({"n": 5},)),
    Case(late_binding),
    Case(closure_over_generated),
    Case(helper_returns_state),
    Case(helper_with_early_returns),
    Case(helper_that_generates_in_branch, raises=True),
    Case(state_shadowed),
    Case(higher_order),
    Case(conditional_function, expects="either"),
    Case(table_of_functions, ({"op": "up"}, {"op": "twice"}), expects="either"),
    Case(method_helpers),
]
