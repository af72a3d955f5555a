"""Runs entries: timed on a GPU, or walked on a CPU at tiny sizes, where ours and torch's answers are compared."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch

from benchmarks.kernels.entry import Entry
from benchmarks.kernels.machine import Limits
from benchmarks.kernels.timing import Stopwatch, Time


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the result; times are absent where it was not run.

    floor_us  the least time the machine's measured limits allow
    others    times of torch's ways, by name; a way that failed is named in `failed`
    """

    kernel: str
    shape: str
    bytes: int
    flops: int
    ours: Time | None = None
    floor_us: float | None = None
    others: dict[str, Time] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    @property
    def share(self) -> float | None:
        """Floor over time: 1 is as fast as the machine."""
        return self.floor_us / self.ours.us if self.ours and self.floor_us else None

    @property
    def best(self) -> tuple[str, float] | None:
        """Torch's best way and how many times our time it takes."""
        if not self.ours or not self.others:
            return None
        name = min(self.others, key=lambda n: self.others[n].us)
        return name, self.others[name].us / self.ours.us


def not_run(entry: Entry) -> Line:
    """The line of an entry whose time is not known."""
    cost = entry.cost(entry.shape)
    return Line(entry.kernel, entry.name, cost.bytes, cost.flops)


def measured(entry: Entry, watch: Stopwatch, limits: Limits) -> Line:
    """Time an entry at its real shape. A failure of ours is an error; one of torch's is noted."""
    cost = entry.cost(entry.shape)
    calls = entry.build(entry.shape, torch.device("cuda"))
    ours = watch.time(calls.ours)
    others, failed = {}, {}
    for name, call in calls.others.items():
        try:
            others[name] = watch.time(call)
        except Exception as error:  # whatever torch or a library refuses; our numbers stand without it
            failed[name] = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
    floor = 1e6 * max(cost.bytes / limits.copy_bytes_per_s, cost.flops / limits.matmul_flops_per_s)
    return Line(entry.kernel, entry.name, cost.bytes, cost.flops, ours, floor, others, failed)


def timed(entries: Sequence[Entry], watch: Stopwatch, limits: Limits, *, budget_s: float) -> Iterator[Line]:
    """Time entries until the budget is spent; those after are not run, and their lines say so."""
    end = time.monotonic() + budget_s
    for entry in entries:
        yield measured(entry, watch, limits) if time.monotonic() < end else not_run(entry)
        torch.cuda.empty_cache()


def walked(entry: Entry) -> Line:
    """Run an entry at its tiny shape on the CPU; where `same`, ours and torch's ways must agree."""
    device = torch.device("cpu")
    expected = entry.build(entry.tiny, device).ours()
    for name in entry.build(entry.tiny, device).others:
        found = entry.build(entry.tiny, device).others[name]()
        if entry.same:
            agree(f"{entry.kernel}, {name}", found, expected)
    return not_run(entry)


def agree(what: str, found: object, expected: object) -> None:
    """Raise AssertionError where two answers differ by more than bf16 explains."""
    try:
        torch.testing.assert_close(found, expected, rtol=2e-2, atol=2e-2)
    except AssertionError as error:
        raise AssertionError(f"{what} and ours differ: {error}") from None
