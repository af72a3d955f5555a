"""Literals, names, types and constraints out of IR text: the inverse of `ir.literal`."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, get_args

from lmc.errors import LMError, did_you_mean
from lmc.ir.constraint import Choices, Constraint, Spacing
from lmc.ir.graph import UNSET, Attr, Literal
from lmc.ir.types import TYPE_NAMES, Type
from lmc.parser.grammar import parse_ebnf, parse_lark
from lmc.parser.irtext.listing import Source
from lmc.parser.regex.parse import parse_regex
from lmc.parser.schema.parse import parse_schema
from lmc.parser.structural_tag import parse_structural_tag
from lmc.parser.tools import read_tool_calls

if TYPE_CHECKING:
    from lark import Token

_SINGLES: dict[str, Literal] = {
    "none": None, "true": True, "false": False, "unset": UNSET, "...": ..., "nan": math.nan, "inf": math.inf,
    "-inf": -math.inf,
}  # fmt: skip
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)")
_NAMED = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}
_MAX_INDEX = 18  # digits of what is counted in 64 bits
_MAX_DIGITS = 4_000  # Python refuses longer decimals; the printer writes those in hex


def read_value(source: Source, child: Any) -> Attr:
    """A literal, a constraint, or a list of them: a token or a tree."""
    if not hasattr(child, "data"):
        return _SCALARS[child.type](source, child)
    if child.data == "constraint":
        return _constraint(source, *child.children)
    return tuple([read_value(source, each) for each in child.children if each is not None])


def read_type(source: Source, token: Token) -> Type:
    """A type's name, with `?` where it may be unset."""
    name = token.removesuffix("?")
    if name not in TYPE_NAMES:
        near = did_you_mean(name, sorted(TYPE_NAMES))
        source.fail(token, f"unknown type `{token}`" + (f"; {near}" if near else ""))
    return Type(name, token != name)


def read_word(source: Source, token: Token) -> str:
    """A bare or quoted name."""
    return read_string(source, token) if token.type == "STRING" else str(token)


def read_sigil(source: Source, token: Token) -> str:
    """A name behind % or @, bare or quoted."""
    return _unescaped(source, token, token[2:-1]) if token[1] == '"' else str(token[1:])


def read_string(source: Source, token: Token) -> str:
    """A string in double quotes."""
    return _unescaped(source, token, token[1:-1])


def read_int(source: Source, token: Token) -> int:
    """An integer, decimal or hex."""
    if "0x" in token:
        return int(token, 16)
    if len(token) > _MAX_DIGITS:
        source.fail(token, f"a decimal of {len(token)} digits; write more than {_MAX_DIGITS} in hex")
    return int(token)


def read_index(source: Source, token: Token, start: int = 0) -> int:
    """A number of the text itself (a step, a line, a count), behind the first `start` characters of a token."""
    digits = token[start:]
    if len(digits) > _MAX_INDEX:
        source.fail(token, f"a number of {len(digits)} digits, where none of more than {_MAX_INDEX} can stand")
    return int(digits, 16 if "0x" in digits else 10)


def read_seconds(source: Source, token: Token) -> float:
    """How long, as an integer or with a fraction."""
    return read_index(source, token) if token.type == "INT" else float(token)


def _bytes(source: Source, token: Token) -> bytes:
    try:
        return _unescaped(source, token, token[2:-1]).encode("latin-1")
    except UnicodeEncodeError:
        source.fail(token, "bytes end at \\xff")


def _unescaped(source: Source, token: Token, text: str) -> str:
    def one(match: re.Match[str]) -> str:
        code = match[1]
        if code in _NAMED:
            return _NAMED[code]
        if len(code) == 1 or (number := int(code[1:], 16)) > 0x10FFFF:
            source.fail(token, f"unknown escape `{match[0]}`")
        return chr(number)

    return _ESCAPE.sub(one, text) if "\\" in text else str(text)


def _constraint(source: Source, kind: Token, argument: Any) -> Constraint:
    if kind not in _CONSTRAINTS:
        source.fail(kind, f"unknown constraint `{kind}`", help=f"there are {', '.join(_CONSTRAINTS)}")
    make, wanted = _CONSTRAINTS[kind]
    value = read_value(source, argument)
    if kind in _SPACED and isinstance(value, tuple):
        return _spaced(source, kind, value)
    texts = value if isinstance(value, tuple) else ()
    if type(value) is not wanted or not all(isinstance(text, str) for text in texts):
        source.fail(kind, f"`{kind}` takes {'a string' if wanted is str else 'a list of strings'}")
    try:
        return make(value)
    except LMError as error:
        source.fail(argument if isinstance(value, str) else kind, error.message, help=error.help)


def _spaced(source: Source, kind: Token, value: tuple[Any, ...]) -> Constraint:
    """JSON with what was said of its style: `json_schema(["...", "any"])`, or `["...", "compact", true]`: closed."""
    text, spacing, closed = (*value, None)[:3] if len(value) in (2, 3) else (None, None, None)
    if not isinstance(text, str) or spacing not in get_args(Spacing) or not isinstance(closed, bool | None):
        known = ", ".join(get_args(Spacing))
        source.fail(kind, f"`{kind}` takes a string, or a string, one of {known}, and maybe whether it is closed")
    try:
        return _SPACED[kind](text, spacing=spacing, closed=closed)
    except LMError as error:
        source.fail(kind, error.message, help=error.help)


def _tag(format: str, *, spacing: Spacing = "compact", closed: bool | None = None) -> Constraint:
    """A structural tag from its format alone, as it is printed."""
    return parse_structural_tag(f'{{"type":"structural_tag","format":{format}}}', spacing=spacing, closed=closed)


_SCALARS: dict[str, Callable[[Source, Token], Literal]] = {
    "STRING": read_string,
    "BYTES": _bytes,
    "INT": read_int,
    "FLOAT": lambda source, token: float(token),
    "SINGLE": lambda source, token: _SINGLES[token],
}
_CONSTRAINTS: dict[str, tuple[Callable[[Any], Constraint], type]] = {
    "regex": (parse_regex, str),
    "choices": (Choices, tuple),
    "json_schema": (parse_schema, str),
    "grammar": (parse_ebnf, str),
    "lark": (parse_lark, str),
    "structural_tag": (_tag, str),
    "tool_calls": (read_tool_calls, str),
}
_SPACED: dict[str, Callable[..., Constraint]] = {"json_schema": parse_schema, "structural_tag": _tag}
