"""Ctrl-C waits until the books are in order: it is raised between two pieces of work, not in the middle of one.

A second Ctrl-C does not wait: a device may hang. In threads other than the main one Python raises none.
"""

from __future__ import annotations

# what `signal.signal` and `signal.getsignal` call: those look for names of handlers, which takes ten times as long and
# every step of an engine comes here
import _signal  # type: ignore[import-not-found]  # there are no types of it
import threading
from signal import SIGINT
from types import FrameType


class HeldInterrupts:
    """Holds back the first Ctrl-C until the end of the block. For one block."""

    __slots__ = ("_before", "_held")

    def __enter__(self) -> None:
        self._held: list[FrameType | None] = []
        before = _signal.getsignal(SIGINT)
        self._before = before if callable(before) and threading.current_thread() is threading.main_thread() else None
        if self._before is not None:
            _signal.signal(SIGINT, self._hold)

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            _signal.signal(SIGINT, self._before)
            if len(self._held) == 1:
                self._before(SIGINT, self._held[0])

    def _hold(self, number: int, frame: FrameType | None) -> None:
        self._held.append(frame)
        if len(self._held) > 1 and self._before is not None:
            self._before(number, frame)
