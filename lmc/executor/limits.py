"""How long a call may take, and how often it is asked again: what a run says of its calls, and the clock it keeps.

A call that is too late is given up in the session, and fails with code `timeout`. One that failed in a way that may
pass (`retryable`) is asked again with the same prompt and the same seed: nothing of the program runs twice for it.
"""

from __future__ import annotations

import heapq
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import count
from typing import Generic, TypeVar

from lmc.backend.base import Event, Failed

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Backoff:
    """Seconds to wait before another attempt: `first_s`, each time `factor` times as long, at most `most_s`."""

    first_s: float = 0.5
    factor: float = 2.0
    most_s: float = 30.0

    def before(self, attempt: int) -> float:
        """Seconds before the `attempt`-th repetition, counted from 1."""
        try:
            return float(min(self.first_s * self.factor ** (attempt - 1), self.most_s))
        except OverflowError:
            return self.most_s


@dataclass(frozen=True, slots=True)
class CallLimits:
    """Of every call of a run: seconds each may take, None for any time; how often it is asked again, and when."""

    timeout_s: float | None = None
    num_retries: int = 0
    backoff: Backoff = Backoff()

    def retry_in(self, failed: Failed, num_before: int) -> float | None:
        """Seconds until a call that failed so often before is asked again; None where it is not."""
        if not failed.retryable or num_before >= self.num_retries:
            return None
        return self.backoff.before(num_before + 1)


NO_LIMITS = CallLimits()


class CallClock:
    """When calls in flight are too late. Written by the thread that steps the run."""

    def __init__(self, timeout_s: float | None) -> None:
        self._timeout_s = timeout_s
        self._ends: deque[tuple[float, int]] = deque()  # all wait equally long, so the first is the next
        self._late: set[int] = set()

    def submitted(self, rids: Iterable[int]) -> None:
        """These are on their way from now on."""
        if self._timeout_s is not None:
            end = time.monotonic() + self._timeout_s
            self._ends.extend((end, rid) for rid in rids)

    def late(self, open: Mapping[int, object]) -> Iterator[int]:
        """Those of the open ones whose time is over, each once."""
        now = time.monotonic()
        while self._ends and (self._ends[0][0] <= now or self._ends[0][1] not in open):
            _, rid = self._ends.popleft()
            if rid in open:
                self._late.add(rid)
                yield rid

    def told(self, event: Event) -> Event:
        """The event; where it is the end of a call that was too late, one that says so."""
        if type(event) is Failed and event.rid in self._late:
            message = f"the call had no answer after {self._timeout_s:g} s"
            return replace(event, code="timeout", message=message, help="allow more time", retryable=True)
        return event

    def answered(self, rid: int) -> None:
        """That one has ended."""
        self._late.discard(rid)

    def patience(self, timeout_s: float) -> float:
        """Seconds until the next is late, at most `timeout_s`."""
        return min(timeout_s, max(0.0, self._ends[0][0] - time.monotonic())) if self._ends else timeout_s


class Later(Generic[T]):
    """Things that are taken up again after a while."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, T]] = []
        self._numbers = count()

    def __len__(self) -> int:
        return len(self._heap)

    def add(self, wait_s: float, thing: T) -> None:
        """Due in so many seconds."""
        heapq.heappush(self._heap, (time.monotonic() + wait_s, next(self._numbers), thing))

    def due(self) -> Iterator[T]:
        """Those whose time has come, each once."""
        while self._heap and self._heap[0][0] <= time.monotonic():
            yield heapq.heappop(self._heap)[2]

    def patience(self, timeout_s: float) -> float:
        """Seconds until the next is due, at most `timeout_s`."""
        return min(timeout_s, max(0.0, self._heap[0][0] - time.monotonic())) if self._heap else timeout_s

    def clear(self) -> None:
        """Forget all of them."""
        self._heap.clear()
