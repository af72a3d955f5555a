"""A prompt value that may still be to come, and what is certain of it already.

Where a call is on its way, the text behind it is missing and nothing else: which turn is open, which names there are,
how many calls were made. So what a program does wrong is an error at once, and only what it reads is waited for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from operator import itemgetter
from typing import Any, cast

from lmc.executor.future import Cell, Future, Poison, Ready, pending_in, poison_in, settled, when_settled
from lmc.executor.state import JOIN_MODES, Final, ProgramState
from lmc.ir.prompt import Ids

LATER = object()  # in place of a name's value that is read off the whole state
NOT_SAID = Ids((), "")  # what a call to come has said so far

Change = Callable[[ProgramState], ProgramState]


class Held:
    """A state, or a future of one.

    known  the state itself once it is there; before, the same without what calls to come will say: a name of such a
           call has the future of its value, one made of their text is LATER
    cell   the state, the Future of it, or the Poison of a call before it that failed
    """

    __slots__ = ("cell", "known")

    def __init__(self, known: ProgramState, cell: Cell) -> None:
        self.known = known
        self.cell = cell

    @property
    def is_there(self) -> bool:
        """True where all of it is known."""
        cell = self.cell = settled(self.cell)
        if type(cell) is not ProgramState:
            return False
        self.known = cell
        return True

    def changed(self, ready: Ready, change: Change, later: str | None = None) -> Held:
        """The state with a change; `later` is the name that it sets to some of the state's text."""
        there = self.is_there
        known = change(self.known)
        if there:
            return Held(known, known)
        if later is not None:
            known = known.set(later, LATER)
        return Held(known, computed(ready, [self.cell], change))

    def called(self, name: str | None, state: Future, value: Future, later: str | None = None) -> Held:
        """The state behind a call that was made of it; `later` is a name that it sets besides its own."""
        before = self.known
        names = before.names if name is None else before.names.with_values({name: value}, {name: LATER})
        if later is not None:
            names = names.with_values({later: LATER}, {later: LATER})
        return Held(before.called(cast(Final, before.final), (before.head, NOT_SAID), names), state)

    def forked(self, ready: Ready, num_children: int) -> list[Held]:
        """The parent, then the children."""
        there = self.is_there
        known = self.known.fork(num_children)
        if there:
            return [Held(each, each) for each in known]
        every = computed(ready, [self.cell], lambda state: state.fork(num_children))
        return [Held(each, computed(ready, [every], itemgetter(i))) for i, each in enumerate(known)]

    def joined(self, ready: Ready, children: Sequence[Held], mode: str) -> Held:
        """The parent with what its children have set, or said."""
        join = JOIN_MODES[mode]
        there = all(each.is_there for each in (self, *children))
        known = join(self.known, tuple(child.known for child in children))
        if there:
            return Held(known, known)
        if mode == "gather_variable":
            gathered = dict.fromkeys((name for child in children for name in child.known.names.fresh), LATER)
            known = replace(known, names=known.names.with_values(gathered))
        cells = [self.cell, *(child.cell for child in children)]
        return Held(known, computed(ready, cells, lambda state, *others: join(state, others)))


def computed(ready: Ready, cells: Sequence[Cell], compute: Callable[..., Any]) -> Cell:  # Any: a state, or several
    """What is made of some cells, once they are there; the first failure where one has failed."""
    now = [settled(cell) for cell in cells]
    pending = pending_in(now)
    if not pending:
        return _made(now, compute)
    out = Future(ready)
    when_settled(pending, lambda: out.set(_made([settled(cell) for cell in now], compute)))
    return out


def _made(cells: list[Cell], compute: Callable[..., Any]) -> Cell:
    failure = poison_in(cells)
    if failure is not None:
        return failure
    try:
        return cast(Cell, compute(*cells))
    except Exception as error:  # nothing that was tried on what is known fails here; the run must not either
        return Poison(error)
