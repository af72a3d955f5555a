"""Where in the user's code a primitive stands that runs now."""

from __future__ import annotations

import sys
from functools import lru_cache
from types import CodeType, TracebackType

from lmc.executor.notes import LMC_FOLDER
from lmc.source import Span

NOWHERE = Span("?", 0)


Where = tuple[CodeType, int]  # a code object, and how far it has come


def where() -> Where | None:
    """The user's innermost frame, None where there is none; `span_of` says which line that is."""
    frame = sys._getframe(1)
    while frame.f_code.co_filename.startswith(LMC_FOLDER):
        if frame.f_back is None:
            return None
        frame = frame.f_back
    return frame.f_code, frame.f_lasti


def place() -> Span:
    """The innermost line of the user's."""
    at = where()
    return NOWHERE if at is None else _span(*at)


def span_of(at: Where | None) -> Span | None:
    """The line of a place that was kept."""
    return None if at is None else _span(*at)


def place_of(trace: TracebackType | None) -> Span | None:
    """The innermost line of the user's in a traceback, None where there is none."""
    found = None
    while trace is not None:
        if not trace.tb_frame.f_code.co_filename.startswith(LMC_FOLDER):
            found = _span(trace.tb_frame.f_code, trace.tb_lasti)
        trace = trace.tb_next
    return found


@lru_cache(32)  # a long function's are made once, not walked through at each of its calls
def _positions(code: CodeType) -> tuple[tuple[int | None, int | None, int | None, int | None], ...]:
    return tuple(code.co_positions())


@lru_cache(4096)
def _span(code: CodeType, at: int) -> Span:
    positions = _positions(code)
    line, last, col, end = positions[at // 2] if at // 2 < len(positions) else (None, None, None, None)
    line = line or code.co_firstlineno
    if col is None or end is None:
        return Span(code.co_filename, line)
    text = Span(code.co_filename, line).text()
    if not text.isascii():  # columns are counted in bytes
        col, end = (len(text.encode()[:at].decode(errors="ignore")) for at in (col, end))
    return Span(code.co_filename, line, col + 1, end + 1 if last == line else len(text) + 1)
