"""Where a failure goes: to the handler of the `try` around it, and out of the program where there is none.

A block that runs knows its way out (`BlockFrame.way`), None at the program's top. A node takes the way that holds when
it is issued: what it hands to the handler are the values of that place in the program, however late it fails. The
handler runs on a way of its own, which goes on outwards and says what was being handled.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lmc.errors import CaptureError
from lmc.executor.future import Cell, Poison
from lmc.executor.instance import Instance
from lmc.executor.notes import without_place


class TryRun:
    """The body of a `try` on its way.

    outer    the way out of the `try` itself
    failure  what it failed with, None while it has not
    handed   what the handler is given beside the exception
    note     where it failed: not among the exception's notes while the program has it
    """

    __slots__ = ("failure", "handed", "note", "outer")

    def __init__(self, outer: Way | None) -> None:
        self.outer = outer
        self.failure: Poison | None = None
        self.handed: tuple[Cell, ...] = ()
        self.note: str | None = None

    @property
    def is_over(self) -> bool:
        """True where nothing behind the failure may go on."""
        return self.failure is not None or (self.outer is not None and self.outer.is_over)


@dataclass(frozen=True, slots=True, eq=False)
class Unwind:
    """The way out of a `try` body: to its handler, with the values that it is given."""

    attempt: TryRun
    handed: tuple[Cell, ...]

    @property
    def is_over(self) -> bool:
        """True where nothing may go on here."""
        return self.attempt.is_over

    def fail(self, inst: Instance, failure: Poison) -> Poison:
        """The body has failed, all before it in its order having succeeded."""
        # what capture refuses while the program runs is no error of the program's
        if isinstance(failure.error, CaptureError):
            return inst.fail(failure)
        attempt = self.attempt
        if attempt.failure is None:
            attempt.failure, attempt.handed = failure, self.handed
            attempt.note = without_place(failure.error)
            was_read(inst, failure)
            _give_traceback(failure.error)
        return failure


@dataclass(frozen=True, slots=True, eq=False)
class Handling:
    """The way out of a handler: outwards, from within the handling of an exception."""

    error: BaseException
    note: str | None
    outer: Way | None

    @property
    def is_over(self) -> bool:
        """True where nothing may go on here."""
        return self.outer is not None and self.outer.is_over

    def fail(self, inst: Instance, failure: Poison) -> Poison:
        """The handler has failed."""
        error = failure.error
        if error is self.error:  # raised again: the place that counts is where it began
            if self.note is not None:
                without_place(error)
                error.add_note(self.note)
        elif error.__context__ is None:
            error.__context__ = self.error
        return out_of(inst, self.outer, failure)


Way = Unwind | Handling


def out_of(inst: Instance, way: Way | None, failure: Poison) -> Poison:
    """A failure that counts, as all before it has succeeded."""
    return inst.fail(failure) if way is None else way.fail(inst, failure)


def handing(way: Way | None, handed: tuple[Cell, ...]) -> Way:
    """The same way out, with these values for the handler of the innermost `try`."""
    if isinstance(way, Handling):
        return Handling(way.error, way.note, handing(way.outer, handed))
    assert way is not None, "`unwind` stands in the body of a `try`"
    return Unwind(way.attempt, handed)


def handled(way: Way | None) -> BaseException | None:
    """The exception that is being handled where a way begins."""
    while isinstance(way, Unwind):
        way = way.attempt.outer
    return None if way is None else way.error


def while_handling(way: Way | None, run: Callable[[], Cell]) -> Cell:
    """Run code of the user's as it would be run there: `sys.exc_info` knows what is being handled."""
    error = handled(way)
    if error is None:
        return run()
    trace = error.__traceback__
    try:
        raise error
    except BaseException as caught:
        caught.__traceback__ = trace
        return run()


def _give_traceback(error: BaseException) -> None:
    """An exception that somebody has caught has a traceback."""
    if error.__traceback__ is None:
        try:
            raise error
        except BaseException:
            return


def was_read(inst: Instance, failure: Poison) -> None:
    """The program has the error now: it does not come back at the program's end."""
    if inst.failures is not None:
        inst.failures = {at: each for at, each in inst.failures.items() if each is not failure} or None
