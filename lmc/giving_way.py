"""Long work beside an engine that steps: the engine goes first, and the work has a share of its time.

Python runs one thread at a time and changes every 5 ms. An engine lets go of the interpreter at each operation of a
pass, hundreds of times, and a thread that computes beside it would keep it 5 ms each time: a batch all but stands. So
work that may take long says in its loops that it may stop there (`give_way`, next to nothing where no engine steps).
While one does it waits there; before a step the engine lets one of those that wait go on for a moment. A thread that
waits longer than `PATIENCE_S` within one step, which may be long or wait for a lock that the thread holds, goes on for
a moment by itself: nothing ever hangs on this. Standard library only.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter, thread_time

SHARE = 0.12  # of the time in which an engine steps
LEAST_S, MOST_S = 0.001, 0.010  # how long one goes on, then the engine's turn comes again
SLOW = 4  # times as long an engine waits for that, on a machine that has much else to do
IDLE_S = 0.020  # after a step, before an engine counts as idle
PATIENCE_S = 0.200


class _Turn:
    """One wait of a thread, which sleeps on the lock; then its moment.

    since  when that began, in time of the thread; None before, and when it has been accounted for
    """

    __slots__ = ("lock", "since")

    def __init__(self) -> None:
        self.since: float | None = None
        self.lock = threading.Lock()
        self.lock.acquire()


class _Here(threading.local):
    """The last turn of this thread."""

    turn: _Turn | None = None


_here = _Here()


class _Road:
    """Whether engines step, who waits for them, and who goes on for a moment.

    Time is CPU time of the threads, so that shares are what they are on a machine that has much else to do.

    is_taken  an engine steps, or has just done so and may go on
    pressing  by thread, how many locks it holds that a step may want
    """

    def __init__(self) -> None:
        self.is_taken = False
        self.pressing: dict[int, int] = {}
        self._stepping: dict[int, int] = {}  # by thread, how many steps within one another
        self._waiting: deque[_Turn] = deque()
        self._books = threading.Lock()  # held for a moment only
        self._rest = threading.Lock()  # an engine sleeps on it while another thread goes on
        self._rest.acquire()
        self._holder: _Turn | None = None  # whose thread goes on for a moment
        self._until = 0.0  # of that thread's time
        self._given = 0.0  # when, on the wall
        self._is_impatient = False  # by itself
        self._owed = 0.0  # time that those who wait may have
        self._left = perf_counter()  # when the last step ended

    @contextmanager
    def step(self) -> Iterator[None]:
        """An engine steps inside, on this thread."""
        me = threading.get_ident()
        self._stepping[me] = self._stepping.get(me, 0) + 1
        self.is_taken = True
        if self._waiting:
            self._let_one_go_on()
        began = thread_time()
        try:
            yield
        finally:
            self._owed = min(self._owed + SHARE / (1 - SHARE) * (thread_time() - began), MOST_S)
            self._left = perf_counter()
            _less(self._stepping, me)

    def idle(self) -> None:
        """An engine has nothing more to do."""
        if not self._stepping:
            self._open()

    def wait(self) -> None:
        """Wait for a turn, unless this thread has one or steps an engine itself."""
        me = threading.get_ident()
        if me in self._stepping or me in self.pressing:
            return
        if _here.turn is not None and _here.turn is self._holder and thread_time() < self._until:
            return
        self.end_turn()
        turn = _here.turn = _Turn()
        with self._books:
            self._waiting.append(turn)
        began = perf_counter()
        try:
            while self.is_taken and self._holder is not turn and not turn.lock.acquire(timeout=IDLE_S):
                self._look(turn, began)
        finally:
            with self._books:
                if turn in self._waiting:
                    self._waiting.remove(turn)
        if self._holder is turn:
            turn.since = thread_time()
            self._until = turn.since + (LEAST_S if self._is_impatient else max(self._owed, LEAST_S))

    def end_turn(self) -> None:
        """This thread needs no more of its moment, if it has one."""
        turn = _here.turn
        if turn is not None and turn.since is not None:  # though another one may have the moment by now
            self._owed -= thread_time() - turn.since
            turn.since = None
        if turn is not None and turn is self._holder:
            self._holder = None
            if self._rest.locked():
                self._rest.release()

    def _look(self, turn: _Turn, began: float) -> None:
        """Nobody has woken a thread for a while."""
        now = perf_counter()
        if not self._stepping and now - self._left > IDLE_S:
            self._open()
        # no step has ended for so long; whoever has had the moment waits for something else, or has ended in it
        elif now - max(began, self._left, self._given if self._holder else began) > PATIENCE_S:
            self._holder, self._given, self._is_impatient = turn, now, True

    def _let_one_go_on(self) -> None:
        owed = self._owed  # another thread may change it
        if owed < LEAST_S:
            return
        with self._books:
            if not self._waiting:
                return
            turn = self._waiting.popleft()
            self._rest.acquire(blocking=False)
            self._holder, self._given, self._is_impatient = turn, perf_counter(), False
            turn.lock.release()
        self._rest.acquire(timeout=SLOW * owed)

    def _open(self) -> None:
        with self._books:
            self.is_taken = False
            while self._waiting:
                self._waiting.popleft().lock.release()


_road = _Road()


class PressingLock:
    """A reentrant lock that a step may want: who holds it gives way to nobody."""

    __slots__ = ("_lock",)

    def __init__(self) -> None:
        self._lock = threading.RLock()

    def __enter__(self) -> None:
        me = threading.get_ident()
        _road.pressing[me] = _road.pressing.get(me, 0) + 1
        try:
            self._lock.acquire()
        except BaseException:  # Ctrl-C while waiting
            _less(_road.pressing, me)
            raise

    def __exit__(self, *_: object) -> None:
        self._lock.release()
        _less(_road.pressing, threading.get_ident())


def _less(counts: dict[int, int], key: int) -> None:
    if counts[key] == 1:
        del counts[key]
    else:
        counts[key] -= 1


engine_step = _road.step
engine_is_idle = _road.idle
turn_ends = _road.end_turn


def give_way() -> None:
    """Let an engine that steps go first, where this thread steps none."""
    if _road.is_taken:
        _road.wait()


def _forget() -> None:
    """In a forked process: the threads of the other one are not here."""
    _road.__init__()  # type: ignore[misc]


os.register_at_fork(after_in_child=_forget)
