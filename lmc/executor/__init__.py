"""Runs plans: a futures executor on one thread, over any session.

`run` is the loop, `item` what it takes, `events` what it tells; `runnable` is a plan made ready, `steps`, `nodeops`
and `regions` what nodes do; `call_params`, `requests`, `callsteps` and `calls` how a model call is described, asked and
answered; `state` is the program state at run time, `branches` what is told of its text.
"""

from lmc.executor.events import CallEnded, CallStarted, Detail, ItemEnded, RunEvent, TextGrew
from lmc.executor.hostcalls import DEFAULT_WORKERS
from lmc.executor.instance import Outcome, Startable
from lmc.executor.item import Arguments, FailedItem, PlanItem
from lmc.executor.limits import NO_LIMITS, Backoff, CallLimits, Later
from lmc.executor.notes import from_user
from lmc.executor.run import Executor, Run

__all__ = [
    "DEFAULT_WORKERS", "NO_LIMITS",
    "Arguments", "Backoff", "CallEnded", "CallLimits", "CallStarted", "Detail", "Executor", "FailedItem",
    "ItemEnded", "Later", "Outcome", "PlanItem", "Run", "RunEvent", "Startable", "TextGrew",
    "from_user",
]  # fmt: skip
