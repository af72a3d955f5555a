"""The few shapes of regex trees that JSON texts are made of."""

from __future__ import annotations

from collections.abc import Iterable

from lmc.giving_way import give_way
from lmc.ir.automaton.algebra import literal
from lmc.ir.ranges import EVERYTHING
from lmc.ir.regex import Alt, And, Chars, RegexTree, Repeat, Seq

NOTHING = Chars(())
EMPTY = Seq(())
ANY_CHAR = Chars(EVERYTHING)
ANYTHING = Repeat(ANY_CHAR, 0, None)


def one_of(chars: str) -> Chars:
    """One of some characters."""
    codes = sorted(set(map(ord, chars)))
    return Chars(tuple((code, code) for code in codes))


def span(low: str, high: str) -> Chars:
    """One character from `low` to `high`; nothing where there is none."""
    return Chars(((ord(low), ord(high)),)) if low <= high else NOTHING


def seq(*items: RegexTree | str) -> RegexTree:
    """One after another; a str is its own text."""
    give_way()
    flat: list[RegexTree] = []
    for item in items:
        tree = literal(item) if isinstance(item, str) else item
        flat += tree.items if isinstance(tree, Seq) else (tree,)
    return flat[0] if len(flat) == 1 else Seq(tuple(flat))


def alt(options: Iterable[RegexTree]) -> RegexTree:
    """Any of them; nothing at all where there is none."""
    kept = tuple(option for option in options if option is not NOTHING)
    if not kept:
        return NOTHING
    return kept[0] if len(kept) == 1 else Alt(kept)


def both(parts: Iterable[RegexTree]) -> RegexTree:
    """What all of them match; at least one."""
    kept = tuple(parts)
    return kept[0] if len(kept) == 1 else And(kept)


def many(item: RegexTree, low: int = 0, high: int | None = None) -> RegexTree:
    """`low` to `high` of an item; `high` None has no bound, below `low` there is nothing."""
    if high is not None and high < low:
        return NOTHING
    return Repeat(item, low, high)


def maybe(item: RegexTree) -> RegexTree:
    """The item or the empty text."""
    return Repeat(item, 0, 1)
