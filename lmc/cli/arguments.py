"""Program arguments from the command line: `--arg name=value`."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from lmc.cli.cells import MISSING, Converter
from lmc.errors import ArgumentError, did_you_mean

if TYPE_CHECKING:
    from lmc.program import Program


def parse_arguments(program: Program, given: Iterable[str]) -> dict[str, Any]:
    """Values by name.

    Raises ArgumentError for what is no `name=value`, for a name that the program lacks, and for a value that is not
    what the argument's annotation says.
    """
    values: dict[str, Any] = {}
    converter = Converter(program.func)
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name.isidentifier():
            raise ArgumentError(f"`{text}` is not an argument", help="write --arg name=value")
        if name not in program.arg_names:
            raise _unknown(program, name)
        if name in values:
            raise ArgumentError(f"argument `{name}` is given twice")
        values[name] = _value(name, value, converter, is_text=_is_text(program, name))
    return values


def check_all_there(program: Program, values: Mapping[str, Any]) -> None:
    """Raises ArgumentError where the program needs an argument that was not given."""
    needed = Converter(program.func).needed
    lacks = [name for name in needed if name not in values and name not in program.bound]
    if lacks:
        names = " and ".join(f"`{name}`" for name in lacks)
        raise ArgumentError(
            f"`{program.func.__name__}` needs {names}", help=f"give {' '.join(f'--arg {name}=...' for name in lacks)}"
        )


def _value(name: str, text: str, converter: Converter, *, is_text: bool) -> object:
    """JSON where it is JSON, else what a cell of a table would be: `yes` is true where a bool is asked for.

    An argument annotated `str` stays text, so 42 is "42".
    """
    try:
        value = json.loads(text)
    except ValueError:
        return _read(name, text, converter)
    if is_text and not isinstance(value, str):
        return text
    kind = converter.kind(name)
    is_other = kind in (int, float, bool) and value is not None and type(value) not in _FITS[kind]
    return _read(name, text, converter) if is_other else value


_FITS: dict[object, tuple[type, ...]] = {int: (int,), float: (float, int), bool: (bool,)}


def _read(name: str, text: str, converter: Converter) -> object:
    try:
        value = converter.value(name, text)
    except ValueError as error:
        raise ArgumentError(f"argument `{name}`: {error}") from None
    if value is MISSING:
        raise ArgumentError(f"argument `{name}`: it is empty", help="leave it out for its default")
    return value


def _is_text(program: Program, name: str) -> bool:
    return inspect.signature(program.func).parameters[name].annotation in (str, "str")


def _unknown(program: Program, name: str) -> ArgumentError:
    known = ", ".join(f"`{each}`" for each in program.arg_names) or "none"
    help = did_you_mean(name, program.arg_names) or f"its arguments are: {known}"
    return ArgumentError(f"`{program.func.__name__}` has no argument `{name}`", help=help)
