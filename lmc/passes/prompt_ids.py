"""Each call's prompt as a row of integers: token ids where the tokens are known, negative numbers elsewhere.

Not a pass: `hoist_prefix` builds its tree of these rows. Two calls share as many tokens as their rows have in
common. A maximal run of known text is encoded as one string and never cut; a hole has a number of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import chain, groupby

from lmc.ir.graph import Atom, Lit, Node, Value
from lmc.passes.base import Decode, Encode, Inputs
from lmc.passes.base import Piece as Encoded
from lmc.passes.flat_prompts import PromptPiece, Segment
from lmc.passes.known_values import KnownValues

# what a prompt may begin with so that no tokens are put before it: a template's literal, or a prompt that came in
_BEGINS_BY_ITSELF = frozenset(("control", "role", "state"))


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a row that comes from one string, or one hole.

    ids         its integers
    atoms       the pieces of prompt it stands for, as the program has them
    kind        of which kind those are
    is_encoded  True where the integers are the tokens of its text
    """

    ids: tuple[int, ...]
    atoms: tuple[Atom, ...]
    kind: str
    is_encoded: bool


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """The prompt of one call of one item; `is_exact` says that its integers are all of its tokens."""

    step: int
    item: int
    parts: tuple[Part, ...]
    ids: tuple[int, ...]
    is_exact: bool


class RowBuilder:
    """Makes rows that can be compared with each other: equal holes and pieces get equal numbers."""

    def __init__(self, inputs: Inputs, makers: Mapping[str, Node]) -> None:
        self.encode: Encode | None = cache(inputs.encode) if inputs.encode else None
        self.decode: Decode | None = inputs.decode
        self._begin = Part(inputs.begin_ids, (), "control", False)
        self._makers = makers
        self._numbers: dict[object, int] = {}
        self._parts_of: dict[tuple[Segment, int], tuple[Part, ...]] = {}

    def row(self, step: int, item: int, prompt: Iterable[Segment], known: KnownValues) -> Row:
        """One call's row."""
        parts = tuple(part for segment in prompt for part in self._segment_parts(segment, item, known))
        is_exact = self.encode is not None and all(part.is_encoded for part in parts)
        if self.encode is not None and not (parts and parts[0].kind in _BEGINS_BY_ITSELF):
            parts = (self._begin, *parts)
        return Row(step, item, parts, tuple(chain.from_iterable(part.ids for part in parts)), is_exact)

    def atoms(self, row: Row, start: int, end: int) -> tuple[Atom, ...]:
        """What [start, end) of a row stands for; a cut within a string is put where the tokens before it surely end."""
        found: list[Atom] = []
        for part in row.parts:
            length = len(part.ids)
            if start < length and end > 0:
                found += self._slice(part, max(0, start), min(end, length))
            start, end = start - length, end - length
            if end <= 0:
                break
        return tuple(found)

    def _number(self, key: object) -> int:
        return self._numbers.setdefault(key, -1 - len(self._numbers))

    def _segment_parts(self, segment: Segment, item: int, known: KnownValues) -> tuple[Part, ...]:
        key = (segment, item)
        if key not in self._parts_of:
            pieces = [_with_text(piece, known) for piece in segment.pieces]
            self._parts_of[key] = tuple(self._parts([piece for piece in pieces if piece.atom != Lit("")], item))
        return self._parts_of[key]

    def _parts(self, pieces: list[PromptPiece], item: int) -> Iterator[Part]:
        """Strings are encoded up to a hole in their run; the rest of such a run goes by whole pieces."""
        for kind, group in groupby(pieces, key=lambda piece: piece.kind):
            run = list(group)
            if self.encode is not None and kind in ("text", "control"):
                known = next((i for i, piece in enumerate(run) if isinstance(piece.atom, Value)), len(run))
                if known:
                    yield self._encoded(kind, tuple(piece.atom for piece in run[:known]))
                run = run[known:]
            yield from (self._whole(piece, item) for piece in run)

    def _encoded(self, kind: str, atoms: tuple[Atom, ...]) -> Part:
        return Part(self._ids(kind, _text(atoms)), atoms, kind, True)

    def _ids(self, kind: str, text: str) -> tuple[int, ...]:
        assert self.encode is not None
        piece: Encoded = ("control" if kind == "control" else "text", text)
        return self.encode((piece,))

    def _whole(self, piece: PromptPiece, item: int) -> Part:
        """A hole, or a piece of text that cannot be encoded by itself."""
        return Part((self._number(self._identity(piece, item)),), (piece.atom,), piece.kind, False)

    def _identity(self, piece: PromptPiece, item: int) -> object:
        if isinstance(piece.atom, Lit):
            return piece.kind, piece.atom
        if piece.kind == "role":  # after equal prompts the same marker adds the same text
            node = self._makers[piece.atom.name]
            return node.op, node.attr("role")
        return piece.kind, piece.atom.name, item

    def _slice(self, part: Part, start: int, end: int) -> tuple[Atom, ...]:
        if (start, end) == (0, len(part.ids)):
            return part.atoms
        if not part.is_encoded:
            return ()
        return _between(part.atoms, self._offset(part, start), self._offset(part, end))

    def _offset(self, part: Part, num_ids: int) -> int:
        """How many characters of a part's text surely lie in its first `num_ids` tokens."""
        text = _text(part.atoms)
        if num_ids in (0, len(part.ids)):
            return len(text) if num_ids else 0
        if self.decode is not None and part.kind == "text":
            decoded = self.decode(part.ids[:num_ids]).rstrip("\ufffd")  # a token may end within a character
            if decoded and text.startswith(decoded):
                return len(decoded)
        return self._searched_offset(part, text, num_ids)

    def _searched_offset(self, part: Part, text: str, num_ids: int) -> int:
        """Without an inverse: the longest beginning of the text whose own tokens are the first ones of the part."""
        low, high = 0, len(text)
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if len(self._ids(part.kind, text[:middle])) <= num_ids else (low, middle - 1)
        for length in range(low, max(0, low - 64), -1):
            ids = self._ids(part.kind, text[:length])
            if ids == part.ids[: len(ids)] and len(ids) <= num_ids:
                return length
        return 0


def _with_text(piece: PromptPiece, known: KnownValues) -> PromptPiece:
    """A hole of text with the text it has in this item, where that is known."""
    if piece.kind != "text":
        return piece
    text = known.text(piece.atom)
    return piece if text is None else PromptPiece("text", Lit(text))


def _text(atoms: Iterable[Atom]) -> str:
    return "".join(str(atom.value) for atom in atoms if isinstance(atom, Lit))


def _between(atoms: tuple[Atom, ...], start: int, end: int) -> tuple[Atom, ...]:
    """Characters [start, end) of a row of literals, with the borders between literals kept."""
    found: list[Atom] = []
    for atom in atoms:
        text = _text((atom,))
        if cut := text[max(0, start) : max(0, end)]:
            found.append(Lit(cut))
        start, end = start - len(text), end - len(text)
    return tuple(found)
