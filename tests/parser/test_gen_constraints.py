"""What `gen` takes for a grammar, a structural tag and a spacing: in the graph, in its text, and only when it runs."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

import lmc
from lmc.errors import ArgumentError, CaptureError, ConstraintError
from lmc.ir.constraint import Grammar, JsonSchema, Lark, StructuralTag, ToolCalls
from lmc.parser.constraints import parse_constraint
from lmc.parser.irtext.parse import parse_graph

LARK = lmc.lark('start: "a" | "b"')
TAG = {"type": "structural_tag", "format": {"type": "const_string", "value": "x"}}
TAG_TEXT = '{"type": "structural_tag", "format": {"type": "const_string", "value": "x"}}'
SCHEMA = '{"type": "object", "properties": {"a": {"type": "integer"}}}'


def weather(city: str) -> str:
    """A tool."""
    return city


TOOLS = lmc.tool_calls([weather], format="qwen_3", choice="required")


@lmc.function
def baked(s):
    s += lmc.gen("ebnf", grammar='root ::= "a"')
    s += lmc.gen("lark", grammar=LARK)
    s += lmc.gen("lark_inside", grammar=lmc.lark("start: /[a-z]/"))
    s += lmc.gen("tag", structural_tag=TAG_TEXT, spacing="any")
    s += lmc.gen("tag_inside", structural_tag={"type": "structural_tag", "format": {"type": "any_text"}})
    s += lmc.gen("tools", structural_tag=TOOLS)
    s += lmc.gen("tools_inside", structural_tag=lmc.tool_calls([weather, {"name": "now"}], format="glm_4_7"))
    s += lmc.gen("json", json_schema=SCHEMA, spacing="spaced")


def constraints(graph: Any) -> dict[str, Any]:
    """By name."""
    return {node.attr("name"): node.attr("constraint") for node in graph.body.nodes if node.op == "gen"}


def test_what_is_known_is_in_the_graph():
    """Written in place, in a module's constant, or made inside the program."""
    found = constraints(lmc.compile(baked).graph)

    kinds = [type(each) for each in found.values()]
    assert kinds == [Grammar, Lark, Lark, StructuralTag, StructuralTag, ToolCalls, ToolCalls, JsonSchema]
    assert (found["tag"].spacing, found["tag_inside"].spacing, found["json"].spacing) == ("any", "compact", "spaced")
    assert [tool.name for tool in found["tools_inside"].tools] == ["weather", "now"]


def test_the_graph_reads_back():
    """Every kind, with its spacing."""
    graph = lmc.compile(baked).graph
    again = parse_graph(str(graph))

    assert str(again) == str(graph) and again == graph
    assert constraints(again)["tools"].tools == TOOLS.tools


def program(line: str, args: str = "s", **names: Any) -> Any:
    """A program of one line, in a file of its own."""
    import linecache

    source = f"def asked({args}):\n    {line}\n"
    name = f"<gen constraints {abs(hash(source))}>"
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    space: dict[str, Any] = {"lmc": lmc, "weather": weather, **names}
    exec(compile(source, name, "exec"), space)
    assert inspect.isfunction(space["asked"])
    return lmc.function(space["asked"])


@pytest.mark.parametrize(
    "line, args, error, message",
    [
        ('s += lmc.gen("x", grammar="root ::= a")', "s", ConstraintError, "the rule `a` is not defined"),
        ('s += lmc.gen("x", grammar=lmc.lark("start: a"))', "s", ConstraintError, "`a` is not defined"),
        ('s += lmc.gen("x", structural_tag={"type": "x"})', "s", ConstraintError, "is an object of type"),
        ('s += lmc.gen("x", structural_tag=3)', "s", ConstraintError, "3 is not a structural tag"),
        (
            's += lmc.gen("x", structural_tag=lmc.tool_calls([3], format="qwen_3"))',
            "s",
            ConstraintError,
            "3 is not a tool",
        ),
        ('s += lmc.gen("x", structural_tag=lmc.tool_calls([weather], format=f))', "s, f", CaptureError, "GB016"),
        ('s += lmc.gen("x", grammar=lmc.lark(f))', "s, f", CaptureError, "this generation's `lark` is known only"),
        ('s += lmc.gen("x", spacing="any")', "s", ArgumentError, "nothing says what JSON comes out"),
        ('s += lmc.gen("x", choices=["a"], spacing="any")', "s", ArgumentError, "nothing says what JSON comes out"),
        ('s += lmc.gen("x", json_schema="{}", spacing="wide")', "s", ArgumentError, "unknown spacing 'wide'"),
        ('s += lmc.gen("x", json_schema="{}", grammar="")', "s", ArgumentError, "restricted twice"),
        ('s += lmc.gen("x", json_schema="{}", spacing=f)', "s, f", CaptureError, "this generation's spacing is known"),
        ('s += lmc.gen("x", regex="a", boundary=f)', "s, f", CaptureError, "this generation's boundary is known only"),
        ('s += lmc.select("x", ["a"], method=f)', "s, f", CaptureError, "this generation's method is known only"),
        ('s += lmc.gen("x", choices=["a"], choices_method=f)', "s, f", CaptureError, "choices_method is known only"),
        ('s += lmc.select("x", ["a"], 0.0, f)', "s, f", CaptureError, "choices_method is known only"),
        ('s += lmc.gen_string("x", boundary=f)', "s, f", CaptureError, "this generation's boundary is known only"),
    ],
)
def test_a_mistake_is_said_when_the_program_is_compiled(line, args, error, message):
    """At its line, and never with the name of a stand-in."""
    with pytest.raises(error) as caught:
        lmc.compile(program(line, args))

    assert message in str(caught.value)
    assert caught.value.span is not None and caught.value.span.line == 2
    assert " object at 0x" not in str(caught.value)


def test_tool_calls_have_their_own_spacing():
    """A second one beside it is a mistake."""
    with pytest.raises(ArgumentError, match="tool calls have their own `spacing`"):
        lmc.compile(program('s += lmc.gen("x", structural_tag=T, spacing="any")', T=TOOLS))


def test_what_only_the_run_knows_is_an_operand():
    """With its spacing beside it."""
    line = 's += lmc.gen("x", json_schema=f, spacing="any") + lmc.gen("y", structural_tag=f) + lmc.gen("z", grammar=f)'
    text = str(lmc.compile(program(line, "s, f")).graph)

    assert "%t0 = call @deepcopy, %f" in text  # as it is where the call stands: nothing is known of it
    assert 'gen %s0, json_schema=%t0 {name="x", spacing="any"}' in text
    assert "structural_tag=%t1" in text and "grammar=%f" in text
    assert str(parse_graph(text)) == text


def test_it_is_parsed_when_it_is_known():
    """By kind, as if it had been written in the program."""
    assert parse_constraint("grammar", 'root ::= "a"') == Grammar('root ::= "a"')
    assert parse_constraint("grammar", LARK) is LARK
    assert parse_constraint("structural_tag", TAG, "spaced") == parse_constraint("structural_tag", TAG_TEXT, "spaced")
    assert parse_constraint("structural_tag", TOOLS) is TOOLS
    with pytest.raises(ArgumentError, match="tool calls have their own `spacing`"):
        parse_constraint("structural_tag", TOOLS, "any")
    schema = parse_constraint("json_schema", SCHEMA, "any")
    assert isinstance(schema, JsonSchema) and schema.spacing == "any"
    bad = (("grammar", 3), ("regex", LARK), ("grammar", "root ::= b"), ("structural_tag", {}), ("json_schema", "{"))
    for kind, value in bad:
        with pytest.raises(lmc.LMError):
            parse_constraint(kind, value)


def test_a_run_takes_them(tmp_path):
    """On the engine, with what only the run knows."""
    from lmc.backend.local import CpuBackend
    from scripts.support.checkpoint import tiny_checkpoint

    line = (
        's += "x" + lmc.gen("g", grammar=g) + lmc.gen("t", structural_tag=t)'
        ' + lmc.gen("j", json_schema=j, spacing="spaced", max_tokens=40)'
    )
    backend = CpuBackend(tiny_checkpoint(tmp_path / "model"), dtype="fp32")
    schema = {"enum": [[1, 2]]}
    result = program(line, "s, g, t, j").run(g='root ::= "ab"', t=TAG, j=schema, backend=backend)

    assert result.variables() == {"g": "ab", "t": "x", "j": "[1, 2]"}
    failed = program(line, "s, g, t, j").run_batch([{"g": "root ::= b", "t": TAG, "j": schema}], backend=backend)
    assert "the rule `b` is not defined" in str(failed[0].error)
