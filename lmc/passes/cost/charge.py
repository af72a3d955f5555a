"""What the calls of a trace cost: of the tokens of each prompt, which are computed and which are there already.

A prefix is computed once, whoever asks for it first. Two marks are kept on the tree of all prompts: what is surely
there, which bounds from above what is computed, and what may be there, which bounds it from below. A text that is not
known may turn out to be what stands beside it, so behind such a place nothing is sure to be new.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from lmc.passes.cost.alternatives import EVERY_WAY, Way
from lmc.passes.cost.interval import NOTHING, Interval, one_of
from lmc.passes.cost.prompts import CostPrompts, TokenSize
from lmc.passes.cost.trace import BranchTrace, CallTrace, CostTrace, FunctionTrace, LoopTrace, Part, TryTrace
from lmc.passes.prefix_tree import TreeNode

TOTAL = -1  # stands for all calls together, where others have the number of their step


@dataclass(frozen=True, slots=True)
class Cost:
    """What calls come to.

    calls     requests that are made
    prompt    tokens of all their prompts, of each sample
    cached    of these, those that were there
    computed  of these, the others
    output    tokens that are generated
    """

    calls: Interval = NOTHING
    prompt: Interval = NOTHING
    cached: Interval = NOTHING
    computed: Interval = NOTHING
    output: Interval = NOTHING

    def __add__(self, other: Cost) -> Cost:
        return Cost(*(getattr(self, name) + getattr(other, name) for name in COUNTS))

    def maybe(self, share: float, is_bounded: bool = True) -> Cost:
        """What may not come, or come again and again."""
        return Cost(*(getattr(self, name).maybe(share, is_bounded) for name in COUNTS))

    @property
    def kv(self) -> Interval:
        """Tokens whose keys and values are made, each once: what the run holds where nothing is evicted."""
        return self.computed + self.output


COUNTS = ("calls", "prompt", "cached", "computed", "output")
FREE = Cost()
Costs = dict[int, Cost]


@dataclass(slots=True)
class Charger:
    """Adds up traces, one after another.

    caches  whether what prompts begin with alike is computed once
    """

    prompts: CostPrompts
    caches: bool = True
    _sure: dict[TreeNode, tuple[Way, ...]] = field(default_factory=dict)  # on which ways it is surely there
    _may: set[TreeNode] = field(default_factory=set)
    _added: list[TreeNode] = field(default_factory=list)  # to `sure`, in order
    _way: Way = EVERY_WAY  # that the part leads along which is being charged
    _ends: dict[TreeNode, Interval] = field(default_factory=dict)
    _clear: dict[TreeNode, bool] = field(default_factory=dict)
    _apart_below: dict[TreeNode, bool] = field(default_factory=dict)
    _is_lost: bool = False  # calls were passed whose prompts are not all in the tree

    def charge(self, trace: CostTrace) -> Costs:
        """The costs by step, and those of all."""
        found: Costs = {}
        for part in trace.parts:
            if isinstance(part, CallTrace):
                cost = self._call(part)
                found[part.step] = found.get(part.step, FREE) + cost
                found[TOTAL] = found.get(TOTAL, FREE) + cost
            else:
                _add(found, self._region(part))
        return found

    def _region(self, part: Part) -> Costs:
        match part:
            case BranchTrace(arms):
                return _either([(self._arm(trace, way), share) for trace, share, way in arms])
            case LoopTrace():
                return self._turns(part)
            case TryTrace(body, handler):
                return self._tried(body, handler)
            case FunctionTrace(body):
                costs = self.charge(body)
                self._is_lost = True
                return {step: _again(cost) for step, cost in costs.items()}
        raise AssertionError(part)

    def _turns(self, part: LoopTrace) -> Costs:
        found: Costs = {}
        for trace, _ in part.turns[: part.num_sure]:
            _add(found, self.charge(trace))
        mark = len(self._added)
        for number, (trace, share) in enumerate(part.turns[part.num_sure :], part.num_sure + 1):
            costs = self.charge(trace)
            is_last = number == len(part.turns)
            _add(found, {step: cost.maybe(share, part.is_bounded or not is_last) for step, cost in costs.items()})
        if not part.is_bounded and part.num_sure == len(part.turns) and part.turns:
            last = self.charge(part.turns[-1][0])
            _add(found, {step: cost.maybe(0.0, is_bounded=False) for step, cost in last.items()})
        self._undo(mark)
        self._is_lost |= not part.is_bounded and any(trace.parts for trace, _ in part.turns)
        return found

    def _tried(self, body: CostTrace, handler: CostTrace) -> Costs:
        mark = len(self._added)
        tried = self.charge(body)
        self._undo(mark)
        handled = self._apart(handler)
        found: Costs = {}
        for step in {**tried, **handled}:
            a, b = tried.get(step, FREE), handled.get(step, FREE)
            found[step] = Cost(*(_ended_early(getattr(a, name), getattr(b, name)) for name in COUNTS))
        return found

    def _arm(self, trace: CostTrace, way: Way | None) -> Costs:
        """An arm; what it puts into the cache is there for whatever is on the same way."""
        if way is None:
            return self._apart(trace)
        outer, self._way = self._way, self._way | way
        costs = self.charge(trace)
        self._way = outer
        return costs

    def _apart(self, trace: CostTrace) -> Costs:
        """What may be done: nothing of it is surely there afterwards."""
        mark = len(self._added)
        costs = self.charge(trace)
        self._undo(mark)
        return costs

    def _undo(self, mark: int) -> None:
        for node in reversed(self._added[mark:]):
            self._sure[node] = self._sure[node][:-1]
        del self._added[mark:]

    # --- one call --------------------------------------------------------------------------------------------

    def _call(self, call: CallTrace) -> Cost:
        nodes = dict.fromkeys(call.prompts)
        on_ways = list(zip(call.prompts, call.ways)) if len(nodes) > 1 else [(node, EVERY_WAY) for node in nodes]
        shares = call.shares if len(nodes) > 1 else (1.0,)
        prompt = one_of([(self._size(node), share) for (node, _), share in zip(on_ways, shares)])
        new = one_of([(self._new(node, self._way | way), share) for (node, way), share in zip(on_ways, shares)])
        for node, way in on_ways:
            self._mark(node, None if call.is_idle else self._way | way)
        if call.cuts_last:
            prompt = Interval.between(max(1, prompt.least - call.cuts_last), prompt.most, prompt.expected)
            new = Interval.between(min(1, new.least), new.most, new.expected)
        if call.is_idle:
            prompt, new = prompt.maybe(1.0), new.maybe(1.0)
        samples = call.samples
        whole = prompt.times(samples)
        again = Interval(samples.least - 1, samples.expected - 1, None if samples.most is None else samples.most - 1)
        again = again.maybe(1.0) if call.is_idle else again
        computed = new + again if self.caches else whole
        calls = Interval.exactly(1)
        if call.again:  # the prompt is there then
            calls, whole = Interval(1, 1.0, 2), Interval(whole.least, whole.expected, _twice(whole.most))
            computed += Interval(0, 0.0, samples.most) if self.caches else Interval(0, 0.0, whole.most)
        if not self.prompts.encode:
            computed = Interval(min(1, computed.least), computed.expected, computed.most)
        return Cost(calls, whole, whole.less(computed), computed, call.output.times(samples))

    def _new(self, node: TreeNode, way: Way) -> Interval:
        """Tokens of a prompt that are computed; the last one always is."""
        expected, most = 0.0, 0
        is_bounded, least = True, 0
        for each in self._not_sure(node, way):
            size = self._size_of(each).computed
            is_bounded = is_bounded and size.most is not None
            most += size.most or 0
            expected += size.expected
        if not self._is_lost:
            fresh = (each for each in _up(node, self._may) if self._is_clear(each))
            least = sum(self._size_of(each).computed.least for each in fresh)
        return Interval.between(max(1, least), max(1, most) if is_bounded else None, max(1.0, expected))

    def _not_sure(self, node: TreeNode | None, way: Way) -> Iterator[TreeNode]:
        """A node and those above it, up to one that is surely there on this way."""
        while node is not None and not any(there <= way for there in self._sure.get(node, ())):
            yield node
            node = node.above

    def _mark(self, node: TreeNode, way: Way | None) -> None:
        """Notes that a prompt may be there, and on which way it surely is, if on any."""
        self._may.update(list(_up(node, self._may)))
        if way is None:
            return
        for each in list(self._not_sure(node, way)):
            self._sure[each] = (*self._sure.get(each, ()), way)
            self._added.append(each)

    def _size_of(self, node: TreeNode) -> TokenSize:
        return self.prompts.size_of(node.ids)

    def _size(self, node: TreeNode) -> Interval:
        """Tokens up to the end of a node."""
        for each in reversed(list(_up(node, self._ends))):
            before = self._ends[each.above] if each.above is not None else NOTHING
            self._ends[each] = before + self._size_of(each).tokens
        return self._ends[node]

    def _is_clear(self, node: TreeNode) -> bool:
        """True where no prompt that begins otherwise can turn out to begin alike up to here."""
        for each in reversed(list(_up(node, self._clear))):
            above = each.above
            self._clear[each] = above is None or (self._clear[above] and self._tells_apart(above))
        return self._clear[node]

    def _tells_apart(self, node: TreeNode) -> bool:
        """True where what goes on from a node in several ways begins with tokens that are known."""
        if node not in self._apart_below:
            self._apart_below[node] = len(node.below) < 2 or all(id >= 0 for id in node.below)
        return self._apart_below[node]


def _up(node: TreeNode | None, known: object) -> Iterator[TreeNode]:
    """A node and those above it, up to one that is known."""
    while node is not None and node not in known:  # type: ignore[operator]
        yield node
        node = node.above


def _add(found: Costs, more: Costs) -> None:
    for step, cost in more.items():
        found[step] = found.get(step, FREE) + cost


def _either(arms: list[tuple[Costs, float]]) -> Costs:
    steps = {step for costs, _ in arms for step in costs}
    return {step: _one_cost([(costs.get(step, FREE), share) for costs, share in arms]) for step in steps}


def _one_cost(options: list[tuple[Cost, float]]) -> Cost:
    return Cost(*(one_of([(getattr(cost, name), share) for cost, share in options]) for name in COUNTS))


def _ended_early(body: Interval, handler: Interval) -> Interval:
    """A body that may end anywhere and then its handler."""
    most = None if body.most is None or handler.most is None else body.most + handler.most
    return Interval.between(min(body.least, handler.least), most, body.expected)


def _again(cost: Cost) -> Cost:
    return cost + cost.maybe(0.0, is_bounded=False)


def _twice(number: int | None) -> int | None:
    return None if number is None else 2 * number
