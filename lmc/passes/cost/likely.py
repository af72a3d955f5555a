"""The one run that is likeliest: each question is answered as most runs do, each loop turns as often as is expected.

    if %t {A} else {B}       the arm that more runs take
    loop {... if %t break}   as many turns as half of the runs have; it ends as it can after the last of them

What all runs may do is `walk`'s to say; this is for what has to be counted in one row, as a cache of prompts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

from lmc.ir.graph import Node
from lmc.ir.plan import Plan
from lmc.passes.base import Inputs
from lmc.passes.cost.alternatives import NEVER, OpenChoice, Way, leaves, ways
from lmc.passes.cost.learnt import Learnt
from lmc.passes.cost.trace import BranchTrace, CallTrace, CostTrace, FunctionTrace, LoopTrace, Part, TryTrace
from lmc.passes.cost.walk import MAX_TURNS, MAX_UNSURE, Walker

TURNS = 2  # of a loop of which nothing is known


class LikelyWalker(Walker):
    """Walks as the likeliest run does; `calls` has what came of it."""

    def __init__(self, plan: Plan, inputs: Inputs, learnt: Learnt) -> None:
        super().__init__(plan, inputs, learnt)
        self._answers: dict[int, bool] = {}  # of questions that decide how a loop ends
        self._num_open = 0  # loops in which questions are still open

    def calls(self, trace: CostTrace) -> Iterator[CallTrace | None]:
        """The calls of a trace in order, each with the prompt that is likely; None where a region begins or ends."""
        for part in trace.parts:
            if isinstance(part, CallTrace):
                yield self._likely(part)
                continue
            yield None
            for inner in self._inner(part):
                yield from self.calls(inner)
                yield None

    def _likely(self, call: CallTrace) -> CallTrace:
        at = next((i for i, way in enumerate(call.ways) if all(self._is_answer(*each) for each in way)), 0)
        at = min(at, len(call.prompts) - 1)
        one: tuple[Way, ...] = (frozenset(),)
        return replace(call, prompts=(call.prompts[at],), ends=(call.ends[at],), ways=one, shares=(1.0,))

    def _inner(self, part: Part) -> Iterator[CostTrace]:
        match part:
            case BranchTrace(arms):
                known = [way is not None and all(self._is_answer(*each) for each in way) for _, _, way in arms]
                yield max(zip(known, arms), key=lambda each: (each[0], each[1][1]))[1][0]
            case LoopTrace(turns):
                yield from (turn for turn, _ in turns)
            case TryTrace(body) | FunctionTrace(body):
                yield body

    def _is_answer(self, question: int, answer: bool) -> bool:
        known = self._answers.get(question)
        return answer is (self._share_of.get(question, 0.5) >= 0.5 if known is None else known)

    def _settled(self, value: Any) -> Any:
        """A value with its questions answered."""
        while isinstance(value, OpenChoice):
            value = value.yes if self._is_answer(value.question, True) else value.no
        return value

    def _settle(self, node: Node) -> None:
        if not self._num_open:
            self._set(node, [self._settled(self._env[output.name]) for output in node.outputs])

    # --- regions ---------------------------------------------------------------------------------------------

    def _if(self, node: Node) -> None:
        if self._num_open:  # what is answered how is seen when the turn has ended
            super()._if(node)
            return
        decided = self._decided(self._value(node.inputs[0]))
        if isinstance(decided, OpenChoice) and (share := self.learnt.share_of_then(node.span)) is not None:
            self._share_of.setdefault(decided.question, share)
        arm = self._arm(node, self._settled(decided))
        self._set(node, self._outputs(node, arm, self._block(node.regions[arm])))

    def _arm(self, node: Node, decided: bool) -> int:
        """Which arm is gone through; one in which the run fails is not."""
        dead = [block.end.op == "raise" and not self._unwinds for block in node.regions]
        return int(dead[0]) if dead[0] != dead[1] else int(not decided)

    def _try(self, node: Node) -> None:
        super()._try(node)
        self._settle(node)

    def _turn_by_turn(self, node: Node, source: tuple[Sequence[Any] | None] | None, carried: list[Any]) -> None:
        body, turns = node.regions[0], list[tuple[CostTrace, float]]()
        items = source[0] if source is not None else None
        wanted = self._num_wanted(node)
        is_open_ended = source is not None and items is None
        while len(turns) < (MAX_UNSURE if is_open_ended else MAX_TURNS):
            if len(turns) == len(items) if items is not None else is_open_ended and len(turns) >= wanted:
                break
            self._bind(body, items, len(turns), source is not None, carried)
            self._num_open += 1
            trace, (go, *after) = self._into(body)
            self._num_open -= 1
            turns.append((trace, 1.0))
            decided = self._decided(go)
            if isinstance(decided, OpenChoice) and not (items is not None and len(turns) == len(items)):
                self._choose(decided, len(turns) < wanted)
            carried = [self._fresh() if value is NEVER else self._settled(value) for value in after]
            if not self._settled(decided):
                break
        self._trace.parts.append(LoopTrace(tuple(turns), len(turns), True))
        self._set(node, carried)

    def _num_wanted(self, node: Node) -> int:
        """Turns that half of the runs have."""
        shares = self.learnt.share_of_turns(node.span)
        return max((turn for turn, share in shares.items() if share >= 0.5), default=0) if shares else TURNS

    def _choose(self, decided: Any, wanted: bool) -> None:
        """Answers the questions so that a loop goes on, or ends, in the likeliest way there is."""
        found = [way for way, leaf in zip(ways(decided), leaves(decided)) if leaf is wanted]
        if found:
            self._answers.update(max(zip(self._shares(found), found), key=lambda each: each[0])[1])


def waves_of(calls: Iterator[CallTrace | None], plan: Plan) -> Iterator[list[CallTrace]]:
    """Calls that are ready together, as far as they stand in one region, one behind the other."""
    steps = {step.id: step for step in plan.steps}
    for region, found in groupby(calls, lambda call: None if call is None else (steps[call.step].inside, True)):
        block = [call for call in found if call is not None] if region is not None else []
        for wave in sorted({steps[call.step].wave for call in block}):
            yield [call for call in block if steps[call.step].wave == wave]
