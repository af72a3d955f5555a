"""Whether a JSON value is shaped like a JSON schema: each known keyword holds the kind of value it must.

What a keyword means is the backend's business; a value of the wrong kind has no meaning at all. Keywords that are
not listed pass (draft 2020-12 lets a schema carry any).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any  # a schema is any JSON value

from lmc.giving_way import give_way

TYPE_NAMES = ("null", "boolean", "object", "array", "number", "integer", "string")
MAX_COUNT = 10**18
Problem = tuple[str, str]  # (place, what is wrong)


def problems(schema: Any, place: str = "#") -> Iterator[Problem]:
    """Every keyword whose value cannot be what it should, with its place, as in `#/properties/age`."""
    if isinstance(schema, bool):
        return
    if not isinstance(schema, dict):
        yield place, f"must be a schema (an object, true or false), not {schema!r}"
        return
    give_way()
    for keyword, value in schema.items():
        expected, check = _SHAPES.get(keyword, _ANY)
        if not check(value):
            yield f"{place}/{keyword}", f"must be {expected}, not {value!r}"
            continue
        for name, inner in _inside(keyword, value):
            yield from problems(inner, f"{place}/{keyword}{name}")


def _inside(keyword: str, value: Any) -> Iterator[tuple[str, Any]]:
    """The schemas within a keyword's value."""
    if keyword in _ONE:
        yield "", value
    elif keyword in _MANY:
        yield from ((f"/{at}", inner) for at, inner in enumerate(value))
    elif keyword in _NAMED:
        yield from ((f"/{name}", inner) for name, inner in value.items())


def _count(x: Any) -> bool:
    # a Decimal may have more digits than there is room for
    return _number(x) and 0 <= x < MAX_COUNT and x == int(x)


def _number(x: Any) -> bool:
    return isinstance(x, (int, float, Decimal)) and not isinstance(x, bool)


def _texts(x: Any) -> bool:
    return isinstance(x, list) and all(isinstance(i, str) for i in x)


def _types(x: Any) -> bool:
    names = x if isinstance(x, list) else [x]
    return bool(names) and all(isinstance(n, str) and n in TYPE_NAMES for n in names)


_ONE = ("items", "contains", "additionalProperties", "propertyNames", "not", "if", "then", "else")
_MANY = ("prefixItems", "anyOf", "oneOf", "allOf")
_NAMED = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")

_ANY: tuple[str, Callable[[Any], bool]] = ("anything", lambda x: True)
_SCHEMA = ("a schema", lambda x: isinstance(x, (dict, bool)))
_SHAPES: dict[str, tuple[str, Callable[[Any], bool]]] = {
    **dict.fromkeys(_ONE, _SCHEMA),
    **dict.fromkeys(_MANY, ("a list of schemas, at least one", lambda x: isinstance(x, list) and bool(x))),
    **dict.fromkeys(_NAMED, ("an object of schemas", lambda x: isinstance(x, dict))),
    **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties",
                     "minContains", "maxContains"), ("a whole number from 0 to 10**18", _count)),
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), ("a number", _number)),
    **dict.fromkeys(("$ref", "pattern", "format", "$id", "$schema", "$anchor"),
                    ("a text", lambda x: isinstance(x, str))),
    "items": ("a schema (for one schema an item write `prefixItems`)", _SCHEMA[1]),
    "multipleOf": ("a number above 0", lambda x: _number(x) and x > 0),
    "enum": ("a list of values", lambda x: isinstance(x, list)),
    "required": ("a list of property names", _texts),
    "type": (f"one of {', '.join(TYPE_NAMES)}, or a list of them", _types),
    "uniqueItems": ("true or false", lambda x: isinstance(x, bool)),
}  # fmt: skip
