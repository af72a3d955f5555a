"""Rows and draws one by one, as tests like to write them, and the columns that they become."""

from __future__ import annotations

from collections.abc import Sequence as Seq
from dataclasses import dataclass

import numpy as np

from lmc.backend.base import TokenLogprob
from lmc.backend.runner.batch import NO_SEAT, ForwardBatch, Int32, SharedRun, TokenDraws, wants_record
from lmc.ir.sampling import Sampling


@dataclass(frozen=True)
class Row:
    """One row of a batch: its new tokens, the slots of all its positions, and how many logits it wants."""

    tokens: Int32
    slots: Int32
    wanted: int
    seat: int = NO_SEAT

    @property
    def start(self) -> int:
        """Position of the first new token."""
        return len(self.slots) - len(self.tokens)


def batch_of(rows: Seq[Row], runs: Seq[tuple[Seq[int], int]] = ()) -> tuple[ForwardBatch, list[int]]:
    """The batch of `rows`, and where each row went; a run is (indices of rows, tokens they share from position 0).

    Runs are over neighbours, so the rows of each are put side by side; the runs given are disjoint.
    """
    order = [index for members, _ in runs for index in members]
    order += [index for index in range(len(rows)) if index not in set(order)]
    first, shared = 0, []
    for members, high in runs:
        shared.append(SharedRun(first, first + len(members), 0, high))
        first += len(members)
    put = [rows[index] for index in order]
    offsets = np.cumsum([0, *(len(row.tokens) for row in put)]).astype(np.int32)
    columns = [[row.start for row in put], [row.wanted for row in put], [row.seat for row in put]]
    tokens = np.concatenate([np.zeros(0, np.int32), *(row.tokens for row in put)]).astype(np.int32)
    starts, wanted, seats = (np.array(column, np.int32) for column in columns)
    tables = [row.slots.astype(np.int32) for row in put]
    return ForwardBatch(tokens, offsets, starts, wanted, seats, tables, tuple(shared)), order


def rows_of(batch: ForwardBatch) -> list[Row]:
    """The rows of a batch."""
    return [
        Row(
            batch.tokens[batch.offsets[i] : batch.offsets[i + 1]],
            batch.slots(i),
            int(batch.wanted[i]),
            int(batch.seats[i]),
        )
        for i in range(batch.num_rows)
    ]


@dataclass(frozen=True)
class Draw:
    """How to sample one row of logits; see TokenDraws."""

    sampling: Sampling
    seed: int
    position: int
    output: Seq[int] = ()
    banned: Seq[int] = ()
    mask: Int32 | None = None


def draws_of(rows: Seq[Draw]) -> TokenDraws:
    """Draws as columns."""
    draws = TokenDraws()
    for row in rows:
        draws.add(row.sampling, row.seed, row.position, output=row.output, banned=row.banned, mask=row.mask)
    return draws


def each_draw(draws: TokenDraws) -> list[Draw]:
    """Draws one by one."""
    return [
        Draw(sampling, seed, position, draws.outputs.get(i, ()), draws.banned.get(i, ()), draws.masks.get(i))
        for i, (sampling, seed, position) in enumerate(zip(draws.sampling, draws.seeds, draws.positions, strict=True))
    ]


def records_of(tokens: Seq[TokenLogprob], draws: TokenDraws) -> dict[int, TokenLogprob]:
    """Of sampled tokens, the records that were asked for."""
    return {i: token for i, (token, s) in enumerate(zip(tokens, draws.sampling, strict=True)) if wants_record(s)}
