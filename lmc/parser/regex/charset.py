"""Sets of characters in a regular expression: sorted, disjoint, inclusive ranges of code points.

Python's own `re` says what `\\w` or a letter under `(?i)` contain: where a set depends on Unicode, the atom is run once
over a string of characters (about 2 ms), or of those that have case (30 us), and kept.
"""

from __future__ import annotations

import re
import unicodedata
import warnings
from array import array
from collections.abc import Iterator
from functools import lru_cache

from lmc.ir.ranges import LAST, Ranges, complement, intersection, union

CATEGORIES = frozenset("dwsDWS")
NO_NEWLINE: Ranges = ((0, 9), (11, LAST))

IGNORECASE, ASCII = int(re.I), int(re.A)  # plain numbers: arithmetic on flags is slow
BLOCK = 256
CATEGORY_END = 0x40000  # the planes above have no letters, digits or spaces
CASED_END = 0x20000  # scripts with case end at U+1E943; the planes above hold ideographs

_LETTER_ESCAPES = {"a": 7, "b": 8, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11}
_UNIT = re.compile(
    r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|N\{[^}]*\}|[0-7]{1,3}|[\s\S])|[\s\S]",
)


def char_ranges(code: int, flags: int) -> Ranges:
    """The characters that a literal one matches: itself, under `re.I` its other cases too."""
    char = chr(code)
    if not flags & IGNORECASE or char.lower() == char.upper() == char:
        return ((code, code),)
    return _cased_matches(re.escape(char), flags & (IGNORECASE | ASCII))


def category_ranges(letter: str, flags: int) -> Ranges:
    """The characters of `\\d`, `\\w`, `\\s` and their opposites."""
    found = _scan(f"\\{letter.lower()}", flags & ASCII)
    return complement(found) if letter.isupper() else found


@lru_cache(maxsize=256)
def property_ranges(name: str) -> Ranges | None:
    """The characters of a category, script or other property of Unicode, as in `\\p{L}`; None where there is none."""
    import regex  # it has Unicode's tables, and is there for transformers

    try:
        found = regex.compile(rf"\p{{{name}}}+")
    except regex.error:
        return None
    return tuple((m.start(), m.end() - 1) for m in found.finditer(_characters(LAST + 1)))


def set_ranges(text: str, flags: int) -> Ranges:
    """The characters of a set as written, brackets and all: `[^a-z\\d_]`."""
    negated = text.startswith("[^")
    members = union(_members(text[2 if negated else 1 : -1], flags))
    found = complement(members) if negated else members
    if not flags & IGNORECASE:
        return found
    # a character without case is in the set with the flag exactly where it is without
    uncased = intersection(found, complement(_cased_ranges()))
    return union((*uncased, *_cased_matches(text, flags & (IGNORECASE | ASCII))))


def escape_code(body: str) -> int:
    """The code point that an escape stands for, without its backslash: `x41`, `n`, `N{DASH}`, `101`, `.`."""
    if body[0] in "01234567":
        return int(body, 8)
    if body[0] in "xuU" and len(body) > 1:
        return int(body[1:], 16)
    if body.startswith("N{"):
        return ord(unicodedata.lookup(body[2:-1]))
    return _LETTER_ESCAPES.get(body, ord(body))


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
    found = _compiled(f"(?:{atom})+", flags)
    return tuple((m.start(), m.end() - 1) for m in found.finditer(_characters(CATEGORY_END)))


@lru_cache(maxsize=1024)
def _cased_matches(atom: str, flags: int) -> Ranges:
    """The characters with case that `atom` matches."""
    found = _compiled(atom, flags)
    return union((ord(c), ord(c)) for c in found.findall(_cased_characters()))


def _compiled(pattern: str, flags: int) -> re.Pattern[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # `[[` may mean a nested set one day
        return re.compile(pattern, flags | re.S)


@lru_cache(maxsize=2)
def _characters(end: int) -> str:
    """The code points below `end` in order, lone surrogates included."""
    return array("I", range(end)).tobytes().decode("utf-32", "surrogatepass")


@lru_cache(maxsize=1)
def _cased_characters() -> str:
    """Every character that has another case, about 2,900; whole blocks without any are skipped (4 ms in all)."""
    found = []
    for start in range(0, CASED_END, BLOCK):
        block = "".join(map(chr, range(start, start + BLOCK)))
        if block.lower() != block or block.upper() != block:
            found += [c for c in block if c.lower() != c or c.upper() != c]
    return "".join(found)


@lru_cache(maxsize=1)
def _cased_ranges() -> Ranges:
    return union((ord(c), ord(c)) for c in _cased_characters())
