"""Where in a user's files a place of a grammar's text is: mostly it stands in a string of the program."""

from __future__ import annotations

import ast
import linecache
from functools import lru_cache

from lmc.codes import INVALID
from lmc.errors import ConstraintError, LMError
from lmc.ir.grammar import Place
from lmc.source import Span

MAX_SOURCE = 2_000_000  # characters of a file that is looked at


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
    there = span_of(*error.origin, error.span)
    if there is not None:
        error.span, error.notes, error.origin = there, (), None


def span_of(text: str, place: Place, span: Span | None) -> Span | None:
    """The place in the file of `span`; None where the line of the grammar does not stand there as it is, or twice."""
    if span is None:
        return None
    line, column = place
    lines = text.splitlines()
    if not 0 < line <= len(lines):
        return None
    for shown in dict.fromkeys((lines[line - 1], lines[line - 1].replace("\\", "\\\\"))):
        found = [
            (number, source.find(shown))
            for first, last in _strings(span.file, text)
            for number in range(first, last + 1)
            if (source := linecache.getline(span.file, number)).count(shown) == 1
        ]
        if len(found) != 1 and lines.count(lines[line - 1]) == 1:
            continue
        if found:
            number, at = found[min(lines[: line - 1].count(lines[line - 1]), len(found) - 1)]
            begin = at + column + shown[: column - 1].count("\\\\") * (shown != lines[line - 1])
            return Span(span.file, number, begin, begin + 1)
    return None


@lru_cache(maxsize=64)
def _strings(file: str, text: str) -> tuple[tuple[int, int], ...]:
    """The first and last lines of the strings of a file that are this text."""
    source = "".join(linecache.getlines(file))
    if not source or len(source) > MAX_SOURCE:
        return ()
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return ()
    return tuple(
        (node.lineno, node.end_lineno or node.lineno)
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and node.value == text
    )
