"""A JSON schema's `pattern` for xgrammar: printed from its tree, so that it must match the whole text of a string.

xgrammar puts a pattern between quotes as it stands, and nothing in it is escaped as JSON asks. So only characters that
need no escape are printed; strings with others do not come out. It reads regexes in a dialect of its own, of which
only what cannot be misread is used: ranges of characters, groups, `|` and counted repeats.
"""

from __future__ import annotations

from dataclasses import dataclass

from lmc.backend.masks.ebnf import productive
from lmc.ir.json_schema.strings import RAW, search
from lmc.ir.ranges import SURROGATES, complement, intersection
from lmc.ir.regex import Alt, Chars, RegexTree, Repeat, Seq, is_plain

ESCAPED = intersection(complement(RAW), complement((SURROGATES,)))  # what JSON writes with a backslash

IN_CLASS = "\\[]^-"  # what means something within a class


@dataclass(frozen=True, slots=True)
class PrintedPattern:
    """A pattern as xgrammar may read it; `is_exact` unless strings that JSON writes with escapes were left out."""

    text: str
    is_exact: bool


def print_pattern(tree: RegexTree) -> PrintedPattern | None:
    """The strings in which a pattern is found; None where looks or complements say which, or none is left."""
    whole = search(tree)
    if not is_plain(whole):
        return None
    kept = productive(_raw(whole))
    return None if kept is None else PrintedPattern(f"^{_group(kept)}$", not _is_escaped(whole))


def _raw(tree: RegexTree) -> RegexTree:
    """The tree with the characters that JSON writes as they are, and no others."""
    match tree:
        case Chars(ranges):
            return Chars(intersection(ranges, RAW))
        case Seq(items):
            return Seq(tuple(map(_raw, items)))
        case Alt(options):
            return Alt(tuple(map(_raw, options)))
        case Repeat(item, least, most):
            return Repeat(_raw(item), least, most)
        case _:
            raise AssertionError(tree)  # not plain


def _is_escaped(tree: RegexTree) -> bool:
    """Whether a string of the tree may hold a character that JSON escapes."""
    match tree:
        case Chars(ranges):
            return bool(intersection(ranges, ESCAPED))
        case Seq(parts) | Alt(parts):
            return any(map(_is_escaped, parts))
        case Repeat(item):
            return _is_escaped(item)
        case _:
            raise AssertionError(tree)  # not plain


def _group(tree: RegexTree) -> str:
    """The tree as one thing that may be repeated."""
    match tree:
        case Chars(ranges):
            return "[" + "".join(map(_span, ranges)) + "]"
        case Seq(items):
            return "(?:" + "".join(map(_group, items)) + ")"
        case Alt(options):
            return "(?:" + "|".join(map(_group, options)) + ")"
        case Repeat(item, least, most):
            return f"(?:{_group(item)}{{{least},{'' if most is None else most}}})"
        case _:
            raise AssertionError(tree)  # not plain


def _span(span: tuple[int, int]) -> str:
    low, high = span
    return _escape(low) if low == high else f"{_escape(low)}-{_escape(high)}"


def _escape(code: int) -> str:
    return f"\\{chr(code)}" if chr(code) in IN_CLASS else chr(code)
