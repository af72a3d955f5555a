"""Programs run as the Python they are: the unmodified function in a greenlet, over the executor's requests.

A call is submitted where the program makes it, and the program goes on; where it reads what is not there yet, the other
programs run. Needs no thread for a program, no graph, and no source. What the program's own Python does runs on the
thread that steps the run: a `time.sleep` or a slow tool holds up every program of the batch.
"""

from lmc.eager.async_program import AsyncItem
from lmc.eager.expressions import Expressions
from lmc.eager.item import EagerItem, run_inside
from lmc.eager.program_greenlet import ProgramGreenlet, current
from lmc.eager.record import ProgramRecord
from lmc.eager.recorded import recorded
from lmc.eager.task_greenlet import EventLoop

__all__ = [
    "AsyncItem", "EagerItem", "EventLoop", "Expressions", "ProgramGreenlet", "ProgramRecord", "current", "recorded",
    "run_inside",
]  # fmt: skip
