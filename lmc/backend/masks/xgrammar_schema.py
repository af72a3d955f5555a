"""JSON schemas made safe for xgrammar: rewritten where it misreads them, refused where it would ignore a part.

They are those that our automata do not take: schemas that recur. The rule: every text that comes out is valid under
the user's schema. It may be one of fewer (properties in the order written, no needless escapes, no properties beside
those that are named), never one of more. Measured against xgrammar 0.2.8.
"""

from __future__ import annotations

import re
from typing import Literal, NoReturn

from lmc.backend.masks.xgrammar_pattern import PrintedPattern, print_pattern
from lmc.ir.constraint import JsonSchema
from lmc.ir.json_schema.audit import audit as regular_audit
from lmc.ir.json_schema.exact import write_json
from lmc.ir.json_schema.findings import Finding, NotRegular, SchemaError
from lmc.ir.json_schema.keywords import ANNOTATIONS, DRAFTS, ENFORCED, Json
from lmc.ir.json_schema.lower import lower
from lmc.ir.json_schema.references import References
from lmc.ir.json_schema.source import SchemaSource
from lmc.ir.json_schema.unions import exclusion
from lmc.ir.json_schema.vacancy import Vacancy
from lmc.ir.json_schema.values import KINDS

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


def audit(schema: JsonSchema) -> tuple[Finding, ...]:
    """What the engine makes of each keyword: kept, relaxed, or refused (then `make` raises, saying the same)."""
    try:
        return lower(schema).findings
    except SchemaError:
        return regular_audit(schema)
    except NotRegular as reason:
        try:
            return (*lower_schema(schema)[1], reason.finding)
        except SchemaError as error:
            return (reason.finding, error.finding)


def lower_schema(schema: JsonSchema) -> tuple[str, tuple[Finding, ...]]:
    """The schema's text for xgrammar, and what became of its keywords.

    Raises SchemaError naming the place and keyword it cannot keep.
    """
    lowering = _ForXGrammar(schema)
    text = write_json(lowering.root(schema.schema))
    return text, tuple(lowering.found)


class _ForXGrammar:
    """One schema on its way to xgrammar; `found` is what became of keywords so far."""

    def __init__(self, constraint: JsonSchema) -> None:
        self.found: list[Finding] = []
        self._patterns = constraint.patterns
        self._is_closed = bool(constraint.closed)
        self._references = References(constraint.schema)
        taken = constraint.schema.get("$defs", {}) if isinstance(constraint.schema, dict) else {}
        self._any_name = next(name for n in range(len(taken) + 1) if (name := f"any{n or ''}") not in taken)
        self._has_any = False

    def root(self, schema: Json) -> Json:
        """The whole schema as xgrammar may read it."""
        lowered = self.lower(schema, "#")
        if not self._has_any:
            return lowered
        return lowered | {"$defs": lowered.get("$defs", {}) | {self._any_name: self._any_value()}}

    def lower(self, schema: Json, place: str) -> Json:
        """The schema as xgrammar may read it."""
        if schema is True:
            return self._any()
        if not isinstance(schema, dict):
            return schema
        _check(schema, place)
        self.found += [Finding(place, keyword, *self._verdict(keyword, schema[keyword])) for keyword in schema]
        lowered = dict(schema)
        for keyword in SCHEMA_MAPS:
            if isinstance(inner := schema.get(keyword), dict):
                named = {name: self.lower(each, f"{place}/{keyword}/{name}") for name, each in inner.items()}
                lowered[keyword] = named
        for keyword in SCHEMA_LISTS:
            if isinstance(inner := schema.get(keyword), list):
                lowered[keyword] = [self.lower(each, f"{place}/{keyword}/{i}") for i, each in enumerate(inner)]
        for keyword in SCHEMAS:
            if keyword in schema:
                lowered[keyword] = self.lower(schema[keyword], f"{place}/{keyword}")
        if "oneOf" in lowered and self._is_exclusive(schema["oneOf"], place):
            lowered["anyOf"] = lowered.pop("oneOf")
        typed = self._with_type(_with_length(self._with_pattern(lowered, place)), place)
        return self._closed(self._with_required(self._with_free_parts(typed), place), place)

    def _verdict(self, keyword: str, value: Json) -> tuple[Literal["exact", "relaxed"], str]:
        if keyword == "format":
            return "relaxed", f"only texts of the format {value!r} come out, where xgrammar knows it"
        if keyword == "pattern" and (printed := self._printed(value)) and not printed.is_exact:
            return "relaxed", "only strings that JSON writes without escapes come out"
        if keyword in ENFORCED or keyword in ANNOTATIONS:
            return "exact", ""
        return "relaxed", "an annotation: it says nothing about values"

    def _any(self) -> dict[str, Json]:
        """Any value; xgrammar's own puts a space behind each comma of it, whatever the separators are."""
        self._has_any = True
        return {"$ref": f"#/$defs/{self._any_name}"}

    def _any_value(self) -> dict[str, Json]:
        plain = [{"type": name} for name in ("string", "number", "boolean", "null")]
        array, object = (
            {"type": "array", "items": self._any()},
            {"type": "object", "additionalProperties": self._further()},
        )
        return {"anyOf": [*plain, array, object]}

    def _with_free_parts(self, schema: dict[str, Json]) -> dict[str, Json]:
        """What a schema says nothing of, said: any value, any items, any properties."""
        if not any(keyword in schema for keyword in ("type", *COMBINERS)):
            return schema | self._any()
        types = schema.get("type", [])
        types = types if isinstance(types, list) else [types]
        if "array" in types and "items" not in schema:
            schema = schema | {"items": self._any()}
        if "object" in types and "additionalProperties" not in schema and not schema.get("properties"):
            schema = schema | {"additionalProperties": self._further()}
        return schema

    def _further(self) -> Json:
        """Properties of which a schema says nothing."""
        return False if self._is_closed else self._any()

    def _is_exclusive(self, branches: list[Json], place: str) -> bool:
        base = self._references.root.base
        source = SchemaSource({"oneOf": branches}, place, base)
        return len(exclusion(source, Vacancy(self._references, {})).apart) == len(KINDS)

    def _with_pattern(self, schema: dict[str, Json], place: str) -> dict[str, Json]:
        """A schema's pattern may match anywhere in a text, xgrammar's must match all of it."""
        if not isinstance(pattern := schema.get("pattern"), str):
            return schema
        printed = self._printed(pattern)
        if printed is None:
            _refuse(f"the pattern {pattern!r}", place, "use classes, groups, `|`, repeats, and `^` `$` at its ends")
        return schema | {"pattern": printed.text}

    def _printed(self, pattern: Json) -> PrintedPattern | None:
        tree = self._patterns.get(pattern, "")
        return None if isinstance(tree, str) else print_pattern(tree)

    def _with_type(self, schema: dict[str, Json], place: str) -> dict[str, Json]:
        """xgrammar forgets `maxLength` and the like where no type is given: give the one they are about."""
        if "type" in schema:
            return schema
        names = [name for name, keywords in FAMILIES.items() if any(k in schema for k in keywords)]
        if len(names) > 1:
            _refuse(f"no `type` beside keywords for {' and '.join(names)}", place, "give the type")
        if names:
            self.found.append(Finding(place, "type", "relaxed", f"nothing but {names[0]}s come out; give the type"))
        return schema | {"type": names[0]} if names else schema

    def _with_required(self, schema: dict[str, Json], place: str) -> dict[str, Json]:
        """xgrammar requires only properties that it knows: list the others too, with the schema they would have."""
        properties = schema.get("properties", {})
        unknown = [name for name in schema.get("required", ()) if name not in properties]
        if not unknown:
            return schema
        rest = schema["additionalProperties"] if "additionalProperties" in schema else self._any()
        if rest is False:
            _refuse(f"the required property {unknown[0]!r} that is not a property", place, "add it to `properties`")
        return schema | {"properties": properties | dict.fromkeys(unknown, rest)}

    def _closed(self, schema: dict[str, Json], place: str) -> dict[str, Json]:
        """xgrammar lets a further property repeat a named one in another spelling: `{"a":1,"\\u0061":"x"}`."""
        types = schema.get("type", [])
        if "object" not in (types if isinstance(types, list) else [types]):
            return schema
        if not schema.get("properties"):
            if schema.get("minProperties", 0) > 1 and schema.get("additionalProperties") is not False:
                _refuse("`minProperties` above 1 beside properties without names", place, "name them in `properties`")
            return schema
        if schema.get("additionalProperties", True) is not False:
            self.found.append(Finding(place, "additionalProperties", "relaxed", "only named properties come out"))
        return schema | {"additionalProperties": False}


def _check(schema: dict[str, Json], place: str) -> None:
    for keyword in IGNORED:
        if keyword in schema:
            _refuse(f"`{keyword}`", place)
    for keyword in ("type", "anyOf", "oneOf", "allOf", "enum"):
        if schema.get(keyword) == []:
            _refuse(f"an empty `{keyword}`", place)
    if schema.get("uniqueItems"):
        _refuse("`uniqueItems`", place)
    if schema.get("$schema", DRAFTS[0]).rstrip("#") not in DRAFTS:
        _refuse("another `$schema`", place, "leave it out")
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


def _with_length(schema: dict[str, Json]) -> dict[str, Json]:
    """xgrammar lets raw control characters into a text of bounded length; a pattern keeps them out."""
    least, most = schema.get("minLength", 0), schema.get("maxLength")
    if (not least and most is None) or "format" in schema:
        return schema
    bounds = f"{{{int(least)},{'' if most is None else int(most)}}}"
    rest = {k: v for k, v in schema.items() if k not in ("minLength", "maxLength")}
    return rest | {"pattern": LENGTH_CHARS + bounds}


def _refuse(what: str, place: str, help: str = "remove it, or check it after the generation") -> NoReturn:
    named = re.search(r"`([^`]+)`", what)
    finding = Finding(place, named[1] if named else "pattern", "refused", f"xgrammar would not follow {what}")
    message = f"the JSON schema has {what} at `{place}`, which xgrammar would not follow"
    raise SchemaError(finding, help, message)
