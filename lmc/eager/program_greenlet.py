"""A program on its way in a greenlet: it waits by letting the others run, and is unwound where its item is over."""

from __future__ import annotations

from greenlet import getcurrent

from lmc.backend.base import Backend
from lmc.eager.expressions import Expressions
from lmc.eager.keywords import hinted
from lmc.eager.place import place_of
from lmc.eager.record import ProgramRecord
from lmc.eager.task_greenlet import AsyncProgram, TaskGreenlet
from lmc.errors import ArgumentError, LMError
from lmc.executor.future import Cell, Future, Poison, settled
from lmc.executor.instance import Instance
from lmc.executor.notes import from_user
from lmc.executor.unwinding import was_read
from lmc.executor.user_code import Body, UserGreenlet


class ProgramGreenlet(UserGreenlet):
    """Runs a program, or a part of one, in which programs may be called.

    expressions   how its calls are made; those of a program that is called inside it may have other defaults
    num_calls     calls made so far
    backend       what it runs on, for a batch that it opens itself
    record        what it did so far, where somebody may want to know
    """

    def __init__(
        self,
        inst: Instance,
        body: Body,
        *,
        expressions: Expressions,
        backend: Backend | None = None,
        record: ProgramRecord | None = None,
    ) -> None:
        super().__init__(inst, body)
        self.backend = backend
        self.record = record
        self.expressions = expressions
        self.num_calls = inst.num_calls


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
    return hinted(from_user(error))
