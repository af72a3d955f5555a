"""Forks whose number only the run knows, zipped with all that can be walked over: Python's answer, or a break."""

from __future__ import annotations

import collections
import enum
import json
import linecache
from itertools import product
from typing import Any

import pytest

import lmc
from lmc.errors import CaptureError
from tests.support.sampled import one_in


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"
    GREEN = "green"


ITERABLES = (
    "{'a': 1, 'b': 2, 'c': 3}", "{i: i * i for i in range(n)}", "json.loads(t)", "json.loads(t).items()",
    "json.loads(t).values()", "list(json.loads(t))", "'xyz'", "t", "('a', 'b', 'c')", "['a', t, 'c']",
    "sorted({'c', 'a', 'b'})", "{'a'}", "Colour", "given", "words", "words.items()", "words.keys()", "range(n)",
    "iter(['a', 'b', 'c'])", "(c for c in 'abc')", "enumerate('abc')", "map(str, [1, 2, 3])",
    "zip('abc', json.loads(t))", "reversed(['a', 'b', 'c'])", "json.loads('5')", "5", "str(n) * n", "[c for c in t]",
    "collections.Counter('aab')",
    "collections.OrderedDict(a=1, b=2, c=3)", "dict.fromkeys('abc')", "{**json.loads(t)}", "b'abc'",
    "s.fork(3)", "steps",
)  # fmt: skip
WALKS = (
    "zip(fs, x)", "((f, k) for k, f in zip(x, fs))", "[(f, k) for f, k in zip(fs, x)]",
    "((f, k) for _, (f, k) in enumerate(zip(fs, x)))",
)  # fmt: skip


def program(iterable: str, walk: str) -> Any:
    """It says each item in a fork, and returns what is left of the iterator that it was given."""
    lines = [
        "def program(s, given, steps, t: str, words: dict):",
        "    s += 'n' + lmc.gen('n', regex='[23]')",
        "    n = int(s['n'])",
        "    fs = s.fork(n)",
        f"    x = {iterable}",
        f"    for f, k in {walk}:",
        "        f += f'[{k}]' + lmc.gen('v', max_tokens=2)",
        "    fs.join('concate_and_append')",
        "    return s.text()",
    ]
    file, text = f"<{iterable}; {walk}>", "\n".join(lines) + "\n"
    linecache.cache[file] = (len(text), None, text.splitlines(True), file)
    names: dict[str, Any] = {"lmc": lmc, "json": json, "collections": collections, "Colour": Colour}
    exec(compile(text, file, "exec"), names)
    return lmc.function(names["program"])


def answer(fn: Any, mode: Any) -> str:
    """The text and what is left of the iterator; the error; or that it is a graph break."""
    steps = iter("abcdefg")
    given = {"given": {"p": 1, "q": 2, "r": 3}, "words": {"0": 1, "w": 2, "v": 3}, "steps": steps}
    try:
        got = fn.run(**given, t='{"0": "a", "k": "b"}', backend="echo", seed=1, mode=mode, fullgraph=mode == "compiled")
        return repr((got.ret_value, list(steps)))
    except CaptureError as error:
        assert error.span is not None
        return "break"
    except Exception as error:
        return repr((error, list(steps)))


PAIRS = [pytest.param(*pair, id="; ".join(pair)) for pair in product(ITERABLES, WALKS)]


@pytest.mark.parametrize("iterable, walk", one_in(10, PAIRS))
def test_each_fork_gets_what_python_gives_it(iterable: str, walk: str) -> None:
    """The keys of a dict, the members of an Enum; and no more of an iterator than zip takes."""
    fn = program(iterable, walk)
    got = answer(fn, "compiled")
    assert got in (answer(fn, "eager"), "break")


@pytest.mark.slow
def test_most_of_them_have_a_graph() -> None:
    """An oracle in which everything breaks proves nothing."""
    breaks = [pair.values for pair in PAIRS if answer(program(*pair.values), "compiled") == "break"]
    assert len(breaks) < 0.6 * len(PAIRS), breaks
