"""Constraints that are compiled beside the steps: who asked for them waits, and nobody else.

A thread is there as long as something is to be compiled, so none is left where nothing is.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from lmc.backend.engine.sequence import RequestEntry, Sequence
from lmc.collector import collector_paced

MAX_THREADS = 4  # so that what is quick does not wait for what takes long


class Compiling:
    """Requests whose matchers are being made by `make`, and those that have theirs now; `notify` is called for each.

    One thread at a time adds, drops and takes, under the lock of steps.
    """

    def __init__(self, make: Callable[[RequestEntry], None], notify: Callable[[], None]) -> None:
        self._make, self._notify = make, notify
        self._asked: deque[RequestEntry] = deque()
        self._made: deque[RequestEntry] = deque()
        self._waiting: dict[RequestEntry, list[Sequence]] = {}
        self._num_threads = 0
        self._books = threading.Lock()

    @property
    def has_made(self) -> bool:
        """Whether any request has its matchers and has not been taken."""
        return bool(self._made)

    @property
    def members(self) -> set[Sequence]:
        """The samples that wait."""
        return {seq for seqs in self._waiting.values() for seq in seqs}

    def add(self, entry: RequestEntry, seqs: list[Sequence]) -> None:
        """Compile for a request, and keep its samples until that is done."""
        self._waiting[entry] = seqs
        with self._books:
            self._asked.append(entry)
            if self._num_threads == MAX_THREADS:
                return
            self._num_threads += 1
        threading.Thread(target=self._work, name="lmc-constraints", daemon=True).start()

    def drop(self, seq: Sequence) -> None:
        """A sample has ended; what only it needs is not compiled any more, unless that has begun."""
        left = [other for other in self._waiting.get(seq.entry, ()) if other is not seq]
        if left:
            self._waiting[seq.entry] = left
        else:
            self._waiting.pop(seq.entry, None)

    def take(self) -> list[Sequence]:
        """The samples whose constraints have been compiled, as they were asked for."""
        found: list[Sequence] = []
        while self._made:
            found += self._waiting.pop(self._made.popleft(), ())
        return found

    def _work(self) -> None:
        while True:
            with self._books:
                if not self._asked:
                    self._num_threads -= 1
                    return
                entry = self._asked.popleft()
            if entry not in self._waiting:
                continue
            try:
                with collector_paced():
                    self._make(entry)
            finally:
                self._made.append(entry)
                self._notify()
