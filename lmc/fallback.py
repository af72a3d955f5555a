"""A program that cannot be captured runs as Python: which errors mean that, and the line that says so."""

from __future__ import annotations

import logging

from lmc.codes import CODES, how_to_read
from lmc.errors import ArgumentError, BackendError, ChatTemplateError, ConstraintError, LMError
from lmc.parser.capture.breaks import fault
from lmc.source import Span

# of the program itself, found before it runs: they would be its errors without a graph too
OF_THE_PROGRAM = (ConstraintError, BackendError, ChatTemplateError)

# errors that were told of: as many as there are in the programs
_said: set[tuple[str, str | None, Span | None]] = set()


def is_refusal(error: Exception) -> bool:
    """True where an error says that there is no graph, and not that the program is wrong.

    A graph break is one, and so is whatever else goes wrong in capture: Python can still run, and has the last word.
    """
    return not isinstance(error, OF_THE_PROGRAM)


def say_broken(program: str, error: Exception) -> None:
    """Say once for each break, in a line of the logger "lmc", that the program runs without a graph and what to do.

    A mistake in a call is most often said by the run itself, so it is only information here.
    """
    broken = error if isinstance(error, LMError) else fault(error, None)
    code, span = broken.code, broken.span
    key = (code or f"{program} {broken.message}", code, span)
    if key in _said:
        return
    _said.add(key)
    logging.getLogger("lmc").log(
        logging.INFO if isinstance(broken, ArgumentError) else logging.WARNING,
        "lmc: `%s` runs as Python, without a graph: %s%s: %s%s (%sfullgraph=True makes it an error)",
        program, code or type(broken).__name__, f" at {span.place}" if span else "",
        _one_line(broken.message),
        f"; for a graph: {_one_line(broken.help)}" if broken.help else "",
        f"{how_to_read(code)}, " if code in CODES else "",
    )  # fmt: skip


def _one_line(text: str) -> str:
    return " ".join(text.split())
