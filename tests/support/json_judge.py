"""Whether a JSON value is valid under a schema, by the plainest reading of draft 2020-12: a judge for tests.

Numbers are fractions, whatever their size: validators that reckon in floats or in 28 digits judge those wrongly. Knows
the keywords that `border_schemas` writes, and fails at any other.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from fractions import Fraction
from typing import Any


class RepeatedName(ValueError):
    """An object has a name twice: JSON Schema has no say on it, and readers differ."""


def read(text: str) -> Any:
    """The value of a text, numbers as fractions. Raises RepeatedName."""
    return json.loads(text, parse_float=exactly, parse_int=exactly, object_pairs_hook=_members)


def exactly(text: str) -> Fraction:
    """A number as it is written."""
    return Fraction(Decimal(text))


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise RepeatedName
    return dict(pairs)


def is_valid(value: Any, schema: Any) -> bool:
    """Whether the schema accepts the value; both as `read` gives them."""
    if isinstance(schema, bool):
        return schema
    return all(_holds(keyword, value, schema) for keyword in schema)


def _holds(keyword: str, value: Any, schema: dict[str, Any]) -> bool:
    said = schema[keyword]
    match keyword:
        case "type":
            return any(_is_a(value, name) for name in (said if isinstance(said, list) else [said]))
        case "const":
            return equal(value, said)
        case "enum":
            return any(equal(value, each) for each in said)
        case "allOf":
            return all(is_valid(value, each) for each in said)
        case "anyOf":
            return any(is_valid(value, each) for each in said)
        case "oneOf":
            return sum(is_valid(value, each) for each in said) == 1
        case "not":
            return not is_valid(value, said)
    if isinstance(value, Fraction):
        return _of_number(keyword, value, said)
    if isinstance(value, dict):
        return _of_object(keyword, value, schema)
    if isinstance(value, list):
        return _of_array(keyword, value, said)
    return True


def equal(a: Any, b: Any) -> bool:
    """As JSON Schema has it: true is no number, and objects have no order."""
    if type(a) is not type(b):
        return False
    if isinstance(a, list):
        return len(a) == len(b) and all(map(equal, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(equal(a[name], b[name]) for name in a)
    return bool(a == b)


_TYPES = {"null": type(None), "boolean": bool, "string": str, "array": list, "object": dict, "number": Fraction}


def _is_a(value: Any, name: str) -> bool:
    if name == "integer":
        return isinstance(value, Fraction) and value.denominator == 1
    return isinstance(value, _TYPES[name])


def _of_number(keyword: str, value: Fraction, said: Any) -> bool:
    match keyword:
        case "minimum":
            return value >= said
        case "maximum":
            return value <= said
        case "exclusiveMinimum":
            return value > said
        case "exclusiveMaximum":
            return value < said
        case "multipleOf":
            return (value / said).denominator == 1
    return True


def _of_object(keyword: str, value: dict[str, Any], schema: dict[str, Any]) -> bool:
    said = schema[keyword]
    match keyword:
        case "properties":
            return all(is_valid(value[name], each) for name, each in said.items() if name in value)
        case "required":
            return all(name in value for name in said)
        case "patternProperties":
            return all(is_valid(each, inner) for name, each in value.items() for p, inner in said.items()
                       if re.search(p, name))  # fmt: skip
        case "additionalProperties":
            told = [name for name in value if name in schema.get("properties", {})
                    or any(re.search(p, name) for p in schema.get("patternProperties", {}))]  # fmt: skip
            return all(is_valid(each, said) for name, each in value.items() if name not in told)
        case "propertyNames":
            return all(is_valid(name, said) for name in value)
        case "minProperties":
            return len(value) >= said
        case "maxProperties":
            return len(value) <= said
    return True


def _of_array(keyword: str, value: list[Any], said: Any) -> bool:
    match keyword:
        case "items":
            return all(is_valid(each, said) for each in value)
        case "minItems":
            return len(value) >= said
        case "maxItems":
            return len(value) <= said
    return True
