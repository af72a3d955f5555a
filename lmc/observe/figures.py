"""A run as the pictures show it: its calls joined to the steps of its plan, and its forward passes to its calls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lmc.ir.ops import OPS
from lmc.passes.reasons import MISSES
from lmc.viz.figures import CallFigures, CallInPass, Figures, PassFigures

if TYPE_CHECKING:
    from lmc.executor.made_call import MadeCall
    from lmc.observe.timeline import Timeline
    from lmc.passes.planned import Planned

MAX_ROWS = 40_000  # of passes that a picture has


def figures_of(made: Sequence[MadeCall], planned: Planned, timeline: Timeline | None, item: int) -> Figures:
    """The figures of an item's calls. Of what ran as Python each call is a step of what was recorded, in this order."""
    plan, is_recorded = planned.plan, planned.report("recorded") is not None
    calls = sorted(made, key=lambda call: call.position)
    steps = [step for step in plan.steps if OPS[step.op].kind == "model"]
    by_node = {step.node: step.id for step in steps}
    ids = [step.id for step in steps] if is_recorded else [by_node.get(call.position[-1]) for call in calls]
    known = [(call, id) for call, id in zip(calls, ids) if id is not None]
    places = {rid: place for place, (call, _) in enumerate(known) for rid in call.rids}
    found = tuple(_call(call, id) for call, id in known)
    return Figures(found, _passes(timeline, places, item) if timeline is not None else ())


def _call(call: MadeCall, step: int) -> CallFigures:
    ended = [each.usage for each in call.finished if each is not None]
    missed = next((each.missed for each in call.finished if each is not None), None)
    texts = [end.text for end in call.ends if end is not None]
    return CallFigures(
        step=step,
        cached=sum(usage.cached_tokens for usage in ended),
        computed=sum(usage.computed_tokens for usage in ended),
        output=sum(usage.output_tokens for usage in ended),
        begin_s=call.begin_s,
        first_s=call.first_s,
        end_s=call.end_s,
        came="\n".join(texts),
        missed="" if missed is None else f"{missed.tokens} tokens: {missed.reason}: {MISSES[missed.reason]}",
    )


def _passes(timeline: Timeline, places: dict[int, int], item: int) -> tuple[PassFigures, ...]:
    found: list[PassFigures] = []
    room = MAX_ROWS
    for each in timeline.passes:
        rows = []
        for row in each.rows:
            asked = timeline.asked.get(row.rid)
            place = places.get(row.rid) if asked is not None and asked.item == item else None
            rows.append(CallInPass(place, row.cached_tokens, row.computed_tokens, row.output_tokens))
        room -= len(rows)
        if room < 0:
            break
        found.append(PassFigures(each.begin_s, each.seconds, each.num_tokens, tuple(rows)))
    return tuple(found)
