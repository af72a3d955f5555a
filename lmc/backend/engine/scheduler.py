"""Which sequences compute which tokens in the next step.

One token budget: decode rows first, then short extends, then chunks, then new admissions, each as far as the
budget and the slots go. When slots run out, spare ones are taken back, then the running sequence of the worst
rank is retracted; the first by rank never is, and it fits the pool alone, so something always advances. While a pass
is under way nothing is retracted: `wants_landing` says that it must be landed first.

A few seats more than `max_running` are kept for sessions of which nothing runs: else the first call of one would wait
for a place in another's batch, whose rows often end all at one step.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Iterable
from enum import Enum
from operator import attrgetter

from lmc.backend.base import Missed
from lmc.backend.cache.lease import KVCache, Lease
from lmc.backend.cache.radix import Claim
from lmc.backend.engine.first_masks import FirstMasks
from lmc.backend.engine.forecast import Forecast, peak
from lmc.backend.engine.history import History
from lmc.backend.engine.open_items import OpenItems
from lmc.backend.engine.sequence import Sequence
from lmc.backend.engine.tokens import Int32
from lmc.backend.engine.waiting import MAX_OVERTAKEN, WaitingQueue, goes_on, is_overdue
from lmc.backend.engine.work import Work, extend_work, score_work
from lmc.backend.runner.batch import NO_SEAT

SHORT = 64  # tokens of an extend that goes before the chunks
MAX_MISSES = 8  # candidates without room before a pass over the queue ends
RUNNING_A_GUEST = 16  # of so many that may run, one more may, of a session of which nothing runs
RETRY_STEPS = 32  # steps after which a queue without room is looked at again: the forecast has decayed meanwhile

_rank = attrgetter("rank")
Prepare = Callable[[Sequence], bool]
MissElsewhere = Callable[[Int32, int], Missed | None]


class Verdict(Enum):
    """What became of a candidate."""

    ADMITTED = 1
    BLOCKED = 2
    NO_ROOM = 3
    ENDED = 4


class Scheduler:
    """Owner of the queue, of the running list and of every lease.

    miss_elsewhere  what a prompt misses that engines of other models have had: its ids, and what was cached of them
    prepare        called before a sequence is first admitted; False if it came to its end there
    is_flying      a pass is under way: the engine says so before it asks for works
    turn           of the request that was admitted last in its turn
    wants_landing  the last works would have been more, had nothing been under way
    """

    def __init__(
        self,
        cache: KVCache,
        items: OpenItems,
        history: History,
        *,
        chunk_len: int,
        token_budget: int,
        max_running: int,
        prepare: Prepare,
        miss_elsewhere: MissElsewhere,
        depth: int = 1,
    ) -> None:
        self.running: list[Sequence] = []  # in rank order
        self.waiting = WaitingQueue()
        self._cache = cache
        self._items = items
        self._history, self._miss_elsewhere = history, miss_elsewhere
        self._chunk_len = chunk_len
        self._max_running = max_running
        self._num_seats = max_running + max_running // RUNNING_A_GUEST
        self._token_budget = max(token_budget, self._num_seats)  # every running sequence can decode in every step
        self._prepare = prepare
        self._first_masks = FirstMasks(depth)
        self._forecast = Forecast()
        self._works: dict[Sequence, Work] = {}
        self._budget = 0
        self._is_full = False  # nothing that waits found room, and nothing has changed since
        self._steps = 0
        self._retracted = False
        self._free_seats = list(range(self._num_seats))[::-1]
        self.is_flying = self.wants_landing = False
        self.turn = 0

    @property
    def has_work(self) -> bool:
        """True while any sequence runs or waits."""
        return bool(self.running) or bool(len(self.waiting))

    @property
    def first(self) -> Sequence | None:
        """The sequence of the best rank that runs, or else that waits for room."""
        return self.running[0] if self.running else self.waiting.first

    def add(self, seq: Sequence) -> None:
        """Queue a sequence."""
        self.waiting.add(seq)
        self._is_full = False

    def room_changed(self) -> None:
        """Whoever waits may find room now."""
        self._is_full = False

    def remove(self, seq: Sequence) -> None:
        """Take a sequence out wherever it is; its slots and its claim are given up."""
        if seq.lease is not None:
            self.running.remove(seq)
            self._release(seq)
        else:
            self.waiting.remove(seq)

    def requeue(self, seq: Sequence) -> None:
        """Give up a running sequence's lease; it goes back to its place in the queue, before all later ones."""
        self.running.remove(seq)
        self._release(seq)
        # all it has is computed like a prompt now, so what is computed again need not be a second time
        seq.publish_until = len(seq.tokens)
        # overdue at once: it has had its turn and lost it, so nobody may overtake it
        seq.num_overtaken = MAX_OVERTAKEN
        self.waiting.add(seq)

    def retract(self, seq: Sequence) -> None:
        """Take the slots of a running sequence away; what it has computed stays in the tree while there is room."""
        assert not self.is_flying, "what is under way is landed before anything is taken back"
        work = self._works.pop(seq, None)
        if work is not None:
            self._budget += work.num_tokens
        assert seq.lease is not None
        seq.lease.publish(seq.tokens.ids)
        self.requeue(seq)
        self._retracted = True
        self._forecast.missed()
        seq.account.counters.retractions += 1

    def schedule(self) -> list[Work]:
        """The works of the next step; empty if nothing can be done."""
        self._works = {}
        self._budget = self._token_budget
        self._retracted = self.wants_landing = False
        self._first_masks.begin()
        self._steps += 1
        for seq, pending in self._by_phase():
            # None: retracted in this very loop, for one of better rank
            if seq.lease is not None and self._budget > 0:
                self._plan(seq, pending)
        # what was retracted would be the first to be let in again, at the cost of what it made room for
        if not self._retracted:
            self._forecast.stepped()
            self._admit()
        return list(self._works.values())

    def queue_again(self, seqs: Iterable[Sequence]) -> None:
        """Of these, all that hold nothing wait; whoever was to wake them may be gone."""
        self.waiting = WaitingQueue()
        self._works = {}
        self._is_full = False
        for seq in seqs:
            if seq.lease is None:
                self.waiting.add(seq)

    def begin_anew(self, cache: KVCache, seqs: Iterable[Sequence]) -> None:
        """All of these wait, and nothing is resident."""
        self._cache = cache
        self.running = []
        self._free_seats = list(range(self._num_seats))[::-1]
        for seq in seqs:
            seq.lease, seq.seat, seq.ahead = None, NO_SEAT, None
            seq.publish_until = len(seq.tokens)
            seq.account.num_running = 0
        self.queue_again(seqs)

    def check(self, unfinished: set[Sequence]) -> None:
        """Audit: who has not ended runs, with a lease and a seat that are its own, or waits with nothing."""
        running = self.running
        assert self.waiting.members | set(running) == unfinished, "all that has not ended runs or waits"
        assert len(self.waiting) + len(running) == len(unfinished), "and is in one place"
        assert running == sorted(running, key=_rank)
        assert {seq.lease for seq in running} == set(self._cache.leases()), "a lease is a running sequence's"
        seats = [*self._free_seats, *(seq.seat for seq in running)]
        assert sorted(seats) == list(range(self._num_seats)), "a seat is free, or one sequence's"
        assert all(seq.lease is None and seq.seat == NO_SEAT for seq in self.waiting.members)

    def _by_phase(self) -> list[tuple[Sequence, int]]:
        """The running ones with what they have pending: decode rows, short extends, chunks; by rank within each."""
        decode: list[tuple[Sequence, int]] = []
        short: list[tuple[Sequence, int]] = []
        chunks: list[tuple[Sequence, int]] = []
        for seq in self.running:
            pending = seq.num_pending
            if pending < 0 or (pending == 1 and not self._first_masks.may_go(seq)):
                continue
            phase = decode if pending <= 1 else short if pending <= SHORT else chunks
            phase.append((seq, pending))
        return decode + short + chunks

    def _plan(self, seq: Sequence, pending: int) -> None:
        """Give a running sequence its work for this step, if there are slots for it."""
        if pending == 0:
            self._plan_scoring(seq)
            return
        end = seq.launched + min(pending, self._chunk_len, self._budget)
        assert seq.lease is not None
        if seq.lease.has_room(end) or self._reserve(seq, end, 0):
            self._put(extend_work(seq, end))

    def _plan_scoring(self, seq: Sequence) -> None:
        """A scoring pass is never split: it may overdraw the budget, and is then the last of its step."""
        plan = seq.entry.plans[seq.segment]
        if self._reserve(seq, len(seq.tokens), plan.num_scratch):
            self._put(score_work(seq, plan))

    def _put(self, work: Work) -> None:
        self._works[work.seq] = work
        self._budget -= work.end - work.start if work.plan is None else work.plan.num_tokens
        work.seq.ahead = work
        work.lease.launched = work.end

    def _reserve(self, seq: Sequence, length: int, scratch: int) -> bool:
        """Room for `length` tokens and some scratch slots, at the cost of sequences of worse rank."""
        while not self._try_reserve(seq, length, scratch):
            if self.is_flying:  # nothing that is taken back comes free before it has landed
                self.wants_landing = True
                return False
            # cheapest first: slots that nobody uses, then the work of a sequence
            if self._shrink_one():
                continue
            victim = self.running[-1]
            # it is what makes progress sure
            if victim is self.running[0]:
                return False
            self.retract(victim)
            if victim is seq:
                return False
        return True

    def _try_reserve(self, seq: Sequence, length: int, scratch: int) -> bool:
        assert seq.lease is not None
        if seq.lease.scratch is not None:
            seq.lease.give_back()
        if not self._grow(seq, seq.lease, length):
            return False
        return not scratch or seq.lease.borrow(scratch) is not None

    def _grow(self, seq: Sequence, lease: Lease, length: int) -> bool:
        if length <= lease.reserved:
            return lease.grow(length)
        before = self._cache.num_evicted
        has_grown = lease.grow(length)
        seq.account.counters.evicted_tokens += self._cache.num_evicted - before
        return has_grown

    def _shrink_one(self) -> bool:
        """Take back what one running sequence has reserved ahead; False if none has."""
        return any(seq.lease.shrink() for seq in self.running if seq.lease is not None)

    def _release(self, seq: Sequence) -> None:
        assert seq.lease is not None
        if seq.lease.published < seq.prompt_len - 1:
            self._history.note_left_out(seq.account.namespace, seq.tokens.ids[: seq.prompt_len])
        seq.lease.release()
        seq.lease = None
        # the pass goes on and writes to slots in limbo; what it comes to is of no use
        if seq.ahead is not None:
            seq.ahead.is_void = True
            seq.ahead = None
        self._free_seats.append(seq.seat)
        seq.seat = NO_SEAT
        seq.account.num_running -= 1
        self._works.pop(seq, None)
        self._is_full = False

    def _admit(self) -> None:
        # with nothing running no step will make room: then it is tried each time
        if self._is_full and self.running and self._steps % RETRY_STEPS:
            return
        if not self.waiting.num_ready or self._budget <= 0:
            return
        admitted: list[Sequence] = []
        misses, is_held = 0, False
        for seq in self._candidates():
            if self._budget <= 0 or misses >= MAX_MISSES:
                break
            if not self._has_seat(seq):
                continue
            if not self._may_begin(seq):
                is_held = True
                continue
            verdict = self._try_admit(seq)
            if verdict is Verdict.ADMITTED:
                admitted.append(seq)
            elif verdict is Verdict.NO_ROOM:
                misses += 1
                # those behind it would take the room that it waits for
                if is_overdue(seq):
                    break
        self.waiting.note_admitted(admitted)
        # what was evicted while a pass is under way comes free when it has landed: then there may be room
        self._is_full = (misses > 0 or is_held) and not admitted and not self.is_flying

    def _candidates(self) -> list[Sequence]:
        """Who may be admitted, in that order: with all seats taken but the guests', only guests."""
        if len(self.running) < self._max_running:
            return self.waiting.candidates(self._peek)
        return [seq for seq in self.waiting.window if self._has_seat(seq)]

    def _has_seat(self, seq: Sequence) -> bool:
        is_guest = not seq.account.num_running and bool(self._free_seats)
        return is_guest or len(self.running) < self._max_running

    def _try_admit(self, seq: Sequence) -> Verdict:
        if not seq.begun and not self._prepare(seq):
            return Verdict.ENDED
        found = self._cache.open(seq.account.namespace, seq.cacheable_ids)
        if isinstance(found, Claim):
            seq.account.counters.waited_for_claim += 1
            self.waiting.block(seq, found, self.room_changed)
            return Verdict.BLOCKED
        if not self._fits(seq, found) or not self._start(seq, found):
            found.release()
            return Verdict.NO_ROOM
        return Verdict.ADMITTED

    def _start(self, seq: Sequence, lease: Lease) -> bool:
        """Let a sequence run, if its first chunk finds slots without taking any from another."""
        end = lease.committed + min(len(seq.tokens) - lease.committed, self._chunk_len, self._budget)
        while not self._grow(seq, lease, end):
            if self.is_flying or not self._shrink_one():
                return False
        self.waiting.remove(seq)
        self.turn = max(self.turn, seq.entry.turn)
        seq.lease, seq.seat = lease, self._free_seats.pop()
        insort(self.running, seq, key=_rank)
        self._begin_item(seq, lease)
        self._note_missed(seq, lease.published)
        seq.account.count_admission(seq.note_kv(lease.published, cached=True))
        if seq.num_pending:
            self._put(extend_work(seq, min(end, seq.target_len)))
        return True

    def _begin_item(self, seq: Sequence, lease: Lease) -> None:
        item = seq.item
        if item is not None:
            is_first = not item.has_begun
            self._items.began(seq, lease.node, lease.published, self._output_of(seq))
            if is_first:
                self.waiting.item_begins(item)

    def _note_missed(self, seq: Sequence, cached: int) -> None:
        """Why a prompt that begins to run found no more; one that was retracted has been asked before."""
        if seq.has_run:
            return
        seq.has_run = True
        ids, tree, namespace = seq.cacheable_ids[: seq.prompt_len - 1], self._cache.tree, seq.account.namespace
        if cached < len(ids):
            missed = self._history.missed(tree, namespace, ids, cached)
            seq.missed = missed or self._miss_elsewhere(ids, cached)
        if tree is None:  # nothing of it will be inserted, so that those beside it miss it too
            self._history.note_left_out(namespace, ids)

    def _may_begin(self, seq: Sequence) -> bool:
        """Whether its item may begin, or goes on: as many are in flight as the pool can hold to their ends.

        Where none of those that have begun can go on, another one may: a device is not kept waiting for advice.
        """
        if seq.item is None or goes_on(seq) or is_overdue(seq) or self._cache.tree is None:
            return True
        if not self._items.room or not (self.running or self.waiting.has_begun_ones):
            return True
        room = self._items.room_of(seq, seq.resident_len, self._output_of(seq))
        return self._items.room + room + seq.resident_len <= self._cache.pool.num_slots

    def _output_of(self, seq: Sequence) -> int:
        """Tokens that are expected to be generated."""
        return self._forecast.left(seq) - (len(seq.tokens) - seq.committed)

    def _fits(self, seq: Sequence, lease: Lease) -> bool:
        """True where the forecast says that all that run, and `seq`, can go on to their ends."""
        # alone it fits: `Limits` has refused what does not
        if not self.running:
            return True
        held = [s.lease.committed - s.lease.published for s in self.running if s.lease is not None]
        left = [self._forecast.left(s) for s in self.running]
        # the last page of a lease may hold a single token
        pages = self._cache.pool.page_size - 1
        new = self._forecast.left(seq) - lease.committed
        together = peak([*held, 0], [*(n + pages for n in left), new + pages])
        return together + self._cache.num_locked <= self._cache.pool.num_slots

    def _peek(self, seq: Sequence) -> int:
        return self._cache.peek(seq.account.namespace, seq.tokens.ids)
