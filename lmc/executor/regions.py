"""Control flow at run time: a region waits only for its control operand.

`if` waits for its condition, `loop` and `for` for the `go` of each `next`; everything else that a body reads may
still be to come, so independent iterations run side by side. A body gets a frame of its own: a copy of its template
(literals in place), then what it captures from the frame around it. Iterations are a Python loop, not recursion.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from lmc.executor.future import Future, Poison, Slot, settled
from lmc.executor.instance import Instance, Position
from lmc.executor.notes import from_user, noted
from lmc.executor.steps import CHAIN, PATH, Frame, StepFn, committed
from lmc.ir.graph import Node
from lmc.ir.node_rules import atom_type

# iterating over exactly these runs no code of the user's; a container that the program changes is a `ref`
EAGER_TYPES = frozenset((list, tuple, str, bytes, range, dict, set, frozenset))
END = object()


@dataclass(frozen=True, slots=True, eq=False)
class Body:
    """A block, ready to run.

    template  a frame with the literals in place
    captures  (slot in the frame around it, slot here) of each outer value it reads
    ends      slots of the terminator's inputs
    is_dead   True where the terminator is `raise`: the body never yields
    """

    steps: tuple[StepFn, ...]
    template: Frame
    captures: tuple[tuple[int, int], ...]
    params: tuple[int, ...]
    ends: tuple[int, ...]
    is_dead: bool

    def run(self, inst: Instance, outer: Frame, chain: Slot, params: list[Slot], path: Position) -> Frame:
        """Issue the block's nodes; its outputs and its chain are then in the frame."""
        frame = self.template.copy()
        frame[CHAIN], frame[PATH] = chain, path
        for there, here in self.captures:
            frame[here] = outer[there]
        for here, value in zip(self.params, params):
            frame[here] = value
        for step in self.steps:
            step(inst, frame)
        return frame


# --- if --------------------------------------------------------------------------------------------------------


def if_step(condition: int, then: Body, other: Body, outs: tuple[int, ...]) -> StepFn:
    """`if`: issue one arm."""

    def step(inst: Instance, frame: Frame) -> None:
        chosen = settled(frame[condition])
        if type(chosen) is Future:
            later(inst, frame, chosen)
        else:
            slots, frame[CHAIN] = branch(inst, frame, chosen, frame[CHAIN])
            for out, slot in zip(outs, slots):
                frame[out] = slot

    def later(inst: Instance, frame: Frame, chosen: Future) -> None:
        chain, after = frame[CHAIN], Future(inst.ready)
        futures = [Future(inst.ready) for _ in outs]
        frame[CHAIN] = after
        for out, future in zip(outs, futures):
            frame[out] = future

        def go() -> None:
            slots, end = branch(inst, frame, chosen.value, chain)
            link(futures, slots, after, end)

        chosen.then(go)

    def branch(inst: Instance, frame: Frame, chosen: Slot, chain: Slot) -> tuple[list[Slot], Slot]:
        if type(chosen) is Poison:
            return [chosen] * len(outs), committed(inst, chain, chosen)
        body = then if chosen else other
        inner = body.run(inst, frame, chain, [], frame[PATH])
        if body.is_dead:
            return [Future(inst.ready) for _ in outs], inner[CHAIN]
        return [inner[end] for end in body.ends], inner[CHAIN]

    return step


def link(futures: list[Future], slots: list[Slot], after: Future, chain: Slot) -> None:
    """Settle a region's outputs and its chain to what they turned out to be."""
    for future, slot in zip(futures, slots):
        future.follow(slot)
    after.follow(chain)


# --- loop, for -------------------------------------------------------------------------------------------------


def loop_step(ins: tuple[int, ...], outs: tuple[int, ...], body: Body, number: int) -> StepFn:
    """`loop`, the graph's node `number`: the body again while `next` says go."""

    def step(inst: Instance, frame: Frame) -> None:
        slots = [settled(frame[i]) for i in ins]
        run = Iterating(inst, body, frame, slots, number)
        run.give(outs) if run.advance() else run.promise(outs)

    return step


def for_step(node: Node, ins: tuple[int, ...], outs: tuple[int, ...], body: Body, number: int) -> StepFn:
    """`for`, the graph's node `number`: the body once for each item; a live object's are taken in program order."""
    kind = atom_type(node.inputs[0]).name

    def items_of(items: Slot) -> Items:
        is_lazy = kind == "ref" or (kind == "any" and type(items) not in EAGER_TYPES)
        return Items(_each(items), node, is_lazy)

    def step(inst: Instance, frame: Frame) -> None:
        items, *slots = (settled(frame[i]) for i in ins)
        run = Iterating(inst, body, frame, slots, number)
        if type(items) is not Future:
            run.give(outs) if run.over(items, items_of) else run.promise(outs)
            return
        run.promise(outs)
        items.then(lambda: run.finish() if run.over(items.value, items_of) else None)

    return step


def _each(items: Slot) -> Iterator[Slot]:
    yield from items


@dataclass(frozen=True, slots=True)
class Items:
    """What a `for` has left; lazy where taking an item runs the user's code, and so waits its turn."""

    iterator: Iterator[Slot]
    node: Node
    is_lazy: bool

    def take(self) -> Slot:
        """The next item, END or the failure to get one."""
        try:
            return next(self.iterator, END)
        except (Exception, SystemExit) as error:
            return Failure(Poison(noted(from_user(error), self.node)))


@dataclass(frozen=True, slots=True)
class Failure:
    """Taking an item failed; an item that is a Poison is only a failed state in a list."""

    poison: Poison


class Iterating:
    """A `loop` or `for` on its way.

    slots  the carried values behind the last iteration
    chain  the commit chain behind it
    """

    __slots__ = ("_body", "_count", "_frame", "_futures", "_inst", "_items", "_path", "chain", "slots")

    def __init__(self, inst: Instance, body: Body, frame: Frame, slots: list[Slot], number: int) -> None:
        self.slots = slots
        self.chain: Slot = frame[CHAIN]
        self._inst = inst
        self._body = body
        self._frame = frame
        self._path: Position = (*frame[PATH], number)
        self._count = 0
        self._items: Items | None = None
        self._futures: tuple[list[Future], Future] | None = None

    def give(self, outs: tuple[int, ...]) -> None:
        """Put the outputs and the chain into the frame around."""
        self._frame[CHAIN] = self.chain
        for out, slot in zip(outs, self.slots):
            self._frame[out] = slot

    def promise(self, outs: tuple[int, ...]) -> None:
        """Put futures there, for `finish` to settle."""
        futures, after = [Future(self._inst.ready) for _ in outs], Future(self._inst.ready)
        self._futures = (futures, after)
        self._frame[CHAIN] = after
        for out, future in zip(outs, futures):
            self._frame[out] = future

    def finish(self) -> None:
        """Settle the futures."""
        assert self._futures is not None, "promised before"
        link(self._futures[0], self.slots, self._futures[1], self.chain)

    def over(self, items: Slot, items_of: Callable[[Slot], Items]) -> bool:
        """Start a `for`; True once the last iteration has ended."""
        if type(items) is Poison:
            return self._fail(items)
        self._items = items_of(items)
        return self.advance()

    def advance(self) -> bool:
        """Run iterations until one must be waited for; True once the last has ended."""
        has_ended = None
        while has_ended is None and not self._inst.is_over:
            has_ended = self._next()
        return bool(has_ended)

    def _next(self) -> bool | None:
        """One iteration: True if it was the last, False if it must be waited for, None if the next may follow."""
        params = self.slots
        if self._items is not None:
            if self._items.is_lazy and self._awaits_turn():
                return False
            item = self._items.take()
            if item is END:
                return True
            if type(item) is Failure:
                return self._fail(item.poison)
            params = [item, *params]
        go = self._iterate(params)
        if type(go) is Future:
            go.then(partial(self._went, go))
            return False
        if type(go) is Poison:
            return self._fail(go)
        return None if go else True

    def _awaits_turn(self) -> bool:
        chain = settled(self.chain)
        if type(chain) is Future:
            chain.then(self._resume)
        return chain is not None

    def _iterate(self, params: list[Slot]) -> Slot:
        """One run of the body; whether to go on. A body that raises never says."""
        body = self._body
        self._count += 1
        frame = body.run(self._inst, self._frame, self.chain, params, (*self._path, self._count))
        self.chain = frame[CHAIN]
        if body.is_dead:
            return Future(self._inst.ready)
        self.slots = [settled(frame[end]) for end in body.ends[1:]]
        return settled(frame[body.ends[0]])

    def _went(self, go: Future) -> None:
        if type(go.value) is Poison:
            self._fail(go.value)
            self.finish()
        elif go.value:
            self._resume()
        else:
            self.finish()

    def _resume(self) -> None:
        if self.advance():
            self.finish()

    def _fail(self, failure: Poison) -> bool:
        self.chain = committed(self._inst, self.chain, failure)
        self.slots = [failure] * len(self.slots)
        return True
