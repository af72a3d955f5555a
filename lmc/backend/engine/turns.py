"""A lock that goes to whoever has waited longest.

Python's own goes to whoever comes first, which is the thread that has just let go of it: one that steps an engine in a
loop would keep all others out until its batch is over.
"""

from __future__ import annotations

import threading
from collections import deque

NOBODY = 0
HANDED = -1  # to a thread that has been woken, and has not come to it yet


class TurnLock:
    """Reentrant, for any thread."""

    def __init__(self) -> None:
        self._books = threading.Lock()  # held for a moment only
        self._owner = NOBODY
        self._depth = 0
        self._waiting: deque[threading.Lock] = deque()

    def __enter__(self) -> None:
        me = threading.get_ident()
        with self._books:
            if self._owner in (me, NOBODY):
                self._owner = me
                self._depth += 1
                return
            turn = threading.Lock()
            turn.acquire()
            self._waiting.append(turn)
        try:
            turn.acquire()
        except BaseException:  # Ctrl-C while waiting
            self._give_up(turn)
            raise
        self._owner, self._depth = me, 1

    def __exit__(self, *_: object) -> None:
        with self._books:
            self._depth -= 1
            if not self._depth:
                self._hand_on()

    def _give_up(self, turn: threading.Lock) -> None:
        with self._books:
            if turn in self._waiting:
                self._waiting.remove(turn)
            else:
                self._hand_on()

    def _hand_on(self) -> None:
        if self._waiting:
            self._owner = HANDED
            self._waiting.popleft().release()
        else:
            self._owner = NOBODY
