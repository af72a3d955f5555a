"""Strings that a regex tree accepts, drawn at random and kept short: what the echo backend says under a Regex.

Lengths are bytes of UTF-8, since echo's tokens are bytes. A drawer is built once a pattern; it knows the fewest
bytes it needs, so that a draw stays within its budget wherever the language allows.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Protocol

from lmc.ir.automaton.algebra import distances
from lmc.ir.automaton.dfa import CharDfa
from lmc.ir.regex import Alt, Chars, RegexTree, Repeat, Seq, is_plain

NEVER = 1 << 40  # bytes needed by a language without any string; sums of it stay comparable
MAX_EXTRA_CHARS = 8  # an open repeat of single characters goes this far past its minimum
MAX_EXTRA = 2  # and of anything longer this far
MAX_STATES = 20_000

_PLAIN = tuple(map(ord, "abcdefghijklmnopqrstuvwxyz0123456789 "))
_ASCII = tuple(range(33, 127))
_SURROGATES = range(0xD800, 0xE000)


class Drawer(Protocol):
    """Draws strings of a language; `least` is the fewest bytes one can have, NEVER if there is none."""

    @property
    def least(self) -> int: ...

    def draw(self, rng: random.Random, budget: int) -> str:
        """A string of at most `budget` bytes, or of about `least` where that is more."""


def drawer(tree: RegexTree) -> Drawer:
    """The drawer of a tree; `least >= NEVER` says that nothing matches.

    Raises ConstraintError where looks or complements need an automaton, and that has too many states.
    """
    if not is_plain(tree):
        return _walk(CharDfa(tree, max_states=MAX_STATES))
    match tree:
        case Chars(ranges):
            return _chars(ranges)
        case Seq(items):
            parts = tuple(drawer(item) for item in items)
            return _Parts(sum(part.least for part in parts), parts)
        case Alt(options):
            parts = tuple(drawer(option) for option in options)
            return _Options(min(part.least for part in parts), parts)
        case Repeat(item, low, high):
            return _repeat(drawer(item), low, high, isinstance(item, Chars))
        case _:
            raise AssertionError(tree)  # not plain


@dataclass(frozen=True, slots=True)
class _Letters:
    """One character of a few representative ones, all of `least` bytes."""

    least: int
    letters: str

    def draw(self, rng: random.Random, budget: int) -> str:
        return self.letters[int(rng.random() * len(self.letters))]


@dataclass(frozen=True, slots=True)
class _Parts:
    least: int
    parts: tuple[Drawer, ...]

    def draw(self, rng: random.Random, budget: int) -> str:
        spare = budget - self.least  # bytes beyond what every part needs, spent from left to right
        texts = []
        for part in self.parts:
            text = part.draw(rng, part.least + max(0, spare))
            spare -= len(text.encode()) - part.least
            texts.append(text)
        return "".join(texts)


@dataclass(frozen=True, slots=True)
class _Options:
    least: int
    options: tuple[Drawer, ...]

    def draw(self, rng: random.Random, budget: int) -> str:
        fitting = [option for option in self.options if option.least <= max(budget, self.least)]
        return rng.choice(fitting).draw(rng, budget)


@dataclass(frozen=True, slots=True)
class _Times:
    """`low` to `high` times `item`; `high` is finite here."""

    least: int
    item: Drawer
    low: int
    high: int

    def draw(self, rng: random.Random, budget: int) -> str:
        spare = budget - self.least
        affordable = self.low + max(0, spare) // max(1, self.item.least)
        count = rng.randint(self.low, max(self.low, min(self.high, affordable)))
        spare -= (count - self.low) * self.item.least
        texts = []
        for _ in range(count):
            text = self.item.draw(rng, self.item.least + max(0, spare))
            spare -= len(text.encode()) - self.item.least
            texts.append(text)
        return "".join(texts)


@dataclass(frozen=True, slots=True)
class _Walk:
    """A walk through an automaton: a random way while the budget allows one, then the shortest."""

    least: int
    dfa: CharDfa
    left: dict[int, int]  # by state, bytes to the nearest end

    def draw(self, rng: random.Random, budget: int) -> str:
        state, text, spent = self.dfa.start, "", 0
        budget = min(budget, self.least + MAX_EXTRA_CHARS)
        while not (self.dfa.is_accepting(state) and (spent >= budget or rng.random() < 0.3)):
            ways = self.dfa.moves(state)
            if not ways:
                break
            drawn = [(_chars(self.dfa.alphabet.ranges(mask)), target) for mask, target in ways]
            needs = [letters.least + self.left[target] for letters, target in drawn]
            fitting = [way for way, need in zip(drawn, needs, strict=True) if spent + need <= budget]
            letters, state = rng.choice(fitting) if fitting else drawn[needs.index(min(needs))]
            char = letters.draw(rng, budget)
            text, spent = text + char, spent + len(char.encode())
        return text


def _walk(dfa: CharDfa) -> Drawer:
    left = distances(dfa, lambda mask: _chars(dfa.alphabet.ranges(mask)).least)
    return _Walk(left.get(dfa.start, NEVER), dfa, left)


def _chars(ranges: tuple[tuple[int, int], ...]) -> Drawer:
    for preferred in (_PLAIN, _ASCII):
        if letters := [chr(c) for c in preferred if _within(c, ranges)]:
            return _Letters(1, "".join(letters))
    first = _first(ranges)
    return _Letters(len(first.encode()), first) if first else _Letters(NEVER, "")


def _within(code: int, ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(low <= code <= high for low, high in ranges)


def _first(ranges: tuple[tuple[int, int], ...]) -> str:
    """The first character that has UTF-8, or an empty string; surrogates have none."""
    for low, high in ranges:
        if low in _SURROGATES:
            low = _SURROGATES.stop
        if low <= high:
            return chr(low)
    return ""


def _repeat(item: Drawer, low: int, high: int | None, is_char: bool) -> Drawer:
    if item.least >= NEVER:
        return _Parts(NEVER if low else 0, ())
    top = low + (MAX_EXTRA_CHARS if is_char else MAX_EXTRA)
    return _Times(low * item.least, item, low, top if high is None else min(high, top))
