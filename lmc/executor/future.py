"""Values that are not there yet, and values that never will be.

A cell of a running program holds a plain value, a Future, or a Poison (what a failed node gives to those that
read it). A Future settles once, to a plain value or a Poison, never to another Future. Who waits is called from
the ready queue, never from inside `set`: ten thousand futures in a row settle without recursion.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

Cell = object  # what a cell of a frame holds: a plain value of the program, a Future or a Poison
Ready = deque[Callable[[], None]]

PENDING = object()


@dataclass(frozen=True, slots=True, eq=False)
class Poison:
    """In place of a value that a failed node should have given."""

    error: BaseException


class Future:
    """A value to come. `value` is PENDING until `set`; who waits is then put on the ready queue."""

    __slots__ = ("ready", "value", "waiters")

    def __init__(self, ready: Ready) -> None:
        self.ready = ready
        self.value: Cell = PENDING
        self.waiters: list[Callable[[], None]] | None = None  # most have one or none: no list until then

    def set(self, value: Cell) -> None:
        """Settle."""
        assert self.value is PENDING, "a future settles once"
        self.value = value
        if self.waiters is not None:
            self.ready.extend(self.waiters)
            self.waiters = None

    def then(self, go: Callable[[], None]) -> None:
        """Call `go` when it has settled; it has not yet."""
        if self.waiters is None:
            self.waiters = [go]
        else:
            self.waiters.append(go)

    def follow(self, cell: Cell) -> None:
        """Settle to what `cell` is or will be."""
        cell = settled(cell)
        if type(cell) is Future:
            cell.then(partial(self.follow, cell))
        else:
            self.set(cell)


UNSETTLED = frozenset((Future, Poison))


def settled(cell: Cell) -> Cell:
    """The cell's value, a Poison, or the Future itself where it is still pending."""
    if type(cell) is Future and cell.value is not PENDING:
        return cell.value
    return cell


def is_plain(cells: Iterable[Cell]) -> bool:
    """True where each is a plain value, ready to be used as it is."""
    return UNSETTLED.isdisjoint(map(type, cells))


def pending_in(cells: Iterable[Cell]) -> list[Future]:
    """The futures among settled cells."""
    return [cell for cell in cells if type(cell) is Future]


def poison_in(cells: Iterable[Cell]) -> Poison | None:
    """The first failure among settled cells."""
    for cell in cells:
        if type(cell) is Poison:
            return cell
    return None


def when_settled(futures: list[Future], go: Callable[[], None]) -> None:
    """Call `go` once all of these have settled; there is at least one."""
    left = len(futures)
    if left == 1:
        futures[0].then(go)
        return

    def arrived() -> None:
        nonlocal left
        left -= 1
        if not left:
            go()

    for future in futures:
        future.then(arrived)
