"""What one forward pass is given and gives back: the door between the scheduler and the model runner.

The scheduler builds a Batch from plain Python and numpy; only a Runner turns it into tensors. A fake Runner
(tests) checks that each slot it is told to read holds exactly the prefix it should.
"""

from __future__ import annotations

from collections.abc import Sequence as Seq
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from lmc.backend.base import TokenLogprob
from lmc.ir.sampling import Sampling

if TYPE_CHECKING:
    from torch import Tensor

Int32 = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Row:
    """One sequence's part of a forward pass.

    tokens  [n] int32        the new tokens, n >= 1
    slots   [start + n]      the slot of every position: [0, start) are read, [start, start + n) are written
    logits  how many of the last new tokens need logits: 0 for an inner chunk, 1 for decode, more for scoring

    A row may read slots that a row before it in the batch writes: each layer writes the K and V of all new tokens
    before it answers any of them.
    """

    tokens: Int32
    slots: Int32
    logits: int

    @property
    def start(self) -> int:
        """Position of the first new token."""
        return len(self.slots) - len(self.tokens)


@dataclass(frozen=True, slots=True)
class Group:
    """Rows that read the same first `length` slots, so that attention reads that stretch once."""

    rows: tuple[int, ...]
    length: int


@dataclass(frozen=True, slots=True)
class Batch:
    """One forward pass; `groups` is a hint, results do not depend on it beyond rounding."""

    rows: tuple[Row, ...]
    groups: tuple[Group, ...] = ()


@dataclass(frozen=True, slots=True)
class Draw:
    """How to sample one row of logits.

    seed, position  together key the random number, so a retried or re-batched row draws the same token
    output          ids generated so far (penalties)
    banned          ids that must not come out now (end tokens below min_tokens)
    mask            [ceil(V / 32)] int32 bitmask, 1 = allowed; None where everything is
    """

    sampling: Sampling
    seed: int
    position: int
    output: Seq[int] = ()
    banned: Seq[int] = ()
    mask: Int32 | None = None

    @property
    def wants_mass(self) -> bool:
        """True where what the mask leaves of the distribution is looked at."""
        return self.sampling.on_distortion is not None


class Runner(Protocol):
    """A model with its KV tensors: `num_slots` slots, each holding one token's K and V in every layer."""

    vocab_size: int
    num_slots: int
    max_len: int  # longest position the model was made for

    def forward(self, batch: Batch) -> Tensor:
        """Logits [sum of row.logits, V] in fp32, in row order, each row's in token order."""

    def sample(self, logits: Tensor, draws: Seq[Draw]) -> list[TokenLogprob]:
        """One token for each row of logits [len(draws), V]; the log-probability is of the unmodified softmax."""

    def logprobs(self, logits: Tensor, ids: Seq[int]) -> list[float]:
        """Natural-log probability of ids[i] under row i of logits [len(ids), V]."""
