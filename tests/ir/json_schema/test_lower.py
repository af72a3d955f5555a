"""JSON schemas as automata: exactly the texts of the values that a schema accepts."""

from __future__ import annotations

import dataclasses
import json
import random
import re

import pytest

from lmc.errors import ConstraintError
from lmc.ir.automaton.dfa import CharDfa
from lmc.ir.json_schema.audit import audit, lint
from lmc.ir.json_schema.findings import NotRegular, SchemaError
from lmc.ir.json_schema.lower import lower
from lmc.ir.json_schema.shape import MAX_SHAPES, Shapes
from lmc.parser.schema.parse import parse_schema


def accepted(schema, texts, spacing="compact"):
    """Which of the texts come out."""
    dfa = CharDfa(lower(parse_schema(schema, spacing=spacing)).tree)
    return [text for text in texts if dfa.accepts(text)]


STRINGS = {"type": "string"}
AB = {"properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}, "type": "object"}


@pytest.mark.parametrize(
    "schema, yes, no",
    [
        # strings: lengths and patterns are of characters, whatever their writing
        ({**STRINGS, "maxLength": 2}, ['"\\n\\""', '"日é"', '""', '"\\u0001a"'], ['"abc"', '"\n"', '"\\n\\n\\n"']),
        ({**STRINGS, "pattern": "b"}, ['"abc"', '"b"', '"\\nb"'], ['"ac"', '""']),
        ({**STRINGS, "pattern": "^a|c$"}, ['"ab"', '"bc"', '"a"'], ['"bcb"', '"ba"']),
        ({**STRINGS, "pattern": "^a$", "maxLength": 3}, ['"a"'], ['"a\\n"', '"aa"']),
        ({**STRINGS, "pattern": "^.$"}, ['"\\""', '"\\\\"', '"é"'], ['"\\n"', '"\\"\\""', '"\u2028"']),
        ({**STRINGS, "pattern": r"^\S\d\w$"}, ['"é1_"'], ['"\u00a01_"', '"a١_"', '"a1é"']),
        ({**STRINGS, "pattern": "^(?!ab)[a-c]{2}$"}, ['"ba"', '"ac"'], ['"ab"', '"abc"']),
        ({**STRINGS, "pattern": "a(?!.)"}, ['"a"', '"ba"'], ['"ab"']),
        ({"const": "\u0001\u001f\t\u007f/"}, ['"\\u0001\\u001f\\t\x7f/"'], ['"\\u0001\\u001F\\t\x7f/"']),
        # any escape of JSON where nothing is asked
        (STRINGS, ['"\\u0061\\/"', '"\\ud83d\\ude00"', '"\\uD7ff"'], ['"\\ud83d"', '"\\ude00"', '"\\x"', '"\t"']),
        # numbers
        ({"type": "integer", "minimum": -5, "maximum": 12}, ["-5", "0", "12", "9"], ["-6", "13", "-0", "1.0", "05"]),
        ({"exclusiveMinimum": 0, "maximum": 1.5, "type": "number"}, ["0.1", "1.5", "1.50"], ["0", "0.0", "1.51", "2"]),
        ({"type": "number", "multipleOf": 0.25}, ["0.5", "-1.75", "3"], ["0.3", "0.125"]),
        # digits before the point decide too, and factors that 10 has not
        (
            {"type": "number", "multipleOf": 2.5},
            ["0", "-2.5", "10", "7.5", "5.0", "1002.5"],
            ["2", "3.5", "0.5", "2.05"],
        ),
        ({"type": "integer", "multipleOf": 2.5}, ["0", "-5", "10"], ["2", "7.5", "11"]),
        ({"type": "number", "multipleOf": 1.5}, ["0", "-1.5", "3", "4.5", "30.0"], ["1", "2.5", "0.5", "3.15"]),
        ({"type": "number", "multipleOf": 0.35}, ["0.35", "0.7", "-1.05", "7"], ["0.3", "1.5", "3.05"]),
        ({"type": "number", "multipleOf": 1.5, "minimum": 2, "maximum": 4}, ["3"], ["1.5", "4.5", "2", "4"]),
        ({"type": "integer", "multipleOf": 7}, ["0", "-14", "7007"], ["1", "13"]),
        ({"type": "number"}, ["1e5", "-0.0", "1.50E-7"], ["01", ".5", "+1", "NaN"]),
        ({"enum": [1.0, 1e3, -0.5]}, ["1", "1000", "-0.5"], ["1.0", "1e3"]),
        # objects
        (
            {**AB, "required": ["b"], "additionalProperties": False},
            ['{"a":1,"b":2}', '{"b":2}'],
            ["{}", '{"b":1,"a":2}'],
        ),
        ({**AB, "additionalProperties": False}, ["{}", '{"a":1}', '{"b":1}'], ['{"a":1,"a":2}', '{"a":1,}', '{"c":1}']),
        (AB, ['{"c":"x"}', '{"a":1,"c":{"a":"x"}}'], ['{"c":1,"a":2}', '{"\\u0061":"x"}', '{"a":"x"}']),
        ({**AB, "minProperties": 2, "maxProperties": 2}, ['{"a":1,"b":1}', '{"y":1,"x":1}'], ['{"x":1}', "{}"]),
        ({"patternProperties": {"^x": {"const": 1}}, "type": "object"}, ['{"x":1,"y":2}', '{"xy":1}'], ['{"xy":2}']),
        (
            {"propertyNames": {"enum": ["a", "b", 3]}, "additionalProperties": {"type": "null"}, "type": "object"},
            ["{}", '{"a":null}', '{"a":null,"b":null}', '{"b":null}'],
            ['{"a":null,"a":null}', '{"b":null,"b":null}', '{"c":null}', '{"3":null}', '{"a":1}'],
        ),
        (
            {"propertyNames": {"anyOf": [{"const": "a"}, {"pattern": "^b"}]}, "minProperties": 2, "type": "object"},
            ['{"a":1,"b":2}', '{"b":1,"bb":2}'],
            ['{"a":1}', '{"a":1,"a":2}', '{"a":1,"c":2}'],
        ),
        ({"propertyNames": {"maxLength": 2}, "type": "object"}, ['{"\\n\\n":1}', "{}"], ['{"abc":1}']),
        ({**AB, "dependentRequired": {"a": ["b"]}}, ['{"b":1}', '{"a":1,"b":2}'], ['{"a":1}']),
        # arrays
        ({"type": "array", "items": {"const": 1}, "minItems": 1, "maxItems": 2}, ["[1]", "[1,1]"], ["[]", "[1,1,1]"]),
        ({"prefixItems": [{"const": 1}], "items": False, "type": "array"}, ["[]", "[1]"], ["[1,1]", "[2]"]),
        ({"type": "array", "contains": {"const": 1}, "maxContains": 1}, ["[1]", "[2,1,3]"], ["[]", "[1,1]", "[2]"]),
        ({"type": "array", "items": {"enum": ["a", "b"]}, "uniqueItems": True}, ["[]", '["b","a"]'], ['["a","a"]']),
        # combinations
        ({"not": {"type": "integer"}}, ["1.5", '"a"', "[1]"], ["1", "-3"]),
        ({"not": {"const": 1}}, ["2", "[1]", "true"], ["1", "1.0"]),
        ({"not": {"const": {"a": 1}}}, ['{"a":2}', '{"a":1,"b":1}', "{}"], ['{"a":1}']),
        ({"not": {"additionalProperties": {"type": "integer"}}}, ['{"x":"s"}', '{"xb":2,"xa":"s"}'], ['{"x":1}', "{}"]),
        ({"oneOf": [{"type": "integer"}, {"minimum": 2}]}, ["1", "2.5", '"x"'][:2], ["2", "3", '"x"'][:2]),
        ({**AB, "anyOf": [{"required": ["a"]}, {"required": ["b"]}]}, ['{"a":1}', '{"b":1}'], ["{}", '{"c":1}', "3"]),
        ({"allOf": [STRINGS, {"maxLength": 3}, {"pattern": "a"}]}, ['"ab"'], ['"b"', '"aaaa"']),
        ({"$ref": "#/$defs/s", "maxLength": 1, "$defs": {"s": STRINGS}}, ['"a"'], ['"ab"', "1"]),
        ({**AB, "unevaluatedProperties": False, "allOf": [{"properties": {"c": True}}]}, ['{"c":1}'], ['{"d":1}']),
    ],
)
def test_a_schema_is_exactly_its_texts(schema, yes, no):
    """Accepted and rejected texts, as two lists."""
    assert accepted(schema, yes) == yes
    assert accepted(schema, no) == []


def test_if_then_else_is_a_choice():
    """A value is held to the branch that its condition picks."""
    kind = {"properties": {"kind": {"const": "a"}}, "required": ["kind"]}
    schema = {"type": "object", "if": kind, "then": {"required": ["x"]}, "else": {"required": ["y"]}}
    texts = ['{"kind":"a","x":1}', '{"kind":"a"}', '{"kind":"b","y":1}', '{"kind":"b"}', '{"y":1}']

    assert accepted(schema, texts) == [texts[0], texts[2], texts[4]]


@pytest.mark.parametrize(
    "spacing, text",
    [("compact", '{"a":[1,2]}'), ("spaced", '{"a": [1, 2]}'), ("any", '{ "a" :\n[1 ,2]}')],
)
def test_spaces_are_as_asked(spacing, text):
    """Each spacing has its own texts; `any` has the others too."""
    schema = {"type": "object", "properties": {"a": {"type": "array", "items": {"type": "integer"}}}}
    texts = ['{"a":[1,2]}', '{"a": [1, 2]}', '{ "a" :\n[1 ,2]}']

    assert accepted(schema, texts, spacing) == (texts if spacing == "any" else [text])


@pytest.mark.parametrize(
    "schema, place, keyword",
    [
        ({"properties": {"a/b": {"$ref": "http://x/y"}}}, "#/properties/a~1b", "$ref"),
        ({"pattern": r"(a)\1"}, "#", "pattern"),
        ({"patternProperties": {r"\p{None}": {}}}, "#", "patternProperties"),
        ({"not": {"propertyNames": {"format": "email"}}}, "#/not/propertyNames", "format"),
        ({"$ref": "#/$defs/none"}, "#", "$ref"),
    ],
)
def test_what_cannot_be_kept_is_refused_with_its_place(schema, place, keyword):
    """An error, and the same in the audit."""
    parsed = parse_schema(schema)
    with pytest.raises(SchemaError) as caught:
        lower(parsed)

    assert (caught.value.finding.place, caught.value.finding.keyword) == (place, keyword)
    assert audit(parsed)[-1] == caught.value.finding and audit(parsed)[-1].verdict == "refused"


@pytest.mark.parametrize(
    "pattern",
    [
        r"^((25[0-5]|(2[0-4]|1\d|[1-9]|)\d)\.?\b){4}$",
        r"((?!^[0-9]+$)([a-z0-9]+))",
        r"\bn\b",
        r"(?<=n)a",
        r"(?<!\n)a",
        r'a\B"',
        r"x(?<=\\x)",
        r"^(?<!a)b|c(?<!dc)",
    ],
)
@pytest.mark.parametrize("is_negated", [False, True])
def test_a_pattern_may_look_back_within_its_string(pattern, is_negated):
    """At characters, not at their writings (the `n` of `\\n` is none), and not at what stands before the string."""
    wanted = {"type": "string", **({"not": {"pattern": pattern}} if is_negated else {"pattern": pattern})}
    named = {"properties": {"q": {"type": "string"}, "k": wanted}, "required": ["q", "k"]}
    dfa = CharDfa(lower(parse_schema({"type": "object", "additionalProperties": False, **named})).tree)
    rng = random.Random(pattern)
    for _ in range(150):
        text = "".join(rng.choice('an"\\\nx1.bdc-') for _ in range(rng.randint(0, 6)))
        before = rng.choice(["a", "n\n", '"', "\\", ""])
        found = dfa.accepts(json.dumps({"q": before, "k": text}, separators=(",", ":")))
        assert found == ((re.search(pattern, text, re.A) is not None) != is_negated), text


def test_items_that_no_automaton_tells_apart_are_checked_when_the_text_is_complete():
    """Equal as JSON Schema has it: 1 and 1.0 are, 1 and true are not, and objects whatever their order."""
    items = {"type": "array", "items": {"type": ["number", "boolean", "object"]}, "uniqueItems": True}
    lowered = lower(parse_schema({"type": "object", "properties": {"k": items}, "additionalProperties": False}))
    right = ['{"k":[]}', '{"k":[1,true,2.5]}', '{"k":[{"a":1},{"a":2}]}', "{}"]
    wrong = ['{"k":[1,2,1]}', '{"k":[0.5,0.5]}', '{"k":[{"a":1,"b":2},{"b":2,"a":1}]}', '{"k":[true,true]}']

    assert [CharDfa(lowered.tree).accepts(text) for text in (*right, *wrong)] == [True] * 8
    assert [lowered.broken_by(text) is None for text in (*right, *wrong)] == [True] * 4 + [False] * 4
    assert [f.place for f in lowered.findings if f.keyword == "uniqueItems"] == ["#/properties/k"]


def test_a_check_knows_the_branch_that_a_value_took():
    """Only one of these wants different items."""
    branches = [{"type": "array", "uniqueItems": True, "items": {"type": "integer"}}, {"type": "array", "minItems": 3}]
    lowered = lower(parse_schema({"anyOf": branches}))

    assert lowered.broken_by("[1,1]") is not None
    assert lowered.broken_by("[1,1,1]") is None and lowered.broken_by("[1,2]") is None


def test_many_known_items_are_told_apart_by_the_automaton():
    """Whatever their order, and in little time."""
    names = [f"item{n}" for n in range(16)]
    lowered = lower(parse_schema({"type": "array", "items": {"enum": names}, "uniqueItems": True}))
    dfa = CharDfa(lowered.tree)

    assert all(finding.verdict == "exact" for finding in lowered.findings)
    assert dfa.accepts(json.dumps(names[::-1], separators=(",", ":")))
    assert not dfa.accepts(json.dumps([*names[::-1], "item3"], separators=(",", ":")))


def test_an_unknown_dialect_is_relaxed_with_a_word():
    """It is taken for the newest draft."""
    found = audit(parse_schema({"$schema": "http://example.com/own", "type": "string"}))

    assert [(f.keyword, f.verdict) for f in found] == [("$schema", "relaxed"), ("type", "exact")]


@pytest.mark.parametrize(
    "schema", [{"$ref": "#"}, {"items": {"$ref": "#"}}, {"properties": {"a": {"allOf": [{"$ref": "#"}]}}}]
)
def test_a_schema_within_itself_is_not_regular(schema):
    """It ends at once, and says which reference."""
    with pytest.raises(NotRegular) as caught:
        lower(parse_schema(schema))
    assert caught.value.finding.keyword == "$ref"


def test_the_audit_names_every_keyword():
    """Exact, or relaxed with a reason."""
    schema = {"type": "object", "properties": {"day": {"format": "date", "x-note": 1, "type": "string"}}, "title": "T"}
    found = {(f.place, f.keyword): f.verdict for f in audit(parse_schema({**schema, "additionalProperties": False}))}

    assert found == {
        ("#", "type"): "exact",
        ("#", "properties"): "exact",
        ("#", "additionalProperties"): "exact",
        ("#/properties/day", "type"): "exact",
        ("#/properties/day", "format"): "relaxed",
        ("#/properties/day", "x-note"): "relaxed",
    }


def test_the_linter_says_what_spaces_cost_and_what_is_relaxed():
    """Nothing of a compact and exact schema."""
    closed = {"type": "object", "properties": {"a": {"type": "integer"}}, "additionalProperties": False}

    assert lint(parse_schema(closed)) == ()
    assert [remark.code for remark in lint(parse_schema(closed, spacing="any"))] == ["LMC-CN005"]
    assert [remark.code for remark in lint(parse_schema({"type": "object"}))] == ["LMC-CN030", "LMC-CN006"]


def test_the_linter_remarks_that_a_type_was_forgotten():
    """At the root: there `{"properties": ...}` lets a number out."""
    named = {"properties": {"a": {"type": "integer"}}, "additionalProperties": False}

    assert lint(parse_schema(named))[0].code == "LMC-CN019"
    assert lint(parse_schema({"type": "object", **named})) == ()


def test_keywords_that_say_nothing_are_one_remark():
    """However many there are."""
    (remark,) = lint(parse_schema({"type": "string", "x-a": 1, "x-b": 2}))

    assert "`x-a`, `x-b`" in remark.message


@pytest.mark.parametrize("doublings", [4, 8, 30])
def test_a_required_property_is_one_place(doublings):
    """Named twice, by `properties` and by `required`, it is looked at once: definitions that double have an end."""
    definitions = {
        f"d{i}": {
            "type": "object",
            "properties": {name: {"$ref": f"#/$defs/d{i + 1}"} for name in "ab"},
            "required": ["a", "b"],
            "additionalProperties": False,
        }
        for i in range(doublings)
    }
    whole = {"$defs": {**definitions, f"d{doublings}": {"type": "null"}}, "$ref": "#/$defs/d0"}
    schema = parse_schema(whole)
    looked_at = []
    flat = Shapes.flat

    def counted(self, source):
        looked_at.append(source)
        return flat(self, source)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Shapes, "flat", counted)
        if doublings > 10:
            with pytest.raises(NotRegular, match="places"):
                lower(schema)
        else:
            lower(schema)
    assert len(looked_at) <= 4 * min(2 ** (doublings + 1), MAX_SHAPES + 1)


def test_a_shared_definition_costs_once_per_use_and_has_an_end():
    """2 ** 40 ways through a chain of definitions are cut off, not walked."""
    chain = {str(n): {"properties": {k: {"$ref": f"#/$defs/{n + 1}"} for k in "ab"}} for n in range(40)}
    with pytest.raises(NotRegular, match="places"):
        lower(parse_schema({"$ref": "#/$defs/0", "$defs": {**chain, "40": {}}}))


# --- an oracle: random schemas over few values -----------------------------------------------------------------

SCALARS = [None, True, 0, 1, 2.5, -1, "", "a", "ab"]
VALUES = [
    *SCALARS,
    [],
    [1],
    [1, "a"],
    ["a", 1],
    {},
    {"a": 1},
    {"b": "a"},
    {"a": 1, "b": 1},
    {"c": 1},
    {"a": "a", "c": 1},
]


LEAVES = [
    *(True, {"type": "integer"}, {"type": ["string", "null"]}, {"minimum": 1}, {"maxLength": 1}, {"multipleOf": 2}),
    *({"enum": [1, "a", {"a": 1}]}, {"required": ["a"]}, {"maxProperties": 1}, {"minItems": 1}, {"const": [1]}),
    {"type": "object"},
]


def random_schema(rng, depth):
    """A schema whose meaning `holds` knows."""
    if depth and rng.random() < 0.6:
        inner = [random_schema(rng, depth - 1) for _ in range(rng.randint(1, 3))]
        key = rng.choice(
            ["anyOf", "oneOf", "allOf", "not", "if", "properties", "items", "contains", "additionalProperties"]
        )
        if key in ("anyOf", "oneOf", "allOf"):
            return {key: inner}
        if key == "if":
            return dict(zip(("if", "then", "else"), inner))
        return {"properties": dict(zip("abc", inner))} if key == "properties" else {key: inner[0]}
    return rng.choice(LEAVES)


def same(a, b):
    return json.dumps(a) == json.dumps(b)


def holds(schema, value):
    """Whether a value is valid, by the letter of the standard."""
    return schema if isinstance(schema, bool) else all(_keyword(k, schema, value) for k in schema)


def _keyword(key, schema, v):
    arg = schema[key]
    number = isinstance(v, (int, float)) and not isinstance(v, bool)
    match key:
        case "type":
            kinds = {"integer": number and v == int(v), "string": isinstance(v, str), "null": v is None}
            return any({**kinds, "object": isinstance(v, dict)}[t] for t in ([arg] if isinstance(arg, str) else arg))
        case "minimum":
            return not number or v >= arg
        case "multipleOf":
            return not number or v % arg == 0
        case "maxLength":
            return not isinstance(v, str) or len(v) <= arg
        case "enum":
            return any(same(v, each) for each in arg)
        case "const":
            return same(v, arg)
        case "required":
            return not isinstance(v, dict) or all(name in v for name in arg)
        case "maxProperties":
            return not isinstance(v, dict) or len(v) <= arg
        case "minItems":
            return not isinstance(v, list) or len(v) >= arg
        case "properties":
            return not isinstance(v, dict) or all(holds(arg[n], v[n]) for n in arg if n in v)
        case "additionalProperties":
            return not isinstance(v, dict) or all(holds(arg, v[n]) for n in v)
        case "items":
            return not isinstance(v, list) or all(holds(arg, each) for each in v)
        case "contains":
            return not isinstance(v, list) or any(holds(arg, each) for each in v)
        case "anyOf" | "oneOf" | "allOf":
            count = sum(holds(each, v) for each in arg)
            return {"anyOf": count > 0, "oneOf": count == 1, "allOf": count == len(arg)}[key]
        case "not":
            return not holds(arg, v)
        case "if":
            return holds(schema.get("then" if holds(arg, v) else "else", True), v)
        case _:
            return True


@pytest.mark.parametrize("seed", range(60))
def test_a_random_schema_means_what_the_standard_says(seed):
    """Every value of a fixed few, in the order of its properties; `{"c":1}` stands for further names."""
    rng = random.Random(seed)
    schema = random_schema(rng, 2)
    parsed = parse_schema(json.dumps(schema))
    dfa = CharDfa(lower(parsed).tree)

    for value in VALUES:
        text = json.dumps(value, separators=(",", ":"))
        flipped = isinstance(value, dict) and json.dumps(dict(reversed(value.items())), separators=(",", ":"))
        found = dfa.accepts(text) or bool(flipped and dfa.accepts(flipped))
        assert found == holds(schema, value), (schema, value)


def test_an_impossible_schema_has_no_text():
    """It is the caller who refuses it, before a token is sampled."""
    for schema in (
        False,
        {"type": "object", "required": ["a"], "additionalProperties": False},
        {"allOf": [{"const": 1}, {"const": 2}]},
        {"type": "number", "minimum": 5, "maximum": 3},
        {"type": "string", "minLength": 2, "maxLength": 1},
        {"enum": []},
    ):
        assert CharDfa(lower(parse_schema(json.dumps(schema))).tree).start == 0


NEVER = [
    {"type": "integer", "minimum": 5, "maximum": 3}, {"type": "string", "minLength": 3, "maxLength": 1}, {"enum": []},
    {"type": "array", "minItems": 3, "maxItems": 1}, {"type": "object", "minProperties": 2, "maxProperties": 1},
    {"type": "string", "enum": [1, 2]}, {"const": "b", "pattern": "^a"}, {"type": "string", "const": 3},
    {"type": "number", "exclusiveMinimum": 3, "maximum": 3},
    {"type": "integer", "minimum": 1, "maximum": 9, "multipleOf": 10},
]  # fmt: skip


@pytest.mark.parametrize("never", NEVER)
def test_what_nothing_satisfies_is_only_absent(never):
    """An optional property, a branch, items: the schema around it goes on without."""
    null, closed = {"type": "null"}, {"type": "object", "additionalProperties": False}
    both = {"a": never, "b": null}
    for schema, yes, no in (
        ({**closed, "properties": both}, ["{}", '{"b":null}'], ['{"a":1}', '{"a":"b"}', '{"a":[]}']),
        ({"anyOf": [never, null]}, ["null"], ["4", '"ab"', "[]", "{}"]),
        ({"type": "array", "items": never}, ["[]"], ["[4]", '["b"]', "[[]]"]),
        ({"type": "array", "prefixItems": [null, never], "items": never}, ["[]", "[null]"], ["[null,4]"]),
        ({"not": never, "type": ["null", "boolean"]}, ["null", "true"], ["4"]),
        ({**closed, "properties": both, "required": ["a"]}, [], ["{}", '{"a":4}']),
    ):
        dfa = CharDfa(lower(parse_schema(json.dumps(schema))).tree)
        assert all(map(dfa.accepts, yes)), schema
        assert not any(map(dfa.accepts, no)), schema
        assert bool(dfa.start) == bool(yes)


def test_a_bad_keyword_is_still_refused_at_the_border():
    """Parsing patterns changes nothing about that."""
    with pytest.raises(ConstraintError, match="not a JSON schema"):
        parse_schema({"pattern": 3})


MARKS = ("<t>", "</t>", "｜x")


@pytest.mark.parametrize(
    "schema",
    [
        STRINGS,
        {**STRINGS, "maxLength": 9},
        {**STRINGS, "maxLength": 40},
        {**STRINGS, "pattern": "<"},
        {**STRINGS, "not": {"const": "x"}},
        {"enum": ["a<t>b", "</t>", "<", "｜x｜x"]},
        {"type": "object", "patternProperties": {"^<": {"type": "string"}}, "additionalProperties": False},
        {"type": "object", "properties": {"<t>": STRINGS, "b": STRINGS}, "additionalProperties": False},
        {"type": "array", "uniqueItems": True, "items": {"enum": ["<t>", "</t>", "b"]}},
    ],
)
def test_no_string_holds_a_mark(schema):
    """It accepts the same values, each with its marks broken by an escape."""
    plain = parse_schema(schema)
    before, after = (CharDfa(lower(dataclasses.replace(plain, marks=marks)).tree) for marks in ((), MARKS))
    pieces = ["a<t>b", "<t>", "</t>", "<", "<t", ">", "｜", "｜x", "x", "\\", "\n", "é", '"', "<<t>>"]
    rng = random.Random(1)
    texts = pieces + ["".join(rng.choices(pieces, k=rng.randrange(4))) for _ in range(80)]
    shapes = (lambda t: t, lambda t: {t: t}, lambda t: {"<t>": t, "b": t}, lambda t: [t, "b"], lambda t: [t])
    found = 0
    for value in (shape(text) for text in texts for shape in shapes):
        raw = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        escaped = re.sub("<(?=/?t>)|｜(?=x)", lambda m: f"\\u{ord(m[0]):04x}", raw)
        fully = re.sub("[<｜]", lambda m: f"\\u{ord(m[0]):04x}", raw)
        took = before.accepts(raw)
        assert after.accepts(escaped) or after.accepts(fully) if took else not after.accepts(escaped)
        assert escaped == raw or not after.accepts(raw)
        found += took
    assert found


def test_a_character_is_escaped_only_where_a_mark_would_stand():
    """So that a text without marks has the writing that it has without them."""
    dfa = CharDfa(lower(dataclasses.replace(parse_schema({**STRINGS, "pattern": "^.*$"}), marks=MARKS)).tree)

    assert dfa.accepts('"<a>\\u003ct>"') and dfa.accepts('"<t"')
    assert not dfa.accepts('"\\u003ca>"') and not dfa.accepts('"\\u003ct"') and not dfa.accepts('"<t>"')


def test_names_that_are_listed_are_counted_exactly():
    """Nothing is left for the complete text to show; of too many names it is."""
    few = {"propertyNames": {"enum": ["a", "b"]}, "additionalProperties": {"type": "null"}, "minProperties": 2}
    many = few | {"propertyNames": {"enum": [f"n{number}" for number in range(100)]}}

    def checked(schema):
        return {each.keyword for each in audit(parse_schema({"type": "object", **schema})) if each.verdict == "checked"}

    assert checked(few) == set()
    assert checked(many) == {"(names)", "minProperties"}


@pytest.mark.parametrize("nested", [False, True])
def test_items_that_ought_to_repeat_are_looked_at_when_the_text_is_complete(nested):
    """A complement lets every longer array out: whether one repeats no automaton knows."""
    schema = {"type": "array", "not": {"uniqueItems": True}}
    schema = {"type": "array", "items": schema} if nested else schema
    lowered = lower(parse_schema(schema))
    dfa = CharDfa(lowered.tree)
    around = "[{}]" if nested else "{}"
    right, wrong = (["[1,1]", "[[2],3,[2]]"], ["[1,2]", "[1,true]"])

    for text in (*right, *wrong):
        whole = around.format(text)
        assert dfa.accepts(whole) and (lowered.broken_by(whole) is None) == (text in right), whole
    assert not dfa.accepts(around.format("[1]")) and not dfa.accepts(around.format("[]"))
    assert any(each.keyword == "uniqueItems" and each.verdict == "checked" for each in lowered.findings)
