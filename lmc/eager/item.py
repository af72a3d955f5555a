"""What a run takes to run a function as Python, and programs that are called inside such a one."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from inspect import iscoroutinefunction
from typing import Any, cast

from lmc.backend.base import Backend
from lmc.eager.async_program import arun_inside
from lmc.eager.expressions import Expressions
from lmc.eager.held import Held
from lmc.eager.program_greenlet import ProgramGreenlet, Running
from lmc.eager.state import EagerState, public
from lmc.eager.task_greenlet import AsyncProgram
from lmc.errors import ArgumentError
from lmc.executor.future import Cell
from lmc.executor.instance import Instance
from lmc.executor.lineage import child_lineage
from lmc.executor.state import ProgramState


@dataclass(frozen=True, slots=True)
class EagerItem:
    """A function of a state, run as it is.

    number   which item of the batch it is: its random streams depend on it
    backend  what it runs on, for a batch that it opens itself
    """

    function: Callable[[EagerState], object]
    expressions: Expressions
    number: int = 0
    backend: Backend | None = None

    def start(self, inst: Instance) -> None:
        """Run the function until it waits for something."""
        program: ProgramGreenlet

        def body() -> tuple[Cell, Cell]:
            first = ProgramState()
            state = EagerState(program, Held(first, first))
            value = public(self.function(state))
            return state.end(), value

        program = ProgramGreenlet(inst, self.expressions, body, self.backend)
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
    is_async = iscoroutinefunction(function)
    if is_async and not isinstance(program, AsyncProgram):
        raise ArgumentError(
            f"`{getattr(function, '__name__', function)}` is an `async def` program, called inside a plain one",
            help="make the outer program an `async def` too, and await it",
        )
    first = ProgramState(lineage=child_lineage(1, program.num_programs, 0))
    if program.inst.branches is not None:
        program.inst.branches.called(program.num_programs)
    program.num_programs += 1
    state, outer = EagerState(program, Held(first, first)), program.expressions
    if is_async:
        return arun_inside(cast(AsyncProgram, program), state, cast(Any, function), args, kwargs, settings)
    if settings:
        program.expressions = outer.within(settings)
    try:
        state.ret_value = function(state, *args, **kwargs)
    finally:
        program.expressions = outer
    return state
