"""Smaller graphs than a given one, each well formed: what delta debugging tries.

A node is left out by putting something simple in place of what it gives: the state it went on from, an empty text, 0.
Nothing here keeps what a program means.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from lmc.errors import VerifyError
from lmc.ir.graph import Atom, Block, Graph, Lit, Literal, Node, Value
from lmc.ir.ops import OPS
from lmc.ir.rewrite import renewed
from lmc.ir.types import Type
from lmc.ir.verify import verify

_SIMPLE: dict[str, Literal] = {"str": "", "int": 0, "float": 0.0, "bool": False, "data": ()}


def num_nodes(graph: Graph) -> int:
    """How many nodes may be left out."""
    return sum(OPS[node.op].kind != "end" for node in graph.walk())


def without(graph: Graph, left_out: set[int]) -> Graph | None:
    """The graph without some nodes, by their place among those that may be left out; None where that is none."""
    return _valid(_Smaller(left_out).graph(graph))


def variants(graph: Graph) -> Iterator[Graph]:
    """Graphs with one thing less: an argument, an extern, a branch, an attribute, an operand, half of a text."""
    made = (*_without_names(graph), *_with_nodes(graph))
    return (found for each in made if (found := _valid(each)) is not None)


def _valid(graph: Graph | None) -> Graph | None:
    try:
        if graph is not None:
            verify(graph)
    except VerifyError:
        return None
    return graph


class _Smaller:
    """One walk; `values` are what stands in place of values that nothing defines any more."""

    def __init__(self, left_out: set[int]) -> None:
        self._left_out = left_out
        self._number = -1
        self._values: dict[str, Atom] = {}

    def graph(self, graph: Graph) -> Graph:
        return replace(graph, body=self._block(graph.body))

    def _block(self, block: Block) -> Block:
        return replace(block, nodes=tuple(node for each in block.nodes for node in self._node(each)))

    def _node(self, node: Node) -> Iterator[Node]:
        inputs = renewed(node.inputs, self._values)
        if OPS[node.op].kind != "end":
            self._number += 1
            if self._number in self._left_out:
                self._values.update((value.name, _instead(value.type, inputs)) for value in node.outputs)
                for region in node.regions:  # they count too
                    self._block(region)
                return
        yield replace(node, inputs=inputs, regions=tuple(self._block(region) for region in node.regions))


def _instead(type: Type, inputs: tuple[Atom, ...]) -> Atom:
    """What is put in place of a value: of a state the one it went on from."""
    if type.is_state:
        states = [atom for atom in inputs if isinstance(atom, Value) and atom.type == type]
        return states[0] if states else Lit(None)
    return Lit(_SIMPLE.get(type.name))


def _without_names(graph: Graph) -> Iterator[Graph]:
    for param in graph.params:
        yield replace(graph, params=tuple(each for each in graph.params if each is not param))
    for extern in graph.externs:
        yield replace(graph, externs=tuple(each for each in graph.externs if each is not extern))


def _with_nodes(graph: Graph) -> Iterator[Graph]:
    nodes = graph.nodes
    for number, node in enumerate(nodes):
        if node.op == "if":
            for arm in node.regions:
                yield _Spliced(number, arm).graph(graph)
        for smaller in _smaller(node):
            yield _Replaced(number, smaller).graph(graph)


def _smaller(node: Node) -> Iterator[Node]:
    """The node with an attribute, an operand or half of a text less."""
    for name, _ in node.attrs:
        yield replace(node, attrs=tuple(each for each in node.attrs if each[0] != name))
    for i, atom in enumerate(node.inputs):
        if i >= len(node.inputs) - len(node.keys):
            key = i - len(node.inputs) + len(node.keys)
            keys = node.keys[:key] + node.keys[key + 1 :]
        else:
            keys = node.keys
        yield replace(node, inputs=node.inputs[:i] + node.inputs[i + 1 :], keys=keys)
        for less in _less(atom):
            yield replace(node, inputs=(*node.inputs[:i], less, *node.inputs[i + 1 :]))


def _less(atom: Atom) -> Iterator[Atom]:
    if isinstance(atom, Value):
        if not atom.type.is_state:
            yield Lit(_SIMPLE.get(atom.type.name))
    elif isinstance(atom.value, str) and len(atom.value) > 1:
        yield Lit(atom.value[: len(atom.value) // 2])


class _Replaced:
    """A graph with the node of a number replaced."""

    def __init__(self, number: int, node: Node) -> None:
        self._left, self._new = number, node

    def graph(self, graph: Graph) -> Graph:
        return replace(graph, body=self._block(graph.body))

    def _block(self, block: Block) -> Block:
        return replace(block, nodes=tuple(map(self._node, block.nodes)))

    def _node(self, node: Node) -> Node:
        self._left -= 1
        if self._left == -1:
            node = self._new
        return replace(node, regions=tuple(map(self._block, node.regions))) if node.regions else node


class _Spliced:
    """A graph with an `if` replaced by what is in one of its arms."""

    def __init__(self, number: int, arm: Block) -> None:
        self._left, self._arm = number, arm
        self._values: dict[str, Atom] = {}

    def graph(self, graph: Graph) -> Graph:
        return replace(graph, body=self._block(graph.body))

    def _block(self, block: Block) -> Block:
        return replace(block, nodes=tuple(node for each in block.nodes for node in self._node(each)))

    def _node(self, node: Node) -> Iterator[Node]:
        self._left -= 1
        if self._left == -1:
            yield from self._arm.body
            given = renewed(self._arm.end.inputs, self._values)
            self._values.update((value.name, atom) for value, atom in zip(node.outputs, given))
            return
        inputs = renewed(node.inputs, self._values)
        yield replace(node, inputs=inputs, regions=tuple(map(self._block, node.regions)))
