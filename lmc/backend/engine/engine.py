"""The engine: one synchronous step machine, schedule -> run -> settle, for any number of sessions.

Deterministic in one thread. Sessions may live in several threads: a lock lets one at a time step, submit or abort,
and `wake` needs no lock that a step holds.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from lmc.backend.base import Event, Failed, Finished, FinishReason, Request, Tokenizer
from lmc.backend.cache.lease import KVCache
from lmc.backend.engine.groups import SharedPrefixes
from lmc.backend.engine.limits import Limits, Refusal, score_plans
from lmc.backend.engine.output_driver import Segments
from lmc.backend.engine.scheduler import Scheduler
from lmc.backend.engine.sequence import Job, Sequence
from lmc.backend.engine.session import EngineSession
from lmc.backend.engine.work import Work, run_works
from lmc.backend.matcher import MaskFactory
from lmc.backend.runner.batch import Runner
from lmc.errors import ConstraintError

_log = logging.getLogger(__name__)

MAX_IDLE_STEPS = 3  # steps without any work before the first in line is given up on: never a hang


class Engine:
    """Runs requests on one model.

    masks         None where the engine takes no constraints
    page_size     tokens whose slots are shared, evicted and handed out together
    chunk_len     most tokens of one prompt in one step
    token_budget  most tokens of one step, decode rows included (at least max_running)
    cache         False computes every prompt whole and keeps nothing
    clock         seconds, for deadlines
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
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.tokenizer = tokenizer
        self.runner = runner
        self.cache = KVCache(runner.num_slots, page_size=page_size, cache=cache)
        self.scheduler = Scheduler(
            self.cache,
            chunk_len=chunk_len,
            token_budget=token_budget,
            max_running=max_running,
            prepare=self._prepare,
        )
        self._limits = Limits(runner.max_len, self.cache.pool.num_slots, page_size, runner.vocab_size)
        self._segments = Segments(tokenizer, masks, runner.max_len, _emit)
        self._prefixes = SharedPrefixes()
        self._clock = clock
        self._jobs: dict[tuple[EngineSession, int], set[Sequence]] = {}  # samples that have not ended
        self._timed: set[Job] = set()
        self._num_submitted = 0
        self._idle_steps = 0
        self._lock = threading.RLock()
        self._changed = threading.Condition()  # guards is_woken only; never held during a step

    def open(self, namespace: str = "") -> EngineSession:
        """A session; prompts of different namespaces never share KV."""
        return EngineSession(self, namespace)

    def submit(self, session: EngineSession, requests: list[Request]) -> None:
        """Queue requests, or answer those that can never run."""
        with self._lock:
            for request in requests:
                self._submit(session, request)
        with self._changed:
            self._changed.notify_all()

    def abort(self, session: EngineSession, rid: int, reason: str) -> None:
        """End what is left of a request; nothing if it has ended."""
        with self._lock:
            why = Refusal("aborted", reason or "The request was aborted")
            for seq in sorted(self._jobs.get((session, rid), ()), key=lambda seq: seq.sample):
                self._fail(seq, why)

    def close_session(self, session: EngineSession) -> None:
        """Abort all of a session; its steps wait for nothing any more."""
        with self._lock:
            for owner, rid in list(self._jobs):
                if owner is session:
                    self.abort(session, rid, "The session was closed")
        session.is_closed = True
        self.wake(session)

    def wake(self, session: EngineSession) -> None:
        """Make the session's waiting step return."""
        with self._changed:
            session.is_woken = True
            self._changed.notify_all()

    def step_for(self, session: EngineSession, timeout_s: float | None) -> list[Event]:
        """One step on behalf of `session`, unless events wait for it already; then its events."""
        with self._lock:
            if not session.events and self.scheduler.has_work:
                self.step()
                return session.take_events()
            if session.events or session.is_closed:
                return session.take_events()
        with self._changed:
            self._changed.wait_for(
                lambda: session.is_woken or bool(session.events) or self.scheduler.has_work, timeout_s
            )
            session.is_woken = False
        with self._lock:
            return session.take_events()

    def step(self) -> None:
        """Schedule, run one forward pass, settle what came of it."""
        if self._timed:
            self._expire()
        works = self.scheduler.schedule()
        if not works:
            self._idle()
            return
        self._idle_steps = 0
        step = self.cache.pool.begin_step()
        try:
            passes = run_works(self.runner, works, self._prefixes)
            for session in {work.seq.job.session for work in works}:
                session.counters.forward_passes += passes
            for work in works:
                self._settle(work)
        finally:
            self.cache.pool.end_step(step)

    def _submit(self, session: EngineSession, request: Request) -> None:
        assert request.n >= 1 and (session, request.rid) not in self._jobs, "a rid names one request of its session"
        self._num_submitted += 1
        session.counters.requests += 1
        job = Job(request, session, self._num_submitted, score_plans(request, self.tokenizer))
        seqs = [Sequence(job, sample) for sample in range(request.n)]
        self._jobs[session, request.rid] = set(seqs)
        if request.deadline_s is not None:
            job.deadline = self._clock() + request.deadline_s
            self._timed.add(job)
        refusal = self._limits.refuse(request, job.plans)
        for seq in seqs:
            if refusal is None:
                self.scheduler.add(seq)
            else:
                self._fail(seq, refusal)

    def _prepare(self, seq: Sequence) -> bool:
        """Begin the first segment of a queued sequence; False if that ended it."""
        self._idle_steps = 0  # each sequence begins once: something has been done, forward pass or not
        try:
            reason = self._segments.begin(seq)
        except Exception as error:
            self._fail(seq, _refusal(error))
            return False
        seq.begun = True
        if reason is not None:
            self._finish(seq, reason)
        return reason is None

    def _settle(self, work: Work) -> None:
        """Keep what a work has computed and move its sequence on."""
        seq = work.seq
        lease = seq.lease
        assert lease is not None
        lease.give_back()
        if work.error is not None:
            self._fail(seq, _refusal(work.error))
            return
        lease.commit(work.end)
        if work.start < seq.prompt_len:
            self._count_computed(work)
        if work.start < seq.given:
            lease.publish(seq.tokens.ids)
        try:
            reason = self._advance(work)
        except Exception as error:
            self._fail(seq, _refusal(error))
            return
        if reason is not None:
            self._finish(seq, reason)
        elif lease.committed >= len(seq.tokens):
            self._rewind(seq)

    def _count_computed(self, work: Work) -> None:
        seq = work.seq
        new = seq.account(work.end, cached=False)
        again = min(work.end, seq.prompt_len) - work.start - new
        seq.job.session.count_computed(new, again)

    def _advance(self, work: Work) -> FinishReason | None:
        """Give the outcome of a work to its segment; the reason if the sequence ends with it."""
        seq = work.seq
        reason: FinishReason | None = None
        if work.plan is not None:
            assert work.logprobs is not None
            reason = self._segments.choose(seq, work.plan.decide(work.logprobs))
        elif work.logprobs is not None:
            reason = self._segments.scored(seq, work.logprobs)
        if work.chosen is not None:
            reason = self._segments.take(seq, work.chosen)
        elif not seq.job.request.out and not seq.pending:
            reason = "length"
        return self._segments.begin(seq, reason) if reason is not None else None

    def _rewind(self, seq: Sequence) -> None:
        """The last token's logits are wanted and its KV is there already: compute it again."""
        assert seq.lease is not None
        if seq.lease.published < len(seq.tokens):
            seq.lease.truncate(len(seq.tokens) - 1)
        else:
            self.scheduler.requeue(seq)

    def _finish(self, seq: Sequence, reason: FinishReason) -> None:
        request, lease = seq.job.request, seq.lease
        if lease is not None and request.keep and lease.published <= len(seq.tokens):
            lease.truncate(len(seq.tokens))
            lease.publish(seq.tokens.ids)
        self._end(seq)
        state = seq.state() if request.keep else None
        _emit(seq, Finished(request.rid, seq.sample, reason, seq.usage(), state))

    def _fail(self, seq: Sequence, why: Refusal) -> None:
        self._end(seq)
        _emit(seq, Failed(seq.job.request.rid, seq.sample, why.code, why.message, why.help, why.retryable))

    def _end(self, seq: Sequence) -> None:
        """Take a sequence out of everything but its session's events."""
        self.scheduler.remove(seq)
        key = (seq.job.session, seq.job.request.rid)
        self._jobs[key].remove(seq)
        if not self._jobs[key]:
            del self._jobs[key]
            self._timed.discard(seq.job)

    def _expire(self) -> None:
        now = self._clock()
        for job in [job for job in self._timed if job.deadline is not None and job.deadline <= now]:
            why = Refusal(
                "deadline",
                f"The request did not end within {job.request.deadline_s} s",
                "allow it more time, or lower max_tokens",
                retryable=True,
            )
            for seq in sorted(self._jobs[job.session, job.request.rid], key=lambda seq: seq.sample):
                self._fail(seq, why)

    def _idle(self) -> None:
        """Nothing could be scheduled: if that goes on, give up on the first in line rather than hang."""
        self._idle_steps += 1
        seq = self.scheduler.first
        if self._idle_steps > MAX_IDLE_STEPS and seq is not None:
            self._idle_steps = 0
            self._fail(seq, Refusal("engine_error", "The engine found no room for the request", retryable=True))


def _emit(seq: Sequence, event: Event) -> None:
    seq.job.session.events.append(event)


def _refusal(error: Exception) -> Refusal:
    """What a request that ran into `error` is told."""
    if isinstance(error, ConstraintError):
        return Refusal(error.code or "constraint", error.message, error.help or "")
    _log.error("a request failed inside the engine", exc_info=error)
    return Refusal("engine_error", f"{type(error).__name__}: {error}", f"the log of {__name__} has the traceback")
