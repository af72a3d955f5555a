"""Which loops may take what they walk over ahead of their turns: those in whose body nothing has an effect.

An operation on a live object runs that object's own code, so it counts as an effect. An operation on the loop's own
item is none where the item turns out to be text or a number, which is known when the loop begins.
"""

from __future__ import annotations

from lmc.executor.hostcalls import can_hurry
from lmc.ir.analysis import effect_of
from lmc.ir.graph import Atom, Block, Graph, Node, Value
from lmc.ir.node_rules import atom_type

LIVE = ("ref", "any")


def is_live(atom: Atom) -> bool:
    """True for what is, or may be, a live object of the user's."""
    return atom_type(atom).name in LIVE


def is_quiet(node: Node, graph: Graph) -> bool:
    """True for a `for` whose body has no effect where the items are atoms."""
    [body] = node.regions
    return _is_quiet(body, {body.params[0].name}, graph)


def _is_quiet(block: Block, own: set[str], graph: Graph) -> bool:
    """`own`: what is made of the item alone, so far."""
    for node in block.body:
        of_item = all(isinstance(x, Value) and x.name in own for x in node.inputs if is_live(x))
        if node.regions:
            if not all(_is_quiet(region, own | _items(node, own), graph) for region in node.regions):
                return False
        elif of_item and can_hurry(node, graph) and node.op != "extern":
            own |= {out.name for out in node.outputs}
        elif effect_of(node, graph) != "none":
            return False
    return block.end.op != "raise"


def _items(node: Node, own: set[str]) -> set[str]:
    """The item of a loop over what is made of the item."""
    if node.op != "for":
        return set()
    source = node.inputs[0]
    is_own = isinstance(source, Value) and source.name in own
    return {node.regions[0].params[0].name} if is_own else set()
