"""The engine: one step machine, schedule -> launch -> land, for any number of sessions.

On a runner of depth 1 a step launches a pass and lands it. On one of depth 2 the pass k + 1 is launched before k is
read, k is landed, and only then k + 1 is sampled, so that stops, masks, fused forms and penalties are what they are at
depth 1, and a device is never without work. What holds, whatever the depth (`check` audits it):

1.  Between two launches the sampling of the first has been queued; passes land in order; one pass is one step of the
    pool, begun at its launch and ended at its landing.
2.  A work is of use while its lease and its generation are its sequence's, and the token it was fed is the token that
    came to stand at its start. Otherwise it is void: its result is dropped.
3.  Only a landed work that is of use commits, only committed tokens are published, and slots up to `lease.launched`
    are not taken back.
4.  Nothing is retracted while anything is under way.
5.  A pass under way may write behind the end of what its sequence turns out to be: a later pass of the sequence
    writes the same slots later, and freed slots stay in limbo until it has landed.
6.  What is sampled does not depend on depth.

A row is in step where its next work cannot be known before this one is read: a scoring pass, forced tokens that want
their scores, a constraint that may force tokens. While one is under way it is landed before anything is planned.

Deterministic in one thread. Sessions may live in several threads: a lock lets one at a time step, submit or abort, in
the order they came, and `wake` needs no lock that a step holds. Sessions take turns: at equal priority a request goes
before those that another session has asked for in the meantime beyond as many of its own.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from weakref import WeakSet

from lmc.backend.base import Event, Failed, Finished, FinishReason, Missed, PrefixHint, Request
from lmc.backend.cache.lease import KVCache
from lmc.backend.cache.radix import RadixNode
from lmc.backend.engine.account import Account
from lmc.backend.engine.books import Books
from lmc.backend.engine.compiling import Compiling
from lmc.backend.engine.history import History
from lmc.backend.engine.launched import DeviceError, Launched
from lmc.backend.engine.limits import Limits, Refusal, score_plans
from lmc.backend.engine.open_items import OpenItems
from lmc.backend.engine.output_driver import OutputDriver
from lmc.backend.engine.pins import Pins
from lmc.backend.engine.recorder import PassRecorder, now_s
from lmc.backend.engine.scheduler import Scheduler
from lmc.backend.engine.sequence import ALL, RequestEntry, Sequence
from lmc.backend.engine.tokens import Int32
from lmc.backend.engine.tree import PrefixOrder
from lmc.backend.engine.turns import TurnLock
from lmc.backend.engine.work import Work
from lmc.backend.matcher import MaskFactory
from lmc.backend.runner.flight import Runner
from lmc.caches import CacheInfo, register
from lmc.errors import BackendError, ConstraintError
from lmc.giving_way import engine_is_idle, engine_step
from lmc.ir.prompt import Tokenizer

_log = logging.getLogger(__name__)

INTERRUPTED = Refusal("engine_error", "The engine was interrupted", "try again", retryable=True)
MAX_IDLE_STEPS = 3  # steps without any work before the first in line is given up on: never a hang


class Engine:
    """Runs requests on one model.

    masks         None where the engine takes no constraints
    page_size     tokens whose slots are shared, evicted and handed out together
    chunk_len     most tokens of one prompt in one step
    token_budget  most tokens of one step, decode rows included (at least max_running)
    cache         False computes every prompt whole and keeps nothing
    by_value      False evicts what was used least recently, whatever plans say of it
    clock         seconds, for how long a prefix is pinned
    model         what decides its answers: a prompt that an engine of another model had is told so
    """

    def __init__(
        self,
        runner: Runner,
        tokenizer: Tokenizer,
        masks: MaskFactory | None = None,
        *,
        page_size: int = 1,
        chunk_len: int = 512,
        token_budget: int = 2048,
        max_running: int = 256,
        cache: bool = True,
        by_value: bool = True,
        clock: Callable[[], float] = time.monotonic,
        model: str = "",
    ) -> None:
        # a sequence has one work ahead of what it knows, so one pass at most is under way when another is planned
        assert runner.depth in (1, 2)
        self.tokenizer = tokenizer
        self.runner = runner
        self.cache = KVCache(runner.num_slots, page_size=page_size, cache=cache, by_value=by_value)
        self.pins = Pins(self.cache, clock)
        self.items = OpenItems(self.cache, clock)
        self.model = model
        self.history = History(page_size)
        self.cache.note_evicted = self.history.note_evicted
        self.scheduler = Scheduler(
            self.cache,
            self.items,
            self.history,
            chunk_len=chunk_len,
            token_budget=token_budget,
            max_running=max_running,
            prepare=self._prepare,
            miss_elsewhere=self._miss_elsewhere,
            depth=runner.depth,
        )
        self.items.room_changed = self.scheduler.room_changed
        self._limits = Limits(runner.max_len, self.cache.pool.num_slots, page_size, runner.vocab_size)
        self._outputs = OutputDriver(tokenizer, masks, runner.max_len, _emit)
        self._compiling = Compiling(self._compile, self._wake_all)
        self._prefixes = PrefixOrder()
        self._recorder = PassRecorder()
        self._flights: deque[Launched] = deque()  # oldest first, fewer than the runner's depth between steps
        self._unasked: Launched | None = None  # launched, and to be asked once the pass before has landed
        self._unfinished: dict[tuple[Account, int], set[Sequence]] = {}  # samples that have not ended
        self._num_submitted = 0
        self._idle_steps = 0
        self._lock = TurnLock()
        self._changed = threading.Condition()  # guards is_woken only; never held during a step
        self.is_foreign = False  # made in the process that this one was forked from
        _ENGINES.add(self)
        register(self, Engine.cache_info)

    def submit(self, account: Account, requests: list[Request]) -> None:
        """Queue requests, or answer those that can never run."""
        self._refuse_foreign()
        # a constraint is compiled here, beside the steps of others, or by a thread where this one has others to step
        may_wait = self.has_work or len(requests) > 1
        entries = [self._entry(account, request, may_wait) for request in requests]
        with self._books():
            for entry in entries:
                self._submit(account, entry)
        self._wake_all()

    def _wake_all(self) -> None:
        # who is woken takes the lock of steps, so it is free by now
        with self._changed:
            self._changed.notify_all()

    def abort(self, account: Account, rid: int, reason: str) -> None:
        """End what is left of a request; nothing if it has ended."""
        with self._books():
            why = Refusal("aborted", reason or "The request was aborted")
            for seq in sorted(self._unfinished.get((account, rid), ()), key=lambda seq: seq.sample):
                self._fail(seq, why)

    def close(self, account: Account) -> None:
        """Abort all of an account; its steps wait for nothing any more."""
        account.is_closed = True
        with self._books():
            for owner, rid in list(self._unfinished):
                if owner is account:
                    self.abort(account, rid, "The session was closed")
            self.pins.close(account)
            self.items.close(account)
            self._recorder.leave(account)
        self.wake(account)

    def hint(self, account: Account, hint: PrefixHint) -> None:
        """Follow advice on a prefix. There is one tier: to prefetch into it is to compute, which the queue does."""
        with self._books():
            if hint.kind == "pin" and not account.is_closed:
                self.pins.pin(account, hint.ids, hint.ttl_s, hint.waves)
            elif hint.kind == "release":
                self.pins.release(account, hint.ids)
            elif hint.kind == "over" and hint.item is not None:
                self.items.over(account, hint.item)

    def record_passes(self, account: Account, max_rows: int) -> None:
        """Keep a record of the account's passes, at most `max_rows` rows of the last ones; 0 ends it."""
        with self._books():
            own = (seq for (owner, _), seqs in self._unfinished.items() if owner is account for seq in seqs)
            self._recorder.record(account, max_rows, own)

    def flush_cache(self) -> None:
        """Forget every prefix that nothing holds."""
        with self._books():
            self.cache.clear()
            self.history.clear()

    def cache_info(self) -> CacheInfo:
        """What `lmc.cache_info` says of the keys and values: tokens, and the memory that they have been given."""
        slots, tokens = self.cache.pool.num_slots, 0 if self.cache.tree is None else self.cache.tree.num_tokens
        width = self.runner.slot_bytes
        return CacheInfo("keys and values, in tokens", tokens, slots, width * tokens, max_bytes=width * slots)

    def wake(self, account: Account) -> None:
        """Make the account's waiting step return."""
        with self._changed:
            account.is_woken = True
            self._changed.notify_all()

    def step_for(self, account: Account, timeout_s: float | None) -> list[Event]:
        """One step on behalf of `account`, unless events wait for it already; then its events."""
        self._refuse_foreign()
        with self._books():
            # a step for one account makes events for others, which are not kept waiting for another pass
            if not account.events and self.has_work:
                self._step()
                return account.take_events()
            if account.events or account.is_closed:
                return account.take_events()
        # without the lock of steps: whoever submits the work that is waited for needs it
        with self._changed:
            self._changed.wait_for(lambda: account.is_woken or bool(account.events) or self.has_work, timeout_s)
            account.is_woken = False
        with self._books():
            return account.take_events()

    def _books(self) -> Books:
        """Nobody else steps, submits or aborts inside. What breaks off in the middle leaves the books in order."""
        return Books(self._lock, self._begin_anew)

    def _refuse_foreign(self) -> None:
        if self.is_foreign:
            raise foreign_engine()

    @property
    def has_work(self) -> bool:
        """True while any sequence runs or waits for room, or a pass is under way."""
        return self.scheduler.has_work or bool(self._flights) or self._compiling.has_made

    def step(self) -> None:
        """Schedule, launch a pass, land the one before; at depth 1 the pass itself.

        Ctrl-C in the middle is raised, and costs the others that run some passes: what is not published is computed
        again.
        """
        with self._books():
            self._step()

    def _step(self) -> None:
        with engine_step():
            self._stepped()
        if not self.has_work:
            engine_is_idle()

    def _stepped(self) -> None:
        self.pins.expire()
        self.items.stepped()
        for seq in self._compiling.take():
            self.scheduler.add(seq)
        # what may be planned depends on what the pass comes to, or on slots that its landing sets free
        if self._flights and (self.scheduler.wants_landing or self._flights[-1].is_in_step):
            self.land()
        works = self._schedule()
        # all that runs waits for the pass under way
        if not works and self._flights:
            self.land()
            works = self._schedule()
        if not works:
            self._idle()
            return
        self._idle_steps = 0
        self._fly(works)

    def land(self) -> None:
        """Wait for every pass under way, and take in what it came to."""
        while self._flights:
            self._land_oldest()

    def check(self) -> None:
        """Audit the cache, the queue, and what is under way, between two steps."""
        self.cache.check()
        self.pins.check()
        self.items.check()
        self.scheduler.check(set().union(*self._unfinished.values()) - self._compiling.members)
        assert len(self._flights) < self.runner.depth
        assert self.cache.pool.open_steps == {flight.step for flight in self._flights}, "a pass is a step of the pool"
        flying = {work for flight in self._flights for work in flight.works if not work.is_void}
        assert {seq.ahead for seq in self.scheduler.running} - {None} == flying, "who waits for a pass is known"
        for seq in self.scheduler.running:
            _check_ahead(seq)

    def _schedule(self) -> list[Work]:
        self.scheduler.is_flying = bool(self._flights)
        try:
            return self.scheduler.schedule()
        finally:
            self.scheduler.is_flying = False

    def _fly(self, works: list[Work]) -> None:
        """Launch, land the pass before, ask. If the launch fails each work is tried by itself."""
        launched = self._unasked = self._launch(works)
        if launched is None:
            return
        # in this order the device has the new pass to compute while the old one is read, and masks know its tokens
        self.land()
        launched.ask()
        self._flights.append(launched)
        self._unasked = None
        if self.runner.depth == 1:
            self.land()

    def _launch(self, works: list[Work]) -> Launched | None:
        """The pass of all works; None where they had to be tried one by one, which has been done then."""
        for account in {work.seq.account for work in works}:
            account.counters.forward_passes += 1
        begin_s = now_s() if self._recorder.is_on else 0.0
        step = self.cache.pool.begin_step()
        try:
            return Launched(self.runner, works, self._prefixes, step, begin_s)
        except Exception as error:
            # nothing of it was queued, so it will write to no slot
            self.cache.pool.end_step(step)
            self.land()
            self._try_apart(works, error)
            return None

    def _try_apart(self, works: list[Work], error: Exception) -> None:
        """Find whose fault it was that a launch failed, while nothing is under way."""
        for work in works:
            if work.is_void:  # what was landed just now has ended its sequence
                continue
            if len(works) == 1:
                work.error = error
                self._settle(work)
            else:
                self._fly([work])
                self.land()

    def _drop_flights(self) -> None:
        """Nothing is under way any more; the pool has no open step, for whose end slots would wait for good."""
        for flight in (*self._flights, self._unasked):
            if flight is not None:
                flight.land()
        self._flights.clear()
        self._unasked = None
        for seq in self.scheduler.running:
            seq.drop_ahead()
        for step in sorted(self.cache.pool.open_steps):
            self.cache.pool.end_step(step)

    def _begin_anew(self) -> None:
        """Something broke off in the middle. What is true are the requests and the tokens that they have so far."""
        broken: Exception | None = None
        try:
            self._drop_flights()
        except Exception as error:  # the pool's books were cut off in the middle: its slots cannot be told apart
            broken = error
        for seq in [seq for seqs in self._unfinished.values() for seq in seqs if _has_ended(seq)]:
            self._forget(seq)
        left = set().union(*self._unfinished.values()) - self._compiling.members
        try:
            if broken is not None:
                raise broken
            # logits may have been lost that a sequence waits for: all begin again, behind what is published of them
            for seq in list(self.scheduler.running):
                self.scheduler.requeue(seq)
            self.scheduler.queue_again(left)
            self.check()
        except Exception:
            # the slots are nobody's any more: all keys and values are computed again
            self.cache = self.cache.emptied()
            self.pins.begin_anew(self.cache)
            self.items.begin_anew(self.cache)
            self.scheduler.begin_anew(self.cache, left)

    def _land_oldest(self) -> None:
        flight = self._flights.popleft()
        flight.land()
        end_s = now_s() if self._recorder.is_on else 0.0
        try:
            for work in flight.works:
                if not work.is_void:
                    self._settle(work)
            # else the record began, or ended, while it was under way
            if end_s and flight.begin_s:
                self._recorder.landed(flight, end_s, self.scheduler, self.cache)
        finally:
            # whatever happened: slots that were freed since its launch are in limbo until this is said
            self.cache.pool.end_step(flight.step)

    def _entry(self, account: Account, request: Request, may_wait: bool) -> RequestEntry:
        assert request.n >= 1
        plans = score_plans(request, self.tokenizer)
        refusal = self._limits.refuse(request, plans)
        entry = RequestEntry(request, account, plans, refusal=refusal)
        if refusal is None:
            entry.is_compiled = not may_wait or self._outputs.is_quick(request)
            if entry.is_compiled:
                self._compile(entry)
        return entry

    def _compile(self, entry: RequestEntry) -> None:
        entry.matchers = self._outputs.matchers(entry.request)

    def _submit(self, account: Account, entry: RequestEntry) -> None:
        key = (account, entry.request.rid)
        assert key not in self._unfinished, "a rid names one request of its session"
        self._num_submitted += 1
        account.counters.requests += 1
        entry.arrival = self._num_submitted
        # who has asked for much waits for who has asked for little, and nobody saves turns up
        entry.turn = account.turn = max(account.turn, self.scheduler.turn) + entry.request.n
        seqs = [Sequence(entry, sample) for sample in range(entry.request.n)]
        self._unfinished[key] = set(seqs)
        for seq in seqs:
            self.items.asked(seq)
        if not entry.is_compiled:
            self._compiling.add(entry, seqs)
            return
        for seq in seqs:
            if entry.refusal is None:
                self.scheduler.add(seq)
            else:
                self._fail(seq, entry.refusal)

    def _miss_elsewhere(self, ids: Int32, cached: int) -> Missed | None:
        """Whether an engine of another model has had more of a prompt, as far as its tokens are the same."""
        others = [each for each in list(_ENGINES) if each.model and each.model != self.model] if self.model else []
        alike = [(each.cache.tree, each.history) for each in others if each.tokenizer.key == self.tokenizer.key]
        return self.history.missed_of_models(alike, ids, cached) if alike else None

    def _prepare(self, seq: Sequence) -> bool:
        """Begin the first segment of a queued sequence; False if that ended it."""
        self._idle_steps = 0  # each sequence begins once: something has been done, forward pass or not
        try:
            reason = self._outputs.begin(seq)
        except Exception as error:
            self._fail(seq, _refusal(error))
            return False
        except BaseException:
            self._fail(seq, INTERRUPTED)
            raise
        seq.begun = True
        seq.intact_len = ALL  # nothing has been computed that could have been cut off
        if reason is not None:
            self._finish(seq, reason)
        return reason is None

    def _settle(self, work: Work) -> None:
        """Keep what a work has computed and move its sequence on."""
        seq, lease = work.seq, work.lease
        # a void work does not come here, and any other still has both
        assert seq.lease is lease and seq.generation is work.generation
        # else a later work of it has been launched, and what is reserved for that one must stay
        if seq.ahead is work:
            seq.ahead = None
            lease.launched = 0
        if lease.scratch is not None:
            lease.give_back()
        if work.error is not None:
            self._fail(seq, _refusal(work.error))
            return
        lease.commit(work.end)
        if work.start < seq.prompt_len:
            self._count_computed(work)
        # who shares a prompt waits for its tokens; sampled ones are published when the lease ends
        if work.start < seq.publish_until:
            lease.publish(seq.tokens.ids)
        try:
            reason = self._advance(work)
        except Exception as error:
            self._fail(seq, _refusal(error))
            return
        except BaseException:  # it may have taken in half of what was computed
            self._fail(seq, INTERRUPTED)
            raise
        try:
            self._move_on(seq, work, reason)
        except BaseException:
            # begun anew, it would go on behind its end for ever; told of its end, it is forgotten when that is done
            if reason is not None and not _has_ended(seq):
                _tell(seq, INTERRUPTED)
            raise

    def _move_on(self, seq: Sequence, work: Work, reason: FinishReason | None) -> None:
        """What follows from the outcome of a work: the sequence's end, or what it computes next."""
        # the pass behind was launched on the belief that this one ends in another way
        if seq.ahead is not None and not _is_of_use(seq.ahead, work):
            seq.drop_ahead()
        if seq.intact_len < ALL:
            self._forget_cut(seq)
        if reason is not None:
            self._finish(seq, reason)
        elif seq.lease is not None and seq.lease.committed >= seq.tokens.length:
            self._rewind(seq)

    def _count_computed(self, work: Work) -> None:
        seq = work.seq
        new = seq.note_kv(work.end, cached=False)
        again = min(work.end, seq.prompt_len) - work.start - new
        seq.account.count_computed(new, again)

    def _advance(self, work: Work) -> FinishReason | None:
        """Give the outcome of a work to its segment; the reason if the sequence ends with it."""
        seq = work.seq
        reason: FinishReason | None = None
        if work.plan is not None:
            assert work.logprobs is not None
            reason = self._outputs.choose(seq, work.plan.decide(work.logprobs))
        elif work.logprobs is not None:
            reason = self._outputs.scored(seq, work.logprobs)
        if work.id is not None:
            reason = self._outputs.take(seq, work.id, work.record)
        # nothing is to be written: the keys and values of the prompt are all that was asked for
        elif not seq.entry.request.out and work.end == len(seq.tokens):
            reason = "length"
        return self._outputs.begin(seq, reason) if reason is not None else None

    def _forget_cut(self, seq: Sequence) -> None:
        """The keys and values of tokens that were cut off are not those of the text that came in their place."""
        assert seq.lease is not None
        intact, seq.intact_len = seq.intact_len, ALL
        if intact >= seq.lease.committed:
            return
        if seq.lease.published <= intact:
            seq.lease.truncate(intact)
        # published, they stand in the tree under their own ids, and the lease reads them there
        else:
            self.scheduler.requeue(seq)

    def _rewind(self, seq: Sequence) -> None:
        """The last token's logits are wanted and its KV is there already: compute it again."""
        assert seq.lease is not None
        # a published slot is the tree's, and others may be reading it: then it is opened anew from the tree
        if seq.lease.published < len(seq.tokens):
            seq.lease.truncate(len(seq.tokens) - 1)
        else:
            self.scheduler.requeue(seq)

    def _finish(self, seq: Sequence, reason: FinishReason) -> None:
        request, lease = seq.entry.request, seq.lease
        # of what was computed only the tokens that the sequence ended with are its text
        if lease is not None and lease.published <= len(seq.tokens):
            lease.truncate(len(seq.tokens))
            lease.publish(seq.tokens.ids)
        # first: if this breaks off, who was told so has ended
        _emit(seq, Finished(request.rid, seq.sample, reason, seq.usage(), seq.missed))
        self._end(seq)

    def _fail(self, seq: Sequence, why: Refusal) -> None:
        _tell(seq, why)
        self._end(seq)

    def _end(self, seq: Sequence) -> None:
        """Take a sequence out of everything but its account's events."""
        node = seq.lease.node if seq.lease is not None else None
        self.scheduler.remove(seq)
        self._compiling.drop(seq)
        self._forget(seq, node)

    def _forget(self, seq: Sequence, node: RadixNode | None = None) -> None:
        self.items.ended(seq, node)
        left = self._unfinished[seq.account, seq.rid] - {seq}
        if left:
            self._unfinished[seq.account, seq.rid] = left
        else:
            del self._unfinished[seq.account, seq.rid]

    def _idle(self) -> None:
        """Nothing could be scheduled: if that goes on, give up on the first in line rather than hang."""
        self._idle_steps += 1
        seq = self.scheduler.first
        if self._idle_steps > MAX_IDLE_STEPS and seq is not None:
            self._idle_steps = 0
            self._fail(seq, Refusal("engine_error", "The engine found no room for the request", retryable=True))


_ENGINES: WeakSet[Engine] = WeakSet()


def _disown() -> None:
    """In a forked process: the threads that stepped these are not here, and their locks may be held for good."""
    for engine in _ENGINES:
        engine.is_foreign = True
        engine._lock, engine._changed = TurnLock(), threading.Condition()


os.register_at_fork(after_in_child=_disown)


def foreign_engine() -> BackendError:
    """The error of an engine that was made by another process."""
    help = "open a backend of its own in the forked process, or start that one before the engine is used"
    return BackendError("the engine belongs to the process that this one was forked from", help=help)


def _has_ended(seq: Sequence) -> bool:
    """Whether its last event has been written already; none of them can have been fetched meanwhile."""
    events = (event for event in seq.account.events if isinstance(event, Finished | Failed))
    return any((event.rid, event.sample) == (seq.rid, seq.sample) for event in events)


def _tell(seq: Sequence, why: Refusal) -> None:
    _emit(seq, Failed(seq.rid, seq.sample, why.code, why.message, why.help, why.retryable))


def _emit(seq: Sequence, event: Event) -> None:
    seq.account.add(event)


def _is_of_use(ahead: Work, landed: Work) -> bool:
    """Whether a work under way still computes what its sequence needs, now that the one before it has been settled."""
    seq = ahead.seq
    if seq.lease is not ahead.lease or seq.generation is not ahead.generation:
        return False
    if not ahead.is_fed:
        return True
    # length alone does not tell: a fused form swallows an end token, and another token takes its place
    return len(seq.tokens) == ahead.end and seq.tokens.at(ahead.start) == landed.id


def _check_ahead(seq: Sequence) -> None:
    assert seq.lease is not None
    if seq.ahead is None:
        assert not seq.lease.launched
        return
    assert seq.lease is seq.ahead.lease and seq.generation is seq.ahead.generation
    assert seq.lease.launched == seq.ahead.end <= seq.lease.reserved
    assert seq.lease.committed == seq.ahead.start and len(seq.tokens) >= seq.ahead.end


def _refusal(error: Exception) -> Refusal:
    """What a request that ran into `error` is told."""
    if isinstance(error, DeviceError):
        return Refusal("engine_error", f"The pass failed: {error}", "try again", retryable=True)
    if isinstance(error, BackendError):
        return Refusal(error.code or "broken_model", error.message, error.help or "")
    if isinstance(error, ConstraintError):
        return Refusal(error.code or "constraint", error.message, error.help or "")
    _log.error("a request failed inside the engine", exc_info=error)
    return Refusal("engine_error", f"{type(error).__name__}: {error}", f"the log of {__name__} has the traceback")
