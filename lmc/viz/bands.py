"""The sharing tree as bands: a row for each call, a band for each stretch of prompt, through all rows that share it.

From left to right is the prompt from its beginning on, in units of its size; what stands in a hole is not known, so
each hole takes the same room. What a view draws of it is its own business.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lmc.ir.prompt import Control, Text
from lmc.passes.flat_prompts import known_text
from lmc.viz.sharing import Leaf, SharedPrefix, Sharing
from lmc.viz.text_table import ELLIPSIS
from lmc.viz.tree import call_name
from lmc.viz.wording import on_one_line, prompt_text

if TYPE_CHECKING:
    from lmc.passes.flat_prompts import FlatPiece
    from lmc.viz.view import StepView, View

HOLE = 0.04  # of the longest known prompt: the room of one hole
MAX_TEXT = 2000  # characters of a piece that a picture quotes


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a band. kind: text, turn or hole; text as an f-string would spell it."""

    kind: str
    start: float
    end: float
    text: str


@dataclass(frozen=True, slots=True)
class Band:
    """A stretch of prompt, over rows [top, bottom).

    prefix  the number of a shared one; None for what one call adds
    depth   how many bands stand before it
    size    its known tokens or characters; is_exact: there are no others
    calls   how many begin with it; saved: what need not be computed again
    """

    prefix: int | None
    depth: int
    start: float
    end: float
    top: int
    bottom: int
    parts: tuple[Part, ...]
    size: int
    is_exact: bool
    calls: int
    saved: int

    @property
    def text(self) -> str:
        """All of its prompt."""
        return "".join(part.text for part in self.parts)


@dataclass(frozen=True, slots=True)
class CallRow:
    """A call: its name and place, and the line that it stands in. Without a step it is several calls of a batch."""

    step: int | None
    name: str
    place: str
    line: str


@dataclass(frozen=True, slots=True)
class Bands:
    """All of a program's; `width` is where the longest prompt ends."""

    rows: tuple[CallRow, ...]
    bands: tuple[Band, ...]
    width: float


def bands(tree: Sharing, view: View) -> Bands:
    """The bands of a sharing tree, a band before what stands behind it."""
    placer = _Placer(tree, view)
    found = list(placer.all(tree.top))
    return Bands(tuple(placer.rows), tuple(found), max((band.end for band in found), default=0.0))


class _Placer:
    def __init__(self, tree: Sharing, view: View) -> None:
        self.view = view
        self.hole = max(1.0, HOLE * max(tree.sizes.values(), default=0))
        self.rows: list[CallRow] = []

    def all(self, top: Sequence[SharedPrefix | Leaf]) -> Iterator[Band]:
        """A prefix is told after its rows are known, and stands before what is below it."""
        ends: list[Band] = []
        todo: list[tuple[SharedPrefix | Leaf, float, int, bool]] = [(node, 0.0, 0, False) for node in reversed(top)]
        tops: dict[int, int] = {}
        while todo:
            node, start, depth, is_done = todo.pop()
            if isinstance(node, Leaf):
                self.rows.append(_row(node.step_view, self.view))
                ends.append(self._band(node, start, depth, len(self.rows) - 1))
            elif is_done:
                if len(self.rows) == tops[id(node)]:  # what is below it differs from item to item
                    self.rows.append(CallRow(None, f"{node.prefix.calls} calls", "", ""))
                ends.append(self._band(node, start, depth, tops[id(node)]))
            else:
                tops[id(node)] = len(self.rows)
                end = start + sum(self._widths(node.pieces, node.size))
                todo.append((node, start, depth, True))
                todo += [(each, end, depth + 1, False) for each in reversed(node.below)]
        return iter(sorted(ends, key=lambda band: (band.top, band.depth)))

    def _band(self, node: SharedPrefix | Leaf, start: float, depth: int, top: int) -> Band:
        parts, at = [], start
        for piece, width in zip(node.pieces, self._widths(node.pieces, node.size), strict=True):
            parts.append(Part(_kind(piece), at, at + width, _text(piece, self.view)))
            at += width
        is_exact = all(part.kind != "hole" for part in parts)
        prefix = node.prefix if isinstance(node, SharedPrefix) else None
        number, calls = (prefix.id, prefix.calls) if prefix else (None, 1)
        saved = node.saved if isinstance(node, SharedPrefix) else 0
        return Band(number, depth, start, at, top, len(self.rows), tuple(parts), node.size, is_exact, calls, saved)

    def _widths(self, pieces: Sequence[FlatPiece], size: int) -> list[float]:
        """The room of each piece: of known text in proportion to its characters, all together the size."""
        lengths = [len(text) if (text := known_text(piece)) is not None else None for piece in pieces]
        whole = sum(length for length in lengths if length is not None) or 1
        return [self.hole if length is None else size * length / whole for length in lengths]


def _kind(piece: FlatPiece) -> str:
    if known_text(piece) is None:
        return "hole"
    return "turn" if isinstance(piece, Control) else "text"


def _text(piece: FlatPiece, view: View) -> str:
    """What a piece reads as; of a very long one how it begins."""
    text = known_text(piece)
    if text is None or len(text) <= MAX_TEXT:
        return prompt_text((piece,), view)
    return f"{prompt_text((Text(text[:MAX_TEXT]),), view)}{ELLIPSIS} ({len(text) - MAX_TEXT:,} more characters)"


def _row(step_view: StepView, view: View) -> CallRow:
    span = step_view.node.span
    line = on_one_line(span.text().strip()[:MAX_TEXT]) if span else ""
    return CallRow(step_view.step.id, on_one_line(call_name(step_view, view)), step_view.place, line)
