"""Awaited runs: `arun`, `arun_batch`, streams read by coroutines, and programs that are coroutines themselves.

An event loop is never held up by a model. All awaited runs on a backend share one thread that steps it (see hub.py).
A plain program runs there as well, in a copy of the caller's context: its own Python blocks the other runs of that
backend, and no loop. An `async def` program is a task of the loop that awaits it: there only the backend is stepped by
the thread, and what has come of the program's calls is handed out on the loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Callable, Coroutine, Generator, Iterable, Iterator
from contextvars import copy_context
from functools import partial
from itertools import count
from math import inf
from typing import TYPE_CHECKING, Any

from lmc.collector import collector_paced
from lmc.errors import ArgumentError
from lmc.executor.hub import Port, enter, hub_of
from lmc.executor.run import PULL_S, WAIT_S
from lmc.launch import check_items, result_of
from lmc.patience import late_item
from lmc.streaming import BatchStream, ItemDone, OnEvent, Opened, ReaderDriver, Record, Stream, Told, aborted

if TYPE_CHECKING:
    from types import TracebackType

    from lmc.executor.events import ItemEnded, RunEvent
    from lmc.launch import Launch, Opener
    from lmc.observe.report import RunReport
    from lmc.patience import Retry, Timeout
    from lmc.result import Result

Bind = Callable[[], dict[str, Any]]

MAX_AHEAD = 1024  # items of an awaited batch on their way at once; the others are not taken from their source yet


class _AwaitedRun:
    """A run that somebody else steps: a streaming.Driver whose readers wait to hear that there is more.

    takes_more  False once all items have been given
    """

    def __init__(self, opener: Opener, record: Record, *, is_told: bool) -> None:
        self.record = record
        self.takes_more = True
        self.feeding: asyncio.Task[None] | None = None  # the task that takes its items
        self._lock = threading.RLock()
        self._more = threading.Condition(self._lock)
        self._readers: list[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = []
        self._numbers = count()
        self._context = copy_context()
        self._hub = hub_of(opener.backend)
        self._port: Port = self._hub.open(self._notified, self._broken)
        try:
            self._launch = opener(listen=self._listen, session=self._port, is_told=is_told, **self._options())
        except BaseException:
            self._port.close()
            raise

    def _options(self) -> dict[str, Any]:
        return {}

    # --- a Driver

    has_begun = True

    def advance(self, seen: int) -> None:
        """Wait until more is told than what was seen."""
        if self._hub.is_here:
            raise ArgumentError("a program reads the stream of its own run: it would wait for itself")
        with self._more:
            self._more.wait_for(lambda: self.record.version != seen)

    async def wait(self, seen: int) -> None:
        """The same, for a coroutine."""
        with self._lock:
            if self.record.version != seen:
                return
            loop = asyncio.get_running_loop()
            future: asyncio.Future[None] = loop.create_future()
            self._readers.append((loop, future))
        await future

    def close(self) -> None:
        """Abort what has not ended."""
        self._over(aborted())

    def binds(self, items: Iterable[Any]) -> Iterator[Bind]:
        """What gives the arguments of each item."""
        return self._launch.binds(items)[0]

    def forget(self) -> list[Told]:
        """All that was told, for the only reader there is."""
        with self._lock:
            return self.record.forget()

    def report(self) -> RunReport:
        """What was counted so far."""
        return self._launch.report()

    # --- what is told

    def _listen(self, event: RunEvent) -> None:
        with self._lock:
            if not self.record.is_over:
                self.record.take(event)

    def _tell_readers(self) -> None:
        with self._lock:
            readers, self._readers = self._readers, []
            self._more.notify_all()
        for loop, future in readers:
            _call(loop, partial(_wake, future))

    def _over(self, error: BaseException | None) -> None:
        """The run is over; readers are told at once, the launch is closed by who steps it."""
        with self._lock:
            if self.record.is_over:
                return
            self.record.end(self._launch.report(), error)
        self._tell_readers()
        self._close_launch()

    def _step(self) -> None:
        """Do what can be done now."""
        launch = self._launch
        try:
            self._ended(launch.go_on())
        except BaseException as error:
            self._over(error)
            return
        if not self.takes_more and launch.is_idle:
            self._over(None)
            return
        self._tell_readers()
        due_s = launch.due_in
        if due_s is not None:
            self._go_on_in(due_s)

    def _ended(self, items: list[ItemEnded]) -> None:
        """Hear which items have ended; their results are told as well."""

    def _notified(self) -> None:
        raise NotImplementedError

    def _go_on_in(self, wait_s: float) -> None:
        raise NotImplementedError

    def _close_launch(self) -> None:
        raise NotImplementedError

    def _broken(self, error: BaseException) -> None:
        self._over(error)


class ThreadRun(_AwaitedRun):
    """A plain program's: everything of it runs on the hub's thread, in one context."""

    _due = inf  # when the hub is to have it go on though nothing has come

    def __init__(self, opener: Opener, record: Record, *, is_told: bool) -> None:
        super().__init__(opener, record, is_told=is_told)
        self._context.run(enter, self._hub)

    def take(self, bind: Bind, *, is_last: bool, number: int | None = None) -> None:
        """One more item, of the next number where none is said."""
        self._hub.post(partial(self._context.run, self._take, bind, is_last, number))

    def abort(self, id: int, reason: str, code: str) -> None:
        """End the item that was taken as the `id`-th early, with a RequestError of that code that may be retried."""
        self._hub.post(partial(self._context.run, self._abort, id, reason, code))

    def end(self) -> None:
        """There are no more."""
        self._hub.post(self._end)

    async def leave(self) -> None:
        """Close, and see to it that nothing of it runs on."""
        self.close()

    def _abort(self, id: int, reason: str, code: str) -> None:
        if not self.record.is_over:
            self._launch.abort(id, reason, code)
            self._step()

    def _take(self, bind: Bind, is_last: bool, number: int | None) -> None:
        if not self.record.is_over:
            self._launch.start(bind, next(self._numbers) if number is None else number)
            self.takes_more = self.takes_more and not is_last
            self._step()

    def _end(self) -> None:
        self.takes_more = False
        self._notified()

    def _notified(self) -> None:
        if not self.record.is_over:
            self._context.run(self._step)

    def _go_on_in(self, wait_s: float) -> None:
        due = time.monotonic() + wait_s
        if due < self._due:
            self._due = due
            self._hub.post_in(wait_s, self._is_due)

    def _is_due(self) -> None:
        self._due = inf
        self._notified()

    def _close_launch(self) -> None:
        self._hub.post(self._launch.close)


class LoopRun(_AwaitedRun):
    """A coroutine program's: an eager.EventLoop. All but the backend's steps runs on the loop."""

    def __init__(self, opener: Opener, record: Record, *, is_told: bool) -> None:
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._is_kicked = False
        self._timer: asyncio.TimerHandle | None = None
        super().__init__(opener, record, is_told=is_told)

    def _options(self) -> dict[str, Any]:
        return {"loop": self}

    def spawn(self, body: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """A program's task, in a context of its own."""
        task = self._loop.create_task(body, context=self._context.copy())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def advance(self, seen: int) -> None:
        """Wait until more is told than what was seen; not on the loop itself, which would wait for itself."""
        if _running_loop() is self._loop:
            raise ArgumentError(
                "the stream of an `async def` program is read by plain iteration on its own event loop",
                help="async for text in stream: ...",
            )
        super().advance(seen)

    def kick(self) -> None:
        """Have the run stepped by the loop."""
        if not self._is_kicked and not self._loop.is_closed():
            self._is_kicked = True
            self._loop.call_soon(self._go, context=self._context)

    def take(self, bind: Bind, *, is_last: bool, number: int | None = None) -> None:
        """One more item, of the next number where none is said."""
        self._launch.start(bind, next(self._numbers) if number is None else number)
        self.takes_more = self.takes_more and not is_last
        self.kick()

    def abort(self, id: int, reason: str, code: str) -> None:
        """End the item that was taken as the `id`-th early, with a RequestError of that code that may be retried."""
        self._launch.abort(id, reason, code)
        self.kick()

    def end(self) -> None:
        """There are no more."""
        self.takes_more = False
        self.kick()

    async def leave(self) -> None:
        """Close, and wait until the programs have been left."""
        self.close()
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _go(self) -> None:
        self._is_kicked = False
        if not self.record.is_over:
            self._step()

    def _notified(self) -> None:
        _call(self._loop, self.kick)

    def _go_on_in(self, wait_s: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(wait_s, self.kick)

    def _broken(self, error: BaseException) -> None:
        _call(self._loop, partial(self._over, error))

    def _close_launch(self) -> None:
        self._launch.close()


def _call(loop: asyncio.AbstractEventLoop, what: Callable[[], object]) -> None:
    """Have a loop do something; one that is closed has nobody left who waits."""
    try:
        loop.call_soon_threadsafe(what)
    except RuntimeError:
        if not loop.is_closed():
            raise


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


# --- one run ---------------------------------------------------------------------------------------------------


def awaited(opener: Opener, record: Record, *, is_told: bool) -> ThreadRun | LoopRun:
    """A run for coroutines to read, which has no items yet."""
    return (LoopRun if opener.is_async else ThreadRun)(opener, record, is_told=is_told)


def _begin_one(opener: Opener, arguments: dict[str, Any], record: Record) -> ThreadRun | LoopRun:
    """A run of one item, to be streamed."""
    run = awaited(opener, record, is_told=True)
    run.take(lambda: arguments, is_last=True)
    return run


def astream(opener: Opener, arguments: dict[str, Any], on_event: OnEvent | None) -> Stream:
    """A stream that goes on by itself, for coroutines."""
    return Stream(_begin_one(opener, arguments, Record(on_event)))


async def arun_one(
    opener: Opener, arguments: dict[str, Any], on_event: OnEvent | None, retry: Retry, timeout: Timeout
) -> Result:
    """The result of one run, tried again as it says; raises its error. Cancelled, it aborts the run."""
    run = awaited(opener, Record(on_event), is_told=on_event is not None)
    try:
        for attempt in count():
            # the same item each time, with the same draws
            run.take(lambda: arguments, is_last=False, number=0)
            result = await _attempted(run, attempt, timeout.item)
            wait_s = retry.again_in(result.error, attempt)
            if wait_s is None:
                break
            await asyncio.sleep(wait_s)
        result.report = run.report()
    finally:
        await run.leave()
    if result.error is not None:
        raise result.error
    return result


async def _attempted(run: ThreadRun | LoopRun, id: int, timeout_s: float | None) -> Result:
    """The result of the only item on its way, which is given up where it takes too long."""
    timer = None
    if timeout_s is not None:
        late = partial(run.abort, id, late_item(timeout_s), "timeout")
        timer = asyncio.get_running_loop().call_later(timeout_s, late)
    try:
        while True:
            seen, is_over = run.record.version, run.record.is_over
            for told in run.forget():
                if isinstance(told, ItemDone):
                    return told.result
            if is_over:
                return run.record.missing(0)
            await run.wait(seen)
    finally:
        if timer is not None:
            timer.cancel()


# --- batches ---------------------------------------------------------------------------------------------------


class _Attempts:
    """The items of an awaited batch on their way: tried again as `retry` says, given up where they take too long."""

    def __init__(self, run: ThreadRun | LoopRun, retry: Retry, timeout_s: float | None) -> None:
        self.run = run
        self._retry, self._timeout_s = retry, timeout_s
        self._loop = asyncio.get_running_loop()
        self._numbers, self._ids = count(), count()
        self._active: dict[int, tuple[Bind, int]] = {}  # by number: what gives the arguments, and attempts before
        self._timers: dict[int, asyncio.TimerHandle] = {}  # by number: when it is given up, or tried again
        self._has_more = True

    def take(self, bind: Bind, *, is_last: bool) -> None:
        """One more item."""
        self._has_more = not is_last
        self._start(next(self._numbers), bind, 0)

    def end(self) -> None:
        """There are no more."""
        self._has_more = False
        self._end_where_done()

    def has_settled(self, done: ItemDone) -> bool:
        """Whether an item is over with that result, and is not tried again."""
        bind, num_before = self._active.pop(done.item)
        if (timer := self._timers.pop(done.item, None)) is not None:
            timer.cancel()
        wait_s = self._retry.again_in(done.result.error, num_before)
        if wait_s is None:
            self._end_where_done()
            return True
        self._active[done.item] = bind, num_before
        again = partial(self._start, done.item, bind, num_before + 1)
        self._timers[done.item] = self._loop.call_later(wait_s, again)
        return False

    def leave(self) -> None:
        """Have nothing begin any more."""
        for timer in self._timers.values():
            timer.cancel()

    def _start(self, number: int, bind: Bind, num_before: int) -> None:
        if self.run.record.is_over:
            return
        id = next(self._ids)
        self._active[number] = bind, num_before
        self.run.take(bind, is_last=False, number=number)
        if self._timeout_s is not None:
            late = partial(self.run.abort, id, late_item(self._timeout_s), "timeout")
            self._timers[number] = self._loop.call_later(self._timeout_s, late)

    def _end_where_done(self) -> None:
        if not self._has_more and not self._active:
            self.run.end()


class AsyncBatch:
    """What `arun_batch` gives: awaited, a list of results in order; iterated, (index, result) of each as it ends.

    Items are taken from their source, which may be asynchronous and endless, as others end; those that were iterated
    over are forgotten, and until then count among `max_in_flight`. Left early, by `break` or by cancellation, what is
    on its way is aborted.
    """

    def __init__(
        self,
        opener: Opener,
        items: Iterable[Any] | AsyncIterable[Any],
        on_event: OnEvent | None,
        retry: Retry,
        timeout: Timeout,
        max_in_flight: int | None = None,
    ) -> None:
        self._opener, self._items, self._on_event = opener, items, on_event
        self._retry, self._timeout = retry, timeout
        self._max_ahead = min(max_in_flight or MAX_AHEAD, MAX_AHEAD)
        self._report: RunReport | None = None  # of the run that was read to its end

    def __await__(self) -> Generator[Any, None, list[Result]]:
        return self._all().__await__()

    async def _all(self) -> list[Result]:
        with collector_paced():
            found = {index: result async for index, result in self}
        for result in found.values():
            result.report = self._report
        return [found[i] for i in range(len(found))]

    async def __aiter__(self) -> AsyncIterator[tuple[int, Result]]:
        record = Record(self._on_event)
        run = awaited(self._opener, record, is_told=self._on_event is not None)
        room = asyncio.Semaphore(self._max_ahead)
        attempts = _Attempts(run, self._retry, self._timeout.item)
        feeding = asyncio.get_running_loop().create_task(_feed(run, self._items, room.acquire, attempts))
        try:
            while True:
                seen, is_over = record.version, record.is_over
                for told in run.forget():
                    if isinstance(told, ItemDone) and attempts.has_settled(told):
                        yield told.item, told.result
                        room.release()
                if is_over:
                    self._report = run.report()
                    return
                await run.wait(seen)
        finally:
            feeding.cancel()
            attempts.leave()
            await run.leave()
            await asyncio.wait([feeding])


async def _feed(
    run: ThreadRun | LoopRun,
    items: Iterable[Any] | AsyncIterable[Any],
    has_room: Callable[[], Coroutine[Any, Any, Any]],
    attempts: _Attempts | None = None,
) -> None:
    """Take items as there is room; what the source raises is the error of one more item, the last."""
    to = attempts or run
    try:
        async for bind in _binds(run, items):
            await has_room()
            if run.record.is_over:
                return
            to.take(bind, is_last=False)
    except Exception as error:
        to.take(partial(_raise, error), is_last=True)
    else:
        to.end()


def _begin_batch(opener: Opener, items: Iterable[Any] | AsyncIterable[Any], record: Record) -> ThreadRun | LoopRun:
    """A run of many items, to be streamed to coroutines."""
    run = awaited(opener, record, is_told=True)
    record, num_taken = run.record, count(1)

    async def has_room() -> None:
        taken = next(num_taken)
        while True:
            seen = record.version
            if taken - record.num_done <= MAX_AHEAD or record.is_over:
                return
            await run.wait(seen)

    run.feeding = asyncio.get_running_loop().create_task(_feed(run, items, has_room))
    return run


async def _binds(run: ThreadRun | LoopRun, items: Iterable[Any] | AsyncIterable[Any]) -> AsyncIterator[Bind]:
    """What gives each item's arguments."""
    if isinstance(items, AsyncIterable):
        async for item in items:
            yield next(run.binds([item]))
        return
    for bind in run.binds(items):
        yield bind
        await asyncio.sleep(0)  # others on the loop have their turn


def _raise(error: Exception) -> dict[str, Any]:
    raise error


# --- from plain code --------------------------------------------------------------------------------------------


class RunnerDriver:
    """A coroutine program's stream for plain code: its loop goes on while somebody reads."""

    def __init__(self, begin: Callable[[Record], ThreadRun | LoopRun], on_event: OnEvent | None) -> None:
        self.record = Record(on_event)
        self._begin = begin
        self._runner: asyncio.Runner | None = None
        self._run: ThreadRun | LoopRun | None = None

    @property
    def has_begun(self) -> bool:
        """True once something of it has run."""
        return self._runner is not None or self.record.is_over

    def advance(self, seen: int) -> None:
        """Let the loop run until more is told."""
        refuse_inside_loop()
        if self._runner is None:
            self._runner = asyncio.Runner()
        try:
            self._runner.run(self._wait(seen))
        except BaseException:
            self.close()
            raise
        if self.record.is_over:
            self.close()

    async def wait(self, seen: int) -> None:
        """Refused: its loop is another one."""
        raise ArgumentError(
            "this run is read by a thread already", help="read it asynchronously from the start, or by plain iteration"
        )

    def close(self) -> None:
        """Abort what has not ended, and let the programs be left."""
        runner, self._runner = self._runner, None
        if runner is not None:
            with runner:
                if self._run is not None:
                    runner.run(self._run.leave())
        self.record.end(None, aborted())

    async def _wait(self, seen: int) -> None:
        if self._run is None:
            self._run = self._begin(self.record)
        await self._run.wait(seen)


def refuse_inside_loop() -> None:
    """Raises ArgumentError where an event loop runs on this thread: a coroutine program cannot be waited for there."""
    if _running_loop() is not None:
        raise ArgumentError(
            "an `async def` program is run by plain code while an event loop runs", help="await program.arun(...)"
        )


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def stream_one(opener: Opener, arguments: dict[str, Any], on_event: OnEvent | None) -> Stream:
    """A stream of one run, which begins with the first reading: on that thread, or awaited."""
    begin = partial(_begin_one, opener, arguments)
    if opener.is_async:
        return Stream(RunnerDriver(begin, on_event), begin)

    def open(record: Record) -> Opened:
        launch = opener(listen=record.take)
        return launch, launch.rounds((), [arguments])

    return Stream(ReaderDriver(open, on_event), begin)


def stream_batch(opener: Opener, items: Iterable[Any], on_event: OnEvent | None) -> BatchStream:
    """The same of a batch."""
    begin = partial(_begin_batch, opener, items)
    if opener.is_async:
        return BatchStream(RunnerDriver(begin, on_event), begin)

    def open(record: Record) -> Opened:
        launch = opener(listen=record.take)
        return launch, launch.rounds(items)

    return BatchStream(ReaderDriver(open, on_event), begin)


def run_one(
    opener: Opener, arguments: dict[str, Any], on_event: OnEvent | None, retry: Retry, timeout: Timeout
) -> Result:
    """Run a coroutine program to its end on a loop of its own."""
    refuse_inside_loop()
    return asyncio.run(arun_one(opener, arguments, on_event, retry, timeout))


class _BatchRun(LoopRun):
    """A run whose items somebody else starts, aborts and starts again.

    ended  the items that have ended since somebody looked, by their ids
    """

    def __init__(self, opener: Opener, record: Record, *, is_told: bool) -> None:
        self.ended: list[ItemEnded] = []
        self.error: BaseException | None = None  # that ended the run
        super().__init__(opener, record, is_told=is_told)

    @property
    def launch(self) -> Launch:
        """What the items run on."""
        return self._launch

    def _ended(self, items: list[ItemEnded]) -> None:
        self.ended += items

    def _over(self, error: BaseException | None) -> None:
        self.error = self.error or error
        super()._over(error)


class LoopLaunch:
    """A coroutine program's launch for plain code: its loop goes on while `step` waits, or somebody iterates."""

    def __init__(self, opener: Opener, on_event: OnEvent | None) -> None:
        refuse_inside_loop()
        self._record = Record(on_event)
        self._seen, self._num_open, self._num_started = self._record.version, 0, 0
        self._unheard: deque[ItemEnded] = deque()  # by who left an iteration over the results
        self._is_closed = False
        self._runner = asyncio.Runner()
        try:
            self._run = self._runner.run(self._begun(opener, is_told=on_event is not None))
        except BaseException:
            self._runner.close()
            raise
        launch = self._run.launch
        self.binds, self.keep_leaves, self.identity = launch.binds, launch.keep_leaves, launch.identity
        self.report, self.counts = launch.report, launch.counts
        self.name, self.watch_passes, self.status = launch.name, launch.watch_passes, launch.status

    async def _begun(self, opener: Opener, *, is_told: bool) -> _BatchRun:
        return _BatchRun(opener, self._record, is_told=is_told)

    @property
    def room(self) -> int:
        """How many items may be started that need not wait for others to end."""
        return min(self._run.launch.room, MAX_AHEAD - self._num_open)

    def start(self, bind: Bind, number: int) -> int:
        """Start the item of that number in its batch; its id in this run."""
        id = self._run.launch.start(bind, number)
        self._run.kick()
        self._num_open += 1
        self._num_started += 1
        return id

    def abort(self, id: int, reason: str, code: str) -> None:
        """End an item early, with a RequestError of that code that may be retried."""
        self._run.launch.abort(id, reason, code)
        self._run.kick()

    def step(self, timeout_s: float) -> list[ItemEnded]:
        """Let the loop go on, at most so long, until something was told; the items that ended, by their ids."""
        self._runner.run(self._wait(timeout_s))
        if self._run.error is not None:
            raise self._run.error
        self._run.forget()
        self._seen = self._record.version
        ended, self._run.ended = self._run.ended, []
        self._num_open -= len(ended)
        return ended

    async def _wait(self, timeout_s: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._run.wait(self._seen)

    # --- for who holds it (Program.open_run)

    def results(self, items: Iterable[Any]) -> Iterator[tuple[int, Result]]:
        """(index, result) of each item as it ends; see Launch.results."""
        check_items("results", items)
        return ((ended.item, result_of(ended.outcome, None, ended.item)) for ended in self._ends_of(items))

    def _ends_of(self, items: Iterable[Any]) -> Iterator[ItemEnded]:
        self._check_open()
        binds, total = self.binds(items)
        source, has_more = iter(binds), True
        while has_more or self._num_open or self._unheard:
            has_more = has_more and self._pull(source, PULL_S if total is None else inf)
            if not self._unheard and (has_more or self._num_open):
                self._unheard.extend(self.step(0.0 if has_more and self.room else WAIT_S))
            while self._unheard:
                yield self._unheard.popleft()

    def _pull(self, source: Iterator[Bind], pull_s: float) -> bool:
        """Start items of a source while there is room and time; False once there are no more."""
        end = time.monotonic() + pull_s
        for _ in range(self.room):
            try:
                bind = next(source)
            except StopIteration:
                return False
            except Exception as error:
                self.start(partial(_raise, error), self._num_started)
                return False
            self.start(bind, self._num_started)
            if time.monotonic() > end:
                break
        return True

    @property
    def is_idle(self) -> bool:
        """True where all items that were taken have ended."""
        return not self._num_open

    def _check_open(self) -> None:
        if self._is_closed:
            raise ArgumentError("a closed run takes no items", help="open another")

    def __enter__(self) -> LoopLaunch:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Give up what is on its way, and wait until the programs have been left."""
        self._is_closed = True
        with self._runner:
            self._runner.run(self._run.leave())
