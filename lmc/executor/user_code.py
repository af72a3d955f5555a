"""The user's code in a run: on the thread that steps it, in one context for each program, in a greenlet.

So thread-locals, connections, signal handlers and the like are those of who called `run`; what one function sets in a
context variable the next function of the same program sees; and code that has to wait, for a program that it calls or
for a tool on another thread, lets the other programs run meanwhile.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextvars import Context, copy_context
from functools import partial
from threading import get_ident
from typing import cast

from greenlet import GreenletExit, getcurrent, greenlet

from lmc.executor.future import Cell, Future, Ready
from lmc.executor.instance import Instance

Body = Callable[[], None]

# code that waits in runs that were closed on other threads, by the thread it is left on: when that runs some again
_to_leave: dict[int, list[UserGreenlet]] = {}


class UserCode(greenlet):  # type: ignore[misc]  # greenlet has no types
    """Code of the user's that can wait, its item's thread going on with other code."""

    inst: Instance

    def wait(self, future: Future) -> None:
        """Let others run until the future has settled."""
        raise NotImplementedError

    def awaited(self, coroutine: Awaitable[object]) -> object:
        """What a tool that is a coroutine function gives to who has called it."""
        raise NotImplementedError

    def apart(self, work: Callable[[], object]) -> object:
        """What `work` gives on a thread of its own, others running meanwhile."""
        ended = Future(self.inst.ready)
        self.inst.shared.pool.start(partial(_tried, partial(copy_context().run, work)), ended.set)
        return self._outcome(ended)

    def _outcome(self, ended: Future) -> object:
        self.wait(ended)
        value, error = cast("tuple[object, BaseException | None]", ended.value)
        if error is not None:
            raise error
        return value


class UserGreenlet(UserCode):
    """Runs code of the user's for an item.

    Who resumes it is its parent, and gets the thread back where it waits or ends; KeyboardInterrupt goes there too.
    """

    def __init__(self, inst: Instance, body: Body) -> None:
        super().__init__(body)
        self.gr_context = context_of(inst)
        self.inst = inst
        self._thread = get_ident()
        if _to_leave:
            for each in _to_leave.pop(self._thread, ()):
                each.unwind()

    def go_on(self) -> None:
        """Run until it waits or ends."""
        if not self.inst.is_over:
            self.parent = getcurrent()
            self.switch()

    def wait(self, future: Future) -> None:
        """Let others run until the future has settled."""
        inst = self.inst
        if inst.is_over:
            raise GreenletExit
        future.then(self.go_on)
        inst.waiting.add(self)
        assert self.parent is not None
        try:
            self.parent.switch()
        finally:
            inst.waiting.discard(self)

    def unwind(self) -> None:
        """The item is over: leave the code where it waits, so that its `finally` blocks run."""
        if self and getcurrent() is not self:
            if get_ident() != self._thread:
                _to_leave.setdefault(self._thread, []).append(self)
                return
            self.parent = getcurrent()
            self.throw(GreenletExit)

    def awaited(self, coroutine: Awaitable[object]) -> object:
        """What a coroutine gives, on an event loop beside this thread, others running meanwhile."""
        ended = Future(self.inst.ready)
        self.inst.shared.pool.start_async(coroutine, ended.set)
        return self._outcome(ended)


def current() -> UserCode | None:
    """The user's code that runs now on this thread, None outside of a run."""
    now = getcurrent()
    return now if isinstance(now, UserCode) else None


def context_of(inst: Instance) -> Context:
    """The context of a program, made when its first code runs: a copy of the caller's, or the caller's own."""
    if inst.context is None:
        inst.context = inst.shared.context[0] if inst.shared.context else copy_context()
    return inst.context


def callers_context() -> Context:
    """The context of who calls this, itself."""
    copy_context()  # a thread has none before something asks for it
    return cast(Context, getcurrent().gr_context)


class Coming(Future):
    """What some code will have given; a plain Future is a value that it has handed on."""

    __slots__ = ()


def called(inst: Instance, work: Callable[[], Cell]) -> Cell:
    """What some code gives, or a Coming of it where it has to wait."""
    call = _Call(inst.ready)
    inst.shared.greenlet(inst, partial(call.run, work)).go_on()
    return call.begun()


class _Call:
    """Where what some code gives is put: on the spot, or into a Coming where it had to wait."""

    __slots__ = ("_later", "_ready", "_result")

    def __init__(self, ready: Ready) -> None:
        self._ready = ready
        self._result: list[Cell] = []
        self._later: Coming | None = None

    def run(self, work: Callable[[], Cell]) -> None:
        result = work()
        if self._later is None:
            self._result.append(result)
        else:
            self._later.follow(result)

    def begun(self) -> Cell:
        if self._result:
            return self._result[0]
        self._later = Coming(self._ready)
        return self._later


def _tried(work: Callable[[], object]) -> tuple[object, BaseException | None]:
    try:
        return work(), None
    except BaseException as error:
        return None, error
