"""JSON schemas made safe for xgrammar: rewritten where it misreads them, refused where it would ignore a part.

The rule: every text that comes out is valid under the user's schema. It may be one of fewer (compact spaces,
properties in the order written, no needless escapes), never one of more. Measured against xgrammar 0.2.8.
"""

from __future__ import annotations

import json
from typing import Any, NoReturn

from lmc.backend.constraint.schema_pattern import full_match
from lmc.backend.constraint.schema_union import are_disjoint
from lmc.errors import ConstraintError

Json = Any  # any JSON value

IGNORED = (
    *("not", "if", "contains", "minContains", "maxContains", "patternProperties", "propertyNames"),
    *("dependentRequired", "dependentSchemas", "dependencies", "unevaluatedItems", "unevaluatedProperties"),
    *("$dynamicRef", "$recursiveRef", "additionalItems"),
)
LENGTH_CHARS = r'[^"\\\x00-\x1f]'
FAMILIES = {
    "string": ("minLength", "maxLength", "pattern", "format"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    "object": ("properties", "required", "additionalProperties", "minProperties", "maxProperties"),
    "array": ("items", "prefixItems", "minItems", "maxItems", "uniqueItems"),
}
SHAPES = ("type", *(keyword for family in FAMILIES.values() for keyword in family))
COMBINERS = ("$ref", "anyOf", "oneOf", "allOf", "enum", "const")

SCHEMA_MAPS = ("properties", "$defs", "definitions")
SCHEMA_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")
SCHEMAS = ("items", "additionalProperties")


def lower_schema(schema: Json) -> str:
    """The schema's text for xgrammar. Raises ConstraintError naming the place and keyword it cannot keep."""
    return json.dumps(_lower(schema, "#", schema), ensure_ascii=False)


def _lower(schema: Json, place: str, root: Json) -> Json:
    if not isinstance(schema, dict):
        return schema
    _check(schema, place)
    lowered = dict(schema)
    for keyword in SCHEMA_MAPS:
        if isinstance(inner := schema.get(keyword), dict):
            lowered[keyword] = {name: _lower(each, f"{place}/{keyword}/{name}", root) for name, each in inner.items()}
    for keyword in SCHEMA_LISTS:
        if isinstance(inner := schema.get(keyword), list):
            lowered[keyword] = [_lower(each, f"{place}/{keyword}/{i}", root) for i, each in enumerate(inner)]
    for keyword in SCHEMAS:
        if keyword in schema:
            lowered[keyword] = _lower(schema[keyword], f"{place}/{keyword}", root)
    if "oneOf" in lowered and are_disjoint(lowered["oneOf"], root):
        lowered["anyOf"] = lowered.pop("oneOf")
    return _with_required(_with_type(_with_length(_with_pattern(lowered, place)), place), place)


def _check(schema: dict[str, Json], place: str) -> None:
    for keyword in IGNORED:
        if keyword in schema:
            _refuse(f"`{keyword}`", place)
    for keyword in ("type", "anyOf", "oneOf", "allOf", "enum"):
        if schema.get(keyword) == []:
            _refuse(f"an empty `{keyword}`", place)
    if schema.get("uniqueItems"):
        _refuse("`uniqueItems`", place)
    if "$id" in schema and place != "#":
        _refuse("`$id`, which moves references", place)
    _check_combiner(schema, place)
    if "pattern" in schema and (beside := [k for k in ("minLength", "maxLength", "format") if k in schema]):
        _refuse(f"`pattern` beside `{beside[0]}`", place, "put the length into the pattern, as in `^[a-z]{2,5}$`")
    if isinstance(schema.get("items"), list):
        _refuse("a list of schemas in `items`", place, "write `prefixItems`")


def _check_combiner(schema: dict[str, Json], place: str) -> None:
    """A combiner makes xgrammar forget what stands beside it; `enum` and `const` may have their type there."""
    combiner = next((keyword for keyword in COMBINERS if keyword in schema), None)
    if combiner is None:
        return
    beside = [k for k in (*SHAPES, *COMBINERS) if k in schema and k != combiner]
    if combiner in ("enum", "const") and beside == ["type"]:
        beside = [] if _of_type(schema, combiner) else beside
    if beside:
        _refuse(f"`{combiner}` beside `{beside[0]}`", place, "put both into each alternative")
    if combiner == "allOf" and len(schema["allOf"]) != 1:
        _refuse("`allOf` of several schemas", place, "merge them into one")
    if combiner == "$ref" and not str(schema["$ref"]).startswith("#"):
        _refuse(f"the reference {schema['$ref']!r} to another document", place, "copy it into `$defs`")


def _of_type(schema: dict[str, Json], combiner: str) -> bool:
    """Whether each allowed value is of the type that stands beside it."""
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    values = schema["enum"] if combiner == "enum" else [schema["const"]]
    return all(any(_is_of(value, name) for name in types) for value in values)


def _is_of(value: Json, name: str) -> bool:
    match value:
        case bool():
            return name == "boolean"
        case int():
            return name in ("integer", "number")
        case float():
            return name == "number" or (name == "integer" and value.is_integer())
        case str():
            return name == "string"
        case list():
            return name == "array"
        case dict():
            return name == "object"
        case _:
            return name == "null"


def _with_pattern(schema: dict[str, Json], place: str) -> dict[str, Json]:
    """A schema's pattern may match anywhere in a text, xgrammar's must match all of it."""
    if not isinstance(pattern := schema.get("pattern"), str):
        return schema
    whole = full_match(pattern)
    if whole is None:
        _refuse(f"the pattern {pattern!r}", place, "use classes, groups, `|`, repeats, and `^` `$` at its ends")
    return schema | {"pattern": whole}


def _with_length(schema: dict[str, Json]) -> dict[str, Json]:
    """xgrammar lets raw control characters into a text of bounded length; a pattern keeps them out."""
    least, most = schema.get("minLength", 0), schema.get("maxLength")
    if (not least and most is None) or "format" in schema:
        return schema
    bounds = f"{{{int(least)},{'' if most is None else int(most)}}}"
    rest = {k: v for k, v in schema.items() if k not in ("minLength", "maxLength")}
    return rest | {"pattern": LENGTH_CHARS + bounds}


def _with_type(schema: dict[str, Json], place: str) -> dict[str, Json]:
    """xgrammar forgets `maxLength` and the like where no type is given: give the one they are about."""
    if "type" in schema:
        return schema
    names = [name for name, keywords in FAMILIES.items() if any(k in schema for k in keywords)]
    if len(names) > 1:
        _refuse(f"no `type` beside keywords for {' and '.join(names)}", place, "give the type")
    return schema | {"type": names[0]} if names else schema


def _with_required(schema: dict[str, Json], place: str) -> dict[str, Json]:
    """xgrammar requires only properties that it knows: list the others too, with the schema they would have."""
    properties, rest = schema.get("properties", {}), schema.get("additionalProperties", True)
    unknown = [name for name in schema.get("required", ()) if name not in properties]
    if not unknown:
        return schema
    if rest is False:
        _refuse(f"the required property {unknown[0]!r} that is no property", place, "add it to `properties`")
    return schema | {"properties": properties | dict.fromkeys(unknown, rest)}


def _refuse(what: str, place: str, help: str = "remove it, or check it after the generation") -> NoReturn:
    raise ConstraintError(
        f"the JSON schema has {what} at `{place}`, which xgrammar would not follow", code="LMC-CN003", help=help
    )
