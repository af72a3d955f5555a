"""Whether the branches of a `oneOf` exclude each other: then it means the same as `anyOf`.

By type, or by a property that both require and that has different values: a pydantic union with a discriminator.
"""

from __future__ import annotations

import json
from itertools import combinations

from lmc.ir.json_schema.keywords import Json
from lmc.ir.json_schema.references import References
from lmc.ir.json_schema.source import SchemaSource

_NUMBERS = {"integer", "number"}
MAX_CHAIN = 16


def are_disjoint(branches: list[SchemaSource], references: References) -> bool:
    """Whether no value satisfies two of them; False where that is not plain."""
    resolved = [_resolved(branch, references) for branch in branches]
    return all(_exclude(a, b, references) for a, b in combinations(resolved, 2))


def _resolved(source: SchemaSource, references: References) -> SchemaSource:
    """The schema behind a chain of references; an empty one where there is none to find."""
    for _ in range(MAX_CHAIN):
        schema = source.schema
        if not isinstance(schema, dict):
            break
        if "$ref" not in schema:
            return source
        target = references.resolve(schema["$ref"], source.base)
        if target is None:
            break
        source = SchemaSource(target.schema, target.place, target.base)
    return SchemaSource({}, source.place, source.base)


def _exclude(a: SchemaSource, b: SchemaSource, references: References) -> bool:
    types = _types(a.schema), _types(b.schema)
    if types[0] and types[1] and types[0].isdisjoint(types[1]):
        return True
    if types[0] != {"object"} or types[1] != {"object"}:
        return _values_exclude(a.schema, b.schema)
    shared = set(_required(a.schema)) & set(_required(b.schema))
    return any(
        _values_exclude(*(_resolved(each.at("properties", name), references).schema for each in (a, b)))
        for name in shared
    )


def _types(schema: dict[str, Json]) -> set[str]:
    """The types that a value may have, a whole number being both kinds; nothing where not known."""
    types = schema.get("type", [])
    names = set(types) if isinstance(types, list) else {types}
    return names | _NUMBERS if names & _NUMBERS else names


def _required(schema: dict[str, Json]) -> list[str]:
    properties = schema.get("properties", {})
    return [name for name in schema.get("required", ()) if isinstance(properties.get(name), dict)]


def _values_exclude(a: dict[str, Json], b: dict[str, Json]) -> bool:
    values = _values(a), _values(b)
    return bool(values[0] and values[1] and values[0].isdisjoint(values[1]))


def _values(schema: dict[str, Json]) -> set[str]:
    """The strings that are allowed, as JSON; nothing where others are (1 and 1.0 are equal, so only strings count)."""
    values = [schema["const"]] if "const" in schema else schema.get("enum", [])
    return {json.dumps(v) for v in values} if all(isinstance(v, str) for v in values) else set()
