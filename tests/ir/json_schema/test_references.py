"""Where references lead: pointers, anchors, documents within documents and beside them."""

from __future__ import annotations

import re

import pytest

from lmc.errors import ConstraintError
from lmc.ir.automaton.dfa import CharDfa
from lmc.ir.json_schema.findings import SchemaError
from lmc.ir.json_schema.lower import lower
from lmc.parser.schema.parse import parse_schema
from tests.ir.json_schema.test_lower import accepted

INTEGER, TEXT = {"type": "integer"}, {"type": "string"}
DRAFT_4, DRAFT_7 = (f"http://json-schema.org/draft-0{n}/schema#" for n in (4, 7))
NAMED_BY_ID = {"a": {"$id": "#n", "type": "integer"}}
DRAFT_2019 = "https://json-schema.org/draft/2019-09/schema"


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#n", "$defs": {"a": {"$anchor": "n", **INTEGER}}},
        {"$ref": "#n", "$defs": {"a": {"$id": "#n", **INTEGER}}},
        {"$schema": DRAFT_7, "$ref": "#n", "definitions": {"a": {"$id": "#n", **INTEGER}}},
        {"$schema": DRAFT_7, "$id": "http://x/r", "allOf": [{"$ref": "r#n"}], "definitions": NAMED_BY_ID},
        {"$schema": DRAFT_4, "id": "http://x/r/", "allOf": [{"$ref": "n"}],
         "definitions": {"a": {"id": "n", **INTEGER}}},
        # pointers
        {"$ref": "#/$defs/a~1b", "$defs": {"a/b": INTEGER}},
        {"$ref": "#/$defs/a~0b", "$defs": {"a~b": INTEGER}},
        {"$ref": "#/$defs/a~01", "$defs": {"a~1": INTEGER}},
        {"$ref": "#/$defs/a%25b", "$defs": {"a%b": INTEGER}},
        {"$ref": "#/$defs/a%20%22b", "$defs": {'a "b': INTEGER}},
        {"$ref": "#/$defs//x", "$defs": {"": {"x": INTEGER}}},
        {"$ref": "#/allOf/1", "allOf": [True, INTEGER]},
        # names of older drafts
        {"$ref": "#/$defs/t/items/1", "$defs": {"t": {"items": [TEXT, INTEGER], "additionalItems": TEXT}}},
        {"$ref": "#/$defs/t/additionalItems", "$defs": {"t": {"items": [TEXT], "additionalItems": INTEGER}}},
        {"$ref": "#/$defs/t/dependencies/a", "$defs": {"t": {"dependencies": {"a": INTEGER}}}},
        # in odd places, where no keyword says that it is a schema
        {"$ref": "#/components/schemas/n", "components": {"schemas": {"n": INTEGER}}},
        {"$ref": "#/x/0/y", "x": [{"y": {"$ref": "#n"}}, {"$defs": NAMED_BY_ID}], "allOf": [{"$ref": "#/x/1"}]},
        {"properties": {"a": {"$defs": {"n": INTEGER}}}, "$ref": "#/properties/a/$defs/n"},
        {"allOf": [{"$ref": "#/c/n"}], "c": {"n": {"type": "integer", "exclusiveMinimum": True, "minimum": 0}}},
        # documents within the document
        {"$id": "http://x/a/root", "$ref": "b/n", "$defs": {"n": {"$id": "http://x/a/b/n", **INTEGER}}},
        {"$id": "urn:x:r", "$ref": "urn:x:n#/$defs/i", "$defs": {"n": {"$id": "urn:x:n", "$defs": {"i": INTEGER}}}},
        {"$ref": "./n", "$defs": {"n": {"$id": "n", **INTEGER}}},
        # dynamic ones that are static: an ordinary anchor, one of its name, the outermost of all
        {"$dynamicRef": "#n", "$defs": {"a": {"$anchor": "n", **INTEGER}}},
        {"$dynamicRef": "#/$defs/a", "$defs": {"a": INTEGER}},
        {"$dynamicRef": "#n", "$defs": {"a": {"$dynamicAnchor": "n", **INTEGER}}},
        {"$id": "http://x/r", "$ref": "list#/items", "type": "integer", "$dynamicAnchor": "n",
         "$defs": {"l": {"$id": "list", "items": {"not": {"$dynamicRef": "other#n"}}},
                   "o": {"$id": "other", "$defs": {"a": {"$anchor": "n", "type": ["null", "string"]}}}}},
    ],
)  # fmt: skip
def test_a_reference_leads_to_integers(schema):
    """Each in its own way."""
    assert accepted(schema, ["1", '"a"', "null"]) == ["1"]


@pytest.mark.parametrize(
    "schema, yes, no",
    [
        # what stands beside a reference in draft 7 says nothing, and no base either
        ({"$schema": DRAFT_7, "$id": "http://x/a/", "properties": {"p": {"$id": "http://y/", "$ref": "n"}},
          "definitions": {"n": {"$id": "n", **INTEGER}}}, ['{"p":1}'], ['{"p":"a"}']),
        # the outermost of two dynamic anchors, whichever document refers to it
        ({"$id": "http://x/root", "$ref": "list", "$defs": {
            "item": {"$dynamicAnchor": "T", **TEXT}, "list": {"$id": "list", "type": "array",
            "items": {"$dynamicRef": "#T"}, "$defs": {"any": {"$dynamicAnchor": "T", **INTEGER}}}}},
         ['["a"]'], ["[1]"]),
    ],
)  # fmt: skip
def test_a_reference_means_what_its_draft_says(schema, yes, no):
    """Bases, siblings and outermost documents."""
    assert accepted(schema, yes + no) == yes


def test_a_recursive_reference_of_draft_2019_is_a_dynamic_one_where_its_document_is_marked():
    """Without the mark `#` is the document itself."""
    plain = {"properties": {"a": {"$recursiveRef": "#"}}}
    marked = parse_schema({"$schema": DRAFT_2019, "$recursiveAnchor": True, **plain}).schema
    name = marked["$dynamicAnchor"]

    assert parse_schema({"$schema": DRAFT_2019, **plain}).schema["properties"]["a"] == {"allOf": [{"$ref": "#"}]}
    assert marked["properties"]["a"] == {"allOf": [{"$dynamicRef": f"#{name}"}]}


@pytest.mark.parametrize(
    "schema, words",
    [
        ({"$ref": "#/$defs/persn", "$defs": {"person": True}}, "'#/\\$defs/persn' .*did you mean '#/\\$defs/person'"),
        ({"$ref": "#adress", "$defs": {"a": {"$anchor": "address"}}}, "did you mean '#address'"),
        ({"$ref": "http://x/ab", "$defs": {"a": {"$id": "http://x/abc"}}}, "did you mean 'http://x/abc'"),
        ({"$ref": "#/allOf/01", "allOf": [True, True]}, "is not in this document"),
        ({"$defs": {"a": {"$id": "a", "$dynamicAnchor": "n"}, "b": {"$id": "b", "$dynamicAnchor": "n"}},
          "$ref": "c", "allOf": [{"$defs": {"c": {"$id": "c", "$dynamicRef": "a#n"}}}]}, "means several schemas"),
    ],
)  # fmt: skip
def test_a_reference_that_leads_nowhere_is_named_with_what_is_near(schema, words):
    """And nothing is fetched."""
    with pytest.raises(SchemaError, match=words):
        lower(parse_schema(schema))


# --- documents beside the schema -------------------------------------------------------------------------------

BY_DEFINITION = {"$ref": "#/definitions/i", "definitions": {"i": INTEGER}}
NAMES = {"$defs": {"n": {"type": "integer"}}, "type": "string"}


@pytest.mark.parametrize(
    "schema, documents",
    [
        ({"$ref": "names.json#/$defs/n"}, {"names.json": NAMES}),
        ({"$ref": "./names.json#/$defs/n"}, {"names.json": NAMES, "unused.json": {"$ref": "nowhere"}}),
        ({"$id": "http://x/s/root.json", "$ref": "n.json"}, {"http://x/s/n.json": INTEGER}),
        ({"$id": "http://x/s/root.json", "$ref": "n.json"}, {"n.json": {"$id": "http://x/s/n.json", **INTEGER}}),
        # by its key, where it calls itself something else, which others may do as well
        ({"allOf": [{"$ref": "k.json#/$defs/i"}, {"$ref": "http://x/b"}]},
         {"k.json": {"$id": "http://x/a", "$defs": {"i": {"$ref": "b"}}}, "b.json": {"$id": "http://x/b", **INTEGER}}),
        ({"$ref": "a"}, {"a": {"$ref": "b#/$defs/c"}, "b": {"$defs": {"c": {"$ref": "d"}}}, "d": INTEGER}),
        ({"$ref": "a#n"}, {"a": {"$defs": {"x": {"$anchor": "n", **INTEGER}}}}),
        ({"$ref": "a"}, {"a": '{"type": "integer"}'}),
        ({"$ref": "api.json#/components/schemas/a"},
         {"api.json": {"components": {"schemas": {"a": {"$ref": "#/components/schemas/b"}, "b": INTEGER}}}}),
        # each is read in its own draft
        ({"$ref": "old"}, {"old": {"$schema": DRAFT_7, "maximum": 0, **BY_DEFINITION}}),
        ({"$schema": DRAFT_7, "allOf": [{"$ref": "a"}]}, {"a": BY_DEFINITION}),
        ({"$ref": "a", "$defs": {"a": TEXT}}, {"a": INTEGER}),
        ({"allOf": [{"$ref": "yes"}, INTEGER]}, {"yes": True}),
    ],
)  # fmt: skip
def test_documents_become_part_of_the_schema(schema, documents):
    """The text of the constraint has them, so that it is read again by itself."""
    whole = parse_schema(schema, documents=documents)

    assert accepted(whole.text, ["1", '"a"', "null"]) == ["1"]
    assert parse_schema(whole.text).schema == whole.schema
    assert "unused" not in whole.text


@pytest.mark.parametrize(
    "schema, documents, words",
    [
        ({"$ref": "adress.json"}, {"address.json": {}}, r"'adress.json' at `#`(.|\n)*did you mean 'address.json'"),
        ({"properties": {"a": {"$ref": "http://x/y"}}}, {}, "at `#/properties/a`"),
        ({"$ref": "a"}, {"a": {"items": {"$ref": "b"}}}, "'b' at `#/items` of 'a'"),
        ({"$ref": "a"}, {"a": "{"}, "the document 'a': .* not valid JSON"),
        ({"$ref": "a"}, {"a": 1}, "the document 'a'"),
        ({"$ref": "a"}, [INTEGER], "a dict of schemas by URI"),
        ({"$ref": "a"}, {"a": {"$id": "c"}, "b": {"$id": "c", "x": 1}}, "two documents are 'c'"),
        ({"$ref": "a"}, {"a": {"type": "whole"}}, "must be one of null"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_documents_is_said(schema, documents, words):
    """At once, with the reference and where it stands."""
    with pytest.raises(ConstraintError) as caught:
        parse_schema(schema, documents=documents)

    assert re.search(words, f"{caught.value}\n{caught.value.help}")


def test_a_recursive_document_does_not_hang_the_reader():
    """Documents may refer to each other in a ring."""
    whole = parse_schema({"$ref": "a"}, documents={"a": {"items": {"$ref": "b"}}, "b": {"items": {"$ref": "a"}}})

    assert set(whole.schema["$defs"]) == {"a", "b"}


def test_an_automaton_is_the_same_as_of_the_schema_in_one_piece():
    """Bundled or written by hand."""
    one = lower(parse_schema({"properties": {"a": {"$ref": "#/$defs/n"}}, "$defs": {"n": INTEGER}, "type": "object"}))
    two = lower(parse_schema({"properties": {"a": {"$ref": "n"}}, "type": "object"}, documents={"n": INTEGER}))

    assert one.tree == two.tree
    assert CharDfa(two.tree).accepts('{"a":1}')
