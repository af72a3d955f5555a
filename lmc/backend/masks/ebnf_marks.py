"""A grammar of JSON as xgrammar prints it, without certain characters: each is written as its escape.

For schemas that xgrammar lowers and that must not hold the mark of a call in a string: it knows of no marks. All that
is text in such a grammar and is not punctuation stands between the quotes of a string, where an escape may stand.
Its complements of classes hold surrogates, whose bytes are no text: these go as well.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from lmc.backend.masks.ebnf import char_range
from lmc.backend.masks.xgrammar_schema import LENGTH_CHARS
from lmc.ir.json_schema.findings import refuse
from lmc.ir.json_schema.strings import RAW, by_code
from lmc.ir.ranges import SURROGATES, complement, intersection, union

_ATOM = re.compile(r'Regex\("(?:\\.|[^"\\])*"[^)]*\)|"(?:\\.|[^"\\])*"|\[(?:\\.|[^\]\\])*\]', re.DOTALL)
_COUNTS = re.compile(re.escape(f"Regex({json.dumps(LENGTH_CHARS)[:-1]}") + r"\{(\d+),(\d*)\}\"")
_CHAR = re.compile(r"\\U([0-9a-fA-F]{8})|\\u([0-9a-fA-F]{4})|\\(.)|(.)", re.DOTALL)
_NAMED = {"n": "\n", "r": "\r", "t": "\t", "0": "\0", "b": "\b", "f": "\f", "v": "\v", "a": "\a", "e": "\x1b"}


def without_chars(grammar: str, chars: str) -> str:
    """The grammar of the same values."""
    return _ATOM.sub(lambda atom: _atom(atom[0], dict.fromkeys(chars)), grammar)


def _atom(text: str, chars: Iterable[str]) -> str:
    if text.startswith('"'):
        return "".join(_escape(char) if char in chars else char for char in text)
    if text.startswith("Regex"):
        return _counted(text, chars)
    is_complement = text.startswith("[^")
    ranges = union(_ranges(text[1 + is_complement : -1]))
    if is_complement:
        ranges = complement(union([*ranges, SURROGATES]))
    found = [char for char in chars if intersection(ranges, ((ord(char), ord(char)),))]
    kept = intersection(ranges, complement(union((ord(char), ord(char)) for char in found)))
    written = [f"[{''.join(map(char_range, kept))}]"] if kept else []
    ways = [*written, *(f'"{_escape(char)}"' for char in found)]
    return ways[0] if len(ways) == 1 else f"({' | '.join(ways)})"


def _counted(macro: str, chars: Iterable[str]) -> str:
    """A string that is told by its length alone: the one macro that can be written without one."""
    found = _COUNTS.match(macro)
    if found is None:
        refuse("#", "pattern", "xgrammar writes it by a macro, which knows of no mark of calls")
    kept = intersection(RAW, complement(union((ord(char), ord(char)) for char in chars)))
    ways = [f"[{''.join(map(char_range, kept))}]", *(f'"{_escape(char)}"' for char in chars)]
    return f"({' | '.join(ways)}){{{found[1]},{found[2]}}}"


def _escape(char: str) -> str:
    return by_code(char).replace("\\", "\\\\")


def _ranges(body: str) -> list[tuple[int, int]]:
    chars = [(_code(match), match[0]) for match in _CHAR.finditer(body)]
    found = []
    at = 0
    while at < len(chars):
        is_span = at + 2 < len(chars) and chars[at + 1][1] == "-"
        found.append((chars[at][0], chars[at + 2 if is_span else at][0]))
        at += 3 if is_span else 1
    return found


def _code(match: re.Match[str]) -> int:
    long, short, named, plain = match.groups()
    return int(long or short, 16) if long or short else ord(_NAMED.get(named, named) if named else plain)
