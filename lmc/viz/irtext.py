"""ir: the plan and its program as IR text, nothing left out; `parser.irtext.parse_plan` reads it back."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lmc.passes.planned import Planned
    from lmc.viz.terminal import Terminal


def render(planned: Planned, terminal: Terminal) -> str:
    """The text of the plan."""
    return str(planned.plan)
