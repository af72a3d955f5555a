"""A program that cannot be captured runs as Python: which errors mean that, and the line that says so."""

from __future__ import annotations

import logging

from lmc.codes import ABOUT_BREAKS
from lmc.errors import CaptureError
from lmc.source import Span

_said: set[tuple[str | None, Span | None]] = set()  # breaks that were told of: as many as there are in the programs


def is_graph_break(error: CaptureError) -> bool:
    """True where capture has met what it cannot put into a graph, and Python could go on."""
    return error.code is not None and error.code.startswith(ABOUT_BREAKS)


def say_broken(program: str, error: CaptureError) -> None:
    """Say once for each break, through the logger "lmc", that the program runs without a graph, and what would help."""
    key = (error.code, error.span)
    if key in _said:
        return
    _said.add(key)
    place = f" at {error.span.place}" if error.span else ""
    logging.getLogger("lmc").warning(
        "lmc: `%s` runs as Python, without a graph: %s%s: %s; for a graph: %s",
        program, error.code, place, error.message, error.help or "see its code",
    )  # fmt: skip
