"""A run that is over beside what was foretold of it: which call took what, joined to the steps of its plan.

The counts of all are the engine's own; those of a call are what its request said that it cost.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lmc import arguments as arguments_of
from lmc.viz.analysis import Actual, Analysis

if TYPE_CHECKING:
    from lmc.compiler import Compiled
    from lmc.executor.made_call import MadeCall
    from lmc.passes.cost import ProgramCost
    from lmc.program import Program
    from lmc.report import RunReport
    from lmc.result import Result

Leaves = Mapping[tuple[str | int, ...], object]


def analysis_of(results: Sequence[Result], report: RunReport, cost: ProgramCost | None, why: str = "") -> Analysis:
    """What became of items that ran the same plan. Raises what `Result.compiled` raises."""
    compiled = results[0].compiled
    steps = _by_step(compiled, (call for result in results for call in result.made_calls))
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


def _by_step(compiled: Compiled, made: Iterable[MadeCall]) -> dict[int | None, Actual]:
    nodes = compiled.plan.graph.nodes
    steps = {step.node: step.id for step in compiled.plan.steps}
    found: dict[int | None, Actual] = {}
    for call in made:
        number = call.params.number
        is_its = number in steps and nodes[number].span == call.params.span and nodes[number].op == call.params.op
        step = steps[number] if is_its else None
        found[step] = found.get(step, Actual()) + _actual(call)
    return found


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
