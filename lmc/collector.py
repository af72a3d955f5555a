"""Python's cyclic garbage collector, paused for a while or paced.

A compile makes many objects that are kept, and hardly any that are lost in cycles: the collector would look at all of
them again each time that a quarter more was made, which is half of the time that a long program takes. A batch does
the same for as long as it goes on, and runs code of the user's that may lose many: there the collector looks at what
is young as it always does, which costs next to nothing, and seldom at what has stayed. What it looks at in one go is
never much: everything stands still meanwhile.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# of gc.set_threshold: what outlived two looks, the second of them at fifty thousand objects, is looked at again
# behind twenty million more
PACE = (5_000, 10, 400)


class _Nested:
    """What begins with the first of several blocks and ends with the last, in all threads: the collector is one.

    begin  does so, and returns what ends it
    """

    def __init__(self, begin: Callable[[], Callable[[], None]]) -> None:
        self._begin, self._end = begin, _nothing
        self._num = 0
        self._lock = threading.RLock()  # a signal's handler may compile too

    @contextmanager
    def block(self) -> Iterator[None]:
        """One of them."""
        with self._lock:
            self._num += 1
            if self._num == 1:
                self._end = self._begin()
        try:
            yield
        finally:
            with self._lock:
                self._num -= 1
                if self._num == 0:
                    self._end()


def _nothing() -> None:
    """Ends what has changed nothing."""


def _pause() -> Callable[[], None]:
    was_on = gc.isenabled()
    gc.disable()
    return gc.enable if was_on else _nothing


def _pace() -> Callable[[], None]:
    before = gc.get_threshold()
    if before[0] == 0:  # it is off
        return _nothing
    paced = tuple(map(max, before, PACE))
    gc.set_threshold(*paced)

    def end() -> None:
        if gc.get_threshold() == paced:  # else the program has set another, which is its own
            gc.set_threshold(*before)

    return end


_PAUSES, _PACES = _Nested(_pause), _Nested(_pace)


@contextmanager
def collector_paused() -> Iterator[None]:
    """No cyclic garbage is looked for inside; behind the last of several it is again, where it was before the first."""
    with _PAUSES.block():
        yield


@contextmanager
def collector_paced() -> Iterator[None]:
    """What has stayed is seldom looked at inside; behind the last of several as often as before the first."""
    with _PACES.block():
        yield
