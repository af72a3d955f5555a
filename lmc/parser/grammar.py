"""Grammars as text, checked where they are written: EBNF (xgrammar's dialect) and Lark (llguidance's dialect).

xgrammar compiles both when the program runs, and says then whatever else is wrong. Here only that is refused which
no dialect could mean: text that does not parse, rules that nothing defines, no start rule. What uses a part of a
dialect that this module does not know is let through.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from lmc.errors import ConstraintError
from lmc.ir.constraint import Grammar, Lark
from lmc.source import Span

Place = tuple[int, int]  # line and column, from 1

_EBNF = re.compile(
    r"""
      (?P<space>  \s+ | \#[^\n]* )
    | (?P<text>   "(?:[^"\\]|\\.)*" | \[(?:[^\]\\]|\\.)*\] )
    | (?P<open>   ["\[] )
    | (?P<macro>  [A-Za-z_][\w.-]*\( )
    | (?P<name>   [A-Za-z_][\w.-]* )
    | (?P<is>     ::= )
    | (?P<other>  . )
    """,
    re.VERBOSE | re.DOTALL,
)
_LARK_TEXT = re.compile(r'"(?:[^"\\\n]|\\.)*"i?|/(?![/*])(?:[^/\\\n]|\\.)+/[imslux]*|//[^\n]*|\#[^\n]*')
_LARK_DIALECT = re.compile(
    r"%(?:llguidance|json|regex|lark|import\s+(?!common\b))|^[?!\s]*\w+\s*\[|[<@&]|::", re.MULTILINE
)
_LINE_COLUMN = re.compile(r"line (\d+),? col(?:umn)? (\d+)")
_UNDEFINED = re.compile(r"Rule '(\w+)' used but not defined|[Tt]erminals? used but not defined: (\w+)")


def parse_ebnf(text: str, *, span: Span | None = None) -> Grammar:
    """The EBNF grammar. Raises ConstraintError, with the place in the text, where it cannot be one."""
    _check_text(text, "an EBNF grammar", span)
    tokens = [(str(m.lastgroup), m[0], m.start()) for m in _EBNF.finditer(text) if m.lastgroup != "space"]
    for kind, mark, at in tokens:
        if kind == "open":
            raise _located("grammar", text, _place(text, at), f"`{mark}` is not closed", span)
    defined = {name for name, _ in _ebnf_rules(tokens)}
    if "root" not in defined:
        message = "the grammar has no rule `root`, which is where it begins"
        raise ConstraintError(message, span=span, help='write `root ::= ...`; for a Lark grammar, `lmc.lark("...")`')
    if not any(kind == "macro" for kind, _, _ in tokens):
        for kind, name, at in tokens:
            if kind == "name" and name not in defined:
                raise _located("grammar", text, _place(text, at), f"the rule `{name}` is not defined", span)
    return Grammar(text)


def _ebnf_rules(tokens: list[tuple[str, str, int]]) -> Iterator[tuple[str, int]]:
    """The rules that are defined; options in brackets may stand between the name and `::=`."""
    for at, (kind, name, start) in enumerate(tokens):
        after = [kind for kind, _, _ in tokens[at + 1 : at + 3]]
        if kind == "name" and (after[:1] == ["is"] or after == ["text", "is"]):
            yield name, start


def parse_lark(text: str, *, span: Span | None = None) -> Lark:
    """The Lark grammar. Raises ConstraintError, with the place in the text, where it cannot be one."""
    _check_text(text, "a Lark grammar", span)
    bare = _LARK_TEXT.sub(lambda match: " " * len(match[0]), text)
    if not re.search(r"^\s*[?!]?start\s*[:\[]", bare, re.MULTILINE):
        message = "the Lark grammar has no rule `start`, which is where it begins"
        raise ConstraintError(message, span=span, help="write `start: ...`")
    if not _LARK_DIALECT.search(bare):
        _load_lark(text, bare, span)
    return Lark(text)


def _load_lark(text: str, bare: str, span: Span | None) -> None:
    """Let lark read the grammar; `bare` is the text with its strings, regexes and comments blanked out."""
    from lark.exceptions import GrammarError, UnexpectedInput, UnexpectedToken
    from lark.load_grammar import GrammarBuilder

    builder = GrammarBuilder()
    try:
        builder.load_grammar(text, "<grammar>")
        builder.validate()
    except UnexpectedToken as error:
        shown = "the end of the line" if not error.token.strip() else f"`{error.token}`"
        raise _located("Lark grammar", text, (error.line, error.column), f"{shown} cannot stand here", span) from None
    except UnexpectedInput as error:
        raise _located("Lark grammar", text, (error.line, error.column), "this cannot stand here", span) from None
    except GrammarError as error:
        raise _located("Lark grammar", text, *_said(str(error), text, bare), span) from None


def _said(message: str, text: str, bare: str) -> tuple[Place | None, str]:
    """The place and the sentence of one of lark's own messages."""
    if undefined := _UNDEFINED.search(message):
        name = undefined[1] or undefined[2]
        used = re.search(rf"(?<![\w%]){name}\b(?!\s*:)", bare)
        return (_place(text, used.start()) if used else None), f"`{name}` is not defined"
    first = message.splitlines()[0].strip(" :,")
    place = _LINE_COLUMN.search(first)
    sentence = re.sub(r",? ?(?:at|in)? ?line \d+,? col(?:umn)? \d+.*", "", first)
    return (int(place[1]), int(place[2])) if place else None, sentence[:1].lower() + sentence[1:]


def _check_text(text: object, what: str, span: Span | None) -> None:
    if not isinstance(text, str):
        raise ConstraintError(f"{what} is text, not {type(text).__name__}", span=span)


def _place(text: str, at: int) -> Place:
    return text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)


def _located(kind: str, text: str, place: Place | None, problem: str, span: Span | None) -> ConstraintError:
    """The error with the line of the grammar and a caret under the place."""
    if place is None:
        return ConstraintError(f"in this {kind}, {problem}", span=span)
    line, column = place
    lines = text.splitlines()
    shown = lines[line - 1] if line <= len(lines) else ""
    notes = (shown, " " * (column - 1) + "^")
    return ConstraintError(f"in this {kind}, {problem}, at line {line} column {column}", span=span, notes=notes)
