"""`closed=True`: said of a generation, of a run, of a compilation; compiled and as Python, and in what is printed."""

from __future__ import annotations

import json
from typing import Any

import pydantic
import pytest

import lmc
from lmc.errors import ArgumentError, ConstraintError
from lmc.ir.automaton.dfa import CharDfa
from lmc.ir.constraint import JsonSchema, StructuralTag, ToolCalls, closed
from lmc.ir.json_schema.lower import lower
from lmc.ir.literal import literal
from lmc.parser.constraints import parse_constraint
from lmc.parser.irtext.parse import parse_graph
from lmc.parser.schema.parse import parse_schema
from lmc.parser.structural_tag import parse_structural_tag
from lmc.parser.tools import parse_tool_calls

SCHEMA: dict[str, Any] = {"type": "object", "properties": {"a": {"type": "integer"}}}
TAG = {"type": "structural_tag", "format": {"type": "json_schema", "json_schema": SCHEMA}}
TOOL = {"name": "f", "parameters": SCHEMA}
CALLS = lmc.tool_calls([TOOL], format="qwen_3")


class Free(pydantic.BaseModel):
    model_config = {"extra": "allow"}
    a: int


@lmc.function
def said(s):
    s += lmc.gen("yes", json_schema=SCHEMA, closed=True)
    s += lmc.gen("no", json_schema=SCHEMA, closed=False)
    s += lmc.gen("silent", json_schema=SCHEMA)


@lmc.function
def known_late(s, schema: str):
    s += lmc.gen("x", json_schema=schema)


@lmc.function
def outer(s):
    s += said(closed=True).text()
    s += said(closed=False).text()
    s += said().text()


@pytest.fixture
def asked(monkeypatch):
    """What each call of a run was restricted by."""
    from lmc.backend.echo.constraint import Drawers

    seen = []

    def draw(self, constraint, seed, limit):
        seen.append(constraint.closed)
        return b"{}"

    monkeypatch.setattr(Drawers, "draw", draw)
    return seen


MODES = pytest.mark.parametrize("mode", ["compiled", "eager"])


@MODES
def test_a_run_closes_what_is_silent(asked, mode):
    """A schema that says for itself stays so."""
    said.run(backend="echo", mode=mode)
    said.run(backend="echo", mode=mode, closed=True)
    said.run(backend="echo", mode=mode, closed=False)

    assert [bool(each) for each in asked] == [True, False, False, True, False, True, True, False, False]


@MODES
def test_a_schema_that_the_run_knows_first(asked, mode):
    """Is closed by it, and by a batch, too."""
    known_late.run(json.dumps(SCHEMA), backend="echo", mode=mode, closed=True)
    known_late.run(json.dumps(SCHEMA), backend="echo", mode=mode)
    known_late.run_batch([{"schema": json.dumps(SCHEMA)}], backend="echo", mode=mode, closed=True)

    assert [bool(each) for each in asked] == [True, False, True]


@lmc.function
def called(s, tools: Any):
    s += lmc.gen("x", structural_tag=tools)
    s += lmc.gen("y", structural_tag=CALLS)
    s += lmc.gen("z", structural_tag=CALLS, closed=True)


def test_tool_calls_are_closed_by_whoever_says_it():
    """Where they do not say it themselves, and whether the program or the run makes them."""
    own = lmc.tool_calls([TOOL], format="qwen_3", closed=False)
    made = called.compile(closed=True).plan.graph
    late, *known = [node for node in made.walk() if node.op == "gen"]

    assert late.attr("closed") is True and [node.attr("constraint").closed for node in known] == [True, True]
    assert [parse_constraint("structural_tag", CALLS, None, said).closed for said in (None, True)] == [None, True]
    assert parse_constraint("structural_tag", own, None, True) is own


@MODES
def test_an_inner_program_has_its_own_word(asked, mode):
    """Which comes before that of the run."""
    outer.run(backend="echo", mode=mode)
    outer.run(backend="echo", mode=mode, closed=True)

    # the three may run in any order: two, one and one are closed, and with the run's word the last one's silent schema
    assert [sum(map(bool, asked[:9])), sum(map(bool, asked[9:]))] == [4, 5]


def test_a_compilation_shows_what_will_run():
    """In the text of the graph, which reads back, and in the JSON of the plan."""
    made = said.compile(closed=True)
    text = str(made.plan.graph)

    assert text.count('"compact", true]') == 2 and text.count('"compact", false]') == 1
    assert str(parse_graph(text)) == text
    steps = json.loads(made.emit("json"))["steps"]
    assert '"closed": true' in json.dumps(steps) and '"closed": false' in json.dumps(steps)
    assert "close_schemas: calls closed 1" in made.explain()
    assert '"compact", true]' in str(said.compile().plan.graph)
    with pytest.raises(ArgumentError, match="closed='yes'"):
        said.compile(closed="yes")


@pytest.mark.parametrize("value", [True, False])
@pytest.mark.parametrize(
    "make, kind",
    [
        (lambda **style: parse_schema(SCHEMA, **style), JsonSchema),
        (lambda **style: parse_structural_tag(TAG, **style), StructuralTag),
        (lambda **style: parse_tool_calls([TOOL], format="qwen_3", **style), ToolCalls),
    ],
)
def test_what_is_closed_later_is_what_was_written_closed(make, kind, value):
    """And reads back from its text; what had a word keeps it."""
    late, written = closed(make(), value), make(closed=value)
    graph = 'program p() {{\n  %s0 = begin\n  %s1, %x = gen %s0 {{constraint={}, name="x"}}\n  return %s1, none\n}}\n'
    assert isinstance(late, kind) and late == written and closed(written, not value) is written
    (node,) = [node for node in parse_graph(graph.format(literal(late))).walk() if node.op == "gen"]
    assert node.attr("constraint") == late
    inner = next(iter(late.parts.values())) if kind is StructuralTag else late
    assert (inner.tools[0].parameters if kind is ToolCalls else inner).closed is value


def test_a_type_is_closed_as_its_schema_says():
    """A model that allows extra properties says so in its schema: that is told, and stays."""

    @lmc.function
    def program(s):
        s += lmc.gen("x", type=Free, closed=True)

    (found,) = [node.attr("constraint") for node in program.compile().graph.walk() if node.op == "gen"]
    dfa = CharDfa(lower(found).tree)

    assert found.closed and dfa.accepts('{"a":1}') and dfa.accepts('{"a":1,"b":2}')


@pytest.mark.parametrize(
    "given, message",
    [
        ({"json_schema": SCHEMA, "closed": "no"}, "closed='no'"),
        ({"regex": "a", "closed": True}, "nothing says what JSON"),
        ({"choices": ["a"], "closed": False}, "nothing says what JSON"),
    ],
)
def test_a_mistake_shows_at_once(given, message):
    """With what it goes with."""
    with pytest.raises(ArgumentError, match=message):
        lmc.gen("x", **given)


def test_tool_calls_say_it_themselves():
    """Their schemas are theirs."""
    calls = lmc.tool_calls([TOOL], format="qwen_3", closed=True)

    assert calls.tools[0].parameters.closed and '"closed":true' in calls.text
    with pytest.raises(ConstraintError, match="closed=1"):
        lmc.tool_calls([TOOL], format="qwen_3", closed=1)


def test_a_programs_own_argument_comes_first(asked):
    """As with any option of a run."""

    @lmc.function
    def own(s, closed: str):
        s += closed + lmc.gen("x", json_schema=SCHEMA)

    assert own.run("yes", backend="echo").text() == "yes{}"
    assert own.run(closed="no", backend="echo").text() == "no{}" and asked == [None, None]
