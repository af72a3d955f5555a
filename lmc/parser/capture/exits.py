"""How a block is left: the slot `$exit` of a frame, and tracing under a test."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lmc.ir.graph import Value
from lmc.parser.capture.tracer import BREAK, CONTINUE, RETURN, RUNNING, Arm

if TYPE_CHECKING:
    from lmc.parser.capture.context import Capture

__all__ = ["BREAK", "CONTINUE", "RETURN", "RUNNING", "leave", "surely_leaves", "under"]


def leave(cx: Capture, how: int) -> None:
    """Leave the block: break, continue or return."""
    cx.frame.exits.add(how)
    cx.t.write(cx.frame, "$exit", how)


def surely_leaves(cx: Capture, arm: Arm) -> bool:
    """True where the arm breaks, continues or returns on every path."""
    left = arm.now(cx.frame, "$exit")
    return isinstance(left, int) and left != RUNNING


def under(cx: Capture, cond: Value, body: Callable[[], None]) -> None:
    """Trace `body` in a branch without an else."""
    span = cx.t.span
    then, other = Arm(cx.t), Arm(cx.t)
    then.run(body)
    cx.t.span = span
    cx.t.branch(cond, then, other)
