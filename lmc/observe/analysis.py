"""A run that is over beside what was foretold of it: which call took what, joined to the steps of its plan.

The counts of all are the engine's own; those of a call are what its request said that it cost.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lmc import arguments as arguments_of
from lmc.ir.ops import OPS
from lmc.viz.analysis import Actual, Analysis

if TYPE_CHECKING:
    from lmc.compiler import Compiled
    from lmc.executor.made_call import MadeCall
    from lmc.observe.report import RunReport
    from lmc.passes.cost import ProgramCost
    from lmc.program import Program
    from lmc.result import Result

Leaves = Mapping[tuple[str | int, ...], object]


def analysis_of(results: Sequence[Result], report: RunReport, cost: ProgramCost | None, why: str = "") -> Analysis:
    """What became of items that ran the same plan. Raises what `Result.compiled` raises."""
    compiled = results[0].compiled
    steps: dict[int | None, Actual] = {}
    for result in results:
        for step, call in _by_step(compiled, result.made_calls):
            steps[step] = steps.get(step, Actual()) + _actual(call)
    total = Actual(
        report.requests, report.prompt_tokens, report.cached_tokens, report.computed_tokens, report.output_tokens
    )
    seconds = sum(actual.seconds for actual in steps.values())
    return Analysis(compiled.planned, steps, replace(total, seconds=seconds), report.forward_passes, cost, why)


def leaves_of(program: Program, compiled: Compiled, item: Any) -> Leaves:
    """The arguments of an item as the compiled program knows them."""
    given = dict(item) if isinstance(item, Mapping) else {}
    args = () if isinstance(item, Mapping) else tuple(item)
    bound = arguments_of.bind(program.func, program.bound, args, given)
    return {param.path: arguments_of.value_at(bound, param.path) for param in compiled.graph.params}


def _by_step(compiled: Compiled, made: Sequence[MadeCall]) -> Iterator[tuple[int | None, MadeCall]]:
    """Each call with its step; of what ran as Python each call is a step of what was recorded, in this order."""
    nodes = compiled.plan.graph.nodes
    models = [step for step in compiled.plan.steps if OPS[step.op].kind == "model"]
    calls = sorted(made, key=lambda call: call.position)
    if compiled.planned.report("recorded") is not None and len(models) == len(calls):
        yield from ((step.id, call) for step, call in zip(models, calls))
        return
    steps = {step.node: step.id for step in models}
    for call in calls:
        params = call.params
        is_its = params.number in steps and nodes[params.number].span == params.span
        yield steps[params.number] if is_its else None, call


def _actual(call: MadeCall) -> Actual:
    usages = [sample.usage for sample in call.finished if sample is not None]
    return Actual(
        call.num_asked,
        sum(usage.prompt_tokens for usage in usages),
        sum(usage.cached_tokens for usage in usages),
        sum(usage.computed_tokens for usage in usages),
        sum(usage.output_tokens for usage in usages),
        max(0.0, (call.end_s or call.begin_s) - call.begin_s),
    )
