"""The subset of JSON schema that Anthropic's structured output takes."""

from __future__ import annotations

from typing import Any

from ..answer import Refused

KNOWN = frozenset(
    (
        *("type", "enum", "const", "anyOf", "allOf", "$ref", "$defs", "definitions", "format", "minItems"),
        *("properties", "required", "additionalProperties", "items", "description", "title", "default"),
    )
)
FORMATS = frozenset(("date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"))


def check_claude(schema: Any) -> None:
    """Raises Refused for a schema beyond the subset."""
    if not isinstance(schema, dict):
        raise _invalid(f"{schema!r} is not a schema")
    _check(schema, schema, ())


def _check(schema: Any, root: dict[str, Any], seen: tuple[str, ...]) -> None:
    if not isinstance(schema, dict):
        raise _invalid(f"{schema!r} is not a schema")
    if unknown := sorted(schema.keys() - KNOWN):
        raise _invalid(f"For '{schema.get('type', 'any')}' type, property '{unknown[0]}' is not supported")
    if schema.get("minItems", 0) > 1:
        raise _invalid("For 'array' type, 'minItems' values other than 0 or 1 are not supported")
    if schema.get("format", "date") not in FORMATS:
        raise _invalid(f"format '{schema['format']}' is not supported")
    if (schema.get("type") == "object" or "properties" in schema) and schema.get("additionalProperties") is not False:
        raise _invalid("For 'object' type, 'additionalProperties' must be explicitly set to false")
    reference = schema.get("$ref")
    if reference in seen:
        raise _invalid("Circular references are not supported")
    if reference is not None:
        _check(_named(reference, root), root, (*seen, reference))
    inner = [*schema.get("properties", {}).values(), *schema.get("anyOf", ()), *schema.get("allOf", ())]
    for each in [*inner, *([schema["items"]] if "items" in schema else [])]:
        _check(each, root, seen)


def _named(reference: str, root: dict[str, Any]) -> Any:
    found: Any = root
    for name in reference.removeprefix("#").strip("/").split("/"):
        found = found.get(name) if isinstance(found, dict) and name else found if not name else None
    return found


def _invalid(why: str) -> Refused:
    return Refused("invalid", f"output_config.format.schema: {why}")
