"""JSON read and written with its numbers as they stand, whatever their size.

A number is an int or a float where that is the very number its text says, and a Decimal where a float would round it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import NoReturn

from lmc.ir.json_schema.keywords import Json

MAX_INT_DIGITS = 4000  # Python reads no longer ints
Pairs = list[tuple[str, Json]]


def read_json(text: str, pairs: Callable[[Pairs], Json] | None = None) -> Json:
    """The value of a JSON text; `pairs` makes an object of its members. Raises ValueError."""
    return json.loads(
        text, parse_float=_number, parse_int=_integer, parse_constant=_no_constant, object_pairs_hook=pairs
    )


def repeated_name(text: str) -> str | None:
    """A name that one object of a JSON text has twice. Raises ValueError, RecursionError where it is none."""
    found: list[str] = []

    def members(pairs: Pairs) -> dict[str, Json]:
        made = dict(pairs)
        if len(made) < len(pairs):
            names = [name for name, _ in pairs]
            found.append(next(name for name in names if names.count(name) > 1))
        return made

    read_json(text, members)
    return found[0] if found else None


def write_json(value: Json) -> str:
    """Compact JSON text of a value, Decimals in it as well. Raises TypeError, ValueError, RecursionError."""
    try:
        return _plain(value)
    except TypeError:
        return _written(value)


def _plain(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _written(value: Json) -> str:
    match value:
        case Decimal():
            if not value.is_finite():
                raise ValueError(f"JSON has no number {value}")
            return str(value)
        case list() | tuple():
            return "[" + ",".join(map(_written, value)) + "]"
        case dict():
            # the rest of each member's text is its key's, which may be no string
            return "{" + ",".join(f"{_plain({key: 0})[1:-3]}:{_written(each)}" for key, each in value.items()) + "}"
        case _:
            return _plain(value)


def _number(text: str) -> float | Decimal:
    try:
        exact = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"the exponent of {text} is too large") from None
    found = float(text)
    return found if Decimal(repr(found)) == exact else exact


def _integer(text: str) -> int | Decimal:
    return int(text) if len(text) <= MAX_INT_DIGITS else Decimal(text)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"it has no number {name}")
