"""The sharing tree: a plan's prefixes, the calls below each, what each adds to the one above, and what that saves.

Sizes are in tokens where a tokenizer was given, in characters elsewhere. What stands in a hole is not counted, and
every call counts once: a loop's body one turn, an `if` both arms.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lmc.ir.graph import Lit
from lmc.passes.flat_prompts import FlatPiece, is_hole, known_text
from lmc.passes.prompt_ids import PromptIdsBuilder, cut_pieces, num_units

if TYPE_CHECKING:
    from lmc.ir.plan import Prefix
    from lmc.viz.view import StepView, View

Pieces = tuple[FlatPiece, ...]


@dataclass(frozen=True, slots=True)
class Leaf:
    """A call: `pieces` are what its prompt adds to the prefix above it, `size` how much that is."""

    step_view: StepView
    pieces: Pieces
    size: int


@dataclass(frozen=True, slots=True)
class SharedPrefix:
    """A prefix: what it adds to the one above, how much that is, and what is below it by first call.

    is_exact  no hole in it, so `size` is all of it
    """

    prefix: Prefix
    pieces: Pieces
    size: int
    is_exact: bool
    below: list[SharedPrefix | Leaf] = field(default_factory=list)

    @property
    def saved(self) -> int:
        """What need not be computed again: its size for every call but one."""
        return self.size * (self.prefix.calls - 1)


@dataclass(frozen=True, slots=True)
class Sharing:
    """The whole tree. total: of all prompts; distinct: each prefix once."""

    unit: str
    top: tuple[SharedPrefix | Leaf, ...]
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
        self.has_tokens = view.planned.inputs.encode is not None
        self.ids = PromptIdsBuilder(view.planned.inputs, view.makers)
        self.step_views = {step_view.step.id: step_view for step_view in view.calls}
        self.lengths: dict[int, int] = {}  # prefix -> units from the beginning of the prompt to its end
        self.chains: dict[int, int] = {}  # prefix -> size from the beginning of the prompt to its end

    def build(self) -> Sharing:
        nodes = {prefix.id: self._shared(prefix) for prefix in self.view.plan.prefixes}
        leaves = {step_view.step.id: self._leaf(step_view) for step_view in self.step_views.values()}
        top: list[SharedPrefix | Leaf] = []
        for node in nodes.values():
            (top if node.prefix.parent is None else nodes[node.prefix.parent].below).append(node)
        for leaf in leaves.values():
            (top if leaf.step_view.step.prefix is None else nodes[leaf.step_view.step.prefix].below).append(leaf)
        for siblings in (top, *(node.below for node in nodes.values())):
            siblings.sort(key=_first_call)
        sizes = {id: self._size_of(step_view.pieces) for id, step_view in self.step_views.items()}
        distinct = sum(node.size for node in nodes.values()) + sum(leaf.size for leaf in leaves.values())
        unit = "tokens" if self.has_tokens else "chars"
        return Sharing(unit, tuple(top), leaves, sizes, sum(sizes.values()), distinct)

    def _shared(self, prefix: Prefix) -> SharedPrefix:
        above, before = self._chain(prefix.parent)
        pieces = self.step_views[prefix.steps[0]].pieces
        length = above + sum(len(str(atom.value)) if isinstance(atom, Lit) else 1 for atom in prefix.pieces)
        has_holes = not all(isinstance(atom, Lit) for atom in prefix.pieces)
        if prefix.tokens is not None:
            size = prefix.tokens
        else:
            size = self._size_of(cut_pieces(pieces, 0, length)) - self._size_of(cut_pieces(pieces, 0, above))
        self.lengths[prefix.id], self.chains[prefix.id] = length, before + size
        return SharedPrefix(prefix, cut_pieces(pieces, above, length), size, not has_holes)

    def _leaf(self, step_view: StepView) -> Leaf:
        above, before = self._chain(step_view.step.prefix)
        return Leaf(step_view, cut_pieces(step_view.pieces, above, None), self._size_of(step_view.pieces) - before)

    def _chain(self, prefix: int | None) -> tuple[int, int]:
        return (0, 0) if prefix is None else (self.lengths[prefix], self.chains[prefix])

    def _size_of(self, pieces: Pieces) -> int:
        """Tokens or characters of what is known of a prompt, from its beginning on."""
        if self.has_tokens:
            return self.ids.num_tokens(pieces)
        return sum(num_units(piece) for piece in pieces if known_text(piece) is not None)


def _first_call(node: SharedPrefix | Leaf) -> int:
    return node.step_view.step.id if isinstance(node, Leaf) else min(node.prefix.steps)


# --- why a call shares nothing ---------------------------------------------------------------------------


def nearest(leaf: Leaf, view: View) -> tuple[StepView, int] | None:
    """The other call whose prompt goes along longest with this one's, and for how many units.

    A prompt that goes on from a state is not another: what it begins with is known only when the program runs.
    """
    calls = [
        step_view
        for step_view in view.calls
        if step_view != leaf.step_view and step_view.pieces and not is_hole(step_view.pieces[0], "state")
    ]
    others = [(step_view, _common(leaf.step_view.pieces, step_view.pieces)) for step_view in calls]
    return max(others, key=lambda other: other[1], default=None)


def _common(a: Pieces, b: Pieces) -> int:
    """For how many units two prompts are the same."""
    count = 0
    for x, y in zip(_units(a), _units(b)):
        if x != y:
            break
        count += 1
    return count


def _units(pieces: Pieces) -> Iterator[object]:
    for piece in pieces:
        text = known_text(piece)
        yield from (piece,) if text is None else text
