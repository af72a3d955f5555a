"""ir: the plan and its program as IR text, nothing left out; `parser.irtext.parse_plan` reads it back."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lmc.compiler import Compiled
    from lmc.viz import Look


def render(compiled: Compiled, look: Look) -> str:
    """The text of the plan."""
    return str(compiled.plan)
