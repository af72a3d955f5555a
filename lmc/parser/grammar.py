"""Grammars as text, checked where they are written: EBNF (xgrammar's dialect) and Lark (llguidance's dialect).

What will fail is refused here, at its place in the user's file: text that does not parse, rules that nothing defines or
that never end, parts that no constraint can keep. What uses a part of a dialect that is not known here is let through,
and judged by xgrammar when the program runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from lmc.codes import ENDLESS
from lmc.errors import ConstraintError, did_you_mean
from lmc.ir.constraint import Grammar, Lark
from lmc.ir.grammar import GrammarRules, Place, calls, ending
from lmc.parser.ebnf_grammar import read_ebnf
from lmc.parser.grammar_place import located
from lmc.parser.lark_grammar import LarkReader, lark_tree
from lmc.parser.refused_grammar import GrammarRefused
from lmc.source import Span

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
_LARK_DIALECT = re.compile(r"%(?:llguidance|json|regex|lark)\b|^[?!\s]*\w+\s*\[", re.MULTILINE)
# what llguidance has and nothing here can follow
_NEVER = (
    (
        re.compile(r"(?<![\w:])(<)[\[|\w]"),
        "a control token is no text",
        "write what stands around it in calls of their own",
    ),
    (re.compile(r"(@)\w"), "a grammar by name (`@`) is not known", "write its rules out"),
    (re.compile(r"(::)"), "a rule with parameters (`::`) is not supported", "write the rule out for each of its uses"),
    (re.compile(r"(?<=[\s)\w])(&)"), "`&` is not supported between terminals", "write one regex: `/(?&)[a-z]+&~(if)/`"),
    (re.compile(r"(~)(?!\s*\d)"), "`~` is not supported before a terminal", "write one regex: `/(?&)[a-z]+&~(if)/`"),
)
_LINE_COLUMN = re.compile(r"line (\d+),? col(?:umn)? (\d+)")
_UNDEFINED = re.compile(r"Rule '(\w+)' used but not defined|[Tt]erminals? used but not defined: (\w+)")


def parse_ebnf(text: str, *, span: Span | None = None) -> Grammar:
    """The EBNF grammar. Raises ConstraintError, with the place in the text, where it cannot be one."""
    kind = "grammar"
    _check_text(text, "an EBNF grammar", span)
    tokens = [(str(m.lastgroup), m[0], m.start()) for m in _EBNF.finditer(text) if m.lastgroup != "space"]
    for kind_of, mark, at in tokens:
        if kind_of == "open":
            raise located(kind, text, _place(text, at), f"`{mark}` is not closed", span)
    defined = {name for name, _ in _ebnf_rules(tokens)}
    if "root" not in defined:
        message = "the grammar has no rule `root`, which is where it begins"
        raise ConstraintError(message, span=span, help='write `root ::= ...`; for a Lark grammar, `lmc.lark("...")`')
    try:
        rules = read_ebnf(text)
        if rules is not None:
            _check_rules(rules)
    except GrammarRefused as refused:
        raise located(kind, text, refused.place, refused.problem, span, refused.help, refused.code) from None
    return Grammar(text, rules)


def _ebnf_rules(tokens: list[tuple[str, str, int]]) -> Iterator[tuple[str, int]]:
    """The rules that are defined; options in brackets may stand between the name and `::=`."""
    for at, (kind, name, start) in enumerate(tokens):
        after = [kind for kind, _, _ in tokens[at + 1 : at + 3]]
        if kind == "name" and (after[:1] == ["is"] or after == ["text", "is"]):
            yield name, start


def _check_rules(rules: GrammarRules) -> None:
    """Raises GrammarRefused where a rule is called that nothing defines, or one that never ends."""
    defined = rules.by_name()
    for rule in rules.rules:
        for call in calls(rule.body):
            if call.name not in defined:
                near = did_you_mean(call.name, defined) or ""
                raise GrammarRefused(f"the rule `{call.name}` is not defined", call.place, near)
    ends = ending(rules)
    endless = [name for name in rules.reached() if name not in ends]
    if endless:
        rule = defined[endless[-1]]  # what is reached last is nearest to the cause
        help = "give the recursion a way out: another alternative, or a part that may be absent"
        raise GrammarRefused(f"the rule `{rule.name}` never ends", rule.place, help, ENDLESS)


def parse_lark(text: str, *, span: Span | None = None) -> Lark:
    """The Lark grammar. Raises ConstraintError, with the place in the text, where it cannot be one."""
    kind = "Lark grammar"
    _check_text(text, "a Lark grammar", span)
    bare = _LARK_TEXT.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)
    if not re.search(r"^\s*[?!]?start\s*(?:\.\s*-?\d+\s*)?[:\[]", bare, re.MULTILINE):
        message = "the Lark grammar has no rule `start`, which is where it begins"
        raise ConstraintError(message, span=span, help="write `start: ...`")
    for pattern, problem, help in _NEVER:
        if found := pattern.search(bare):
            raise located(kind, text, _place(text, found.start(1)), problem, span, help)
    if _LARK_DIALECT.search(bare):
        return Lark(text)
    try:
        reader = _reader(text)
        _load_lark(text, bare, span)
        assert reader is not None, "what lark loads it has parsed"
        rules = reader.read()
        _check_rules(rules)
    except GrammarRefused as refused:
        raise located(kind, text, refused.place, refused.problem, span, refused.help, refused.code) from None
    return Lark(text, rules)


def _reader(text: str) -> LarkReader | None:
    """The grammar with its statements looked at; None where lark cannot parse it, and says why when it loads it."""
    from lark.exceptions import UnexpectedInput

    try:
        return LarkReader(lark_tree(text))
    except UnexpectedInput:
        return None


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
        raise located("Lark grammar", text, (error.line, error.column), f"{shown} cannot stand here", span) from None
    except UnexpectedInput as error:
        raise located("Lark grammar", text, (error.line, error.column), "this cannot stand here", span) from None
    except GrammarError as error:
        raise located("Lark grammar", text, *_said(str(error), text, bare), span) from None


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
