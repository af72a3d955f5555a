"""Operators of objects of the program's own classes: whose method Python asks, and what it may say."""

from __future__ import annotations

import lmc as lm
from tests.oracle.programs.case import Case


class Step:
    def __init__(self, fn):
        self.fn = fn

    def __or__(self, other):
        if not isinstance(other, Step):
            return NotImplemented
        return Step(lambda s, x: other.fn(s, self.fn(s, x)))

    def __ror__(self, other):
        return self.fn(None, other)


def ask(s, prompt):
    s += prompt + lm.gen("reply", regex="[a-z]{3}") + "\n"
    return s["reply"]


def chained(s, topic):
    chain = Step(lambda s, x: f"Say {x}: ") | Step(ask) | Step(lambda s, x: x.upper())
    return chain.fn(s, topic), chain.fn(s, "more")


def text_on_the_left(s):
    return "abc" | Step(lambda s, x: x + "!"), 4 | Step(lambda s, x: x + 1), [1] | Step(lambda s, x: len(x))


def refused(s):
    s += "x"
    try:
        Step(ask) | 3
    except TypeError as error:
        return str(error)


class Tokens:
    def __init__(self, n, log):
        self.n, self.log = n, log

    def __add__(self, other):
        self.log.append("add")
        return Tokens(self.n + (other.n if isinstance(other, Tokens) else other), self.log)

    def __radd__(self, other):
        self.log.append("radd")
        return Tokens(other + self.n, self.log)

    def __iadd__(self, other):
        self.log.append("iadd")
        self.n += other
        return self

    def __sub__(self, other):
        return self.n - other.n

    def __neg__(self):
        return Tokens(-self.n, self.log)

    def __lt__(self, other):
        self.log.append("lt")
        return self.n < other.n

    def __contains__(self, n):
        return n <= self.n

    def __mod__(self, n):
        return self.n % n


class More(Tokens):
    def __radd__(self, other):
        self.log.append("more")
        return More(self.n + (other.n if isinstance(other, Tokens) else other), self.log)


def counted(s):
    log = []
    s += lm.gen("n", regex="[1-9]")
    a, b = Tokens(2, log), Tokens(int(s["n"]), log)
    c = a + b
    d = 5 + c
    other = d
    d += 7
    both = -c
    return c.n, d.n, other is d, other.n, both.n, a < b, b > a, 3 in b, 99 not in b, b - a, b % 2, log


def derived_on_the_right(s):
    log = []
    a = Tokens(1, log) + More(2, log)
    b = More(1, log) + Tokens(2, log)
    return type(a).__name__, type(b).__name__, log


class Refuses:
    __add__ = None

    def __radd__(self, other):
        return "asked"


def none_is_no_method(s):
    s += "x"
    out = []
    for left, right in ((Refuses(), Refuses()), (1, Refuses()), (Refuses(), 1)):
        try:
            out.append(left + right)
        except TypeError:
            out.append("refused")
    return out


class Maybe:
    def __init__(self, s, side):
        self.s, self.side = s, side

    def __add__(self, other):
        if self.s["n"] == "1":
            return NotImplemented
        return "left"

    def __radd__(self, other):
        return "right"


class Right:
    def __radd__(self, other):
        return "right"


def run_says_whether(s):
    s += lm.gen("n", regex="[1-3]")
    return Maybe(s, "a") + Right()


class Prompt:
    def __init__(self, text):
        self.text = text

    def __add__(self, other):
        return Prompt(self.text + (other.text if isinstance(other, Prompt) else other))

    def __rshift__(self, s):
        s += self.text + lm.gen("out", regex="[a-z]")
        return s["out"]


def prompts_are_added(s, name):
    prompt = Prompt("Dear ") + name + Prompt(": ")
    first = prompt >> s
    prompt += first
    second = prompt >> s
    return first, second, prompt.text


def in_a_loop_of_the_run(s):
    total = Tokens(0, [])
    s += lm.gen("n", regex="[1-4]")
    for i in range(int(s["n"])):
        total += i
    return total.n


CASES = [
    Case(chained, ({"topic": "cats"},)),
    Case(text_on_the_left),
    Case(refused, expects="either"),
    Case(counted),
    Case(derived_on_the_right, expects="either"),
    Case(none_is_no_method, expects="either"),
    Case(run_says_whether, expects="either"),
    Case(prompts_are_added, ({"name": "Bob"},), needs_structure=True),
    Case(in_a_loop_of_the_run),
]
