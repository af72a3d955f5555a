"""How long the texts of a tree are, and which they are where they are few: read off the tree where that can be.

A plain tree (characters, choice, repetition) says it itself, at no cost; a tree with looks or complements is asked
through its automaton, of which at most `max_states` states are made.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lmc.errors import ConstraintError
from lmc.ir.automaton.algebra import longest, shortest, shortest_path
from lmc.ir.automaton.dfa import MAX_STATES, CharDfa
from lmc.ir.ranges import SURROGATES, Ranges
from lmc.ir.regex import Alt, And, Atomic, Chars, Look, Multiples, Not, RegexTree, Repeat, Seq, Whole, is_plain

MAX_TEXTS = 1024
MAX_LENGTH = 1_000_000  # characters of a shortest text
PLAIN = "a0A "


@dataclass(frozen=True, slots=True)
class Extent:
    """Characters of a shortest and of a longest text; `longest` is None where there is no longest."""

    shortest: int
    longest: int | None


def extent(tree: RegexTree, max_states: int = MAX_STATES) -> Extent | None:
    """The extent of a tree; None where it has no text. Raises ConstraintError (LMC-CN004) where it is too large."""
    if is_plain(tree):
        return _plain(tree)
    dfa = CharDfa(tree, max_states=max_states)
    least = shortest(dfa)
    return None if least is None else Extent(least, longest(dfa))


def is_endless(tree: RegexTree) -> bool:
    """Whether it is plain that there is no longest text, provided that no part of the tree is without any."""
    known: dict[int, bool] = {}  # by identity, as a tree may hold one part in many places

    def within(part: RegexTree) -> bool:
        if id(part) not in known:
            known[id(part)] = found(part)
        return known[id(part)]

    def found(part: RegexTree) -> bool:
        match part:
            case Seq(parts) | Alt(parts):
                return any(map(within, parts))
            case Repeat(item, _, most):
                return most is None or (most > 0 and within(item))
            case _:
                return False

    return within(tree)


def shortest_text(tree: RegexTree, max_states: int = MAX_STATES) -> str | None:
    """A shortest text, of plain characters where it may; None where there is none. Raises ConstraintError.

    A tree is put together of the shortest texts of its parts, so that no automaton is as large as the whole.
    """
    if _looks_around(tree):
        return _searched(tree, max_states)
    known: dict[int, str | None] = {}  # by identity, as a tree may hold one part in many places

    def of(part: RegexTree) -> str | None:
        if id(part) not in known:
            known[id(part)] = found(part)
        return known[id(part)]

    def found(part: RegexTree) -> str | None:
        match part:
            case Chars(ranges):
                return plainest(ranges) if _has_scalar(ranges) else None
            case Seq(parts):
                texts = [of(each) for each in parts]
                return None if None in texts else "".join(text for text in texts if text is not None)
            case Alt(parts):
                return min((text for text in map(of, parts) if text is not None), key=len, default=None)
            case Repeat(item, least):
                text = of(item) if least else ""
                if text and len(text) * least > MAX_LENGTH:
                    raise ConstraintError(f"its texts are longer than {MAX_LENGTH:,} characters")
                return text and text * least
            case _:
                return _searched(part, max_states)

    return of(tree)


def _looks_around(tree: RegexTree) -> bool:
    """Whether a part sees what stands around it."""
    seen: set[int] = set()
    pending = [tree]
    while pending:
        part = pending.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        match part:
            case Look() | Atomic():
                return True
            case Seq(parts) | Alt(parts) | And(parts):
                pending += parts
            case Repeat(item) | Not(item):
                pending.append(item)
            case Chars() | Whole() | Multiples():
                pass
    return False


def _searched(tree: RegexTree, max_states: int) -> str | None:
    dfa = CharDfa(tree, max_states=max_states)
    path = shortest_path(dfa)
    return None if path is None else "".join(plainest(dfa.alphabet.ranges(label)) for label in path)


def plainest(ranges: Ranges) -> str:
    """A character as people write them."""
    plain = (char for char in PLAIN if any(low <= ord(char) <= high for low, high in ranges))
    return next(plain, chr(ranges[0][0]))


def texts(tree: RegexTree, limit: int = MAX_TEXTS) -> tuple[str, ...] | None:
    """The texts of a tree of alternatives, as in `yes|no`; None where it has sets or repeats, or too many texts."""
    match tree:
        case Chars(((low, high),)) if low == high:
            return (chr(low),)
        case Alt(options):
            found = [texts(option, limit) for option in options]
            joined = dict.fromkeys(text for each in found if each is not None for text in each)
            return None if None in found or len(joined) > limit else tuple(joined)
        case Seq(items):
            return _products(items, limit)
        case _:
            return None


def _products(items: tuple[RegexTree, ...], limit: int) -> tuple[str, ...] | None:
    found: tuple[str, ...] = ("",)
    for item in items:
        nexts = texts(item, limit)
        if nexts is None or len(found) * len(nexts) > limit:
            return None
        found = tuple(dict.fromkeys(text + more for text in found for more in nexts))
    return found


def _plain(tree: RegexTree) -> Extent | None:
    match tree:
        case Chars(ranges):
            return Extent(1, 1) if _has_scalar(ranges) else None
        case Seq(items):
            return _summed([_plain(item) for item in items])
        case Alt(options):
            return _either([found for option in options if (found := _plain(option)) is not None])
        case Repeat(item, least, most):
            return _repeated(_plain(item), least, most)
        case _:
            raise AssertionError(tree)  # not plain


def _has_scalar(ranges: Ranges) -> bool:
    return any(low < SURROGATES[0] or high > SURROGATES[1] for low, high in ranges)


def _summed(parts: list[Extent | None]) -> Extent | None:
    kept = [part for part in parts if part is not None]
    if len(kept) < len(parts):
        return None
    return Extent(sum(part.shortest for part in kept), _bound(kept, sum))


def _either(parts: list[Extent]) -> Extent | None:
    return Extent(min(part.shortest for part in parts), _bound(parts, max)) if parts else None


def _bound(parts: list[Extent], join: Callable[[list[int]], int]) -> int | None:
    bounds = [part.longest for part in parts if part.longest is not None]
    return join(bounds) if len(bounds) == len(parts) else None


def _repeated(item: Extent | None, least: int, most: int | None) -> Extent | None:
    if item is None or most == 0:
        return Extent(0, 0) if least == 0 else None
    if item.longest == 0:
        return Extent(0, 0)
    return Extent(item.shortest * least, None if most is None or item.longest is None else item.longest * most)
