"""Runs that are read while they go on: text as it grows, calls as they start and end, results as they come.

One record of what the run has told, and any number of readers, each with a place of its own in it: who comes late reads
everything from the start, and a slow one holds up nobody. What makes the run go on is behind `Driver`; with a
`ReaderDriver` it is whoever has read all there is, on the reader's own thread. A record holds what was generated, once.
"""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

from lmc.backend.base import Usage
from lmc.errors import ArgumentError, RequestError
from lmc.executor.events import CallEnded, CallStarted, ItemEnded, RunEvent, TextGrew
from lmc.launch import result_of
from lmc.result import Result

if TYPE_CHECKING:
    from types import TracebackType

    from lmc.launch import Launch
    from lmc.observe.report import RunReport

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ItemDone:
    """An item has ended, well or with an error: the last that is told of it."""

    item: int
    result: Result


Told = TextGrew | CallStarted | CallEnded | ItemDone
OnEvent = Callable[[Told], object]


# --- what was told -------------------------------------------------------------------------------------------


@dataclass(slots=True)
class ItemRecord:
    """What was told of one item; `result` once it has ended."""

    told: list[Told] = field(default_factory=list)
    result: Result | None = None

    @property
    def is_over(self) -> bool:
        """True where nothing more will be told of it."""
        return self.result is not None


class Record:
    """What a run has told, whole and by item.

    is_over   nothing more will be told
    version   grows with whatever is told; `num_done` items have ended
    """

    def __init__(self, on_event: OnEvent | None = None) -> None:
        self.told: list[Told] = []
        self.items: dict[int, ItemRecord] = {}
        self.is_over = False
        self.version = 0
        self.num_done = 0
        self._on_event = on_event
        self._error: BaseException | None = None  # that ended the run

    def item(self, number: int) -> ItemRecord:
        """What was told of an item; of one that has not begun, nothing yet."""
        item = self.items.setdefault(number, ItemRecord())
        if self.is_over and item.result is None:
            item.result = self.missing(number)
        return item

    def take(self, event: RunEvent) -> None:
        """Note an event of the run, and hand it to who listens."""
        told = public(event)
        item = self.item(told.item)
        self.told.append(told)
        item.told.append(told)
        if isinstance(told, ItemDone):
            item.result = told.result
            self.num_done += 1
        self.version += 1
        if self._on_event is not None:
            self._on_event(told)

    def end(self, report: RunReport | None, error: BaseException | None = None) -> None:
        """The run is over. An item that has not ended has failed with `error`; without one there is no such item."""
        if self.is_over:
            return
        self._error = None if error is None else _given_up(error)
        for number, item in self.items.items():
            if item.result is None:
                item.result = self.missing(number)
            item.result.report = report
        self.is_over = True
        self.version += 1

    def missing(self, number: int) -> Result:
        """That of an item which has not ended, in a run that is over."""
        error = self._error or IndexError(f"the batch has no item {number}")
        return Result(None, None, error, Usage(), None, number)

    def forget(self) -> list[Told]:
        """All that was told, for the only reader there is: it is not kept."""
        told, self.told = self.told, []
        for each in told:
            if isinstance(each, ItemDone):
                self.items.pop(each.item, None)
        return told


def public(event: RunEvent) -> Told:
    """An event of the executor's as people get it."""
    return ItemDone(event.item, result_of(event.outcome, None, event.item)) if isinstance(event, ItemEnded) else event


def aborted(why: str = "the run was closed before its end") -> RequestError:
    """What a run that nobody wants any more ends with."""
    return RequestError(why, code="aborted")


def _given_up(error: BaseException) -> BaseException:
    """What is left of Ctrl-C for those who read on: it is raised once, where it came."""
    if isinstance(error, Exception):
        return error
    interrupted = aborted("the run was interrupted")
    interrupted.__cause__ = error
    return interrupted


# --- what makes a run go on ----------------------------------------------------------------------------------


class Driver(Protocol):
    """What makes a run go on, and records what it tells."""

    record: Record

    @property
    def has_begun(self) -> bool:
        """True once something of it has run."""

    def advance(self, seen: int) -> None:
        """Come back when something more may have been told than what was there at a version of the record."""

    async def wait(self, seen: int) -> None:
        """The same, for a coroutine."""

    def close(self) -> None:
        """End the run; what has not ended is aborted."""


Opened = tuple["Launch", Iterator[object]]  # a launch that tells the record, and its rounds


class ReaderDriver:
    """The run goes on while somebody reads, on that thread; nothing of its own runs."""

    def __init__(self, open: Callable[[Record], Opened], on_event: OnEvent | None = None) -> None:
        self.record = Record(on_event)
        self._open = open
        self._opened: Opened | None = None
        self._lock = threading.RLock()
        self._is_inside = False
        self._thread = 0  # the one that began to read

    @property
    def has_begun(self) -> bool:
        """True once something of it has run."""
        return self._opened is not None or self.record.is_over

    def advance(self, seen: int) -> None:
        """One round, on this thread; where another thread is in one, its end is what is waited for."""
        with self._lock:
            if self.record.version == seen and not self.record.is_over:
                self._round()

    async def wait(self, seen: int) -> None:
        """Refused: a run that a thread reads would hold up the event loop."""
        raise ArgumentError(
            "this run is read by a thread already: to go on with it would hold up the event loop",
            help="read it asynchronously from the start, or all of it by plain iteration",
        )

    def close(self) -> None:
        """Abort what has not ended, and close the session."""
        with self._lock:
            self._end(aborted())

    def _round(self) -> None:
        if self._is_inside:
            raise ArgumentError(
                "a program reads the stream of its own run: it would wait for itself",
                help="read the program state in the program, and the stream outside of it",
            )
        if self._opened is None:
            self._thread = threading.get_ident()
            self._opened = self._open(self.record)
        launch, rounds = self._opened
        if self._thread != threading.get_ident() and (launch.num_eager or launch.has_waiting_code):
            raise ArgumentError(
                "this run began on another thread, and its program runs as Python there",
                help="read it on the thread that began to read it; once it is over any thread may",
            )
        self._is_inside = True
        try:
            over = next(rounds, rounds) is rounds
            # the last round ends the run at once: nothing is held for a reader who has all there is
            if over or (launch.is_idle and next(rounds, rounds) is rounds):
                self._end(None)
        except BaseException as error:
            self._end(error)
            raise
        finally:
            self._is_inside = False

    def _end(self, error: BaseException | None) -> None:
        if self.record.is_over:
            return
        report = None
        if self._opened is not None:
            launch, _ = self._opened
            launch.close()
            report = launch.report()
        self.record.end(report, error)


# --- reading: what is None is still to come --------------------------------------------------------------------

Reader = Iterator[T | None]
_END = object()


def _all(record: Record | ItemRecord) -> Reader[Told]:
    """All that is told, from the first on."""
    at = 0
    while True:
        is_over = record.is_over  # looked at first: whatever was told before that is in the list
        while at < len(record.told):
            yield record.told[at]
            at += 1
        if is_over:
            return
        yield None


def _texts(item: ItemRecord, branch: str) -> Reader[str]:
    """What a branch gains; raises the item's error."""
    for told in _all(item):
        if told is None:
            yield None
        elif isinstance(told, TextGrew) and told.branch == branch and not told.sample:
            yield told.text
    assert item.result is not None
    if item.result.error is not None:
        raise item.result.error


def _texts_of(item: ItemRecord, branch: str, call: int, sample: int) -> Reader[str | CallEnded]:
    """What a call writes, and its end; raises its error."""
    for told in _all(item):
        if told is None:
            yield None
        elif isinstance(told, TextGrew) and (told.call, told.branch, told.sample) == (call, branch, sample):
            yield told.text
        elif isinstance(told, CallEnded) and told.call == call:
            if told.error is not None:
                raise told.error
            yield told
            return
    assert item.result is not None and item.result.error is not None, "a call ends before its item"
    raise item.result.error


def _named(item: ItemRecord, branch: str, name: str, sample: int) -> Reader[str | CallEnded]:
    """What the first call of a name writes; else the text that the name stands for in the end."""
    for told in _all(item):
        if told is None:
            yield None
        elif isinstance(told, CallStarted) and (told.name, told.branch) == (name, branch):
            yield from _texts_of(item, branch, told.call, sample)
            return
    assert item.result is not None
    if branch and item.result.error is None:
        raise KeyError(f"no call of the branch {branch!r} is named {name!r}")
    value = item.result[name]
    if not isinstance(value, str):
        raise ArgumentError(
            f"{name!r} is no text but {type(value).__name__}", help="text_iter reads what a call writes, or a text"
        )
    yield value


def _only_texts(reader: Reader[str | CallEnded]) -> Reader[str]:
    return (each for each in reader if not isinstance(each, CallEnded))


def _with_meta(reader: Reader[str | CallEnded]) -> Reader[tuple[str, dict[str, Any]]]:
    """Texts with what is known of the call: that it goes on, and behind the last, with an empty text, all."""
    for each in reader:
        if each is None:
            yield None
        elif isinstance(each, str):
            yield each, {"finish_reason": None}
        else:
            yield "", dict(each.meta or {})


def _branches(item: ItemRecord) -> Reader[str]:
    """The paths of branches, as each gains its first text or call."""
    seen = {""}
    yield ""
    for told in _all(item):
        if told is None:
            yield None
        elif not isinstance(told, ItemDone) and told.branch not in seen:
            seen.add(told.branch)
            yield told.branch


# --- what people hold ------------------------------------------------------------------------------------------


class _Run:
    """A run that is read while it goes on. Closed at the end of a `with`, or when nobody holds it any more."""

    def __init__(self, driver: Driver, asynchronous: Callable[[Record], Driver] | None = None) -> None:
        self._driver = driver
        self._asynchronous = asynchronous  # another driver for a run that has not begun

    def close(self) -> None:
        """End the run. What has not ended is aborted; what was told can still be read."""
        self._driver.close()

    def _sync(self, reader: Reader[T]) -> Iterator[T]:
        while True:
            seen = self._driver.record.version  # looked at first: what is told from here on is not waited for
            each = next(reader, _END)
            if each is _END:
                return
            if each is None:
                self._driver.advance(seen)
            else:
                yield cast(T, each)

    async def _async(self, reader: Reader[T]) -> AsyncIterator[T]:
        while True:
            seen = self._driver.record.version
            each = next(reader, _END)
            if each is _END:
                return
            if each is None:
                await self._wait(seen)
            else:
                yield cast(T, each)

    async def _wait(self, seen: int) -> None:
        driver = self._driver
        if not driver.has_begun and self._asynchronous is not None:
            driver = self._driver = self._asynchronous(driver.record)
        await driver.wait(seen)

    def __enter__(self) -> Any:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    async def __aenter__(self) -> Any:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        driver = getattr(self, "_driver", None)
        if driver is not None and not driver.record.is_over:
            driver.close()


class BranchText:
    """One branch of a run: its prompt as it grows, and what its calls write.

    path  "" for the program's own state, "0.2" for the third child of its first fork, "p0" for the first program called
    """

    def __init__(self, run: _Run | None, item: int, path: str) -> None:
        self._holder = run
        self._number = item
        self.path = path

    @property
    def _of(self) -> _Run:
        """The run. A stream is its own: it must not hold itself, or letting go of it would not end it."""
        return self._holder or cast(_Run, self)

    @property
    def _item(self) -> ItemRecord:
        return self._of._driver.record.item(self._number)

    def text_iter(self, var_name: str | None = None, *, sample: int = 0) -> Iterator[str]:
        """The text as it grows, from the start however late this is called; raises the error that ends it.

        var_name  what its first call on this branch writes. None: all that the branch gains, texts of the program and
                  of the chat template too
        sample    of a call with several; the prompt goes on with the first

        Joined, it is the text that the finished run has, byte for byte. Raises KeyError for a name that nothing set.
        """
        return self._of._sync(self._texts(var_name, sample))

    def text_async_iter(self, var_name: str | None = None, return_meta_data: bool = False, *, sample: int = 0) -> Any:
        """The same in a coroutine. With `return_meta_data`, pairs of a text and what is known of the call: that it has
        not finished; and at its end an empty text with all that `get_meta_info` gives. Needs a name."""
        if not return_meta_data:
            return self._of._async(self._texts(var_name, sample))
        if var_name is None:
            raise ArgumentError("there is nothing to know of a text without a name", help="text_async_iter(name, ...)")
        return self._of._async(_with_meta(_named(self._item, self.path, var_name, sample)))

    def _texts(self, var_name: str | None, sample: int) -> Reader[str]:
        if var_name is None:
            return _texts(self._item, self.path)
        return _only_texts(_named(self._item, self.path, var_name, sample))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.path!r}>"


class Stream(_Run, BranchText):
    """What `run(..., stream=True)` gives: text while the run goes on, and what a Result has once it is over.

    Reading a text or an event makes the run go on as far as that needs, on this thread. A value, the text or the
    messages are those of the finished run: reading one runs it to its end, and raises its error.
    """

    def __init__(self, driver: Driver, asynchronous: Callable[[Record], Driver] | None = None) -> None:
        _Run.__init__(self, driver, asynchronous)
        BranchText.__init__(self, None, 0, "")

    # --- while it goes on

    def __iter__(self) -> Iterator[str]:
        return self.text_iter()

    def __aiter__(self) -> AsyncIterator[str]:
        return self.text_async_iter()  # type: ignore[no-any-return]

    def events(self) -> Iterator[Told]:
        """All that is told: TextGrew, CallStarted, CallEnded, and ItemDone as the last."""
        return self._of._sync(_all(self._item))

    def async_events(self) -> AsyncIterator[Told]:
        """The same in a coroutine."""
        return self._of._async(_all(self._item))

    def branch(self, path: str) -> BranchText:
        """One branch, by its path."""
        return BranchText(self._of, self._number, path)

    def branches(self) -> Iterator[BranchText]:
        """The branches as they come, the program's own state first."""
        return map(self.branch, self._of._sync(_branches(self._item)))

    # --- when it is over

    def result(self) -> Result:
        """Run to the end; the result, which carries its error."""
        for _ in self._of._sync(_all(self._whole)):
            pass
        assert self._item.result is not None
        return self._item.result

    async def async_result(self) -> Result:
        """The same in a coroutine."""
        async for _ in self._of._async(_all(self._whole)):
            pass
        assert self._item.result is not None
        return self._item.result

    @property
    def _whole(self) -> Record | ItemRecord:
        """What must be over for the result to be whole."""
        return self._driver.record

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.result(), name)

    def __getitem__(self, name: str) -> Any:
        return self.result()[name]

    def __contains__(self, name: object) -> bool:
        return name in self.result()

    def __repr__(self) -> str:
        result = self._item.result
        return f"<Stream of {len(self._item.told)} events>" if result is None else repr(result)


class BatchItem(Stream):
    """One item of a streamed batch; the batch is what is closed."""

    def __init__(self, batch: BatchStream, number: int) -> None:
        BranchText.__init__(self, batch, number, "")

    @property
    def _whole(self) -> Record | ItemRecord:
        return self._item

    def close(self) -> None:
        """Nothing: see BatchStream.close."""

    def __del__(self) -> None:
        pass


class BatchStream(_Run):
    """What `run_batch(..., stream=True)` gives: events and results as they come, and each item by its index.

    Items of a generator are taken as others end. Events are kept for who reads late: of a source without an end take
    the results of `open_run(on_event=...)`, which keeps nothing.
    """

    def events(self) -> Iterator[Told]:
        """All that is told, of all items, in the order in which it happened."""
        return self._sync(_all(self._driver.record))

    def async_events(self) -> AsyncIterator[Told]:
        """The same in a coroutine."""
        return self._async(_all(self._driver.record))

    def __getitem__(self, index: int) -> BatchItem:
        return BatchItem(self, index)

    def __iter__(self) -> Iterator[tuple[int, Result]]:
        """(index, result) of each item as it ends."""
        return ((told.item, told.result) for told in self.events() if isinstance(told, ItemDone))

    async def __aiter__(self) -> AsyncIterator[tuple[int, Result]]:
        async for told in self.async_events():
            if isinstance(told, ItemDone):
                yield told.item, told.result

    def results(self) -> list[Result]:
        """Run to the end; one result an item, in order."""
        found = dict(self)
        return [found[i] for i in sorted(found)]

    def __repr__(self) -> str:
        return f"<BatchStream of {len(self._driver.record.items)} items>"
