"""Times of calls on a GPU: CUDA events around a graph replay, L2 flushed before each, the median of many.

The flush is queued before the first event, so the host is always ahead and launch time is not counted. A call that
cannot be captured in a graph is timed as it is, and says so.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass

import torch

from benchmarks.kernels.entry import Call

WARM_UP, MAX_RUNS, BUDGET_MS = 3, 100, 400.0
FLUSH_BYTES = 512 << 20


@dataclass(frozen=True, slots=True)
class Time:
    """Median microseconds of a call; `captured` where it ran as a CUDA graph."""

    us: float
    captured: bool


class Stopwatch:
    """Times calls on one GPU; holds the buffer that flushes its L2."""

    def __init__(self) -> None:
        self.flush = torch.empty(FLUSH_BYTES, dtype=torch.int8, device="cuda")

    def time(self, call: Call) -> Time:
        """Median time of `call`."""
        for _ in range(WARM_UP):
            call()
        torch.cuda.synchronize()
        replay = captured(call)
        run = replay or call
        first = self._once(run)
        runs = max(5, min(MAX_RUNS, int(BUDGET_MS / max(first, 1e-3))))
        return Time(1e3 * statistics.median(self._many(run, runs)), replay is not None)

    def _once(self, run: Call) -> float:
        return self._many(run, 1)[0]

    def _many(self, run: Call, runs: int) -> list[float]:
        """Milliseconds of each run."""
        pairs = [(torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)) for _ in range(runs)]
        for start, end in pairs:
            self.flush.zero_()
            start.record()
            run()
            end.record()
        torch.cuda.synchronize()
        return [start.elapsed_time(end) for start, end in pairs]


def captured(call: Call) -> Callable[[], None] | None:
    """Replays `call` from a CUDA graph; None where it cannot be captured."""
    graph = torch.cuda.CUDAGraph()
    try:
        with torch.cuda.graph(graph):
            call()
    except RuntimeError:
        torch.cuda.synchronize()
        return None
    return graph.replay
