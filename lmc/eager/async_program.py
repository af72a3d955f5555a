"""An asynchronous program on its way: its coroutine is a task of the caller's event loop, each step in a greenlet.

So what it awaits is awaited by the loop, as ever, and what it reads of a state and is not there yet (`s["x"]`, no
`await` in sight) makes its task wait, not the loop. The tasks that it starts (`asyncio.gather`, a TaskGroup) are
stepped in greenlets too: while a step runs, and only then, the loop makes its tasks so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from greenlet import getcurrent

from lmc.backend.base import Backend
from lmc.eager.expressions import Expressions
from lmc.eager.held import Held
from lmc.eager.program_greenlet import placed
from lmc.eager.record import ProgramRecord
from lmc.eager.state import EagerState, noted, public
from lmc.eager.task_greenlet import WAITS, AsyncProgram, Body, EventLoop, TaskGreenlet
from lmc.errors import RequestError
from lmc.executor.future import Cell, Future, Poison
from lmc.executor.instance import Instance, Ran
from lmc.executor.state import ProgramState


class _Stepped:
    """The same coroutine, to be awaited: each step in its greenlet."""

    def __init__(self, program: AsyncProgram, body: Body) -> None:
        self._program = program
        self._body = body

    def __await__(self) -> Generator[Any, Any, Any]:
        task = TaskGreenlet(self._program, self._body)
        loop = asyncio.get_running_loop()
        step = self._run(loop, task, task.switch)
        while not task.dead:
            kind, awaited = step
            self._program.loop.kick()
            try:
                given = yield from _settled(loop, awaited) if kind is WAITS else _awaited(awaited)
            except BaseException as error:
                step = self._run(loop, task, partial(task.throw, error))
            else:
                step = self._run(loop, task, partial(task.switch, given))
        self._program.loop.kick()
        return step

    def _run(self, loop: asyncio.AbstractEventLoop, task: TaskGreenlet, go_on: Callable[[], Any]) -> Any:
        task.parent = getcurrent()
        before = loop.get_task_factory()
        loop.set_task_factory(partial(_new_task, self._program, before))
        try:
            return go_on()
        finally:
            loop.set_task_factory(before)


async def _stepped(program: AsyncProgram, body: Body) -> Any:
    return await _Stepped(program, body)


def _new_task(
    program: AsyncProgram, before: Any, loop: asyncio.AbstractEventLoop, body: Body, **given: Any
) -> asyncio.Future[Any]:
    """A task that a step of a program makes, as the loop's own factory would make it."""
    body = _stepped(program, body)
    if before is None:
        return asyncio.Task(body, loop=loop, **given)
    made: asyncio.Future[Any] = before(loop, body, **given)
    return made


def _awaited(what: object) -> Generator[Any, Any, Any]:
    return (yield what)


def _settled(loop: asyncio.AbstractEventLoop, future: Future) -> Generator[Any, Any, None]:
    waiter = loop.create_future()

    def settled() -> None:
        if not waiter.done():
            waiter.set_result(None)

    future.then(settled)
    yield from waiter


@dataclass(frozen=True, slots=True)
class AsyncItem:
    """A coroutine function of a state, run as a task of an event loop; see EagerItem."""

    function: Callable[[EagerState], Coroutine[Any, Any, object]]
    expressions: Expressions
    number: int
    backend: Backend | None
    loop: EventLoop
    record: ProgramRecord | None = None
    ran: Ran | None = None

    def start(self, inst: Instance) -> None:
        """Start the task."""
        inst.ran = self.ran
        program = AsyncProgram(inst, self.expressions, self.backend, self.loop, self.record)
        task = self.loop.spawn(self._to_end(program))

        inst.waiting.add(_ToLeave(task))

    async def _to_end(self, program: AsyncProgram) -> None:
        inst = program.inst
        try:
            try:
                state, value = await _stepped(program, self._body(program))
            finally:
                inst.waiting.clear()  # it has been left
        except asyncio.CancelledError as error:
            if not inst.is_over:
                cancelled = RequestError("the program's task was cancelled", code="aborted")
                cancelled.__cause__ = error
                inst.fail(Poison(cancelled))
        except (Exception, SystemExit) as error:
            inst.fail(Poison(placed(error)))
        except BaseException as error:
            inst.fail(Poison(error))
            raise
        else:
            inst.finish(state, value)
        finally:
            self.loop.kick()

    async def _body(self, program: AsyncProgram) -> tuple[Cell, Cell]:
        first, record = ProgramState(), self.record
        state = EagerState(program, Held(first, first), 0 if record is None else record.did("begin", 0))
        value = await self.function(state)
        if record is not None:
            record.ends(state.number, noted(value))
        value = public(value)
        return state.end(), value


@dataclass(frozen=True, slots=True)
class _ToLeave:
    """A program's task, to be left where it waits."""

    task: asyncio.Task[Any]

    def unwind(self) -> None:
        """Cancel it."""
        if not self.task.get_loop().is_closed():
            self.task.cancel()


async def arun_inside(
    program: AsyncProgram,
    state: EagerState,
    function: Callable[..., Coroutine[Any, Any, Any]],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    settings: Mapping[str, object],
) -> EagerState:
    """Run an asynchronous function of a state inside an asynchronous program; see run_inside."""
    outer = program.expressions
    if settings:
        program.expressions = outer.within(settings)
    try:
        state.ret_value = await function(state, *args, **kwargs)
    finally:
        program.expressions = outer
    return state
