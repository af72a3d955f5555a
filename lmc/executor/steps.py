"""How a single node runs: at once where its inputs are there, else as soon as they are.

Four disciplines. A *pure* node needs its inputs only. A *raising* node starts on its inputs too, but its failure
counts only when all before it on the commit chain have succeeded; for a *refusing* one a failed input is no failure.
An *ordered* node starts only then. The chain is None while all is well, a Poison after the earliest failure, a Future
in between. Where a failure goes is the way out of its block (see `unwinding`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import cast

from lmc.executor.future import PENDING, Cell, Future, Poison, is_plain, pending_in, poison_in, settled, when_settled
from lmc.executor.hostcalls import Discipline, are_atoms
from lmc.executor.instance import Instance, Position
from lmc.executor.nodeops import Compute
from lmc.executor.notes import from_user, noted
from lmc.executor.unwinding import Way, out_of, while_handling
from lmc.executor.user_code import Coming, called
from lmc.ir.graph import Node

Chain = Future | Poison | None


class BlockFrame(list[Cell]):
    """The cells of a block that runs: literals, captured values, parameters, and what its nodes give.

    chain  the commit chain behind the nodes issued so far
    path   the block's position in the program
    way    where a failure goes
    """

    __slots__ = ("chain", "path", "way")

    chain: Chain
    path: Position
    way: Way | None


RunNode = Callable[[Instance, BlockFrame], None]


@dataclass(frozen=True, slots=True, eq=False)
class Op:
    """A state or host node with its cells.

    number      which node of the graph, in program order
    lazy        positions of inputs taken as they are, settled or not
    is_deep     True where the futures inside a list of states must have settled too
    can_fail_in True where a failed input is a value like any other (`check` looks only whether a name is set)
    can_hurry   True where an ordered node is pure if its inputs are atoms, which is known when they come
    user_code   whether it runs code of the user's, given the inputs
    """

    node: Node
    number: int
    ins: tuple[int, ...]
    outs: tuple[int, ...]
    compute: Compute
    lazy: frozenset[int] = frozenset()
    is_deep: bool = False
    can_fail_in: bool = False
    can_hurry: bool = False
    user_code: Callable[[list[Cell]], bool] | None = None

    def run(self, inst: Instance, inputs: list[Cell]) -> Cell:
        """What the node computes from settled inputs; a Poison where it fails. Safe on any thread."""
        if self.is_deep:
            inputs = [deep(cell) for cell in inputs]
        try:
            return self.compute(inst, inputs)
        # `sys.exit` in the user's code ends its item; Ctrl-C is nobody's failure and goes through
        except (Exception, SystemExit) as error:
            return Poison(noted(from_user(error), self.node))

    def take(self, cells: list[Cell]) -> list[Cell]:
        """The inputs as far as they have settled."""
        if self.lazy:
            return [cell if i in self.lazy else settled(cell) for i, cell in enumerate(cells)]
        return [settled(cell) for cell in cells]

    def waits_for(self, inputs: list[Cell]) -> list[Future]:
        """The futures that must settle before it can run."""
        if self.lazy:
            return pending_in(cell for i, cell in enumerate(inputs) if i not in self.lazy)
        pending = pending_in(inputs)
        return pending if pending or not self.is_deep else pending_in(map(settled, _elements(inputs)))

    def result(self, inst: Instance, inputs: list[Cell]) -> Cell:
        """What it gives for settled inputs, a failed one included."""
        failure = self.failure_in(inputs)
        return self.run(inst, inputs) if failure is None else failure

    def failure_in(self, inputs: list[Cell]) -> Poison | None:
        """The first failed input that keeps the node from running."""
        if self.can_fail_in:
            return None
        if self.lazy:
            return poison_in(cell for i, cell in enumerate(inputs) if i not in self.lazy)
        return poison_in(inputs) or (poison_in(map(settled, _elements(inputs))) if self.is_deep else None)


def _elements(inputs: list[Cell]) -> list[Cell]:
    """What lists of states among the inputs hold."""
    return [cell for each in inputs if type(each) is tuple for cell in each]


def deep(cell: Cell) -> Cell:
    """A list of states with its elements settled."""
    return tuple(map(settled, cell)) if type(cell) is tuple else cell


def op_node(op: Op, discipline: Discipline) -> RunNode:
    """How to run a state or host node."""
    match discipline:
        case "pure":
            return partial(_pure, op)
        case "raises":
            return partial(_raising, op)
        case "refuses":
            return partial(_refusing, op)
        case "ordered":
            return partial(_ordered, op)


# --- the chain -------------------------------------------------------------------------------------------------


def committed(inst: Instance, chain: Chain, failure: Poison | None, way: Way | None) -> Chain:
    """The chain behind a node that has ended, well or with a failure."""
    chain = settled_chain(chain)
    # the earliest failure in program order counts, whichever came first in time
    if failure is None or type(chain) is Poison:
        return chain
    # all before it has succeeded: it is the one that counts
    if type(chain) is not Future:
        return out_of(inst, way, failure)
    out = Future(inst.ready)
    chain.then(lambda: out.set(committed(inst, chain, failure, way)))
    return out


def settled_chain(chain: Chain) -> Chain:
    """The chain as far as it has settled: a chain's Future settles to None or a Poison."""
    return cast(Chain, chain.value) if type(chain) is Future and chain.value is not PENDING else chain


# --- pure ------------------------------------------------------------------------------------------------------


def _pure(op: Op, inst: Instance, frame: BlockFrame) -> None:
    inputs = [frame[i] for i in op.ins]
    # most inputs are plain: then nothing is looked at twice, and no list is made
    if not is_plain(inputs) or op.is_deep:
        inputs = op.take(inputs)
        if op.waits_for(inputs):
            futures, path = futures_in(inst, frame, op.outs), frame.path
            _when_ready(op, inputs, lambda given: settle_outputs(futures, _pure_result(op, inst, given, path)))
            return
    store(frame, op.outs, _pure_result(op, inst, inputs, frame.path))


def _pure_result(op: Op, inst: Instance, inputs: list[Cell], path: Position) -> Cell:
    """A node's result; a failure that begins here counts at the end of the program, if nobody reads it before."""
    failure = op.failure_in(inputs)
    if failure is not None:
        return failure
    result = op.run(inst, inputs)
    if type(result) is Poison:
        inst.fails_at((*path, op.number), result)
    return result


def store(frame: BlockFrame, outs: tuple[int, ...], result: Cell) -> None:
    """Put a node's result into its cells."""
    if len(outs) == 1:
        frame[outs[0]] = result
    else:
        for out, each in zip(outs, spread(result, len(outs))):
            frame[out] = each


def spread(result: Cell, count: int) -> tuple[Cell, ...]:
    """A result as one cell for each of `count` outputs."""
    if count == 1:
        return (result,)
    return (result,) * count if type(result) is Poison else cast("tuple[Cell, ...]", result)


def futures_in(inst: Instance, frame: BlockFrame, outs: tuple[int, ...]) -> list[Future]:
    """Futures in a node's cells."""
    futures = [Future(inst.ready) for _ in outs]
    for out, future in zip(outs, futures):
        frame[out] = future
    return futures


def settle_outputs(futures: list[Future], result: Cell) -> None:
    """Settle a node's outputs to its result; an element of a list of states may itself be still to come."""
    for future, each in zip(futures, spread(result, len(futures))):
        future.follow(each)


def _when_ready(op: Op, inputs: list[Cell], go: Callable[[list[Cell]], None]) -> None:
    """Call `go` with the inputs once all of them have settled, now if they have."""
    # looked at anew: an input that has settled may be a list of states that are still to come
    inputs = op.take(inputs)
    pending = op.waits_for(inputs)
    if pending:
        when_settled(pending, lambda: _when_ready(op, inputs, go))
    else:
        go(inputs)


# --- raising ---------------------------------------------------------------------------------------------------


def _raising(op: Op, inst: Instance, frame: BlockFrame) -> None:
    inputs = [frame[i] for i in op.ins]
    if not is_plain(inputs):
        inputs = op.take(inputs)
        if op.waits_for(inputs):
            _raising_later(op, inst, frame, inputs)
            return
    result = _result(op, inst, inputs, frame.way)
    if type(result) is Coming:
        futures, chain, way = futures_in(inst, frame, op.outs), frame.chain, frame.way
        after = frame.chain = Future(inst.ready)
        result.then(lambda: _deliver(inst, chain, way, futures, after, result.value))
        return
    # what it gives may be read at once: only whether its failure counts is up to the chain
    store(frame, op.outs, result)
    if type(result) is Poison:
        frame.chain = committed(inst, frame.chain, result, frame.way)


def _raising_later(op: Op, inst: Instance, frame: BlockFrame, inputs: list[Cell]) -> None:
    futures, chain, way = futures_in(inst, frame, op.outs), frame.chain, frame.way
    after = frame.chain = Future(inst.ready)
    deliver = partial(_deliver, inst, chain, way, futures, after)
    _when_ready(op, inputs, lambda given: _delivered(deliver, _result(op, inst, given, way)))


def _result(op: Op, inst: Instance, inputs: list[Cell], way: Way | None) -> Cell:
    """What an op gives for settled inputs, or a Coming of it where the user's code has to wait."""
    if op.user_code is None or not is_plain(inputs) or not op.user_code(inputs):
        return op.result(inst, inputs) if way is None else while_handling(way, partial(op.result, inst, inputs))
    # in its greenlet, which has its own notion of what is being handled
    return called(inst, partial(while_handling, way, partial(op.result, inst, inputs)))


def _delivered(deliver: Callable[[Cell], None], result: Cell) -> None:
    if type(result) is Coming:
        result.then(lambda: deliver(result.value))
    else:
        deliver(result)


def _deliver(inst: Instance, chain: Chain, way: Way | None, futures: list[Future], after: Future, result: Cell) -> None:
    settle_outputs(futures, result)
    after.follow(committed(inst, chain, result if type(result) is Poison else None, way))


# --- refusing ---------------------------------------------------------------------------------------------------


def _refusing(op: Op, inst: Instance, frame: BlockFrame) -> None:
    """A node whose own failure is raised where it stands, and that of an input where that is read."""
    inputs, chain, way = op.take([frame[i] for i in op.ins]), frame.chain, frame.way
    futures = futures_in(inst, frame, op.outs)
    after = frame.chain = Future(inst.ready)

    def go(given: list[Cell]) -> None:
        failure = op.failure_in(given)
        result = op.run(inst, given) if failure is None else failure
        settle_outputs(futures, result)
        is_own = failure is None and type(result) is Poison
        after.follow(committed(inst, chain, result if is_own else None, way))  # type: ignore[arg-type]

    _when_ready(op, inputs, go)


# --- ordered ---------------------------------------------------------------------------------------------------


def _ordered(op: Op, inst: Instance, frame: BlockFrame) -> None:
    inputs, chain = op.take([frame[i] for i in op.ins]), settled_chain(frame.chain)
    way = frame.way
    # nothing to wait for: no future is made
    if chain is None and is_plain(inputs):
        result = _result(op, inst, inputs, way)
        if type(result) is not Coming:
            store(frame, op.outs, result)
            frame.chain = committed(inst, None, result, way) if type(result) is Poison else None
            return
        futures = futures_in(inst, frame, op.outs)
        after = frame.chain = Future(inst.ready)
        _delivered(partial(_deliver, inst, None, way, futures, after), result)
        return
    futures = futures_in(inst, frame, op.outs)
    after = frame.chain = Future(inst.ready)
    _when_ready(op, inputs, lambda given: _in_turn(op, inst, given, chain, way, futures, after))


def _in_turn(
    op: Op, inst: Instance, inputs: list[Cell], chain: Chain, way: Way | None, futures: list[Future], after: Future
) -> None:
    """Run an ordered node whose inputs have settled, once the chain before it has succeeded."""
    chain = settled_chain(chain)
    deliver = partial(_deliver, inst, chain, way, futures, after)
    # what works on atoms alone changes nothing, so its turn need not have come
    if type(chain) is Future and not (op.can_hurry and are_atoms(inputs)):
        chain.then(partial(_in_turn, op, inst, inputs, chain, way, futures, after))
    # something before it has failed, so in Python it would never have started
    elif type(chain) is Poison:
        deliver(chain)
    else:
        _delivered(deliver, _result(op, inst, inputs, way))
