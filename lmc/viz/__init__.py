"""Pictures of a compiled program: one file a view. Same input, same bytes out.

To add a view, write its file with a `render(compiled, look) -> str` and add one line here.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lmc.errors import ArgumentError, did_you_mean

if TYPE_CHECKING:
    from lmc.compiler import Compiled

FORMATS: dict[str, str] = {
    "table": "lmc.viz.table",
    "ir": "lmc.viz.irtext",
    "tree": "lmc.viz.tree",
    "dot": "lmc.viz.dot",
    "mermaid": "lmc.viz.mermaid",
    "json": "lmc.viz.json",
}
FSM_FORMATS: dict[str, str] = {
    "ascii": "lmc.viz.fsm_ascii",
    "dot": "lmc.viz.fsm_dot",
    "svg": "lmc.viz.fsm_svg",
}
DEFAULT_WIDTH = 100


@dataclass(frozen=True, slots=True)
class Look:
    """How wide a table or tree may get, in columns, and whether it is coloured (for a terminal)."""

    width: int = DEFAULT_WIDTH
    color: bool = False


PLAIN = Look()


def emit(compiled: Compiled, format: str = "table", look: Look = PLAIN) -> str:
    """The compiled program as text, ending in a newline. Raises ArgumentError for a format that is none of FORMATS."""
    if format not in FORMATS:
        help = did_you_mean(format, FORMATS, repr) or f"the formats are {', '.join(FORMATS)}"
        raise ArgumentError(f"there is no format {format!r}", help=help)
    text: str = importlib.import_module(FORMATS[format]).render(compiled, look)
    return text


def emit_fsm(compiled: Compiled, name: str, format: str = "ascii", look: Look = PLAIN) -> str:
    """The compressed automaton of one call's constraint, drawn as ascii, dot or svg.

    Raises ArgumentError for a name that no constrained call has, or a constraint without an automaton.
    """
    if format not in FSM_FORMATS:
        raise ArgumentError(f"there is no format {format!r}", help=f"the formats are {', '.join(FSM_FORMATS)}")
    from lmc.viz.constraints import Constraints
    from lmc.viz.fsm import fsm_of_call

    fsm = fsm_of_call(Constraints(compiled), name)
    text: str = importlib.import_module(FSM_FORMATS[format]).render(fsm, look)
    return text
