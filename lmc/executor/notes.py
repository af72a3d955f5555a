"""Where a failure came from, put on the exception: the user's line and the node."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from lmc.errors import LMError
from lmc.ir.graph import Node
from lmc.ir.printer import print_node
from lmc.source import Span

E = TypeVar("E", bound=BaseException)

LMC_FOLDER = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


def noted(error: E, node: Node) -> E:
    """The error with a note on where it was raised, once; an LMError without a span gets the node's."""
    return located(error, node.span, partial(one_line, node))


def located(error: E, span: Span | None, line: Callable[[], str]) -> E:
    """The error with a note on where it was raised, once: the user's line, or `line` where that cannot be read.

    An LMError gets the span instead, which shows the line by itself.
    """
    if isinstance(error, LMError):
        error.span = error.span or span
        if error.span is not None and error.span.text():
            return error
    if not any(note.startswith("at ") for note in getattr(error, "__notes__", ())):
        said = span.text().strip() if span else ""
        error.add_note(f"at {span.place if span else '?'}, in `{said or line()}`")
    return error


def without_place(error: BaseException) -> str | None:
    """Take that note off the error again; what it said."""
    notes: list[str] = getattr(error, "__notes__", [])
    found = next((note for note in notes if note.startswith("at ") and note.endswith("`")), None)
    if found is not None:
        notes.remove(found)
        if not notes:
            del error.__notes__
    return found


def from_user(error: E) -> E:
    """The error with a traceback that begins in the user's code, and keeps no frame of ours alive."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith(LMC_FOLDER):
        trace = trace.tb_next
    if trace is None and isinstance(error, AssertionError):
        return error  # our own bug: where it happened is worth more
    return error.with_traceback(trace)


def one_line(node: Node) -> str:
    """The node as text, what is inside its regions left out."""
    first, *rest = print_node(node).splitlines()
    return f"{first} ... }}" if rest else first
