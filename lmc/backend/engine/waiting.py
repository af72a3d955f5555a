"""Who waits to be admitted, and in which order: cache-aware, with bounded waiting.

Programs are the unit: what an item that has begun asks next goes before the first calls of others, for they would need
the room that it still holds. Among those, and among the first WINDOW requests of each kind by rank (priority, then
whose turn it is, then arrival), the ones with the longest resident prefix go first, and the members of a gang go one
after the other. A request that MAX_OVERTAKEN of a later rank have been admitted before goes ahead of all that are not
so, and nothing is admitted behind it while it finds no room. So, at equal priority, a request is overtaken by fewer
than MAX_OVERTAKEN + max_running of a later rank, not counting guests (scheduler.py) and those admitted while its next
token was being computed by another request (it is then *blocked*, and the wait saves it the work).

Proof: each admission of a later rank counts one for whoever is in a window and left behind; a request whose count has
come to MAX_OVERTAKEN is first in order, and stops the pass over the queue where it finds no room; between that and its
admission only seats are in its way, of which there are max_running, and one step may admit as many before it counts.
Of another session a call is of a later rank where it was asked later; of the same one where its item was, for a call of
an earlier item takes up what that one has begun. An item has this privilege for MAX_CALLS calls, then each of its calls
counts as what it is. So a request waits for at most MAX_CALLS calls of each earlier item of its session besides.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable
from operator import attrgetter

from lmc.backend.cache.radix import Claim
from lmc.backend.engine.open_items import OpenItem
from lmc.backend.engine.sequence import Rank, Sequence

WINDOW = 128
MAX_OVERTAKEN = 64
MAX_CALLS = 256  # of an item that has begun that go before the first ones of others

_rank = attrgetter("rank")


class WaitingQueue:
    """Sequences without a lease: ready ones in rank order, apart those whose item has begun; and blocked ones."""

    def __init__(self) -> None:
        self._ready: list[Sequence] = []
        self._going_on: list[Sequence] = []  # ready ones of items that have begun, by the place of those
        self._blocked: set[Sequence] = set()

    def __len__(self) -> int:
        return len(self._ready) + len(self._going_on) + len(self._blocked)

    @property
    def members(self) -> set[Sequence]:
        """All of them."""
        return {*self._ready, *self._going_on, *self._blocked}

    @property
    def num_ready(self) -> int:
        """Sequences that wait for room only."""
        return len(self._ready) + len(self._going_on)

    @property
    def has_begun_ones(self) -> bool:
        """Whether an item that has begun could go on."""
        return bool(self._going_on)

    @property
    def first(self) -> Sequence | None:
        """The ready sequence of the best rank."""
        heads = [*self._ready[:1], *self._going_on]
        return min(heads, key=_rank) if heads else None

    @property
    def window(self) -> list[Sequence]:
        """Who may be admitted next: the first ready sequences of items that have begun, and those of others."""
        return self._going_on[:WINDOW] + self._ready[:WINDOW]

    def add(self, seq: Sequence) -> None:
        """Put a sequence at its rank, or where its item stands."""
        if goes_on(seq):
            insort(self._going_on, seq, key=_place)
        else:
            insort(self._ready, seq, key=_rank)

    def item_begins(self, item: OpenItem) -> None:
        """What else is asked of an item that has begun just now goes before others."""
        for seq in [seq for seq in self._ready if seq.item is item] if item.num_open > 1 else []:
            self._ready.remove(seq)
            self.add(seq)

    def remove(self, seq: Sequence) -> bool:
        """Take a sequence out; False if it was not here."""
        if seq in self._blocked:
            self._blocked.remove(seq)
            return True
        for ready in (self._ready, self._going_on):
            if seq in ready:
                ready.remove(seq)
                return True
        return False

    def block(self, seq: Sequence, claim: Claim, then: Callable[[], None]) -> None:
        """Set a ready sequence aside until `claim` ends; it is ready again before `then` is called."""
        self.remove(seq)
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
        if admitted:
            for seq in self.window:
                seq.num_overtaken += sum(_is_later(other, seq) for other in admitted)


def is_overdue(seq: Sequence) -> bool:
    """True where nothing may go before this one any more."""
    return seq.num_overtaken >= MAX_OVERTAKEN


def goes_on(seq: Sequence) -> bool:
    """Whether it is a call of an item that has begun."""
    return seq.item is not None and seq.item.has_begun and seq.item.num_calls <= MAX_CALLS


def _is_later(seq: Sequence, other: Sequence) -> bool:
    """Whether `seq` is of a later rank than `other`."""
    if seq.account is other.account and goes_on(seq) and seq.rank[0] == other.rank[0]:
        return seq.place > other.place
    return seq.rank > other.rank


def _place(seq: Sequence) -> tuple[int, ...]:
    return (seq.rank[0], seq.place, *seq.rank[1:])


def _gang(seq: Sequence) -> object:
    request, account = seq.entry.request, seq.account
    return (id(account), request.gang) if request.gang is not None else seq.entry


def _order(seq: Sequence, gang: tuple[int, Rank]) -> tuple[object, ...]:
    if is_overdue(seq):
        return (seq.rank[0], 0, seq.rank)
    return (seq.rank[0], 1, not goes_on(seq), gang, -seq.resident_len, seq.rank)
