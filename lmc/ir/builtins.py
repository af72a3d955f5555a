"""Builtin functions a graph may call: pure on ordinary values, and the only externs that bind themselves.

A call of one with a live object or an untyped argument is ordered instead, as that runs the object's own code.
"""

from __future__ import annotations

import builtins
import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lmc.ir.types import BOOL, DATA, FLOAT, INT, STR, Type


@dataclass(frozen=True, slots=True)
class Builtin:
    """A pure function and the type of what it gives."""

    fn: Callable[..., Any]
    type: Type


def _typed(names: str, type: Type) -> dict[str, Builtin]:
    return {n: Builtin(getattr(builtins, n), type) for n in names.split()}


BUILTINS: dict[str, Builtin] = {
    **_typed("int ord hash", INT),
    **_typed("float", FLOAT),
    **_typed("str repr ascii chr bin hex oct format", STR),
    **_typed("bool isinstance callable all any", BOOL),
    **_typed("abs round min max sum pow divmod sorted list tuple dict set frozenset range bytes complex slice", DATA),
    "len": Builtin(len, INT),
}

# pure functions of the standard library: by the object, with the type of what they give
PURE: dict[Callable[..., Any], Type] = {
    **{b.fn: b.type for b in BUILTINS.values()},
    json.loads: DATA, json.dumps: STR,
    re.sub: STR, re.escape: STR, re.findall: DATA, re.split: DATA, re.search: DATA, re.match: DATA, re.fullmatch: DATA,
    math.sqrt: FLOAT, math.log: FLOAT, math.exp: FLOAT, math.floor: INT, math.ceil: INT, math.isclose: BOOL,
}  # fmt: skip


def _named(name: str, fn: Callable[..., Any]) -> Callable[..., Any]:
    fn.__qualname__ = fn.__name__ = name
    return fn


def _unpack_starred(before: int, after: int, xs: Any) -> tuple[Any, ...]:
    items = list(xs)
    if len(items) < before + after:
        raise ValueError(f"not enough values to unpack (expected at least {before + after}, got {len(items)})")
    return (*items[:before], items[before : len(items) - after], *items[len(items) - after :])


BUILTINS["unpack_starred"] = Builtin(_named("unpack_starred", _unpack_starred), DATA)
PURE[BUILTINS["unpack_starred"].fn] = DATA

# iterators are one-pass and so no values: in a graph these give lists
for _name, _make in (("enumerate", enumerate), ("zip", zip), ("reversed", reversed)):
    _fn = _named(_name, lambda *xs, _make=_make, **kw: list(_make(*xs, **kw)))
    BUILTINS[_name] = Builtin(_fn, DATA)
    PURE[_fn] = PURE[_make] = DATA
