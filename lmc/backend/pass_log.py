"""The forward passes of a session that nobody has fetched yet: the last ones, a bounded number of rows."""

from __future__ import annotations

import threading
from collections import deque

from lmc.backend.base import ForwardPass


class PassLog:
    """One thread adds, another may take.

    num_added  passes so far: the number of the next one
    """

    def __init__(self, max_rows: int) -> None:
        self.num_added = 0
        self._max_rows, self._num_rows = max_rows, 0
        self._passes: deque[ForwardPass] = deque()
        self._lock = threading.Lock()

    def add(self, each: ForwardPass) -> None:
        """One more, which has `num_added` for its number; the oldest make room."""
        with self._lock:
            self.num_added += 1
            self._passes.append(each)
            self._num_rows += len(each.rows)
            while self._num_rows > self._max_rows and len(self._passes) > 1:
                self._num_rows -= len(self._passes.popleft().rows)

    def take(self) -> list[ForwardPass]:
        """Those since the last call."""
        with self._lock:
            found = list(self._passes)
            self._passes.clear()
            self._num_rows = 0
        return found


def log_of(max_rows: int) -> PassLog | None:
    """What `Session.record_passes` is to keep from then on."""
    return PassLog(max_rows) if max_rows > 0 else None


def taken(log: PassLog | None) -> list[ForwardPass]:
    """What `Session.take_passes` gives."""
    return [] if log is None else log.take()
