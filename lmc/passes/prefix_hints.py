"""What a plan's prefixes advise: which calls go together, and which prefix to keep until it is needed again.

    #0 gen prompt "Doc" %doc "A" prefix p0              #0 ... hints gang g0
    #1 gen prompt "Doc" %doc "B" prefix p0        ->    #1 ... hints gang g0, pin p0 for 60.0
    #2 call @tool after #0                              #2 ...
    #3 gen after #2 prompt "Doc" %doc %x prefix p0      #3 ... hints gang g0, release p0

Calls with the same deepest prefix are a gang, one for all items where nothing in the prefix depends on the item.

A prefix is pinned where a call of a later wave begins with it again and waits for something that does not: meanwhile
others may have the cache. Where it waits only for calls that begin with the prefix themselves, these have just used
it, and no pin is needed. All calls must stand in one block: in a branch or a loop the last one is not known. Of
nested prefixes with the same calls at both ends only the longest is pinned, as it holds the shorter ones.
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
    """(prefix, call that pins it, call that releases it) of those worth a pin; nested ones with the same calls once."""
    steps = {step.id: step for step in plan.steps}
    longest: dict[tuple[int, int], int] = {}
    for prefix in plan.prefixes:  # parents come before children: the last one of a key is the longest
        ends = _pin_ends(prefix, [steps[id] for id in prefix.steps])
        if ends is not None:
            longest[ends] = prefix.id
    for (first, last), prefix_id in longest.items():
        yield prefix_id, first, last


def _pin_ends(prefix: Prefix, calls: list[Step]) -> tuple[int, int] | None:
    """The last call before the prefix lies idle for the first time, and the last one behind an idle time."""
    calls = sorted(calls, key=lambda step: step.wave)
    behind = [step for step in calls if any(id not in prefix.steps for id in step.after)]
    if not behind or len({step.inside for step in calls}) > 1:
        return None
    before = [step for step in calls if step.wave < behind[0].wave]
    while behind and not before:  # the first calls wait for others too: nothing is there yet to be kept
        behind = behind[1:]
        before = [step for step in calls if behind and step.wave < behind[0].wave]
    return (before[-1].id, behind[-1].id) if before else None
