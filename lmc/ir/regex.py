"""The typed tree of a regular expression: what `parser.regex` makes of a pattern, and everything below reads.

Characters are Unicode code points. The tree means what `re.fullmatch` means on `str`: the language, not the match.
Anchors and word boundaries are not nodes of their own, they are `Look`s. Whoever lowers trees handles every node or
refuses it with a typed error; `is_plain` names the trees that need nothing but characters, choice and repetition.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Chars:
    """One character of a set: sorted, disjoint, inclusive ranges of code points; no range at all matches nothing."""

    ranges: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Seq:
    """Items one after another; no item at all is the empty string."""

    items: tuple[RegexTree, ...]


@dataclass(frozen=True, slots=True)
class Alt:
    """One of its options (at least one), the first preferred."""

    options: tuple[RegexTree, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """An item `min` to `max` times; `max` None has no upper bound. `lazy` prefers fewer, which only `Atomic` sees."""

    item: RegexTree
    min: int
    max: int | None
    lazy: bool = False


@dataclass(frozen=True, slots=True)
class And:
    """What all of its parts match."""

    parts: tuple[RegexTree, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """Every text (of Unicode scalar values) that `item` does not match."""

    item: RegexTree


@dataclass(frozen=True, slots=True)
class Look:
    """Matches the empty text where `body` can match from here on (or, `behind`, up to here); `negated`: cannot.

    The body of a look-behind has one width.
    """

    body: RegexTree
    behind: bool = False
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Atomic:
    """The match of `item` that backtracking tries first, whatever follows."""

    item: RegexTree


@dataclass(frozen=True, slots=True)
class Whole:
    """What `item` matches as a text of its own: its looks and atomic groups see nothing of what stands around it."""

    item: RegexTree


@dataclass(frozen=True, slots=True)
class Multiples:
    """Decimal digits, at most `places` of them behind a point, of a number that is a multiple of unit / 10 ** places.

    At least one digit; where there is a point, at least one on each side of it.
    """

    unit: int
    places: int = 0


RegexTree = Chars | Seq | Alt | Repeat | And | Not | Look | Atomic | Whole | Multiples


def is_plain(tree: RegexTree) -> bool:
    """Whether the tree is made of Chars, Seq, Alt and Repeat alone."""
    match tree:
        case Chars():
            return True
        case Seq(parts) | Alt(parts):
            return all(map(is_plain, parts))
        case Repeat(item):
            return is_plain(item)
        case _:
            return False
