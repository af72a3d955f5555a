"""Operands renewed, graphs rebuilt, and what a graph defines."""

from __future__ import annotations

from dataclasses import replace

from lmc.ir.graph import Lit, Node, Value
from lmc.ir.rewrite import defined_in, definitions, rebuild, renewed, with_body, with_nodes, with_parts
from lmc.ir.types import STATE, STR
from lmc.ir.verify import verify
from lmc.parser.irtext.parse import parse_graph
from tests.support.random_graph import random_graph

TEXT = """\
program p(%a: str, %b: str) {
  %s = begin
  %t = append %s, %a, %a
  %u = if true {
    %v = append %t, %a
    yield %v
  } else {
    yield %t
  }
  return %u, %b
}
"""
GRAPH = parse_graph(TEXT)


def test_renewed_operands_reach_every_use() -> None:
    """Put on every node: uses change everywhere, definitions nowhere."""
    values = {"a": Value("b", STR), "b": Lit("x")}
    result = rebuild(GRAPH, lambda node: [with_parts(node, renewed(node.inputs, values), node.regions)])

    changed = TEXT.replace("%a", "%b").replace("(%b: str", "(%a: str").replace("return %u, %b", 'return %u, "x"')
    assert str(result) == changed


def test_what_does_not_change_is_kept() -> None:
    """The very same objects, so that whoever runs passes can ask with `is`."""
    node, block = GRAPH.body.nodes[2], GRAPH.body

    assert with_parts(node, tuple(node.inputs), tuple(node.regions)) is node
    assert with_nodes(block, list(block.nodes)) is block
    assert with_body(GRAPH, block) is GRAPH
    assert with_parts(node, (Lit(False),), node.regions).regions[0] is node.regions[0]


def test_what_is_shorter_is_not_kept() -> None:
    """Equal as far as they go is not the same."""
    block = GRAPH.body

    assert with_nodes(block, block.nodes[:-1]).nodes == block.nodes[:-1]


def test_rebuild_goes_bottom_up() -> None:
    """A node's regions are rebuilt before the node is; one node may become none or several."""
    seen: list[str] = []

    def change(node: Node) -> list[Node]:
        seen.append(node.op)
        return [] if node.op == "append" and node.outputs[0].name == "v" else [node]

    result = rebuild(GRAPH, change)

    assert seen == ["begin", "append", "append", "yield", "yield", "if", "return"]
    assert [node.op for node in result.walk()] == ["begin", "append", "if", "yield", "yield", "return"]


def test_rebuild_without_a_change_is_the_same_graph() -> None:
    """On any graph."""
    for seed in range(20):
        graph = random_graph(seed)
        assert rebuild(graph, lambda node: [node]) is graph


def test_rebuilt_copies_are_equal_and_sound() -> None:
    """Copying each node changes nothing."""
    graph = random_graph(3)
    copy = rebuild(graph, lambda node: [replace(node)])

    assert copy == graph and copy is not graph
    verify(copy)


def test_definitions_are_arguments_results_and_parameters() -> None:
    """In program order."""
    assert [value.name for value in definitions(GRAPH)] == ["a", "b", "s", "t", "u", "v"]
    loop = parse_graph("program p() {\n %s = begin\n %t = loop %a = %s {\n next false, %a\n }\n return %t, none\n}\n")
    assert [value.name for value in defined_in(loop.body)] == ["s", "t", "a"]
    assert defined_in(loop.body.nodes[1].regions[0]) == [Value("a", STATE)]
