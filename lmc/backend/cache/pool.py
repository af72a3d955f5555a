"""Which slot is whose: every slot is FREE, LEASED, in the TREE or in LIMBO.

A slot that is given up while a step runs may still be read by it: it waits in limbo until every step begun
before has ended. Only a Lease (cache.lease) moves slots; the pool keeps the books and asserts each move.
Knows nothing of tokens, the tree's shape or tensors.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from lmc.backend.cache.runs import FreeRuns

Int32 = npt.NDArray[np.int32]


class SlotState(IntEnum):
    """Where a slot is in its life."""

    FREE = 0
    LEASED = 1
    TREE = 2
    LIMBO = 3


class KVPool:
    """`num_slots` slots in whole pages of `page_size`; what is left over of the last page is never used.

    on_free     called with slots the moment they become free (tests poison them)
    open_steps  numbers of the steps that have begun and not ended
    """

    def __init__(self, num_slots: int, page_size: int = 1) -> None:
        assert page_size >= 1
        self.page_size = page_size
        self.num_slots = num_slots - num_slots % page_size
        self.num_free = self.num_slots
        self.on_free: Callable[[Int32], None] | None = None
        self.state: npt.NDArray[np.int8] = np.zeros(self.num_slots, np.int8)
        self._runs = FreeRuns()
        if self.num_slots:
            self._runs.put(0, self.num_slots)
        self._limbo: deque[tuple[int, Int32]] = deque()  # (last step begun before, slots)
        self.open_steps: set[int] = set()
        self._last_step = 0

    def round_up(self, length: int) -> int:
        """The slots that `length` tokens take in whole pages."""
        return -(-length // self.page_size) * self.page_size

    def alloc(self, num: int, after: int | None = None) -> Int32 | None:
        """`num` free slots (a page multiple), now LEASED, right behind slot `after` where possible; None if too few."""
        assert num % self.page_size == 0
        if num > self.num_free:
            return None
        pieces = self._runs.take(num, after)
        slots = np.concatenate([np.arange(start, start + length, dtype=np.int32) for start, length in pieces])
        self.num_free -= num
        self.state[slots] = SlotState.LEASED
        return slots

    def to_tree(self, slots: Int32) -> None:
        """A lease hands these slots to the tree."""
        assert (self.state[slots] == SlotState.LEASED).all()
        self.state[slots] = SlotState.TREE

    def release(self, slots: Int32, was: SlotState) -> None:
        """Give up slots that are LEASED or in the TREE: free at once, or after the steps that are running now."""
        if not len(slots):
            return
        assert len(slots) % self.page_size == 0
        assert (self.state[slots] == was).all()
        if self.open_steps:
            self.state[slots] = SlotState.LIMBO
            self._limbo.append((self._last_step, slots.copy()))
        else:
            self._free(slots)

    def begin_step(self) -> int:
        """A step (or copy) that may read slots begins; `end_step` takes the number returned."""
        self._last_step += 1
        self.open_steps.add(self._last_step)
        return self._last_step

    def end_step(self, step: int) -> None:
        """That step is over: free what only it and ended ones could still read."""
        self.open_steps.remove(step)
        oldest = min(self.open_steps, default=self._last_step + 1)
        while self._limbo and self._limbo[0][0] < oldest:
            self._free(self._limbo.popleft()[1])

    def count(self, state: SlotState) -> int:
        """Slots in that state, counted one by one (tests and audits)."""
        return int((self.state == state).sum())

    def check(self) -> None:
        """Audit: the books agree with the states."""
        free = np.zeros(self.num_slots, bool)
        for start, length in self._runs:
            assert start % self.page_size == 0 and length % self.page_size == 0, "a page is owned whole"
            assert not free[start : start + length].any(), "a slot is in one run only"
            free[start : start + length] = True
        assert ((self.state == SlotState.FREE) == free).all(), "free slots are those in runs"
        assert self.num_free == int(free.sum()), "num_free counts the free"
        limbo = sum(len(slots) for _, slots in self._limbo)
        assert limbo == self.count(SlotState.LIMBO), "limbo slots are those waiting for a step"
        assert self.open_steps or not limbo, "nothing waits when no step runs"

    def _free(self, slots: Int32) -> None:
        self.state[slots] = SlotState.FREE
        self.num_free += len(slots)
        ordered = np.sort(slots)
        breaks = np.flatnonzero(np.diff(ordered) != 1) + 1
        for run in np.split(ordered, breaks):
            self._runs.put(int(run[0]), len(run))
        if self.on_free is not None:
            self.on_free(slots)
