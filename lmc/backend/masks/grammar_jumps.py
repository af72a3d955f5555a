"""Jump-forward for what runs on xgrammar: the forced tokens of one text, found in the automaton of its grammar's bytes.

A grammar that has no such automaton (see grammar_nfa.py) is never jumped over.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Sequence
from typing import Any

from lmc.backend.masks.grammar_bytes import GrammarBytes
from lmc.backend.masks.grammar_nfa import Unread, nfa_of
from lmc.backend.masks.jumps import Jumps
from lmc.codes import TOO_LARGE
from lmc.errors import ConstraintError
from lmc.ir.automaton.walk import ByteWalk
from lmc.recent import Recent

MAX_GRAMMARS = 256
MAX_GRAMMAR_BYTES = 128 << 20
Compiled = Any  # xgrammar.CompiledGrammar; xgrammar has no types
_Known = tuple[GrammarBytes, Jumps] | tuple[()]  # nothing, where there is no automaton


class Forcing:
    """What is forced in one text; moved on when it is asked."""

    def __init__(self, walk: GrammarBytes, jumps: Jumps) -> None:
        self._walk = walk
        self._jumps = jumps
        self._state: int | None = walk.start  # None where the text has left the automaton behind
        self._pending = b""

    def write(self, spelt: bytes) -> None:
        """More of the text."""
        self._pending += spelt

    def tokens(self, ids: Sequence[int]) -> tuple[int, ...]:
        """The tokens that come next, `ids` being those so far."""
        if self._state is None:
            return ()
        try:
            self._state, self._pending = self._walk.run(self._pending, self._state), b""
            return self._jumps.after(self._state, ids)
        except ConstraintError as error:
            if error.code != TOO_LARGE:
                raise
            self._state, self._pending = None, b""
            return ()

    def fork(self) -> Forcing:
        """An independent one at this place, for a text that goes on in another way."""
        copied = Forcing(self._walk, self._jumps)
        copied._state, copied._pending = self._state, self._pending
        return copied


class GrammarJumps:
    """What is forced in the texts of grammars: for each its automaton, shared by all its texts. Any thread may ask."""

    def __init__(self, jumps: Callable[[ByteWalk], Jumps]) -> None:
        self._make = jumps
        self._known: Recent[Hashable, _Known] = Recent(
            "jumps of grammars", MAX_GRAMMARS, size=_bytes_of, max_bytes=MAX_GRAMMAR_BYTES
        )
        self._lock = threading.Lock()

    def of(self, key: Hashable, compiled: Compiled) -> Forcing | None:
        """A text of a compiled grammar, whose key is `key`; None where nothing is ever forced."""
        with self._lock:
            known = self._known.get(key)
            if known is None or (known and known[0].is_full):
                known = self._read(compiled)
            self._known.put(key, known)  # it grows while it is used
        return Forcing(*known) if known else None

    def _read(self, compiled: Compiled) -> _Known:
        try:
            walk = GrammarBytes(nfa_of(compiled.grammar))
        except (Unread, RuntimeError):  # also what xgrammar raises; its masks are none the worse
            return ()
        return walk, self._make(walk)


def _bytes_of(key: Hashable, known: _Known) -> int:
    return 1000 + (known[0].num_bytes if known else 0)
