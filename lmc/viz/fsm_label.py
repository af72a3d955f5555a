"""What an edge of an automaton says: a set of characters as a regex would write it, and the text behind it."""

from __future__ import annotations

from lmc.ir.literal import quote
from lmc.ir.ranges import SURROGATES, Ranges, complement, intersection

MAX_PIECES = 12  # ranges of a set that are written out
_SCALARS = complement((SURROGATES,))
_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_MARKED = frozenset("\\]^-[")


def edge_label(first: Ranges, rest: str, times: str = "") -> str:
    """`[A-Z] "arry Potter"`; one text where the first character is a certain one; `[0-9]{3} "-"` for several."""
    if not first or (len(first) == 1 and first[0][0] == first[0][1]):
        text = text_label("".join(chr(low) for low, _ in first) + rest)
        return f"({text}){times}" if times else text
    if rest and times.startswith("{,"):
        return f"({set_label(first)} {text_label(rest)}){times}"
    return set_label(first) + times + (f" {text_label(rest)}" if rest else "")


def text_label(text: str) -> str:
    """A text in quotes, on one line."""
    return quote(text)


def set_label(ranges: Ranges) -> str:
    """`[a-z]`, `[^"]` where fewer characters are left out than are in, or `any`."""
    outside = intersection(complement(ranges), _SCALARS)
    if not outside:
        return "any"
    is_negated = outside[-1][1] < ranges[-1][1] and len(outside) <= len(ranges)
    pieces = outside if is_negated else ranges
    more = "…" if len(pieces) > MAX_PIECES else ""
    return f"[{'^' if is_negated else ''}{''.join(_piece(*piece) for piece in pieces[:MAX_PIECES])}{more}]"


def _piece(low: int, high: int) -> str:
    if high - low < 2:
        return "".join(_char(code) for code in range(low, high + 1))
    return f"{_char(low)}-{_char(high)}"


def _char(code: int) -> str:
    char = chr(code)
    if char in _NAMED:
        return _NAMED[char]
    if char in _MARKED:
        return "\\" + char
    if char.isprintable():
        return char
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
