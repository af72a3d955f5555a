"""JSON Schema by the letter of the standard (draft 2020-12), for one value at a time: what an oracle holds lmc against.

Slow, and without any of lmc's rooms: no sets, no automata, no order of properties.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

Json = Any
KINDS = {"null": type(None), "boolean": bool, "string": str, "array": list, "object": dict}


@dataclass
class Seen:
    """Whether a value is valid, and which of its properties and items were looked at on the way."""

    valid: bool = True
    names: set[str] = field(default_factory=set)
    items: set[int] = field(default_factory=set)

    def add(self, other: Seen) -> None:
        """All that another schema has seen; what is not valid has seen nothing."""
        self.valid = self.valid and other.valid
        if other.valid:
            self.names |= other.names
            self.items |= other.items


def is_valid(schema: Json, value: Json) -> bool:
    """Whether a value is valid; references are pointers into the schema."""
    return _seen(schema, value, schema).valid


def same(a: Json, b: Json) -> bool:
    """Whether two values are equal: 1 and 1.0 are, 1 and true are not."""
    return _canonical(a) == _canonical(b)


def _canonical(value: Json) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, list):
        return f"[{','.join(map(_canonical, value))}]"
    if isinstance(value, dict):
        return f"{{{','.join(f'{json.dumps(name)}:{_canonical(value[name])}' for name in sorted(value))}}}"
    return json.dumps(value)


def _seen(schema: Json, value: Json, root: Json) -> Seen:
    if isinstance(schema, bool):
        return Seen(schema)
    seen = Seen()
    for keyword in sorted(schema, key=lambda each: each.startswith("unevaluated")):
        _KEYWORDS.get(keyword, _nothing)(schema, schema[keyword], value, root, seen)
    return seen


def _nothing(schema: Json, said: Json, value: Json, root: Json, seen: Seen) -> None:
    pass


def _scalar(schema: Json, value: Json) -> bool:
    """All keywords that hold no schemas."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    tests = {
        "type": lambda said: any(_has_type(value, each) for each in ([said] if isinstance(said, str) else said)),
        "enum": lambda said: any(same(value, each) for each in said),
        "const": lambda said: same(value, said),
        "minimum": lambda said: not number or value >= said,
        "maximum": lambda said: not number or value <= said,
        "exclusiveMinimum": lambda said: not number or value > said,
        "exclusiveMaximum": lambda said: not number or value < said,
        "multipleOf": lambda said: not number or Fraction(str(value)) % Fraction(str(said)) == 0,
        "minLength": lambda said: not isinstance(value, str) or len(value) >= said,
        "maxLength": lambda said: not isinstance(value, str) or len(value) <= said,
        "pattern": lambda said: not isinstance(value, str) or bool(re.search(said, value)),
        "minItems": lambda said: not isinstance(value, list) or len(value) >= said,
        "maxItems": lambda said: not isinstance(value, list) or len(value) <= said,
        "uniqueItems": lambda said: not said or not isinstance(value, list) or _all_differ(value),
        "required": lambda said: not isinstance(value, dict) or set(said) <= set(value),
        "minProperties": lambda said: not isinstance(value, dict) or len(value) >= said,
        "maxProperties": lambda said: not isinstance(value, dict) or len(value) <= said,
        "dependentRequired": lambda said: (
            not isinstance(value, dict) or all(set(said[name]) <= set(value) for name in said if name in value)
        ),
    }
    return all(tests[keyword](schema[keyword]) for keyword in schema if keyword in tests)


def _has_type(value: Json, name: str) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if name in ("number", "integer"):
        return number and (name == "number" or value == int(value))
    return isinstance(value, KINDS[name])


def _all_differ(items: list[Json]) -> bool:
    return len(set(map(_canonical, items))) == len(items)


def _ref(schema: Json, said: Json, value: Json, root: Json, seen: Seen) -> None:
    target = root
    for step in said.split("/")[1:]:
        target = target[step]
    seen.add(_seen(target, value, root))


def _all_of(schema: Json, said: Json, value: Json, root: Json, seen: Seen) -> None:
    for each in said:
        seen.add(_seen(each, value, root))


def _any_of(schema: Json, said: Json, value: Json, root: Json, seen: Seen) -> None:
    ways = [each for each in (_seen(each, value, root) for each in said) if each.valid]
    seen.valid = seen.valid and bool(ways)
    for way in ways:
        seen.add(way)


def _one_of(schema: Json, said: Json, value: Json, root: Json, seen: Seen) -> None:
    ways = [each for each in (_seen(each, value, root) for each in said) if each.valid]
    seen.valid = seen.valid and len(ways) == 1
    for way in ways:
        seen.add(way)


def _not(schema: Json, said: Json, value: Json, root: Json, seen: Seen) -> None:
    seen.valid = seen.valid and not _seen(said, value, root).valid


def _if(schema: Json, said: Json, value: Json, root: Json, seen: Seen) -> None:
    condition = _seen(said, value, root)
    if condition.valid:
        seen.add(condition)
    seen.add(_seen(schema.get("then" if condition.valid else "else", True), value, root))


def _dependent(schema: Json, said: Json, value: Json, root: Json, seen: Seen) -> None:
    for name, inner in said.items():
        if isinstance(value, dict) and name in value:
            seen.add(_seen(inner, value, root))


def _member(name: str, inner: Json, value: Json, root: Json, seen: Seen) -> None:
    seen.names.add(name)
    seen.valid = seen.valid and _seen(inner, value[name], root).valid


def _properties(schema: Json, said: Json, value: Json, root: Json, seen: Seen) -> None:
    for name in said if isinstance(value, dict) else ():
        if name in value:
            _member(name, said[name], value, root, seen)


def _patterns(schema: Json, said: Json, value: Json, root: Json, seen: Seen) -> None:
    for pattern, inner in said.items() if isinstance(value, dict) else ():
        for name in value:
            if re.search(pattern, name):
                _member(name, inner, value, root, seen)


def _additional(schema: Json, said: Json, value: Json, root: Json, seen: Seen) -> None:
    known, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    for name in value if isinstance(value, dict) else ():
        if name not in known and not any(re.search(each, name) for each in patterns):
            _member(name, said, value, root, seen)


def _names(schema: Json, said: Json, value: Json, root: Json, seen: Seen) -> None:
    for name in value if isinstance(value, dict) else ():
        seen.valid = seen.valid and _seen(said, name, root).valid


def _unevaluated(schema: Json, said: Json, value: Json, root: Json, seen: Seen) -> None:
    for name in set(value) - seen.names if isinstance(value, dict) else ():
        _member(name, said, value, root, seen)


def _prefix(schema: Json, said: Json, value: Json, root: Json, seen: Seen) -> None:
    for at, (inner, item) in enumerate(zip(said, value if isinstance(value, list) else ())):
        seen.items.add(at)
        seen.valid = seen.valid and _seen(inner, item, root).valid


def _items(schema: Json, said: Json, value: Json, root: Json, seen: Seen) -> None:
    for at in range(len(schema.get("prefixItems", ())), len(value) if isinstance(value, list) else 0):
        seen.items.add(at)
        seen.valid = seen.valid and _seen(said, value[at], root).valid


def _contains(schema: Json, said: Json, value: Json, root: Json, seen: Seen) -> None:
    if isinstance(value, list):
        hits = {at for at, item in enumerate(value) if _seen(said, item, root).valid}
        seen.items |= hits
        low, high = schema.get("minContains", 1), schema.get("maxContains", len(value))
        seen.valid = seen.valid and low <= len(hits) <= high


def _unevaluated_items(schema: Json, said: Json, value: Json, root: Json, seen: Seen) -> None:
    for at in set(range(len(value))) - seen.items if isinstance(value, list) else ():
        seen.items.add(at)
        seen.valid = seen.valid and _seen(said, value[at], root).valid


def _plain(schema: Json, said: Json, value: Json, root: Json, seen: Seen) -> None:
    seen.valid = seen.valid and _scalar(schema, value)


_KEYWORDS = {
    "$ref": _ref, "allOf": _all_of, "anyOf": _any_of, "oneOf": _one_of, "not": _not, "if": _if,
    "dependentSchemas": _dependent, "properties": _properties, "patternProperties": _patterns,
    "additionalProperties": _additional, "propertyNames": _names, "unevaluatedProperties": _unevaluated,
    "prefixItems": _prefix, "items": _items, "contains": _contains, "unevaluatedItems": _unevaluated_items,
    **dict.fromkeys(
        ("type", "enum", "const", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf",
         "minLength", "maxLength", "pattern", "minItems", "maxItems", "uniqueItems", "required", "minProperties",
         "maxProperties", "dependentRequired"), _plain,
    ),
}  # fmt: skip
