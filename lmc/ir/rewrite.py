"""What passes need to change a graph: substitute values, rebuild it node by node, find users, make names.

Everything returns new values; a part that does not change comes back as the very same object.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from lmc.ir.graph import Atom, Block, Graph, Node, Value, walk


def substitute(block: Block, values: Mapping[str, Atom]) -> Block:
    """The block with uses of the named values replaced, in its regions too. Definitions stay."""
    nodes = tuple(substitute_node(node, values) for node in block.nodes)
    return block if _same(nodes, block.nodes) else replace(block, nodes=nodes)


def substitute_node(node: Node, values: Mapping[str, Atom]) -> Node:
    """The node with uses of the named values replaced, in its regions too."""
    inputs = tuple(values.get(atom.name, atom) if isinstance(atom, Value) else atom for atom in node.inputs)
    regions = tuple(substitute(region, values) for region in node.regions)
    if _same(inputs, node.inputs) and _same(regions, node.regions):
        return node
    return replace(node, inputs=inputs, regions=regions)


def rebuild(graph: Graph, change: Callable[[Node], Iterable[Node]]) -> Graph:
    """The graph with each node replaced by the nodes that `change` makes of it; a node's regions are rebuilt first."""
    body = rebuild_block(graph.body, change)
    return graph if body is graph.body else replace(graph, body=body)


def rebuild_block(block: Block, change: Callable[[Node], Iterable[Node]]) -> Block:
    """A block with each node replaced by the nodes that `change` makes of it; a node's regions are rebuilt first."""
    nodes = tuple(made for node in block.nodes for made in change(_rebuilt(node, change)))
    return block if _same(nodes, block.nodes) else replace(block, nodes=nodes)


def _rebuilt(node: Node, change: Callable[[Node], Iterable[Node]]) -> Node:
    regions = tuple(rebuild_block(region, change) for region in node.regions)
    return node if _same(regions, node.regions) else replace(node, regions=regions)


def _same(a: tuple[object, ...], b: tuple[object, ...]) -> bool:
    return len(a) == len(b) and all(x is y for x, y in zip(a, b))


def users(graph: Graph) -> dict[str, list[Node]]:
    """Which nodes use each value, in program order and wherever they stand; a node that uses it twice is there once."""
    found: dict[str, list[Node]] = {value.name: [] for value in definitions(graph)}
    for node in graph.walk():
        for name in dict.fromkeys(atom.name for atom in node.inputs if isinstance(atom, Value)):
            found.setdefault(name, []).append(node)
    return found


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


class FreshNames:
    """Makes names that a graph does not use yet: `fresh("s")` is s, s.1, s.2 ..."""

    def __init__(self, graph: Graph) -> None:
        self._taken = {value.name for value in definitions(graph)}
        self._counts: dict[str, int] = {}

    def __call__(self, base: str) -> str:
        name = base
        while name in self._taken:
            self._counts[base] = self._counts.get(base, 0) + 1
            name = f"{base}.{self._counts[base]}"
        self._taken.add(name)
        return name
