"""A function that calls itself: an activation is a run of its body in a frame of its own.

Each begins from the ready queue, not inside the one that called it, so Python's stack stays as it is however deep they
go. None waits for what it is given: two calls of one body run side by side.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from lmc.executor.future import Cell, Future, Poison
from lmc.executor.instance import Instance, Position
from lmc.executor.notes import noted
from lmc.executor.regions import Body, ended, link
from lmc.executor.steps import BlockFrame, Chain, RunNode, committed
from lmc.executor.unwinding import Way
from lmc.ir.graph import Node

MAX_ACTIVATIONS = 20_000  # of a function, one in another; beyond that is a RecursionError, as in Python


@dataclass(frozen=True, slots=True, eq=False)
class Activation:
    """A function as its own body knows it.

    outer  the frame around the function, which all its activations see
    depth  how many of them are around this one
    """

    body: Body
    outer: BlockFrame
    depth: int

    def begin(
        self, inst: Instance, frame: BlockFrame, ins: tuple[int, ...], outs: tuple[int, ...], number: int
    ) -> None:
        """Start it, called by a node of `frame`, and put there what it will give."""
        futures, after = [Future(inst.ready) for _ in outs], Future(inst.ready)
        given: list[Cell] = [*(frame[i] for i in ins), self]
        path = (*frame.path, number)
        inst.ready.append(partial(self._go, inst, given, frame.chain, path, frame.way, futures, after))
        frame.chain = after
        for out, future in zip(outs, futures):
            frame[out] = future

    def _go(
        self,
        inst: Instance,
        given: list[Cell],
        chain: Chain,
        path: Position,
        way: Way | None,
        futures: list[Future],
        after: Future,
    ) -> None:
        if inst.is_over:
            return
        # the `try` around it goes on in its handler: nothing begins here, and the chain says why
        if way is not None and way.is_over:
            link(futures, [chain] * len(futures), after, chain)
            return
        inner = self.body.run(inst, self.outer, chain, given, path, way)
        link(futures, ended(self.body, inner, len(futures)), after, inner.chain)


def function_node(ins: tuple[int, ...], outs: tuple[int, ...], body: Body, number: int) -> RunNode:
    """`function`, the graph's node `number`: the call from outside."""

    def step(inst: Instance, frame: BlockFrame) -> None:
        Activation(body, frame, 0).begin(inst, frame, ins, outs, number)

    return step


def invoke_node(node: Node, ins: tuple[int, ...], outs: tuple[int, ...], itself: int, number: int) -> RunNode:
    """`invoke`, the graph's node `number`; the cell `itself` holds the activation that it stands in."""

    def step(inst: Instance, frame: BlockFrame) -> None:
        around = frame[itself]
        assert isinstance(around, Activation)
        if around.depth < MAX_ACTIVATIONS:
            Activation(around.body, around.outer, around.depth + 1).begin(inst, frame, ins, outs, number)
            return
        failure = Poison(noted(RecursionError("maximum recursion depth exceeded"), node))
        frame.chain = committed(inst, frame.chain, failure, frame.way)
        for out in outs:
            frame[out] = failure

    return step
