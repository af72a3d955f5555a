"""When the steps of a plan come, in waves from its start: those of a region behind the waves before the region.

A wave is as long as a model call. A loop's turns are not known: its body is counted as often as is asked for.
"""

from __future__ import annotations

from lmc.ir.graph import walk
from lmc.ir.ops import OPS
from lmc.ir.plan import Plan, Step

LOOPS = frozenset(("loop", "for"))


class WaveTimes:
    """Of one plan, by the ids of its steps.

    starts   waves before each step
    lengths  waves from a step's start to its end: of a region those of its body, of a loop those of one turn
    around   the regions that a step stands in, the innermost first
    end      waves of all
    """

    def __init__(self, plan: Plan, turns: int = 1) -> None:
        self._steps = {step.id: step for step in plan.steps}
        self.lengths: dict[int, int] = {}
        self.around: dict[int, tuple[int, ...]] = {}
        self.starts: dict[int, int] = {}
        inner: dict[int | None, int] = {}
        outer_first = sorted(plan.steps, key=lambda step: step.node)  # a region's node is before those inside it
        for step in reversed(outer_first):
            length = inner.get(step.id, 0) if OPS[step.op].kind == "region" else int(OPS[step.op].kind == "model")
            self.lengths[step.id] = length
            inner[step.inside] = max(inner.get(step.inside, 0), step.wave + self._passed(step, turns))
        self.end = inner.get(None, 0)
        for step in outer_first:
            above = () if step.inside is None else (step.inside, *self.around[step.inside])
            self.around[step.id] = above
            self.starts[step.id] = step.wave + (0 if step.inside is None else self.starts[step.inside])
        self._arms = _arms(plan)

    def _passed(self, step: Step, turns: int) -> int:
        return self.lengths[step.id] * (turns if step.op in LOOPS else 1)

    def loops(self, id: int) -> list[int]:
        """The loops around a step, the innermost first."""
        return [region for region in self.around[id] if self._steps[region].op in LOOPS]

    def exclude(self, one: int, other: int) -> bool:
        """Whether two steps stand in different arms of one branch: in one turn only one of them runs."""
        return any(
            one_arm != other_arm
            for region, one_arm in self._arms[one].items()
            if (other_arm := self._arms[other].get(region)) is not None
        )

    def left(self, id: int) -> int:
        """Model calls that may follow a step one after another."""
        return max(0, self.end - self.starts[id] - 1)


def _arms(plan: Plan) -> dict[int, dict[int, int]]:
    """For each step the branches that it stands in, by the numbers of their nodes, and the arm of each."""
    nodes = plan.graph.nodes
    arms: list[dict[int, int]] = [{} for _ in nodes]
    for number, node in enumerate(nodes):
        at = number + 1
        for arm, region in enumerate(node.regions):
            size = sum(1 for _ in walk(region))
            if node.op == "if":
                for inside in range(at, at + size):
                    arms[inside][number] = arm
            at += size
    return {step.id: arms[step.node] for step in plan.steps}
