"""Pictures of a planned program: one file a view. Same input, same bytes out.

To add a view, write its file with a `render(planned, terminal) -> str` and add one line here.
Those of RUN_FORMATS take what a run came to as well.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from lmc.collector import collector_paused
from lmc.errors import ArgumentError, did_you_mean
from lmc.viz.terminal import DEFAULT_WIDTH, PLAIN, Terminal

if TYPE_CHECKING:
    from lmc.passes.planned import Planned
    from lmc.viz.figures import Figures

__all__ = ["DEFAULT_WIDTH", "FORMATS", "FSM_FORMATS", "PLAIN", "RUN_FORMATS", "Terminal", "emit", "emit_fsm"]

FORMATS: dict[str, str] = {
    "table": "lmc.viz.table",
    "ir": "lmc.viz.irtext",
    "tree": "lmc.viz.tree",
    "dot": "lmc.viz.dot",
    "mermaid": "lmc.viz.mermaid",
    "json": "lmc.viz.json",
    "svg": "lmc.viz.svg",
    "svg-graph": "lmc.viz.svg_graph",
    "html": "lmc.viz.html",
}
RUN_FORMATS = ("svg", "svg-graph", "html")
FSM_FORMATS: dict[str, str] = {
    "ascii": "lmc.viz.fsm_ascii",
    "dot": "lmc.viz.fsm_dot",
    "svg": "lmc.viz.fsm_svg",
}


@collector_paused()
def emit(planned: Planned, format: str = "table", terminal: Terminal = PLAIN, figures: Figures | None = None) -> str:
    """The planned program as text, ending in a newline. Raises ArgumentError for a format that is none of FORMATS.

    figures  what a run of it came to, which the pictures (RUN_FORMATS) show too
    """
    if format not in FORMATS:
        help = did_you_mean(format, FORMATS, repr) or f"the formats are {', '.join(FORMATS)}"
        raise ArgumentError(f"there is no format {format!r}", help=help)
    more = (figures,) if format in RUN_FORMATS else ()
    text: str = importlib.import_module(FORMATS[format]).render(planned, terminal, *more)
    return text


def emit_fsm(planned: Planned, name: str, format: str = "ascii", terminal: Terminal = PLAIN) -> str:
    """The compressed automaton of one call's constraint, drawn as ascii, dot or svg.

    Raises ArgumentError for a name that no constrained call has, or a constraint without an automaton.
    """
    if format not in FSM_FORMATS:
        raise ArgumentError(f"there is no format {format!r}", help=f"the formats are {', '.join(FSM_FORMATS)}")
    from lmc.viz.constraints import Constraints
    from lmc.viz.fsm import fsm_of_call

    fsm = fsm_of_call(Constraints(planned), name)
    text: str = importlib.import_module(FSM_FORMATS[format]).render(fsm, terminal)
    return text
