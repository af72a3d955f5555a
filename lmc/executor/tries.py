"""`try` at run time: the body on a chain of its own, and the handler where that fails.

Whether the body has failed is known as soon as its own nodes have settled, whatever is still under way in front of
it; only a body with effects, or with calls inside another `try`, waits its turn. What stands behind the `try` in the
order of the program waits for either.
"""

from __future__ import annotations

from functools import partial

from lmc.executor.future import Cell, Future, Poison
from lmc.executor.instance import Instance
from lmc.executor.regions import Body, ended, link
from lmc.executor.steps import BlockFrame, Chain, RunNode, settled_chain
from lmc.executor.unwinding import Handling, TryRun, Unwind, handing


def try_node(ins: tuple[int, ...], outs: tuple[int, ...], body: Body, handler: Body, *, in_turn: bool) -> RunNode:
    """`try`; `in_turn` says that something in the body must not run if anything before it fails."""

    def step(inst: Instance, frame: BlockFrame) -> None:
        attempt, chain = TryRun(frame.way), frame.chain
        way = Unwind(attempt, tuple(frame[i] for i in ins))
        tried = body.run(inst, frame, chain if in_turn else None, (), frame.path, way)
        end = settled_chain(tried.chain)
        if type(end) is not Future:
            cells, frame.chain = result(inst, frame, attempt, tried, chain)
            for out, cell in zip(outs, cells):
                frame[out] = cell
            return
        after, futures = Future(inst.ready), [Future(inst.ready) for _ in outs]
        frame.chain = after
        for out, future in zip(outs, futures):
            frame[out] = future
        end.then(partial(go_on, inst, frame, attempt, tried, chain, futures, after))

    def go_on(
        inst: Instance,
        frame: BlockFrame,
        attempt: TryRun,
        tried: BlockFrame,
        chain: Chain,
        futures: list[Future],
        after: Future,
    ) -> None:
        cells, end = result(inst, frame, attempt, tried, chain)
        link(futures, cells, after, end)

    def result(
        inst: Instance, frame: BlockFrame, attempt: TryRun, tried: BlockFrame, chain: Chain
    ) -> tuple[list[Cell], Chain]:
        """The results and the chain, once the body's chain has settled."""
        end = settled_chain(tried.chain)
        if end is None:
            return ended(body, tried, len(outs)), chain
        if attempt.failure is None:  # something in front of the `try` has failed, and the program with it
            assert type(end) is Poison
            return [end] * len(outs), end
        error = attempt.failure.error
        way = Handling(error, attempt.note, attempt.outer)
        caught = handler.run(inst, frame, chain, (error, *attempt.handed), frame.path, way)
        return ended(handler, caught, len(outs)), caught.chain

    return step


def unwind_node(ins: tuple[int, ...]) -> RunNode:
    """`unwind`: from here on these values are handed to the handler."""

    def step(inst: Instance, frame: BlockFrame) -> None:
        frame.way = handing(frame.way, tuple(frame[i] for i in ins))

    return step
