"""What a node may do, whether it may fail, and the graph as a networkx one."""

from __future__ import annotations

import networkx
import pytest

from lmc.ir.analysis import as_networkx, effect_of, raises
from lmc.parser.irtext.parse import parse_graph
from tests.support.random_graph import random_graph

HEAD = """\
program p(%a: any, %r: ref, %d: data, %t: str, %i: int) {
  extern @log = "a.py:1 log" ordered raises any
  extern @read = "a.py:2 read" reads total any
  extern @note = "a.py:3 note" writes raises any
  extern @pure = "builtins.int" none raises int
  extern @E = "builtins.ValueError" none total ref
  %s = begin
  %m: state|none = if true {
    yield %s
  } else {
    yield none
  }
  """
TAIL = "\n  return %s, none\n}\n"

# a node (the third), its effect, and whether it raises
FACTS = [
    ("%x = append %s, %t", "none", False),
    ("%x, %y = gen %s", "none", False),
    ("%x = text %s", "none", True),
    ("%x: any = call @log, %t", "ordered", True),
    ("%x: any = call @read, %t", "reads", False),
    ("%x = call @pure, %t", "none", True),
    ("%x = extern @read", "reads", False),
    ("%x: any = item %d, 0", "none", True),
    ("%x: any = item %a, 0", "ordered", True),
    ("%x: any = item %d, %r", "ordered", True),
    ('%x: any = attr %r {name="n"}', "ordered", True),
    ('%x: any = method %t {name="upper"}', "none", True),
    ('%x: any = binary %i, %i {op="/"}', "none", True),
    ('%x = compare %r, none {op="is"}', "none", False),
    ('%x = compare %r, none {op="=="}', "ordered", True),
    ('%x = compare %t, "a" {op="=="}', "none", False),
    ('%x = compare %t, %i {op="<"}', "none", True),
    ('%x = compare %m, none {op="is"}', "none", False),
    ("%x = truth %t", "none", False),
    ("%x = truth %a", "ordered", True),
    ("%x = truth %m", "none", False),
    ('%x: bool = unary %i {op="not"}', "none", False),
    ('%x: int = unary %t {op="-"}', "none", True),
    ("%x = format %t", "none", False),
    ("%x = format %i", "none", True),
    ("%x = len %t", "none", False),
    ("%x = tuple %a, %r", "none", False),
    ('%x: any = check %a {name="a"}', "none", True),
    ("%x = as_text %t", "none", False),
    ("if true {\n %n: any = call @note\n %k: any = call @read\n yield\n} else {\n yield\n}", "writes", True),
    ("if true {\n raise @E\n} else {\n yield\n}", "none", True),
    ("if true {\n yield\n} else {\n yield\n}", "none", False),
    (
        "for %e: any in %t {\n if true {\n %n: any = call @log\n yield\n} else {\n yield\n}\n next true\n}",
        "ordered",
        True,
    ),
    ("for %e: any in %t {\n next true\n}", "none", False),
    ("for %e: any in %d {\n next true\n}", "none", True),
    ("for %e: any in %r {\n next true\n}", "ordered", True),
]


@pytest.mark.parametrize("node, effect, fails", FACTS, ids=[fact[0] for fact in FACTS])
def test_effect_and_raises(node: str, effect: str, fails: bool) -> None:
    """Externs say their own; operations on live or untyped operands are ordered; regions add up."""
    graph = parse_graph(HEAD + node + TAIL)
    subject = graph.body.nodes[2]

    assert effect_of(subject, graph) == effect
    assert raises(subject, graph) is fails


def test_networkx_edges_lead_from_definitions_to_uses() -> None:
    """Inner nodes say which region node they are inside; a block's parameters come from that node."""
    graph = parse_graph(HEAD + "%x = loop %a2 = %s {\n %y = append %a2, %t, %t\n next false, %y\n}" + TAIL)
    result = as_networkx(graph)

    assert [result.nodes[n]["node"].op for n in result] == [node.op for node in graph.walk()]
    assert list(result.edges(data="values")) == [
        (0, 2, ("s",)),
        (0, 4, ("s",)),
        (0, 7, ("s",)),
        (4, 5, ("a2",)),
        (5, 6, ("y",)),
    ]
    assert [result.nodes[n]["inside"] for n in result] == [None, None, 1, 1, None, 4, 4, None]


def test_networkx_is_acyclic_and_in_program_order() -> None:
    """On any graph, edges lead forwards."""
    for seed in range(30):
        result = as_networkx(random_graph(seed))
        assert networkx.is_directed_acyclic_graph(result)
        assert all(a < b for a, b in result.edges)
