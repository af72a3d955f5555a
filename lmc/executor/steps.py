"""How a single node runs: at once where its inputs are there, else as soon as they are.

Three disciplines. A *pure* node needs its inputs only. A *raising* node starts on its inputs too, but its failure
counts only when all before it on the commit chain have succeeded. An *ordered* node starts only then. The chain is
slot 0 of a frame: None while all is well, a Poison after the earliest failure, a Future in between.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from lmc.executor.future import Future, Poison, Slot, is_plain, pending_in, poison_in, settled, when_settled
from lmc.executor.hostcalls import Discipline, are_atoms
from lmc.executor.instance import Instance, Position
from lmc.executor.nodeops import Compute
from lmc.executor.notes import from_user, noted
from lmc.ir.graph import Node

Frame = list[Slot]
StepFn = Callable[[Instance, Frame], None]

CHAIN = 0  # the slot of the commit chain
PATH = 1  # the slot of the block's position


@dataclass(frozen=True, slots=True, eq=False)
class Op:
    """A state or host node with its slots.

    number      which node of the graph, in program order
    lazy        positions of inputs taken as they are, settled or not
    is_deep     True where the futures inside a list of states must have settled too
    can_fail_in True where a failed input is a value like any other (`check` looks only whether a name is set)
    can_hurry   True where an ordered node is pure if its inputs are atoms, which is known when they come
    offload     whether to run on the pool, given the inputs
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
    offload: Callable[[list[Slot]], bool] | None = None

    def run(self, inst: Instance, inputs: list[Slot]) -> Slot:
        """What the node computes from settled inputs; a Poison where it fails. Safe on any thread."""
        if self.is_deep:
            inputs = [deep(slot) for slot in inputs]
        try:
            return self.compute(inst, inputs)
        except (Exception, SystemExit) as error:
            return Poison(noted(from_user(error), self.node))

    def run_on_pool(self, inst: Instance, inputs: list[Slot]) -> Slot:
        """The same for a thread of the pool, which nothing may end."""
        try:
            return self.run(inst, inputs)
        except BaseException as error:
            return Poison(noted(from_user(error), self.node))

    def take(self, slots: list[Slot]) -> list[Slot]:
        """The inputs as far as they have settled."""
        if self.lazy:
            return [slot if i in self.lazy else settled(slot) for i, slot in enumerate(slots)]
        return [settled(slot) for slot in slots]

    def waits_for(self, inputs: list[Slot]) -> list[Future]:
        """The futures that must settle before it can run."""
        if self.lazy:
            return pending_in(slot for i, slot in enumerate(inputs) if i not in self.lazy)
        pending = pending_in(inputs)
        return pending if pending or not self.is_deep else pending_in(map(settled, _elements(inputs)))

    def result(self, inst: Instance, inputs: list[Slot]) -> Slot:
        """What it gives for settled inputs, a failed one included."""
        failure = self.failure_in(inputs)
        return self.run(inst, inputs) if failure is None else failure

    def failure_in(self, inputs: list[Slot]) -> Poison | None:
        """The first failed input that keeps the node from running."""
        if self.can_fail_in:
            return None
        if self.lazy:
            return poison_in(slot for i, slot in enumerate(inputs) if i not in self.lazy)
        return poison_in(inputs) or (poison_in(map(settled, _elements(inputs))) if self.is_deep else None)


def _elements(inputs: list[Slot]) -> list[Slot]:
    """What lists of states among the inputs hold."""
    return [slot for each in inputs if type(each) is tuple for slot in each]


def deep(slot: Slot) -> Slot:
    """A list of states with its elements settled."""
    return tuple(map(settled, slot)) if type(slot) is tuple else slot


def step_of(op: Op, discipline: Discipline) -> StepFn:
    """How to run a state or host node."""
    match discipline:
        case "pure":
            return partial(_pure, op)
        case "raises":
            return partial(_raising, op)
        case "ordered":
            return partial(_ordered, op)


# --- the chain -------------------------------------------------------------------------------------------------


def committed(inst: Instance, chain: Slot, failure: Poison | None) -> Slot:
    """The chain behind a node that has ended, well or with a failure."""
    chain = settled(chain)
    if failure is None or type(chain) is Poison:
        return chain
    if type(chain) is not Future:
        return inst.fail(failure)
    out = Future(inst.ready)
    chain.then(lambda: out.set(committed(inst, chain, failure)))
    return out


# --- pure ------------------------------------------------------------------------------------------------------


def _pure(op: Op, inst: Instance, frame: Frame) -> None:
    inputs = [frame[i] for i in op.ins]
    if not is_plain(inputs) or op.is_deep:
        inputs = op.take(inputs)
        if op.waits_for(inputs):
            futures, path = futures_in(inst, frame, op.outs), frame[PATH]
            _when_ready(op, inputs, lambda given: give(futures, _prompt(op, inst, given, path)))
            return
    store(frame, op.outs, _prompt(op, inst, inputs, frame[PATH]))


def _prompt(op: Op, inst: Instance, inputs: list[Slot], path: Position) -> Slot:
    """A node's result; a failure that begins here counts at the end of the program, if nobody reads it before."""
    failure = op.failure_in(inputs)
    if failure is not None:
        return failure
    result = op.run(inst, inputs)
    if type(result) is Poison:
        inst.fails_at((*path, op.number), result)
    return result


def store(frame: Frame, outs: tuple[int, ...], result: Slot) -> None:
    """Put a node's result into its slots."""
    if len(outs) == 1:
        frame[outs[0]] = result
    else:
        for out, each in zip(outs, spread(result, len(outs))):
            frame[out] = each


def spread(result: Slot, count: int) -> tuple[Slot, ...]:
    """A result as one slot for each of `count` outputs."""
    if count == 1:
        return (result,)
    return (result,) * count if type(result) is Poison else result


def futures_in(inst: Instance, frame: Frame, outs: tuple[int, ...]) -> list[Future]:
    """Futures in a node's slots."""
    futures = [Future(inst.ready) for _ in outs]
    for out, future in zip(outs, futures):
        frame[out] = future
    return futures


def give(futures: list[Future], result: Slot) -> None:
    """Settle a node's outputs; an element of a list of states may itself be still to come."""
    for future, each in zip(futures, spread(result, len(futures))):
        future.follow(each)


def _when_ready(op: Op, inputs: list[Slot], go: Callable[[list[Slot]], None]) -> None:
    """Call `go` with the inputs once all of them have settled, now if they have."""
    inputs = op.take(inputs)
    pending = op.waits_for(inputs)
    if pending:
        when_settled(pending, lambda: _when_ready(op, inputs, go))
    else:
        go(inputs)


# --- raising ---------------------------------------------------------------------------------------------------


def _raising(op: Op, inst: Instance, frame: Frame) -> None:
    inputs = [frame[i] for i in op.ins]
    if not is_plain(inputs):
        inputs = op.take(inputs)
        if op.waits_for(inputs):
            _raising_later(op, inst, frame, inputs)
            return
    result = op.result(inst, inputs)
    store(frame, op.outs, result)
    if type(result) is Poison:
        frame[CHAIN] = committed(inst, frame[CHAIN], result)


def _raising_later(op: Op, inst: Instance, frame: Frame, inputs: list[Slot]) -> None:
    futures, chain = futures_in(inst, frame, op.outs), frame[CHAIN]
    after = frame[CHAIN] = Future(inst.ready)
    _when_ready(op, inputs, lambda given: _deliver(inst, chain, futures, after, op.result(inst, given)))


def _deliver(inst: Instance, chain: Slot, futures: list[Future], after: Future, result: Slot) -> None:
    give(futures, result)
    after.follow(committed(inst, chain, result if type(result) is Poison else None))


# --- ordered ---------------------------------------------------------------------------------------------------


def _ordered(op: Op, inst: Instance, frame: Frame) -> None:
    inputs, chain = op.take([frame[i] for i in op.ins]), settled(frame[CHAIN])
    if chain is None and is_plain(inputs) and not (op.offload and op.offload(inputs)):
        result = op.run(inst, inputs)
        store(frame, op.outs, result)
        frame[CHAIN] = committed(inst, None, result) if type(result) is Poison else None
        return
    futures = futures_in(inst, frame, op.outs)
    after = frame[CHAIN] = Future(inst.ready)
    _when_ready(op, inputs, lambda given: _in_turn(op, inst, given, chain, futures, after))


def _in_turn(op: Op, inst: Instance, inputs: list[Slot], chain: Slot, futures: list[Future], after: Future) -> None:
    """Run an ordered node whose inputs have settled, once the chain before it has succeeded."""
    chain = settled(chain)
    deliver = partial(_deliver, inst, chain, futures, after)
    if type(chain) is Future and not (op.can_hurry and are_atoms(inputs)):
        chain.then(partial(_in_turn, op, inst, inputs, chain, futures, after))
    elif type(chain) is Poison:
        deliver(chain)
    elif is_plain(inputs) and op.offload and op.offload(inputs):
        inst.shared.pool.start(partial(op.run_on_pool, inst, inputs), deliver)
    else:
        deliver(op.result(inst, inputs))
