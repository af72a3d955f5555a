"""The echo backend: a deterministic fake that speaks the whole waist without a model.

Texts are short plausible words, a function of (seed, prompt ids, sampling); constraints hold, stops stop. Options
delay or shuffle completions, split streams, fail on purpose and record every request. Standard library only.
"""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Callable, Iterable

from lmc.backend.base import Counters, Delta, Event, Failed, Finished, ForwardPass, PassRow, PrefixHint, Request
from lmc.backend.echo.constraint import Drawers
from lmc.backend.echo.reply import Script, Settings, reply
from lmc.backend.echo.text import advance, mix
from lmc.backend.pass_log import PassLog, log_of, taken
from lmc.errors import ArgumentError
from lmc.ir.caps import CONSTRAINT_KINDS, Caps
from lmc.ir.prompt import Tokenizer
from lmc.ir.scoring import CHOICES_METHODS
from lmc.tokenizer.byte_tokenizer import ByteTokenizer

Groups = list[list[Event]]  # what is left to say of a request, one group a step, the next one last


class EchoBackend:
    """A place where plans run, without a model.

    seed      another seed, other answers
    delay     steps a request waits beyond the first, or a function of it
    shuffle   a seed: each request waits a random 0 to `delay` steps (0 to 7 if `delay` is 0) and those that
              complete together come in random order; the same seed gives the same order
    delay_s   seconds of wall clock a request takes, or a function of it; all requests run side by side
    chunks    Deltas that a gen segment is split into, one a step
    fail      a message fails the request, None lets it run; `fail_retryable` is put on the event
    script    (prompt with control tokens written out, gen) -> what to say, None for the usual words; stops and
              max_tokens apply, constraints do not
    max_len   tokens of prompt and output together
    record    keep every submitted request in `log`, in order
    tokenizer a ByteTokenizer, for one with a `<|bos|>` or without a template
    """

    name = "echo"

    def __init__(
        self,
        seed: int = 0,
        *,
        delay: int | Callable[[Request], int] = 0,
        shuffle: int | None = None,
        delay_s: float | Callable[[Request], float] = 0.0,
        chunks: int = 1,
        fail: Callable[[Request], str | None] | None = None,
        fail_retryable: bool = False,
        script: Script | None = None,
        max_len: int | None = None,
        record: bool = False,
        tokenizer: ByteTokenizer | None = None,
    ) -> None:
        if not callable(delay):
            _check_steps(delay)
        self._bytes = tokenizer or ByteTokenizer()
        self.tokenizer: Tokenizer = self._bytes
        self.caps = Caps(
            constraints=CONSTRAINT_KINDS,
            score=frozenset(CHOICES_METHODS),
            fused=True,
            n=True,
            logprobs=True,
            seed=True,
            max_len=max_len,
        )
        self.identity = f"seed {seed}"  # what decides its answers, for who compares runs
        self.log: list[Request] = []
        self.record = record
        self.settings = Settings(seed, self._bytes, max_len, chunks, script, Drawers(self._bytes))
        self.delay = delay
        self.shuffle = shuffle
        self.delay_s = delay_s
        self.fail = fail
        self.fail_retryable = fail_retryable

    def open(self, namespace: str = "") -> EchoSession:
        """A new session; namespaces make no difference, there is no cache to share."""
        return EchoSession(self)

    def close(self) -> None:
        """Nothing is held."""

    def prompts(self) -> list[str]:
        """The recorded prompts, control tokens written out."""
        return [self.show(request.prompt.ids) for request in self.log]

    def show(self, ids: Iterable[int]) -> str:
        """The text of `ids` with control tokens written out."""
        return self._bytes.show(ids)

    def wait_steps(self, request: Request) -> int:
        """How many steps a request waits beyond the first."""
        steps = _check_steps(self.delay(request)) if callable(self.delay) else self.delay
        if self.shuffle is None:
            return steps
        return (advance(mix(self.shuffle, request.rid)) >> 33) % ((steps or 7) + 1)

    def wait_s(self, request: Request) -> float:
        """How many seconds a request takes."""
        return self.delay_s(request) if callable(self.delay_s) else self.delay_s


def _check_steps(delay: object) -> int:
    if type(delay) is not int or delay < 0:
        what = f"`delay` counts steps of the session, a whole number from 0 on, not {delay!r}"
        raise ArgumentError(what, help="`delay_s` is for seconds")
    return delay


def open_echo(model: str | None = None) -> EchoBackend:
    """Answers made up from the prompt, without a model: for tests, and to try a program out."""
    return EchoBackend()


class EchoSession:
    """One user's queue. Written by the one thread that submits and steps; only `wake` is for others.

    A live request stands in `_live` and, under its rid, in `_due` (by step) or `_timed` (by clock).
    """

    def __init__(self, backend: EchoBackend) -> None:
        self.tokenizer = backend.tokenizer
        self._counters = Counters()
        self._backend = backend
        self._live: dict[int, Request] = {}
        self._left: dict[int, Groups] = {}  # of the live ones, those that have begun to speak
        self._due: dict[int, list[int]] = {}
        self._timed: list[tuple[float, int, int]] = []  # (when, number of the submission, rid)
        self._ready: list[Event] = []  # for the next step, whatever else happens
        self._tick = 0
        self._passes: PassLog | None = None
        self._is_closed = False
        self._woken = threading.Event()

    def submit(self, requests: list[Request]) -> None:
        """Queue requests; each is answered by a later step."""
        if self._backend.record:
            self._backend.log += requests
        for request in requests:
            assert request.rid not in self._live, f"rid {request.rid} is in flight already"
            self._live[request.rid] = request
            self._schedule(request)
        self._counters.max_running = max(self._counters.max_running, len(self._live))
        if self._is_closed:
            self._abort_all("the session is closed")

    def abort(self, rid: int, reason: str) -> None:
        """End a request; the samples that have not finished get Failed with code `aborted`."""
        request = self._live.pop(rid, None)
        if request is None:
            return
        groups = self._left.pop(rid, None)
        for sample in _unfinished(request, groups):
            self._ready.append(Failed(rid, sample, "aborted", reason))

    def hint(self, hint: PrefixHint) -> None:
        """Ignored: there is no cache."""

    def step(self, timeout_s: float | None = None) -> list[Event]:
        """Answer what is due at this step.

        Waits only where no request is queued, or all of them are on the clock; `timeout_s` None waits without end.
        """
        if not self._ready and not self._due and not self._is_closed:
            self._wait(timeout_s)
        events, self._ready = self._ready, []
        self._tick += 1
        due = self._due.pop(self._tick, [])
        due += self._timed_out()
        begin_s, first = time.perf_counter(), len(events)
        for rid in self._in_order(due):
            self._speak(rid, events)
        self._counters.forward_passes += bool(due)
        if self._passes is not None and due:
            self._record(self._passes, begin_s, events[first:])
        return events

    def record_passes(self, max_rows: int) -> None:
        """Keep a record of the steps that answered something, at most `max_rows` rows of the last ones; 0 ends it."""
        self._passes = log_of(max_rows)

    def take_passes(self) -> list[ForwardPass]:
        """Those recorded since the last call; any thread may ask."""
        return taken(self._passes)

    def counters(self) -> Counters:
        """What has been done for this session so far, by value."""
        return self._counters.copy()

    def wake(self) -> None:
        """Make a waiting `step` return, or the next one that would wait."""
        self._woken.set()

    def close(self) -> None:
        """Abort what is left; one more step returns those events, no step waits any more."""
        self._is_closed = True
        self._abort_all("the session was closed")
        self.wake()

    # --- when ------------------------------------------------------------------------------------------------

    def _schedule(self, request: Request) -> None:
        self._counters.requests += 1
        wait_s = self._backend.wait_s(request)
        if wait_s > 0:
            heapq.heappush(self._timed, (time.monotonic() + wait_s, self._counters.requests, request.rid))
        else:
            self._say_at(self._tick + 1 + self._backend.wait_steps(request), request.rid)

    def _say_at(self, tick: int, rid: int) -> None:
        self._due.setdefault(tick, []).append(rid)

    def _wait(self, timeout_s: float | None) -> None:
        if self._timed:
            until = max(0.0, self._timed[0][0] - time.monotonic())
            timeout_s = until if timeout_s is None else min(until, timeout_s)
        if self._woken.wait(timeout_s):
            self._woken.clear()

    def _timed_out(self) -> list[int]:
        rids: list[int] = []
        now = time.monotonic() if self._timed else 0.0
        while self._timed and self._timed[0][0] <= now:
            rids.append(heapq.heappop(self._timed)[2])
        return rids

    def _in_order(self, rids: list[int]) -> list[int]:
        shuffle = self._backend.shuffle
        if shuffle is None:
            return rids
        return sorted(rids, key=lambda rid: advance(mix(shuffle, rid, self._tick)))

    # --- what ------------------------------------------------------------------------------------------------

    def _speak(self, rid: int, events: list[Event]) -> None:
        """Put the next group of a request's events behind `events`; an aborted one is skipped."""
        request = self._live.get(rid)
        if request is None:
            return
        groups = self._left.pop(rid, None) or self._groups(request)
        events += groups.pop()
        if groups:
            self._left[rid] = groups
            self._say_at(self._tick + 1, rid)
        else:
            del self._live[rid]

    def _groups(self, request: Request) -> Groups:
        """Everything a request will say, in groups of one step each, the last one first."""
        backend = self._backend
        message = backend.fail(request) if backend.fail else None
        if message is not None:
            return [[_injected(request, sample, message, backend.fail_retryable) for sample in range(request.n)]]
        replies = [reply(request, sample, backend.settings) for sample in range(request.n)]
        self._count(request, replies)
        if backend.settings.chunks <= 1:
            return [[event for events in replies for event in events]]
        return _side_by_side([_one_delta_each(events) for events in replies])[::-1]

    def _count(self, request: Request, replies: Groups) -> None:
        counters = self._counters
        for events in replies:
            end = events[-1]
            if isinstance(end, Finished):
                counters.prompt_tokens += end.usage.prompt_tokens
                counters.computed_tokens += end.usage.computed_tokens
                counters.output_tokens += end.usage.output_tokens

    def _record(self, log: PassLog, begin_s: float, events: list[Event]) -> None:
        """What a step has said. A sample's prompt counts where it ends: there its cost is known."""
        rows: dict[tuple[int, int], PassRow] = {}
        for event in events:
            row = rows.setdefault((event.rid, event.sample), PassRow(event.rid, event.sample, 0, 0, 0, 0))
            if type(event) is Finished:
                usage = event.usage
                row = PassRow(row.rid, row.sample, usage.computed_tokens, 0, usage.computed_tokens, usage.output_tokens)
                rows[event.rid, event.sample] = row
        num_tokens, seconds = sum(row.num_tokens for row in rows.values()), time.perf_counter() - begin_s
        num_left = len(self._live)
        log.add(ForwardPass(log.num_added, begin_s, seconds, tuple(rows.values()), len(rows), num_tokens, num_left))

    def _abort_all(self, reason: str) -> None:
        for rid in list(self._live):
            self.abort(rid, reason)
        self._due.clear()
        self._timed.clear()


def _injected(request: Request, sample: int, message: str, retryable: bool) -> Failed:
    return Failed(request.rid, sample, "injected", message, retryable=retryable)


def _unfinished(request: Request, groups: Groups | None) -> list[int]:
    """The samples whose last event has not been given out."""
    if groups is None:
        return list(range(request.n))
    left = {e.sample for group in groups for e in group if isinstance(e, (Finished, Failed))}
    return sorted(left)


def _one_delta_each(events: list[Event]) -> Groups:
    """The events of a sample, a new group after each Delta; what ends a segment goes with its last Delta."""
    groups: Groups = []
    for event in events:
        if isinstance(event, Delta) or not groups:
            groups.append([])
        groups[-1].append(event)
    return groups


def _side_by_side(samples: list[Groups]) -> Groups:
    """The k-th groups of all samples as one."""
    longest = max(map(len, samples))
    return [[event for groups in samples if k < len(groups) for event in groups[k]] for k in range(longest)]
