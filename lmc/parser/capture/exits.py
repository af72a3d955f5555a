"""How a block is left: the field `$exit` of a frame, and tracing under a test.

Break, continue and return are not control flow in a graph, they are a value: what `$exit` holds. While every path
agrees it is an int that the trace knows; after a branch in which one arm left it is a run-time int, which the rest of
the block is tested against.
"""

from __future__ import annotations

from collections.abc import Callable

from lmc.ir.graph import Lit, Value
from lmc.ir.types import INT
from lmc.parser.capture.context import Capture
from lmc.parser.capture.merge import branch
from lmc.parser.capture.tracer import BREAK, CONTINUE, RETURN, RUNNING, Arm
from lmc.parser.capture.values import Frame, Sym

__all__ = ["BREAK", "CONTINUE", "RETURN", "RUNNING", "leave", "settle_exit", "surely_leaves", "under"]


AFTER_LOOP = (RUNNING, RUNNING, RUNNING, RETURN)  # by how the loop was left: how the block around it goes on


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
    branch(cx.t, cond, then, other)


def settle_exit(cx: Capture, frame: Frame) -> None:
    """After a loop: break and continue have done their work, a return goes on."""
    left = frame.fields["$exit"]
    if not isinstance(left, Sym):
        if left != RETURN:
            cx.t.write(frame, "$exit", RUNNING)
    elif RETURN not in frame.exits:
        cx.t.write(frame, "$exit", RUNNING)
    else:
        after = cx.t.host("item", Lit(AFTER_LOOP), left.value, type=INT)
        cx.t.names[after.name] = "exit"
        cx.t.write(frame, "$exit", Sym(after))
    frame.exits &= {RETURN}
