"""Where a JSON schema goes beyond what an API enforces: which keyword, at which place."""

from __future__ import annotations

import pytest

from lmc.ir.json_schema.subsets import beyond

INT, TEXT = {"type": "integer"}, {"type": "string"}


def obj(properties: dict, *required: str, **more) -> dict:
    """A closed object; all its properties are required where none is named."""
    names = list(required or properties)
    return {"type": "object", "properties": properties, "required": names, "additionalProperties": False, **more}


def places(schema, subset: str, *, is_closed: bool = False) -> list[tuple[str, str]]:
    return [(each.place, each.what) for each in beyond(schema, subset, is_closed=is_closed)]


DEEP: dict = TEXT
for _ in range(11):
    DEEP = obj({"a": DEEP})

BEYOND = [
    # schema, beyond OpenAI's strict part, beyond Anthropic's
    (obj({"a": INT, "b": {**TEXT, "format": "date"}}), [], []),
    (obj({"a": {"enum": [1, None]}, "b": {"const": 2}}, description="said", title="T", default={}), [], []),
    (obj({"a": {**INT, "minimum": 0, "multipleOf": 2}}), [],
     [("#/properties/a", "`minimum`"), ("#/properties/a", "`multipleOf`")]),
    (obj({"a": {**TEXT, "pattern": "^x"}}), [], [("#/properties/a", "`pattern`")]),
    (obj({"a": {**TEXT, "minLength": 1}}), [("#/properties/a", "`minLength`")], [("#/properties/a", "`minLength`")]),
    (obj({"a": {**TEXT, "format": "regex"}}), [], [("#/properties/a", "`format` 'regex'")]),
    (obj({"a": {"type": "array", "items": INT, "minItems": 1}}), [], []),
    (obj({"a": {"type": "array", "items": INT, "minItems": 2}}), [], [("#/properties/a", "`minItems` 2")]),
    (obj({"a": {"type": "array", "items": INT, "maxItems": 2}}), [], [("#/properties/a", "`maxItems`")]),
    (obj({"a": INT, "b": INT}, "a"), [("#/properties/b", "a property that may be missing")], []),
    ({"type": "object", "properties": {"a": INT}, "required": ["a"]},
     [("#", "an object that may have other properties")], [("#", "an object that may have other properties")]),
    (obj({"a": INT}) | {"additionalProperties": INT},
     [("#", "an object that may have other properties")], [("#", "an object that may have other properties")]),
    (INT, [("#", "a root that is no object")], []),
    ({"anyOf": [obj({"a": INT}), obj({"b": INT})]}, [("#", "`anyOf` at its root")], []),
    (obj({"x": {"anyOf": [obj({"a": INT}), obj({"a": TEXT})]}}),
     [("#/properties/x/anyOf", "two objects that both begin with 'a'")], []),
    (obj({"x": {"anyOf": [obj({"a": INT}), {"type": "null"}]}}), [], []),
    (obj({"x": {"oneOf": [INT, TEXT]}}),
     [("#/properties/x", "`oneOf`"), ("#/properties/x", "a schema without a type")], [("#/properties/x", "`oneOf`")]),
    (obj({"x": {"allOf": [INT]}}),
     [("#/properties/x", "`allOf`"), ("#/properties/x", "a schema without a type")], []),
    (obj({"x": {**INT, "not": {"const": 1}}}), [("#/properties/x", "`not`")], [("#/properties/x", "`not`")]),
    (obj({"x": True}), [("#/properties/x", "the schema `true`")], [("#/properties/x", "the schema `true`")]),
    (obj({"a/b": {**INT, "contains": INT}}),
     [("#/properties/a~1b", "`contains`")], [("#/properties/a~1b", "`contains`")]),
    (obj({"a": {"type": "array", "items": {"$ref": "#"}}}), [],
     [("#/properties/a/items", "a schema that holds itself (`$ref` '#')")]),
    (obj({"a": {"$ref": "#/$defs/N"}}, **{"$defs": {"N": INT}}), [], []),
    (obj({"a": {"$ref": "#/$defs/N"}}, **{"$defs": {"N": obj({"next": {"$ref": "#/$defs/N"}})}}), [],
     [("#/$defs/N/properties/next", "a schema that holds itself (`$ref` '#/$defs/N')")]),
    (obj({"a": {"enum": [f"{i}" for i in range(1001)]}}), [("#", "1001 values of enums, and it takes 1000")], []),
    (obj({"a": {"enum": ["x" * 60 + str(i) for i in range(251)]}}),
     [("#/properties/a", "an enum of more than 15000 characters")], []),
]  # fmt: skip


@pytest.mark.parametrize("schema, strict, anthropic", BEYOND, ids=[str(schema)[:70] for schema, _, _ in BEYOND])
def test_what_goes_beyond_is_found_at_its_place(schema, strict, anthropic) -> None:
    """For each of the two parts, and nothing for the whole."""
    assert places(schema, "openai_strict") == strict
    assert places(schema, "anthropic") == anthropic
    assert places(schema, "full") == []


def test_objects_that_are_closed_by_the_call_need_not_say_so() -> None:
    """Those that say they are open still are."""
    silent = {"type": "object", "properties": {"a": INT}, "required": ["a"]}
    assert places(silent, "anthropic", is_closed=True) == []
    assert places(silent | {"additionalProperties": True}, "anthropic", is_closed=True) != []


def test_a_deep_schema_is_too_deep_once() -> None:
    """Where the eleventh level begins."""
    assert [what for _, what in places(DEEP, "openai_strict")] == ["more than 10 levels of objects and arrays"]
    assert places(DEEP, "anthropic") == []


def test_every_finding_says_what_to_do() -> None:
    """In some words of its own."""
    found = [each for schema, _, _ in BEYOND for subset in ("openai_strict", "anthropic") for each in
             beyond(schema, subset, is_closed=False)]  # fmt: skip
    assert len(found) > 25 and all(len(each.help) > 8 for each in found)
