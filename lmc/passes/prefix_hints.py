"""What a plan's prefixes advise: which calls go together, and which prefix to keep until it is needed again.

    #0 gen prompt "Doc" %doc "A" prefix p0            #0 ... hints gang g0, pin p0 for 60.0
    #1 gen prompt "Doc" %doc "B" prefix p0     ->     #1 ... hints gang g0
    #2 gen after #0 prompt "Doc" %doc %x prefix p0    #2 ... hints gang g0, release p0

Calls with the same deepest prefix are a gang, one for all items where nothing in the prefix depends on the item.

A prefix that calls of a later wave begin with again is pinned by the first of its calls and released by the last,
where all of them stand in one block: in a branch or a loop the last one is not known. Of nested prefixes with the same
first and last call only the longest is pinned, as it holds the shorter ones. A call runs once its wave's calls have
ended, so what is not used by a later wave needs no pin: its calls are in the queue together.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from lmc.ir.graph import Lit
from lmc.ir.hints import Hint
from lmc.ir.plan import Plan, Prefix, Step

PIN_S = 60.0  # a call seldom takes longer; what is lost then is computed again


def with_hints(plan: Plan) -> Plan:
    """The plan with the hints that its prefixes give; those it had are left out."""
    shared = shared_prefixes(plan)
    hints: dict[int, list[Hint]] = {step.id: [] for step in plan.steps}
    for step in plan.steps:
        if step.prefix is not None:
            hints[step.id].append(Hint("gang", step.prefix, is_shared=step.prefix in shared))
    for prefix, first, last in _pinned(plan):
        hints[first].append(Hint("pin", prefix, PIN_S))
        hints[last].append(Hint("release", prefix))
    return replace(plan, steps=tuple(replace(step, hints=tuple(hints[step.id])) for step in plan.steps))


def shared_prefixes(plan: Plan) -> frozenset[int]:
    """The prefixes that are the same text for every item: there is no hole in them, nor in what is above."""
    found: set[int] = set()
    for prefix in plan.prefixes:
        above = prefix.parent is None or prefix.parent in found
        if above and all(isinstance(piece, Lit) for piece in prefix.pieces):
            found.add(prefix.id)
    return frozenset(found)


def _pinned(plan: Plan) -> Iterator[tuple[int, int, int]]:
    """(prefix, first call, last call) of those worth a pin; nested ones with the same calls once."""
    steps = {step.id: step for step in plan.steps}
    longest: dict[tuple[int, int], int] = {}
    for prefix in plan.prefixes:  # parents come before children: the last one of a key is the longest
        ends = _first_and_last(prefix, steps)
        if ends is not None:
            longest[ends] = prefix.id
    for (first, last), prefix_id in longest.items():
        yield prefix_id, first, last


def _first_and_last(prefix: Prefix, steps: dict[int, Step]) -> tuple[int, int] | None:
    """A call of its first wave and one of its last, where these differ and all stand in one block."""
    calls = [steps[id] for id in prefix.steps]
    if len({step.inside for step in calls}) > 1:
        return None
    first, last = min(calls, key=lambda step: step.wave), max(reversed(calls), key=lambda step: step.wave)
    return (first.id, last.id) if first.wave < last.wave else None
