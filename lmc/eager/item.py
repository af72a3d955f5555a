"""What a run takes to run a function as Python, and programs that are called inside such a one."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from inspect import iscoroutinefunction
from typing import Any, cast

from greenlet import GreenletExit

from lmc.backend.base import Backend
from lmc.eager.async_program import arun_inside
from lmc.eager.expressions import Expressions
from lmc.eager.held import Held
from lmc.eager.program_greenlet import ProgramGreenlet, Running, placed
from lmc.eager.record import ProgramRecord
from lmc.eager.state import EagerState, noted, public
from lmc.eager.task_greenlet import AsyncProgram
from lmc.errors import ArgumentError
from lmc.executor.future import Poison
from lmc.executor.instance import Instance, Ran
from lmc.executor.lineage import child_lineage
from lmc.executor.state import ProgramState


@dataclass(frozen=True, slots=True)
class EagerItem:
    """A function of a state, run as it is.

    number   which item of the batch it is: its random streams depend on it
    backend  what it runs on, for a batch that it opens itself
    record   is told what the program does; `ran` makes of it what it ran as
    """

    function: Callable[[EagerState], object]
    expressions: Expressions
    number: int = 0
    backend: Backend | None = None
    record: ProgramRecord | None = None
    ran: Ran | None = None

    def start(self, inst: Instance) -> None:
        """Run the function until it waits for something."""
        inst.ran = self.ran
        program: ProgramGreenlet

        def body() -> None:
            try:
                first = ProgramState()
                at = 0 if record is None else record.did("begin", 0)
                state = EagerState(program, Held(first, first), at)
                value = self.function(state)
                if record is not None:
                    record.ends(state.number, noted(value))
                value = public(value)
                end = state.end()
            except (Exception, SystemExit, GreenletExit) as error:
                inst.fail(Poison(placed(error)))
            else:
                inst.finish(end, value)

        record = self.record
        program = ProgramGreenlet(inst, body, expressions=self.expressions, backend=self.backend, record=record)
        program.go_on()


def run_inside(
    program: Running,
    function: Callable[..., object],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    settings: Mapping[str, object],
) -> EagerState | Coroutine[Any, Any, EagerState]:
    """Run a function of a state inside a program: a prompt of its own, whose draws count the programs so far.

    A coroutine function, which only one inside another can be, is run when what this gives is awaited.

    settings  sampling parameters for those of its calls that do not say
    """
    _check_state_is_its_own(function, args, kwargs)
    is_async = iscoroutinefunction(function)
    if is_async and not isinstance(program, AsyncProgram):
        raise ArgumentError(
            f"`{getattr(function, '__name__', function)}` is an `async def` program, called inside a plain one",
            help="make the outer program an `async def` too, and await it",
        )
    inst = program.inst
    if inst.program.has_programs:
        raise ArgumentError(
            "programs are called both where capture sees it and where it does not, so their draws cannot be counted",
            help='run it with mode="eager"',
        )
    first = ProgramState(lineage=child_lineage(1, inst.num_programs, 0))
    if inst.branches is not None:
        inst.branches.called(inst.num_programs)
    inst.num_programs += 1
    record, outer = program.record, program.expressions
    at = 0 if record is None else record.did("begin", 0, (inst.num_programs,))
    state = EagerState(program, Held(first, first), at)
    if is_async:
        return arun_inside(cast(AsyncProgram, program), state, cast(Any, function), args, kwargs, settings)
    if settings:
        program.expressions = outer.within(settings)
    try:
        state.ret_value = function(state, *args, **kwargs)
    finally:
        program.expressions = outer
    return state


def _check_state_is_its_own(function: Callable[..., object], args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    """Raises TypeError, with what to write, where a program is given the state of another one beside its arguments."""
    if not args or not isinstance(args[0], EagerState):
        return
    try:
        inspect.signature(function).bind(None, *args, **kwargs)
    except TypeError as error:
        name = getattr(function, "__name__", "it")
        error.add_note(f"`{name}` begins a prompt of its own: give it its arguments only, {name}.run(...)")
        error.add_note(f"to go on with this state, call its function: {name}.func(s, ...)")
        raise
