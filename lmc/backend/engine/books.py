"""A block in which nobody else steps, submits or aborts, and Ctrl-C waits."""

from __future__ import annotations

from collections.abc import Callable

from lmc.backend.engine.interrupts import HeldInterrupts
from lmc.backend.engine.turns import TurnLock


class Books:
    """One block; `begin_anew` is called where it breaks off. A class, not a generator: every step goes through it."""

    __slots__ = ("_begin_anew", "_held", "_lock")

    def __init__(self, lock: TurnLock, begin_anew: Callable[[], None]) -> None:
        self._lock, self._begin_anew = lock, begin_anew
        self._held = HeldInterrupts()

    def __enter__(self) -> None:
        self._held.__enter__()
        try:
            self._lock.__enter__()
        except BaseException:  # a second Ctrl-C while waiting
            self._held.__exit__()
            raise

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is not None:
                self._begin_anew()
        finally:
            try:
                self._lock.__exit__()
            finally:
                self._held.__exit__()
