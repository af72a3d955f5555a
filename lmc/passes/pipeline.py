"""Runs passes one after another: takes the time, verifies what they make, tells who asked what changed.

The verifier costs more than the passes do. So what comes out is always verified, and what stands between two passes
where somebody looks: see `run_passes`. Knows no pass by name but `schedule`, without which there is no plan.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from lmc.errors import ArgumentError, LMError, VerifyError
from lmc.ir.graph import Graph
from lmc.ir.plan import Plan
from lmc.ir.verify import verify, verify_plan
from lmc.knobs import verifies_each_pass
from lmc.passes import schedule
from lmc.passes.base import NO_INPUTS, Inputs, Level, Pass, Report
from lmc.passes.planned import Planned
from lmc.passes.reproducer import is_bug, keep_reproducer

OnChange = Callable[[Pass, Graph | Plan], None]


def run_pipeline(
    graph: Graph,
    passes: Iterable[Pass],
    inputs: Inputs = NO_INPUTS,
    *,
    on_change: OnChange | None = None,
    verify_each: bool = True,
) -> Planned:
    """The plan of a graph; `schedule` is put at the end of graph passes where `passes` lacks it.

    on_change is called with the pass and its result after each pass that changed something; verify_each is that of
    `run_passes`.
    """
    chosen = _scheduled(tuple(passes))
    plan, reports = run_passes(graph, chosen, inputs, on_change=on_change, verify_each=verify_each)
    assert isinstance(plan, Plan)
    return Planned(plan, reports, inputs)


def check_pipeline(passes: Sequence[Pass]) -> None:
    """Raises ArgumentError where `run_pipeline` could not run these."""
    check_order(_scheduled(passes))


def _scheduled(passes: Sequence[Pass]) -> tuple[Pass, ...]:
    if schedule.PASS in passes:
        return tuple(passes)
    num_graph = sum(each.takes == "graph" for each in passes)
    return (*passes[:num_graph], schedule.PASS, *passes[num_graph:])


def run_passes(
    ir: Graph | Plan,
    passes: Sequence[Pass],
    inputs: Inputs = NO_INPUTS,
    *,
    on_change: OnChange | None = None,
    verify_each: bool = True,
) -> tuple[Graph | Plan, tuple[Report, ...]]:
    """What `passes` make of a graph or plan, with a report each. Raises ArgumentError where the order is wrong.

    What goes in and what each pass makes of it is verified; with verify_each=False (and LMC_DEBUG unset, and nobody
    told of changes) only what comes out. Should that break a rule, or a pass fail on what it was given, all run once
    more with the verifier between them: either way the VerifyError names the pass that is at fault.
    """
    check_order(passes, "graph" if isinstance(ir, Graph) else "plan")
    if verify_each or on_change is not None or verifies_each_pass():
        return _run_verified(ir, passes, inputs, on_change)
    try:
        return _run(ir, passes, inputs)
    except Exception as error:
        if not isinstance(error, LMError) or isinstance(error, VerifyError):
            _run_verified(ir, passes, inputs, None)
        raise


def _run(ir: Graph | Plan, passes: Sequence[Pass], inputs: Inputs) -> tuple[Graph | Plan, tuple[Report, ...]]:
    reports: list[Report] = []
    for each in passes:
        ir, report = _timed(each, ir, inputs)
        reports.append(report)
    _verify(ir)
    return ir, tuple(reports)


def _run_verified(
    ir: Graph | Plan, passes: Sequence[Pass], inputs: Inputs, on_change: OnChange | None
) -> tuple[Graph | Plan, tuple[Report, ...]]:
    _verify(ir)
    reports: list[Report] = []
    for each in passes:
        try:
            changed, report = _timed(each, ir, inputs)
            if changed is not ir:
                _verify(changed)
        except Exception as error:
            if is_bug(error):
                keep_reproducer(error, each, ir, inputs)
            raise
        reports.append(report)
        if on_change is not None and changed != ir:
            on_change(each, changed)
        ir = changed
    return ir, tuple(reports)


def _timed(each: Pass, ir: Graph | Plan, inputs: Inputs) -> tuple[Graph | Plan, Report]:
    began = time.perf_counter()
    made, report = each.run(ir, inputs)
    return made, replace(report, seconds=time.perf_counter() - began)


def check_order(passes: Iterable[Pass], level: Level = "graph") -> None:
    """Raises ArgumentError where a pass would be given a graph and needs a plan, or the other way round."""
    for each in passes:
        if each.takes != level:
            help = "put `schedule` before it" if level == "graph" else "put it before `schedule`"
            raise ArgumentError(f"pass `{each.name}` works on a {each.takes} and would get a {level}", help=help)
        level = each.level


def _verify(ir: Graph | Plan) -> None:
    verify(ir) if isinstance(ir, Graph) else verify_plan(ir)
