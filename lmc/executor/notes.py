"""Where a failure came from, put on the exception: the user's line and the node."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from types import TracebackType
from typing import TypeVar

from lmc.errors import LMError
from lmc.ir.graph import Node
from lmc.ir.printer import print_node
from lmc.knobs import shows_tracebacks
from lmc.source import Span

E = TypeVar("E", bound=BaseException)

SAID = (LMError, TypeError, ValueError, LookupError)  # what our own code raises to tell the user something
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
    """The error with the user's frames alone, so that it keeps none of ours alive.

    What may be a bug of ours keeps those behind the user's: where it happened is worth more.
    """
    frames = list(_frames(error.__traceback__))
    is_ours = [frame.tb_frame.f_code.co_filename.startswith(LMC_FOLDER) for frame in frames]
    if all(is_ours):
        return error if isinstance(error, AssertionError) else error.with_traceback(None)
    if is_ours[-1] and (shows_tracebacks() or not isinstance(error, SAID)):
        return error.with_traceback(frames[is_ours.index(False)])
    trace = None
    for frame, ours in zip(reversed(frames), reversed(is_ours)):
        if not ours:
            trace = TracebackType(trace, frame.tb_frame, frame.tb_lasti, frame.tb_lineno)
    return error.with_traceback(trace)


def _frames(trace: TracebackType | None) -> Iterator[TracebackType]:
    while trace is not None:
        yield trace
        trace = trace.tb_next


def one_line(node: Node) -> str:
    """The node as text, what is inside its regions left out."""
    first, *rest = print_node(node).splitlines()
    return f"{first} ... }}" if rest else first
