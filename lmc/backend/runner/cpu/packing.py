"""Packs the rows of a forward pass into one order of tokens, rows of one shape side by side.

Short rows of about one shape share an attention call later; rows that share a run of keys may read it together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lmc.backend.runner.batch import ForwardBatch, Int32, SharedRun

SHORT = 32  # new tokens up to which a row shares a tile with others
LEAST_SHARED = 32  # tokens; below that, reading them twice costs less than a merge
MIN_SAVED = 512  # key reads that a group must save: below it a tile and a merge cost more


@dataclass(frozen=True, slots=True, eq=False)
class RowSpan:
    """A row in packed order: its tokens are [first, first + n) of the pass, [0, shared) is read with its group.

    index   of the row in the batch
    slots   [start + n] of every position
    """

    index: int
    first: int
    n: int
    start: int
    shared: int
    slots: Int32

    @property
    def length(self) -> int:
        """Tokens after this pass."""
        return self.start + self.n


def pack(batch: ForwardBatch) -> list[RowSpan]:
    """Rows sorted so that those of one shape are neighbours: by queries, then by keys of their own, then by slot."""
    shared = shared_lengths(batch)
    starts, counts = batch.starts.tolist(), num_new(batch)
    slots = [batch.slots(index) for index in range(batch.num_rows)]

    def shape(index: int) -> tuple[int, int, int]:
        own = starts[index] + counts[index] - shared[index]
        return size_class(counts[index]), -own, int(slots[index][shared[index]])

    spans, first = [], 0
    for index in sorted(range(batch.num_rows), key=shape):
        spans.append(RowSpan(index, first, counts[index], starts[index], shared[index], slots[index]))
        first += counts[index]
    return spans


def num_new(batch: ForwardBatch) -> list[int]:
    """New tokens by row."""
    counts: list[int] = (batch.offsets[1:] - batch.offsets[:-1]).tolist()
    return counts


def size_class(n: int) -> int:
    """Rows of one class waste at most half of their padded queries: 1, 2, 3-4, 5-8, ..., long."""
    return (n - 1).bit_length() if n <= SHORT else SHORT


def shared_lengths(batch: ForwardBatch) -> list[int]:
    """For each row the tokens it reads together with others; 0 where it reads alone."""
    starts, counts = batch.starts.tolist(), num_new(batch)
    shared = [0] * batch.num_rows
    for group, high in disjoint(batch.runs):
        rows = [i for i in group if counts[i] <= SHORT]
        # the part of the run that comes before every row's new tokens
        length = min([high, *(starts[i] for i in rows)])
        if (len(rows) - 1) * length >= MIN_SAVED:
            for i in rows:
                shared[i] = length
    return shared


def disjoint(runs: Sequence[SharedRun]) -> list[tuple[list[int], int]]:
    """Groups of rows, no row in two, with the tokens each shares from its beginning; those that save most are taken.

    A run that has as many rows as a deeper one saves less, so the deeper one comes first.
    """
    groups, taken = [], set[int]()
    for run in sorted(runs, key=lambda run: (1 - run.num_rows) * run.high):
        rows = [row for row in range(run.first, run.end) if row not in taken]
        if len(rows) > 1 and run.high >= LEAST_SHARED:
            groups.append((rows, run.high))
            taken.update(rows)
    return groups
