"""The door between the engine and what computes: a pass is launched, asked for tokens and scores, and waited for.

Logits never leave a runner. What a runner gives back are tokens and log-probabilities, and only `Flight.result` waits.
"""

from __future__ import annotations

from collections.abc import Sequence as Seq
from dataclasses import dataclass, field
from typing import Protocol

from lmc.backend.base import TokenLogprob
from lmc.backend.runner.batch import ForwardBatch, TokenDraws


@dataclass(frozen=True, slots=True)
class PassOutcome:
    """What a pass came to.

    ids       the sampled tokens, in the order of the draws; NOTHING or BROKEN where there is none
    records   index -> the token with its log-probability, of the draws that want more than the id (`wants_record`);
              the log-probability is of the softmax of the logits as they are
    logprobs  the natural-log probabilities that `score` asked for
    """

    ids: list[int] = field(default_factory=list)
    records: dict[int, TokenLogprob] = field(default_factory=dict)
    logprobs: list[float] = field(default_factory=list)


class Flight(Protocol):
    """A pass under way. Rows of its logits are counted over the batch: every row's wanted ones, in token order.

    `sample` and `score` are each called at most once, and before the next launch; they take what they need of their
    arguments before they return, and wait for nothing.
    """

    def sample(self, at: Seq[int], draws: TokenDraws) -> None:
        """Draw a token from row at[i] of the logits; it is kept for the seat, to be fed to the next pass."""

    def score(self, at: Seq[int], ids: Seq[int]) -> None:
        """Log-probability of ids[i] under row at[i] of the logits."""

    def result(self) -> PassOutcome:
        """Wait for what was asked. An error of the device comes out here, and is not any one row's."""


class Runner(Protocol):
    """A model with its KV tensors: `num_slots` slots, each holding one token's K and V in every layer.

    slot_bytes   what a slot takes
    vocab_size   ids are below it
    max_len      longest position the model was made for
    depth        1: `launch` computes, the engine reads a pass before it launches the next;
                 2: it works on by itself, and takes the next pass before the last one is read

    Passes are computed in the order they were launched, what is asked of one before the next one begins. A seed
    promises this: on one runner a draw depends on the row's logits, its sampling parameters, what is banned and
    masked, and a random number keyed by (seed, position), never on the batch, the seat, the depth or the time. So
    equal seeds give equal tokens where the logits are equal to the bit; runners of two kinds make different numbers
    (this CPU runner inverts the distribution at one uniform number), so across them equal seeds promise nothing, and
    logits that differ by rounding may tip a draw.
    """

    vocab_size: int
    num_slots: int
    slot_bytes: int
    max_len: int
    depth: int

    def launch(self, batch: ForwardBatch) -> Flight:
        """Begin a pass; all of `batch` that is needed later is copied before this returns."""
