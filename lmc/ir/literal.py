"""Literals, names and constraints as IR text. `parser.irtext` reads back exactly what these write."""

from __future__ import annotations

import re
from typing import Any

from lmc.ir.constraint import Choices, Grammar, JsonSchema, Lark, Regex, Spacing, StructuralTag, ToolCalls
from lmc.ir.types import UNSET

RESERVED = frozenset(("none", "true", "false", "unset", "inf", "nan", "if", "loop", "for", "do", "at", "try", "except"))

_BARE_VALUE = re.compile(r"[\w.]+")
_BARE_WORD = re.compile(r"[^\W\d]\w*")
_NAMED = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_WORDS = {None: "none", True: "true", False: "false", UNSET: "unset", ...: "..."}


def spelled(value: object) -> str:
    """The repr of a value to compare it by; Python refuses that of an integer of many digits."""
    try:
        return repr(value)
    except ValueError:
        return literal(value)


def quote(text: str) -> str:
    """A string in double quotes; every code point comes back, lone surrogates and controls included."""
    if text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(char: str) -> str:
    if char in _NAMED:
        return _NAMED[char]
    if char.isprintable():
        return char
    code = ord(char)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def quote_bytes(data: bytes) -> str:
    """Bytes as b"...", with everything but printable ASCII as \\xNN."""
    return 'b"' + "".join(chr(b) if 32 <= b < 127 and b not in b'"\\' else f"\\x{b:02x}" for b in data) + '"'


def sigil(mark: str, name: str) -> str:
    """A value or extern name behind its mark: %easy, %s.1, and %"a b" for what is not letters, digits, _ and dots."""
    return mark + (name if _BARE_VALUE.fullmatch(name) else quote(name))


def word(name: str) -> str:
    """A program, attribute or key name: bare where it is an identifier and no word of the language."""
    return name if _BARE_WORD.fullmatch(name) and name not in RESERVED else quote(name)


def literal(value: Any) -> str:
    """A literal or attribute as text. What is neither prints as <its repr>, which does not parse."""
    kind = type(value)
    if kind is str:
        return quote(value)
    if kind is int:
        return str(value) if value.bit_length() < 10_000 else hex(value)  # Python limits decimal digits, not hex ones
    if kind is float:
        return repr(value)
    if kind is tuple:
        return "[" + ", ".join(map(literal, value)) + "]"
    if kind is bytes:
        return quote_bytes(value)
    if kind in _SINGLE:
        return _WORDS[value]
    return _constraint(value)


_SINGLE = frozenset(type(value) for value in _WORDS)


def _constraint(value: Any) -> str:
    match value:
        case Regex(pattern=text):
            return f"regex({quote(text)})"
        case Choices(options=options):
            return f"choices({literal(options)})"
        case JsonSchema(text, spacing=spacing, closed=closed):
            return f"json_schema({_styled(text, spacing, closed)})"
        case Grammar(text=text):
            return f"grammar({quote(text)})"
        case Lark(text=text):
            return f"lark({quote(text)})"
        case StructuralTag(text, spacing=spacing, closed=closed):
            return f"structural_tag({_styled(text, spacing, closed)})"
        case ToolCalls(text=text):
            return f"tool_calls({quote(text)})"
    return f"<{value!r}>"


def _styled(text: str, spacing: Spacing, closed: bool | None) -> str:
    """A text alone, or in a list with what was said of its JSON: `["...", "any", true]`."""
    if closed is not None:
        return literal((text, spacing, closed))
    return quote(text) if spacing == "compact" else literal((text, spacing))
