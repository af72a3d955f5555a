"""Substitution, rebuilding, users and fresh names."""

from __future__ import annotations

from dataclasses import replace

from lmc.ir.graph import Lit, Node, Value
from lmc.ir.rewrite import defined_in, definitions, rebuild, substitute, substitute_node, users
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


def test_substitute_reaches_into_regions() -> None:
    """Uses change everywhere, definitions nowhere."""
    body = substitute(GRAPH.body, {"a": Value("b", STR), "b": Lit("x")})

    changed = TEXT.replace("%a", "%b").replace("(%b: str", "(%a: str").replace("return %u, %b", 'return %u, "x"')
    assert str(replace(GRAPH, body=body)) == changed


def test_substitute_keeps_what_does_not_change() -> None:
    """The very same objects, so that a pass can ask with `is`."""
    assert substitute(GRAPH.body, {"z": Lit(1)}) is GRAPH.body
    changed = substitute(GRAPH.body, {"b": Lit("x")})
    assert changed.nodes[2] is GRAPH.body.nodes[2]
    assert substitute_node(GRAPH.body.nodes[0], {"a": Lit(1)}) is GRAPH.body.nodes[0]


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


def test_users_are_nodes_in_program_order() -> None:
    """Regions included; a node that uses a value twice is one user; unused values have none."""
    found = users(GRAPH)

    assert [node.outputs[0].name for node in found["a"]] == ["t", "v"]
    assert [node.op for node in found["t"]] == ["append", "yield"]
    assert found["u"] == found["b"] == [GRAPH.body.end]
    assert set(found) == {value.name for value in definitions(GRAPH)}


def test_definitions_are_arguments_results_and_parameters() -> None:
    """In program order."""
    assert [value.name for value in definitions(GRAPH)] == ["a", "b", "s", "t", "u", "v"]
    loop = parse_graph("program p() {\n %s = begin\n %t = loop %a = %s {\n next false, %a\n }\n return %t, none\n}\n")
    assert [value.name for value in defined_in(loop.body)] == ["s", "t", "a"]
    assert defined_in(loop.body.nodes[1].regions[0]) == [Value("a", STATE)]
