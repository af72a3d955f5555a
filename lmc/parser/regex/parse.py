"""Regular expressions as text become a typed tree, with Python's syntax and the meaning of `re.fullmatch` on str.

The grammar is grammars/regex.lark, tokens.py cuts a pattern for it, tree.py lowers what it finds. Every
construct of Python's is either lowered exactly or refused with its place: back-references and conditional groups,
which need not be regular. Two operators are ours: intersection `a&b` and complement `~(a)`. Both are plain characters
in Python, so they are on only where the pattern begins with the mark `(?&)`, which Python refuses: no pattern that
means something there means something else here, and a pattern's text alone says what it means.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmc.errors import ConstraintError
from lmc.ir.constraint import Regex
from lmc.ir.regex import RegexTree
from lmc.parser.regex.tokens import MARK, tokens_of
from lmc.parser.regex.tree import Refused, lower
from lmc.source import Span

if TYPE_CHECKING:
    from lark import Lark

GRAMMAR = Path(__file__).parents[1] / "grammars" / "regex.lark"
WINDOW = 90  # characters of a long pattern that a message shows
ASCII = "(?a)"


def parse_regex(pattern: str, *, ascii: bool = False, span: Span | None = None) -> Regex:
    """The typed tree of `pattern`, which means what `re.fullmatch(pattern, text)` does; `ascii` is `re.ASCII`.

    Raises ConstraintError, with the place in the pattern, where Python refuses it or lmc does not support it.
    """
    if not isinstance(pattern, str):
        raise ConstraintError(f"a regex is text, not {type(pattern).__name__}", span=span)
    try:
        tree = _tree(pattern, ascii)
    except Refused as refused:
        raise _located(pattern, refused, span) from None
    return Regex(_in_ascii(pattern) if ascii else pattern, tree)


def _in_ascii(pattern: str) -> str:
    """A pattern with the flag `re.ASCII` written into it."""
    return MARK + ASCII + pattern.removeprefix(MARK) if pattern.startswith(MARK) else ASCII + pattern


def _located(pattern: str, refused: Refused, span: Span | None) -> ConstraintError:
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
def _tree(pattern: str, ascii: bool) -> RegexTree:
    flags = int(re.A) if ascii else 0
    try:
        _check_python(pattern, flags)
        return lower(_parsed(pattern), flags)
    except RecursionError:
        raise Refused("groups are nested too deeply", None, "write it with fewer groups") from None


def _check_python(pattern: str, flags: int) -> None:
    """Refuse what `re.compile` refuses, at its position; `&` and `~` are characters to it."""
    begin = len(MARK) if pattern.startswith(MARK) else 0
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            re.compile(pattern[begin:], flags)
    except re.error as error:
        at = None if error.pos is None else error.pos + begin
        raise Refused(error.msg, at, "lmc reads Python's `re` syntax") from None
    except (OverflowError, ValueError) as error:
        raise Refused(str(error), None, "lmc reads Python's `re` syntax") from None


def _parsed(pattern: str) -> Any:  # Tree[Token]; lark is imported on use
    from lark.exceptions import UnexpectedToken

    try:
        return _grammar().parse(pattern)
    except UnexpectedToken as error:  # only `&` and `~` can be out of place
        ended = error.token.type == "$END"
        at = len(pattern) if ended else error.token.start_pos
        what = "something is missing" if ended else f"`{error.token}` is out of place"
        raise Refused(what, at, "`~` is followed by a group: `~(...)`; write `\\&`, `\\~` for characters") from None


@lru_cache(maxsize=1)
def _grammar() -> Lark:
    from lark import Lark, Token  # 75 ms, and only a program with a regex needs it
    from lark.lexer import Lexer

    class Cutter(Lexer):
        def __init__(self, _: Any) -> None:
            pass

        def lex(self, text: str) -> Iterator[Token]:  # type: ignore[override, unused-ignore]
            return (Token(kind, token, position) for kind, token, position in tokens_of(text))

    return Lark(GRAMMAR.read_text(), parser="lalr", lexer=Cutter)
