"""Facts about a graph: what a node may do and whether it may fail, and the graph as a networkx one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmc.ir.graph import Block, Graph, Node, Value
from lmc.ir.node_rules import EFFECTS, atom_type
from lmc.ir.ops import OPS, Effect

if TYPE_CHECKING:
    import networkx

# host ops that run the operand's own code: pure on values, anything at all on a live object
_RUNS_OPERAND = frozenset((
    "binary", "unary", "compare", "truth", "format", "item", "slice", "set_item", "mutate", "method", "attr", "len",
    "dict", "set_of", "unpack", "order", "best", "for",
))  # fmt: skip


def effect_of(node: Node, graph: Graph) -> Effect:
    """The strongest effect of the node and of everything its regions contain."""
    inner = [effect_of(each, graph) for region in node.regions for each in region.nodes]
    return max([_own_effect(node, graph), *inner], key=EFFECTS.index)


def raises(node: Node, graph: Graph) -> bool:
    """True if the node, or anything its regions contain, can fail in the program's eyes."""
    return _own_raises(node, graph) or any(raises(each, graph) for region in node.regions for each in region.nodes)


def _own_effect(node: Node, graph: Graph) -> Effect:
    if node.op in ("call", "extern"):
        return graph.extern(str(node.attr("fn"))).effect  # type: ignore[return-value]  # verified to be one
    if node.op in _RUNS_OPERAND and _is_live(node) and not _is_identity(node):
        return "ordered"
    return OPS[node.op].effect


def _own_raises(node: Node, graph: Graph) -> bool:
    if node.op == "call":
        return graph.extern(str(node.attr("fn"))).raises
    if node.op == "for":
        return not atom_type(node.inputs[0]).is_text  # data may not be iterable
    return OPS[node.op].raises and not _is_safe(node)


def _is_live(node: Node) -> bool:
    """True where an operand is, or may be, a live object of the user's program."""
    inputs = node.inputs[:1] if node.op == "for" else node.inputs
    return any(atom_type(atom).name in ("ref", "any") for atom in inputs)


def _is_identity(node: Node) -> bool:
    return node.op == "compare" and node.attr("op") in ("is", "is not")


def _is_safe(node: Node) -> bool:
    """True for an op that may raise in general but not on these operands."""
    types = [atom_type(atom) for atom in node.inputs]
    match node.op:
        case "compare":
            return _is_identity(node) or (node.attr("op") in ("==", "!=") and all(t.is_value for t in types))
        case "truth":
            return types[0].name not in ("ref", "any")
        case "unary":
            return node.attr("op") == "not" and types[0].is_value
        case "as_text" | "len":
            return types[0].is_text
        case "format":
            return types[0].is_text and len(types) == 1 and not node.attr("spec")
    return False


def as_networkx(graph: Graph) -> networkx.DiGraph:
    """Nodes by their number in `graph.nodes`, and an edge from the node that defines a value to each that uses it.

    A node has the attributes `node`, and `inside`: the number of the region node around it, or None. An edge has
    `values`, the names that run along it.

    A block's parameters are defined by their region node. The program's arguments are not nodes.
    """
    import networkx

    result = networkx.DiGraph(name=graph.name)
    _add_block(result, graph.body, None, {})
    return result


def _add_block(result: networkx.DiGraph, block: Block, inside: int | None, makers: dict[str, int]) -> None:
    makers.update((value.name, inside) for value in block.params if inside is not None)
    for node in block.nodes:
        number = len(result)
        result.add_node(number, node=node, inside=inside)
        used = [atom.name for atom in node.inputs if isinstance(atom, Value) and atom.name in makers]
        for maker in dict.fromkeys(makers[name] for name in used):
            result.add_edge(maker, number, values=tuple(dict.fromkeys(n for n in used if makers[n] == maker)))
        for region in node.regions:
            _add_block(result, region, number, makers)
        makers.update((value.name, number) for value in node.outputs)
