"""Sets of characters in a regular expression: sorted, disjoint, inclusive ranges of code points.

Python's own `re` says what `\\w`, `[^\\W_]` or a letter under `(?i)` contain: where a set depends on Unicode, the atom
is run once over a string of all characters (about 10 ms) and kept.
"""

from __future__ import annotations

import re
import unicodedata
import warnings
from array import array
from collections.abc import Iterable, Iterator
from functools import lru_cache

Ranges = tuple[tuple[int, int], ...]

LAST = 0x10FFFF
CATEGORIES = frozenset("dwsDWS")
EVERYTHING: Ranges = ((0, LAST),)
NO_NEWLINE: Ranges = ((0, 9), (11, LAST))

_LETTER_ESCAPES = {"a": 7, "b": 8, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11}
_UNIT = re.compile(
    r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|N\{[^}]*\}|[0-7]{1,3}|[\s\S])|[\s\S]",
)


def char_ranges(code: int, flags: int) -> Ranges:
    """The characters that a literal one matches: itself, under `re.I` its other cases too."""
    char = chr(code)
    if not flags & re.I or char.lower() == char.upper() == char:
        return ((code, code),)
    return _scan(re.escape(char), flags & (re.I | re.A))


def category_ranges(letter: str, flags: int) -> Ranges:
    """The characters of `\\d`, `\\w`, `\\s` and their opposites."""
    found = _scan(f"\\{letter.lower()}", flags & re.A)
    return complement(found) if letter.isupper() else found


def set_ranges(text: str, flags: int) -> Ranges:
    """The characters of a set as written, brackets and all: `[^a-z\\d_]`."""
    if flags & re.I:
        return _scan(text, flags & (re.I | re.A))
    negated = text.startswith("[^")
    members = union(_members(text[2 if negated else 1 : -1], flags))
    return complement(members) if negated else members


def escape_code(body: str) -> int:
    """The code point that an escape stands for, without its backslash: `x41`, `n`, `N{DASH}`, `101`, `.`."""
    if body[0] in "01234567":
        return int(body, 8)
    if body[0] in "xuU" and len(body) > 1:
        return int(body[1:], 16)
    if body.startswith("N{"):
        return ord(unicodedata.lookup(body[2:-1]))
    return _LETTER_ESCAPES.get(body, ord(body))


def union(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """Sorted and disjoint, neighbours joined."""
    joined: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if joined and low <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(high, joined[-1][1]))
        else:
            joined.append((low, high))
    return tuple(joined)


def complement(ranges: Ranges) -> Ranges:
    """Every other code point."""
    gaps = []
    start = 0
    for low, high in ranges:
        if start < low:
            gaps.append((start, low - 1))
        start = high + 1
    return tuple(gaps) if start > LAST else (*gaps, (start, LAST))


def _members(body: str, flags: int) -> Iterator[tuple[int, int]]:
    """The ranges in a set's brackets; a `-` between two units makes one, a last `-` is itself."""
    units = [match.group() for match in _UNIT.finditer(body)]
    at = 0
    while at < len(units):
        unit = units[at]
        if unit[0] == "\\" and unit[1] in CATEGORIES:
            yield from category_ranges(unit[1], flags)
            at += 1
        elif at + 2 < len(units) and units[at + 1] == "-":
            yield _code(unit), _code(units[at + 2])
            at += 3
        else:
            yield _code(unit), _code(unit)
            at += 1


def _code(unit: str) -> int:
    return escape_code(unit[1:]) if unit[0] == "\\" else ord(unit)


@lru_cache(maxsize=1024)
def _scan(atom: str, flags: int) -> Ranges:
    """The characters that `atom`, an expression for one character, matches."""
    pattern = f"(?:{atom})+"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # `[[` may mean a nested set one day
        found = re.compile(pattern, flags | re.S)
    return tuple((m.start(), m.end() - 1) for m in found.finditer(_every_character()))


@lru_cache(maxsize=1)
def _every_character() -> str:
    """All code points in order, lone surrogates included; 4.4 MB, kept for further sets."""
    return array("I", range(LAST + 1)).tobytes().decode("utf-32", "surrogatepass")
