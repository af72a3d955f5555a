"""liveness: when each prefix is used again, and so what is worth keeping until then.

    #0 gen prompt "Doc" %doc "A" prefix p0         #0 ... hints gang g0, pin p0 for 60.0 in 2
    #1 gen after #0 prompt "B" %x                  #1 ... hints prefetch p0
    #2 gen after #1 prompt "Doc" %doc %y      ->   #2 ... hints gang g1, again 1
    #3 gen after #2 prompt "Doc" %doc %y %z        #3 ... hints gang g1, release p0

A distance is counted in waves: from a call to the next one that begins with the same, and stands in the other arm of
no branch; in a loop also around its back edge, where the prefix is the same in each turn.

`again` says that a later call begins with the whole prompt and the answer: a conversation, a tool between two calls, a
loop whose state is carried. What is not kept by that is pinned: the deepest prefix of each distance. It is released
with its last use. `prefetch` stands in the wave before a use that lies two or more waves off. In a loop a call also has
a prefix of its own, from what it shares with other calls up to the first hole that a turn fills anew.

Hints only: a use that does not come costs room for a time. Keeps: the graph, the steps and their order.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import takewhile

from lmc.ir.graph import Atom, Block, Graph, Value
from lmc.ir.hints import Hint, HintKind
from lmc.ir.ops import OPS
from lmc.ir.plan import Plan, Prefix, Step
from lmc.ir.types import STATE
from lmc.ir.wave_times import WaveTimes
from lmc.passes.base import Inputs, Pass, Report
from lmc.passes.flat_prompts import FlatPrompts, atom_of
from lmc.passes.lineage import goes_on_from

PIN_S = 60.0  # a call seldom takes longer; what is lost then is computed again
LEVELS = 8  # prefixes of a call, the deepest first, that are looked at
MAX_PIECES = 1000  # of a prompt in a loop that are looked through
KINDS: tuple[HintKind, ...] = ("again", "pin", "release", "prefetch")

Distances = dict[int, int]  # by prefix


def run(plan: Plan, inputs: Inputs) -> tuple[Plan, Report]:
    """The plan with hints on what is used again; those of these kinds that it had are left out."""
    whole = _with_loop_prefixes(plan)
    found = _Uses(whole)
    hints: dict[int, list[Hint]] = {step.id: [] for step in whole.steps}
    for id, hint in (*_agains(whole, found), *_pins(whole, found)):
        hints[id].append(hint)
    steps = tuple(_with_hints(step, hints[step.id]) for step in whole.steps)
    counts = Counter(hint.kind for each in hints.values() for hint in each)
    return replace(whole, steps=steps), Report("liveness", tuple((kind, counts[kind]) for kind in KINDS))


def _with_hints(step: Step, hints: Iterable[Hint]) -> Step:
    kept = (hint for hint in step.hints if hint.kind not in KINDS)
    made = (*kept, *sorted(hints, key=lambda hint: KINDS.index(hint.kind)))
    return replace(step, hints=made) if made != step.hints else step


# --- distances -------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Uses:
    """What calls use when, and what of it comes again.

    agains  for each call the waves to the next that goes on from it, where one does; `kept` are those next ones
    nexts   for each call the waves to the next use of its prefixes, the deepest first
    after   for each call and prefix of `nexts` the call that uses it next
    """

    plan: Plan
    times: WaveTimes = field(init=False)
    varying: Mapping[str, frozenset[int]] = field(init=False)
    agains: dict[int, int] = field(init=False)
    kept: set[int] = field(init=False)
    nexts: dict[int, Distances] = field(init=False)
    after: dict[tuple[int, int], int] = field(init=False)

    def __post_init__(self) -> None:
        self.times = WaveTimes(self.plan)
        self.kept = set()
        self.agains = self._agains()
        self.after = {}
        self.nexts = {step.id: {} for step in self.plan.steps}
        self._find_nexts()

    def distance(self, one: int, other: int, loops: Iterable[int]) -> int | None:
        """Waves from a call to another that comes later, if need be in the next turn of one of these loops."""
        times = self.times
        straight = times.starts[other] - times.starts[one]
        if straight > 0 and not times.exclude(one, other):
            return straight
        for loop in loops:
            if other == one or loop in times.around[other]:
                return max(1, times.lengths[loop] + straight)
        return None

    def _agains(self) -> dict[int, int]:
        plan = self.plan
        nodes, of_node = plan.graph.nodes, {step.node: step.id for step in plan.steps}
        before = goes_on_from(plan.graph)
        found: dict[int, int] = {}
        for step in plan.steps:
            state = nodes[step.node].inputs[0] if OPS[step.op].kind == "model" else None
            for call in before.get(state.name, ()) if isinstance(state, Value) else ():
                one = of_node[call]
                far = self.distance(one, step.id, self.times.loops(one))
                if far is not None:
                    self.kept.add(step.id)
                    found[one] = min(far, found.get(one, far))
        return found

    def _find_nexts(self) -> None:
        """From the deepest prefixes upwards, with the calls of what is below."""
        plan, starts = self.plan, self.times.starts
        asked: dict[int, list[int]] = {prefix.id: [] for prefix in plan.prefixes}
        uses: dict[int, list[tuple[int, int]]] = {prefix.id: [] for prefix in plan.prefixes}
        parents = {prefix.id: prefix.parent for prefix in plan.prefixes}
        for step in plan.steps:
            for number in _upwards(step.prefix, parents, LEVELS):
                asked[number].append(step.id)
            if step.prefix is not None:
                insort(uses[step.prefix], (starts[step.id], step.id))
        varies = _varying(plan)
        for prefix in reversed(plan.prefixes):
            for id in asked[prefix.id]:
                self._find_next(prefix.id, id, uses[prefix.id], varies[prefix.id])
            if prefix.parent is not None:
                small, large = sorted((uses.pop(prefix.id), uses[prefix.parent]), key=len)
                for use in small:
                    insort(large, use)
                uses[prefix.parent] = large

    def _find_next(self, prefix: int, id: int, uses: list[tuple[int, int]], varies: frozenset[int]) -> None:
        starts = self.times.starts
        loops = [loop for loop in self.times.loops(id) if loop not in varies]
        at = bisect_left(uses, (starts[id] + 1, -1))
        behind = (uses[i][1] for i in range(at, len(uses)))  # no slice: it would be copied at each call
        later = next((other for other in behind if not self.times.exclude(id, other)), None)
        around = [(self.distance(id, other, loops) or 0, other) for _, other in uses] if loops else []
        if later is not None:
            around.append((starts[later] - starts[id], later))
        nearest = min((each for each in around if each[0] > 0), default=None)
        if nearest is not None:
            self.nexts[id][prefix], self.after[id, prefix] = nearest


def _upwards(number: int | None, parents: Mapping[int, int | None], most: int) -> Iterator[int]:
    while number is not None and most:
        yield number
        number, most = parents[number], most - 1


def _varying(plan: Plan) -> dict[int, frozenset[int]]:
    """For each prefix the regions in which a value in it is made: in a loop of those it is new in each turn."""
    made = _made_in(plan.graph)
    of_node = {step.node: step.id for step in plan.steps}
    found: dict[int, frozenset[int]] = {}
    for prefix in plan.prefixes:  # parents come before children
        above = frozenset[int]() if prefix.parent is None else found[prefix.parent]
        own = {of_node[node] for atom in prefix.pieces if isinstance(atom, Value) for node in made[atom.name]}
        found[prefix.id] = above | own
    return found


def _made_in(graph: Graph) -> dict[str, tuple[int, ...]]:
    """For each value the numbers of the region nodes around where it is made.

    A state that the turns of a loop hand on as it came is made where the loop found it.
    """
    found: dict[str, tuple[int, ...]] = {param.value.name: () for param in graph.params}
    prompts, count = FlatPrompts(graph), -1

    def visit(block: Block, around: tuple[int, ...], inputs: tuple[Atom, ...]) -> None:
        nonlocal count
        found.update((param.name, around) for param in block.params)
        handed = block.end.inputs[1:] if block.end.op == "next" else ()
        for param, came, goes in zip(reversed(block.params), reversed(inputs), reversed(handed)):
            if param.type == STATE and isinstance(came, Value) and _is_whole(prompts, goes, param):
                found[param.name] = found[came.name]
        for node in block.nodes:
            count += 1
            found.update((value.name, around) for value in node.outputs)
            number = count
            for region in node.regions:
                visit(region, (*around, number), node.inputs)

    visit(graph.body, (), ())
    return found


def _is_whole(prompts: FlatPrompts, state: Atom, begin: Value) -> bool:
    """Whether a state's prompt is that of another one, with nothing behind it."""
    return isinstance(state, Value) and [*map(atom_of, prompts.of(state))] == [begin]


# --- hints -----------------------------------------------------------------------------------------------


def _agains(plan: Plan, uses: _Uses) -> Iterator[tuple[int, Hint]]:
    yield from ((id, Hint("again", waves)) for id, waves in uses.agains.items())


def _pins(plan: Plan, uses: _Uses) -> Iterator[tuple[int, Hint]]:
    """Pins, the releases with their last uses, and what is fetched before it is used."""
    pinned: set[int] = set()
    fetched: set[tuple[int, int]] = set()
    for step in plan.steps:
        seen = {uses.agains.get(step.id)}
        for prefix, waves in uses.nexts[step.id].items():
            # what the next use goes on from is kept for it, and holds this prefix
            if waves in seen or uses.after[step.id, prefix] in uses.kept:
                continue
            seen.add(waves)
            pinned.add(prefix)
            yield step.id, Hint("pin", prefix, PIN_S, waves=waves)
            before = _wave_before(plan, uses, step.id, prefix, waves)
            if before is not None and (before, prefix) not in fetched:
                fetched.add((before, prefix))
                yield before, Hint("prefetch", prefix)
    parents = {prefix.id: prefix.parent for prefix in plan.prefixes}
    for step in plan.steps:
        for prefix in _upwards(step.prefix, parents, LEVELS):
            if prefix in pinned and prefix not in uses.nexts[step.id]:
                yield step.id, Hint("release", prefix)


def _wave_before(plan: Plan, uses: _Uses, id: int, prefix: int, waves: int) -> int | None:
    """The first call that starts one wave before the next use of a prefix, beside it in its region."""
    if waves < 2:
        return None
    steps, starts = {step.id: step for step in plan.steps}, uses.times.starts
    used = uses.after[id, prefix]
    when = starts[used] - 1
    beside = (
        step.id
        for step in steps.values()
        if step.inside == steps[used].inside and OPS[step.op].kind == "model" and starts[step.id] == when
    )
    return next((each for each in beside if each != id), None)


# --- loops -----------------------------------------------------------------------------------------------


def _with_loop_prefixes(plan: Plan) -> Plan:
    """The plan with a prefix for each call in a loop: what its prompt begins with in each turn.

    It stands under the one that the call has, or above it, where that one ends with what is new in each turn.
    """
    times = WaveTimes(plan)
    calls = [step for step in plan.steps if OPS[step.op].kind == "model" and len(step.prompt) <= MAX_PIECES]
    inside = {step.id: loops[0] for step in calls if (loops := times.loops(step.id))}
    if not inside:
        return plan
    made, node_of = _made_in(plan.graph), {step.id: step.node for step in plan.steps}
    tree = _Prefixes(plan)
    for step in calls:
        loop = inside.get(step.id)
        if loop is not None:
            alike = takewhile(lambda atom, loop=loop: _is_alike(atom, node_of[loop], made), step.prompt)  # type: ignore[misc]
            tree.add(step, tuple(alike), loop)
    return tree.plan() if tree.has_changed else plan


class _Prefixes:
    """The prefixes of a plan, and those that are put in."""

    def __init__(self, plan: Plan) -> None:
        self._plan, self._varies = plan, _varying(plan)
        self._of = {prefix.id: prefix for prefix in plan.prefixes}
        self._order = [prefix.id for prefix in plan.prefixes]
        self._deepest = {step.id: step.prefix for step in plan.steps}
        self.has_changed = False

    def add(self, step: Step, alike: tuple[Atom, ...], loop: int) -> None:
        """What a call's prompt begins with in each turn of a loop, if that is not a prefix already."""
        below, at = None, self._deepest[step.id]
        while at is not None and loop in self._varies[at]:
            below, at = at, self._of[at].parent
        more = alike[self._num_pieces(at) :]
        if not more or (below is not None and not self._is_begun_by(more, self._of[below])):
            return
        self.has_changed = True
        number = max(self._order, default=-1) + 1
        self._varies[number] = frozenset() if at is None else self._varies[at]
        if below is None:
            self._of[number] = Prefix(number, at, more, None, (step.id,), 1)
            self._order.append(number)
            self._deepest[step.id] = number
            return
        old = self._of[below]
        self._of[number] = replace(old, id=number, pieces=more, tokens=None)
        self._of[below] = replace(old, parent=number, pieces=old.pieces[len(more) :], tokens=None)
        self._order.insert(self._order.index(below), number)

    def plan(self) -> Plan:
        """The plan with all of them, numbered as they stand; a gang has the number of its prefix."""
        numbers: dict[int | None, int | None] = {None: None, **{old: new for new, old in enumerate(self._order)}}
        prefixes = [
            replace(self._of[old], id=new, parent=numbers[self._of[old].parent]) for new, old in enumerate(self._order)
        ]
        steps = (self._renumbered(step, numbers) for step in self._plan.steps)
        return replace(self._plan, steps=tuple(steps), prefixes=tuple(prefixes))

    def _renumbered(self, step: Step, numbers: Mapping[int | None, int | None]) -> Step:
        hints = tuple(
            replace(hint, target=numbers.get(hint.target) or 0) if hint.kind == "gang" else hint for hint in step.hints
        )
        return replace(step, prefix=numbers[self._deepest[step.id]], hints=hints)

    def _is_begun_by(self, more: tuple[Atom, ...], prefix: Prefix) -> bool:
        return len(more) < len(prefix.pieces) and prefix.pieces[: len(more)] == more

    def _num_pieces(self, number: int | None) -> int:
        """Pieces from the beginning of a prompt; a prefix may end within one, which is then counted twice."""
        num = 0
        while number is not None:
            num, number = num + len(self._of[number].pieces), self._of[number].parent
        return num


def _is_alike(atom: Atom, loop: int, made: Mapping[str, tuple[int, ...]]) -> bool:
    return not isinstance(atom, Value) or loop not in made[atom.name]


PASS = Pass(name="liveness", level="plan", takes="plan", run=run, doc=__doc__)
