"""How long prompts are, up to any of their places: in tokens where a tokenizer was given, in characters elsewhere.

Counted along a prompt, and once for what prompts share. What stands in a hole is not counted; text behind a hole counts
as it is by itself.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING

from lmc.ir.prompt import GENERATED, Control, Ids, Text
from lmc.ir.strand import Strand
from lmc.passes.flat_prompts import FlatPiece, PromptHole, known_text
from lmc.passes.prompt_ids import begins_by_itself, cut_pieces, num_units

if TYPE_CHECKING:
    from lmc.passes import Inputs

NO_TEXT: Strand[Text | Control] = Strand(None, ())


@dataclass(frozen=True, slots=True)
class Counted:
    """What a prompt comes to up to some place.

    units  characters of known text, and one for each hole
    size   of all texts that have ended
    kind   of the text that has not: a `run`, what a call `made`, "" behind a hole
    text   that text; after: what stands before it
    """

    units: int = 0
    size: int = 0
    kind: str = ""
    text: Strand[Text | Control] = NO_TEXT
    after: Ids | None = None


class PromptSizes:
    """The sizes of a plan's prompts."""

    def __init__(self, inputs: Inputs) -> None:
        self._encode = inputs.encode
        self._num_begin = len(inputs.begin_ids) if inputs.encode is not None else 0
        # by the identity of a prompt's part, which is kept so that it stays the only one of that identity
        self._counted: dict[int, tuple[Strand[FlatPiece], Counted]] = {}

    def at(self, prompt: Strand[FlatPiece] | None) -> Counted:
        """A prompt up to its end."""
        if prompt is None:
            return Counted()
        parts = list(takewhile(lambda part: id(part) not in self._counted, prompt.parts()))
        for part in reversed(parts):
            counted = self._counted[id(part.before)][1] if part.before is not None else Counted()
            for piece in part.tail:
                counted = self.behind(counted, piece)
            self._counted[id(part)] = (part, counted)
        return self._counted[id(prompt)][1]

    def behind(self, counted: Counted, piece: FlatPiece) -> Counted:
        """What a prompt comes to with one more piece."""
        text = known_text(piece)
        units = counted.units + num_units(piece)
        begun = counted.size
        if not counted.units and not begins_by_itself((piece,)):
            begun += self._num_begin
        if text is None:
            return Counted(units, begun + self._open_size(counted), after=GENERATED)
        if self._encode is None:
            return Counted(units, begun + len(text))
        kind, spelled = ("made", Text(text)) if isinstance(piece, PromptHole) else ("run", piece)
        if kind == counted.kind:
            return Counted(units, begun, kind, Strand(counted.text, (spelled,)), counted.after)
        after = GENERATED if counted.units else None
        return Counted(units, begun + self._open_size(counted), kind, Strand(None, (spelled,)), after)

    def size(self, counted: Counted) -> int:
        """Tokens or characters of the known text up to a place."""
        return counted.size + self._open_size(counted)

    def _open_size(self, counted: Counted) -> int:
        if self._encode is None or not counted.text:
            return 0
        return len(self._encode(tuple(counted.text), counted.after))


class PromptEnd:
    """A prompt from some place on: its pieces, and what it comes to before each of them."""

    def __init__(self, prompt: Strand[FlatPiece], start: int, sizes: PromptSizes) -> None:
        """`start` is counted in units, and lies in the prompt."""
        parts: list[Strand[FlatPiece]] = []
        for part in prompt.parts():
            parts.append(part)
            if sizes.at(part.before).units <= start:
                break
        self._sizes = sizes
        self._pieces: list[FlatPiece] = []
        self._counted = [sizes.at(parts[-1].before)]
        for piece in (piece for part in reversed(parts) for piece in part.tail):
            self._pieces.append(piece)
            self._counted.append(sizes.behind(self._counted[-1], piece))
        self._starts = [counted.units for counted in self._counted[:-1]]

    def between(self, start: int, end: int | None = None) -> tuple[FlatPiece, ...]:
        """Units [start, end) of the prompt."""
        first = max(0, bisect_right(self._starts, start) - 1)
        last = len(self._starts) if end is None else bisect_right(self._starts, end)
        shift = self._counted[first].units
        return cut_pieces(self._pieces[first:last], start - shift, None if end is None else end - shift)

    def size_up_to(self, end: int) -> int:
        """Tokens or characters from the beginning of the prompt up to a place."""
        at = max(0, bisect_right(self._starts, end) - 1)
        counted = self._counted[at]
        rest: Iterable[FlatPiece] = self._pieces[at : at + 1]
        for piece in cut_pieces(rest, 0, end - counted.units):
            counted = self._sizes.behind(counted, piece)
        return self._sizes.size(counted)
