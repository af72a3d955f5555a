"""Each call's prompt as integers: token ids where the tokens are known, negative numbers elsewhere.

Not a pass: `hoist_prefix` builds its tree of these. Two calls share as many tokens as their integers have in common.
The ids are those of the run (`ir.prompt` has the rule), so no string is ever cut. A hole has a number of its own.

A hole of text leaves its run unknown up to the next control token, and on its left takes those tokens along that the
text in it could change; both are then one number.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, groupby

from lmc.ir.graph import Atom, Lit, Node
from lmc.ir.prompt import GENERATED, Control, Encode, Ids, Text
from lmc.ir.runs import Run, text_of
from lmc.passes.base import Decode, Inputs
from lmc.passes.flat_prompts import FlatPiece, PromptHole, Stretch, atom_of, is_hole, known_text
from lmc.passes.known_values import KnownValues
from lmc.passes.open_end import num_kept


@dataclass(frozen=True, slots=True)
class Fragment:
    """The integers of neighbouring pieces.

    ids         the integers
    pieces      what they stand for
    after       the generated value before them, where they are encoded
    is_encoded  True where the integers are the tokens of the pieces' text
    """

    ids: tuple[int, ...]
    pieces: tuple[FlatPiece, ...]
    after: Ids | None = None
    is_encoded: bool = False

    @property
    def run(self) -> Run:
        """The pieces of an encoded fragment, none of which is a hole."""
        return tuple(piece for piece in self.pieces if not isinstance(piece, PromptHole))


@dataclass(frozen=True, slots=True, eq=False)
class PromptIds:
    """The prompt of one call of one item; `is_exact` says that its integers are all of its tokens."""

    step: int
    item: int
    fragments: tuple[Fragment, ...]
    ids: tuple[int, ...]
    is_exact: bool


class PromptIdsBuilder:
    """Makes prompts that can be compared with each other: equal holes and pieces get equal numbers."""

    def __init__(self, inputs: Inputs, makers: Mapping[str, Node]) -> None:
        self._encode: Encode | None = inputs.encode
        self._decode: Decode | None = inputs.decode
        self._control_tokens = inputs.control_tokens
        self._begin = Fragment(inputs.begin_ids, ())
        self._makers = makers
        self._numbers: dict[object, int] = {}
        self._fragments_of: dict[tuple[Stretch, int], tuple[Fragment, ...]] = {}

    def of(self, step: int, item: int, prompt: Sequence[Stretch], known: KnownValues) -> PromptIds:
        """One call's prompt."""
        fragments = tuple(
            fragment for i, stretch in enumerate(prompt) for fragment in self._kept(stretch, i == 0, item, known)
        )
        is_exact = self._encode is not None and all(fragment.is_encoded for fragment in fragments)
        if self._encode is not None and not (fragments and begins_by_itself(fragments[0].pieces)):
            fragments = (self._begin, *fragments)
        return PromptIds(step, item, fragments, tuple(chain.from_iterable(f.ids for f in fragments)), is_exact)

    def num_tokens(self, pieces: Sequence[FlatPiece]) -> int:
        """Tokens of the known text of a prompt, or of its beginning; text behind a hole as it is by itself."""
        assert self._encode is not None
        count = 0 if not pieces or begins_by_itself(pieces) else len(self._begin.ids)
        after = None
        for is_known, group in groupby(pieces, key=_kind_of_text):
            if is_known:
                count += len(self._encode(tuple(map(_spelled, group)), after))
            after = GENERATED
        return count

    def atoms(self, prompt: PromptIds, start: int, end: int) -> tuple[Atom, ...]:
        """What [start, end) of a prompt stands for; a cut within a run is put where the tokens before it surely end."""
        found: list[FlatPiece] = []
        for fragment in prompt.fragments:
            length = len(fragment.ids)
            if start < length and end > 0:
                found += self._slice(fragment, max(0, start), min(end, length))
            start, end = start - length, end - length
            if end <= 0:
                break
        return tuple(map(atom_of, found))

    def _number(self, key: object) -> int:
        return self._numbers.setdefault(key, -1 - len(self._numbers))

    def _kept(self, stretch: Stretch, is_first: bool, item: int, known: KnownValues) -> tuple[Fragment, ...]:
        key = (stretch, item)
        if key not in self._fragments_of:
            pieces = [_with_text(piece, known) for piece in stretch.pieces]
            self._fragments_of[key] = tuple(self._fragments(pieces, is_first, item))
        return self._fragments_of[key]

    def _fragments(self, pieces: Sequence[FlatPiece], is_first: bool, item: int) -> Iterator[Fragment]:
        """A stretch, of which only the last piece may be a hole that is not text (a state also the first one)."""
        left = [piece for piece in pieces if known_text(piece) != ""]
        if self._encode is None:
            yield from (self._whole(piece, item) for piece in left)
            return
        after = None if is_first else GENERATED
        while left:
            run, hole, left = _up_to_hole(left)
            if hole is None or hole.kind != "text":
                yield from self._encoded(run, after)
                yield from () if hole is None else (self._whole(hole, item),)
            else:
                yield from self._before_hole(run, after, hole, item)
                unknown, left = self._up_to_control(left)
                yield from (self._whole(piece, item) for piece in unknown)
            after = GENERATED

    def _encoded(self, run: Run, after: Ids | None) -> Iterator[Fragment]:
        assert self._encode is not None
        if run:
            yield Fragment(self._encode(run, after), run, after, is_encoded=True)

    def _before_hole(self, run: Run, after: Ids | None, hole: PromptHole, item: int) -> Iterator[Fragment]:
        """A known text before a hole: the tokens that stay, then the rest of it and the hole as one number."""
        assert self._encode is not None
        kept = num_kept(run, after, self._encode) if run else 0
        whole = Fragment(self._encode(run, after) if run else (), run, after, is_encoded=True)
        at = self._offset(whole, kept)
        if kept:
            yield Fragment(whole.ids[:kept], cut_pieces(run, 0, at), after, is_encoded=True)
        tail = cut_run(run, at, None)
        key = (text_of(tail), self._identity(hole, item))
        yield Fragment((self._number(key if tail else key[1]),), (*tail, hole))

    def _up_to_control(self, pieces: Sequence[FlatPiece]) -> tuple[list[FlatPiece], list[FlatPiece]]:
        """Pieces behind a hole of text as what it leaves unknown, and what begins with a control token or a hole."""
        for i, piece in enumerate(pieces):
            at = self._first_control(piece.text) if isinstance(piece, Control) else None
            if isinstance(piece, PromptHole):
                return list(pieces[:i]), list(pieces[i:])
            if at is not None:
                return [*pieces[:i], *cut_pieces([piece], 0, at)], [*cut_pieces([piece], at, None), *pieces[i + 1 :]]
        return list(pieces), []

    def _first_control(self, text: str) -> int | None:
        return min((at for name in self._control_tokens if (at := text.find(name)) >= 0), default=None)

    def _whole(self, piece: FlatPiece, item: int) -> Fragment:
        """A hole, or a piece of text that cannot be encoded by itself."""
        return Fragment((self._number(self._identity(piece, item)),), (piece,))

    def _identity(self, piece: FlatPiece, item: int) -> object:
        if not isinstance(piece, PromptHole):
            return isinstance(piece, Control), piece.text
        if isinstance(piece.atom, Lit):
            return piece.kind, piece.atom
        if piece.kind == "role":  # after equal prompts the same marker adds the same text
            node = self._makers[piece.atom.name]
            return node.op, node.attr("role")
        return piece.kind, piece.atom.name, item

    def _slice(self, fragment: Fragment, start: int, end: int) -> tuple[FlatPiece, ...]:
        if (start, end) == (0, len(fragment.ids)):
            return fragment.pieces
        if not fragment.is_encoded:
            return ()
        return cut_pieces(fragment.pieces, self._offset(fragment, start), self._offset(fragment, end))

    def _offset(self, fragment: Fragment, num_ids: int) -> int:
        """How many characters of a fragment's text surely lie in its first `num_ids` tokens."""
        text = text_of(fragment.run)
        if num_ids in (0, len(fragment.ids)):
            return len(text) if num_ids else 0
        if self._decode is not None:
            decoded = self._decode(fragment.ids[:num_ids]).rstrip("\ufffd")  # a token may end within a character
            decoded = decoded[1:] if decoded[:1] == " " != text[:1] else decoded  # a space that the tokenizer put
            if decoded and text.startswith(decoded):
                return len(decoded)
        return self._searched_offset(fragment, len(text), num_ids)

    def _searched_offset(self, fragment: Fragment, high: int, num_ids: int) -> int:
        """Without an inverse: the longest beginning of the text whose own tokens are the first ones of the fragment."""
        low = 0
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if len(self._beginning(fragment, middle)) <= num_ids else (low, middle - 1)
        for length in range(low, max(0, low - 64), -1):
            ids = self._beginning(fragment, length)
            if ids == fragment.ids[: len(ids)] and len(ids) <= num_ids:
                return length
        return 0

    def _beginning(self, fragment: Fragment, length: int) -> tuple[int, ...]:
        assert self._encode is not None
        return self._encode(cut_run(fragment.run, 0, self._outside_control(fragment.run, length)), fragment.after)

    def _outside_control(self, run: Run, length: int) -> int:
        """A length, or that up to the control token which it would cut in two."""
        start = 0
        for piece in run:
            for name in self._control_tokens if isinstance(piece, Control) else ():
                low = max(0, length - start - len(name) + 1)
                at = piece.text.find(name, low, length - start - 1 + len(name)) if length > start else -1
                if at >= 0 and start + at < length < start + at + len(name):
                    return start + at
            start += len(piece.text)
        return length


def begins_by_itself(pieces: Sequence[FlatPiece]) -> bool:
    """Whether no tokens are put before a prompt: it begins with a template's literal, or is one that came in."""
    return bool(pieces) and (isinstance(pieces[0], Control) or is_hole(pieces[0], "role", "state"))


def cut_pieces(pieces: Iterable[FlatPiece], start: int, end: int | None) -> tuple[FlatPiece, ...]:
    """Units [start, end) of pieces: a character of known text is one unit, a hole one."""
    found: list[FlatPiece] = []
    at = 0
    for piece in pieces:
        length = num_units(piece)
        low, high = max(0, start - at), length if end is None else min(length, end - at)
        at += length
        if low < high:
            found.append(piece if (low, high) == (0, length) else _cut(piece, low, high))
    return tuple(found)


def _up_to_hole(pieces: list[FlatPiece]) -> tuple[Run, PromptHole | None, list[FlatPiece]]:
    """The run that pieces begin with, the hole behind it, and the rest."""
    run: list[Text | Control] = []
    for i, piece in enumerate(pieces):
        if isinstance(piece, PromptHole):
            return tuple(run), piece, pieces[i + 1 :]
        run.append(piece)
    return tuple(run), None, []


def _kind_of_text(piece: FlatPiece) -> str:
    """What neighbouring pieces have in common that are counted together; "" for what is not known."""
    return "" if known_text(piece) is None else "made" if isinstance(piece, PromptHole) else "run"


def _spelled(piece: FlatPiece) -> Text | Control:
    return Text(known_text(piece) or "") if isinstance(piece, PromptHole) else piece


def num_units(piece: FlatPiece) -> int:
    """Characters of a known text, 1 for a hole."""
    text = known_text(piece)
    return 1 if text is None else len(text)


def _cut(piece: FlatPiece, start: int, end: int) -> FlatPiece:
    if not isinstance(piece, PromptHole):
        return replace(piece, text=piece.text[start:end])
    assert isinstance(piece.atom, Lit), "a hole is one unit"
    return replace(piece, atom=Lit(str(piece.atom.value)[start:end]))


def cut_run(run: Run, start: int, end: int | None) -> Run:
    """Characters [start, end) of a run."""
    return tuple(piece for piece in cut_pieces(run, start, end) if not isinstance(piece, PromptHole))


def _with_text(piece: FlatPiece, known: KnownValues) -> FlatPiece:
    """A hole of text with the text it has in this item, where that is known."""
    text = known.text(piece.atom) if is_hole(piece, "text") else None
    return piece if text is None else Text(text)
