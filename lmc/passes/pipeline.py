"""Runs passes one after another: verifies after each, takes the time, tells who asked what changed.

Knows no pass by name but `schedule`, without which there is no plan.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from lmc.errors import ArgumentError, VerifyError
from lmc.ir.graph import Graph
from lmc.ir.plan import Plan
from lmc.ir.verify import verify, verify_plan
from lmc.passes import schedule
from lmc.passes.base import NO_INPUTS, Inputs, Level, Pass, Report
from lmc.passes.planned import Planned

OnChange = Callable[[Pass, Graph | Plan], None]


def run_pipeline(
    graph: Graph, passes: Iterable[Pass], inputs: Inputs = NO_INPUTS, *, on_change: OnChange | None = None
) -> Planned:
    """The plan of a graph; `schedule` is put at the end of graph passes where `passes` lacks it.

    on_change is called with the pass and its result after each pass that changed something.
    """
    row = tuple(passes)
    if schedule.PASS not in row:
        num_graph = sum(each.takes == "graph" for each in row)
        row = (*row[:num_graph], schedule.PASS, *row[num_graph:])
    plan, reports = run_passes(graph, row, inputs, on_change=on_change)
    assert isinstance(plan, Plan)
    return Planned(plan, reports, inputs)


def run_passes(
    ir: Graph | Plan, passes: Sequence[Pass], inputs: Inputs = NO_INPUTS, *, on_change: OnChange | None = None
) -> tuple[Graph | Plan, tuple[Report, ...]]:
    """What `passes` make of a graph or plan, with a report each. Raises ArgumentError where the order is wrong."""
    check_order(passes, "graph" if isinstance(ir, Graph) else "plan")
    reports: list[Report] = []
    for each in passes:
        began = time.perf_counter()
        changed, report = each.run(ir, inputs)
        reports.append(replace(report, seconds=time.perf_counter() - began))
        _verify(each, changed)
        if on_change is not None and changed != ir:
            on_change(each, changed)
        ir = changed
    return ir, tuple(reports)


def check_order(passes: Iterable[Pass], level: Level = "graph") -> None:
    """Raises ArgumentError where a pass would be given a graph and needs a plan, or the other way round."""
    for each in passes:
        if each.takes != level:
            help = "put `schedule` before it" if level == "graph" else "put it before `schedule`"
            raise ArgumentError(f"pass `{each.name}` works on a {each.takes} and would get a {level}", help=help)
        level = each.level


def _verify(each: Pass, ir: Graph | Plan) -> None:
    try:
        verify(ir) if isinstance(ir, Graph) else verify_plan(ir)
    except VerifyError as error:
        error.notes += (f"this is a bug in lmc: pass `{each.name}` made it",)
        raise
