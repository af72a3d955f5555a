"""close_schemas: JSON schemas of which nobody said whether they are closed are, where a run or a compilation says so.

    gen %s {constraint=json_schema("{...}")}
    ->    gen %s {constraint=json_schema(["{...}", "compact", true])}

A closed schema's objects have only the properties that it tells, at every level. A constraint that only the running
program knows has no schema here: its call is marked, `closed=true`, and whoever parses it reads that.

First of all passes, so that the others see the schemas that will run; no level has it: `closed=True` puts it there.
"""

from __future__ import annotations

from typing import cast

from lmc.ir.constraint import Constraint, closed
from lmc.ir.graph import Graph, Node
from lmc.ir.node_rules import CONSTRAINTS
from lmc.ir.rewrite import rebuild
from lmc.passes.base import Inputs, Pass, Report

KINDS = ("json_schema", "structural_tag")


def run(graph: Graph, inputs: Inputs) -> tuple[Graph, Report]:
    """The graph with closed schemas."""
    num_closed = 0

    def change(node: Node) -> tuple[Node]:
        nonlocal num_closed
        found = _closed(node) if node.op == "gen" else node
        num_closed += found is not node
        return (found,)

    changed = rebuild(graph, change)
    return changed, Report("close_schemas", (("calls closed", num_closed),))


def _closed(node: Node) -> Node:
    constraint = node.attr("constraint")
    if isinstance(constraint, CONSTRAINTS) and (made := closed(cast("Constraint", constraint))) != constraint:
        attrs = tuple((name, made if name == "constraint" else value) for name, value in node.attrs)
    elif any(kind in node.keys for kind in KINDS) and not node.has("closed"):
        attrs = tuple(sorted((*node.attrs, ("closed", True))))
    else:
        return node
    return Node(node.op, node.inputs, node.keys, attrs, node.regions, node.outputs, node.span)


PASS = Pass(name="close_schemas", level="graph", run=run, doc=__doc__)
