"""A regex pattern as tokens for grammars/regex.lark: Python's lexical rules, scope by scope.

A scanner of our own because the flag `x` is lexical and scoped: where it holds, spaces and comments are not tokens.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

MARK = "(?&)"  # an error in Python's syntax, so no pattern that Python accepts changes its meaning

# in this order: the first that fits
_TOKENS = (
    ("COMMENT", r"\(\?\#[^)]*\)"),
    ("OCTAL", r"\\(?:[0-3][0-7]{2}|0[0-7]?)"),
    ("BACKREF", r"\(\?P=\w+\)|\\[1-9][0-9]?"),
    ("FLAGS", r"\(\?[aiLmsux]+\)"),
    ("OPEN", r"\((?:\?:|\?P<\w+>|\?[aiLmsux]*(?:-[imsx]+)?:|\?(?:=|!|<=|<!|>|\(\w+\)))?"),
    ("CLOSE", r"\)"),
    ("BAR", r"\|"),
    ("POSSESSIVE", r"(?:[*+?]|\{[0-9]+(?:,[0-9]*)?\}|\{,[0-9]*\})\+"),
    ("QUANTIFIER", r"(?:[*+?]|\{[0-9]+(?:,[0-9]*)?\}|\{,[0-9]*\})\??"),
    ("BOUNDARY", r"\\[bB]"),
    ("ANCHOR", r"\^|\$|\\[AZ]"),
    ("ESCAPE", r"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|N\{[^}]*\}|[\s\S])"),
    ("SET", r"\[\^?\]?(?:\\[\s\S]|[^\]\\])*\]"),
    ("DOT", r"\."),
)
_OPERATORS = (("AND", "&"), ("NOT", "~"))
_SKIPPED = ("SKIPPED", r"[ \t\n\r\v\f]+|\#[^\n]*")
_TEXT = ("TEXT", r"[^\\^$.|?*+()\[{&~]{2,}(?![?*+{])")  # not the last character where a quantifier takes it
_CHAR = ("CHAR", r"[\s\S]")


class RegexToken(NamedTuple):
    """A token: what it is, its text, and where that begins in the pattern."""

    kind: str
    text: str
    position: int


def tokens_of(pattern: str) -> Iterator[RegexToken]:
    """The tokens of a pattern, comments left out."""
    at = 0
    extended = pattern.startswith(MARK)
    if extended:
        yield RegexToken("MARK", MARK, 0)
        at = len(MARK)
    verbose = [False]  # by open group, the innermost last
    while at < len(pattern):
        match = _SCANNERS[extended, verbose[-1]].match(pattern, at)
        assert match is not None
        kind, text = str(match.lastgroup), match[0]
        _track(kind, text, verbose)
        if kind not in ("COMMENT", "SKIPPED"):
            yield RegexToken(kind, text, at)
        at = match.end()


def _track(kind: str, text: str, verbose: list[bool]) -> None:
    """Keep `verbose` at what the flag x is after this token."""
    on, _, off = text.partition("-")
    if kind == "FLAGS":
        verbose[-1] = verbose[-1] or "x" in on
    elif kind == "OPEN":
        scoped = text.startswith("(?") and text.endswith(":")
        verbose.append(verbose[-1] if not scoped else ("x" in on or (verbose[-1] and "x" not in off)))
    elif kind == "CLOSE" and len(verbose) > 1:
        verbose.pop()


def _scanner(extended: bool, verbose: bool) -> re.Pattern[str]:
    # under x a quantifier may stand apart from what it repeats, so that characters come one by one
    tokens = (_SKIPPED, *_TOKENS) if verbose else (*_TOKENS, _TEXT)
    tokens = (*tokens, *(_OPERATORS if extended else ()), _CHAR)
    return re.compile("|".join(f"(?P<{kind}>{pattern})" for kind, pattern in tokens))


_SCANNERS = {
    (extended, verbose): _scanner(extended, verbose) for extended in (False, True) for verbose in (False, True)
}
