"""The fakes' clock: real time, and what a test puts on top so that nobody waits five minutes for a cache to end."""

from __future__ import annotations

import time


class Clock:
    """Seconds since the epoch."""

    def __init__(self) -> None:
        self._ahead_s = 0.0

    def now(self) -> float:
        """The time."""
        return time.time() + self._ahead_s

    def advance(self, seconds: float) -> None:
        """It is that much later."""
        self._ahead_s += seconds
