"""A program on its way in a greenlet: it waits by letting the others run, and is unwound where its item is over."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import copy_context
from threading import get_ident

from greenlet import GreenletExit, getcurrent, greenlet

from lmc.backend.base import Backend
from lmc.eager.expressions import Expressions
from lmc.eager.place import place_of
from lmc.eager.record import ProgramRecord
from lmc.eager.task_greenlet import AsyncProgram, TaskGreenlet
from lmc.errors import ArgumentError, LMError
from lmc.executor.future import Cell, Future, Poison, settled
from lmc.executor.instance import Instance
from lmc.executor.notes import from_user
from lmc.executor.unwinding import was_read

# programs whose runs were closed on other threads, by the thread that each is to be left on: when it runs one again
_to_leave: dict[int, list[ProgramGreenlet]] = {}


class ProgramGreenlet(greenlet):  # type: ignore[misc]  # greenlet has no types
    """Runs `body`, which gives the final state and the value, for an item.

    The program has a copy of the caller's context variables to itself. Who resumes it is its parent, and gets the
    thread back where it waits or ends; KeyboardInterrupt goes there too.

    expressions   how its calls are made; those of a program that is called inside it may have other defaults
    num_calls     calls made so far, and `num_programs` called inside it
    backend       what it runs on, for a batch that it opens itself
    record        what it did so far, where somebody may want to know
    """

    def __init__(
        self,
        inst: Instance,
        expressions: Expressions,
        body: Callable[[], tuple[Cell, Cell]],
        backend: Backend | None = None,
        record: ProgramRecord | None = None,
    ) -> None:
        super().__init__(self._run_to_end)
        self.gr_context = copy_context()
        self.inst = inst
        self.backend = backend
        self.record = record
        self.expressions = expressions
        self.num_calls = 0
        self.num_programs = 0
        self._body = body
        self._thread = get_ident()
        inst.leave = self._unwind
        if _to_leave:
            for each in _to_leave.pop(self._thread, ()):
                each._unwind()

    def go_on(self) -> None:
        """Run until it waits or ends."""
        if not self.inst.is_over:
            self.parent = getcurrent()
            self.switch()

    def wait(self, future: Future) -> None:
        """Let others run until the future has settled."""
        if self.inst.is_over:
            raise GreenletExit
        future.then(self.go_on)
        assert self.parent is not None
        self.parent.switch()

    def _run_to_end(self) -> None:
        try:
            state, value = self._body()
        except (Exception, SystemExit, GreenletExit) as error:
            self.inst.fail(Poison(placed(error)))
        else:
            self.inst.finish(state, value)

    def _unwind(self) -> None:
        """The item is over: leave the program where it waits, so that its `finally` blocks run."""
        if self and getcurrent() is not self:
            if get_ident() != self._thread:
                _to_leave.setdefault(self._thread, []).append(self)
                return
            self.parent = getcurrent()
            self.throw(GreenletExit)


Running = ProgramGreenlet | AsyncProgram


def current() -> Running | None:
    """The program that runs now on this thread, None outside of one."""
    now = getcurrent()
    if isinstance(now, TaskGreenlet):
        return now.program
    return now if isinstance(now, ProgramGreenlet) else None


def waited(owner: Instance, cell: Cell) -> Cell:
    """What a cell of a program has become, others running meanwhile: a value, or the Poison of what has failed."""
    cell = settled(cell)
    if type(cell) is not Future:
        return cell
    reader = current()
    if reader is None or (owner.is_over and owner is not reader.inst):
        raise ArgumentError(
            "a program state is read where its program does not run",
            help="read it in the program, on its own thread, and return the value",
        )
    reader.wait(cell)
    return settled(cell)


def value_of(owner: Instance, cell: Cell) -> object:
    """The same; raises what has failed, which counts as read then."""
    value = waited(owner, cell)
    if type(value) is Poison:
        was_read(owner, value)
        raise value.error
    return value


def placed(error: BaseException) -> BaseException:
    """An error of the program, with its own traceback, and the line where lmc has raised it."""
    if isinstance(error, LMError) and error.span is None:
        error.span = place_of(error.__traceback__)
    return from_user(error)
