"""What a program will cost: the fewest calls and tokens, those that are expected, and the most; it only reads.

    #0 gen %x ... max_tokens=6     ->   calls 1, prompt tokens 9, computed 9, generated 1 to 6
    #1 if %t { #2 gen %y ... }     ->   calls 0 to 1, prompt tokens 0 to 21 ...

Bounds are of runs that end without an error, of whose calls none is tried again, on an engine that begins with nothing
in its cache and has room for all of it. A bound that is not known is none: there is no number that may be false.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lmc.collector import collector_paused
from lmc.ir.ops import OPS
from lmc.ir.plan import Plan
from lmc.passes.base import ArgPath, Inputs
from lmc.passes.cost.charge import COUNTS, FREE, TOTAL, Charger, Cost
from lmc.passes.cost.interval import Interval
from lmc.passes.cost.learnt import Learnt
from lmc.passes.cost.walk import Walker
from lmc.source import Span

__all__ = ["COUNTS", "FREE", "Cost", "Interval", "Learnt", "ProgramCost", "cost_of"]


@dataclass(frozen=True, slots=True)
class ProgramCost:
    """The cost of a plan.

    total      of all items together
    steps      of each model call, by the number of its step
    unbounded  where the regions stand whose turns have no bound
    items      how many there are
    runs       earlier runs that what is expected comes from
    """

    total: Cost
    steps: Mapping[int, Cost]
    unbounded: tuple[Span | None, ...]
    items: int
    runs: int

    @property
    def is_exact(self) -> bool:
        """True where the calls and all tokens of prompts are known."""
        total = self.total
        return all(each.is_exact for each in (total.calls, total.prompt, total.cached, total.computed))


@collector_paused()
def cost_of(
    plan: Plan,
    inputs: Inputs,
    *,
    items: Sequence[Mapping[ArgPath, object]] | None = None,
    learnt: Learnt | None = None,
    caches: bool = True,
) -> ProgramCost:
    """The cost of a plan for the items of a batch; what is not given of them is not known.

    caches  whether the backend computes what prompts begin with alike once
    """
    learnt = learnt or Learnt()
    batch = items if items is not None else inputs.batch or ({},)
    walker = Walker(plan, inputs, learnt)
    traces = [walker.item(arguments) for arguments in batch]
    charger = Charger(walker.prompts, caches)
    steps = {step.id: FREE for step in plan.steps if OPS[step.op].kind == "model"}
    total = FREE
    for trace in traces:
        for step, cost in charger.charge(trace).items():
            if step == TOTAL:
                total += cost
            else:
                steps[step] += cost
    spans = tuple(dict.fromkeys(node.span for node in walker.unbounded))
    return ProgramCost(total, steps, spans, len(batch), learnt.runs)
