"""When two JSON values are equal, and of which kind each is."""

from __future__ import annotations

import json
from decimal import Decimal

from lmc.ir.json_schema.keywords import Json
from lmc.ir.json_schema.numbers import number_text
from lmc.ir.json_schema.values import Kind


def kind_of(value: Json) -> Kind:
    """The kind of a JSON value."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float() | Decimal():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"


def canonical(value: Json) -> str:
    """One text for all values that JSON Schema calls equal: 1 and 1.0, and objects whatever the order."""
    match value:
        case list():
            return "[" + ",".join(map(canonical, value)) + "]"
        case dict():
            return "{" + ",".join(f"{json.dumps(name)}:{canonical(value[name])}" for name in sorted(value)) + "}"
        case int() | float() | Decimal() if not isinstance(value, bool):
            return number_text(value)
        case _:
            return json.dumps(value)
