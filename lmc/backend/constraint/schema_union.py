"""Whether the branches of a JSON schema's `oneOf` exclude each other: then it means the same as `anyOf`.

xgrammar sees this only where branches are written in place; a pydantic union of models has them in `$defs`.
"""

from __future__ import annotations

import json
from itertools import combinations
from typing import Any

Json = Any  # any JSON value

_NUMBERS = {"integer", "number"}


def are_disjoint(branches: list[Json], root: Json) -> bool:
    """Whether no value satisfies two of them, by type or by a property that both require; False where not known."""
    resolved = [_resolved(branch, root) for branch in branches]
    return all(_exclude(a, b) for a, b in combinations(resolved, 2))


def _resolved(schema: Json, root: Json) -> dict[str, Json]:
    """The schema behind a chain of local references; {} where there is none to find."""
    for _ in range(16):
        if not isinstance(schema, dict) or "$ref" not in schema:
            break
        schema = _at(root, str(schema["$ref"]))
    return schema if isinstance(schema, dict) else {}


def _at(root: Json, reference: str) -> Json:
    for name in reference.removeprefix("#").split("/")[1:]:
        root = root.get(name) if isinstance(root, dict) else None
    return root if reference.startswith("#") else None


def _exclude(a: dict[str, Json], b: dict[str, Json]) -> bool:
    types = _types(a), _types(b)
    if types[0] and types[1] and types[0].isdisjoint(types[1]):
        return True
    shared = set(_required(a)) & set(_required(b))
    return any(_values_exclude(a["properties"][name], b["properties"][name]) for name in shared)


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
