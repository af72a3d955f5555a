"""Control flow at run time: a region waits only for its control operand.

`if` waits for its condition, `loop` and `for` for the `go` of each `next`; everything else that a body reads may
still be to come, so independent iterations run side by side. A body gets a frame of its own: a copy of its template
(literals in place), then what it captures from the frame around it. Iterations are a Python loop, not recursion.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import cast

from lmc.executor.future import Cell, Future, Poison, settled
from lmc.executor.hostcalls import are_atoms
from lmc.executor.instance import Instance, Position
from lmc.executor.notes import from_user, noted
from lmc.executor.steps import BlockFrame, Chain, RunNode, committed, settled_chain
from lmc.executor.unwinding import Way, while_handling
from lmc.executor.user_code import Coming, called
from lmc.ir.graph import Node
from lmc.ir.node_rules import atom_type

# what these hold never changes, and iterating over them runs no code of the user's
FIXED_TYPES = frozenset((tuple, str, bytes, range, frozenset))
# the same, as long as nothing else runs between the turns
QUIET_TYPES = frozenset((list, dict, set))
END = object()


@dataclass(frozen=True, slots=True, eq=False)
class Body:
    """A block, ready to run.

    template  the cells of a frame, the literals in place
    captures  (cell in the frame around it, cell in its own) of each outer value it reads
    ends      cells of the terminator's inputs
    is_dead   True where the terminator is `raise`: the body never yields
    """

    nodes: tuple[RunNode, ...]
    template: list[Cell]
    captures: tuple[tuple[int, int], ...]
    params: tuple[int, ...]
    ends: tuple[int, ...]
    is_dead: bool

    def run(
        self,
        inst: Instance,
        outer: list[Cell],
        chain: Chain,
        params: Sequence[Cell],
        path: Position,
        way: Way | None = None,
    ) -> BlockFrame:
        """Issue the block's nodes; its outputs and its chain are then in the frame. `outer` is the frame around it."""
        frame = BlockFrame(self.template)
        frame.chain, frame.path, frame.way = chain, path, way
        # settled or not: a body may begin before the values it reads are there
        for source, target in self.captures:
            frame[target] = outer[source]
        for target, value in zip(self.params, params):
            frame[target] = value
        for run_node in self.nodes:
            if inst.is_over:  # it has failed, and who is around it stops as well
                break
            run_node(inst, frame)
        return frame


# --- if --------------------------------------------------------------------------------------------------------


def if_node(condition: int, then: Body, other: Body, outs: tuple[int, ...], spot: str) -> RunNode:
    """`if`: issue one arm; `spot` is where it stands, for who counts them."""

    def step(inst: Instance, frame: BlockFrame) -> None:
        chosen = settled(frame[condition])
        if type(chosen) is Future:
            later(inst, frame, chosen)
        else:
            cells, frame.chain = branch(inst, frame, chosen, frame.chain, frame.way)
            for out, cell in zip(outs, cells):
                frame[out] = cell

    def later(inst: Instance, frame: BlockFrame, chosen: Future) -> None:
        chain, way, after = frame.chain, frame.way, Future(inst.ready)
        futures = [Future(inst.ready) for _ in outs]
        # what must come after the arm waits for it; what only reads other values goes on
        frame.chain = after
        for out, future in zip(outs, futures):
            frame[out] = future

        def go() -> None:
            cells, end = branch(inst, frame, chosen.value, chain, way)
            link(futures, cells, after, end)

        chosen.then(go)

    def branch(
        inst: Instance, frame: BlockFrame, chosen: Cell, chain: Chain, way: Way | None
    ) -> tuple[list[Cell], Chain]:
        if type(chosen) is Poison:
            return [chosen] * len(outs), committed(inst, chain, chosen, way)
        if spot:
            inst.taken.arm(spot, bool(chosen))
        body = then if chosen else other
        inner = body.run(inst, frame, chain, [], frame.path, way)
        return ended(body, inner, len(outs)), inner.chain

    return step


def ended(body: Body, frame: BlockFrame, count: int) -> list[Cell]:
    """What a body gives as a region's results: what it has failed with, where it ends in a `raise`."""
    return [frame.chain] * count if body.is_dead else [frame[end] for end in body.ends]


def link(futures: list[Future], cells: list[Cell], after: Future, chain: Chain) -> None:
    """Settle a region's outputs and its chain to what they turned out to be."""
    for future, cell in zip(futures, cells):
        future.follow(cell)
    after.follow(chain)


MAX_AHEAD = 256  # turns of a loop that are begun before what they call has come back

# --- loop, for -------------------------------------------------------------------------------------------------


def loop_node(ins: tuple[int, ...], outs: tuple[int, ...], body: Body, number: int, spot: str) -> RunNode:
    """`loop`, the graph's node `number`: the body again while `next` says go."""

    def step(inst: Instance, frame: BlockFrame) -> None:
        loop = Iterating(inst, body, frame, [settled(frame[i]) for i in ins], number, spot)
        loop.store(outs) if loop.advance() else loop.store_futures(outs)

    return step


def for_node(
    node: Node, ins: tuple[int, ...], outs: tuple[int, ...], body: Body, number: int, *, is_quiet: bool
) -> RunNode:
    """`for`, the graph's node `number`: the body once for each element; a live object's are taken in program order.

    is_quiet  the body has no effects where the items are atoms
    """
    is_live = atom_type(node.inputs[0]).name in ("ref", "any")

    def elements_of(iterable: Cell) -> Elements:
        # `next` of a live object is an effect like a call: it has a place in the order of the program. A list in whose
        # loop nothing has an effect is read once, when the loop's turn comes
        each = is_live and type(iterable) not in FIXED_TYPES
        if each and is_quiet and type(iterable) in QUIET_TYPES:
            each = not are_atoms(cast("Iterable[Cell]", iterable))
        # asked for its iterator in its turn, and never closed: a file that is walked over goes on after a `break`
        iterator = chain.from_iterable((cast("Iterable[Cell]", iterable),))
        return Elements(iterator, node, each, each or (is_live and type(iterable) not in FIXED_TYPES))

    def step(inst: Instance, frame: BlockFrame) -> None:
        iterable, *carried = (settled(frame[i]) for i in ins)
        loop = Iterating(inst, body, frame, carried, number, node.span.spot if node.span else "")
        if type(iterable) is not Future:
            loop.store(outs) if loop.start_for(iterable, elements_of) else loop.store_futures(outs)
            return
        loop.store_futures(outs)
        iterable.then(lambda: loop.finish() if loop.start_for(iterable.value, elements_of) else None)

    return step


@dataclass(frozen=True, slots=True)
class Elements:
    """What a `for` has left.

    is_lazy     taking an element is an effect, and so waits its turn
    first_lazy  taking the first one is
    """

    iterator: Iterator[Cell]
    node: Node
    is_lazy: bool
    first_lazy: bool

    def take(self) -> Cell:
        """The next element, END or the failure to get one."""
        try:
            return next(self.iterator, END)
        # `sys.exit` in the user's code ends its item, not the run
        except (Exception, SystemExit) as error:
            return Failure(Poison(noted(from_user(error), self.node)))


@dataclass(frozen=True, slots=True)
class Failure:
    """Taking an element failed; an element that is a Poison is only a failed state in a list."""

    poison: Poison


class Iterating:
    """A `loop` or `for` on its way.

    carried  the carried values behind the last iteration
    chain    the commit chain behind it
    """

    __slots__ = (
        "_body", "_count", "_element", "_elements", "_frame", "_futures", "_inst", "_path", "_spot", "_way", "carried",
        "chain",
    )  # fmt: skip

    def __init__(
        self, inst: Instance, body: Body, frame: BlockFrame, carried: list[Cell], number: int, spot: str
    ) -> None:
        self.carried = carried
        self.chain = frame.chain
        self._way = frame.way
        self._inst = inst
        self._body = body
        self._frame = frame
        self._path: Position = (*frame.path, number)
        self._count = 0
        self._spot = spot
        self._elements: Elements | None = None
        self._element: Coming | None = None  # that was waited for
        self._futures: tuple[list[Future], Future] | None = None

    def store(self, outs: tuple[int, ...]) -> None:
        """Put the outputs and the chain into the frame around: the last iteration has ended."""
        self._elements = None  # an iterator that nobody else holds ends here, as in Python
        self._frame.chain = self.chain
        for out, cell in zip(outs, self.carried):
            self._frame[out] = cell

    def store_futures(self, outs: tuple[int, ...]) -> None:
        """Put futures there, for `finish` to settle."""
        futures, after = [Future(self._inst.ready) for _ in outs], Future(self._inst.ready)
        self._futures = (futures, after)
        self._frame.chain = after
        for out, future in zip(outs, futures):
            self._frame[out] = future

    def finish(self) -> None:
        """Settle the futures: the last iteration has ended."""
        assert self._futures is not None, "futures were stored before"
        self._elements = None
        link(self._futures[0], self.carried, self._futures[1], self.chain)

    def start_for(self, iterable: Cell, elements_of: Callable[[Cell], Elements]) -> bool:
        """Start a `for` over what has settled; True once the last iteration has ended."""
        if type(iterable) is Poison:
            return self._fail(iterable)
        self._elements = elements_of(iterable)
        return self.advance()

    def advance(self) -> bool:
        """Run iterations until one must be waited for; True once the last has ended."""
        # turns that need not wait follow in this loop: however many they are, the stack stays as it is
        over = None
        while over is None and not self._inst.is_over:
            # the `try` around it goes on in its handler: the loop ends here, and the chain says why
            over = True if self._way is not None and self._way.is_over else self._next()
        if over:
            self._ended()
        return bool(over)

    def _ended(self) -> None:
        if self._spot:
            self._inst.taken.turns(self._spot, self._count)

    def _next(self) -> bool | None:
        """One iteration: True if it was the last, False if it must be waited for, None if the next may follow."""
        # what the turns so far do may fail, and there need be no end of turns without that
        if self._count and self._count % MAX_AHEAD == 0 and self._awaits_turn():
            return False
        params = self.carried
        if self._elements is not None:
            is_lazy = self._elements.is_lazy if self._count else self._elements.first_lazy
            if is_lazy and self._element is None and self._awaits_turn():
                return False
            element = self._taken(self._elements, is_lazy)
            if type(element) is Coming:
                self._element = element
                element.then(self._resume)
                return False
            if element is END:
                return True
            if type(element) is Failure:
                return self._fail(element.poison)
            params = [element, *params]
        go = self._iterate(params)
        if type(go) is Future:
            go.then(partial(self._went, go))
            return False
        if type(go) is Poison:
            return self._fail(go)
        return None if go else True

    def _taken(self, elements: Elements, is_lazy: bool) -> Cell:
        """The next element, a Coming of it where the user's code has to wait."""
        waited, self._element = self._element, None
        if waited is not None:
            return waited.value
        return called(self._inst, partial(while_handling, self._way, elements.take)) if is_lazy else elements.take()

    def _awaits_turn(self) -> bool:
        chain = settled_chain(self.chain)
        if type(chain) is Future:
            chain.then(self._resume)
        # behind a failure no turn begins, and nothing has to be waited for: the program is over
        return chain is not None

    def _iterate(self, params: list[Cell]) -> Cell:
        """One run of the body; whether to go on. A body that raises never says."""
        body = self._body
        self._count += 1
        # an item that cannot be had fails with what the turns so far have done; a turn begins with what the last left
        frame = body.run(self._inst, self._frame, self.chain, params, (*self._path, self._count), self._way)
        self.chain, self._way = frame.chain, frame.way
        # no turn follows what has failed, and the chain leaves the block
        if body.is_dead:
            return settled_chain(frame.chain)
        # not waited for: the next turn may begin with values that are still to come
        self.carried = [settled(frame[end]) for end in body.ends[1:]]
        return settled(frame[body.ends[0]])

    def _went(self, go: Future) -> None:
        if type(go.value) is Poison:
            self._fail(go.value)
            self.finish()
        elif go.value:
            self._resume()
        else:
            self._ended()
            self.finish()

    def _resume(self) -> None:
        if self.advance():
            self.finish()

    def _fail(self, failure: Poison) -> bool:
        self.chain = committed(self._inst, self.chain, failure, self._way)
        self.carried = [failure] * len(self.carried)
        return True
