"""`documents=` of gen: with schemas known at once and only when the program runs, in the graph and without one."""

from __future__ import annotations

import json

import pytest

import lmc
from lmc.errors import ArgumentError, ConstraintError
from lmc.ir.constraint import StructuralTag, ToolCalls
from lmc.parser.irtext.parse import parse_graph

NAMES = {"names.json": {"$defs": {"n": {"enum": ["Ada", "Lena"]}}}}
SCHEMA = {"type": "object", "properties": {"name": {"$ref": "names.json#/$defs/n"}}, "required": ["name"]}
TOOL = {"name": "greet", "parameters": {**SCHEMA, "additionalProperties": False}}
TAG = {"type": "structural_tag", "format": {"type": "json_schema", "json_schema": {"$ref": "names.json#/$defs/n"}}}


@lmc.function
def known(s):
    s += "As JSON: " + lmc.gen("schema", json_schema=SCHEMA, documents=NAMES, spacing="spaced")
    s += lmc.gen("inside", json_schema={"$ref": "a"}, documents={"a": {"const": 1}})
    s += lmc.gen("tag", structural_tag=TAG, documents=NAMES)
    s += lmc.gen("tools", structural_tag=lmc.tool_calls([TOOL], format="qwen_3", choice="greet", documents=NAMES))


@lmc.function
def later(s, schema: dict, documents: dict):
    s += "As JSON: " + lmc.gen("x", json_schema=schema, documents=documents)
    return s["x"]


def constraints(graph):
    """By name."""
    return {node.attr("name"): node.attr("constraint") for node in graph.body.nodes if node.op == "gen"}


def test_a_known_bundle_is_in_the_graph_and_reads_back():
    """As one schema with its documents, so that the text of the graph needs nothing beside it."""
    graph = lmc.compile(known).graph
    found = constraints(graph)

    assert found["schema"].schema["$defs"]["names.json"]["$id"] == "names.json"
    assert found["schema"].spacing == "spaced"
    assert type(found["tag"]) is StructuralTag and type(found["tools"]) is ToolCalls
    assert constraints(parse_graph(str(graph))) == found


@pytest.mark.parametrize("mode", ["compiled", "eager"])
def test_what_comes_out_keeps_the_documents(mode):
    """In every kind of constraint."""
    result = known.run(backend="cpu", mode=mode, seed=3, temperature=1.0)

    assert result["schema"].startswith('{"name": "Ada"') or result["schema"].startswith('{"name": "Lena"')
    assert result["inside"] == "1"
    assert json.loads(result["tag"]) in ("Ada", "Lena")
    assert '"name": "greet"' in result["tools"] and ("Ada" in result["tools"] or "Lena" in result["tools"])


def test_documents_may_be_known_only_when_the_program_runs():
    """Then they are read with the schema, as they are at that moment; the same without a graph."""
    for documents, wanted in (({"b": {"const": 7}}, "7"), ({"b": {"const": "y"}}, '"y"')):
        args = {"schema": {"$ref": "b"}, "documents": documents}
        graph, eager = (later.run(**args, backend="cpu", mode=mode) for mode in ("compiled", "eager"))
        assert graph.ret_value == eager.ret_value == wanted
    assert "with_documents" in str(lmc.compile(later).graph)
    assert str(parse_graph(str(lmc.compile(later).graph))) == str(lmc.compile(later).graph)


def test_a_document_that_is_not_there_is_named_with_what_is_near():
    """When the program is compiled, or as the error of its call."""

    @lmc.function
    def ask(s):
        s += lmc.gen("x", json_schema={"$ref": "name.json"}, documents=NAMES)

    with pytest.raises(ConstraintError, match=r"'name\.json'") as caught:
        lmc.compile(ask)
    assert "did you mean 'names.json'?" in str(caught.value)
    with pytest.raises(ConstraintError, match="'c' at `#`"):
        later.run(schema={"$ref": "c"}, documents={"b": True}, backend="cpu")


def test_documents_without_a_schema_are_a_mistake():
    """As a spacing is; those of tool calls are given to them."""
    with pytest.raises(ArgumentError, match="no schema that refers to them"):
        lmc.gen("x", regex="a", documents=NAMES)

    @lmc.function
    def ask(s):
        s += lmc.gen("x", structural_tag=lmc.tool_calls([TOOL], format="qwen_3", documents=NAMES), documents=NAMES)

    with pytest.raises(ArgumentError, match="tool calls have their own `documents`"):
        lmc.compile(ask)
