"""Prompts as the cost knows them: the integers that `hoist_prefix` compares, and how many tokens each stands for.

What is known is counted by the tokenizer. A text that is not known counts from nothing up to its bytes, and takes along
what it may change of the text beside it: a token holds a byte at least. Behind it only what begins a word is sure to
be cut as it is by itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import takewhile

from lmc.common_prefix import common_len
from lmc.ir.graph import Node, Value
from lmc.ir.prompt import GENERATED, Encode
from lmc.ir.prompt import Text as TextPiece
from lmc.ir.runs import text_of
from lmc.ir.types import STATE, STR
from lmc.passes.base import Inputs
from lmc.passes.cost.interval import UNKNOWN, Interval
from lmc.passes.cost.values import TextHole
from lmc.passes.flat_prompts import FlatPiece, PromptHole, is_hole
from lmc.passes.open_end import num_kept
from lmc.passes.prefix_tree import TreeNode
from lmc.passes.prompt_ids import Begun, Fragment, Fragments, PromptIdsBuilder

# a space between letters: every tokenizer that cuts text into words cuts before it
BETWEEN_WORDS = re.compile(r"(?<=[^\W\d_])(?= [^\W\d_])")
# characters that a tokenizer that normalises text writes as several
LONGER_NORMALISED = ("\u0958", "\ufb2c", "\U0001d160")


@dataclass(frozen=True, slots=True)
class TokenSize:
    """How many tokens something has, and how many of them are not there from the call that generated them."""

    tokens: Interval
    computed: Interval


class CostPrompts(PromptIdsBuilder):
    """Builds prompts piece by piece; knows the size of each integer that is no token.

    texts  of holes, by the names of their atoms
    """

    def __init__(self, inputs: Inputs, makers: Mapping[str, Node]) -> None:
        super().__init__(inputs, makers)
        self.encode, self._spread = inputs.encode, inputs.spread
        self.sizes: dict[int, TokenSize] = {}
        self._texts: dict[str, TextHole] = {}
        self._parts: dict[str, TokenSize] = {}
        self._num_fresh = 0

    # --- pieces ----------------------------------------------------------------------------------------------

    def text_hole(self, hole: TextHole) -> FlatPiece:
        """A text that only the run knows."""
        self._texts[hole.name] = hole
        return PromptHole("text", Value(hole.name, STR))

    def part(self, size: TokenSize, *, is_open: bool = False) -> FlatPiece:
        """A part of a prompt of which the size is known; the text behind an open one may change its last tokens."""
        self._num_fresh += 1
        name = f"part@{self._num_fresh}"
        self._parts[name] = size
        if is_open:
            self._texts[name] = TextHole(name)
        return PromptHole("text" if is_open else "state", Value(name, STATE))

    def added(self, begun: Begun, piece: FlatPiece) -> Begun:
        """A beginning of a prompt with one more piece."""
        if self.encode is not None and begun.is_lost and (isinstance(piece, TextPiece) or is_hole(piece, "text")):
            return self._behind_unknown(begun, piece)
        return self.behind(begun, piece, 0)

    def _behind_unknown(self, begun: Begun, piece: FlatPiece) -> Begun:
        """Text behind a text that is not known: all of it in one row counts as one."""
        at = begun.settled
        assert at is not None
        lost = ""
        if len(at.fragment.pieces) == 1 and isinstance(at.fragment.pieces[0], TextPiece) and not at.fragment.is_encoded:
            lost, at = at.fragment.pieces[0].text, at.before
        if isinstance(piece, TextPiece):
            pieces: tuple[FlatPiece, ...] = (TextPiece(lost + piece.text),)
        else:
            pieces = (TextPiece(lost), piece) if lost else (piece,)
        key = (lost, self._identity(piece, 0)) if lost else self._identity(piece, 0)
        number = self._number(("behind", key))
        if number not in self.sizes:
            self.sizes[number] = self._behind_size(pieces)
        return Begun(self.put(at, Fragment((number,), pieces)), after=GENERATED, is_lost=True)

    def expected_of(self, hole: PromptHole) -> float:
        """Tokens that are expected of a hole made here."""
        name = hole.atom.name if isinstance(hole.atom, Value) else ""
        if name in self._parts:
            return self._parts[name].tokens.expected
        return self._texts[name].expected if name in self._texts else 0.0

    # --- sizes -----------------------------------------------------------------------------------------------

    def put(self, before: Fragments | None, fragment: Fragment) -> Fragments:
        """As it is; what is no token is given a size."""
        if not fragment.is_encoded and fragment.ids and fragment.ids[0] < 0 and fragment.ids[0] not in self.sizes:
            self.sizes[fragment.ids[0]] = self._size(fragment.pieces)
        return super().put(before, fragment)

    def _size(self, pieces: tuple[FlatPiece, ...]) -> TokenSize:
        """Of a hole with the text before it that it may change."""
        *tail, last = pieces
        if not isinstance(last, PromptHole) or not isinstance(last.atom, Value):
            return _all(self._loose(text_of(piece for piece in pieces if not isinstance(piece, PromptHole))))
        if last.atom.name in self._parts:
            return self._parts[last.atom.name]
        if last.kind != "text" or last.atom.name not in self._texts:
            return _all(UNKNOWN)
        before = text_of(piece for piece in tail if not isinstance(piece, PromptHole))
        return _all(self._loose(before) + self._hole(self._texts[last.atom.name]))

    def _behind_size(self, pieces: tuple[FlatPiece, ...]) -> TokenSize:
        """Of text behind what is not known, a hole maybe behind it."""
        first, *rest = pieces
        if not isinstance(first, TextPiece):
            return self._size(pieces)
        head, known = self._cut(first.text)
        size = self._loose(head)
        if not rest:
            return _all(size + self._counted(self._ids(known)))
        ids = self._ids(known)
        kept = num_kept((TextPiece(known),), GENERATED, self._encoder) if known else 0
        tail = self._loose("", self._num_bytes(known) - kept) if known else Interval()
        return _all(size + self._counted(ids[:kept]) + tail + self._size(tuple(rest)).tokens)

    def _loose(self, text: str, most: int | None = None) -> Interval:
        """Of a text of which what stands beside it may change every token."""
        if self.encode is None:
            return UNKNOWN
        return Interval.between(0, self._num_bytes(text) if most is None else most, float(len(self._ids(text))))

    def _hole(self, hole: TextHole) -> Interval:
        if self.encode is None or hole.most is None:
            return Interval(0, hole.expected, None)
        return Interval.between(0, hole.most * self.per_byte + 1, hole.expected)  # and a space that is put before it

    def _cut(self, text: str) -> tuple[str, str]:
        """The beginning that what stands before may change, and the rest."""
        found = BETWEEN_WORDS.search(text)
        if found is None:
            return text, ""
        head, rest = text[: found.start()], text[found.start() :]
        is_cut = self._ids(text) == self._ids(head) + self._ids(rest)
        return (head, rest) if is_cut else (text, "")

    def _ids(self, text: str) -> tuple[int, ...]:
        return self._encoder((TextPiece(text),), GENERATED) if text else ()

    @property
    def _encoder(self) -> Encode:
        assert self.encode is not None
        return self.encode

    def _counted(self, ids: tuple[int, ...]) -> Interval:
        """Of tokens that are known: so many, or about so many where they are an estimate."""
        return Interval.exactly(len(ids)) if self._spread is None else Interval.between(*self._spread(ids), len(ids))

    def _num_bytes(self, text: str) -> int:
        return len(text.encode("utf-8", "replace")) * self.per_byte

    @cached_property
    def per_byte(self) -> int:
        """The most tokens that a byte of text comes to: more than one where text is normalised."""
        return 3 if any(len(self._ids(each)) > len(each.encode()) for each in LONGER_NORMALISED) else 1

    # --- whole prompts ---------------------------------------------------------------------------------------

    def end(self, begun: Begun) -> Fragments | None:
        """The prompt of a call at this place."""
        last = begun.settled
        for fragment in self.encoded(tuple(begun.run), begun.after):
            last = self.put(last, fragment)
        return self.put(None, self._begin) if last is None and self.encode is not None else last

    def cut_end(self, begun: Begun, choices: tuple[str, ...]) -> tuple[Fragments | None, Interval] | None:
        """The prompt up to where choices part from it, and the tokens from there on of each; see executor/boundary.py.

        None where nothing would be left, or the end of the prompt is not known.
        """
        if begun.is_lost or self.encode is None:
            return None
        run, after = tuple(begun.run), begun.after
        known = self.encode(run, after) if run else ()
        whole = [self.encode((*run, TextPiece(choice)), after) for choice in choices]
        keep = min(common_len(known, ids) for ids in whole)
        before = begun.settled
        if keep:
            before = self.put(before, Fragment(known[:keep], run, after, is_encoded=True))
        sizes = [len(ids) - keep for ids in whole]
        size = Interval.between(min(sizes), max(sizes), sum(sizes) / len(sizes))
        if self._spread is not None:
            size = Interval.between(0, max(self._num_bytes(choice) for choice in choices), size.expected)
        return (before, size) if before is not None else None

    def tokens(self, fragments: Fragments | None, start: int = 0) -> Iterator[TokenSize]:
        """The sizes of a prompt's integers, last fragment first, back to `start` of them."""
        at = fragments
        while at is not None and at.end > start:
            yield self.size_of(at.fragment.ids)
            at = at.before

    def size_of(self, ids: tuple[int, ...]) -> TokenSize:
        """Of some integers."""
        known = ids if not ids or min(ids) >= 0 else tuple(id for id in ids if id >= 0)
        size = _all(self._counted(known))
        if len(known) == len(ids):
            return size
        for id in ids:
            if id < 0:
                more = self.sizes[id]
                size = TokenSize(size.tokens + more.tokens, size.computed + more.computed)
        return size

    def open_size(self, begun: Begun) -> Interval:
        """Of the text that has not ended, whatever is put behind it."""
        run = tuple(begun.run)
        if not run or self.encode is None:
            return Interval() if self.encode is not None else UNKNOWN
        kept = num_kept(run, begun.after, self.encode)
        last = text_of(tuple(takewhile(lambda piece: isinstance(piece, TextPiece), reversed(run))))
        ids = self.encode(run, begun.after)
        return self._counted(ids[:kept]) + self._loose(last if kept < len(ids) else "")


def _all(size: Interval) -> TokenSize:
    return TokenSize(size, size)


def is_open(begun: Begun) -> bool:
    """Whether text behind it may change its last tokens."""
    return begun.is_lost or bool(begun.run)


def with_run(begun: Begun, settled: Fragments | None) -> Begun:
    """The beginning with all of it settled: what follows is behind a generated value."""
    return replace(Begun(settled), after=GENERATED)


def end_node(fragments: Fragments | None, root: TreeNode) -> TreeNode:
    """Where a prompt ends in the tree."""
    return root if fragments is None else fragments.node
