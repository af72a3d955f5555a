"""IR text to graphs and plans: the inverse of `ir.printer`. Nothing is run or imported; bad text is a ParseError.

Here: the grammar at work and its error messages. `build` makes the typed values.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NoReturn

from lmc.errors import ParseError
from lmc.ir.graph import Graph
from lmc.ir.plan import Plan
from lmc.ir.verify import MAX_DEPTH
from lmc.parser.irtext.build import build_graph, build_plan
from lmc.parser.irtext.listing import Source

if TYPE_CHECKING:
    from lark import Lark, Token, Tree
    from lark.exceptions import UnexpectedInput

MAX_NESTED_LISTS = 50

_OPENING = {"LBRACE": "{", "LSQB": "["}
_CLOSING = {"RBRACE": "{", "RSQB": "["}
_LIMITS = {"{": MAX_DEPTH + 2, "[": MAX_NESTED_LISTS}  # the program's own braces, and an attribute list's
_TERMINALS = {
    "VALUE": "a value (%x)",
    "SYMBOL": "an extern (@f)",
    "NAME": "a name",
    "STRING": "a string",
    "BYTES": "bytes",
    "INT": "an integer",
    "FLOAT": "a number",
    "SINGLE": "none, true, false or unset",
    "TYPE": "a type",
    "EFFECT": "an effect (none, reads, writes, ordered)",
    "RAISES": "raises or total",
    "STEP": "a step (#0)",
    "PREFIX": "a prefix (p0)",
    "GANG": "a gang (g0)",
    "_NL": "the end of the line",
    "$END": "the end of the text",
}
_UNEXPECTED = {"$END": "the text ends too early", "_NL": "the line ends too early"}


def parse_graph(text: str, *, file: str = "<ir>") -> Graph:
    """The graph that a text describes; `file` is what messages call it. Raises ParseError."""
    source = Source(file, text)
    return build_graph(_tree(source, "graph"), source)


def parse_plan(text: str, *, file: str = "<ir>") -> Plan:
    """The plan, and its graph, that a text describes. Raises ParseError."""
    source = Source(file, text)
    return build_plan(_tree(source, "plan"), source)


@cache
def _lark() -> Lark:
    from lark import Lark

    grammar = files("lmc.parser").joinpath("grammars/ir.lark").read_text(encoding="utf-8")
    return Lark(grammar, parser="lalr", lexer="contextual", start=["graph", "plan"], maybe_placeholders=True)


def _tree(source: Source, start: str) -> Tree[Token]:
    """Parses token by token, so that nesting is bounded before anything can recurse over it."""
    from lark.exceptions import UnexpectedInput

    parser: Any = _lark().parse_interactive(source.text + "\n", start=start)
    depths = {"{": 0, "[": 0}
    token = None
    try:
        for token in parser.iter_parse():
            _count(token, depths, source)
        result: Tree[Token] = parser.feed_eof(token)
    except UnexpectedInput as error:
        _fail(source, error, parser)
    return result


def _count(token: Token, depths: dict[str, int], source: Source) -> None:
    if bracket := _OPENING.get(token.type):
        depths[bracket] += 1
        if depths[bracket] > _LIMITS[bracket]:
            source.fail(token, f"`{bracket}` is nested more than {_LIMITS[bracket]} deep")
    elif bracket := _CLOSING.get(token.type):
        depths[bracket] -= 1


def _fail(source: Source, error: UnexpectedInput, parser: Any) -> NoReturn:
    expected = sorted({_terminal(name) for name in parser.accepts()})
    token = getattr(error, "token", None)
    if token is None:  # no token can begin here
        (line, col), width = (error.line, error.column), 1
        message = _bad_character(source.lines[line - 1][col - 1])
    else:
        (line, col), width = source.place(token), max(1, len(token.strip()))
        message = _UNEXPECTED.get(token.type) or f"unexpected `{token}`"
    raise ParseError(
        message,
        span=source.span(line, col, width),
        notes=(*source.caret(line, col, width), f"expected one of: {', '.join(expected)}"),
    )


def _bad_character(char: str) -> str:
    return "this string does not end on its line" if char == '"' else f"unexpected character {char!r}"


def _terminal(name: str) -> str:
    return _TERMINALS.get(name) or f"`{_lark().get_terminal(name).pattern.value}`"
