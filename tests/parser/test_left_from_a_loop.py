"""A list or dict that a construct makes, changed in a loop that may be left with it: a graph as of any other one."""

from __future__ import annotations

import linecache
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

import lmc

MADE = {
    "a star": "_, *xs = ['a', 'b', 'c']",
    "a star of a sequence pattern": "match ['a', 'b', 'c']:\n        case [_, *xs]: pass",
    "the rest of a mapping pattern": "match {'a': 1, 'b': 2}:\n        case {'a': 1, **xs}: pass",
    "keyword arguments": "xs = kept(a=1)",
    "a copy": "xs = ['a', 'b'].copy()",
}
NUMBERS = count()


def program(made: str, change: str) -> Callable[..., Any]:
    source = f"""
def kept(**xs):
    turn = 0
    while turn < 3:
        turn += 1
        xs['k'] = turn
        if s_['x'] == '1':
            return xs
    return xs

def program(s):
    global s_
    s += lmc.gen("x", regex="[01]")
    s_ = {{"x": str(s["x"])}}
    {made}
    turn = 0
    while turn < 3:
        turn += 1
        {change}
        if s["x"] == "1":
            return xs
    return [xs, turn]
"""
    file = f"<left from a loop {next(NUMBERS)}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    names: dict[str, Any] = {"lmc": lmc}
    exec(compile(source, file, "exec"), names)
    return names["program"]  # type: ignore[no-any-return]


@pytest.mark.parametrize("how", MADE)
def test_it_is_what_python_has(how: str) -> None:
    """Left in the first turn, or never."""
    is_dict = "match {" in MADE[how] or "kept" in MADE[how]
    made = lmc.function(program(MADE[how], "xs['k'] = turn" if is_dict else "xs.append(turn)"))
    for seed in range(4):
        eager, compiled = (made.run(backend="echo", seed=seed, mode=mode) for mode in ("eager", "compiled"))
        assert compiled.ret_value == eager.ret_value
