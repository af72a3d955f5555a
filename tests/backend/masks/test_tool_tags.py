"""Tool calls in the forms of model families: what comes out is a call of a tool that there is, with valid arguments."""

import json
from itertools import product

import numpy as np
import pytest

from lmc import read_calls
from lmc.backend.base import Gen, SegmentEnd
from lmc.backend.masks.lowering import source_of
from lmc.backend.masks.xgrammar import XGrammarMasks
from lmc.codes import BROKEN
from lmc.errors import ConstraintError
from lmc.executor.checks import broken
from lmc.ir.sampling import Sampling
from lmc.ir.tool_formats import LMCS_OWN, THOUGHTLESS, TOOL_FORMATS, UNSUPPORTED
from lmc.parser.tools import parse_tool_calls
from tests.support.hostile import Bytes

WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "maxLength": 8}, "days": {"type": "integer", "minimum": 1}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}
NOW = {"type": "function", "function": {"name": "now"}}


@pytest.fixture(scope="module")
def bytewise(tokenizer):
    """Masks of the small vocabulary."""
    return XGrammarMasks(tokenizer, tokenizer.vocab_size)


@pytest.fixture(scope="module")
def plain():
    """Masks of bytes alone, where no mark is a control token."""
    return XGrammarMasks(Bytes(), 257)


def calls(format, **options):
    """Two tools."""
    return parse_tool_calls([WEATHER, NOW], format=format, **options)


def accepts(masks, constraint, text):
    """Whether the text, a byte at a time, is allowed and may end there."""
    matcher = masks.make(constraint)
    for byte in text.encode():
        if not matcher.accept(masks.spellings.index(bytes((byte,)))):
            return False
    return matcher.can_stop()


def test_the_formats_are_those_of_xgrammar():
    """But for those whose arguments lmc does not follow."""
    from xgrammar.builtin_structural_tag import _structural_tag_registry

    assert sorted({*TOOL_FORMATS, *UNSUPPORTED} - {*LMCS_OWN}) == sorted(_structural_tag_registry)


@pytest.mark.parametrize("format", TOOL_FORMATS)
@pytest.mark.parametrize("choice", ["auto", "required", "none", "weather"])
@pytest.mark.parametrize("options", [{}, {"reasoning": "auto", "parallel": False}])
def test_every_format_lowers(format, choice, options):
    """To literals and grammars alone."""
    if format in THOUGHTLESS:
        options = {key: value for key, value in options.items() if key != "reasoning"}
    source = source_of(calls(format, choice=choice, **options))

    assert source is not None
    kinds = set(_types(json.loads(source.text)["format"]))
    assert kinds <= {"const_string", "grammar", "sequence", "or", "optional", "star", "plus", "repeat"}


def _types(format):
    yield format["type"]
    for inner in (*format.get("elements", ()), *([format["content"]] if "content" in format else ())):
        yield from _types(inner)


QWEN_3 = '<tool_call>\n{"name": "weather", "arguments": {"city": "Oslo", "days": 3}}\n</tool_call>'
QWEN_XML = (
    "<tool_call>\n<function=weather>\n<parameter=city>\nOslo</parameter>\n"
    "<parameter=days>\n3\n</parameter>\n</function>\n</tool_call>"
)
GLM = (
    "<tool_call>weather\n<arg_key>city</arg_key>\n<arg_value>Oslo</arg_value>\n"
    "<arg_key>days</arg_key><arg_value>3</arg_value></tool_call>"
)
DSML = (
    '\n\n<｜DSML｜function_calls>\n<｜DSML｜invoke name="weather">\n<｜DSML｜parameter name="city" string="true">Oslo'
    '</｜DSML｜parameter>\n<｜DSML｜parameter name="days" string="false">3</｜DSML｜parameter>\n</｜DSML｜invoke>\n'
    "</｜DSML｜function_calls>"
)
LLAMA = '{"name": "weather", "parameters": {"city": "Oslo", "days": 3}}'


@pytest.mark.parametrize(
    "format, call",
    [("qwen_3", QWEN_3), ("qwen_3_coder", QWEN_XML), ("glm_4_7", GLM), ("deepseek_v3_2", DSML), ("llama", LLAMA)],
)
def test_a_call_in_the_format_of_its_family(bytewise, format, call):
    """Oracle for the frame: xgrammar takes it too. Bad arguments are refused, whatever the frame."""
    from xgrammar import Grammar, get_model_structural_tag
    from xgrammar.testing import _is_grammar_accept_string

    constraint = calls(format, choice="weather")
    theirs = get_model_structural_tag(format, tools=[WEATHER, NOW], tool_choice="required", reasoning="disabled")

    assert _is_grammar_accept_string(Grammar.from_structural_tag(theirs), call)
    assert accepts(bytewise, constraint, call)
    for old, new in (("Oslo", "Antananarivo"), ("3", "0"), ("days", "day"), ("weather", "whether")):
        assert not accepts(bytewise, constraint, call.replace(old, new)), new


def test_the_choice_is_kept(bytewise):
    """auto, required, none, and one by name."""
    now = QWEN_3.replace("weather", "now").replace('{"city": "Oslo", "days": 3}', "{}")
    auto, must, never, named = (calls("qwen_3", choice=c) for c in ("auto", "required", "none", "now"))

    assert accepts(bytewise, auto, "Hello.") and accepts(bytewise, auto, "Hello." + QWEN_3 + now)
    assert not accepts(bytewise, must, "Hello.") and accepts(bytewise, must, QWEN_3 + now)
    assert accepts(bytewise, never, "Hello.")
    assert accepts(bytewise, named, now) and not accepts(bytewise, named, QWEN_3)


def test_one_call_where_calls_are_not_parallel(bytewise):
    """Text before it, nothing after it."""
    constraint = calls("qwen_3", parallel=False)

    assert accepts(bytewise, constraint, "Hm." + QWEN_3) and not accepts(bytewise, constraint, QWEN_3 + QWEN_3)


def test_reasoning_comes_first(bytewise):
    """Where it is asked for; it is free text up to its end."""
    constraint = calls("qwen_3", reasoning="auto", choice="required")

    assert accepts(bytewise, constraint, QWEN_3)
    assert accepts(bytewise, constraint, "<think>\nOslo?\n</think>\n\n" + QWEN_3) or accepts(
        bytewise, constraint, "<think>Oslo?</think>" + QWEN_3
    )
    assert not accepts(bytewise, calls("qwen_3", choice="required"), "<think>Oslo?</think>" + QWEN_3)


@pytest.mark.parametrize("format", UNSUPPORTED)
def test_a_format_that_lmc_does_not_follow_is_refused(format):
    """At once, with those that there are."""
    with pytest.raises(ConstraintError, match=f"{format}(.|\n)*qwen_3"):
        calls(format)


@pytest.mark.parametrize(
    "property, yes, no",
    [
        ({"type": "string", "pattern": "^[a-z]+$"}, "abc", "ab1"),
        ({"type": "string", "minLength": 2, "maxLength": 3}, "é日", "a"),
        ({"type": "string", "format": "date"}, "2024-02-29", "2024-02-30"),
        ({"enum": ["C", "F", 3]}, "F", "G"),
        ({"enum": ["C", "F", 3]}, "3", "4"),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "null", "nil"),
        ({"type": ["integer", "boolean"]}, "true", "yes"),
        ({"type": "array", "items": {"type": "string"}}, '["a", "b"]', "[a]"),
        ({"$ref": "#/$defs/p"}, '{"x": 1}', '{"x": "1"}'),
        ({"type": "string"}, "<parameter>\n{}</p>", "x</parameter>y"),
        ({"type": "string"}, "<function", "x<function=rm>"),
        ({"type": "string"}, "tool_call>", "x</tool_call>y"),
        ({"type": "string", "maxLength": 40}, "<b>é</b>", "x<parameter=b>"),
        ({"type": "object"}, '{"a": "\\u003c/tool_call>"}', '{"a": "</tool_call>"}'),
        # a newline at either end is none of the text's
        ({"type": "string", "pattern": "^[a-z]+$"}, "\nabc\n", "\n\nabc\n"),
        ({"type": "string", "maxLength": 3}, "\nabc", "\n\n\nab\n"),
        ({"type": "string", "minLength": 2}, "\n\na", "\na"),
        ({"enum": ["a", "b"]}, "\na\n", "\nab"),
    ],
)
def test_values_in_xml(bytewise, property, yes, no):
    """Texts are bare, all else is JSON."""
    definition = {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}
    parameters = {"type": "object", "properties": {"a": property}, "required": ["a"], "$defs": {"p": definition}}
    constraint = parse_tool_calls([{"name": "f", "parameters": parameters}], format="qwen_3_coder", choice="f")

    def written(value):
        return f"<tool_call>\n<function=f>\n<parameter=a>{value}</parameter>\n</function>\n</tool_call>"

    assert accepts(bytewise, constraint, written(yes))
    assert not accepts(bytewise, constraint, written(no))


@pytest.mark.parametrize(
    "parameters, what",
    [
        ({"properties": {"a": {}}}, "`type` at `#/properties/a`"),
        ({"properties": {"a b": {"type": "string"}}}, "'a b' cannot be written in a mark"),
        ({"properties": {}, "minProperties": 1}, "`minProperties`"),
        ({"properties": {"a": {"type": "string", "minimum": 3}}}, "`minimum` at `#/properties/a`"),
        ({"properties": {"a": {"$ref": "#/$defs/b"}}}, "names no definition"),
        ({"properties": {}, "required": ["b"]}, "'b' is not a property"),
        ({"properties": {"a": {"const": "x</parameter>"}}}, "holds the mark '</parameter>'"),
    ],
)
def test_arguments_that_xml_cannot_keep_are_refused(bytewise, parameters, what):
    """With the place in the schema."""
    tool = {"name": "f", "parameters": {"type": "object", **parameters}}

    with pytest.raises(ConstraintError, match=what):
        bytewise.make(parse_tool_calls([tool], format="qwen_3_coder"))


def test_random_walks_are_calls(bytewise):
    """Whatever the masks let out parses."""
    import random

    rng = random.Random(1)
    constraint = calls("qwen_3", choice="required", parallel=False)
    for _ in range(10):
        matcher, spelt = bytewise.make(constraint), b""
        while not matcher.is_done():
            bits = np.unpackbits(matcher.mask().view(np.uint8), bitorder="little")
            token = rng.choice(sorted(set(np.flatnonzero(bits).tolist()) - bytewise.eos_ids))
            assert matcher.accept(token)
            spelt += bytewise.spellings[token]
        said = json.loads(spelt.decode().removeprefix("<tool_call>\n").removesuffix("\n</tool_call>"))
        assert said["name"] in ("weather", "now") and set(said["arguments"]) <= {"city", "days"}


MARKED = {"name": "f", "parameters": {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}}


RECURRING = {"type": "object", "properties": {"a": {"type": "string"}, "<tool_call>": {"$ref": "#/$defs/n"}}}


@pytest.mark.parametrize(
    "tool", [MARKED, {"name": "f", "parameters": {"$ref": "#/$defs/n", "$defs": {"n": RECURRING}}}]
)
def test_a_mark_in_a_string_is_escaped(bytewise, tool):
    """Where it would stand, whether the schema recurs or not; the value is what it was."""
    constraint = parse_tool_calls([tool], format="qwen_3", choice="f")

    def written(value):
        return f'<tool_call>\n{{"name": "f", "arguments": {value}}}\n</tool_call>'

    assert accepts(bytewise, constraint, written('{"a": "x\\u003c/tool_call>\\u003ctool_call>y"}'))
    assert accepts(bytewise, constraint, written('{"a": "x", "\\u003ctool_call>": {"a": "1"}}'))
    assert not accepts(bytewise, constraint, written('{"a": "x</tool_call>y"}'))
    assert not accepts(bytewise, constraint, written('{"a": "x<tool_call>y"}'))
    assert not accepts(bytewise, constraint, written('{"a": "x", "<tool_call>": {"a": "1"}}'))


def test_a_surrogates_bytes_are_no_text(bytewise):
    """Nor where xgrammar writes the strings, whose complements of classes would let them in."""
    tool = {"name": "f", "parameters": {"$ref": "#/$defs/n", "$defs": {"n": RECURRING}}}
    for each in (MARKED, tool):
        matcher = bytewise.make(parse_tool_calls([each], format="qwen_3", choice="f"))
        for byte in b'<tool_call>\n{"name": "f", "arguments": {"a": "\xed':
            assert matcher.accept(bytewise.spellings.index(bytes((byte,))))
        assert not matcher.accept(bytewise.spellings.index(b"\xa0"))
        assert matcher.accept(bytewise.spellings.index(b"\x9f"))


def test_llamas_calls_are_parted_by_semicolons(bytewise):
    """And an answer is text or calls: its parsers read any object in a text as a call."""
    call = LLAMA
    auto, must, one = (calls("llama", **o) for o in ({}, {"choice": "required"}, {"parallel": False}))

    assert accepts(bytewise, must, f"{call}; {call}") and accepts(bytewise, auto, f"{call}; {call}; {call}")
    for between in ("", ";", "\n", " and "):
        assert not accepts(bytewise, must, call + between + call)
    assert accepts(bytewise, one, call) and not accepts(bytewise, one, f"{call}; {call}")
    assert accepts(bytewise, auto, "It is {x: 1}, or {}.")
    for text in (f"Well: {call}", call.replace('{"name"', '{ "name"'), 'x {\n"a": 1}', "<|python_tag|>f()"):
        assert not accepts(bytewise, auto, text)


@pytest.mark.parametrize("text", ["a </tool_call>", "<tool_call>x", "</think>"])
def test_free_text_and_thoughts_hold_no_mark(bytewise, text):
    """So that nothing in them is read as a call."""
    assert not accepts(bytewise, calls("qwen_3"), text)
    assert not accepts(bytewise, calls("qwen_3", reasoning="enabled", choice="none"), f"<think>{text}</think>\n\nx")


FAR = {"type": "string", "maxLength": 300}


def far(property, format="qwen_3_coder"):
    """A tool with one text, and its call with a value."""
    parameters = {"type": "object", "properties": {"a": property}, "required": ["a"]}
    return parse_tool_calls([{"name": "f", "parameters": parameters}], format=format, choice="f", parallel=False)


def far_call(value):
    """As Qwen3-Coder writes it."""
    return f"<tool_call>\n<function=f>\n<parameter=a>\n{value}\n</parameter>\n</function>\n</tool_call>"


@pytest.mark.parametrize(
    "property, yes, no",
    [
        (
            FAR,
            ["", "x" * 300, "é" * 300, "a<b>c</b> < d << e\n", "<para", "</func"],
            ["x" * 303, "</parameter>", "<function=x"],
        ),
        (FAR | {"minLength": 250}, ["x" * 250, "x" * 300, "<" + "x" * 249], ["x" * 249, "é" * 249, "x" * 301]),
        ({"type": "string", "minLength": 20}, ["x" * 20, "x" * 500], ["x" * 19, "x" * 20 + "<tool_call>"]),
    ],
)
def test_texts_that_are_counted_far(bytewise, property, yes, no):
    """Without any beginning of a mark exactly; whole marks stand in none."""
    constraint = far(property)

    for value in yes:
        assert accepts(bytewise, constraint, far_call(value)), value
        assert read_calls(far_call(value), constraint)[0].arguments == {"a": value}
    for value in no:
        assert not accepts(bytewise, constraint, far_call(value)), value


def test_a_text_that_is_counted_far_is_soon_compiled(tokenizer):
    """Its grammar has a rule for each beginning of a mark, and not for each of them at each count."""
    for format in ("qwen_3_coder", "glm_4_7", "minimax", "deepseek_v3_2", "kimi_k3"):
        source = source_of(far({"type": "string", "maxLength": 5000}, format))

        assert source is not None and source.text.count("::=") < 200


@pytest.mark.parametrize("value, is_right", [("x" * 300, True), ("x<" * 150, True), ("x<" * 151, False)])
def test_a_count_that_masks_let_pass_is_an_error(bytewise, value, is_right):
    """Held against the complete text: of its item, and said with the text."""
    constraint = far(FAR)
    text = far_call(value)
    gen = Gen(None, Sampling(max_tokens=4000), constraint)
    assert accepts(bytewise, constraint, text)

    error = broken([(gen, SegmentEnd(0, 0, 0, text, (), "constraint"))])

    assert (error is None) == is_right
    assert error is None or (error.code == BROKEN and "do not fit its schema" in error.message)
    assert broken([(gen, SegmentEnd(0, 0, 0, text[:40], (), "length"))]) is None


def harmony_call(name="now", arguments="{}"):
    """A message that is a call."""
    return f"<|channel|>commentary to=functions.{name}<|constrain|>json<|message|>{arguments}<|call|>"


@pytest.mark.parametrize("parallel", [True, False])
@pytest.mark.parametrize("reasoning", ["disabled", "enabled"])
def test_harmony_holds_a_call_where_one_is_asked_for(plain, parallel, reasoning):
    """Thoughts alone are none, nor is nothing; those of one tool are of no other."""
    call, thought, sep = harmony_call(), "<|channel|>analysis<|message|>Hm.<|end|>", "<|start|>assistant"
    must, named, auto, never = (
        calls("harmony", choice=choice, parallel=parallel, reasoning=reasoning)
        for choice in ("required", "now", "auto", "none")
    )
    thinks = reasoning == "enabled"
    for constraint in (must, named):
        assert accepts(plain, constraint, call)
        assert accepts(plain, constraint, call + sep + call) == parallel
        assert accepts(plain, constraint, thought + sep + thought + sep + call) == thinks
        assert accepts(plain, constraint, call + sep + thought) == (thinks and parallel)
        for text in ("", thought, thought + sep + thought, call + sep, sep + call):
            assert not accepts(plain, constraint, text), text
    weather = harmony_call("weather", '{"city": "Oslo"}')
    assert accepts(plain, must, weather) and not accepts(plain, named, weather)
    final = "<|channel|>final<|message|>Hello.<|end|>"
    for text in ("", final, call, final + sep + call):
        assert accepts(plain, auto, text), text
    assert accepts(plain, auto, call + sep + call) == accepts(plain, auto, call + sep + final) == parallel
    assert accepts(plain, never, final) and not accepts(plain, never, call)


@pytest.mark.slow
def test_harmony_is_no_narrower_than_xgrammars(plain):
    """Oracle: what it takes with a call in it is taken, and what is taken it takes."""
    from xgrammar import Grammar, get_model_structural_tag
    from xgrammar.testing import _is_grammar_accept_string

    call, final, thought, sep = (
        harmony_call(), "<|channel|>final<|message|>Hello.<|end|>", "<|channel|>analysis<|message|>Hm.<|end|>",
        "<|start|>assistant",
    )  # fmt: skip
    for choice, parallel in product(("auto", "required"), (True, False)):
        constraint = calls("harmony", choice=choice, parallel=parallel, reasoning="enabled")
        theirs = Grammar.from_structural_tag(
            get_model_structural_tag(
                "harmony", tools=[WEATHER, NOW], tool_choice=choice, reasoning="enabled", parallel_tool_calls=parallel
            )
        )
        for count in range(4):
            for messages in product((call, final, thought), repeat=count):
                text = sep.join(messages)
                expected = _is_grammar_accept_string(theirs, text) and (choice == "auto" or call in text)
                assert accepts(plain, constraint, text) == expected, (choice, parallel, text)
