"""cse: two pure nodes with the same op, inputs and attributes become one.

    %a = append %s, "x"          %a = append %s, "x"
    %b = append %s, "x"    ->    ... uses of %b are now %a

The earlier one must stand before the later one in its block or in a block around it; then one that may raise can
go too, for had it raised, the later one would not have been reached.

Never merged: model calls, not even at temperature 0 (two samples may be wanted); `begin` and `fork`, each of which
is its own random lineage; whatever makes a new list, dict or set, which the program could tell apart with `is`.
So after `%p, %a, %b = fork %s` the nodes `append %a, "x"` and `append %b, "x"` both stay: two states that differ
in lineage. Their prompts are shared all the same: `hoist_prefix` sees through `fork`.

Needs: single assignment. Keeps: node order.
"""

from __future__ import annotations

from lmc.ir.analysis import effect_of
from lmc.ir.graph import Atom, Block, Graph, Node
from lmc.ir.literal import spelled
from lmc.ir.ops import OPS
from lmc.ir.rewrite import renewed, with_body, with_nodes, with_parts
from lmc.passes.base import Inputs, Note, Pass, Report, called

Key = tuple[object, ...]

_OWN_LINEAGE = frozenset(("begin", "fork", "fork_list"))
_HANDS_THROUGH = frozenset(("get", "item", "check"))  # gives a value that exists already, and so the same one twice
_ATOMS = frozenset(("str", "int", "float", "bool", "none"))


def run(graph: Graph, inputs: Inputs) -> tuple[Graph, Report]:
    """The graph with equal pure nodes merged."""
    merger = _Merger(graph)
    body = merger.block(graph.body)
    return with_body(graph, body), Report("cse", (("nodes merged", len(merger.notes)),), tuple(merger.notes))


class _Merger:
    """One walk. `seen` holds what dominates the node at hand, `values` what each merged value has become."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.seen: dict[Key, Node] = {}
        self.values: dict[str, Atom] = {}
        self.notes: list[Note] = []

    def block(self, block: Block) -> Block:
        added: list[Key] = []
        nodes = tuple(kept for node in block.nodes if (kept := self.node(node, added)))
        for key in added:
            del self.seen[key]  # what a region computes is unknown outside it
        return with_nodes(block, nodes)

    def node(self, node: Node, added: list[Key]) -> Node | None:
        """The node with its operands renewed; None if an earlier one does the same."""
        inputs = renewed(node.inputs, self.values)
        node = with_parts(node, inputs, tuple(self.block(region) for region in node.regions))
        if not _mergeable(node, self.graph):
            return node
        key = _key(node)
        earlier = self.seen.get(key)
        if earlier is None:
            self.seen[key] = node
            added.append(key)
            return node
        self.values.update((old.name, new) for old, new in zip(node.outputs, earlier.outputs))
        self.notes.append(Note(f"merged {called(node)} into {called(earlier)}", node.span))
        return None


def _mergeable(node: Node, graph: Graph) -> bool:
    if OPS[node.op].kind not in ("state", "host") or node.op in _OWN_LINEAGE:
        return False
    if node.op not in _HANDS_THROUGH and not all(v.type.is_state or v.type.name in _ATOMS for v in node.outputs):
        return False
    return effect_of(node, graph) == "none"


def _key(node: Node) -> Key:
    # repr: 1, 1.0 and True are equal to Python and not to us
    return node.op, node.inputs, node.keys, spelled(node.attrs), tuple(value.type for value in node.outputs)


PASS = Pass(name="cse", level="graph", run=run, doc=__doc__)
