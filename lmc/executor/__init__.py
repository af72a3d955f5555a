"""Runs plans: a futures executor on one thread, over any session.

`run` is the loop, `runnable` a plan made ready, `steps`, `nodeops` and `regions` what nodes do, `callsteps`, `calls`
and `requests` how a model call is asked and answered, `state` the program state at run time.
"""

from lmc.executor.instance import Outcome
from lmc.executor.run import Executor, Item, Job, OnEvent

__all__ = ["Executor", "Item", "Job", "OnEvent", "Outcome"]
