"""Where the prompts of two calls part, in which lines of the program, and why: as data, for lints and every view.

Not a pass. Two calls share what their prompts begin with alike. What a prompt goes on with is read off the program:
text, a turn, or a hole, which only the run fills. Of one call in two runs no hole is the same, but for arguments that
were given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from lmc.common_prefix import common_len
from lmc.ir.graph import Graph, Lit, Node, Value
from lmc.ir.prompt import Control, Text
from lmc.ir.strand import Strand
from lmc.passes.base import ArgPath, Inputs
from lmc.passes.flat_prompts import FlatPiece, FlatPrompts, PromptHole, WrittenPiece, is_hole, known_text
from lmc.passes.known_values import KnownValues
from lmc.passes.prompt_ids import PromptIdsBuilder, num_units
from lmc.passes.prompt_sizes import PromptSizes
from lmc.passes.reasons import Reason, Reasons
from lmc.source import Span

Rows = tuple[Mapping[ArgPath, object], Mapping[ArgPath, object]]
MAX_HOLES = 5  # pieces that are passed to find what both say again
MAX_BETWEEN = 2  # of text that is no more than what stands between two holes
Place = tuple[int, int]  # a piece of a prompt, and a character of it


@dataclass(frozen=True, slots=True)
class Side:
    """What the prompt of one of the two calls goes on with: nothing, where it has ended.

    rest  its pieces from there on, the first cut where they part
    span  where the program says so
    """

    call: Node
    rest: tuple[WrittenPiece, ...]
    span: Span | None

    @property
    def pieces(self) -> tuple[FlatPiece, ...]:
        """What it goes on with."""
        return tuple(written.piece for written in self.rest)


@dataclass(frozen=True, slots=True)
class Divergence:
    """Where two prompts part.

    common       the pieces that both begin with
    size         how much known text that is: tokens where a tokenizer was given, characters elsewhere
    shared       what of it need not be computed twice; less where the tokens part before the texts do
    behind       how much text both have again behind the holes where they part
    reason       why they part; None where one prompt is all of what the other begins with
    """

    a: Side
    b: Side
    common: tuple[FlatPiece, ...]
    size: int
    shared: int
    behind: int
    reason: Reason | None

    @property
    def is_two_runs(self) -> bool:
        """Whether it is one call, in two runs."""
        return self.a.call is self.b.call


class Divergences:
    """Where the prompts of a graph's calls part."""

    def __init__(
        self, graph: Graph, inputs: Inputs, prompts: FlatPrompts | None = None, rows: Rows | None = None
    ) -> None:
        """`rows`: the arguments of the two runs that are compared; without them those that the one item gives."""
        self.graph = graph
        self._inputs = inputs
        self._prompts = prompts or FlatPrompts(graph)
        given = inputs.batch[0] if len(inputs.batch) == 1 else {}
        self._rows = rows
        self._known = tuple(KnownValues(graph, self._prompts.makers, row) for row in rows or (given, given))
        self._nothing = KnownValues(graph, self._prompts.makers, {})
        self._sizes = PromptSizes(inputs)
        self.reasons = Reasons(graph, self._prompts.makers)

    def of(self, a: Node, b: Node) -> Divergence:
        """Where the prompts of two calls part; of one call in two runs where both are the same."""
        mine, theirs = self._written(a), self._written(b, 1)
        sides, common = self._sides(a, mine, b, theirs)
        size = self._size(common)
        shared = size if self._inputs.encode is None else min(size, self._size(self._shared(mine, theirs, a is b)))
        reason = self.reasons.of(sides[0].rest, sides[1].rest, common, is_cut=shared < size)
        if reason == "text" and self._rows is not None and any(_is_given(side) for side in sides):
            reason = "hole"
        return Divergence(*sides, common, size, shared, self._behind(*sides), reason)

    def sides(self, a: Node, b: Node) -> tuple[Side, Side]:
        """What the two go on with: of `of` what needs no tokenizer."""
        return self._sides(a, self._written(a), b, self._written(b, 1))[0]

    def told(self, a: Node, b: Node) -> tuple[tuple[Side, Side], Reason | None]:
        """What the two go on with, and why: of `of` what needs no tokenizer."""
        sides, common = self._sides(a, self._written(a), b, self._written(b, 1))
        return sides, self.reasons.of(sides[0].rest, sides[1].rest, common, is_cut=False)

    def behind_shared(self, a: Node, num_a: int, b: Node, num_b: int) -> Divergence:
        """What `of` says of two calls whose prompts are the same but for their last units, so many of each.

        It reads no more of them, and takes all before to be shared. Without a tokenizer `size` and `shared` are the
        characters that both go on with; where there is one, tokens part where these units begin.
        """
        (mine, x), (theirs, y) = self._end(a, num_a), self._end(b, num_b)
        starts = (_stepped(mine, x), _stepped(theirs, y))
        (i, x), (j, y) = self._parting(mine, theirs, a is b, *starts)
        sides = _side(a, mine, i, x), _side(b, theirs, j, y)
        common = _between(mine, i, x)
        is_cut = self._inputs.encode is not None and (i, x) != starts[0]
        reason = self.reasons.of(sides[0].rest, sides[1].rest, common, is_cut=is_cut)
        begun = _between(mine, *starts[0])
        size = 0 if self._inputs.encode is not None else _num_characters(common) - _num_characters(begun)
        return Divergence(*sides, common, size, size, self._behind(*sides), reason)

    def _end(self, call: Node, num: int) -> tuple[list[WrittenPiece], int]:
        """The last units of a prompt and the piece before them; how many units of these are not of the end."""
        found: list[WrittenPiece] = []
        for each in self._prompts.backwards(call.inputs[0]):
            filled = replace(each, piece=self._filled(each.piece))
            if known_text(filled.piece) != "":
                found.append(filled)
                num -= num_units(filled.piece)
            if num < 0:
                break
        return found[::-1], max(0, -num)

    def _sides(
        self, a: Node, mine: Sequence[WrittenPiece], b: Node, theirs: Sequence[WrittenPiece]
    ) -> tuple[tuple[Side, Side], tuple[FlatPiece, ...]]:
        (i, x), (j, y) = self._parting(mine, theirs, a is b)
        return (_side(a, mine, i, x), _side(b, theirs, j, y)), _between(mine, i, x)

    def _written(self, call: Node, side: int = 0) -> list[WrittenPiece]:
        """The pieces of a prompt, arguments that are given filled in: those of the first row, or of the second."""
        filled = (replace(each, piece=self._filled(each.piece, side)) for each in self._prompts.written(call.inputs[0]))
        return [each for each in filled if known_text(each.piece) != ""]

    def _filled(self, piece: FlatPiece, side: int = 0) -> FlatPiece:
        text = self._known[side].text(piece.atom) if is_hole(piece, "text") else None
        return piece if text is None else Text(text)

    def _parting(
        self,
        a: Sequence[WrittenPiece],
        b: Sequence[WrittenPiece],
        is_two_runs: bool,
        from_a: Place = (0, 0),
        from_b: Place = (0, 0),
    ) -> tuple[Place, Place]:
        """The first piece and character of each, from two places on, that is not the other's."""
        (i, x), (j, y) = from_a, from_b
        while i < len(a) and j < len(b):
            p, q = a[i].piece, b[j].piece
            s, t = known_text(p), known_text(q)
            if s is None or t is None:
                if not self._is_same_hole(p, q, is_two_runs):
                    break
                i, j = i + 1, j + 1
                continue
            if isinstance(p, Control) != isinstance(q, Control):
                break
            length = common_len(s[x:], t[y:])
            x, y = x + length, y + length
            a_ends, b_ends = x == len(s), y == len(t)
            i, x = (i + 1, 0) if a_ends else (i, x)
            j, y = (j + 1, 0) if b_ends else (j, y)
            if not (a_ends or b_ends):
                break
        return (i, x), (j, y)

    def _is_same_hole(self, p: FlatPiece, q: FlatPiece, is_two_runs: bool) -> bool:
        """A marker of a turn is the same after the same prompt; what else only the run knows is another one in each."""
        if not isinstance(p, PromptHole) or not isinstance(q, PromptHole) or p.kind != q.kind:
            return False
        if p.kind == "role":
            return self.reasons.turn(p) == self.reasons.turn(q)
        return p == q and not is_two_runs

    def text_size(self, text: str) -> int:
        """How much a text is that stands behind a hole: tokens where a tokenizer was given, characters elsewhere."""
        return self._size((Text(text),)) if text else 0

    def _size(self, pieces: Sequence[FlatPiece]) -> int:
        return self._sizes.size(self._sizes.at(Strand(None, pieces)))

    def _shared(self, a: Sequence[WrittenPiece], b: Sequence[WrittenPiece], is_two_runs: bool) -> tuple[FlatPiece, ...]:
        """What the tokens surely stand for that both prompts begin with."""
        builder = PromptIdsBuilder(self._inputs, self._prompts.makers)
        prompts = (Strand(None, (each.piece for each in written)) for written in (a, b))
        items = (0, int(is_two_runs))  # holes of different items are different ones
        mine, theirs = (builder.of(0, item, prompt, self._nothing) for item, prompt in zip(items, prompts))
        return builder.pieces(mine.fragments, 0, common_len(mine.ids, theirs.ids))

    def _behind(self, a: Side, b: Side) -> int:
        """The longest text that both have again behind one of their first holes, in the turn of the first of them."""
        if not a.rest or not b.rest or any(known_text(s.pieces[0]) is not None and not _is_given(s) for s in (a, b)):
            return 0
        sizes = [0]
        for first in range(1, MAX_HOLES + 1):
            if max(sizes) > MAX_BETWEEN and any(map(_is_turn, a.pieces[1 : first + 1])):
                break
            (i, x), _ = self._parting(a.rest[first:], b.rest[first:], a.call is b.call)
            sizes.append(self._size(_between(a.rest[first:], i, x)))
        return max(sizes) if max(sizes) > MAX_BETWEEN else 0


def _is_turn(piece: FlatPiece) -> bool:
    return isinstance(piece, Control) or is_hole(piece, "role")


def _num_characters(pieces: Sequence[FlatPiece]) -> int:
    return sum(len(known_text(piece) or "") for piece in pieces)


def _stepped(written: Sequence[WrittenPiece], units: int) -> Place:
    """The place behind so many units, which are at most those of the first piece."""
    return (1, 0) if written and units == num_units(written[0].piece) else (0, units)


def _is_given(side: Side) -> bool:
    """Whether it goes on with an argument of its row."""
    written = side.rest[0] if side.rest else None
    if written is None or written.node is None or written.node.op != "append":
        return False
    return isinstance(written.node.inputs[written.operand], Value)


def _side(call: Node, written: Sequence[WrittenPiece], index: int, offset: int) -> Side:
    if index == len(written):
        return Side(call, (), call.span)
    first = replace(written[index], piece=_cut(written[index].piece, offset, None))
    return Side(call, (first, *written[index + 1 :]), written[index].span(offset))


def _between(written: Sequence[WrittenPiece], index: int, offset: int) -> tuple[FlatPiece, ...]:
    """The pieces up to a place."""
    whole = tuple(each.piece for each in written[:index])
    return (*whole, _cut(written[index].piece, 0, offset)) if offset else whole


def _cut(piece: FlatPiece, start: int, end: int | None) -> FlatPiece:
    """Characters [start, end) of a piece; a hole has none to cut."""
    text = known_text(piece)
    if text is None:
        return piece
    if isinstance(piece, PromptHole):
        return replace(piece, atom=Lit(text[start:end]))
    return replace(piece, text=text[start:end])
