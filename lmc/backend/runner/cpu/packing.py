"""Packs the rows of a forward pass into one order of tokens, rows of one shape side by side.

Short rows of about one shape share an attention call later; a group's rows may read their common prefix together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lmc.backend.runner.batch import Batch, Group, Row

SHORT = 32  # new tokens up to which a row shares a tile with others
MIN_SAVED = 512  # key reads that a group must save: below it a tile and a merge cost more


@dataclass(frozen=True, slots=True)
class Span:
    """A row in packed order: its tokens are [first, first + n) of the pass, [0, shared) is read with its group."""

    row: Row
    index: int
    first: int
    shared: int

    @property
    def n(self) -> int:
        """New tokens."""
        return len(self.row.tokens)

    @property
    def length(self) -> int:
        """Tokens after this pass."""
        return len(self.row.slots)


def pack(batch: Batch) -> list[Span]:
    """Rows sorted so that those of one shape are neighbours: by queries, then by keys of their own, then by slot."""
    shared = shared_lengths(batch)

    def shape(index: int) -> tuple[int, int, int]:
        row = batch.rows[index]
        own = len(row.slots) - shared[index]
        return size_class(len(row.tokens)), -own, int(row.slots[shared[index]])

    spans, first = [], 0
    for index in sorted(range(len(batch.rows)), key=shape):
        spans.append(Span(batch.rows[index], index, first, shared[index]))
        first += len(batch.rows[index].tokens)
    return spans


def size_class(n: int) -> int:
    """Rows of one class waste at most half of their padded queries: 1, 2, 3-4, 5-8, ..., long."""
    return (n - 1).bit_length() if n <= SHORT else SHORT


def shared_lengths(batch: Batch) -> list[int]:
    """For each row the tokens it reads together with others; 0 where it reads alone."""
    shared = [0] * len(batch.rows)
    for group in batch.groups:
        rows = [i for i in group.rows if shared[i] == 0 and len(batch.rows[i].tokens) <= SHORT]
        length = usable_length(batch, group, rows)
        if (len(rows) - 1) * length >= MIN_SAVED:
            for i in rows:
                shared[i] = length
    return shared


def usable_length(batch: Batch, group: Group, rows: Sequence[int]) -> int:
    """The part of the group's prefix that comes before every row's new tokens."""
    return min([group.length, *(batch.rows[i].start for i in rows)])
