"""Who waits to be admitted, and in which order: cache-aware, with bounded waiting.

Among the first WINDOW requests by rank (priority, then whose turn it is, then arrival), those with the longest resident
prefix go first, and the members of a gang go one after the other. A request that MAX_OVERTAKEN of a later rank have
been admitted before goes ahead of all that are not so, and nothing is admitted behind it while it finds no room. So, at
equal priority, a request is overtaken by fewer than MAX_OVERTAKEN + max_running of a later rank, not counting guests
(scheduler.py) and those admitted while its next token was being computed by another request (it is then *blocked*, and
the wait saves it the work).
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Callable
from operator import attrgetter

from lmc.backend.cache.radix import Claim
from lmc.backend.engine.sequence import Rank, Sequence

WINDOW = 128
MAX_OVERTAKEN = 64

_rank = attrgetter("rank")


class WaitingQueue:
    """Sequences without a lease: ready ones in rank order, and blocked ones."""

    def __init__(self) -> None:
        self._ready: list[Sequence] = []
        self._blocked: set[Sequence] = set()

    def __len__(self) -> int:
        return len(self._ready) + len(self._blocked)

    @property
    def members(self) -> set[Sequence]:
        """All of them."""
        return {*self._ready, *self._blocked}

    @property
    def num_ready(self) -> int:
        """Sequences that wait for room only."""
        return len(self._ready)

    @property
    def first(self) -> Sequence | None:
        """The ready sequence of the best rank."""
        return self._ready[0] if self._ready else None

    @property
    def window(self) -> list[Sequence]:
        """The first ready sequences, by rank: who may be admitted next."""
        return self._ready[:WINDOW]

    def add(self, seq: Sequence) -> None:
        """Put a sequence at its rank."""
        insort(self._ready, seq, key=_rank)

    def remove(self, seq: Sequence) -> bool:
        """Take a sequence out; False if it was not here."""
        if seq in self._blocked:
            self._blocked.remove(seq)
            return True
        if seq not in self._ready:
            return False
        self._ready.remove(seq)
        return True

    def block(self, seq: Sequence, claim: Claim, then: Callable[[], None]) -> None:
        """Set a ready sequence aside until `claim` ends; it is ready again before `then` is called."""
        self._ready.remove(seq)
        self._blocked.add(seq)

        def wake() -> None:
            if seq in self._blocked:
                self._blocked.remove(seq)
                self.add(seq)
                then()

        claim.waiters.append(wake)

    def candidates(self, peek: Callable[[Sequence], int]) -> list[Sequence]:
        """The ready sequences in the order to admit them; `peek` says how many of their tokens are resident."""
        window = self.window
        if len(window) < 2:
            return window
        for seq in window:
            seq.resident_len = peek(seq)
        best: dict[object, tuple[int, Rank]] = {}
        for seq in window:
            key = (-seq.resident_len, seq.rank)
            best[_gang(seq)] = min(key, best.get(_gang(seq), key))
        return sorted(window, key=lambda seq: _order(seq, best[_gang(seq)]))

    def note_admitted(self, admitted: list[Sequence]) -> None:
        """Count, for those left behind in the window, how many later ones went before them."""
        ranks = sorted(seq.rank for seq in admitted)
        for seq in self.window:
            seq.num_overtaken += len(ranks) - bisect_right(ranks, seq.rank)


def is_overdue(seq: Sequence) -> bool:
    """True where nothing may go before this one any more."""
    return seq.num_overtaken >= MAX_OVERTAKEN


def _gang(seq: Sequence) -> object:
    request, account = seq.entry.request, seq.account
    return (id(account), request.gang) if request.gang is not None else seq.entry


def _order(seq: Sequence, gang: tuple[int, Rank]) -> tuple[object, ...]:
    if is_overdue(seq):
        return (seq.rank[0], 0, seq.rank)
    return (seq.rank[0], 1, gang, -seq.resident_len, seq.rank)
