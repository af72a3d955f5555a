"""Python's cyclic garbage collector, paused for a while.

A compile makes many objects that are kept, and hardly any that are lost in cycles: the collector would look at all of
them again each time that a quarter more was made, which is half of the time that a long program takes.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class _Pauses:
    """How many pauses there are at the moment, in all threads: the collector is the process's."""

    def __init__(self) -> None:
        self.lock = threading.RLock()  # a signal's handler may compile too
        self.num = 0
        self.was_on = False


_PAUSES = _Pauses()


@contextmanager
def collector_paused() -> Iterator[None]:
    """No cyclic garbage is looked for inside; behind the last of several it is again, where it was before the first."""
    with _PAUSES.lock:
        _PAUSES.num += 1
        if _PAUSES.num == 1:
            _PAUSES.was_on = gc.isenabled()
            gc.disable()
    try:
        yield
    finally:
        with _PAUSES.lock:
            _PAUSES.num -= 1
            if _PAUSES.num == 0 and _PAUSES.was_on:
                gc.enable()
