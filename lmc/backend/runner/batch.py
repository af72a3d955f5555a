"""What one forward pass is given: the tokens of some sequences, where their KV is, and what they share; as columns.

The engine builds a ForwardBatch from plain numbers and numpy arrays; only a Runner turns it into tensors. A fake Runner
(tests) checks that each slot it is told to read holds exactly the prefix it should.
"""

from __future__ import annotations

from collections.abc import Sequence as Seq
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lmc.ir.sampling import Sampling

Int32 = npt.NDArray[np.int32]

FED = -1  # in place of a row's one token: the token that the pass before samples for the row's seat
NOTHING = -1  # in place of a sampled id: nothing is allowed
BROKEN = -2  # in place of a sampled id: the model gave no token a number
NO_SEAT = -1  # of a row that is not a sequence's own: a branch of choices


class SharedRun(NamedTuple):
    """The rows [first, end) hold the same slots at the positions [low, high), all of them before their new tokens."""

    first: int
    end: int
    low: int
    high: int

    @property
    def num_rows(self) -> int:
        """How many rows read it."""
        return self.end - self.first


@dataclass(frozen=True, slots=True, eq=False)
class ForwardBatch:
    """One forward pass of R rows, T new tokens in all. A row is one sequence's part, or one branch of its choices.

    tokens   [T] int32      the new tokens, row after row; FED for a row's only one that is not known yet
    offsets  [R + 1] int32  row i has tokens [offsets[i], offsets[i + 1]), at least one
    starts   [R] int32      position of each row's first new token
    wanted   [R] int32      how many of a row's last new tokens need logits: 0 inside a prompt, 1 to sample
    seats    [R] int32      the number of each row's sequence among those that run, NO_SEAT for none
    tables   R arrays       tables[i][p] is the slot of position p: those before starts[i] are read, those of the new
                            tokens are written, what comes behind means nothing; views, which the engine goes on writing
    runs     what rows share: each is inside another or beside it, the outer one before, and low is where the one
             around it ends

    Rows stand in the order of the prefix tree, so that those of a run are neighbours. Runs are for speed: results do
    not depend on them beyond rounding. A row may read slots that a row before it writes: each layer writes the K and
    V of all new tokens before it answers any of them.
    """

    tokens: Int32
    offsets: Int32
    starts: Int32
    wanted: Int32
    seats: Int32
    tables: Seq[Int32]
    runs: tuple[SharedRun, ...] = ()

    @property
    def num_rows(self) -> int:
        """R"""
        return len(self.starts)

    def slots(self, row: int) -> Int32:
        """The slots of a row's positions up to its last new token. A view: copy it to keep it."""
        return self.tables[row][: self.starts[row] + self.offsets[row + 1] - self.offsets[row]]


@dataclass(slots=True)
class TokenDraws:
    """How to sample some rows of logits, one after another.

    sampling         the parameters; the same object as long as a generation's stay the same
    seeds, positions together key the random number, so a retried or re-batched row draws the same token
    outputs          of rows with penalties: index -> ids generated so far; a list that the engine goes on appending to
    banned           index -> ids that must not come out now (end tokens below min_tokens)
    masks            index -> [ceil(V / 32)] int32 bitmask, 1 = allowed
    """

    sampling: list[Sampling] = field(default_factory=list)
    seeds: list[int] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    outputs: dict[int, Seq[int]] = field(default_factory=dict)
    banned: dict[int, Seq[int]] = field(default_factory=dict)
    masks: dict[int, Int32] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.sampling)

    def add_plain(self, sampling: Sampling, seed: int, position: int) -> None:
        """One row more, of which nothing but this is to be said."""
        self.sampling.append(sampling)
        self.seeds.append(seed)
        self.positions.append(position)

    def add(
        self,
        sampling: Sampling,
        seed: int,
        position: int,
        *,
        output: Seq[int] = (),
        banned: Seq[int] = (),
        mask: Int32 | None = None,
    ) -> None:
        """One row more."""
        index = len(self.sampling)
        self.add_plain(sampling, seed, position)
        if output and has_penalties(sampling):
            self.outputs[index] = output
        if banned:
            self.banned[index] = banned
        if mask is not None:
            self.masks[index] = mask


def has_penalties(s: Sampling) -> bool:
    """True where tokens that came out before weigh less or more."""
    return s.frequency_penalty != 0 or s.presence_penalty != 0 or s.repetition_penalty != 1


def wants_record(s: Sampling) -> bool:
    """True where more is asked of a sampled token than its id: log-probabilities, or what a mask left."""
    return s.return_logprob or s.top_logprobs_num > 0 or s.on_distortion is not None
