"""A plan as a networkx graph, for whoever wants to ask it something: what depends on what, what comes before what.

Needs no compiler: a plan that was printed and read back gives the same graph.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmc.ir.analysis import as_networkx
from lmc.ir.hints import print_hint
from lmc.ir.ops import OPS
from lmc.ir.plan import Plan

if TYPE_CHECKING:
    import networkx


def plan_network(plan: Plan) -> networkx.DiGraph:
    """The graph's nodes, numbered in `walk` order, with what the plan says of them; it has no cycle.

    node attributes: `node` (the ir.graph.Node), `op`, `name` (its last value, None without one), `place` ("tips.py:9",
    "" where it is not known), `inside` (the number of the region node around it, None at the top), `is_call` (a model
    call); and where the plan has a step for it `step` (its number), `order` (its place among the steps), `wave`,
    `prefix` and `hints` (as they are printed).

    edge attributes: `values`, the names of the values that lead from one to the other; () where the one only waits
    for the other, for the sake of their effects. The program's arguments are not nodes.
    """
    network = as_networkx(plan.graph)
    network.graph["prefixes"] = plan.prefixes
    for _, told in network.nodes(data=True):
        node = told["node"]
        told["op"], told["name"] = node.op, node.outputs[-1].name if node.outputs else None
        told["place"], told["is_call"] = node.span.place if node.span else "", OPS[node.op].kind == "model"
    nodes = {step.id: step.node for step in plan.steps}
    for order, step in enumerate(plan.steps):
        hints = tuple(map(print_hint, step.hints))
        network.nodes[step.node].update(step=step.id, order=order, wave=step.wave, prefix=step.prefix, hints=hints)
        for id in step.after:
            if not network.has_edge(nodes[id], step.node) and not _follows(network, nodes[id], step.node):
                network.add_edge(nodes[id], step.node, values=())
    return network


def _follows(network: networkx.DiGraph, first: int, later: int) -> bool:
    """Whether values lead from one to the other, through whatever is between."""
    import networkx

    found: bool = networkx.has_path(network, first, later)
    return found
