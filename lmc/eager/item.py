"""What a run takes to run a function as Python, and programs that are called inside such a one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from greenlet import GreenletExit

from lmc.backend.base import Backend
from lmc.eager.expressions import Expressions
from lmc.eager.held import Held
from lmc.eager.program_greenlet import ProgramGreenlet, placed
from lmc.eager.state import EagerState, public
from lmc.errors import ArgumentError
from lmc.executor.future import Poison
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

        def body() -> None:
            try:
                first = ProgramState()
                state = EagerState(program, Held(first, first))
                value = public(self.function(state))
                end = state.end()
            except (Exception, SystemExit, GreenletExit) as error:
                inst.fail(Poison(placed(error)))
            else:
                inst.finish(end, value)

        program = ProgramGreenlet(inst, body, expressions=self.expressions, backend=self.backend)
        program.go_on()


def run_inside(
    program: ProgramGreenlet,
    function: Callable[..., object],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    settings: Mapping[str, object],
) -> EagerState:
    """Run a function of a state inside a program: a prompt of its own, whose draws count the programs so far.

    settings  sampling parameters for those of its calls that do not say
    """
    if program.inst.program.has_programs:
        raise ArgumentError(
            "programs are called both where capture sees it and where it does not, so their draws cannot be counted",
            help='run it with mode="eager"',
        )
    first = ProgramState(lineage=child_lineage(1, program.inst.num_programs, 0))
    if program.inst.branches is not None:
        program.inst.branches.called(program.inst.num_programs)
    program.inst.num_programs += 1
    state, outer = EagerState(program, Held(first, first)), program.expressions
    if settings:
        program.expressions = outer.within(settings)
    try:
        state.ret_value = function(state, *args, **kwargs)
    finally:
        program.expressions = outer
    return state
