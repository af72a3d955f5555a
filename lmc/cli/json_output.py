"""JSON and IR on stdout: what the encoding of the output lacks is escaped, so that whoever reads it has what was
written. Text for people has a question mark there instead.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import IO

import click


def echo_json(text: str, *, nl: bool = True, file: IO[str] | None = None) -> None:
    """Print JSON as `click.echo` does. What is not ASCII in it stands in strings, where it can be escaped."""
    click.echo(sayable(text, "json", file), nl=nl, file=file)


def sayable(text: str, format: str, file: IO[str] | None = None) -> str:
    """A text in this format as the file, or stdout, can take it."""
    escape = _ESCAPES.get(format)
    if escape is None:
        return text
    try:
        text.encode(getattr(file or sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return "".join(c if c.isascii() else escape(c) for c in text)
    return text


def _in_ir(char: str) -> str:
    code = ord(char)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


_ESCAPES: dict[str, Callable[[str], str]] = {"json": lambda char: json.dumps(char)[1:-1], "ir": _in_ir}
