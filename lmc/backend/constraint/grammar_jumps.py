"""Jump-forward for what runs on xgrammar: the forced tokens of one text, found in the automaton of its grammar's bytes.

A grammar in which something else than bytes counts is never jumped over: a token that is named by its id (nothing says
that its text is not forced beside it), a rule that counts tokens or characters, a rule that ends as early as it can.
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from functools import cached_property
from typing import Any

from lmc.backend.constraint.grammar_bytes import Compiled, GrammarBytes, byte_compiler
from lmc.backend.constraint.jumps import Jumps
from lmc.backend.constraint.stderr import caught_warnings
from lmc.errors import ConstraintError
from lmc.ir.automaton.dfa import TOO_LARGE
from lmc.ir.automaton.walk import ByteWalk

MAX_GRAMMARS = 256
MACROS = ("Regex", "Substring", "TagDispatch")  # that are about bytes alone

_OPTIONS = re.compile(r"^[\w.-]+\[", re.MULTILINE)  # of a rule: `name[max_tokens=3] ::= ...`
_MACRO = re.compile(r'"(?:[^"\\]|\\.)*"|\[(?:[^\]\\]|\\.)*\]|(?P<name>[A-Z]\w*)\(', re.DOTALL)


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
        """The same text, going its own way."""
        copied = Forcing(self._walk, self._jumps)
        copied._state, copied._pending = self._state, self._pending
        return copied


class GrammarJumps:
    """What is forced in the texts of grammars: for each its automaton, shared by all its texts. Any thread may ask."""

    def __init__(self, jumps: Callable[[ByteWalk], Jumps]) -> None:
        self._make = jumps
        self._known: OrderedDict[Hashable, tuple[GrammarBytes, Jumps] | None] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, key: Hashable, compiled: Compiled) -> Forcing | None:
        """A text of a compiled grammar, whose key is `key`; None where nothing is ever forced."""
        with self._lock:
            known = self._known.get(key)
            if key not in self._known or (known is not None and known[0].is_full):
                known = self._known[key] = self._compiled(compiled)
            self._known.move_to_end(key)
            if len(self._known) > MAX_GRAMMARS:
                self._known.popitem(last=False)
        return None if known is None else Forcing(*known)

    def _compiled(self, compiled: Compiled) -> tuple[GrammarBytes, Jumps] | None:
        if not is_of_bytes(str(compiled.grammar)):
            return None
        try:
            with caught_warnings():
                walk = GrammarBytes(self._compiler.compile_grammar(compiled.grammar))
        except RuntimeError:  # what the tokens' own compiler took; without its bytes nothing is certain
            return None
        return walk, self._make(walk)

    @cached_property
    def _compiler(self) -> Any:  # xgrammar.GrammarCompiler
        return byte_compiler()


def is_of_bytes(grammar: str) -> bool:
    """Whether a grammar, as xgrammar prints it, says only which bytes may come."""
    if _OPTIONS.search(grammar):
        return False
    return all(found["name"] is None or found["name"] in MACROS for found in _MACRO.finditer(grammar))
