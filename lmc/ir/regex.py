"""The typed tree of a regular expression: what `parser.regex` makes of a pattern, and everything below reads.

Characters are Unicode code points. The tree means what `re.fullmatch` means on `str`: the language, not the match.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Chars:
    """One character of a set: sorted, disjoint, inclusive ranges of code points; no range at all matches nothing."""

    ranges: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Seq:
    """Its items one after another; no item at all is the empty string."""

    items: tuple[RegexTree, ...]


@dataclass(frozen=True, slots=True)
class Alt:
    """One of its options (at least one)."""

    options: tuple[RegexTree, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """An item `min` to `max` times; `max` None has no upper bound."""

    item: RegexTree
    min: int
    max: int | None


RegexTree = Chars | Seq | Alt | Repeat
