"""Regular expressions as text become a typed tree, with Python's syntax and the meaning of `re.fullmatch` on str.

The grammar is grammars/regex.lark; this file lowers its tree and refuses what is not a regular language: look-around,
back-references, possessive and atomic parts, and (so far) anchors and word boundaries inside a pattern.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from lmc.errors import ConstraintError
from lmc.ir.constraint import Regex
from lmc.ir.regex import Alt, Chars, RegexTree, Repeat, Seq
from lmc.parser.charset import (
    CATEGORIES,
    EVERYTHING,
    NO_NEWLINE,
    category_ranges,
    char_ranges,
    escape_code,
    set_ranges,
)
from lmc.source import Span

if TYPE_CHECKING:
    from lark import Lark, Token, Tree

    Branch = Tree[Token]
    Child = Token | Branch

GRAMMAR = Path(__file__).with_name("grammars") / "regex.lark"
EMPTY = Seq(())
WINDOW = 90  # characters of a long pattern that a message shows

_LANGUAGE = "a constraint is a regular language: only what can be read character by character, forwards"
_EDGES = "put it at the very beginning or end of the pattern, or leave it out: the whole text has to match anyway"
# how a group begins -> what it is called, and what to do instead
_GROUPS = {
    "(?=": ("look-ahead is not supported", _LANGUAGE),
    "(?!": ("negative look-ahead is not supported", _LANGUAGE),
    "(?<=": ("look-behind is not supported", _LANGUAGE),
    "(?<!": ("negative look-behind is not supported", _LANGUAGE),
    "(?>": ("an atomic group is not supported", "write `(?:` instead: it accepts every text this one does"),
    "(?(": ("a conditional group is not supported", "write both cases as alternatives: `(?:...|...)`"),
}
_FLAG_BITS = {"i": re.I, "s": re.S, "a": re.A}  # `m` only moves anchors, `u` is the default


def parse_regex(pattern: str, *, span: Span | None = None) -> Regex:
    """The typed tree of `pattern`, which means what `re.fullmatch(pattern, text)` does.

    Raises ConstraintError, with the place in the pattern, where Python refuses it or lmc does not support it.
    """
    if not isinstance(pattern, str):
        raise ConstraintError(f"a regex is text, not {type(pattern).__name__}", span=span)
    try:
        return Regex(pattern, _tree(pattern))
    except _Refused as refused:
        raise _located(pattern, refused, span) from None


@dataclass(eq=False)
class _Refused(Exception):
    """What is wrong with a pattern, and where: `position` counts characters, None where it is all of it."""

    message: str
    position: int | None
    help: str


def _located(pattern: str, refused: _Refused, span: Span | None) -> ConstraintError:
    """The refusal as people see it: the pattern, and a caret under the place."""
    at = refused.position
    place = "" if at is None else f" at position {at}"
    notes = () if at is None else _caret(pattern, at)
    message = f"in this regex, {refused.message}{place}"
    return ConstraintError(message, span=span, help=refused.help, notes=notes)


def _caret(pattern: str, at: int) -> tuple[str, str]:
    """The pattern on one line, around `at` where it is long, and the caret under it."""
    start = max(0, at - WINDOW // 2) if len(pattern) > WINDOW else 0
    before, after = _one_line(pattern[start:at]), _one_line(pattern[at : start + WINDOW])
    before = ("..." if start else "") + before
    after += "..." if start + WINDOW < len(pattern) else ""
    return before + after, " " * len(before) + "^"


def _one_line(text: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


@lru_cache(maxsize=256)
def _tree(pattern: str) -> RegexTree:
    try:
        _check_python(pattern)
        return _start(_grammar().parse(pattern))
    except RecursionError:
        raise _Refused("groups are nested too deeply", None, "write it with fewer groups") from None


def _check_python(pattern: str) -> None:
    """Refuse what `re.compile` refuses, at its position."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            re.compile(pattern)
    except re.error as error:
        raise _Refused(error.msg, error.pos, "lmc reads Python's `re` syntax") from None
    except OverflowError as error:
        raise _Refused(str(error), None, "lmc reads Python's `re` syntax") from None


@lru_cache(maxsize=1)
def _grammar() -> Lark:
    from lark import Lark  # 75 ms, and only a program with a regex needs it

    return Lark(GRAMMAR.read_text(), parser="lalr", lexer="basic", propagate_positions=True)


# --- lowering --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a part stands: `first` if nothing can come before it in the text, `last` if nothing after; its flags."""

    first: bool
    last: bool
    flags: int


def _start(tree: Branch) -> RegexTree:
    *flags, body = tree.children
    place = _Place(first=True, last=True, flags=0)
    for token in flags:
        place = replace(place, flags=_with_flags(place.flags, _as_token(token)))
    return _alternatives(_as_tree(body), place)


def _alternatives(tree: Branch, place: _Place) -> RegexTree:
    options = tuple(_sequence(_as_tree(child), place) for child in tree.children)
    return options[0] if len(options) == 1 else Alt(options)


def _sequence(tree: Branch, place: _Place) -> RegexTree:
    children = tree.children
    wide = [i for i, child in enumerate(children) if not _is_empty(child)]
    head, tail = (wide[0], wide[-1]) if wide else (len(children), -1)
    items: list[RegexTree] = []
    for index, child in enumerate(children):
        # an anchor counts as first up to the first part that reads text, and as last from the last one on
        here = _Place(place.first and index <= head, place.last and index >= tail, place.flags)
        item = _term(child, here)
        items += item.items if isinstance(item, Seq) else (item,)
    return items[0] if len(items) == 1 else Seq(tuple(items))


def _is_empty(child: Child) -> bool:
    """Whether a part is made of anchors only, or of nothing at all."""
    if _is_token(child):
        return _as_token(child).type == "ANCHOR"
    return all(_is_empty(inner) for inner in _as_tree(child).children if _reads(inner))


def _reads(child: Child) -> bool:
    return not _is_token(child) or _as_token(child).type not in ("OPEN", "QUANTIFIER", "POSSESSIVE")


def _term(child: Child, place: _Place) -> RegexTree:
    if _is_token(child):
        return _token(_as_token(child), place)
    tree = _as_tree(child)
    return _group(tree, place) if tree.data == "group" else _repeated(tree, place)


def _group(tree: Branch, place: _Place) -> RegexTree:
    opening = _as_token(tree.children[0])
    for begin, (message, help) in _GROUPS.items():
        if opening.startswith(begin):
            _refuse(message, opening, help)
    if opening.startswith("(?") and opening.endswith(":"):
        place = replace(place, flags=_with_flags(place.flags, opening))
    return _alternatives(_as_tree(tree.children[1]), place)


def _repeated(tree: Branch, place: _Place) -> RegexTree:
    term, quantifier = tree.children[0], _as_token(tree.children[1])
    if quantifier.type == "POSSESSIVE":
        _refuse("a possessive quantifier is not supported", quantifier, f"write `{quantifier[:-1]}` instead")
    low, high = _bounds(quantifier.rstrip("?") or "?")
    if high != 1:
        place = replace(place, first=False, last=False)
    return Repeat(_term(term, place), low, high)


def _bounds(quantifier: str) -> tuple[int, int | None]:
    """`*`, `+`, `?`, `{m}`, `{m,}`, `{,n}` or `{m,n}` as least and most."""
    if quantifier[0] != "{":
        return {"*": (0, None), "+": (1, None), "?": (0, 1)}[quantifier]
    low, comma, high = quantifier[1:-1].partition(",")
    least = int(low or 0)
    return least, int(high) if high else None if comma else least


def _token(token: Token, place: _Place) -> RegexTree:
    match token.type:
        case "CHAR":
            return Chars(char_ranges(ord(token), place.flags))
        case "DOT":
            return Chars(EVERYTHING if place.flags & re.S else NO_NEWLINE)
        case "SET":
            return Chars(set_ranges(str(token), place.flags))
        case "ESCAPE" if token[1] in CATEGORIES:
            return Chars(category_ranges(token[1], place.flags))
        case "ESCAPE" | "OCTAL":
            return Chars(char_ranges(escape_code(token[1:]), place.flags))
        case "ANCHOR":
            return _anchor(token, place)
        case "BOUNDARY":
            _refuse(f"the word boundary `{token}` is not supported", token, "name the characters around it instead")
        case "BACKREF":
            _refuse(f"the back-reference `{token}` is not supported", token, _LANGUAGE)
        case _:
            raise AssertionError(token.type)


def _anchor(token: Token, place: _Place) -> RegexTree:
    if not (place.first if token in ("^", r"\A") else place.last):
        _refuse(f"the anchor `{token}` inside a pattern is not supported yet", token, _EDGES)
    return EMPTY


def _with_flags(flags: int, token: Token) -> int:
    """`flags` changed by `(?i)` or `(?s-i:`."""
    on, _, off = token.removeprefix("(?").rstrip(":)").partition("-")
    if "x" in on:
        _refuse("the verbose flag `x` is not supported", token, "write the pattern without spaces and comments")
    if "u" in on:
        flags &= ~re.A
    for letter, bit in _FLAG_BITS.items():
        flags = flags | bit if letter in on else flags & ~bit if letter in off else flags
    return flags


def _refuse(message: str, token: Token, help: str) -> NoReturn:
    raise _Refused(message, token.start_pos, help)


# Lark's children are tokens (a str) or trees; isinstance on its classes would import it at module level


def _is_token(child: Child) -> bool:
    return isinstance(child, str)


def _as_token(child: Child) -> Token:
    assert isinstance(child, str)
    return child  # type: ignore[return-value, unused-ignore]


def _as_tree(child: Child) -> Branch:
    assert not isinstance(child, str)
    return child
