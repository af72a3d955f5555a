"""The subset of JSON schema that OpenAI's strict mode takes."""

from __future__ import annotations

from typing import Any

from ..answer import Refused, as_json

REFUSED = (
    "allOf",
    "not",
    "if",
    "then",
    "else",
    "dependentRequired",
    "dependentSchemas",
    "default",
    "oneOf",
    "patternProperties",
)
MOST_PROPERTIES, MOST_DEPTH, MOST_ENUM, MOST_CHARS = 5000, 10, 1000, 120_000


def check_strict(schema: Any, name: str) -> None:
    """Raises Refused for a schema beyond the subset."""
    if not isinstance(schema, dict) or schema.get("type") != "object" or "anyOf" in schema:
        raise _invalid(name, "()", "schema must be a JSON Schema of 'type: \"object\"'")
    counts = {"properties": 0, "enum": 0, "chars": 0}
    _check(schema, name, (), 0, counts)
    if counts["properties"] > MOST_PROPERTIES or counts["enum"] > MOST_ENUM or counts["chars"] > MOST_CHARS:
        raise _invalid(name, "()", f"it is too large: {counts}")


def _check(schema: Any, name: str, place: tuple[str, ...], depth: int, counts: dict[str, int]) -> None:
    if not isinstance(schema, dict):
        raise _invalid(name, place, f"{schema!r} is not a schema")
    if depth > MOST_DEPTH:
        raise _invalid(name, place, f"it is nested more than {MOST_DEPTH} levels deep")
    for word in REFUSED:
        if word in schema:
            raise _invalid(name, place, f"'{word}' is not permitted")
    counts["enum"] += len(schema.get("enum", ()))
    counts["chars"] += sum(len(str(each)) for each in schema.get("enum", ())) + len(str(schema.get("const", "")))
    if schema.get("type") == "object" or "properties" in schema:
        _check_object(schema, name, place, counts)
    for key, each in schema.get("properties", {}).items():
        _check(each, name, (*place, "properties", key), depth + 1, counts)
    for key in ("items",):
        if key in schema:
            _check(schema[key], name, (*place, key), depth + 1, counts)
    for at, each in enumerate(schema.get("anyOf", ())):
        _check(each, name, (*place, "anyOf", str(at)), depth, counts)
    _check_first_keys(schema.get("anyOf", ()), name, place)
    for key, each in schema.get("$defs", {}).items():
        _check(each, name, (*place, "$defs", key), depth, counts)


def _check_object(schema: dict[str, Any], name: str, place: tuple[str, ...], counts: dict[str, int]) -> None:
    properties = schema.get("properties", {})
    counts["properties"] += len(properties)
    counts["chars"] += sum(map(len, properties))
    if schema.get("additionalProperties") is not False:
        raise _invalid(name, place, "'additionalProperties' is required to be supplied and to be false")
    if missing := [key for key in properties if key not in schema.get("required", ())]:
        why = f"'required' must be an array including every key in properties. Missing '{missing[0]}'"
        raise _invalid(name, place, why)


def _check_first_keys(options: Any, name: str, place: tuple[str, ...]) -> None:
    firsts = [next(iter(each["properties"])) for each in options if isinstance(each, dict) and each.get("properties")]
    if len(set(firsts)) < len(firsts):
        raise _invalid(name, place, "objects of one anyOf must not share their first key")


def _invalid(name: str, place: object, why: str) -> Refused:
    context = as_json(list(place)) if isinstance(place, tuple) else place
    message = f"Invalid schema for response_format '{name}': In context={context}, {why}."
    return Refused("invalid", message, param="response_format", code="invalid_json_schema")
