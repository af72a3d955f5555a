"""as_it_ran: the plan of a run that is over, whose steps wait for what the program had read.

    %s2, %x = gen %s1                #0 gen %x wave 0
    (the program reads %x)     ->    #1 gen %y wave 1 after #0
    %s4, %y = gen %s3

`schedule` knows of a value that goes into a prompt. What Python has made of one is a literal in the graph of a run, so
here a call also waits for all answers that the program had read before it made the call.

Not one of the pipeline's: there is nothing to run. Keeps: the graph.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import replace

from lmc.ir.graph import Graph
from lmc.ir.plan import Plan, Step
from lmc.passes import schedule
from lmc.passes.base import Inputs, Pass, Report


def as_it_ran(after: Mapping[int, Set[int]]) -> Pass:
    """In the place of `schedule`; `after` has the calls before each call, by the numbers of their nodes."""

    def run(graph: Graph, inputs: Inputs) -> tuple[Plan, Report]:
        plan, report = schedule.run(graph, inputs)
        steps = _ordered(plan.steps, after)
        waves = max((step.wave + 1 for step in steps), default=0)
        counts = tuple((name, waves if name == "waves" else count) for name, count in report.counts)
        return replace(plan, steps=steps), replace(report, counts=counts)

    return replace(schedule.PASS, run=run, doc=__doc__)


def _ordered(steps: tuple[Step, ...], after: Mapping[int, Set[int]]) -> tuple[Step, ...]:
    of_node = {step.node: step.id for step in steps}
    done: dict[int, Step] = {}
    for step in steps:
        waits = {*step.after, *(of_node[node] for node in after.get(step.node, ()))}
        wave = max((done[id].wave + 1 for id in waits), default=0)
        done[step.id] = replace(step, after=tuple(sorted(waits)), wave=wave)
    return tuple(done.values())
