"""Names of properties: how many there are, that none comes twice, and which there may be at all."""

from __future__ import annotations

import pytest

from lmc.backend.base import Gen, SegmentEnd
from lmc.backend.masks.schema_ebnf import schema_ebnf
from lmc.errors import ConstraintError
from lmc.executor.checks import broken
from lmc.ir.automaton.dfa import CharDfa
from lmc.ir.json_schema.exact import repeated_name
from lmc.ir.json_schema.findings import SchemaError
from lmc.ir.json_schema.lower import NAMES, lower
from lmc.ir.sampling import Sampling
from lmc.parser.schema.parse import parse_schema

OBJECT = {"type": "object"}


def lowered(schema, **style):
    return lower(parse_schema(schema, **style))


def accepted(schema, texts, **style):
    """Which of the texts come out."""
    dfa = CharDfa(lowered(schema, **style).tree)
    return [text for text in texts if dfa.accepts(text)]


def checked(schema):
    """The keywords that are held against the complete text."""
    return sorted({f.keyword for f in lowered(schema).findings if f.verdict == "checked"}, reverse=True)


@pytest.mark.parametrize(
    "schema, yes, no",
    [
        (
            {"minProperties": 2},
            ['{"name":"x","age":3}', '{"xb":1,"xa":2}', '{"é":1,"è":2}', '{"":1," ":2}'],
            ['{"a":1}'],
        ),
        ({"minProperties": 3}, ['{"a":1,"ab":2,"b":3}', '{"b":1,"ab":2,"a":3}'], ['{"a":1,"b":2}', "{}"]),
        (
            {"patternProperties": {"^x-": {"type": "string"}}, "additionalProperties": False, "minProperties": 2},
            ['{"x-b":"1","x-a":"2"}'],
            ['{"x-a":"1"}', '{"x-a":1,"x-b":"2"}', '{"x-a":"1","y":"2"}'],
        ),
        ({"minProperties": 2, "maxProperties": 2}, ['{"xa":1,"xb":2}'], ['{"x":1}', '{"a":1,"b":1,"c":1}']),
        ({"properties": {"a": {}}, "minProperties": 2}, ['{"a":1,"ab":2}', '{"b":1,"c":2}'], ['{"a":1}']),
        ({"not": {"maxProperties": 1}}, ['{"xa":1,"xb":2}'], ['{"x":1}', "{}"]),
        ({"not": {"minProperties": 2}}, ['{"x":1}', "{}"], ['{"xa":1,"xb":2}']),
        ({"not": {"additionalProperties": {"type": "integer"}}}, ['{"xb":1,"xa":"s"}'], ['{"xa":1,"xb":2}', "{}"]),
    ],
)
def test_free_names_are_counted_whatever_they_are(schema, yes, no):
    """They may share first letters, and come in any order."""
    assert accepted(OBJECT | schema, yes) == yes
    assert accepted(OBJECT | schema, no) == []


@pytest.mark.parametrize(
    "schema, found",
    [
        ({"minProperties": 2}, ["minProperties", NAMES]),
        ({"minProperties": 1}, [NAMES]),
        (
            {
                "minProperties": 2,
                "properties": {"a": False, "b": {"type": "null"}, "c": {"const": 1}},
                "additionalProperties": False,
            },
            [],
        ),
        ({"minProperties": 2, "required": ["a", "b"]}, [NAMES]),
        ({"not": {"additionalProperties": {"type": "integer"}}}, ["additionalProperties", NAMES]),
        ({"not": {"additionalProperties": False, "properties": {"a": {}}}}, [NAMES]),
    ],
)
def test_what_no_automaton_counts_is_checked(schema, found):
    """What one does is exact: names that are told, and a first further one."""
    assert checked(OBJECT | schema) == found


FINITE = {"patternProperties": {"^(red|green|b[lu]ue)$": {"type": "integer"}}, "additionalProperties": False}


@pytest.mark.parametrize(
    "schema, yes, no",
    [
        (FINITE, ['{"green":1,"red":2}', "{}", '{"buue":1}'], ['{"red":1,"red":2}', '{"re":1}', '{"red":"a"}']),
        (FINITE | {"minProperties": 2}, ['{"blue":0,"red":2}'], ['{"red":1}', '{"red":1,"red":1}']),
        ({"patternProperties": {"^[ab]$": {"type": "null"}}, "not": {"minProperties": 3}, "properties": {"c": True}},
         ['{"a":null,"b":null}', '{"c":0}'], ['{"a":null,"a":null}', '{"a":1}', '{"c":0,"a":null,"b":null}']),
    ],
)  # fmt: skip
def test_names_of_a_pattern_that_matches_few_never_repeat(schema, yes, no):
    """They are told one by one, in order."""
    assert accepted(OBJECT | schema, yes) == yes
    assert accepted(OBJECT | schema, no) == []
    assert bool(checked(OBJECT | schema)) == ("not" in schema)


@pytest.mark.slow
def test_many_rules_about_further_names():
    """Those that ask the same are one, and ways in which no name is are none."""
    apart = {f"^{letter}": {"const": letter} for letter in "abcdefghijkl"}
    yes, no = ['{"ab":"a","lb":"l"}', '{"c":"c"}'], ['{"ab":"b"}', '{"z":"z"}']
    assert accepted(OBJECT | {"patternProperties": apart, "additionalProperties": False}, yes) == yes
    assert accepted(OBJECT | {"patternProperties": apart, "additionalProperties": False}, no) == []
    same = {letter: {"type": "string"} for letter in "abcdefghijkl"}
    assert accepted(OBJECT | {"patternProperties": same}, ['{"xay":1}', '{"xay":"1"}', '{"z":1}']) == [
        '{"xay":"1"}',
        '{"z":1}',
    ]
    crossing = {letter: {"multipleOf": at + 2} for at, letter in enumerate("abcdefghijkl")}
    with pytest.raises(SchemaError, match="in more than 64 ways"):
        lowered(OBJECT | {"patternProperties": crossing})


def test_a_name_counts_once():
    """A text that only repeats one breaks what counts them."""
    two, strange = OBJECT | {"minProperties": 2}, OBJECT | {"not": {"additionalProperties": {"type": "integer"}}}

    assert lowered(two).broken_by('{"a":1,"a":2}').keyword == "minProperties"
    assert lowered(two).broken_by('{"a":1,"b":2}') is None
    assert lowered(strange).broken_by('{"x":"s","x":1}').keyword == "additionalProperties"


@pytest.mark.parametrize(
    "text, name",
    [
        ('{"a":1,"b":{"a":1}}', None),
        ('{"a":1,"\\u0061":2}', "a"),
        ('[{"x":{"":1,"y":2,"":3}}]', ""),
        ("[1,1]", None),
    ],
)
def test_a_repeated_name_is_found_at_any_depth(text, name):
    """However it is written."""
    assert repeated_name(text) == name


def ended(schema, text):
    """The error of a complete text, if it is one."""
    gen = Gen("x", Sampling(), parse_schema(schema))
    return broken([(gen, SegmentEnd(0, 0, 0, text, (), "constraint"))])


RECURSIVE = {"$defs": {"n": {"additionalProperties": {"$ref": "#/$defs/n"}}}, "$ref": "#/$defs/n"}


@pytest.mark.parametrize("schema", [OBJECT, {}, {"properties": {"a": OBJECT}}, RECURSIVE])
def test_a_text_with_a_name_twice_is_an_error(schema):
    """Of any schema, one that recurs as well; readers would keep one of the two values, and not say so."""
    error = ended(schema, '{"a":{"b":{},"c":{},"b":{}}}')

    assert error is not None and error.code == "LMC-CN020" and "'b' twice" in error.message
    assert ended(schema, '{"a":{"b":{},"c":{}}}') is None


def test_where_nobody_looks_at_complete_texts_counted_names_are_told_apart():
    """As in a structural tag: by their first letters, in one order; and said to be, not that there are none."""
    pattern = {"patternProperties": {"^x-": {"type": "string"}}, "additionalProperties": False}
    found = lower(parse_schema(OBJECT | {"minProperties": 2}), tells_apart=True)
    texts = ['{"a":1,"b":2}', '{"a":1,"a":2}', '{"b":1,"a":2}']

    assert [CharDfa(found.tree).accepts(text) for text in texts] == [True, False, False]
    assert {f.keyword: f.verdict for f in found.findings}["minProperties"] == "relaxed"
    with pytest.raises(ConstraintError, match="different first letters"):
        schema_ebnf(parse_schema(OBJECT | pattern | {"minProperties": 2}))
    assert "x-" in schema_ebnf(parse_schema(OBJECT | pattern | {"minProperties": 1}))


NESTED = {
    "type": "object",
    "properties": {
        "a": {"type": "integer"},
        "b": {"type": "object"},
        "c": {"type": "object", "properties": {"d": {}}},
        "e": {"type": "array", "items": {"properties": {"k": {"type": "integer"}}, "type": "object"}},
    },
}


@pytest.mark.parametrize(
    "schema, yes, no",
    [
        (
            NESTED,
            ["{}", '{"a":1}', '{"b":{}}', '{"c":{"d":1}}', '{"c":{"d":[{}]}}', '{"e":[{"k":1},{}]}'],
            ['{"z":1}', '{"b":{"q":1}}', '{"c":{"d":{"x":1}}}', '{"c":{"y":1}}', '{"e":[{"z":1}]}'],
        ),
        # what is named together, whatever names it
        ({"allOf": [{"properties": {"a": {}}}, {"properties": {"b": {}}}]}, ['{"a":1,"b":2}'], ['{"a":1,"c":2}']),
        ({"anyOf": [{"required": ["a"]}, {"properties": {"b": {}}}]}, ['{"a":1,"b":2}'], ['{"c":1}']),
        ({"$ref": "#/$defs/n", "$defs": {"n": {"properties": {"a": {}}}}}, ['{"a":1}'], ['{"b":1}']),
        ({"if": {"required": ["a"]}, "then": {"properties": {"b": {"const": 1}}}}, ['{"a":1,"b":1}'], ['{"c":1}']),
        ({"dependentRequired": {"a": ["b"]}}, ['{"a":1,"b":1}', "{}"], ['{"a":1}', '{"c":1}']),
        ({"const": {"a": {"b": 1}}}, ['{"a":{"b":1}}'], ["{}"]),
        # what a schema says of further ones stays
        ({"patternProperties": {"^x": {"type": "integer"}}}, ['{"x":1,"xy":2}'], ['{"y":1}', '{"x":"s"}']),
        ({"additionalProperties": {"type": "integer"}}, ['{"x":1,"y":2}'], ['{"x":"s"}']),
        ({"additionalProperties": True}, ['{"x":1,"y":{}}'], ['{"y":{"z":1}}']),
        ({"not": {"required": ["a"]}, "properties": {"b": {}}}, ['{"b":1}'], ['{"a":1}', '{"c":1}']),
        ({"not": {"patternProperties": {"^x": {}}}, "type": ["object", "null"]}, [], ['{"x":1}', "null"]),
    ],
)
def test_a_closed_schema_has_the_names_that_it_tells(schema, yes, no):
    """At every level; without it, all of these have others."""
    schema = {"type": "object"} | schema
    assert accepted(schema, yes, closed=True) == yes
    assert accepted(schema, no, closed=True) == []
    assert accepted(schema, yes) == yes


def test_closed_texts_are_fewer_than_open_ones():
    """Nothing comes out that would not have come without it."""
    assert accepted({"type": "object", "minProperties": 1}, ['{"a":1}', "{}"], closed=True) == []
    assert checked(NESTED) == [NAMES]
    assert [f.verdict for f in lowered(NESTED, closed=True).findings if f.verdict == "checked"] == []


def test_runs_of_spaces_have_an_end():
    """Enough for a line end and some levels, and no more."""
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}, "closed": True}
    texts = ["{" + " " * many + '"a":\n1}' for many in (0, 40, 41)]

    assert accepted(schema, texts, spacing="any", closed=True) == texts[:2]
