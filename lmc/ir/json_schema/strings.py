"""From the texts a JSON string may hold to the ways they are written between quotes.

A character has one writing: itself, or its shortest escape (`\\n`, `\\"`, `\\u001f`) where JSON wants one. So the
writings of a complement are the complement of the writings. Only a string that nothing is asked of may use any
escape that JSON has.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from lmc.ir.json_schema.trees import ANY_CHAR, ANYTHING, EMPTY, alt, both, many, one_of, seq
from lmc.ir.ranges import EVERYTHING, SURROGATES, Ranges, complement, intersection, union
from lmc.ir.regex import Alt, And, Atomic, Chars, Look, Not, RegexTree, Repeat, Seq, Whole

SHORT = {8: "b", 9: "t", 10: "n", 12: "f", 13: "r", 34: '"', 92: "\\"}
RAW = complement(union([(0, 0x1F), (34, 34), (92, 92), SURROGATES]))
START = Look(ANY_CHAR, behind=True, negated=True)
END = Look(ANY_CHAR, negated=True)


@dataclass(frozen=True, slots=True)
class Format:
    """Strings that are known from two sides: those of `narrow` belong to it, those outside of `wide` do not."""

    narrow: RegexTree
    wide: RegexTree


@dataclass(frozen=True, slots=True)
class Strings:
    """The strings of `low` to `high` characters that all of `trees` match, which are over characters, not writings.

    formats   they have all of these as well: in a complement by their wide side, so that it never holds too much
    """

    low: int = 0
    high: int | None = None
    trees: tuple[RegexTree, ...] = ()
    formats: tuple[Format, ...] = ()

    def meet(self, other: Strings) -> Strings:
        """The strings in both."""
        high = other.high if self.high is None else self.high if other.high is None else min(self.high, other.high)
        formats = (*self.formats, *other.formats)
        return Strings(max(self.low, other.low), high, (*self.trees, *other.trees), formats)

    def characters(self, *, wide: bool = False) -> RegexTree:
        """Their characters; `wide`: and those of strings that may be among them."""
        counted = () if (self.low, self.high) == (0, None) else (many(ANY_CHAR, self.low, self.high),)
        parts = (*self.trees, *(each.wide if wide else each.narrow for each in self.formats), *counted)
        return both(parts) if parts else ANYTHING

    def tree(self, *, canonical: bool) -> RegexTree:
        """Their texts, quotes and all."""
        if self == Strings() and not canonical:
            return seq('"', many(_any_writing()), '"')
        return quoted(self.characters())


def quoted(tree: RegexTree) -> RegexTree:
    """The JSON texts of the strings of a tree."""
    return seq('"', written(tree), '"')


def written(tree: RegexTree) -> RegexTree:
    """A tree over characters as one over their writings; it stands between the quotes of a string."""
    match tree:
        case Chars(ranges):
            return _writings(ranges)
        case Seq(items):
            return Seq(tuple(map(written, items)))
        case Alt(options):
            return Alt(tuple(map(written, options)))
        case Repeat(item, low, high, lazy):
            return Repeat(written(item), low, high, lazy)
        case And(parts):
            return And(tuple(map(written, parts)))
        case Not(item):
            return And((BODY, Not(written(item))))
        case Look(body, True, negated):  # whole characters lie between the opening quote and what is looked for
            return Look(seq(OPENING, BODY, written(body)), True, negated)
        case Look(body, _, negated):
            return Look(written(body), False, negated)
        case Atomic() | Whole():
            raise AssertionError("no pattern of a schema has one")


@lru_cache(maxsize=4096)
def _writings(ranges: Ranges) -> RegexTree:
    raw = intersection(ranges, RAW)
    controls = [code for code in range(0x20) if code not in SHORT and _holds(ranges, code)]
    short = "".join(mark for code, mark in SHORT.items() if _holds(ranges, code))
    options: list[RegexTree] = [Chars(raw)] if raw else []
    if short:
        options.append(seq("\\", one_of(short)))
    for high in (0, 1):
        if lows := "".join(f"{code % 16:x}" for code in controls if code // 16 == high):
            options.append(seq(f"\\u00{high}", one_of(lows)))
    return alt(options)


def _holds(ranges: Ranges, code: int) -> bool:
    return any(low <= code <= high for low, high in ranges)


BODY = Repeat(_writings(EVERYTHING), 0, None)
OPENING = seq(Look(one_of("\\"), behind=True, negated=True), '"')  # a quote within a string is escaped


def _any_writing() -> RegexTree:
    """A character in any of its JSON writings; surrogates only in pairs."""
    hex = one_of("0123456789abcdefABCDEF")
    d, below = one_of("dD"), one_of("01234567")
    plain = alt([seq(one_of("0123456789abcefABCEF"), hex), seq(d, below)])
    pair = seq(d, one_of("89abAB"), hex, hex, "\\u", d, one_of("cdefCDEF"), hex, hex)
    code = alt([seq(plain, hex, hex), pair])
    return alt([Chars(RAW), seq("\\", alt([one_of('"\\/bfnrt'), seq("u", code)]))])


# --- patterns -------------------------------------------------------------------------------------------------


def search(tree: RegexTree) -> RegexTree:
    """Whole strings in which a pattern is found; its anchors are START and END."""
    found: list[RegexTree] = []
    for after_start, is_first in _unanchored(tree, START, last=False):
        for body, is_last in _unanchored(after_start, END, last=True):
            found.append(seq(*([] if is_first else [ANYTHING]), body, *([] if is_last else [ANYTHING])))
    return alt(found)


def _unanchored(tree: RegexTree, anchor: Look, *, last: bool) -> list[tuple[RegexTree, bool]]:
    """The alternatives of a tree without the anchor at its begin (`last`: at its end), and whether it was there."""
    match tree:
        case Look() if tree == anchor:
            return [(EMPTY, True)]
        case Alt(options):
            return _together([each for option in options for each in _unanchored(option, anchor, last=last)])
        case Seq(items) if items:
            outer, rest = (items[-1], items[:-1]) if last else (items[0], items[1:])
            return _together(
                [each for way in _unanchored(outer, anchor, last=last) for each in _joined(way, rest, anchor, last)]
            )
        case _:
            return [(tree, False)]


def _joined(
    way: tuple[RegexTree, bool], rest: tuple[RegexTree, ...], anchor: Look, last: bool
) -> list[tuple[RegexTree, bool]]:
    tree, is_anchored = way
    if tree != EMPTY:
        return [(seq(*rest, tree) if last else seq(tree, *rest), is_anchored)]
    return [(inner, is_anchored or found) for inner, found in _unanchored(Seq(rest), anchor, last=last)]


def _together(ways: list[tuple[RegexTree, bool]]) -> list[tuple[RegexTree, bool]]:
    return [(alt(t for t, f in ways if f == flag), flag) for flag in (True, False) if any(f == flag for _, f in ways)]
