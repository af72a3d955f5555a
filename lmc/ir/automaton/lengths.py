"""How many bytes of UTF-8 the texts of a tree take. No automaton over bytes is made for that."""

from __future__ import annotations

from functools import cache

from lmc.ir.automaton.algebra import distances, longest
from lmc.ir.automaton.dfa import CharDfa
from lmc.ir.regex import RegexTree


def shortest_bytes(tree: RegexTree) -> int | None:
    """The fewest bytes of a text; None where no text matches. Raises ConstraintError (LMC-CN004)."""
    dfa = CharDfa(tree)
    return distances(dfa, cache(lambda mask: _encoded(dfa.alphabet.ranges(mask)[0][0]))).get(dfa.start)


def longest_bytes(tree: RegexTree) -> int | None:
    """The most bytes of a text; None without a bound, -1 where no text matches. Raises ConstraintError (LMC-CN004)."""
    dfa = CharDfa(tree)
    return longest(dfa, cache(lambda mask: _encoded(dfa.alphabet.ranges(mask)[-1][1])))


def _encoded(code: int) -> int:
    return len(chr(code).encode())
