"""Small programs of one idea each, and calls of builtins with all kinds of arguments: Python's answer, or a break.

`small_programs.txt` has the bodies, apart by empty lines; a line that begins with `|` stands in the module around.
`calls_of_builtins.txt` has one expression a line, many of which Python refuses: the error is an answer too.
"""

from __future__ import annotations

import linecache
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any
from zlib import crc32

import pytest

import lmc
from lmc.backend.echo import EchoBackend
from lmc.errors import CaptureError
from tests.support.sampled import one_in
from tests.support.shown import shown

HERE = Path(__file__).parent
BODIES = [each.strip("\n") for each in re.split(r"\n\s*\n", (HERE / "small_programs.txt").read_text())]
CALLS = (HERE / "calls_of_builtins.txt").read_text().splitlines()
MODULE = """
import abc, asyncio, bisect, collections, contextlib, copy, dataclasses, enum, functools, heapq, inspect, itertools
import json, math, operator, random, re, string, time, types, typing
import lmc

LOG, G, GD, GN = [], [0], {'a': 1}, 5

def tell(x):
    LOG.append(str(x)); return x

def boom(x=0):
    LOG.append("boom"); raise ValueError(x)

def poke():
    G.append(len(G))

class Bag:
    def __init__(self, n=1): self.n = n; self.xs = [1]
    def grow(self, k=1): self.n += k; return self.n
    def __str__(self): return f"bag {self.n}"

bag = Bag()
"""
MADE = {
    "known": "xs = [1, 2]; d = {'k': 1}; texts = ['a', 'b', 'c']; v = 'a'; n = 1; b = True; nul = None",
    "run": "s += lmc.gen('q', regex='[0-1]'); v = s['q']; n = int(v); b = n > 0; xs = [1, n]; d = {'k': n}; "
    "texts = ['a', 'b', v]; nul = None if b else v",
    "given": "pass",
}
GIVEN = {"xs": [1, 2], "d": {"k": 1}, "texts": ["a", "b", "c"], "v": "a", "n": 1, "b": True, "nul": None}
OTHERS = {**GIVEN, "n": 0, "b": False, "nul": "a"}


def made(way: str, body: str) -> tuple[Any, ModuleType]:
    """The program around a body, in a module of its own."""
    lines = body.split("\n")
    around = [line[1:] for line in lines if line.startswith("|")]
    inside = [line for line in lines if not line.startswith("|")]
    head = f"def program({', '.join(('s', *GIVEN)) if way == 'given' else 's'}):"
    rest = [f"    {line}" for line in (MADE[way], *inside, "return xs, d")]
    text = "\n".join([MODULE, *around, head, *rest]) + "\n"
    file = str(HERE / f"made_{crc32((way + body).encode())}.py")
    linecache.cache[file] = (len(text), None, text.splitlines(True), file)
    module = ModuleType("small_program")
    module.__file__ = file
    sys.modules["small_program"] = module
    exec(compile(text, file, "exec", dont_inherit=True), vars(module))
    return lmc.function(module.program), module  # type: ignore[attr-defined]


def answers(way: str, body: str, mode: Any) -> list[str]:
    """What each of three runs shows: result, effects, calls, arguments; or its error; or that there is no graph."""
    fn, module = made(way, body)
    found = []
    for seed in (1, 2, 1):
        given = {key: _copied(x) for key, x in (GIVEN if seed == 1 else OTHERS).items()} if way == "given" else {}
        echo = EchoBackend(seed, record=True)
        try:
            more = {"fullgraph": True, "opt_level": 0} if mode == "compiled" else {}  # at -O0 all calls are made
            result = fn.run(**given, backend=echo, seed=seed, mode=mode, **more)
        except CaptureError as error:
            assert error.span is not None and error.code is not None, error
            return ["break"]
        except Exception as error:
            found.append(repr((type(error).__name__, str(error), shown(error.args))))
        else:
            calls = sorted(map(str, ((r.prompt.ids, r.out, r.n) for r in echo.log)))
            found.append(repr((shown(result.ret_value), result.text(), calls)))
        world = [getattr(module, name) for name in ("LOG", "G", "GD", "GN")]
        found[-1] += repr((world, vars(module.bag), given))
    return found


def _copied(x: Any) -> Any:
    return x.copy() if isinstance(x, list | dict) else x


pytestmark = pytest.mark.filterwarnings("ignore::SyntaxWarning")
CASES = [
    pytest.param(way, body, id=f"{way}: {body[:60]!r} {number}")
    for number, body in enumerate((*BODIES, *(f"return {call}, xs, d" for call in CALLS)))
    for way in MADE
]


@pytest.mark.parametrize("way, body", one_in(110, CASES))
def test_a_small_program_says_what_python_says(way: str, body: str) -> None:
    """With constants, with generated text and with arguments; the second and third run use the graph of the first."""
    got = answers(way, body, "compiled")
    assert got in (answers(way, body, "eager"), ["break"])


@pytest.mark.slow
def test_most_of_them_have_a_graph() -> None:
    """An oracle in which everything breaks proves nothing."""
    some = [case.values for case in CASES[::11]]
    breaks = [case for case in some if answers(*case, "compiled") == ["break"]]
    assert len(breaks) < 0.4 * len(some), breaks
