"""Calls out of an answer: every format is read as its family writes it, and what is no call of a tool is an error."""

import pytest

import lmc
from lmc.errors import ArgumentError, OutputError
from lmc.ir.tool_formats import TOOL_FORMATS
from lmc.parser.tools import parse_tool_calls
from tests.support.tool_parsers import PARSERS
from tests.support.tool_writers import WRITERS

KINDS = {
    "text": "string", "count": "integer", "real": "number", "flag": "boolean", "none": "null", "some": "array",
    "inner": "object",
}  # fmt: skip
PROPERTIES = {name: {"type": kind} for name, kind in KINDS.items()}
TOOLS = [
    {"name": "do.it", "parameters": {"type": "object", "properties": PROPERTIES, "additionalProperties": False}},
    {"name": "now"},
]
ALL = {
    "text": 'Zoë said:\n  "日本 🙂" \\n <b>x</b> {"a": 1}; {}', "count": -3, "real": 2.5e-3, "flag": False,
    "none": None,    "some": [1, "two", [None]], "inner": {"a": {"b": ["é", True]}, "name": "x"},
}  # fmt: skip
ANSWERS = [
    [("now", {})],
    [("do.it", ALL)],
    [("do.it", {"text": "a"}), ("now", {}), ("do.it", {"count": 1, "text": "}"})],
]
TYPES = {"do.it": KINDS, "now": {}}


def calls(format, tools=TOOLS, **options):
    """Such calls must come."""
    return parse_tool_calls(tools, format=format, **{"choice": "required"} | options)


def read(text, tools):
    """As pairs."""
    return [(call.name, call.arguments) for call in lmc.read_calls(text, tools)]


@pytest.mark.parametrize("format", TOOL_FORMATS)
@pytest.mark.parametrize("answer", ANSWERS, ids=["nothing", "everything", "several"])
def test_what_a_family_writes_is_read(format, answer):
    """By its own parser as by ours."""
    text = WRITERS[format](answer)

    assert read(text, calls(format)) == PARSERS[format](text, TYPES) == answer


@pytest.mark.parametrize("format", TOOL_FORMATS)
def test_masks_allow_what_a_family_writes(format):
    """So that reading and writing are of one language."""
    from lmc.backend.masks.xgrammar import XGrammarMasks
    from tests.support.hostile import Bytes

    closed = {"type": "object", "properties": {"a": {"type": "null"}}, "additionalProperties": False}
    properties = {"text": {"type": "string"}, "count": {"type": "integer"}, "some": {"type": "array", "items": closed}}
    tools = [{"name": "f", "parameters": {"type": "object", "properties": properties, "required": ["text"]}}]
    tools[0]["parameters"]["additionalProperties"] = False
    matcher = XGrammarMasks(Bytes(), 257).make(calls(format, tools))
    answer = [("f", {"text": 'é "\nx', "count": 3, "some": [{"a": None}, {}]}), ("f", {"text": "x"})]
    written = WRITERS[format](answer)

    assert all(map(matcher.accept, written.encode())) and matcher.can_stop()
    assert read(written, calls(format, tools)) == answer


@pytest.mark.parametrize("format", TOOL_FORMATS)
def test_a_call_that_is_cut_off_is_an_error(format):
    """Wherever it is cut, and the error has the text; only what closes the calls may be missing."""
    text = WRITERS[format]([("do.it", {"text": "a", "inner": {"b": "}"}})])
    whole = read(text, calls(format))
    for end in range(len(text)):
        try:
            found = read(text[:end], calls(format))
        except OutputError as error:
            assert error.text == text[:end]
        else:
            assert found == whole


def test_an_answer_without_calls():
    """Is no error where none was asked for."""
    assert read("Hello.", calls("qwen_3", choice="auto")) == read("", calls("qwen_3", choice="none")) == []
    with pytest.raises(OutputError, match=r"there is no call in 'Hello\.'"):
        read("Hello.", calls("qwen_3"))
    with pytest.raises(OutputError, match="cut off"):
        read('Hm. <tool_call>\n{"name": "now", "argu', calls("qwen_3", choice="auto"))


@pytest.mark.parametrize(
    "name, arguments, what",
    [
        ("rm", {}, "'rm', which is no tool"),
        ("do.it", {"count": "3"}, "do not fit its schema"),
        ("do.it", {"size": 3}, "do not fit its schema"),
        ("now", {"text": "x"}, "do not fit its schema"),
    ],
)
def test_what_fits_no_tool_is_an_error(name, arguments, what):
    """Of that answer, with its text."""
    text = WRITERS["qwen_3"]([(name, arguments)])
    with pytest.raises(OutputError, match=what) as error:
        read(text, calls("qwen_3"))
    assert error.value.text == text


def test_arguments_that_are_no_json_are_an_error():
    """As they may be where nobody kept the model to its tools."""
    with pytest.raises(OutputError, match="cannot be read"):
        read(WRITERS["qwen_3"]([("now", {})]).replace("{}", "{,}"), calls("qwen_3"))
    with pytest.raises(ArgumentError, match="read_calls takes"):
        lmc.read_calls("", TOOLS)


@pytest.mark.parametrize("value", [3, "three", None, "", "null ", "\nx\n", "3a"])
def test_a_value_of_several_types(value):
    """Is what its schema knows it as; a text only where it is nothing else."""
    either = {"anyOf": [{"type": "integer"}, {"$ref": "#/$defs/t"}, {"type": "null"}]}
    parameters = {"type": "object", "properties": {"a": either}, "$defs": {"t": {"type": "string"}}}
    tools = calls("qwen_3_coder", [{"name": "f", "parameters": parameters}])

    assert read(WRITERS["qwen_3_coder"]([("f", {"a": value})]), tools) == [("f", {"a": value})]


def test_a_tree_of_arguments():
    """Of a schema that holds itself."""
    node = {"type": "object", "properties": {"n": {"type": "integer"}, "kid": {"$ref": "#/$defs/n"}}}
    tools = calls("kimi", [{"name": "f", "parameters": {"$ref": "#/$defs/n", "$defs": {"n": node}}}])
    tree = {"n": 1, "kid": {"n": 2, "kid": {}}}

    assert read(WRITERS["kimi"]([("f", tree)]), tools) == [("f", tree)]
    with pytest.raises(OutputError, match="do not fit"):
        read(WRITERS["kimi"]([("f", {"kid": {"kid": {"n": "x"}}})]), tools)


ADD = lmc.tool_calls([TOOLS[1]], format="qwen_3", choice="required")


@lmc.function
def program(s, text: str):
    s += text
    s += lmc.gen("x", max_tokens=2)
    names = []
    for call in lmc.read_calls(text, ADD):
        names.append(call.name)
    return names


@pytest.mark.parametrize("mode", ["auto", "eager"])
def test_a_program_reads_calls(mode):
    """In a graph as in Python; an answer that has none fails its item alone."""
    good, bad = hermes_now(), "nothing"
    results = program.run_batch([{"text": good}, {"text": bad}, {"text": good + good}], backend="echo", mode=mode)

    assert [each.error is None for each in results] == [True, False, True]
    assert results[0].ret_value == ["now"] and results[2].ret_value == ["now", "now"]
    assert isinstance(results[1].error, OutputError) and results[1].error.text == bad


def hermes_now():
    """A call of `now`."""
    return WRITERS["qwen_3"]([("now", {})])
