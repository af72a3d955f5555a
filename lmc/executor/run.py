"""The executor: runs plans for many items at once, on one thread, as one stream of requests.

Each round: start items, run whatever can go on, submit all new requests in one go and in the plan's order, step the
session, hand out what tools on other threads have ended. An item costs no thread. One item's failure never touches
another.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import count
from math import inf
from types import TracebackType

from lmc.backend.base import Session, Usage
from lmc.errors import ArgumentError, RequestError
from lmc.executor.call_params import CallParams
from lmc.executor.events import Detail, ItemEnded, RunEvent
from lmc.executor.future import Poison
from lmc.executor.hints import Adviser
from lmc.executor.hostcalls import DEFAULT_WORKERS, HostPool
from lmc.executor.instance import Instance, OpenCall, Outcome, Running, Shared, Startable
from lmc.executor.item import Arguments, FailedItem, PlanItem
from lmc.executor.limits import NO_LIMITS, CallClock, CallLimits
from lmc.executor.prompts import Prompts
from lmc.executor.requests import ParseConstraint, RunParams
from lmc.executor.runnable import Runnable, compile_plan
from lmc.executor.user_code import Body, UserGreenlet, callers_context
from lmc.ir.plan import Plan

# Items that run at once; more wait, those of a source are not taken yet. An engine's batch is some hundreds of
# sequences: this is enough for it to find those with a common prefix among the waiting. At about 3 kB each, and its
# prompt, they are some 50 MB
MAX_ACTIVE = 16384
STARTED_A_ROUND = 1024  # so that a large batch's first requests are under way before its last item is looked at
PULL_S = 0.02  # the same for a source that takes its time: how long a round may ask it for items
WAIT_S = 1.0  # where nothing can go on; a session that is woken waits no longer
NOTHING: Mapping[str, object] = {}

Listen = Callable[[RunEvent], None]


class Executor:
    """Runs plans on one session; one run at a time.

    seed              the run seed of sampled calls
    defaults          sampling parameters for calls that do not say, by Sampling field (or run-level) name
    externs           live objects by extern name, for `run`; pure builtins bind themselves
    parse_constraint  see `RunParams`; `closed` too
    max_workers       threads for tools that said they block
    greenlet          runs code of the user's for an instance
    max_active        items that run at once
    rids              numbers for requests, where others use the session too
    waits_outside     items may wait for what a run knows nothing of
    limits            of every call
    keeps_calls       whether an outcome has the item's calls as they were asked
    """

    def __init__(
        self,
        session: Session,
        *,
        seed: int = 0,
        defaults: Mapping[str, object] = NOTHING,
        externs: Mapping[str, object] = NOTHING,
        parse_constraint: ParseConstraint | None = None,
        closed: bool | None = None,
        max_workers: int = DEFAULT_WORKERS,
        greenlet: Callable[[Instance, Body], Running] = UserGreenlet,
        max_active: int = MAX_ACTIVE,
        rids: Iterator[int] | None = None,
        waits_outside: bool = False,
        limits: CallLimits = NO_LIMITS,
        keeps_calls: bool = False,
    ) -> None:
        self.session = session
        self.params = RunParams(seed, defaults, parse_constraint, closed)
        self.externs = externs
        self.max_workers = max_workers
        self.greenlet = greenlet
        self.max_active = max_active
        self.limits = limits
        self.keeps_calls = keeps_calls
        self.prompts = Prompts(session.tokenizer)
        self.rids = count() if rids is None else rids
        self.waits_outside = waits_outside
        self._open: Run | None = None

    def open(self, detail: Detail = "text", listen: Listen | None = None) -> Run:
        """A run that takes items until it is closed; `detail` is how much it tells of them.

        listen  hears each event, on the thread that steps, before `step` returns it; what it raises, `step` raises
        """
        assert self._open is None or self._open.is_closed, "two runs would take each other's events"
        self._open = Run(self, detail, listen)
        return self._open

    def run(self, plan: Plan | Runnable, items: Iterable[Arguments]) -> list[Outcome]:
        """One outcome for each item, in order."""
        runnable = plan if isinstance(plan, Runnable) else compile_plan(plan)
        return self.run_items(PlanItem(runnable, item, self.externs, i) for i, item in enumerate(items))

    def run_items(self, items: Iterable[Startable]) -> list[Outcome]:
        """One outcome for each item, in order. Raises for Ctrl-C, never for an item."""
        with self.open("items") as run:
            outcomes = {ended.item: ended.outcome for ended in run.ends_of(items, inf)}
        return [outcomes[i] for i in range(len(outcomes))]


class Run:
    """Items on their way: add some, step, hear what became of them. Closed at the end of a `with`.

    is_closed  True once nothing may start any more
    """

    def __init__(self, executor: Executor, detail: Detail, listen: Listen | None = None) -> None:
        self.is_closed = False
        self._listen = listen
        self._executor = executor
        self._session = executor.session
        self._ids = count()
        self._waiting: deque[tuple[int, Startable]] = deque()
        self._dropped: set[int] = set()  # of those waiting: aborted
        self._active: dict[int, Instance] = {}
        self._open: dict[int, OpenCall] = {}  # calls that the session has not answered, aborted ones too
        self._adviser = Adviser(self._session.hint)
        self._unheard: deque[ItemEnded] = deque()  # by who left an iteration over the ends
        self._pool = HostPool(executor.max_workers, self._session.wake)
        self._clock = CallClock(executor.limits.timeout_s)
        self._shared = Shared(
            executor.params, executor.prompts, self._pool, executor.rids, self._ended, executor.greenlet,
            detail=detail, limits=executor.limits, begin_s=time.perf_counter() if executor.keeps_calls else None,
        )  # fmt: skip

    def in_this_context(self) -> None:
        """Run the user's code in the caller's own context, not in a copy for each item."""
        self._shared.context.append(callers_context())

    @property
    def begin_s(self) -> float:
        """When it began, on the clock of `time.perf_counter`; only of a run that keeps calls."""
        assert self._shared.begin_s is not None
        return self._shared.begin_s

    @property
    def has_waiting_code(self) -> bool:
        """True where code of the user's waits in some item."""
        return any(instance.waiting for instance in self._active.values())

    @property
    def num_active(self) -> int:
        """Items started and not ended."""
        return len(self._active)

    @property
    def num_waiting(self) -> int:
        """Items added and not started."""
        return len(self._waiting)

    def open_calls(self) -> Counter[CallParams]:
        """The calls that are asked and not answered, by what they ask; for any thread."""
        return Counter(call.params for call in list(self._open.values()))

    @property
    def room(self) -> int:
        """How many items may be added that need not wait for others to end."""
        return max(0, self._executor.max_active - self.num_active - len(self._waiting))

    @property
    def is_idle(self) -> bool:
        """True where everything it was given has ended and was told, and the session owes nothing."""
        return not (self._active or self._waiting or self._open or self._shared.told)

    @property
    def can_go_on(self) -> bool:
        """True where a step would do something though the session has nothing new."""
        shared, has_room = self._shared, self.num_active < self._executor.max_active
        waits = bool(shared.ready or shared.outbox or shared.told or (self._waiting and has_room))
        return waits and not self.is_idle and not self.is_closed

    @property
    def due_in(self) -> float | None:
        """Seconds until a call is too late, or asked again: a step is to be made then. None where none is awaited."""
        wait_s = self._clock.patience(self._shared.later.patience(inf))
        return None if wait_s == inf or self.is_closed else wait_s

    def add(self, item: Startable) -> int:
        """Take an item, to be started by a step; its id, counted from 0. Raises ArgumentError once closed."""
        if self.is_closed:
            raise _closed()
        id = next(self._ids)
        self._waiting.append((id, item))
        return id

    def step(self, timeout_s: float = WAIT_S) -> list[RunEvent]:
        """Do one round of work and return what ended or grew, in order.

        Where nothing can go on, it waits up to `timeout_s` for the session, which `wake` ends from any thread. A run
        that is idle or closed returns at once. Ctrl-C in the middle closes the run: work that it cut off would be
        waited for without end.
        """
        if self.is_closed or self.is_idle:
            return []
        try:
            told = self._round(timeout_s)
            if self._listen is not None:
                for event in told:
                    self._listen(event)
            return told
        except Exception:
            raise
        except BaseException:
            self.close("the run was interrupted")
            raise

    def _round(self, timeout_s: float) -> list[RunEvent]:
        self._start_waiting()
        self._go_on()
        self._shared.outbox.extend(self._shared.later.due())
        self._submit()
        for rid in self._clock.late(self._open):
            self._session.abort(rid, "it is too late")
        if self._is_moving:
            # the session first: the pool's threads go on while it computes
            self._take(self._patience(timeout_s))
            self._pool.drain()
            self._go_on()
        told = self._shared.told.copy()
        self._shared.told.clear()
        is_stuck = self._active and not (told or self._is_moving or self._executor.waits_outside)
        assert not is_stuck, "items wait and nothing is running"
        return told

    def abort(
        self, id: int, reason: str = "the item was aborted", *, code: str = "aborted", retryable: bool = False
    ) -> None:
        """End an item early: it ends with a RequestError of that code. One that has ended is left alone."""
        error = RequestError(reason, code=code, retryable=retryable)
        if id in self._active:
            self._active[id].fail(Poison(error))
        elif id not in self._dropped and any(id == each for each, _ in self._waiting):
            # it stays in the queue and is passed over in its turn: a deque has no cheap way to lose one in the middle
            self._dropped.add(id)
            self._shared.told.append(ItemEnded(id, Outcome(None, None, error, Usage(), 0)))

    def close(self, reason: str = "the run was closed") -> None:
        """Give up what is on its way, without another word on it. No work is opened after this."""
        if self.is_closed:
            return
        self.is_closed = True
        # before the aborts: whatever is still heard of these must set nothing going
        left = list(self._active.values())
        for instance in left:
            instance.is_over = True
        for rid in self._open:
            self._session.abort(rid, reason)
        self._adviser.close()
        self._pool.close()
        shared = self._shared
        shared.later.clear()
        for each in (self._waiting, self._active, self._open, self._unheard, shared.ready, shared.outbox, shared.told):
            each.clear()
        for instance in left:
            instance.abandon()  # last, for it may run code of the user's

    def ends_of(self, items: Iterable[Startable], pull_s: float = PULL_S) -> Iterator[ItemEnded]:
        """Run all items of a source, which may be endless; the end of each, as it comes.

        Items are taken from it as others end. What it raises is the error of one more item, the last. `pull_s` bounds
        the time in which a round takes items, so that those it has can go on beside a slow source. Ends that come after
        the iteration is left are those of the next. Raises ArgumentError where the run is closed already.
        """
        if self.is_closed:
            raise _closed()
        while self._unheard:
            yield self._unheard.popleft()
        for told in self.rounds_of(items, pull_s):
            self._unheard.extend(event for event in told if type(event) is ItemEnded)
            while self._unheard:
                yield self._unheard.popleft()

    def rounds_of(self, items: Iterable[Startable], pull_s: float = PULL_S) -> Iterator[list[RunEvent]]:
        """Run all items of a source as `ends_of` does; what each round told."""
        source, has_more = iter(items), True
        while has_more or not self.is_idle:
            has_more = has_more and self._pull(source, pull_s)
            # with room for more, the source is asked again rather than the session waited for
            yield self.step(0.0 if has_more and self.room else WAIT_S)

    def __enter__(self) -> Run:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close("the run was closed" if error is None else "the run was interrupted")

    # --- one round -------------------------------------------------------------------------------------------

    def _pull(self, source: Iterator[Startable], pull_s: float) -> bool:
        """Add items of a source; False once there are no more."""
        end = time.monotonic() + pull_s if pull_s < inf else inf
        for _ in range(min(self.room, STARTED_A_ROUND)):
            try:
                item = next(source)
            except StopIteration:
                return False
            except Exception as error:
                self.add(FailedItem(error))
                return False
            self.add(item)
            if end < inf and time.monotonic() > end:
                break
        return True

    @property
    def _is_moving(self) -> bool:
        return bool(self._open or self._shared.outbox or self._shared.later or self._pool.num_running)

    def _start_waiting(self) -> None:
        room = self._executor.max_active - self.num_active
        for _ in range(min(room, STARTED_A_ROUND, len(self._waiting))):
            id, item = self._waiting.popleft()
            if id in self._dropped:
                self._dropped.discard(id)
                continue
            instance = self._active[id] = Instance(self._shared, id, item.number)
            item.start(instance)

    def _go_on(self) -> None:
        ready = self._shared.ready
        while ready:
            ready.popleft()()

    def _submit(self) -> None:
        shared = self._shared
        calls = [call for call in shared.outbox if not call.inst.is_over]
        # which became ready first is chance. In this order calls with a common prefix come together, and runs repeat
        calls.sort(key=_in_plan_order)
        shared.outbox.clear()
        # advice on a prefix goes before the calls that begin with it
        for call in calls:
            self._adviser.started(call.inst.id, call.params.hints, call.request)
        self._open.update((call.request.rid, call) for call in calls)
        if calls:
            self._session.submit([call.request for call in calls])
            self._clock.submitted(call.request.rid for call in calls)
        if shared.failed:
            shared.failed.clear()
            self._abort_orphans()

    def _abort_orphans(self) -> None:
        for rid, call in self._open.items():
            if call.inst.is_over and not call.is_aborted:
                call.is_aborted = True
                self._session.abort(rid, "its program has failed")

    def _take(self, timeout_s: float) -> None:
        """Step the session, and hand out its answers."""
        for event in self._session.step(timeout_s):
            call = self._open.get(event.rid)
            # None: of a request that a closed run has left behind
            if call is not None and call.take(self._clock.told(event)):
                del self._open[event.rid]
                self._clock.answered(event.rid)
                self._adviser.ended(call.inst.id, call.params.hints)
                if not call.inst.is_over:
                    call.settle()

    def _patience(self, timeout_s: float) -> float:
        """Seconds to wait in the session where it has nothing to do."""
        # what can be told or started now is not kept waiting for the model
        can_start = self._waiting and self.num_active < self._executor.max_active
        if self._shared.told or can_start:
            return 0.0
        return self._clock.patience(self._shared.later.patience(timeout_s))

    def _ended(self, instance: Instance, outcome: Outcome) -> None:
        del self._active[instance.id]
        self._adviser.over(instance.id)
        self._shared.told.append(ItemEnded(instance.id, outcome))


def _closed() -> ArgumentError:
    return ArgumentError("a closed run takes no items", help="open another")


def _in_plan_order(call: OpenCall) -> tuple[int, int]:
    """Items as they were added; within one the plan says which of the calls that are ready goes first."""
    return call.inst.id, call.params.hints.order
