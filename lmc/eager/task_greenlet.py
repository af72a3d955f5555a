"""A program of an event loop: what its states ask of it, and the greenlets in which the steps of its tasks run."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Protocol

from greenlet import getcurrent

from lmc.backend.base import Backend
from lmc.eager.expressions import Expressions
from lmc.eager.record import ProgramRecord
from lmc.executor.future import Future
from lmc.executor.instance import Instance
from lmc.executor.user_code import UserCode

AWAITS, WAITS = object(), object()  # what a step ended with: an awaitable's future, or a value of the run's
Body = Coroutine[Any, Any, Any]


class EventLoop(Protocol):
    """Where tasks of a run are started, and the run told that there is something to do."""

    def spawn(self, body: Body) -> asyncio.Task[Any]:
        """A task, which is waited for where the run is closed."""

    def kick(self) -> None:
        """Have the run stepped soon."""


class AsyncProgram:
    """What an EagerState asks of its program; several tasks may be inside.

    num_calls  calls made so far
    backend    what it runs on, for a batch that it opens itself
    record     what it did so far, where somebody may want to know
    """

    def __init__(
        self,
        inst: Instance,
        expressions: Expressions,
        backend: Backend | None,
        loop: EventLoop,
        record: ProgramRecord | None = None,
    ) -> None:
        self.inst = inst
        self.record = record
        self.backend = backend
        self.loop = loop
        self.num_calls = 0
        self._expressions = expressions

    @property
    def expressions(self) -> Expressions:
        """How calls are made by the task that runs now."""
        task = getcurrent()
        return task.expressions if isinstance(task, TaskGreenlet) else self._expressions

    @expressions.setter
    def expressions(self, expressions: Expressions) -> None:
        task = getcurrent()
        assert isinstance(task, TaskGreenlet)
        task.expressions = expressions

    def wait(self, future: Future) -> None:
        """Let others run until the future has settled; the task that runs now waits."""
        task = getcurrent()
        assert isinstance(task, TaskGreenlet)
        task.wait(future)


class TaskGreenlet(UserCode):
    """The steps of one task of a program."""

    def __init__(self, program: AsyncProgram, body: Body) -> None:
        super().__init__(self._steps)
        self.program = program
        self.inst = program.inst
        self.expressions = program.expressions
        self.gr_context = getcurrent().gr_context  # the task's own, not a copy of it
        self._body = body

    def wait(self, future: Future) -> None:
        """Leave the step until the future has settled."""
        if self.inst.is_over:
            raise asyncio.CancelledError
        self.parent.switch((WAITS, future))

    def awaited(self, coroutine: Awaitable[object]) -> object:
        """The coroutine itself: the program awaits it, on its own loop."""
        return coroutine

    def _steps(self) -> Any:
        send: Callable[[Any], Any] = self._body.send
        given: Any = None
        while True:
            try:
                awaited = send(given)
            except StopIteration as stop:
                return stop.value
            try:
                send, given = self._body.send, self.parent.switch((AWAITS, awaited))
            except BaseException as error:
                send, given = self._body.throw, error
