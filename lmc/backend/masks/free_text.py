"""Free text of a structural tag, as trees: text in which certain texts do not stand, and text up to the first of them.

xgrammar's own free text (`TagDispatch`) takes any bytes, of no UTF-8 and of control tokens too; these trees are over
characters.
"""

from __future__ import annotations

from collections.abc import Sequence

from lmc.ir.automaton.algebra import one_of
from lmc.ir.json_schema.trees import ANY_CHAR, ANYTHING, both, many, seq
from lmc.ir.regex import Not, RegexTree


def without(forbidden: Sequence[str], max_chars: int | None = None) -> RegexTree:
    """Any text (of at most so many characters) in which none of the forbidden ones stands."""
    anything = many(ANY_CHAR, 0, max_chars)
    return both((anything, Not(_containing(forbidden)))) if forbidden else anything


def ending_in(end: str, forbidden: Sequence[str]) -> RegexTree:
    """Any text that ends in `end`, and in which none of the forbidden ones stands."""
    return both((seq(ANYTHING, end), without(forbidden)))


def up_to(trigger: str, triggers: Sequence[str], forbidden: Sequence[str]) -> RegexTree:
    """Any text that ends in `trigger`, which is the first of the triggers to stand in it whole."""
    earlier = seq(ANYTHING, one_of(triggers), many(ANY_CHAR, 1))
    return both((seq(ANYTHING, trigger), Not(earlier), without(forbidden)))


def _containing(texts: Sequence[str]) -> RegexTree:
    return seq(ANYTHING, one_of(texts), ANYTHING)
