"""Functions of the program that Python calls: what they read is what Python would have found."""

from __future__ import annotations

import functools
import itertools

import lmc as lm
from tests.oracle.programs.case import Case

factor = 1000  # another than that of the function around the program


def made_around(factor):
    offset = 1

    def around_the_program(s):
        s += lm.gen("n", regex="[1-5]")
        n = int(s["n"])
        total = functools.reduce(lambda a, b: a + b * factor, [1, n], 0)
        return total, list(itertools.starmap(lambda a: a * factor + offset, [(n,)]))

    return around_the_program


def made_around_what_changes():
    count = 1

    def bind(number):
        nonlocal count
        count = number

    def what_changes_around(s):
        bind(1)
        made = itertools.starmap(lambda a: a + count, [(1,)])
        bind(2)
        s += "x"
        return list(made)

    return what_changes_around


def decorated(s):
    def twice(fn):
        def call(*args):
            return fn(*args) * 2

        return call

    @twice
    def more(x):
        return x + 1

    @functools.lru_cache(None)
    def kept(x):
        return x * 2

    s += lm.gen("n", regex="[1-5]")
    n = int(s["n"])
    return list(itertools.starmap(more, [(n,)])), kept(n), kept(n), kept.cache_info().hits


def calls_itself(s):
    def fact(n):
        return 1 if n < 2 else n * fact(n - 1)

    s += lm.gen("n", regex="[2-5]")
    return functools.reduce(lambda a, b: a + fact(b), [1, int(s["n"])], 0), list(itertools.starmap(fact, [(3,)]))


def call_one_another(s):
    def even(n):
        return n == 0 or odd(n - 1)

    def odd(n):
        return n != 0 and even(n - 1)

    s += lm.gen("n", regex="[2-5]")
    return list(itertools.starmap(even, [(int(s["n"]),)]))


def own_name_is_another(s):
    def one(n):
        return 1

    first = one

    def one(n):
        return n if n < 1 else one(n - 1) + 5

    s += "x"
    return list(itertools.starmap(one, [(3,)])), list(itertools.starmap(first, [(3,)]))


@lm.function
def inner(s, text):
    s += text + lm.gen("z", max_tokens=2, temperature=1.0)


def calls_a_program(s, words):
    first = inner(text="q")["z"]
    every = functools.reduce(lambda a, word: a + inner(text=word)["z"], words, "")
    return first, every, inner(text="q")["z"]


def calls_a_program_by_a_variable(s, words):
    program = inner
    return functools.reduce(lambda a, word: a + program(text=word)["z"], words, "")


def calls_a_program_of_the_run(s):
    s += lm.gen("words", regex="[ab]{2}")
    return functools.reduce(lambda a, word: a + inner(text=word)["z"], s["words"], "")


WORDS = ({"words": ["a", "b"]},)
CASES = (
    *map(Case, (made_around(3), decorated, calls_itself)),
    Case(call_one_another, expects="either"),
    Case(own_name_is_another, expects="either"),
    Case(made_around_what_changes(), expects="break"),
    Case(calls_a_program_of_the_run, expects="break", code="LMC-GB027"),
    Case(calls_a_program, WORDS, needs_structure=True),
    Case(calls_a_program_by_a_variable, WORDS, needs_structure=True),
)
