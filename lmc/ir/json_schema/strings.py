"""From the texts a JSON string may hold to the ways they are written between quotes.

A character has one writing: itself, or its shortest escape (`\\n`, `\\"`, `\\u001f`) where JSON wants one. So the
writings of a complement are the complement of the writings. Only a string that nothing is asked of may use any
escape that JSON has.

Where a text must not stand in a string (a *mark*, such as `</tool_call>` in the arguments of a call), its first
character is written as an escape there, and only there: `\\u003c/tool_call>`. So no value is lost, and a value still
has one writing. In strings that are counted far, whose automata would grow too large, it is an escape everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

from lmc.ir.automaton.algebra import literal
from lmc.ir.automaton.looks import without_looks
from lmc.ir.json_schema.trees import ANY_CHAR, ANYTHING, EMPTY, alt, both, many, one_of, seq
from lmc.ir.ranges import EVERYTHING, SURROGATES, Ranges, complement, intersection, union
from lmc.ir.regex import Alt, And, Atomic, Chars, Look, Multiples, Not, RegexTree, Repeat, Seq, Whole
from lmc.ir.work import steps

SHORT = {8: "b", 9: "t", 10: "n", 12: "f", 13: "r", 34: '"', 92: "\\"}
MAX_TOLD = 64  # characters of a text that is told from others character by character
RAW = complement(union([(0, 0x1F), (34, 34), (92, 92), SURROGATES]))
START = Look(ANY_CHAR, behind=True, negated=True)
END = Look(ANY_CHAR, negated=True)
MAX_COUNTED = 16  # repeats of a part, above which marks are known by their first characters


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

    @property
    def text(self) -> str | None:
        """The only string of them, where it is told; None of any other set."""
        if self.formats or len(self.trees) != 1 or (self.low, self.high) != (0, None):
            return None
        return _text_of(self.trees[0])

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

    def tree(self, *, canonical: bool, marks: tuple[str, ...] = ()) -> RegexTree:
        """Their texts, quotes and all; no mark stands in one."""
        if self == Strings() and not canonical:
            if not standing(marks):
                return any_string()
            return seq('"', both([many(_any_writing()), _without(standing(marks))]), '"')
        return quoted(self.characters(), marks)


def quoted(tree: RegexTree, marks: tuple[str, ...] = ()) -> RegexTree:
    """The JSON texts of the strings of a tree; no mark stands in one."""
    return seq('"', _body(tree, standing(marks)), '"')


def _body(tree: RegexTree, marks: tuple[str, ...]) -> RegexTree:
    texts = _listed(tree) if marks else None
    if texts is not None:
        return alt(_spelt(text, marks) for text in texts)
    firsts = "".join(dict.fromkeys(mark[0] for mark in marks))
    if all(len(mark) == 1 for mark in marks) or _largest_count(tree) > MAX_COUNTED:
        return written(tree, always=firsts)
    return both([written(tree, escaped=firsts), _unmarked(marks)])


def written(tree: RegexTree, *, escaped: str = "", always: str = "") -> RegexTree:
    """A tree over characters as one over their writings; it stands between the quotes of a string.

    escaped   characters that have a second writing, by their code
    always    those that have no other
    """

    def inner(part: RegexTree) -> RegexTree:
        return written(part, escaped=escaped, always=always)

    steps()
    match tree:
        case Chars(ranges):
            return _writings(ranges, escaped, always)
        case Seq(items):
            return Seq(tuple(map(inner, items)))
        case Alt(options):
            return Alt(tuple(map(inner, options)))
        case Repeat(item, low, high, lazy):
            return Repeat(inner(item), low, high, lazy)
        case And(parts) if any(isinstance(part, Not) for part in parts) and not all(isinstance(p, Not) for p in parts):
            # the other parts are of writings already
            return And(tuple(Not(inner(part.item)) if isinstance(part, Not) else inner(part) for part in parts))
        case And(parts):
            return And(tuple(map(inner, parts)))
        case Not(item):
            return And((inner(ANYTHING), Not(inner(item))))
        case Look(body, True, negated):  # whole characters lie between the opening quote and what is looked for
            return Look(seq(OPENING, inner(ANYTHING), inner(body)), True, negated)
        case Look(body, _, negated):
            return Look(inner(body), False, negated)
        case Atomic() | Whole() | Multiples():
            raise AssertionError("no pattern of a schema has one")


@lru_cache(maxsize=4096)
def _writings(ranges: Ranges, escaped: str = "", always: str = "") -> RegexTree:
    raw = intersection(ranges, intersection(RAW, complement(union((ord(char), ord(char)) for char in always))))
    controls = [code for code in range(0x20) if code not in SHORT and _holds(ranges, code)]
    short = "".join(mark for code, mark in SHORT.items() if _holds(ranges, code))
    options: list[RegexTree] = [Chars(raw)] if raw else []
    if short:
        options.append(seq("\\", one_of(short)))
    for high in (0, 1):
        if lows := "".join(f"{code % 16:x}" for code in controls if code // 16 == high):
            options.append(seq(f"\\u00{high}", one_of(lows)))
    options += [seq(by_code(char)) for char in escaped + always if _holds(ranges, ord(char))]
    return alt(options)


def _holds(ranges: Ranges, code: int) -> bool:
    return any(low <= code <= high for low, high in ranges)


OPENING = seq(Look(one_of("\\"), behind=True, negated=True), '"')  # a quote within a string is escaped


@lru_cache(maxsize=1)
def any_string() -> RegexTree:
    """The texts of all strings, in any writing."""
    return seq('"', many(_any_writing()), '"')


def other_than(texts: list[str]) -> RegexTree:
    """Every text but these, told from them by the first character that differs.

    A complement says the same, but an automaton has to find out what is left of it.
    """
    return _told_apart(sorted(set(texts)), 0) if max(map(len, texts)) <= MAX_TOLD else Not(alt(map(literal, texts)))


def _told_apart(texts: list[str], depth: int) -> RegexTree:
    """What may follow the first `depth` characters, which all of these texts have in common."""
    steps()
    ends = len(texts[0]) == depth
    options: list[RegexTree] = [] if ends else [EMPTY]
    known = {char: list(each) for char, each in groupby(texts[1:] if ends else texts, key=lambda text: text[depth])}
    options.append(seq(Chars(complement(union((ord(char), ord(char)) for char in known))), ANYTHING))
    options += [seq(char, _told_apart(each, depth + 1)) for char, each in known.items()]
    return alt(options)


def _any_writing() -> RegexTree:
    """A character in any of its JSON writings; surrogates only in pairs."""
    hex = one_of("0123456789abcdefABCDEF")
    d, below = one_of("dD"), one_of("01234567")
    plain = alt([seq(one_of("0123456789abcefABCEF"), hex), seq(d, below)])
    pair = seq(d, one_of("89abAB"), hex, hex, "\\u", d, one_of("cdefCDEF"), hex, hex)
    code = alt([seq(plain, hex, hex), pair])
    return alt([Chars(RAW), seq("\\", alt([one_of('"\\/bfnrt'), seq("u", code)]))])


# --- marks ----------------------------------------------------------------------------------------------------


def by_code(char: str) -> str:
    """A character as JSON escapes any of them."""
    units = char.encode("utf-16-be")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))


def standing(marks: tuple[str, ...]) -> tuple[str, ...]:
    """Those marks that could stand in a string at all; of one that may overlap itself, its first character."""
    spelt = [mark for mark in marks if mark and all(_holds(RAW, ord(char)) for char in mark)]
    firsts = {mark[0] for mark in spelt}
    return tuple(dict.fromkeys(mark if firsts.isdisjoint(mark[1:]) else mark[0] for mark in spelt))


def _largest_count(tree: RegexTree) -> int:
    match tree:
        case Seq(parts) | Alt(parts) | And(parts):
            return max(map(_largest_count, parts), default=0)
        case Repeat(item, low, high):
            return max(low, high or 0, _largest_count(item))
        case Not(item) | Look(item):
            return _largest_count(item)
        case _:
            return 0


def _without(marks: tuple[str, ...]) -> RegexTree:
    return Not(seq(ANYTHING, alt(map(seq, marks)), ANYTHING))


@lru_cache(maxsize=256)
def _unmarked(marks: tuple[str, ...]) -> RegexTree:
    """The bodies of strings in which no mark stands, and a character is escaped only where one would."""
    broken = [seq(by_code(mark[0]), mark[1:]) for mark in marks]
    return both([many(alt([_writings(EVERYTHING), *broken])), _without(marks)])


def _listed(tree: RegexTree) -> list[str] | None:
    """The texts of a tree that lists them; None of any other."""
    texts = []
    for option in tree.options if isinstance(tree, Alt) else (tree,):
        text = _text_of(option)
        if text is None:
            return None
        texts.append(text)
    return texts


def _text_of(tree: RegexTree) -> str | None:
    """The text of a row of single characters; None of any other tree."""
    codes = []
    for char in tree.items if isinstance(tree, Seq) else (tree,):
        if not isinstance(char, Chars) or len(char.ranges) != 1 or char.ranges[0][0] < char.ranges[0][1]:
            return None
        codes.append(char.ranges[0][0])
    return "".join(map(chr, codes))


def _spelt(text: str, marks: tuple[str, ...]) -> RegexTree:
    """One string, with its marks broken."""
    begins = {at for mark in marks for at in range(len(text)) if text.startswith(mark, at)}
    return seq(*(seq(by_code(char)) if at in begins else written(seq(char)) for at, char in enumerate(text)))


# --- patterns -------------------------------------------------------------------------------------------------


def search(tree: RegexTree) -> RegexTree:
    """Whole strings in which a pattern is found; its anchors are START and END, and its looks see no further."""
    found: list[RegexTree] = []
    for after_start, is_first in _unanchored(tree, START, last=False):
        for body, is_last in _unanchored(after_start, END, last=True):
            found.append(seq(*([] if is_first else [ANYTHING]), body, *([] if is_last else [ANYTHING])))
    return without_looks(alt(found))


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
