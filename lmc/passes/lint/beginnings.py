"""Texts that the texts of a regex begin with: one for each of its first characters, and what is forced behind it.

Not a pass; only a small automaton is asked.
"""

from __future__ import annotations

from functools import lru_cache

from lmc.errors import ConstraintError
from lmc.ir.automaton.algebra import readable
from lmc.ir.automaton.compress import forced_text
from lmc.ir.automaton.dfa import DEAD, CharDfa
from lmc.ir.constraint import Regex
from lmc.passes.lint.facts import MAX_STATES

MAX_FIRST = 8  # first characters that are tried, of each set of them one
MAX_LENGTH = 16  # characters of a beginning


@lru_cache(maxsize=1024)
def beginnings(regex: Regex) -> tuple[str, ...]:
    """Some beginnings; none where the automaton is too large, or the text may be empty."""
    try:
        dfa = CharDfa(regex.tree, max_states=MAX_STATES)
        if dfa.start == DEAD or dfa.is_accepting(dfa.start):
            return ()
        firsts = [(readable(dfa.alphabet, mask), target) for mask, target in dfa.moves(dfa.start)[:MAX_FIRST]]
        return tuple((char + forced_text(dfa, target, MAX_LENGTH)[0])[:MAX_LENGTH] for char, target in firsts)
    except ConstraintError:
        return ()
