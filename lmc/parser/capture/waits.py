"""Reading a value waits for it: what comes after the read does not happen before, or not at all if the call has failed.

A read that only hands text on (`s += f["x"]`) leaves no operation of its own in the graph, so capture marks it by a
`wait`. A graph keeps those marks behind which something has an effect: all others would only cost time.
"""

from __future__ import annotations

from dataclasses import replace

from lmc.ir.analysis import effect_of, raises
from lmc.ir.graph import Atom, Block, Graph, Node, Value
from lmc.ir.ops import OPS


def with_needed_waits(graph: Graph) -> Graph:
    """The graph without the waits that nobody can tell from their absence."""
    if not any(node.op == "wait" for node in graph.walk()):
        return graph
    return replace(graph, body=_once(_block(graph.body, False, graph), frozenset(), graph))


def _block(block: Block, has_effect: bool, graph: Graph) -> Block:
    """Without waits that nothing with an effect comes after; `has_effect`: something after the block has one."""
    has_effect = has_effect or block.end.op == "raise"
    kept = [block.end]
    for node in reversed(block.body):
        if node.op == "wait" and not has_effect:
            continue
        if node.regions:
            again = has_effect or (node.op != "if" and _has_effect(node, graph))
            node = replace(node, regions=tuple(_block(each, again, graph) for each in node.regions))
        has_effect = has_effect or _has_effect(node, graph)
        kept.append(node)
    return Block(block.params, tuple(kept[::-1]))


def _has_effect(node: Node, graph: Graph) -> bool:
    if node.op == "extern":
        return False
    if any(each.end.op == "raise" for each in node.regions):
        return True
    if node.regions:
        return any(_has_effect(inner, graph) for each in node.regions for inner in each.body) or (
            node.op == "for" and effect_of(replace(node, regions=()), graph) != "none"
        )
    return effect_of(node, graph) != "none"


def _once(block: Block, read: frozenset[Value], graph: Graph) -> Block:
    """Without waits for what was read before, or is read by an operation that comes before any effect."""
    kept: list[Node] = []
    for i, node in enumerate(block.nodes):
        if node.op == "wait":
            [value] = node.inputs
            if value in read or _is_read_at_once(value, block.nodes[i + 1 :], graph):
                continue
        if _holds_up(node, graph):
            read |= {x for x in node.inputs if isinstance(x, Value)}
        kept.append(replace(node, regions=tuple(_once(each, read, graph) for each in node.regions)))
    return Block(block.params, tuple(kept))


def _is_read_at_once(value: Atom, nodes: tuple[Node, ...], graph: Graph) -> bool:
    for node in nodes:
        if value in node.inputs and _holds_up(node, graph):
            return True
        if node.regions or OPS[node.op].kind == "end" or _has_effect(node, graph):
            return False
    return False


def _holds_up(node: Node, graph: Graph) -> bool:
    """True for an operation that later effects wait for; one that cannot fail, such as `len` of a text, is none."""
    return node.op == "wait" or (OPS[node.op].kind == "host" and raises(node, graph))
