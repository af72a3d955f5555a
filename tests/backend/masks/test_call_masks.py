"""Schemas that contain themselves on our own automata: exact masks whatever the stack, ends, jumps, forks."""

from __future__ import annotations

import json
import random

import numpy as np
import pytest

import lmc
from lmc.backend.masks.ending_masks import PlacesMasks
from lmc.backend.masks.factory import ConstraintMasks
from lmc.ir.automaton.calls import call_dfa, shortest_call
from lmc.ir.json_schema.regular import texts_of
from lmc.parser.schema.parse import parse_schema

LIST = {
    "$defs": {
        "node": {
            "type": "object",
            "properties": {"v": {"type": "integer"}, "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}},
            "required": ["v"],
            "additionalProperties": False,
        }
    },
    "$ref": "#/$defs/node",
}
TREE = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "kids": {"type": "array", "items": {"$ref": "#"}}},
    "required": ["name"],
    "additionalProperties": False,
}
EXPRESSION = {
    "$defs": {"several": {"type": "array", "items": {"$ref": "#"}, "minItems": 2}},
    "oneOf": [
        {"type": "number"},
        {
            "type": "object",
            "properties": {
                "op": {"enum": ["+", "é"]},
                "args": {"type": "array", "items": {"$ref": "#"}, "minItems": 2},
            },
            "required": ["op", "args"],
            "additionalProperties": False,
        },
    ],
}
# where one byte may begin several places: they are told apart later, or never
APART = {
    "type": "array",
    "items": {"$ref": "#"},
    "contains": {"type": "array", "minItems": 1},
    "minContains": 0,
    "maxContains": 1,
}
SCHEMAS = (LIST, TREE, EXPRESSION, APART, {"items": {"$ref": "#"}})


@pytest.fixture
def automata(tokenizer):
    return ConstraintMasks(tokenizer, tokenizer.vocab_size)


def accepts(automata, tokenizer, schema, value):
    """Whether a value's text may come out, token by token."""
    text = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    matcher = automata.make(parse_schema(schema))
    return all(matcher.accept(token) for token in tokenizer.encode(text)) and matcher.can_stop()


@pytest.mark.parametrize("schema", SCHEMAS)
def test_a_mask_is_what_each_token_by_itself_is(automata, schema):
    """Along random texts, every token of the vocabulary, walked byte by byte."""
    matcher = automata.make(parse_schema(schema))
    masks = matcher._masks
    assert isinstance(masks, PlacesMasks)
    rng = random.Random(1)
    for _ in range(3):
        state = masks.start
        for _ in range(12):
            one_by_one = np.array([masks.next(state, token) != 0 for token in range(masks.num_ids)])
            assert (masks.allowed(state) == one_by_one).all()
            if not one_by_one.any():
                break
            short = [token for token in np.flatnonzero(one_by_one) if len(masks.spelling(token)) < 4]
            state = masks.next(state, int(rng.choice(short or list(np.flatnonzero(one_by_one)))))


def test_values_within_values_are_taken_at_any_depth(automata, tokenizer):
    """And nothing that breaks a keyword there."""
    deep = '{"v":1,"next":' * 50 + "null" + "}" * 50
    assert accepts(automata, tokenizer, LIST, deep)
    assert not accepts(automata, tokenizer, LIST, deep.replace("null", '""'))
    assert accepts(automata, tokenizer, TREE, {"name": "a", "kids": [{"name": "b"}, {"name": "c", "kids": []}]})
    assert not accepts(automata, tokenizer, TREE, {"name": "a", "kids": [{"kids": []}]})
    sum_of = {"op": "+", "args": [1, {"op": "é", "args": [2.5, -3]}]}
    assert accepts(automata, tokenizer, EXPRESSION, sum_of)
    assert not accepts(automata, tokenizer, EXPRESSION, {"op": "+", "args": [1, {"op": "é", "args": [2]}]})


def test_places_that_begin_alike_are_told_apart_at_their_end(automata, tokenizer):
    """At most one item that is not empty, and so in each of them."""
    assert accepts(automata, tokenizer, APART, [[], [[], [[]]], []])
    assert not accepts(automata, tokenizer, APART, [[[]], [], [[]]])
    assert not accepts(automata, tokenizer, APART, [[[[]], [[]]]])


def test_what_is_forced_is_jumped_over_at_any_depth(automata, tokenizer):
    """A property's name comes without being asked for."""
    matcher = automata.make(parse_schema(LIST))
    for token in tokenizer.encode('{"v":1,'):
        assert matcher.accept(token)
    forced = matcher.forced(tokenizer.encode('{"v":1,'))
    assert b"".join(tokenizer.vocab_bytes()[token] for token in forced).startswith(b'"next')


def test_a_fork_goes_its_own_way(automata, tokenizer):
    """Its stack is its own."""
    matcher = automata.make(parse_schema(LIST))
    for token in tokenizer.encode('{"v":1,"next":{"v":2'):
        assert matcher.accept(token)
    other = matcher.fork()
    assert all(matcher.accept(token) for token in tokenizer.encode("}}")) and matcher.is_done()
    assert not other.can_stop()
    assert all(other.accept(token) for token in tokenizer.encode(',"next":null}}')) and other.is_done()


@pytest.mark.parametrize("schema", [LIST, TREE, EXPRESSION])
def test_a_program_writes_values_of_a_schema_within_itself(schema):
    """End to end on the engine."""

    @lmc.function
    def ask(s):
        s += "A value: " + lmc.gen("x", json_schema=json.dumps(schema), max_tokens=80)

    for seed in range(3):
        run = ask.run(temperature=1.0, seed=seed)
        if run.get_meta_info("x")["finish_reason"] != "length":
            json.loads(run["x"])
        assert run["x"][:1] in "{-0123456789"


def within(keyword, **more):
    """A schema that contains itself beside a property `k`."""
    properties = {"k": keyword, "next": {"$ref": "#"}}
    return {"type": "object", "properties": properties, "additionalProperties": False, **more}


@pytest.mark.parametrize(
    "schema, yes, no",
    [
        (within({"type": "string", "pattern": "é"}), ["xé", 'é"'], ["x", 1]),
        (within({"type": "string", "minLength": 2, "maxLength": 3}), ['"\\', "a\nb"], ["a", "abcd"]),
        (within({"type": "string", "pattern": "^a", "maxLength": 2}), ["a", "ab"], ["ba", "abc"]),
        (within({"type": "string", "format": "date"}), ["2020-02-29"], ["2021-02-29", "x"]),
        (within({"not": {"enum": ["x", 1]}}), ["y", 2, None], ["x", 1]),
        (
            within({"if": {"type": "string"}, "then": {"maxLength": 1}, "else": {"type": "null"}}),
            ["a", None],
            ["ab", 1],
        ),
        (within({"allOf": [{"minimum": 2}, {"maximum": 3}], "type": "integer"}), [2, 3], [1, 4, "a"]),
        (within({"oneOf": [{"multipleOf": 2}, {"multipleOf": 3}], "type": "integer"}), [2, 9], [6, 5]),
        (within({"type": "integer", "minimum": 0.5}), [1], [0, -3]),
        (within({"type": "number", "exclusiveMaximum": 1.5, "multipleOf": 0.25}), [1.25, -3], [1.5, 0.1]),
        (within({"type": "object", "patternProperties": {"^x": {"type": "null"}}}), [{"x1": None}], [{"x1": 1}]),
        (within({"type": "object", "propertyNames": {"maxLength": 2}}), [{"ab": 1}], [{"abc": 1}]),
        (within({"type": "object", "dependentRequired": {"a": ["b"]}}), [{"a": 1, "b": 2}, {"c": 1}], [{"a": 1}]),
        (within({"type": "array", "contains": {"type": "null"}, "maxContains": 1}), [[1, None]], [[], [None, None]]),
        (within({"type": "array", "uniqueItems": True, "items": {"enum": [1, 2]}}), [[1, 2]], [[1, 1]]),
        (within({"const": {"a": [1]}}), [{"a": [1]}], [{"a": [2]}, {}]),
        (within({"prefixItems": [{"type": "null"}], "items": False, "type": "array"}), [[None], []], [[1], [None, 1]]),
    ],
)
def test_a_keyword_means_at_any_depth_what_it_means_elsewhere(automata, tokenizer, schema, yes, no):
    """First and further in."""
    for value in (*yes, *no):
        for whole in ({"k": value}, {"next": {"next": {"k": value}}}):
            assert accepts(automata, tokenizer, schema, whole) == (value in yes), whole


def test_a_complement_looks_into_places(automata, tokenizer):
    """A list of lists that is not of depth two."""
    depth_two = {"type": "array", "items": {"type": "array", "items": {"type": "array", "maxItems": 0}}}
    schema = {"type": "array", "items": {"$ref": "#/$defs/any"}, "not": depth_two}
    schema["$defs"] = {"any": {"type": "array", "items": {"$ref": "#/$defs/any"}}}

    for value, is_right in (([[[[]]]], True), ([[[]], [[[]], []]], True), ([], False), ([[[]], []], False)):
        assert accepts(automata, tokenizer, schema, value) == is_right


def test_items_that_ought_to_differ_are_looked_at_when_the_text_is_complete():
    """No automaton remembers them."""
    schema = parse_schema({"type": "array", "uniqueItems": True, "items": {"$ref": "#"}})

    assert texts_of(schema).broken_by("[[],[[]]]") is None
    broken = texts_of(schema).broken_by("[[],[[],[]]]")
    assert broken is not None and (broken.keyword, broken.verdict) == ("uniqueItems", "checked")


def test_a_large_schema_is_made_of_places(automata, tokenizer):
    """Definitions that double: 2 ** 60 places in a tree, 61 that are shared."""
    node = {"type": "object", "required": ["a"], "additionalProperties": False}
    names = [{"properties": {name: {"$ref": f"#/$defs/{at + 1}"} for name in "ab"}} for at in range(60)]
    schema = {
        "$ref": "#/$defs/0",
        "$defs": {**{str(at): node | each for at, each in enumerate(names)}, "60": {"const": 1}},
    }

    whole = '{"a":' * 60 + "1" + "}" * 60
    assert accepts(automata, tokenizer, schema, whole)
    assert accepts(automata, tokenizer, schema, whole.replace("1}", '1,"b":1}', 1))
    assert not accepts(automata, tokenizer, schema, whole.replace("1}", "2}"))


def test_a_text_that_is_cut_says_what_it_needs():
    """The shortest value of a schema within itself."""
    schema = {"type": "object", "properties": {"v": {"const": 1}, "kids": {"items": {"$ref": "#"}, "type": "array"}}}
    texts = texts_of(parse_schema({**schema, "required": ["v", "kids"], "additionalProperties": False}))

    assert shortest_call(call_dfa(texts.places)) == '{"v":1,"kids":[]}'


def test_items_that_differ_beside_items_that_are_told_apart(automata, tokenizer):
    """What is told apart by its value, and by its place at once."""
    few = {"enum": ["a", "b", 1]}
    schema = within({"type": "array", "uniqueItems": True, "items": few, "contains": {"not": {"const": "a"}}})
    schema["properties"]["k"]["not"] = {"contains": {"type": "object"}, "minItems": 3}

    for items, is_right in ((["a", 1], True), (["b", "a", 1], True), (["a"], False), (["b", "b"], False), ([], False)):
        assert accepts(automata, tokenizer, schema, {"next": {"k": items}}) == is_right, items


def test_places_far_in_are_looked_at_about_once(monkeypatch):
    """Those further in come first, and again only those that call what became shorter."""
    from lmc.ir.automaton import calls

    steps = {
        f"n{at}": {"type": "object", "properties": {"a": {"$ref": f"#/$defs/n{at + 1}"}}, "required": ["a"]}
        for at in range(60)
    }
    steps["n0"]["properties"]["z"] = {"$ref": "#/$defs/n0"}
    texts = texts_of(parse_schema({"$defs": steps | {"n60": {"type": "integer"}}, "$ref": "#/$defs/n0"}, closed=True))
    asked, own = [], calls._shortest
    monkeypatch.setattr(calls, "_shortest", lambda *given: asked.append(given) or own(*given))

    found = shortest_call(call_dfa(texts.places))

    assert found == '{"a":' * 60 + "0" + "}" * 60
    assert len(texts.places) > 60 and len(asked) < 5 * len(texts.places)
