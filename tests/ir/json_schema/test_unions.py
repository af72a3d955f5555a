"""Unions among what stands around them: exactly one branch, whether told apart inside, outside or not at all."""

from __future__ import annotations

import json
import random
from itertools import permutations

import pytest

from lmc.ir.automaton.dfa import CharDfa
from lmc.ir.json_schema.findings import NotRegular
from lmc.ir.json_schema.lower import lower, lowering_of
from lmc.ir.json_schema.source import SchemaSource
from lmc.parser.schema.parse import parse_schema
from tests.ir.json_schema.test_lower import accepted, holds

OBJECT = {"type": "object"}


def told_by(name, value, **more):
    """A branch that says nothing of types: its property has one value."""
    return {"properties": {name: {"const": value}}, "required": [name], **more}


def exclusion_of(schema):
    """What is known of a schema's `oneOf` at its root."""
    cx = lowering_of(parse_schema(schema))
    return cx.shapes.exclusion(SchemaSource(cx.whole.schema, "#", ""))


A_OR_FREE = {"properties": {"k": {"const": "a"}}}
PLAIN = {
    "the type is said outside": {**OBJECT, "oneOf": [told_by("kind", "a"), told_by("kind", "b"), told_by("kind", "c")]},
    "the type is not said": {"oneOf": [told_by("kind", 1), told_by("kind", 2.5)]},
    "one has a number, one has not": {**OBJECT, "oneOf": [
        {"properties": {"a": {"type": kind}}, "required": ["a"]} for kind in ("integer", "string")]},
    "required outside": {**OBJECT, "required": ["k"], "oneOf": [
        {"properties": {"k": {"enum": [n, str(n)]}}} for n in range(40)]},
    "a property is there or not": {**OBJECT, "oneOf": [{"required": ["a"]}, {"not": {"required": ["a"]}}]},
    "a property is there or false": {**OBJECT, "oneOf": [{"required": ["a"]}, {"properties": {"a": False}}]},
    "closed": {**OBJECT, "oneOf": [{"required": ["a"]}, {"properties": {"b": True}, "additionalProperties": False}]},
    "by a reference and allOf": {
        **OBJECT, "$defs": {"k": {"required": ["k"]}, "a": {"allOf": [{"$ref": "#/$defs/k"}, A_OR_FREE]}},
        "oneOf": [{"$ref": "#/$defs/a"}, {"allOf": [told_by("k", "b")]}]},
    "one value, or any other": {**OBJECT, "oneOf": [
        told_by("k", "a"), {"properties": {"k": {"not": {"enum": ["a", 1]}}}}]},
    "an inner union": {**OBJECT, "oneOf": [{"oneOf": [told_by("k", "a"), told_by("k", "b")]}, told_by("k", "c")]},
    "an inner discriminator": {**OBJECT, "oneOf": [
        {"properties": {"meta": told_by("v", n, type="object")}, "required": ["meta"]} for n in range(3)]},
    "a pattern": {**OBJECT, "required": ["k"], "oneOf": [
        {"properties": {"k": {"pattern": "^x-"}}}, {"properties": {"k": {"enum": ["a", "b"]}}}]},
    "bounds": {"type": "integer", "oneOf": [
        {"maximum": 0}, {"exclusiveMinimum": 0, "maximum": 9}, {"exclusiveMinimum": 9}]},
    "fixed first items": {"type": "array", "minItems": 1, "oneOf": [{"prefixItems": [{"const": n}]} for n in range(3)]},
}  # fmt: skip


@pytest.mark.parametrize("name", PLAIN)
def test_branches_are_told_apart_by_what_they_and_their_surroundings_say(name):
    """No complement is made, so the texts stay as free as those of `anyOf`."""
    assert exclusion_of(PLAIN[name]).is_plain


@pytest.mark.parametrize(
    "schema",
    [
        {**OBJECT, "oneOf": [{"required": ["a"]}, {"required": ["b"]}]},
        {**OBJECT, "oneOf": [told_by("a", 1), told_by("b", 1)]},
        {**OBJECT, "oneOf": [told_by("a", 1), told_by("a", 1.0)]},
        {"oneOf": [{"type": "number"}, {"type": "integer"}]},
        {"oneOf": [{"maxLength": 3}, {"minLength": 3}], "type": "string"},
        {"oneOf": [{"properties": {"a": {"const": n}}} for n in (1, 2)], **OBJECT},
    ],
)
def test_branches_that_share_a_value_are_not_told_apart(schema):
    """Then each stands under a complement."""
    assert not exclusion_of(schema).is_plain


def test_a_value_of_a_kind_that_two_branches_say_nothing_of_is_in_both():
    """A discriminated union without a type: every text and number satisfies all of the branches."""
    schema = {"oneOf": [told_by("kind", "a"), told_by("kind", "b")]}
    texts = ['{"kind":"a"}', '{"kind":"b"}', "1", '"a"', "null", "[]", '{"kind":"c"}', "{}"]

    assert accepted(schema, texts) == texts[:2]


def test_a_union_reached_by_two_ways_is_read_in_each_surrounding():
    """Told apart only where the discriminator is required: in the other place a value may be in both branches."""
    union = {"oneOf": [{"properties": {"k": {"const": "a"}}}, {"properties": {"k": {"const": "b"}}}]}
    strict = {**OBJECT, "required": ["k"], "$ref": "#/$defs/union"}
    schema = {"$defs": {"union": union}, "anyOf": [strict, {"type": "array", "items": {"$ref": "#/$defs/union"}}]}
    texts = ['{"k":"a"}', "{}", '[{"k":"b"}]', "[{}]", "[1]", "[]"]

    assert accepted(schema, texts) == ['{"k":"a"}', '[{"k":"b"}]', "[]"]


# --- an oracle: random unions in random surroundings ----------------------------------------------------------

NAMES = ("k", "a", "b")
MEMBERS = [None, 1, 2, "a", "b", {"k": 1}]
VALUES = [
    *(None, True, 1, 2, 2.5, "a", "b", [], [1], {}),
    *({name: value} for name in NAMES for value in MEMBERS),
    *({"k": value, name: other} for value in (1, "a", "b") for name in "ab" for other in (1, "a", {"k": 1})),
]


def random_facts(rng, depth):
    """A schema, mostly of objects, that often tells itself apart from others by little."""
    kinds = rng.sample(["type", "required", "properties", "const", "enum", "minimum", "maxLength", "union", "not", "if",
                        "allOf"], rng.randint(1, 3))  # fmt: skip
    found = {}
    for kind in kinds:
        match kind:
            case "type":
                found["type"] = rng.choice(["object", "object", "integer", "string", ["object", "string"]])
            case "required":
                found["required"] = rng.sample(NAMES, rng.randint(1, 2))
            case "properties" if depth:
                names = rng.sample(NAMES, rng.randint(1, 2))
                found["properties"] = {name: random_member(rng, depth) for name in names}
            case "const" if rng.random() < 0.3:
                found["const"] = rng.choice(VALUES)
            case "enum" if rng.random() < 0.3:
                found["enum"] = rng.sample(VALUES, 3)
            case "minimum" if rng.random() < 0.3:
                found["minimum"] = 2
            case "maxLength" if rng.random() < 0.3:
                found["maxLength"] = 0
            case "union" if depth:
                found[rng.choice(["oneOf", "oneOf", "anyOf"])] = [
                    random_facts(rng, depth - 1) for _ in range(rng.randint(1, 4))
                ]
            case "not" if depth:
                found["not"] = random_facts(rng, depth - 1)
            case "allOf" if depth:
                found["allOf"] = [random_facts(rng, depth - 1)]
            case "if" if depth:
                found |= {key: random_facts(rng, depth - 1) for key in ("if", "then", "else")}
    return found


def random_member(rng, depth):
    """What a property is asked."""
    if rng.random() < 0.2:
        return random_facts(rng, depth - 1)
    return rng.choice([{"const": rng.choice(MEMBERS)}, {"enum": rng.sample(MEMBERS, 2)}, {"type": "string"}, False])


def referring(schema, definitions, rng):
    """The same with some of its schemas told elsewhere."""
    if not isinstance(schema, dict):
        return schema
    found = {}
    for key, inner in schema.items():
        if key in ("oneOf", "anyOf", "allOf"):
            found[key] = [referring(each, definitions, rng) for each in inner]
        elif key == "properties":
            found[key] = {name: referring(each, definitions, rng) for name, each in inner.items()}
        else:
            found[key] = referring(inner, definitions, rng) if key in ("not", "if", "then", "else") else inner
    if rng.random() < 0.7:
        return found
    definitions.append(found)
    return {"$ref": f"#/$defs/{len(definitions) - 1}"}


def writings(value):
    """The texts of a value, in each order."""
    if not isinstance(value, dict):
        return [json.dumps(value, separators=(",", ":"))]
    return [json.dumps(dict(each), separators=(",", ":")) for each in permutations(value.items())]


def check(seed, depth=2):
    """Every value of a fixed few is judged as the standard judges it."""
    rng = random.Random(seed)
    schema = random_facts(rng, depth)
    definitions: list[object] = []
    written = referring(schema, definitions, rng)
    whole = {"$defs": {str(at): each for at, each in enumerate(definitions)}, **written}
    try:
        dfa = CharDfa(lower(parse_schema(json.dumps(whole))).tree)
    except NotRegular as reason:  # too large to be written
        assert reason.finding.keyword == "(size)"
        return
    for value in VALUES:
        assert any(map(dfa.accepts, writings(value))) == holds(schema, value), (seed, schema, value)


@pytest.mark.parametrize("seed", range(40))
def test_a_random_union_means_what_the_standard_says(seed):
    """Whatever is used of the surroundings, the values are those of the standard."""
    check(seed)


@pytest.mark.slow
@pytest.mark.parametrize("hundred", range(10, 60))
def test_random_unions_mean_what_the_standard_says(hundred):
    """The same at length."""
    for seed in range(hundred * 100, hundred * 100 + 100):
        check(seed, depth=3)


def test_an_array_that_a_complement_cannot_tell_apart_is_looked_at_at_its_end():
    """Whether its items repeat is known of a whole text alone."""
    lists = {"type": "array", "items": {"type": "string"}, "uniqueItems": True}
    branches = [{"required": ["many"], "properties": {"many": lists}}, {"required": ["one"]}]
    schema = {**OBJECT, "properties": {"many": lists, "one": True}, "oneOf": branches}
    texts = ['{"many":["a"]}', '{"one":1}', '{"many":["a","a"],"one":1}', '{"many":["a"],"one":1}', "{}"]
    lowered = lower(parse_schema(schema))

    assert accepted(schema, texts) == texts[:3]
    assert lowered.broken_by(texts[2]) is not None and lowered.broken_by(texts[0]) is None
