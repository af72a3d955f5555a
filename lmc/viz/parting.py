"""Why each call does not go on from the one above it in the sharing tree: as data, which every view takes from here.

    parted = partings(tree, view)
    parted[3].reason, parted[3].span.place, parted[3].sentence(), parted[3].advice

Read along the tree: of each call only what lies behind the prefix that both share is looked at, so that a thousand
calls of one conversation cost no more than their turns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, takewhile
from typing import TYPE_CHECKING

from lmc.passes.divergence import Divergence, Divergences
from lmc.passes.prompt_ids import num_units
from lmc.passes.reasons import ADVICE, SAYS, Reason
from lmc.viz.sharing import Leaf, SharedPrefix, goes_on, sharing

if TYPE_CHECKING:
    from lmc.ir.strand import Strand
    from lmc.passes.flat_prompts import FlatPiece
    from lmc.source import Span
    from lmc.viz.sharing import Sharing
    from lmc.viz.view import StepView, View


@dataclass(frozen=True, slots=True)
class Parting:
    """Where a call's prompt parts from that of the call above it.

    call, above    numbers of their steps
    reason         why; None where one prompt is all of what the other begins with
    span           where the program says what this call goes on with; above_span: the other
    shared         what both begin with, in `unit`; behind: what both say again behind the holes where they part
    """

    call: int
    above: int
    reason: Reason | None
    span: Span | None
    above_span: Span | None
    shared: int
    behind: int
    unit: str
    goes_on: bool

    @property
    def place(self) -> str:
        """`tips.py:9`, or nothing where it is not known."""
        return self.span.place if self.span else ""

    @property
    def advice(self) -> str:
        """What to write so that more is shared, with what it saves; nothing where nothing can be said."""
        if self.reason is None:
            return ""
        gain = f" ({self.behind} {self.unit} more)" if self.behind else ""
        return ADVICE[self.reason] + gain if ADVICE[self.reason] else ""

    @property
    def short(self) -> str:
        """`parts from #0: hole`; nothing where one prompt goes on from the other."""
        return f"parts from #{self.above}: {self.reason}" if self.reason is not None else ""

    def why_beside(self, call: StepView) -> str:
        """`hole, line 6`: the reason, and where; not the call's own line once more. Nothing where it goes on."""
        if self.reason is None or self.place in ("", call.place) or self.span is None:
            return self.reason or ""
        is_here = call.node.span is not None and call.node.span.file == self.span.file
        return f"{self.reason}, {f'line {self.span.line}' if is_here else self.place}"

    def sentence(self) -> str:
        """All of it but the advice."""
        if self.reason is None:
            return (
                f"begins with all of #{self.above}'s prompt" if self.goes_on else f"is what #{self.above} begins with"
            )
        places = " and ".join(dict.fromkeys(span.place for span in (self.above_span, self.span) if span))
        where = f" ({places})" if places else ""
        return f"parts from #{self.above} after {self.shared} {self.unit}{where}: {self.reason}: {SAYS[self.reason]}"


def partings_by_box(view: View) -> dict[str, Parting]:
    """The same by the ids of the boxes that `flow` draws."""
    return {f"s{step}": found for step, found in partings(sharing(view), view).items()}


def partings(tree: Sharing, view: View) -> dict[int, Parting]:
    """For each call but the first, by the number of its step, in the tree's order.

    One that goes on from a state is left out: what it begins with is known only when the program runs.
    """
    divergences = Divergences(view.plan.graph, view.planned.inputs, view.prompts)
    unit = "tokens" if tree.unit == "tokens" else "characters"
    is_batch = len(view.planned.inputs.batch) > 1
    lengths: dict[int, int] = {}
    found: dict[int, Parting] = {}
    for (above, _), (call, shared) in pairwise(_leaves(tree.top)):
        if shared == NOTHING and goes_on(call.step_view):
            continue
        nodes = above.step_view.node, call.step_view.node
        if is_batch:  # a prefix may hold what stands in the holes of some items
            parted = divergences.of(*nodes)
            size = parted.shared
        else:
            rest = [_units(each.step_view.pieces, lengths) - shared.units for each in (above, call)]
            parted = divergences.behind_shared(nodes[0], rest[0], nodes[1], rest[1])
            size = shared.size + parted.shared
        found[call.step_view.step.id] = _parting(above.step_view, call.step_view, parted, size, unit)
    return found


def _parting(above: StepView, call: StepView, found: Divergence, shared: int, unit: str) -> Parting:
    spans = found.b.span, found.a.span
    is_on = bool(found.b.rest)
    return Parting(call.step.id, above.step.id, found.reason, *spans, shared, found.behind, unit, is_on)


@dataclass(frozen=True, slots=True)
class _Above:
    """What two neighbours have in common: its units, and its size."""

    units: int = 0
    size: int = 0


NOTHING = _Above()


def _leaves(top: Sequence[SharedPrefix | Leaf]) -> Iterator[tuple[Leaf, _Above]]:
    """The calls in the tree's order, each with the prefix that it shares with the one before it."""
    todo = [(node, NOTHING, NOTHING) for node in reversed(top)]
    while todo:
        node, inside, shared = todo.pop()
        if isinstance(node, Leaf):
            yield node, shared
            continue
        own = _Above(inside.units + sum(map(num_units, node.pieces)), inside.size + node.size)
        # the first call below parts where its prefix does from what stands above the prefix
        below = [(each, own, own if index else shared) for index, each in enumerate(node.below)]
        todo += reversed(below)


def _units(pieces: Strand[FlatPiece], known: dict[int, int]) -> int:
    """How many units a prompt has; `known` by the identity of its parts."""
    new = list(takewhile(lambda part: id(part) not in known, pieces.parts()))
    for part in reversed(new):
        before = known[id(part.before)] if part.before is not None else 0
        known[id(part)] = before + sum(map(num_units, part.tail))
    return known[id(pieces)]
