"""The bytes of a grammar as an automaton: xgrammar's parser, one byte at a time, and equal situations are one state.

The grammar is compiled a second time, for a vocabulary of single bytes; a state is a place in that parser's chart. Of
the chart xgrammar shows the items that the next byte may move, each with the column in which its rule began. What it
hides, the rules that wait for others, lies in those columns. So a state's key is

    its items, each with the state of its column    where no rule begins in the last column itself
    the state before and the byte                   where one does, for then the last column is not all seen

By induction two texts with one key have the same continuations, and a text in a loop (the letters of a string, the
digits of a number) comes back to a state that is known, whatever was written before that is over. All texts of a
grammar share one automaton. What xgrammar prints was read in its source for the versions in READ; under another, or
where a line says more than it did there, the key is the state before and the byte: sound, and shared by equal texts
alone.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field
from importlib.metadata import version
from itertools import groupby
from typing import Any

import numpy as np

from lmc.errors import ConstraintError
from lmc.ir.automaton.dfa import DEAD, TOO_LARGE

Compiled = Any  # xgrammar.CompiledGrammar; xgrammar is imported on use and has no types
Handle = Any  # xgrammar.GrammarMatcher

MAX_STATES = 20_000  # of one grammar; about 1 kB each
MAX_HANDLES = 64  # parsers kept, each with the chart of its whole text
NUM_BYTES = 256
ROOT = -1  # the column in which the root begins
READ = ("0.2.8",)

_HEAD = re.compile(r"There are (\d+) steps in history\. Last step: \[")
_ITEM = re.compile(
    r"ParserState\(rule_id=(-?\d+), sequence_id=(-?\d+), element_id=(-?\d+), rule_start_pos=(-?\d+), "
    r"(sub_element_id=-?\d+(?:, (?:repeat_count|partial_codepoint)=-?\d+)*)\), "
)
Item = tuple[int, tuple[str, ...]]  # the column where its rule began, all else


def byte_compiler() -> Any:  # xgrammar.GrammarCompiler
    """A compiler for the vocabulary of single bytes, with an end token after them."""
    import xgrammar

    spellings = [bytes((byte,)) for byte in range(NUM_BYTES)] + [b""]
    single = xgrammar.TokenizerInfo(
        spellings, xgrammar.VocabType.RAW, vocab_size=len(spellings), stop_token_ids=[NUM_BYTES]
    )
    return xgrammar.GrammarCompiler(single, max_threads=1, cache_enabled=False)


@dataclass(slots=True)
class _State:
    """One state: how its first text came to it, and what is known of what follows.

    depth    length of that text, which is its column in the chart
    left     bytes that its last character lacks
    targets  the next state by byte, as far as anyone asked
    """

    parent: int
    byte: int
    depth: int
    left: int
    is_accepting: bool
    targets: dict[int, int] = field(default_factory=dict)
    ways: tuple[bytes, ...] | None = None


class GrammarBytes:
    """A ByteWalk over the texts of a grammar that `byte_compiler` compiled. For one thread at a time."""

    def __init__(self, compiled: Compiled) -> None:
        import xgrammar

        self._shows_all = version("xgrammar") in READ
        self._states = [_State(DEAD, 0, 0, 0, False)]
        self._numbers: dict[Hashable, int] = {}
        self._handles: OrderedDict[int, Handle] = OrderedDict()
        self._first: Handle = xgrammar.GrammarMatcher(compiled)
        self._mask = np.zeros((1, NUM_BYTES // 32 + 1), dtype=np.int32)
        self.start = 1
        self._states.append(_State(DEAD, 0, 0, 0, bool(self._first.is_completed())))

    def __len__(self) -> int:
        """States made so far, DEAD among them."""
        return len(self._states)

    @property
    def is_full(self) -> bool:
        """Whether no more states may be made."""
        return len(self._states) > MAX_STATES

    def step(self, state: int, byte: int) -> int:
        """The state after one more byte, DEAD where no text goes on so."""
        targets = self._states[state].targets
        found = targets.get(byte)
        if found is None:
            found = targets[byte] = self._after(state, byte)
        return found

    def run(self, text: bytes, state: int | None = None) -> int:
        """The state after some bytes."""
        at = self.start if state is None else state
        for byte in text:
            at = self.step(at, byte)
        return at

    def is_accepting(self, state: int) -> bool:
        """Whether a text may end here."""
        return self._states[state].is_accepting

    def is_whole(self, state: int) -> bool:
        """Whether what led here ends where a character does."""
        return not self._states[state].left

    def ways(self, state: int) -> tuple[bytes, ...]:
        """The bytes that may come next, neighbours in one group."""
        known = self._states[state]
        if known.ways is None:
            known.ways = () if state == DEAD else self._ways(state)
        return known.ways

    def _ways(self, state: int) -> tuple[bytes, ...]:
        self._handle(state).fill_next_token_bitmask(self._mask, 0)
        bits = np.unpackbits(self._mask.view(np.uint8), bitorder="little")[:NUM_BYTES]
        allowed = np.flatnonzero(bits).tolist()
        groups = groupby(enumerate(allowed), lambda numbered: numbered[1] - numbered[0])
        return tuple(bytes(byte for _, byte in group) for _, group in groups)

    # --- states ----------------------------------------------------------------------------------------------

    def _after(self, state: int, byte: int) -> int:
        if state == DEAD:
            return DEAD
        handle = self._handle(state).fork()
        if not handle.accept_token(byte):
            return DEAD
        before = self._states[state]
        left = _left(before.left, byte)
        made = _State(state, byte, before.depth + 1, left, bool(handle.is_completed()))
        key = self._key(handle, made)
        found = self._numbers.get(key)
        return self._number(key, made, handle) if found is None else found

    def _number(self, key: Hashable, made: _State, handle: Handle) -> int:
        if self.is_full:
            raise ConstraintError(
                f"the texts of this grammar came to more than {MAX_STATES:,} states",
                code=TOO_LARGE,
                help="nothing more is forced in this text",
            )
        number = self._numbers[key] = len(self._states)
        self._states.append(made)
        self._keep(number, handle)
        return number

    def _key(self, handle: Handle, made: _State) -> Hashable:
        items = _items(handle._debug_print_internal_state(), made.depth) if self._shows_all else None
        if items is None or any(column == made.depth for column, _ in items):
            return made.parent, made.byte
        seen = frozenset((self._in_column(made, column), rest) for column, rest in items)
        return made.is_accepting, made.left, seen

    def _in_column(self, made: _State, column: int) -> int:
        """The state in an earlier column of the chart of a new state."""
        if column == ROOT:
            return ROOT
        at = made.parent
        while self._states[at].depth > column:
            at = self._states[at].parent
        return at

    # --- parsers ---------------------------------------------------------------------------------------------

    def _handle(self, state: int) -> Handle:
        """The parser behind the first text of a state; not to be moved."""
        found = self._handles.get(state)
        if found is not None:
            self._handles.move_to_end(state)
            return found
        rest = bytearray()
        at = state
        while at != self.start and at not in self._handles:
            rest.append(self._states[at].byte)
            at = self._states[at].parent
        if not rest:
            return self._first
        found = (self._handles.get(at) or self._first).fork()
        accepted = found.accept_string(bytes(reversed(rest)))
        assert accepted, "a parser refuses the text that it took before"
        self._keep(state, found)
        return found

    def _keep(self, state: int, handle: Handle) -> None:
        self._handles[state] = handle
        if len(self._handles) > MAX_HANDLES:
            self._handles.popitem(last=False)


def _left(before: int, byte: int) -> int:
    """How many bytes a character lacks after one more."""
    if byte < 0x80:
        return 0
    if byte < 0xC0:
        return max(0, before - 1)
    return 1 if byte < 0xE0 else 2 if byte < 0xF0 else 3


def _items(shown: str, depth: int) -> list[Item] | None:
    """What the next byte may move; None where that is not shown as it was when READ."""
    head, *lines, last = shown.split("\n")
    steps = _HEAD.fullmatch(head)
    found = [_ITEM.fullmatch(line) for line in lines]
    if steps is None or int(steps[1]) != depth + 1 or last != "]" or None in found:
        return None
    return [(int(item[4]), item.group(1, 2, 3, 5)) for item in found if item is not None]
