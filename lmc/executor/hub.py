"""One thread that steps one session of a backend, for many runs that live elsewhere: on event loops, or on that thread.

A run has a Port, which it takes for its session: what it submits goes over to the thread, what comes back waits in the
port, and a step of it never blocks. So thousands of runs that are awaited need one thread between them, and the calls
of all of them are batched together. The thread starts with the first port and ends with the last.
"""

from __future__ import annotations

import sys
import threading
from collections import deque
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import replace
from itertools import count
from types import FrameType
from typing import Protocol, runtime_checkable
from weakref import ReferenceType, WeakValueDictionary, ref

from lmc.backend.base import (
    Backend,
    Counters,
    Event,
    Failed,
    Finished,
    ForwardPass,
    PassRow,
    PrefixHint,
    Request,
    Session,
)
from lmc.backend.pass_log import PassLog, log_of, taken
from lmc.executor.limits import Later

MAX_ROWS = 1 << 17  # of passes that one step of the session may leave to be fetched
WAIT_S = 1.0  # between two looks whether something is to be done; whoever brings something wakes the session

Task = Callable[[], None]


@runtime_checkable
class CountsByUser(Protocol):
    """A session that counts for each of its users what only it can count, as money."""

    def counted_for(self, user: int) -> dict[str, float]:
        """By the names of `Counters.extra`. Any thread."""

    def forget_user(self, user: int) -> None:
        """That one has gone."""


class Hub:
    """A session's thread. Any thread may `post`.

    rids  numbers for requests, none of which two runs have
    """

    def __init__(self, backend: Backend) -> None:
        self.rids = count()
        self.numbers = count(1)  # of ports
        self.backend = backend
        self._lock = threading.Lock()
        self._tasks: deque[Task] = deque()
        self._later: Later[Task] = Later()
        self._ports: set[Port] = set()
        self._asked: dict[int, tuple[Port, int]] = {}  # by rid: who asked, and how many samples are still to end
        self._thread: threading.Thread | None = None
        self._session: Session | None = None
        self._is_busy = False  # with what a port or a task does, which may be code of the user's
        self._is_recording = False  # the session's passes, for some port

    def open(self, notify: Task, fail: Callable[[BaseException], None]) -> Port:
        """A port; `notify` is called on the thread when it has something, `fail` when the session is broken."""
        port = Port(self, notify, fail)
        with self._lock:
            self._ports.add(port)
        return port

    def post(self, task: Task) -> None:
        """Have the thread do something, in order."""
        with self._lock:
            self._tasks.append(task)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="lmc-hub", daemon=True)
                self._thread.start()
            session = self._session
        if session is not None and not self.is_here:
            session.wake()

    def post_in(self, wait_s: float, task: Task) -> None:
        """Do something in so many seconds, if the thread lives on. On the thread."""
        self._later.add(wait_s, task)

    @property
    def is_here(self) -> bool:
        """True on the hub's thread."""
        return threading.current_thread() is self._thread

    @property
    def may_wait_here(self) -> bool:
        """True where code of the user's runs on the thread that may wait for what this thread is about to open.

        It may have started this thread, which has nothing else open then; or it waits for something just now.
        """
        with self._lock:
            thread, here = self._thread, threading.get_ident()
            if not self._is_busy or thread is None:
                return False
            if all(port.opened_by != here for port in self._ports):
                return True
        return _waits(sys._current_frames().get(thread.ident or 0))

    def leave(self, port: Port) -> None:
        """A port is closed: what it has asked is aborted. On the thread."""
        for rid in [rid for rid, (owner, _) in self._asked.items() if owner is port]:
            del self._asked[rid]
            self._opened().abort(rid, "the run was closed")
        session = self._opened()
        if isinstance(session, CountsByUser):
            session.forget_user(port.number)
        with self._lock:
            self._ports.discard(port)
        self.record_passes()

    def record_passes(self) -> None:
        """Have the session record its passes, or not, as its ports want. On the thread."""
        is_wanted = any(port.passes is not None for port in self._ports)
        if is_wanted != self._is_recording:
            self._is_recording = is_wanted
            self._opened().record_passes(MAX_ROWS if is_wanted else 0)

    def submit(self, port: Port, requests: list[Request]) -> None:
        """Ask for a port. On the thread."""
        self._asked.update((request.rid, (port, request.n)) for request in requests)
        self._opened().submit(requests)

    def abort(self, rid: int, reason: str) -> None:
        """Abort a request. On the thread."""
        self._opened().abort(rid, reason)

    def hint(self, hint: PrefixHint) -> None:
        """Hand a hint on. On the thread."""
        self._opened().hint(hint)

    def counted_for(self, number: int) -> dict[str, float]:
        """What the session counts of a port beside tokens; nothing where it does not count by user."""
        session = self._session
        return session.counted_for(number) if isinstance(session, CountsByUser) else {}

    # --- the thread ------------------------------------------------------------------------------------------

    def _opened(self) -> Session:
        assert self._session is not None
        return self._session

    def _work(self) -> None:
        _thread.steps = True
        try:
            session = self._session = self.backend.open()
            while not self._is_done():
                self._do_tasks()
                if self._ports:
                    events = session.step(0.0 if self._tasks else self._later.patience(WAIT_S))
                    if self._is_recording:
                        self._hand_out_passes(session.take_passes())
                    self._hand_out(events)
            session.close()
        except BaseException as error:
            self._break(error)

    def _is_done(self) -> bool:
        with self._lock:
            if self._tasks or self._ports:
                return False
            self._thread = None
            session, self._session = self._session, None
            self._is_recording = False
            self._later.clear()
        if session is not None:
            session.step(0.0)  # what was aborted is answered for
        return True

    def _do_tasks(self) -> None:
        self._is_busy = True
        for _ in range(len(self._tasks)):
            self._tasks.popleft()()
        for task in self._later.due():
            task()
        self._is_busy = False

    def _hand_out_passes(self, passes: list[ForwardPass]) -> None:
        """Give each port its own rows; those of a request that has just ended, before that is told."""
        for each in passes:
            rows: dict[Port, list[PassRow]] = {}
            for row in each.rows:
                port = self._asked.get(row.rid, (None,))[0]
                if port is not None and port.passes is not None:
                    rows.setdefault(port, []).append(row)
            for port, own in rows.items():
                if port.passes is not None:
                    port.passes.add(replace(each, number=port.passes.num_added, rows=tuple(own)))

    def _hand_out(self, events: list[Event]) -> None:
        touched: dict[Port, None] = {}
        for event in events:
            asked = self._asked.get(event.rid)
            if asked is None:  # of a port that has been closed
                continue
            port, num_left = asked
            port.took(event)
            touched[port] = None
            if type(event) is Finished or type(event) is Failed:
                if num_left == 1:
                    del self._asked[event.rid]
                else:
                    self._asked[event.rid] = (port, num_left - 1)
        self._is_busy = True
        for port in touched:
            port.notify()
        self._is_busy = False

    def _break(self, error: BaseException) -> None:
        """The session is of no use any more: every run hears why."""
        with self._lock:
            ports, self._ports, self._thread, self._session = self._ports, set(), None, None
            self._is_busy = self._is_recording = False
            self._tasks.clear()
            self._later.clear()
        self._asked.clear()
        for port in ports:
            port.fail(error)


class Port:
    """A base.Session over a hub, for one run. `step` gives what has come and never waits."""

    def __init__(self, hub: Hub, notify: Task, fail: Callable[[BaseException], None]) -> None:
        self.tokenizer = hub.backend.tokenizer
        self.rids = hub.rids
        self.notify = notify
        self.fail = fail
        self.opened_by = threading.get_ident()
        self.number = next(hub.numbers)
        self._hub = hub
        self._inbox: deque[Event] = deque()
        self._counters = Counters()
        self.passes: PassLog | None = None
        self._is_closed = False

    def took(self, event: Event) -> None:
        """Something has come of a request. On the hub's thread."""
        self._inbox.append(event)
        if type(event) is Finished:
            counters, usage = self._counters, event.usage
            counters.prompt_tokens += usage.prompt_tokens
            counters.cached_tokens += usage.cached_tokens
            counters.computed_tokens += usage.computed_tokens
            counters.output_tokens += usage.output_tokens
            counters.forced_tokens += usage.forced_tokens

    def submit(self, requests: list[Request]) -> None:
        """Ask, with the hub's next step."""
        self._counters.requests += len(requests)
        own = [replace(request, user=self.number) for request in requests]
        self._do(lambda: self._hub.submit(self, own))

    def abort(self, rid: int, reason: str) -> None:
        """End a request early."""
        self._do(lambda: self._hub.abort(rid, reason))

    def hint(self, hint: PrefixHint) -> None:
        """Take advice."""
        self._do(lambda: self._hub.hint(hint))

    def step(self, timeout_s: float | None = None) -> list[Event]:
        """What has come since the last one."""
        events = []
        while self._inbox:
            events.append(self._inbox.popleft())
        return events

    def counters(self) -> Counters:
        """What was done for this run: tokens of samples that have finished, and what the session counts by user."""
        found = self._counters.copy()
        if not self._is_closed:
            self._counters.extra = self._hub.counted_for(self.number) or self._counters.extra
        found.extra = dict(self._counters.extra)
        return found

    def record_passes(self, max_rows: int) -> None:
        """Keep a record of the forward passes that do something for this run; 0 ends it."""
        self.passes = log_of(max_rows)
        self._do(self._hub.record_passes)

    def take_passes(self) -> list[ForwardPass]:
        """Those recorded since the last call."""
        return taken(self.passes)

    def wake(self) -> None:
        """Have the run stepped."""
        self._do(self.notify)

    def close(self) -> None:
        """Abort what is left."""
        if not self._is_closed:
            self._do(lambda: self._hub.leave(self))
            self._is_closed = True

    def _do(self, task: Task) -> None:
        if not self._is_closed:
            self._hub.post(task)


_hubs: WeakValueDictionary[int, Hub] = WeakValueDictionary()  # by the identity of the backend that each holds
_hubs_lock = threading.Lock()
# modules in which a thread waits for another, or has an event loop do something that it is going to wait for
_WAITING = ("threading", "queue", "concurrent.", "asyncio.")


def _waits(frame: FrameType | None) -> bool:
    """True for a thread whose code of the user's is in one of these; lmc's own never waits there for another run."""
    at = frame
    while at is not None and str(at.f_globals.get("__name__")).startswith(_WAITING):
        at = at.f_back
    return at is not None and at is not frame and not str(at.f_globals.get("__name__")).startswith("lmc.")


class _Thread(threading.local):
    """What is known of a thread: whether it is a hub's, and the hubs that it has to itself, by backend."""

    def __init__(self) -> None:
        self.steps = False
        self.hubs: WeakValueDictionary[int, Hub] = WeakValueDictionary()


_thread = _Thread()


# the hubs whose thread runs the code that this context comes from, as it does where a coroutine is handed to a loop
_inside: ContextVar[tuple[ReferenceType[Hub], ...]] = ContextVar("lmc_hubs", default=())


def enter(hub: Hub) -> None:
    """Note in this context that its code runs on the thread of a hub."""
    _inside.set((*_inside.get(), ref(hub)))


def hub_of(backend: Backend) -> Hub:
    """The hub of a backend: one for all of the process.

    What is opened on a hub's own thread, by a program that runs there, is waited for there: it has a hub to itself. So
    has what such a program may be waiting for on another thread.
    """
    if _thread.steps:
        return Hub(backend)
    with _hubs_lock:
        hub = _thread.hubs.get(id(backend)) or _hubs.get(id(backend))
        if hub is None:
            hub = _hubs[id(backend)] = Hub(backend)
    if any(outer() is hub for outer in _inside.get()) or hub.may_wait_here:
        hub = _thread.hubs[id(backend)] = Hub(backend)
    return hub
