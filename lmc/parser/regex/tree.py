"""From the parse tree of a regex to the typed tree: flags, sets and anchors become characters and looks.

Anchors at the ends of the whole pattern vanish, all others are looks: `^` looks behind for any character at all.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, NoReturn

from lmc.ir.ranges import EVERYTHING, complement
from lmc.ir.regex import Alt, And, Atomic, Chars, Look, Multiples, Not, RegexTree, Repeat, Seq, Whole
from lmc.parser.regex.charset import CATEGORIES, NO_NEWLINE, category_ranges, char_ranges, escape_code, set_ranges

if TYPE_CHECKING:
    from lark import Token, Tree

    Branch = Tree[Token]
    Child = Token | Branch

EMPTY = Seq(())
ANY = Chars(EVERYTHING)
NEWLINE = Chars(((10, 10),))
EMPTY_IS_NEITHER = re.fullmatch(r"\B", "") is None  # until Python 3.14 an empty text has neither \b nor \B

_LANGUAGE = "a constraint is a regular language: a part cannot depend on what another part has matched"
_LOOKS = {"(?=": (False, False), "(?!": (False, True), "(?<=": (True, False), "(?<!": (True, True)}
_FLAG_BITS = {"i": int(re.I), "m": int(re.M), "s": int(re.S), "a": int(re.A)}  # arithmetic on flags is slow
_UNREAD = ("OPEN", "CLOSE", "QUANTIFIER", "POSSESSIVE", "BAR", "AND", "NOT")  # no parts of the text


@dataclass(eq=False)
class Refused(Exception):
    """What is wrong with a pattern, and where: `position` counts characters, None where it is all of it."""

    message: str
    position: int | None
    help: str


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a part stands: `first` if nothing can come before it in the text, `last` if nothing after; its flags."""

    first: bool
    last: bool
    flags: int
    atomic: bool = False  # inside an atomic group or possessive part, where order is part of the meaning


def lower(tree: Branch, flags: int) -> RegexTree:
    """The typed tree, under the global `flags` and those that the pattern begins with. Raises Refused."""
    *begin, body = tree.children
    place = _Place(first=True, last=True, flags=flags)
    for token in begin:
        if _as_token(token).type == "FLAGS":
            place = replace(place, flags=_with_flags(place.flags, _as_token(token)))
    return _alternatives(_as_tree(body), place)


def _alternatives(tree: Branch, place: _Place) -> RegexTree:
    options = tuple(_option(_as_tree(child), place) for child in tree.children if not _is_token(child))
    return options[0] if len(options) == 1 else Alt(options)


def _option(tree: Branch, place: _Place) -> RegexTree:
    if tree.data == "sequence":
        return _sequence(tree, place)
    if place.atomic:
        _refuse("`&` has no order of preference, so it cannot be", _as_token(tree.children[1]))
    return And(tuple(_sequence(_as_tree(child), place) for child in tree.children if not _is_token(child)))


def _sequence(tree: Branch, place: _Place) -> RegexTree:
    children = tree.children
    wide = [i for i, child in enumerate(children) if not _is_empty(child)]
    head, tail = (wide[0], wide[-1]) if wide else (len(children), -1)
    items: list[RegexTree] = []
    for index, child in enumerate(children):
        # an anchor counts as first up to the first part that reads text, and as last from the last one on
        here = replace(place, first=place.first and index <= head, last=place.last and index >= tail)
        item = _term(child, here)
        items += item.items if isinstance(item, Seq) else (item,)
    return items[0] if len(items) == 1 else Seq(tuple(items))


def _is_empty(child: Child) -> bool:
    """Whether a part is made of anchors and looks only, or of nothing at all."""
    if _is_token(child):
        return _as_token(child).type in ("ANCHOR", "BOUNDARY", *_UNREAD)
    tree = _as_tree(child)
    if tree.data == "negation":
        return False
    if tree.data == "group" and _as_token(tree.children[0]) in _LOOKS:
        return True
    return all(map(_is_empty, tree.children))


def _term(child: Child, place: _Place) -> RegexTree:
    if _is_token(child):
        return _token(_as_token(child), place)
    tree = _as_tree(child)
    match tree.data:
        case "group":
            return _group(tree, place)
        case "repeated":
            return _repeated(tree, place)
        case _:
            return _negation(tree, place)


def _negation(tree: Branch, place: _Place) -> RegexTree:
    if place.atomic:
        _refuse("`~` has no order of preference, so it cannot be", _as_token(tree.children[0]))
    return Not(_group(_as_tree(tree.children[1]), replace(place, first=False, last=False)))


def _group(tree: Branch, place: _Place) -> RegexTree:
    opening, body = _as_token(tree.children[0]), _as_tree(tree.children[1])
    if opening.startswith("(?("):
        _refuse("a conditional group is not supported", opening, "write both cases as alternatives: `(?:...|...)`")
    if opening in _LOOKS:
        return _look(opening, body, place)
    if opening == "(?>":
        return Atomic(_alternatives(body, replace(place, last=False, atomic=True)))
    if opening.startswith("(?") and opening.endswith(":"):
        place = replace(place, flags=_with_flags(place.flags, opening))
    return _alternatives(body, place)


def _look(opening: Token, body: Branch, place: _Place) -> RegexTree:
    behind, negated = _LOOKS[str(opening)]
    inner = _alternatives(body, replace(place, first=place.first and not behind, last=False, atomic=False))
    if behind and width(inner) is None:
        _refuse("look-behind requires fixed-width pattern", opening, "give all that it can match one length")
    return Look(inner, behind, negated)


def width(tree: RegexTree) -> int | None:
    """The one length of all that a tree matches, in characters; None where it has no such length."""
    match tree:
        case Chars():
            return 1
        case Look():
            return 0
        case Seq(items):
            widths = [width(item) for item in items]
            return None if None in widths else sum(w for w in widths if w is not None)
        case Alt(parts) | And(parts):
            first, *others = {width(part) for part in parts}
            return None if others else first
        case Repeat(item, low, high):
            inner = width(item)
            return low * inner if inner is not None and (low == high or not inner) else None
        case Atomic(item) | Whole(item):
            return width(item)
        case Not() | Multiples():
            return None


def _repeated(tree: Branch, place: _Place) -> RegexTree:
    term, quantifier = tree.children[0], _as_token(tree.children[1])
    possessive = quantifier.type == "POSSESSIVE"
    low, high = _bounds(str(quantifier[:-1] if possessive else quantifier.rstrip("?") or "?"))
    if high != 1:
        place = replace(place, first=False, last=False)
    if possessive:
        # `re` gives nothing back, neither of the whole nor of one turn: (?:a|ab){2}+ does not match abab
        return Atomic(Repeat(Atomic(_term(term, replace(place, last=False, atomic=True))), low, high))
    lazy = place.atomic and len(quantifier) > 1 and quantifier.endswith("?")
    return Repeat(_term(term, place), low, high, lazy)


def _bounds(quantifier: str) -> tuple[int, int | None]:
    """`*`, `+`, `?`, `{m}`, `{m,}`, `{,n}` or `{m,n}` as least and most."""
    if quantifier[0] != "{":
        return {"*": (0, None), "+": (1, None), "?": (0, 1)}[quantifier]
    low, comma, high = quantifier[1:-1].partition(",")
    least = int(low or 0)
    return least, int(high) if high else None if comma else least


@lru_cache(maxsize=4096)
def _char(code: int, flags: int) -> Chars:
    """A literal character: one object wherever it stands, so that later walks meet it once."""
    return Chars(char_ranges(code, flags))


def _token(token: Token, place: _Place) -> RegexTree:
    match token.type:
        case "TEXT":
            return Seq(tuple(_char(ord(c), place.flags) for c in token))
        case "CHAR":
            return _char(ord(token), place.flags)
        case "DOT":
            return Chars(EVERYTHING if place.flags & _FLAG_BITS["s"] else NO_NEWLINE)
        case "SET":
            return Chars(set_ranges(str(token), place.flags))
        case "ESCAPE" if token[1] in CATEGORIES:
            return Chars(category_ranges(token[1], place.flags))
        case "ESCAPE" | "OCTAL":
            return _char(escape_code(token[1:]), place.flags)
        case "ANCHOR":
            return _anchor(str(token), place)
        case "BOUNDARY":
            return _boundary(token == r"\B", place.flags)
        case "BACKREF":
            _refuse(f"the back-reference `{token}` is not supported", token, _LANGUAGE)
        case _:
            raise AssertionError(token.type)


def _anchor(anchor: str, place: _Place) -> RegexTree:
    """A look that says where the text or a line begins or ends; nothing where the place says it already."""
    lines = place.flags & _FLAG_BITS["m"]
    if anchor in ("^", r"\A"):
        return EMPTY if place.first else _none(Chars(NO_NEWLINE) if lines and anchor == "^" else ANY, behind=True)
    if place.last:
        return EMPTY
    if anchor == r"\Z":
        return _none(ANY)
    return _none(Chars(NO_NEWLINE)) if lines else Look(Seq((Repeat(NEWLINE, 0, 1), _none(ANY))))


def _boundary(negated: bool, flags: int) -> RegexTree:
    ranges = category_ranges("w", flags)
    word, other = Chars(ranges), Chars(complement(ranges))
    if not negated:
        return Alt((_pair(Look(word, True), _none(word)), _pair(_none(word, behind=True), Look(word))))
    within = _pair(Look(word, True), Look(word))
    outside = (_pair(_none(word, behind=True), Look(other)), _pair(Look(other, True), _none(word)))
    nowhere = () if EMPTY_IS_NEITHER else (_pair(_none(ANY, behind=True), _none(ANY)),)
    return Alt((within, *outside, *nowhere))


def _pair(before: RegexTree, after: RegexTree) -> RegexTree:
    return Seq((before, after))


def _none(what: Chars, behind: bool = False) -> Look:
    """No such character comes next, or came before."""
    return Look(what, behind, negated=True)


def _with_flags(flags: int, token: Token) -> int:
    """`flags` changed by `(?i)` or `(?s-i:`; x is the scanner's business."""
    on, _, off = token.removeprefix("(?").rstrip(":)").partition("-")
    if "u" in on:
        flags &= ~_FLAG_BITS["a"]
    for letter, bit in _FLAG_BITS.items():
        flags = flags | bit if letter in on else flags & ~bit if letter in off else flags
    return flags


def _refuse(message: str, token: Token, help: str = "") -> NoReturn:
    if not help:
        message += " inside an atomic group or a possessive part"
        help = "take it out, or write the part without `(?>` and `+`"
    raise Refused(message, token.start_pos, help)


# Lark's children are tokens (a str) or trees; isinstance on its classes would import it at module level


def _is_token(child: Child) -> bool:
    return isinstance(child, str)


def _as_token(child: Child) -> Token:
    assert isinstance(child, str)
    return child  # type: ignore[return-value, unused-ignore]


def _as_tree(child: Child) -> Branch:
    assert not isinstance(child, str)
    return child
