"""A container is changed by a method that walks over what looks at it, calls, or fails: Python's answer, or a break."""

from __future__ import annotations

import json
import linecache
from collections import deque
from itertools import product
from typing import Any

import pytest

import lmc
from lmc.errors import CaptureError
from tests.support.sampled import one_in

RECEIVERS = {  # how it is made, and the names under which it is filled
    "own list": ("x = ['p', v]", ("x.extend({0})", "x += {0}")),
    "argument": ("x = given", ("x.extend({0})", "x += {0}")),
    "in a dict": ("h = {'x': ['p']}; x = h['x']", ("h['x'].extend({0})",)),
    "attribute": ("o = Box(['p', 'q']); x = o.x", ("o.x.extend({0})", "o.x += {0}")),
    "two names": ("y = ['p']; x = y", ("y.extend({0})",)),
    "set": ("x = {'p', '1'}", ("x.update({0})", "x.difference_update({0})", "x.symmetric_difference_update({0})")),
    "dict": ("x = {'p': 1, '1': v}", ("x.update({0})",)),
    "deque": ("x = deque('pq', 5)", ("x.extend({0})", "x.extendleft({0})")),
}
ITEMS = (
    "(t for t in texts if t not in x)", "(t + str(len(x)) for t in texts)", "(str(int(t)) for t in texts)",
    "map(int, texts)", "map(str.upper, texts)", "filter(None, texts)", "(t + v for t, _ in zip(x, range(4)))",
    "zip(x, texts)", "(tell(t) for t in texts)", "(t for t in (c for c in texts if c in x))", "reversed(texts)",
    "(x.pop() for _ in range(1))", "(t for t in texts)", "enumerate(sorted(x, key=str))",
    "(n for n in [1, 2] if len(x) < 4)", "(stop(t) for t in texts)", "steps(x, texts)",
    "(t for t in texts for _ in range(len(x)) if len(x) < 6)",
)  # fmt: skip
PAIRS = (
    "((t, len(x)) for t in texts)", "((t, int(t)) for t in texts)", "zip(texts, map(int, texts))",
    "((tell(t), v) for t in texts if t not in x)", "((k + v, 2) for k in x if len(x) < 5)", "x.items()",
    "((k, str(n)) for k, n in x.items())", "zip(x, texts)", "([t, v] for t in texts)", "map(pair, texts)",
    "((t,) for t in texts)", "{t: 0 for t in texts if t not in x}",
)  # fmt: skip

LOG: list[str] = []


class Box:
    def __init__(self, x: list[str]) -> None:
        self.x = x


def tell(t: str) -> str:
    LOG.append(t)
    return t + "!"


def stop(t: str) -> str:
    if t == "z":
        raise StopIteration
    return t


def pair(t: str) -> tuple[str, int]:
    return t, int(t)


def steps(x: Any, texts: list[str]) -> Any:
    for t in texts:
        yield t + str(len(x))


def program(kind: str, fill: str, item: str, *, is_tried: bool) -> Any:
    """A program that makes the receiver, fills it, and shows it; with what it raises where that is caught."""
    change = fill.format(item)
    tried = ["    try:", f"        {change}", "    except Exception as error:", "        s += repr(error)"]
    lines = [
        "def program(s, given: list[str], texts: list[str]):",
        "    s += lmc.gen('n', regex='[0-1]')",
        "    v = s['n']",
        f"    {RECEIVERS[kind][0]}",
        *(tried if is_tried else [f"    {change}"]),
        "    s += 'behind ' + lmc.gen('m', max_tokens=2)",
        f"    return {'sorted(map(str, x))' if kind == 'set' else 'x'}, given, s.text()",
    ]
    file, text = f"<{kind}: {change}>", "\n".join(lines) + "\n"
    linecache.cache[file] = (len(text), None, text.splitlines(True), file)
    here = {"lmc": lmc, "json": json, "deque": deque, "Box": Box, "tell": tell, "stop": stop, "pair": pair}
    names: dict[str, Any] = {**here, "steps": steps}
    exec(compile(text, file, "exec"), names)
    return lmc.function(names["program"])


def answer(fn: Any, mode: Any) -> str:
    """What it returns, what was told, what it was given; or its error; or that it is a graph break."""
    LOG.clear()
    given, texts = ["a", "1"], ["1", "b", "1", "z"]
    try:
        got = fn.run(given, texts, backend="echo", seed=1, mode=mode, fullgraph=mode == "compiled").ret_value
    except CaptureError as error:
        assert error.span is not None
        return "break"
    except Exception as error:
        got = repr(error)
    return repr((got, LOG, given, texts))


CASES = [
    (kind, fill, item, is_tried)
    for kind, (_, fills) in RECEIVERS.items()
    for fill, item, is_tried in product(fills, PAIRS if kind == "dict" else ITEMS, (True, False))
]
NAMED = [pytest.param(*case, id=f"{case[0]}: {case[1].format(case[2])}, {case[3]}") for case in CASES]


@pytest.mark.parametrize("kind, fill, item, is_tried", one_in(40, NAMED))
def test_a_container_is_filled_as_python_fills_it(kind: str, fill: str, item: str, is_tried: bool) -> None:
    """An item is in before the next one is made, and is still in where that one fails."""
    fn = program(kind, fill, item, is_tried=is_tried)
    got = answer(fn, "compiled")
    assert got in (answer(fn, "eager"), "break")


@pytest.mark.slow
def test_most_of_them_have_a_graph() -> None:
    """An oracle in which everything breaks proves nothing."""
    some = CASES[::11]
    breaks = [case for case in some if answer(program(*case[:3], is_tried=case[3]), "compiled") == "break"]
    assert len(breaks) < 0.5 * len(some), breaks
