"""Where in a user's files a place of a grammar's text is: mostly it stands in a string of the program."""

from __future__ import annotations

from lmc.codes import INVALID
from lmc.errors import ConstraintError, LMError
from lmc.ir.grammar import Place
from lmc.source import Span, span_in_string


def located(
    kind: str, text: str, place: Place | None, problem: str, span: Span | None, help: str = "", code: str = ""
) -> ConstraintError:
    """The error of a grammar, at its place in the file that writes it, or else with its line and a caret."""
    if place is None:
        return ConstraintError(f"in this {kind}, {problem}", span=span, help=help or None, code=code or INVALID)
    line, column = place
    lines = text.splitlines()
    notes = (lines[line - 1] if line <= len(lines) else "", " " * (column - 1) + "^")
    message = f"in this {kind}, {problem}, at line {line} column {column}"
    error = ConstraintError(message, span=span, notes=notes, help=help or None, code=code or INVALID)
    error.origin = (text, place)
    point_into_file(error)
    return error


def point_into_file(error: LMError) -> None:
    """Give the error of a grammar its place in the file, where its call is known and the file writes the grammar."""
    if not isinstance(error, ConstraintError) or error.origin is None:
        return
    there = span_in_string(*error.origin, error.span)
    if there is not None:
        error.span, error.notes, error.origin = there, (), None
