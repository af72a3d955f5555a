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

from bisect import bisect_left, insort
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush

from lmc.ir.graph import Lit
from lmc.ir.hints import Hint
from lmc.ir.plan import Plan, Step
from lmc.passes.nests import Nests

PIN_S = 60.0  # a call seldom takes longer; what is lost then is computed again

Ends = Mapping[int, Sequence[int | None]]  # for each step the deepest prefix of each of its calls
Place = tuple[int, int]  # a step by its wave and number


def with_hints(plan: Plan, nests: Nests, ends: Ends) -> Plan:
    """The plan with the hints that its prefixes give; those it had are left out."""
    shared = shared_prefixes(plan)
    hints: dict[int, list[Hint]] = {step.id: [] for step in plan.steps}
    for step in plan.steps:
        if step.prefix is not None:
            hints[step.id].append(Hint("gang", step.prefix, is_shared=step.prefix in shared))
    for prefix, first, last in _pinned(plan, nests, ends):
        hints[first].append(Hint("pin", prefix, PIN_S))
        hints[last].append(Hint("release", prefix))
    return replace(plan, steps=tuple(_with_hints(step, tuple(hints[step.id])) for step in plan.steps))


def _with_hints(step: Step, hints: tuple[Hint, ...]) -> Step:
    return replace(step, hints=hints) if hints != step.hints else step


def shared_prefixes(plan: Plan) -> frozenset[int]:
    """The prefixes that are the same text for every item: there is no hole in them, nor in what is above."""
    found: set[int] = set()
    for prefix in plan.prefixes:
        above = prefix.parent is None or prefix.parent in found
        if above and all(isinstance(piece, Lit) for piece in prefix.pieces):
            found.add(prefix.id)
    return frozenset(found)


def _pinned(plan: Plan, nests: Nests, ends: Ends) -> Iterator[tuple[int, int, int]]:
    """(prefix, call that pins it, call that releases it) of those worth a pin; nested ones with the same calls once."""
    longest: dict[tuple[int, int], int] = {}
    for prefix, found in enumerate(_pin_ends(plan, nests, ends)):  # the last one of a key is the longest
        if found is not None:
            longest[found] = prefix
    for (first, last), prefix in longest.items():
        yield prefix, first, last


def _pin_ends(plan: Plan, nests: Nests, ends: Ends) -> list[tuple[int, int] | None]:
    """For each prefix the call that pins it and the one that releases it; None where no pin is worth it."""
    groups = [_Group() for _ in nests.parents]
    steps = {step.id: step for step in plan.steps}
    sorted_ends = {id: sorted(number for number in found if number is not None) for id, found in ends.items()}
    for id, numbers in sorted_ends.items():
        for number in numbers:
            groups[number].add(steps[id], _idle_depth(steps[id], number, nests, sorted_ends))
    found: list[tuple[int, int] | None] = []
    for number in reversed(range(len(groups))):
        group, parent = groups[number], nests.parents[number]
        group.rise_to(nests.depths[number])
        found.append(group.ends())
        if parent is not None:
            groups[parent] = groups[parent].united(group)
    return found[::-1]


def _idle_depth(step: Step, number: int, nests: Nests, ends: Mapping[int, Sequence[int]]) -> int:
    """A call that goes through `number` waits for one that does not begin with the same prefix, of those deeper."""
    return min((nests.shared_depth(number, ends.get(id, ())) for id in step.after), default=nests.depths[number])


@dataclass(slots=True)
class _Group:
    """The calls that begin with a prefix.

    calls   all of them, in order of their waves
    behind  those that wait for something which does not begin with it
    rising  (-depth, call): from this depth on upwards the call is no longer one of `behind`
    blocks  the regions they stand in
    """

    calls: list[Place] = field(default_factory=list)
    behind: list[Place] = field(default_factory=list)
    rising: list[tuple[int, Place]] = field(default_factory=list)
    blocks: set[int | None] = field(default_factory=set)

    def add(self, step: Step, idle_depth: int) -> None:
        place = (step.wave, step.id)
        insort(self.calls, place)
        insort(self.behind, place)
        heappush(self.rising, (-idle_depth, place))
        self.blocks.add(step.inside)

    def united(self, other: _Group) -> _Group:
        """Both groups in the larger one."""
        small, large = sorted((self, other), key=lambda group: len(group.calls))
        for mine, more in ((large.calls, small.calls), (large.behind, small.behind)):
            for place in more:
                insort(mine, place)
        for each in small.rising:
            heappush(large.rising, each)
        large.blocks |= small.blocks
        return large

    def rise_to(self, depth: int) -> None:
        """From now on the calls of a prefix of this depth."""
        while self.rising and -self.rising[0][0] >= depth:
            del self.behind[bisect_left(self.behind, heappop(self.rising)[1])]

    def ends(self) -> tuple[int, int] | None:
        """The last call before the prefix lies idle for the first time, and the last one behind an idle time."""
        # the first calls may wait for others too: nothing is there yet to be kept
        at = bisect_left(self.behind, (self.calls[0][0] + 1, -1))
        if at == len(self.behind) or len(self.blocks) > 1:
            return None
        before = bisect_left(self.calls, (self.behind[at][0], -1))
        return self.calls[before - 1][1], self.behind[-1][1]
