"""fold_text: appends in a row become one append, and literal text next to literal text one literal.

    %a = append %s, "Topic: "
    %t = concat "cats", "."        ->    %b = append %s, "Topic: cats."
    %b = append %a, %t

Runs after cse, and merges two appends only when the second is the sole user of the state between them: run first,
it would weld a shared segment to each branch and hide the sharing. `concat` and plain `format` of literals are
computed here, a `concat` that is appended is appended piece by piece. Empty pieces go, and appends left empty.

The text of every prompt stays the same, and so do its tokens: text known before a call is encoded as one string
whatever pieces it came in. Appends of different blocks, or with a role between them, never merge.
Needs: cse before it. Keeps: node order (a merged append stands where the last of them stood).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from lmc.ir.graph import Atom, Block, Graph, Lit, Node, Value
from lmc.ir.ops import OPS
from lmc.ir.rewrite import renewed, with_body, with_nodes, with_parts
from lmc.ir.types import STR
from lmc.passes.base import Inputs, Pass, Report
from lmc.source import Span

MAX_SPELLED_OUT = 1_000  # pieces of a text that takes its place where it is said: one put together of itself doubles
Pieces = tuple[Atom, ...]


def run(graph: Graph, inputs: Inputs) -> tuple[Graph, Report]:
    """The graph with folded text."""
    folder = _Folder(graph)
    body = _without(folder.block(graph.body), folder.unused_concats())
    counts = (("appends merged", folder.num_merged), ("appends dropped", folder.num_empty))
    return with_body(graph, body), Report("fold_text", (*counts, ("texts folded", folder.num_folded)))


class _Folder:
    """One walk.

    values   what a value has become: another value, or a literal
    uses     how often each value is used, kept up to date
    concats  the pieces of each concat seen
    """

    def __init__(self, graph: Graph) -> None:
        self.values: dict[str, Atom] = {}
        self.uses: Counter[str] = Counter(_names(atom for node in graph.walk() for atom in node.inputs))
        self.concats: dict[str, Pieces] = {}
        self.num_merged = self.num_empty = self.num_folded = 0

    def block(self, block: Block) -> Block:
        nodes: list[Node | None] = []
        appends: dict[str, int] = {}  # a state -> where in `nodes` the append of this block stands that made it
        for node in block.nodes:
            inputs = renewed(node.inputs, self.values)
            regions = tuple(self.block(region) for region in node.regions)
            nodes.append(self.node(with_parts(node, inputs, regions), nodes, appends))
        return with_nodes(block, (node for node in nodes if node))

    def node(self, node: Node, nodes: list[Node | None], appends: dict[str, int]) -> Node | None:
        """The node in its new form; None where it goes."""
        match node.op:
            case "append":
                return self.append(node, nodes, appends)
            case "concat":
                return self.concat(node)
            case "format" | "as_text" if (text := _folded(node)) is not None:
                return self.become(node, text)
        return node

    def append(self, node: Node, nodes: list[Node | None], appends: dict[str, int]) -> Node | None:
        state = node.inputs[0]
        assert isinstance(state, Value)
        pieces = self.joined(node.inputs[1:])
        if not pieces:
            self.num_empty += 1
            return self.become(node, state)
        at = appends.get(state.name)
        before = None if at is None or self.uses[state.name] != 1 else nodes[at]
        if at is not None and before is not None:
            node = replace(node, span=before.span or node.span, places=_places(before, pieces, node.span))
            state, pieces = before.inputs[0], self.joined((*before.inputs[1:], *pieces))
            nodes[at] = None
            self.num_merged += 1
        appends[node.outputs[0].name] = len(nodes)
        return with_parts(node, (state, *pieces), ())

    def concat(self, node: Node) -> Node | None:
        pieces = self.joined(node.inputs)
        if len(pieces) < 2:
            return self.become(node, pieces[0] if pieces else Lit(""))
        if len(pieces) <= MAX_SPELLED_OUT:
            self.concats[node.outputs[0].name] = pieces
        return with_parts(node, pieces, ())

    def joined(self, pieces: Iterable[Atom]) -> Pieces:
        """The pieces with concats spelled out, literals next to each other as one, and no empty ones."""
        found: list[Atom] = []
        for piece in self.spelled_out(pieces):
            if isinstance(piece, Lit) and found and isinstance(found[-1], Lit):
                self.num_folded += 1
                found[-1] = Lit(f"{found[-1].value!s}{piece.value!s}")
            elif piece != Lit(""):
                found.append(piece)
        return tuple(found)

    def spelled_out(self, pieces: Iterable[Atom]) -> Iterable[Atom]:
        for piece in pieces:
            if isinstance(piece, Value) and piece.name in self.concats:
                self.uses[piece.name] -= 1
                self.uses.update(_names(self.concats[piece.name]))
                yield from self.concats[piece.name]
            else:
                yield piece

    def become(self, node: Node, atom: Atom) -> Node | None:
        """The node goes, its output is `atom` from now on."""
        name = node.outputs[0].name
        self.values[name] = atom
        self.num_folded += node.op != "append"
        self.uses.subtract(_names(node.inputs))
        if isinstance(atom, Value):
            self.uses[atom.name] += self.uses[name]
        return None

    def unused_concats(self) -> set[str]:
        """Concats that nothing uses any more, now that they are spelled out where they were appended."""
        unused: set[str] = set()
        for name, pieces in reversed(self.concats.items()):
            if self.uses[name] == 0:
                unused.add(name)
                self.uses.subtract(_names(pieces))
        self.num_folded += len(unused)
        return unused


def _places(before: Node, pieces: Pieces, span: Span | None) -> tuple[tuple[int, int, Span | None], ...]:
    """Where the texts of an append and those behind it are written: these begin in its last literal, or behind it."""
    last = before.inputs[-1]
    if isinstance(last, Lit) and isinstance(pieces[0], Lit):
        index, offset = len(before.inputs) - 1, len(str(last.value))
    else:
        index, offset = len(before.inputs), 0
    return (*(before.places or ((1, 0, before.span),)), (index, offset, span))


def _names(atoms: Iterable[Atom]) -> list[str]:
    return [atom.name for atom in atoms if isinstance(atom, Value)]


def _folded(node: Node) -> Atom | None:
    """The text of a `format` or `as_text` that is known, or is just its operand; None where it must be computed."""
    if len(node.inputs) > 1 or node.attr("spec"):
        return None
    value = node.inputs[0]
    if isinstance(value, Value):
        return value if value.type == STR and node.attr("conv") in (None, "s") else None
    compute = OPS[node.op].eval
    assert compute is not None
    try:
        return Lit(compute(dict(node.attrs), value.value))
    except (TypeError, ValueError):
        return None  # it raises when the program runs


def _without(block: Block, unused: set[str]) -> Block:
    """The block without the concats of these names."""
    nodes = [n for n in block.nodes if n.op != "concat" or n.outputs[0].name not in unused]
    return with_nodes(block, (with_parts(n, n.inputs, tuple(_without(r, unused) for r in n.regions)) for n in nodes))


PASS = Pass(name="fold_text", level="graph", run=run, doc=__doc__)
