"""How many OpenMP threads a pass is computed by: one, but for work that several were seen to do sooner.

Threads that wait for one another by spinning (what OpenMP does unless it is told otherwise) cost milliseconds an
operation where something else wants their processors. So they are told to sleep, which has to be said before torch is
loaded; and whether several are worth waking is measured when a model is loaded, in the load that there is then.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from math import inf

SIZES = (1, 8, 32, 128)  # tokens of a pass that are tried
TRIES = 7
GAIN = 0.9  # of the time of one thread, which several have to stay below
MEASURED_S = 0.25  # about as long as all is measured


class Threads:
    """The threads of one model's passes.

    most   what torch was told to use
    least  tokens of a pass from which on that many are used, inf for never
    """

    def __init__(self, most: int, least: float) -> None:
        self.most, self.least = most, least

    def for_pass(self, num_tokens: int) -> int:
        """How many compute a pass of that many tokens."""
        return self.most if num_tokens >= self.least else 1

    def computing(self, num_tokens: int) -> Using:
        """A block with the threads of a pass of that many tokens."""
        return Using(self.for_pass(num_tokens))

    def __str__(self) -> str:
        if self.most == 1 or self.least == inf:
            return "1 thread"
        if self.least <= 1:
            return f"{self.most} threads"
        return f"1 thread, {self.most} for passes of {self.least:.0f} tokens or more"


class Using:
    """A block in which the calling thread's operations are computed by that many threads. Each pass has two."""

    __slots__ = ("_before", "_number")

    def __init__(self, number: int) -> None:
        self._number = number

    def __enter__(self) -> None:
        import torch

        self._before = torch.get_num_threads()
        if self._number != self._before:
            torch.set_num_threads(self._number)

    def __exit__(self, *_: object) -> None:
        import torch

        if self._number != self._before:
            torch.set_num_threads(self._before)


def measured(compute: Callable[[int], object], most: int, clock: Callable[[], float] = time.perf_counter) -> Threads:
    """The threads for `compute`, a piece of a pass of so many tokens: several from the first size on that gains.

    What is larger than all that was tried has several: nothing is lost there but what a short run would notice.
    """
    if most == 1:
        return Threads(1, inf)
    began = clock()
    for size in SIZES:
        if _gains(compute, size, most, clock):
            return Threads(most, size)
        if clock() - began > MEASURED_S:
            break
    return Threads(most, 4 * size)


def _gains(compute: Callable[[int], object], size: int, most: int, clock: Callable[[], float]) -> bool:
    """Whether several take clearly less, in turns with one: at their worst, for a busy machine shows there."""
    took: dict[int, list[float]] = {1: [], most: []}
    for number in (1, most) * (TRIES + 1):
        with Using(number):
            begun = clock()
            compute(size)
            took[number].append(clock() - begun)
    one, several = (sorted(times[1:]) for times in took.values())  # the first ones warm up
    return several[-1] < GAIN * one[TRIES // 2]


def _alone() -> None:
    """In a forked process: OpenMP would wait for threads that only its parent has."""
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


os.register_at_fork(after_in_child=_alone)
