"""Program arguments from the command line: `--arg name=value`."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from lmc.errors import ArgumentError, did_you_mean

if TYPE_CHECKING:
    from lmc.program import Program


def parse_arguments(program: Program, given: Iterable[str]) -> dict[str, Any]:
    """Values by name. Raises ArgumentError for what is not a `name=value`, and for a name that the program lacks."""
    values: dict[str, Any] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name.isidentifier():
            raise ArgumentError(f"`{text}` is not an argument", help="write --arg name=value")
        if name not in program.arg_names:
            raise _unknown(program, name)
        if name in values:
            raise ArgumentError(f"argument `{name}` is given twice")
        values[name] = _value(value, is_text=_is_text(program, name))
    return values


def _value(text: str, *, is_text: bool) -> object:
    """JSON where it is JSON, else the text; an argument annotated `str` stays text, so 42 is "42"."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return text if is_text and not isinstance(value, str) else value


def _is_text(program: Program, name: str) -> bool:
    return inspect.signature(program.func).parameters[name].annotation in (str, "str")


def _unknown(program: Program, name: str) -> ArgumentError:
    known = ", ".join(f"`{each}`" for each in program.arg_names) or "none"
    help = did_you_mean(name, program.arg_names) or f"its arguments are: {known}"
    return ArgumentError(f"`{program.func.__name__}` has no argument `{name}`", help=help)
