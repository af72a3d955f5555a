"""JSON schemas at the border: text, dicts and model classes become one canonical value."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel

from lmc.errors import ConstraintError
from lmc.ir.automaton.dfa import CharDfa
from lmc.ir.json_schema.strings import search
from lmc.ir.literal import literal
from lmc.parser.irtext.parse import parse_graph
from lmc.parser.schema.parse import parse_schema
from lmc.parser.schema.pattern import pattern_tree, patterns_of
from lmc.source import Span

CITY = {"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"}}, "required": ["name"]}
CITY_TEXT = '{"type":"object","properties":{"name":{"type":"string"},"age":{"type":"integer"}},"required":["name"]}'


class City(BaseModel):
    zip: str
    area: float


class Odd(BaseModel):
    call: Callable[[], int]


@pytest.mark.parametrize("given", [CITY, json.dumps(CITY, indent=4), CITY_TEXT])
def test_text_and_dict_give_the_same_canonical_schema(given: str | dict[str, Any]) -> None:
    """Spaces do not matter, so equal schemas compare equal."""
    assert parse_schema(given).text == CITY_TEXT
    assert parse_schema(given) == parse_schema(CITY)
    assert parse_schema(given).schema == CITY


def test_property_order_is_kept() -> None:
    """A model fills properties in the order they were written."""
    assert parse_schema('{"b": 1, "a": 2}').text == '{"b":1,"a":2}'


def test_model_class_says_its_own_schema() -> None:
    """A pydantic class is accepted by what it can do, not by what it is."""
    assert parse_schema(City).schema == City.model_json_schema()
    assert list(parse_schema(City).schema["properties"]) == ["zip", "area"]


def test_schema_is_a_copy() -> None:
    """Changing the dict afterwards changes nothing."""
    given: dict[str, Any] = {"enum": ["a"]}
    schema = parse_schema(given)
    given["enum"].append("b")

    assert schema.schema == {"enum": ["a"]}


def test_unicode_stays_readable() -> None:
    """Canonical text is not escaped to ASCII."""
    assert parse_schema({"const": "é🙂"}).text == '{"const":"é🙂"}'


def test_invalid_json_is_shown_with_its_place() -> None:
    """The whole rendered message: the line and a caret under the place."""
    with pytest.raises(ConstraintError) as caught:
        parse_schema('{\n  "type" "string"\n}')

    assert caught.value.render() == (
        "ConstraintError: the JSON schema is not valid JSON: Expecting ':' delimiter, at line 2 column 10\n"
        '    "type" "string"\n'
        "           ^\n"
        "  help: give JSON text, a dict, or a class with `model_json_schema()` such as a pydantic model"
    )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("", "not valid JSON"),
        ('{"minimum": NaN}', "it has no number NaN"),
        ("[1]", "a JSON schema is an object, not an array"),
        ('"string"', "a JSON schema is an object, not a string"),
        ("3", "a JSON schema is an object, not a number"),
        ({"minimum": float("inf")}, "cannot be written as JSON"),
        ({"enum": {1, 2}}, "cannot be written as JSON"),
        (int, "the class `int` is not a JSON schema"),
        (3.5, "3.5 is not a JSON schema"),
        (Odd, "`Odd` cannot say its JSON schema"),
    ],
)
def test_what_is_no_schema_is_refused(given: Any, message: str) -> None:
    """Each refusal says what was given."""
    span = Span("prog.py", 1)

    with pytest.raises(ConstraintError) as caught:
        parse_schema(given, span=span)
    assert message in caught.value.message
    assert caught.value.span == span


def test_booleans_are_schemas() -> None:
    """`true` accepts everything, as JSON Schema has it."""
    assert parse_schema("true").schema is True


def test_pydantic_is_never_imported() -> None:
    """Whoever uses a model class has imported pydantic already."""
    code = "import sys; from lmc.parser.schema import parse; parse.parse_schema({}); print('pydantic' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert out.stdout.strip() == "False"


@pytest.mark.parametrize(
    "schema, place",
    [
        ({"anyOf": []}, "#/anyOf"),
        ({"type": "nonsense"}, "#/type"),
        ({"type": "array", "items": "null"}, "#/items"),
        ({"enum": "ab"}, "#/enum"),
        ({"properties": ["a"]}, "#/properties"),
        ({"properties": {"a": {"maxLength": "4"}}}, "#/properties/a/maxLength"),
        ({"$ref": 5}, "#/$ref"),
        ({"oneOf": {"type": "null"}}, "#/oneOf"),
        ({"anyOf": [True, {"required": [1]}]}, "#/anyOf/1/required"),
        ({"minItems": -1}, "#/minItems"),
    ],
)
def test_a_keyword_of_the_wrong_kind_is_refused_with_its_place(schema, place):
    """No backend sees a schema that has no meaning."""
    with pytest.raises(ConstraintError, match="not a JSON schema") as caught:
        parse_schema(schema)
    assert place in caught.value.render()


def test_unknown_keywords_pass():
    """A schema may carry any keyword; what it means is the backend's business."""
    assert parse_schema({"type": "string", "x-note": [1]}).schema["x-note"] == [1]


def test_spacing_is_part_of_the_value():
    """Compact unless said otherwise; two spacings are two constraints."""
    compact, spaced = parse_schema(CITY), parse_schema(CITY, spacing="spaced")

    assert (compact.spacing, spaced.spacing) == ("compact", "spaced")
    assert compact != spaced and len({compact, spaced, parse_schema(CITY_TEXT)}) == 2


@pytest.mark.parametrize("spacing", ["compact", "spaced", "any"])
def test_a_schema_in_ir_text_keeps_its_spacing(spacing):
    """Printed and read back."""
    schema = parse_schema(CITY, spacing=spacing)
    text = f"program p() {{\n  %s = begin\n  %s.1, %a = gen %s {{constraint={literal(schema)}}}\n  return %a\n}}\n"

    (gen,) = [node for node in parse_graph(text).walk() if node.op == "gen"]
    assert dict(gen.attrs)["constraint"] == schema


@pytest.mark.parametrize(
    "pattern, yes, no",
    [
        (r"^[\s\S]$", ["\n", "\u00a0", "a"], ["", "ab"]),
        (r"^[^\s]$", ["a"], ["\u2003", "\ufeff"]),
        (r"^[\S]$", ["a", "\u200b"], ["\u00a0"]),
        (r"^\u{1F600}\cA$", ["\U0001f600\x01"], ["x"]),
        (r"^\ud83d\ude00$", ["\U0001f600"], ["x"]),
        (r"^(?<year>\d+)[$.[]$", ["12$", "1.", "1["], ["1", "1x"]),
        (r"^a{2}$|]", ["aa", "x]"], ["aaa"]),
        (r"^[\p{Lu}\p{Script=Greek}-]\P{L}$", ["É1", "α-", "-\U000f0000"], ["é1", "ÉÉ"]),
        (r"^[\w-.]$", ["a", "-", "."], ["/", "é"]),
    ],
)
def test_patterns_are_read_as_ecma_262_has_them(pattern, yes, no):
    """Where Python's syntax differs, the pattern is rewritten."""
    tree = pattern_tree(pattern)
    assert not isinstance(tree, str), tree
    dfa = CharDfa(search(tree))

    assert [dfa.accepts(text) for text in (*yes, *no)] == [True] * len(yes) + [False] * len(no)


@pytest.mark.parametrize(
    "pattern", [r"a{,3}", r"a++", r"\p{None}", r"\pL", r"[]a]", r"(a)\1", r"a)(b", "a)[", "a)(?#", "a)\\", "[a", r"\Aa"]
)
def test_patterns_that_mean_another_thing_elsewhere_have_no_tree(pattern):
    """A reason instead; whoever needs the pattern refuses it."""
    assert isinstance(pattern_tree(pattern), str)


@pytest.mark.parametrize(
    "name, yes, no",
    [
        ("date", ["2024-02-29", "2000-02-29"], ["2023-02-29", "1900-02-29", "2024-13-01", "2024-04-31"]),
        ("date-time", ["2024-01-01T10:00:00Z", "2024-01-01T10:00:00.5+01:00"], ["2024-01-01 10:00:00Z"]),
        ("ipv4", ["255.0.10.1"], ["256.0.0.1", "01.2.3.4", "1.2.3"]),
        ("ipv6", ["::1", "1:2:3:4:5:6:7:8", "fe80::1:2", "1::"], ["1:2:3", ":::", "12345::"]),
        ("uuid", ["123e4567-e89b-12d3-a456-426614174000"], ["123e4567"]),
        ("email", ["a.b@c.org"], ["a@", "@b.org", "a b@c.org"]),
        ("duration", ["P1D", "PT15M", "P1Y2M", "P2W"], ["P", "PT", "P1S", "1D"]),
    ],
)
def test_formats_hold_what_their_rfc_does(name, yes, no):
    """Some of it; nothing else."""
    tree = patterns_of({"format": name})[f"format:{name}"]
    assert not isinstance(tree, str), tree
    dfa = CharDfa(tree)

    assert [dfa.accepts(text) for text in (*yes, *no)] == [True] * len(yes) + [False] * len(no)


@pytest.mark.parametrize(
    "old, new",
    [
        (
            {"items": [True, {"type": "null"}], "additionalItems": False},
            {"prefixItems": [True, {"type": "null"}], "items": False},
        ),
        ({"items": {"type": "null"}, "additionalItems": False}, {"items": {"type": "null"}}),
        (
            {"dependencies": {"a": ["b"], "c": {"items": [True]}}},
            {"dependentRequired": {"a": ["b"]}, "dependentSchemas": {"c": {"prefixItems": [True]}}},
        ),
        ({"minimum": 0, "exclusiveMinimum": True}, {"exclusiveMinimum": 0}),
        ({"maximum": 9, "exclusiveMaximum": False}, {"maximum": 9}),
        ({"properties": {"dependencies": {"const": {"items": [1]}}}},) * 2,
    ],
)  # fmt: skip
def test_a_schema_of_an_older_draft_is_read_in_the_words_of_the_newest(old, new):
    """The text stays the user's; names of properties and values of `const` are no keywords."""
    parsed = parse_schema(old)

    assert parsed.schema == new
    assert json.loads(parsed.text) == old


def test_what_stands_beside_a_reference_means_nothing_before_2019():
    """And something since."""
    schema = {"$ref": "#/definitions/a", "maxLength": 1, "definitions": {"a": {"type": "string"}}}

    assert "maxLength" in parse_schema(schema).schema
    assert "maxLength" not in parse_schema({"$schema": "http://json-schema.org/draft-07/schema#", **schema}).schema


@pytest.mark.parametrize("depth", [81, 900, 100_000])
@pytest.mark.parametrize("as_text", [False, True])
def test_a_schema_that_is_too_deep_is_refused(depth, as_text):
    """Before anything walks it."""
    text = '{"items":' * depth + "true" + "}" * depth
    if as_text:
        with pytest.raises(ConstraintError):
            parse_schema(text)
        return
    schema: object = True
    for _ in range(depth):
        schema = {"items": schema}
    with pytest.raises(ConstraintError):
        parse_schema(schema)
