"""Structural tags where they are written: canonical text, parts by their place, and what is wrong with bad ones."""

import json

import pytest

from lmc.errors import ConstraintError
from lmc.ir.constraint import JsonSchema, Regex
from lmc.parser.structural_tag import parse_structural_tag

NUMBER = {"type": "json_schema", "json_schema": {"type": "integer"}}
TAG = {"type": "tag", "begin": "<a>", "content": NUMBER, "end": "</a>"}


def whole(format):
    """The format in its frame."""
    return {"type": "structural_tag", "format": format}


def test_text_and_dict_are_the_same():
    """And so are two ways to write the text."""
    tag = parse_structural_tag(whole(TAG))

    assert parse_structural_tag(json.dumps(whole(TAG), indent=3)) == tag
    assert json.loads(tag.text) == tag.format == TAG
    assert parse_structural_tag(whole(TAG), spacing="spaced") != tag


def test_regexes_and_schemas_are_parsed_by_place():
    """With the spacing of the whole."""
    format = {"type": "sequence", "elements": [{"type": "regex", "pattern": "a+"}, TAG]}
    parts = parse_structural_tag(whole(format), spacing="any").parts

    assert set(parts) == {"#/format/elements/0", "#/format/elements/1/content"}
    assert isinstance(parts["#/format/elements/0"], Regex)
    schema = parts["#/format/elements/1/content"]
    assert isinstance(schema, JsonSchema) and schema.spacing == "any"


def test_sglangs_first_form():
    """Structures and triggers."""
    old = {
        "type": "structural_tag",
        "structures": [{"begin": "<a>", "schema": {"type": "integer"}, "end": "</a>"}],
        "triggers": ["<a"],
    }
    new = {"type": "triggered_tags", "triggers": ["<a"], "tags": [TAG]}

    assert parse_structural_tag(old) == parse_structural_tag(whole(new))


@pytest.mark.parametrize(
    "tag, message",
    [
        (TAG, "an object of type `structural_tag`"),
        ('{"type": ', "not valid JSON: Expecting value, at line 1 column 10"),
        (3, "3 is not a structural tag"),
        ({"type": "structural_tag"}, "has no `format`"),
        (whole({"type": "sequense", "elements": []}), "`#/format` has the unknown type `sequense`; did you mean"),
        (whole({"type": "x"}), "there are const_string, json_schema"),
        (whole({"type": "sequence", "elements": []}), "`elements` that must be a list of formats, at least one"),
        (whole({"type": "or", "elements": [TAG, {"type": "tag", "begin": "x"}]}), "elements/1` lacks the field"),
        (whole(TAG | {"ends": "x"}), "unknown field `ends`; did you mean `end`?"),
        (whole(TAG | {"begin": 3}), "`begin` that must be a text, not 3"),
        (whole({"type": "repeat", "min": 3, "max": 2, "content": TAG}), "`min` 3 above `max` 2"),
        (whole({"type": "triggered_tags", "triggers": ["<b"], "tags": [TAG]}), "'<a>' starts with no trigger"),
        (whole({"type": "triggered_tags", "triggers": ["<", "<a"], "tags": [TAG]}), "starts with triggers ['<', '<a']"),
        (whole({"type": "any_text", "max_tokens": 3}), "write `max_chars`, or max_tokens of gen"),
        (whole({"type": "token", "token": 7}), "a text that is a control token is that token"),
        (whole({"type": "regex", "pattern": "a("}), "at `#/format`: in this regex"),
        (whole({"type": "grammar", "grammar": "root ::= x"}), "at `#/format`: in this grammar, the rule `x` is not"),
        (whole(TAG | {"content": NUMBER | {"json_schema": {"type": 3}}}), "at `#/format/content`: this is not a JSON"),
        (whole(NUMBER | {"any_order": True}), "properties come in the order written"),
        (whole(NUMBER | {"style": "cohere_xml"}), "`style` that must be one of json, qwen_xml"),
        (whole({"type": "const_string", "value": {1, 2}}), "cannot be written as JSON"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_place(tag, message):
    """The first thing."""
    with pytest.raises(ConstraintError) as error:
        parse_structural_tag(tag)
    assert message in str(error.value)


def test_formats_within_formats_end():
    """A tag of any depth is an error or a value, never a crash."""
    format = TAG
    for _ in range(3000):
        format = {"type": "star", "content": format}

    with pytest.raises(ConstraintError, match=r"nested more than|cannot be written"):
        parse_structural_tag(whole(format))


@pytest.mark.parametrize(
    "kind", [{"type": "triggered_tags", "triggers": ["<a"]}, {"type": "tags_with_separator", "separator": ""}]
)
def test_tags_need_not_say_that_they_are(kind):
    """Where nothing else can stand, as for xgrammar; another type is wrong there."""
    bare = {name: value for name, value in TAG.items() if name != "type"}
    inner = {"type": "optional", "content": kind | {"tags": [bare]}}

    assert parse_structural_tag(whole(inner)) == parse_structural_tag(
        whole(inner | {"content": kind | {"tags": [TAG]}})
    )
    with pytest.raises(ConstraintError, match="list of formats of the type `tag`"):
        parse_structural_tag(whole(kind | {"tags": [NUMBER]}))
