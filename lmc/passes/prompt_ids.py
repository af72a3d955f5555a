"""Each call's prompt as integers: token ids where the tokens are known, negative numbers elsewhere.

Not a pass: `hoist_prefix` builds its tree of these. Two calls share as many tokens as their integers have in common.
The ids are those of the run (`ir.prompt` has the rule), so no string is ever cut. A hole has a number of its own.

A hole of text leaves its run unknown up to the next control token, and on its left takes those tokens along that the
text in it could change; both are then one number.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, takewhile

from lmc.ir.graph import Atom, Lit, Node, Value
from lmc.ir.prompt import GENERATED, Control, Encode, Ids, Text
from lmc.ir.runs import Run, text_of
from lmc.ir.strand import Strand
from lmc.passes.base import Decode, Inputs
from lmc.passes.flat_prompts import FlatPiece, PromptHole, atom_of, is_hole, known_text
from lmc.passes.known_values import KnownValues
from lmc.passes.open_end import num_kept
from lmc.passes.prefix_tree import PrefixTree, TreeNode


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


@dataclass(slots=True, eq=False)
class Fragments:
    """The fragments of a prompt up to some place: the last one behind those before it, which prompts share.

    node      where it ends in the tree of all prompts
    is_exact  all their integers are the tokens of known text
    """

    before: Fragments | None
    fragment: Fragment
    node: TreeNode
    is_exact: bool

    @property
    def end(self) -> int:
        """Integers up to its end."""
        return self.node.end


@dataclass(frozen=True, slots=True, eq=False)
class PromptIds:
    """The prompt of one call of one item; `is_exact` says that its integers are all of its tokens."""

    step: int
    item: int
    fragments: Fragments | None
    node: TreeNode
    is_exact: bool

    @property
    def ids(self) -> tuple[int, ...]:
        """Its integers, first to last."""
        found, at = list[tuple[int, ...]](), self.fragments
        while at is not None:
            found.append(at.fragment.ids)
            at = at.before
        return tuple(chain.from_iterable(reversed(found)))


NO_RUN: Strand[Text | Control] = Strand(None, ())


@dataclass(frozen=True, slots=True, eq=False)
class Begun:
    """A beginning of a prompt: what is settled whatever follows, and what is not.

    settled  fragments that nothing behind them changes
    run      known text that is still to be encoded, as a whole
    after    what stands before the run
    is_lost  a text that is not known stands before: what follows it is known by pieces only
    """

    settled: Fragments | None = None
    run: Strand[Text | Control] = NO_RUN
    after: Ids | None = None
    is_lost: bool = False


class PromptIdsBuilder:
    """Makes prompts that can be compared with each other: equal holes and pieces get equal numbers.

    tree  of all prompts made so far
    """

    def __init__(self, inputs: Inputs, makers: Mapping[str, Node], generated: Mapping[str, Ids] | None = None) -> None:
        """`generated`: what calls of a run made, by the name of the value; elsewhere each is a hole."""
        self.tree = PrefixTree()
        self._generated = generated or {}
        self._encode: Encode | None = inputs.encode
        self._decode: Decode | None = inputs.decode
        self._control_tokens = inputs.control_tokens
        self._begin = Fragment(inputs.begin_ids, ())
        self._makers = makers
        self._numbers: dict[object, int] = {}
        # by the identity of a prompt's part, which is kept so that it stays the only one of that identity
        self._begun: dict[tuple[int, int], tuple[Strand[FlatPiece], Begun]] = {}

    def of(self, step: int, item: int, prompt: Strand[FlatPiece], known: KnownValues) -> PromptIds:
        """One call's prompt."""
        begun = self._up_to(prompt, item, known)
        last = begun.settled
        for fragment in self.encoded(tuple(begun.run), begun.after):
            last = self.put(last, fragment)
        is_exact = self._encode is not None and (last is None or last.is_exact)
        if last is None and self._encode is not None:
            last = self.put(None, self._begin)
        return PromptIds(step, item, last, last.node if last else self.tree.root, is_exact)

    def atoms(self, last: Fragments | None, start: int, end: int) -> tuple[Atom, ...]:
        """What [start, end) stands for. A cut within a run is put where the tokens before it surely end."""
        return tuple(atom_of(piece) for piece in self.pieces(last, start, end))

    def pieces(self, last: Fragments | None, start: int, end: int) -> tuple[FlatPiece, ...]:
        """The same as pieces."""
        found: list[tuple[FlatPiece, ...]] = []
        at = last
        while at is not None and at.end > start:
            first = at.end - len(at.fragment.ids)
            if first < end:
                found.append(self._slice(at.fragment, max(0, start - first), min(end, at.end) - first))
            at = at.before
        return tuple(chain.from_iterable(reversed(found)))

    def _number(self, key: object) -> int:
        return self._numbers.setdefault(key, -1 - len(self._numbers))

    def put(self, before: Fragments | None, fragment: Fragment) -> Fragments:
        """A fragment behind others; before the first one what is put before a prompt."""
        if before is None and fragment is not self._begin and self._encode is not None:
            before = None if begins_by_itself(fragment.pieces) else self.put(None, self._begin)
        is_exact = fragment is self._begin or (fragment.is_encoded and (before is None or before.is_exact))
        made = Fragments(before, fragment, self.tree.root, is_exact)
        made.node = self.tree.put(before.node if before else self.tree.root, fragment.ids, made)
        return made

    def _up_to(self, prompt: Strand[FlatPiece], item: int, known: KnownValues) -> Begun:
        """What there is of a prompt; made once for each of its parts."""
        parts = list(takewhile(lambda part: (id(part), item) not in self._begun, prompt.parts()))
        for part in reversed(parts):
            begun = self._begun[id(part.before), item][1] if part.before is not None else Begun()
            for piece in part.tail:
                begun = self.behind(begun, _with_text(piece, known), item)
            self._begun[id(part), item] = (part, begun)
        return self._begun[id(prompt), item][1]

    def behind(self, begun: Begun, piece: FlatPiece, item: int) -> Begun:
        """A beginning of a prompt with one more piece."""
        if known_text(piece) == "":
            return begun
        if self._encode is None:
            return Begun(self.put(begun.settled, self._whole(piece, item)))
        if isinstance(piece, PromptHole):
            return self._behind_hole(begun, piece, item)
        if not begun.is_lost:
            return replace(begun, run=Strand(begun.run, (piece,)))
        at = self._first_control(piece.text) if isinstance(piece, Control) else None
        settled = begun.settled
        for lost in (piece,) if at is None else cut_pieces([piece], 0, at):
            settled = self.put(settled, self._whole(lost, item))
        found = () if at is None else cut_run((piece,), at, None)
        return Begun(settled, Strand(None, found), GENERATED, is_lost=at is None)

    def _behind_hole(self, begun: Begun, hole: PromptHole, item: int) -> Begun:
        run, settled = tuple(begun.run), begun.settled
        if hole.kind == "text":
            fragments = [*self._before_hole(run, begun.after, hole, item)]
        else:
            fragments = [*self.encoded(run, begun.after), self._whole(hole, item)]
        for fragment in fragments:
            settled = self.put(settled, fragment)
        return Begun(settled, after=GENERATED, is_lost=hole.kind == "text")

    def encoded(self, run: Run, after: Ids | None) -> Iterator[Fragment]:
        if run:
            assert self._encode is not None
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

    def _first_control(self, text: str) -> int | None:
        return min((at for name in self._control_tokens if (at := text.find(name)) >= 0), default=None)

    def _whole(self, piece: FlatPiece, item: int) -> Fragment:
        """A hole, or a piece of text that cannot be encoded by itself."""
        if is_hole(piece, "made") and isinstance(piece.atom, Value) and piece.atom.name in self._generated:
            return Fragment(self._generated[piece.atom.name].ids, (piece,))
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
