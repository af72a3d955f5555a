"""A batch on a launch: items started as others end, tried again, given up when they are late, kept in a journal.

One thread, the caller's: nothing goes on between two results that somebody takes.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from lmc.collector import collector_paced
from lmc.errors import ArgumentError
from lmc.launch import check_items, result_of
from lmc.patience import late_item

if TYPE_CHECKING:
    from lmc.aio import LoopLaunch
    from lmc.executor import ItemEnded
    from lmc.journal import Journal
    from lmc.launch import Launch
    from lmc.observe.progress import BatchProgress
    from lmc.observe.report import RunReport
    from lmc.patience import Retry, Timeout
    from lmc.result import Result

Arguments = dict[str, Any]
Bind = Callable[[], Arguments]

PULL_S = 0.02  # how long a source that takes its time is asked for items before those there are go on
PULLED_A_ROUND = 1024
WAIT_S = 1.0
MAX_AHEAD = 16384  # items that may end before one that is asked for first, where results are given in order


@dataclass(slots=True)
class Attempt:
    """An item on its way; `key` is what a journal knows it by."""

    number: int
    bind: Bind
    key: str | None = None
    num_before: int = 0


class BatchLoop:
    """Runs items, one after another as there is room, and gives each result as it ends.

    binds          what gives the arguments of each item, or raises what is wrong with it
    total          how many there are, None for a source that is asked one by one
    max_in_flight  items that run at once
    results        what has ended, by number, where `keeps` says so
    """

    def __init__(
        self,
        launch: Launch | LoopLaunch,
        binds: Iterable[Bind] = (),
        total: int | None = None,
        *,
        retry: Retry,
        timeout: Timeout,
        max_in_flight: int | None = None,
        journal: Journal | None = None,
        progress: BatchProgress | None = None,
        keeps: bool = False,
    ) -> None:
        from lmc.executor import Later

        self.results: dict[int, Result] = {}
        self._launch = launch
        self.go_on_with(binds, total)
        self._retry, self._timeout_s = retry, timeout.item
        self._max_in_flight = inf if max_in_flight is None else max_in_flight
        self._journal, self._progress, self._keeps = journal, progress, keeps
        self._number = 0
        self._max_number: float = inf  # items from here on wait until earlier ones were taken
        self._active: dict[int, Attempt] = {}
        self._late: deque[tuple[float, int]] = deque()  # when each attempt is given up, the first first
        self._later: Later[Attempt] = Later()
        self._ended: deque[Result] = deque()
        self._waiting: dict[int, Result] = {}

    def go_on_with(self, binds: Iterable[Bind], total: int | None) -> None:
        """Take items from another source from here on."""
        self._source, self._total, self._has_more = iter(binds), total, True

    def as_they_end(self) -> Iterator[Result]:
        """Each result once, as its item ends."""
        while self._has_more or self._active or self._later or self._ended:
            self._round()
            while self._ended:
                yield self._ended.popleft()

    def in_order(self) -> Iterator[Result]:
        """Each result once, in the order of the items: one that ends early waits for those before it."""
        number, self._max_number = 0, MAX_AHEAD
        for result in self.as_they_end():
            self._waiting[result.item] = result
            while number in self._waiting:
                yield self._waiting.pop(number)
                number += 1
                self._max_number = number + MAX_AHEAD

    def untaken(self) -> list[Result]:
        """What has ended and was not given, in the order of the items."""
        return sorted((*self._waiting.values(), *self._ended), key=lambda result: result.item)

    @property
    def is_idle(self) -> bool:
        """True where all items that were taken have ended."""
        return not self._active and not self._later

    # --- one round -------------------------------------------------------------------------------------------

    def _round(self) -> None:
        self._start_again()
        self._pull()
        if not self._ended and (self._active or self._later):
            self._wait(0.0 if self._can_pull else WAIT_S)
        if self._progress is not None:
            self._progress.tick()

    @property
    def _has_place(self) -> bool:
        return len(self._active) < self._max_in_flight

    @property
    def _can_pull(self) -> bool:
        # those that wait for another attempt are held as well, so they count where memory is what bounds
        has_room = self._launch.room > len(self._later) and self._number < self._max_number
        return self._has_more and self._has_place and has_room

    def _start_again(self) -> None:
        due = self._later.due()
        while self._has_place and (attempt := next(due, None)) is not None:
            self._start(attempt)

    def _pull(self) -> None:
        """Take items of the source while there is room and time; those that a journal has are over at once."""
        end = time.monotonic() + PULL_S if self._total is None else inf
        for _ in range(PULLED_A_ROUND):
            if not self._can_pull:
                return
            try:
                bind = next(self._source)
            except StopIteration:
                self._has_more = False
                return
            except Exception as error:
                self._has_more = False
                bind = partial(_raise, error)
            attempt = Attempt(self._number, bind)
            self._number += 1
            if self._journal is None or not self._is_done(attempt, self._journal):
                self._start(attempt)
            if end < inf and time.monotonic() > end:
                return

    def _is_done(self, attempt: Attempt, journal: Journal) -> bool:
        """Whether the journal has the item's result, which is then given."""
        try:
            arguments = attempt.bind()
        except Exception as error:
            attempt.bind = partial(_raise, error)
            return False
        attempt.key = journal.key(arguments)
        journal.check(attempt.number, attempt.key)
        attempt.bind = lambda: arguments
        result = journal.result(attempt.number)
        if result is not None:
            self._give(result, is_kept=True)
        return result is not None

    def _start(self, attempt: Attempt) -> None:
        id = self._launch.start(attempt.bind, attempt.number)
        self._active[id] = attempt
        if self._timeout_s is not None:
            self._late.append((time.monotonic() + self._timeout_s, id))

    def _wait(self, timeout_s: float) -> None:
        """Let the items go on, at most until one is late or to be tried again."""
        now = time.monotonic()
        while self._late and (self._late[0][0] <= now or self._late[0][1] not in self._active):
            _, id = self._late.popleft()
            if id in self._active:
                assert self._timeout_s is not None
                self._launch.abort(id, late_item(self._timeout_s), "timeout")
        if self._has_place:
            timeout_s = self._later.patience(timeout_s)
        if self._late:
            timeout_s = min(timeout_s, max(0.0, self._late[0][0] - now))
        if self._active:
            for ended in self._launch.step(timeout_s):
                self._settle(ended)
        elif timeout_s:
            time.sleep(timeout_s)

    def _settle(self, ended: ItemEnded) -> None:
        """Give the result of an attempt, or have the item tried again."""
        attempt = self._active.pop(ended.item)
        wait_s = self._retry.again_in(ended.outcome.error, attempt.num_before)
        if wait_s is not None:
            attempt.num_before += 1
            self._later.add(wait_s, attempt)
            return
        result = result_of(ended.outcome, None, attempt.number)
        if self._journal is not None:
            self._journal.add(result, attempt.key)
        self._give(result)

    def _give(self, result: Result, is_kept: bool = False) -> None:
        self._ended.append(result)
        if self._keeps:
            self.results[result.item] = result
        if self._progress is not None:
            self._progress.ended(result.error is not None, is_kept)


class BatchRun:
    """The results of a batch, one by one: what `run_batch(..., generator_style=True)` gives; nothing runs in between.

    The batch ends with the iteration; `close`, the end of a `with` or nobody holding this gives up what is on its way.

    untaken  gives the results of items that have ended behind one that has not, after Ctrl-C too
    """

    def __init__(
        self,
        results: Iterator[Result],
        launch: Launch | LoopLaunch,
        held: ExitStack,
        untaken: Callable[[], list[Result]],
    ) -> None:
        self._results, self._launch, self._held, self.untaken = results, launch, held, untaken

    def __iter__(self) -> BatchRun:
        return self

    def __next__(self) -> Result:
        try:
            return next(self._results)
        except StopIteration:
            self.close()
            raise
        except BaseException as error:
            self.close()
            left = self.untaken()
            _add_results(error, left, f"{len(left)} items that the iteration had not come to had ended")
            raise

    def __enter__(self) -> BatchRun:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()

    @property
    def report(self) -> RunReport:
        """What was counted so far."""
        return self._launch.report()

    def close(self) -> None:
        """End the batch."""
        self._results = iter(())
        self._held.close()


class PatientRun:
    """A run to hold whose items are tried again, and given up where they take too long: see `Program.open_run`."""

    def __init__(self, launch: Launch | LoopLaunch, options: BatchOptions) -> None:
        self._launch = launch
        self._loop = BatchLoop(launch, retry=options.retry, timeout=options.timeout)
        self.report, self.counts, self.close = launch.report, launch.counts, launch.close

    def results(self, items: Iterable[Any]) -> Iterator[tuple[int, Result]]:
        """(index, result) of each item as it ends; see `Launch.results`."""
        check_items("results", items)
        return self._results_of(items)

    def _results_of(self, items: Iterable[Any]) -> Iterator[tuple[int, Result]]:
        self._loop.go_on_with(*self._launch.binds(items))
        for result in self._loop.as_they_end():
            yield result.item, result

    @property
    def is_idle(self) -> bool:
        """True where all items that were taken have ended."""
        return self._loop.is_idle

    def __enter__(self) -> PatientRun:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchOptions:
    """How a batch is run, beside what is run: see `Program.run_batch`. Raises ArgumentError."""

    retry: Retry
    timeout: Timeout
    max_in_flight: int | None = None
    journal: str | Path | None = None
    reruns_failed: bool = True
    progress_bar: bool | Literal["live"] = False

    def __post_init__(self) -> None:
        check_in_flight(self.max_in_flight)

    def check_stream(self, stream: bool, generator_style: bool, listens: bool) -> None:
        """Raises ArgumentError for what does not go with a stream, or with somebody who hears of all that happens."""
        given: dict[str, object] = {"retry": self.retry.items or self.retry.calls}
        if stream:
            given |= {"generator_style": generator_style, "timeout": self.timeout.item, "journal": self.journal}
            given |= {"max_in_flight": self.max_in_flight, "progress_bar": self.progress_bar}
        name = next((name for name, value in given.items() if value), None)
        if name is not None and (stream or listens):
            what = "stream=True" if stream else "on_event"
            raise ArgumentError(
                f"`{name}` does not go with {what}", help="what was told of an attempt cannot be taken back; use one"
            )


def threads_of(given: object) -> int | None:
    """How many threads tools may have, None for what suits the machine. Raises ArgumentError for another."""
    if given is None or given == "auto":
        return None
    if type(given) is not int or given < 1:
        raise ArgumentError(f'num_threads={given!r}: "auto", or a whole number from 1 on is needed')
    return given


def check_in_flight(number: object) -> None:
    """Raises ArgumentError for what is no number of items."""
    if number is not None and (type(number) is not int or number < 1):
        raise ArgumentError(f"max_in_flight={number!r}: a whole number from 1 on is needed")


def one_result(launch: Launch, arguments: Arguments, options: BatchOptions) -> Result:
    """The result for one set of bound arguments, with the report; closes the launch. Runs in the caller's context."""
    launch.keep_leaves()
    launch.in_this_context()
    (result,) = BatchLoop(launch, [lambda: arguments], 1, retry=options.retry, timeout=options.timeout).as_they_end()
    launch.close()
    result.report = launch.report()
    return result


def all_results(launch: Launch | LoopLaunch, items: Iterable[Any], options: BatchOptions) -> list[Result]:
    """One result for each item, in order, each with the report of the whole; closes the launch.

    What ends it early, as Ctrl-C does, has what was there by then in `results`.
    """
    with ExitStack() as held:
        held.callback(launch.close)
        binds, total = launch.binds(items)
        if total is not None:
            launch.keep_leaves()
        batch = _opened(launch, binds, total, options, held, keeps=True)
        try:
            for _ in batch.as_they_end():
                pass
        except BaseException as error:
            ended = [batch.results[number] for number in sorted(batch.results)]
            _add_results(error, ended, f"{len(ended)}{'' if total is None else f' of {total}'} items had ended")
            raise
    report, results = launch.report(), batch.results
    for result in results.values():
        result.report = report
    return [results[number] for number in range(len(results))]


def one_by_one(launch: Launch | LoopLaunch, items: Iterable[Any], options: BatchOptions, *, in_order: bool) -> BatchRun:
    """The same as an iterator, in the order of the items, or as they end; the results have no report."""
    held = ExitStack()
    held.callback(launch.close)
    try:
        batch = _opened(launch, *launch.binds(items), options, held)
    except BaseException:
        held.close()
        raise
    return BatchRun(batch.in_order() if in_order else batch.as_they_end(), launch, held, batch.untaken)


def _opened(
    launch: Launch | LoopLaunch,
    binds: Iterable[Bind],
    total: int | None,
    options: BatchOptions,
    held: ExitStack,
    *,
    keeps: bool = False,
) -> BatchLoop:
    """The batch; what it holds open is closed with `held`."""
    held.enter_context(collector_paced())
    journal = progress = None
    if options.journal is not None:
        from lmc.journal import Journal

        journal = Journal(options.journal, launch.identity(), reruns_failed=options.reruns_failed)
        held.callback(journal.close)
        if total is not None:
            binds = _checked(list(binds), journal)
    if options.progress_bar:
        progress = _progress(options, total, launch)
        held.callback(progress.close)
    return BatchLoop(
        launch,
        binds,
        total,
        retry=options.retry,
        timeout=options.timeout,
        max_in_flight=options.max_in_flight,
        journal=journal,
        progress=progress,
        keeps=keeps,
    )


def _progress(options: BatchOptions, total: int | None, launch: Launch | LoopLaunch) -> BatchProgress:
    if options.progress_bar == "live":
        from lmc.observe.live import LiveProgress

        return LiveProgress(total, launch, launch.name)
    from lmc.observe.progress import BatchProgress

    return BatchProgress(total, launch.counts)


def _checked(binds: list[Bind], journal: Journal) -> list[Bind]:
    """The items, held against the journal before any runs; those of a source are checked as they come."""
    for number, bind in enumerate(binds):
        if journal.knows(number):
            try:
                arguments = bind()
            except Exception:  # that item's error, when its turn comes
                continue
            journal.check(number, journal.key(arguments))
    return binds


def _add_results(error: BaseException, results: list[Result], said: str) -> None:
    """Put what has ended on what ends the batch."""
    error.results = results  # type: ignore[attr-defined]
    error.add_note(f"{said}: `results` of this exception has them, each with its `item`")


def _raise(error: Exception) -> Arguments:
    raise error
