"""The sharing tree: a plan's prefixes, the calls below each, what each adds to the one above, and what that saves.

Sizes are in tokens where a tokenizer was given, in characters elsewhere. What stands in a hole is not counted, and
every call counts once: a loop's body one turn, an `if` both arms.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING

from lmc.ir.graph import Lit
from lmc.passes.base import Encode
from lmc.passes.flat_prompts import PromptPiece

if TYPE_CHECKING:
    from lmc.ir.plan import Prefix
    from lmc.viz.view import StepView, View

Pieces = tuple[PromptPiece, ...]
# what a prompt may begin with so that no tokens are put before it, as `passes.prompt_ids` has it
_BEGINS_BY_ITSELF = frozenset(("control", "role", "state"))


@dataclass(frozen=True, slots=True)
class Leaf:
    """A call: `pieces` are what its prompt adds to the prefix above it, `size` how much that is."""

    row: StepView
    pieces: Pieces
    size: int


@dataclass(frozen=True, slots=True)
class Shared:
    """A prefix: what it adds to the one above, how much that is, and what is below it by first call.

    is_exact  no hole in it, so `size` is all of it
    """

    prefix: Prefix
    pieces: Pieces
    size: int
    is_exact: bool
    below: list[Shared | Leaf] = field(default_factory=list)

    @property
    def saved(self) -> int:
        """What need not be computed again: its size for every call but one."""
        return self.size * (self.prefix.calls - 1)


@dataclass(frozen=True, slots=True)
class Sharing:
    """The whole tree. total: of all prompts; distinct: each prefix once."""

    unit: str
    top: tuple[Shared | Leaf, ...]
    leaves: dict[int, Leaf]
    sizes: dict[int, int]
    total: int
    distinct: int

    @property
    def saved(self) -> int:
        """What need not be computed again."""
        return self.total - self.distinct


def sharing(view: View) -> Sharing:
    """The sharing tree of a plan. A plan without prefixes gives a tree of calls side by side."""
    return _Builder(view).build()


class _Builder:
    """Goes from the prefixes' own sizes down to the calls."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.encode = view.planned.inputs.encode
        self.begin = view.planned.inputs.begin_ids
        self.rows = {row.step.id: row for row in view.calls}
        self.lengths: dict[int, int] = {}  # prefix -> units from the beginning of the prompt to its end
        self.chains: dict[int, int] = {}  # prefix -> size from the beginning of the prompt to its end

    def build(self) -> Sharing:
        nodes = {prefix.id: self._shared(prefix) for prefix in self.view.plan.prefixes}
        leaves = {row.step.id: self._leaf(row) for row in self.rows.values()}
        top: list[Shared | Leaf] = []
        for node in nodes.values():
            (top if node.prefix.parent is None else nodes[node.prefix.parent].below).append(node)
        for leaf in leaves.values():
            (top if leaf.row.step.prefix is None else nodes[leaf.row.step.prefix].below).append(leaf)
        for siblings in (top, *(node.below for node in nodes.values())):
            siblings.sort(key=_first_call)
        sizes = {id: self._size_of(row.pieces) for id, row in self.rows.items()}
        distinct = sum(node.size for node in nodes.values()) + sum(leaf.size for leaf in leaves.values())
        unit = "tokens" if self.encode else "chars"
        return Sharing(unit, tuple(top), leaves, sizes, sum(sizes.values()), distinct)

    def _shared(self, prefix: Prefix) -> Shared:
        above, before = self._chain(prefix.parent)
        pieces = self.rows[prefix.steps[0]].pieces
        length = above + sum(map(_length, (PromptPiece("text", atom) for atom in prefix.pieces)))
        has_holes = not all(isinstance(atom, Lit) for atom in prefix.pieces)
        if prefix.tokens is not None:
            size = prefix.tokens
        else:
            size = self._size_of(cut(pieces, 0, length)) - self._size_of(cut(pieces, 0, above))
        self.lengths[prefix.id], self.chains[prefix.id] = length, before + size
        return Shared(prefix, cut(pieces, above, length), size, not has_holes)

    def _leaf(self, row: StepView) -> Leaf:
        above, before = self._chain(row.step.prefix)
        return Leaf(row, cut(row.pieces, above, None), self._size_of(row.pieces) - before)

    def _chain(self, prefix: int | None) -> tuple[int, int]:
        return (0, 0) if prefix is None else (self.lengths[prefix], self.chains[prefix])

    def _size_of(self, pieces: Pieces) -> int:
        """Tokens or characters of what is known of a prompt, from its beginning on."""
        if self.encode is None:
            return sum(_length(piece) for piece in pieces if isinstance(piece.atom, Lit))
        begin = 0 if not pieces or pieces[0].kind in _BEGINS_BY_ITSELF else len(self.begin)
        return begin + num_tokens(pieces, self.encode)


def num_tokens(pieces: Iterable[PromptPiece], encode: Encode) -> int:
    """Tokens of the known text: each stretch without a hole as one string."""
    count = 0
    for (kind, is_known), run in groupby(pieces, key=lambda p: (p.kind, isinstance(p.atom, Lit))):
        if is_known:
            text = "".join(str(piece.atom.value) for piece in run if isinstance(piece.atom, Lit))
            count += len(encode((("control" if kind == "control" else "text", text),)))
    return count


def cut(pieces: Pieces, start: int, end: int | None) -> Pieces:
    """Units [start, end) of a prompt: a character of its text is one unit, a hole one."""
    found: list[PromptPiece] = []
    at = 0
    for piece in pieces:
        length = _length(piece)
        low, high = max(0, start - at), length if end is None else min(length, end - at)
        at += length
        if low < high:
            whole = (low, high) == (0, length)
            found.append(piece if whole else PromptPiece(piece.kind, Lit(str(piece.atom.value)[low:high])))  # type: ignore[union-attr]
    return tuple(found)


def _length(piece: PromptPiece) -> int:
    return len(str(piece.atom.value)) if isinstance(piece.atom, Lit) else 1


def _first_call(node: Shared | Leaf) -> int:
    return node.row.step.id if isinstance(node, Leaf) else min(node.prefix.steps)


# --- why a call shares nothing ---------------------------------------------------------------------------


def nearest(leaf: Leaf, view: View) -> tuple[StepView, int] | None:
    """The other call whose prompt goes along longest with this one's, and for how many units.

    A prompt that goes on from a state is no other: what it begins with is known only when the program runs.
    """
    rows = [row for row in view.calls if row != leaf.row and row.pieces and row.pieces[0].kind != "state"]
    others = [(row, _common(leaf.row.pieces, row.pieces)) for row in rows]
    return max(others, key=lambda other: other[1], default=None)


def _common(a: Pieces, b: Pieces) -> int:
    """For how many units two prompts are the same."""
    count = 0
    for x, y in zip(_units(a), _units(b)):
        if x != y:
            break
        count += 1
    return count


def _units(pieces: Pieces) -> list[object]:
    return [unit for piece in pieces for unit in (str(piece.atom.value) if isinstance(piece.atom, Lit) else (piece,))]
