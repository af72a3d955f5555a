"""The sharing tree: a plan's prefixes, the calls below each, what each adds to the one above, and what that saves.

Sizes are in tokens where a tokenizer was given, in characters elsewhere. What stands in a hole is not counted, and
every call counts once: a loop's body one turn, an `if` both arms.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lmc.common_prefix import common_len
from lmc.ir.graph import Atom, Lit
from lmc.passes.flat_prompts import FlatPiece, is_hole, known_text
from lmc.passes.prompt_sizes import PromptEnd, PromptSizes

if TYPE_CHECKING:
    from lmc.ir.plan import Prefix
    from lmc.viz.view import StepView, View

Pieces = Sequence[FlatPiece]


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
    """Each prefix is cut out of the prompt of the first call that begins with it, all of one call's together."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.sizes = PromptSizes(view.planned.inputs)
        self.step_views = {step_view.step.id: step_view for step_view in view.calls}
        self.firsts = _first_calls(view)
        self.lengths: dict[int, int] = {}  # prefix -> units from the beginning of the prompt to its end
        for prefix in view.plan.prefixes:  # parents come before children
            self.lengths[prefix.id] = self._length(prefix.parent) + sum(map(_units_of, prefix.pieces))
        self.chains: dict[int, int] = {}  # prefix -> size from the beginning of the prompt to its end

    def build(self) -> Sharing:
        ends = self._ends()
        nodes = {prefix.id: self._shared(prefix, ends[self.firsts[prefix.id]]) for prefix in self.view.plan.prefixes}
        leaves = {step_view.step.id: self._leaf(step_view, ends) for step_view in self.step_views.values()}
        top: list[SharedPrefix | Leaf] = []
        for node in nodes.values():
            (top if node.prefix.parent is None else nodes[node.prefix.parent].below).append(node)
        for leaf in leaves.values():
            (top if leaf.step_view.step.prefix is None else nodes[leaf.step_view.step.prefix].below).append(leaf)
        for siblings in (top, *(node.below for node in nodes.values())):
            siblings.sort(key=self._first_call)
        sizes = {id: self.sizes.size(self.sizes.at(each.pieces)) for id, each in self.step_views.items()}
        distinct = sum(node.size for node in nodes.values()) + sum(leaf.size for leaf in leaves.values())
        unit = "tokens" if self.view.planned.inputs.encode is not None else "chars"
        return Sharing(unit, tuple(top), leaves, sizes, sum(sizes.values()), distinct)

    def _ends(self) -> dict[int, PromptEnd]:
        """The prompt of each call, from where the first prefix that is cut out of it begins, or the call's own end."""
        starts = {id: self._length(step_view.step.prefix) for id, step_view in self.step_views.items()}
        for prefix in self.view.plan.prefixes:
            first = self.firsts[prefix.id]
            starts[first] = min(starts[first], self._length(prefix.parent))
        return {id: PromptEnd(self.step_views[id].pieces, start, self.sizes) for id, start in starts.items()}

    def _shared(self, prefix: Prefix, end: PromptEnd) -> SharedPrefix:
        above, length = self._length(prefix.parent), self.lengths[prefix.id]
        has_holes = not all(isinstance(atom, Lit) for atom in prefix.pieces)
        size = prefix.tokens if prefix.tokens is not None else end.size_up_to(length) - end.size_up_to(above)
        self.chains[prefix.id] = size + (0 if prefix.parent is None else self.chains[prefix.parent])
        return SharedPrefix(prefix, end.between(above, length), size, not has_holes)

    def _leaf(self, step_view: StepView, ends: dict[int, PromptEnd]) -> Leaf:
        prefix = step_view.step.prefix
        size = self.sizes.size(self.sizes.at(step_view.pieces)) - (0 if prefix is None else self.chains[prefix])
        return Leaf(step_view, ends[step_view.step.id].between(self._length(prefix)), size)

    def _length(self, prefix: int | None) -> int:
        return 0 if prefix is None else self.lengths[prefix]

    def _first_call(self, node: SharedPrefix | Leaf) -> int:
        return node.step_view.step.id if isinstance(node, Leaf) else self.firsts[node.prefix.id]


def _units_of(atom: Atom) -> int:
    return len(str(atom.value)) if isinstance(atom, Lit) else 1


def _first_calls(view: View) -> dict[int, int]:
    """For each prefix the first call that begins with it, or with what is under it."""
    firsts: dict[int, int] = {}
    for prefix in reversed(view.plan.prefixes):
        if prefix.steps:
            firsts[prefix.id] = min((*prefix.steps, *([firsts[prefix.id]] if prefix.id in firsts else [])))
        if prefix.parent is not None:
            firsts[prefix.parent] = min(firsts[prefix.id], firsts.get(prefix.parent, firsts[prefix.id]))
    return firsts


# --- why a call shares nothing ---------------------------------------------------------------------------


class Nearest:
    """Which other call's prompt goes along longest with one that shares nothing.

    A prompt that goes on from a state is not another: what it begins with is known only when the program runs. Of calls
    that share a prefix the first one stands for all.
    """

    def __init__(self, tree: Sharing) -> None:
        firsts = [node for top in tree.top if (node := _first_leaf(top)) is not None]
        self._calls = [leaf.step_view for leaf in firsts if not goes_on(leaf.step_view)]
        holes: dict[FlatPiece, str] = {}
        self._keys = {each.step.id: _key(each.pieces, holes) for each in self._calls}
        self._order = sorted((key, id) for id, key in self._keys.items())
        self._firsts: dict[int, dict[str, list[StepView]]] = {}

    def of(self, leaf: Leaf) -> tuple[StepView, int] | None:
        """The first of those calls, and for how many units it goes along; None where there is no other."""
        id = leaf.step_view.step.id
        key = self._keys[id]
        at = bisect_left(self._order, (key, id))
        beside = (self._order[at - 1 : at] if at else []) + self._order[at + 1 : at + 2]
        length = max((common_len(key, other) for other, _ in beside), default=0)
        others = [step_view for step_view in self._alike(length)[key[:length]] if step_view.step.id != id]
        return (others[0], length) if others else None

    def _alike(self, length: int) -> dict[str, list[StepView]]:
        """The first two calls of each beginning of that length."""
        if length not in self._firsts:
            found = self._firsts[length] = {}
            for step_view in self._calls:
                alike = found.setdefault(self._keys[step_view.step.id][:length], [])
                alike += [step_view] if len(alike) < 2 else []
        return self._firsts[length]


def _first_leaf(node: SharedPrefix | Leaf) -> Leaf | None:
    while isinstance(node, SharedPrefix):
        if not node.below:
            return None  # what is under it differs from item to item
        node = node.below[0]
    return node


def goes_on(step_view: StepView) -> bool:
    """Whether a prompt begins with that of a state, of which only the run knows what it is; so does an empty one."""
    first = next(iter(step_view.pieces), None)
    return first is None or is_hole(first, "state")


def _key(pieces: Iterable[FlatPiece], holes: dict[FlatPiece, str]) -> str:
    """A prompt as a text to compare: a hole is one character, of those that are no text's."""
    texts = ((known_text(piece), piece) for piece in pieces)
    return "".join(_hole_key(piece, holes) if text is None else text for text, piece in texts)


def _hole_key(hole: FlatPiece, holes: dict[FlatPiece, str]) -> str:
    return holes.setdefault(hole, chr(0xF0000 + len(holes) % 0x1FFFE))
