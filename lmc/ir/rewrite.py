"""What passes need to change a graph: renew its operands, rebuild it node by node, list what it defines.

Everything returns new values; a part that does not change comes back as the very same object.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from operator import is_

from lmc.ir.graph import Atom, Block, Graph, Node, Value, walk


def renewed(atoms: tuple[Atom, ...], values: Mapping[str, Atom]) -> tuple[Atom, ...]:
    """The operands with the named values replaced."""
    if not values:
        return atoms
    return tuple(values.get(atom.name, atom) if isinstance(atom, Value) else atom for atom in atoms)


def with_parts(node: Node, inputs: tuple[Atom, ...], regions: tuple[Block, ...]) -> Node:
    """The node with these operands and regions."""
    if _same(inputs, node.inputs) and _same(regions, node.regions):
        return node
    return Node(node.op, inputs, node.keys, node.attrs, regions, node.outputs, node.span, node.places)


def with_nodes(block: Block, nodes: Iterable[Node]) -> Block:
    """The block with these nodes."""
    made = tuple(nodes)
    return block if _same(made, block.nodes) else replace(block, nodes=made)


def with_body(graph: Graph, body: Block) -> Graph:
    """The graph with this body."""
    return graph if body is graph.body else replace(graph, body=body)


def rebuild(graph: Graph, change: Callable[[Node], Iterable[Node]]) -> Graph:
    """The graph with each node replaced by the nodes that `change` makes of it; a node's regions are rebuilt first."""
    return with_body(graph, rebuild_block(graph.body, change))


def rebuild_block(block: Block, change: Callable[[Node], Iterable[Node]]) -> Block:
    """A block with each node replaced by the nodes that `change` makes of it, its regions before it."""
    return with_nodes(block, (made for node in block.nodes for made in change(_rebuilt(node, change))))


def _rebuilt(node: Node, change: Callable[[Node], Iterable[Node]]) -> Node:
    return with_parts(node, node.inputs, tuple(rebuild_block(region, change) for region in node.regions))


def _same(a: tuple[object, ...], b: tuple[object, ...]) -> bool:
    return len(a) == len(b) and all(map(is_, a, b))


def definitions(graph: Graph) -> list[Value]:
    """Every value of the graph: its arguments, then what nodes and block parameters define, in program order."""
    return [param.value for param in graph.params] + defined_in(graph.body)


def defined_in(block: Block) -> list[Value]:
    """Every value that a block defines, in its regions too."""
    values = list(block.params)
    for node in walk(block):
        values += node.outputs
        for region in node.regions:
            values += region.params
    return values
