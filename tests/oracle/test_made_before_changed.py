"""An iterator is made, what it walks over is changed, and then somebody walks: Python's answer, or a break."""

from __future__ import annotations

import json
import linecache
import re
from collections import deque
from itertools import product
from typing import Any

import pytest

import lmc
from lmc.errors import CaptureError
from tests.support.sampled import one_in

MADE = {
    "d": "d = {'a': 1, 'c': n}",
    "e": "e = {'a', 'b'}",
    "k": "k = deque([1, 2])",
    "l": "l = [1, n]",
}
ITERATORS = (
    "reversed(d)", "reversed(d.items())", "reversed(d.values())", "iter(d)", "iter(d.items())", "enumerate(d)",
    "zip(d, d)", "map(str, d)", "filter(None, d.values())", "(x for x in d)", "(x for x in d.items())", "iter(e)",
    "map(str, e)", "(x for x in e)", "iter(k)", "reversed(k)", "enumerate(k)", "(y for y in reversed(d))", "iter(l)",
    "reversed(l)", "zip(l, reversed(l))", "map(str, reversed(l))", "(y for y in reversed(l))",
    "enumerate(reversed(l), 1)", "iter(d.keys())", "d.items()", "d.values()", "zip(d.items(), l)",
)  # fmt: skip
CHANGES = (
    "d['b'] = n", "del d['a']", "d.pop('a')", "d.clear()", "d.update(z=1)", "e.add('q')", "e.discard('a')",
    "k.append(3)", "k.popleft()", "l.insert(0, 5)", "l.append(7)", "l.pop()", "del l[0]", "l.clear()", "l.insert(v, 5)",
    "d[s['n']] = 1", "d['a'] = v", "l.sort(key=str)", "l.reverse()", "l[:] = [4, 5, 6]", "l += [8]", "d |= {'w': 2}",
    "next(r); d['b'] = n", "next(r); l.insert(0, 5)", "next(r); l.pop(0)",
)  # fmt: skip


def program(iterator: str, change: str) -> Any:
    """A program that makes the iterator, makes the change, and takes all that the iterator gives."""
    used = [name for name in MADE if re.search(rf"\b{name}\b", f"{iterator} {change}")]
    lines = [
        "def program(s, n):",
        "    s += lmc.gen('n', regex='[0-1]')",
        "    v = json.loads(s['n'])",
        *(f"    {MADE[name]}" for name in used),
        f"    r = {iterator}",
        "    try:",
        f"        {change}",
        f"        return list(r), {', '.join(f'sorted(map(str, {name}))' for name in used)}",
        "    except (RuntimeError, StopIteration) as error:",
        "        return repr(error)",
    ]
    file, text = f"<{iterator}; {change}>", "\n".join(lines) + "\n"
    linecache.cache[file] = (len(text), None, text.splitlines(True), file)
    names: dict[str, Any] = {"lmc": lmc, "json": json, "deque": deque}
    exec(compile(text, file, "exec"), names)
    return lmc.function(names["program"])


def answer(fn: Any, mode: Any) -> str:
    """What it returns, its error, or that it is a graph break."""
    try:
        return repr(fn.run(n=0, backend="echo", seed=1, mode=mode, fullgraph=mode == "compiled").ret_value)
    except CaptureError as error:
        assert error.span is not None
        return "break"
    except Exception as error:
        return repr(error)


PAIRS = [pytest.param(i, c, id=f"{i}; {c}") for i, c in product(ITERATORS, CHANGES)]


@pytest.mark.parametrize("iterator, change", one_in(8, PAIRS))
def test_a_late_walk_sees_what_python_sees(iterator: str, change: str) -> None:
    """A dict or set that has changed is an error; one end of a list stays where it was."""
    fn = program(iterator, change)
    got = answer(fn, "compiled")
    assert got in (answer(fn, "eager"), "break")


@pytest.mark.slow
def test_most_of_them_have_a_graph() -> None:
    """An oracle in which everything breaks proves nothing."""
    pairs = list(product(ITERATORS, CHANGES))[::17]
    breaks = [pair for pair in pairs if answer(program(*pair), "compiled") == "break"]
    assert len(breaks) < 0.45 * len(pairs), breaks
