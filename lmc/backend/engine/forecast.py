"""Will it fit? The most slots that a set of sequences will hold at once, from how much longer each can get.

Where the compiler knows a bound the estimate uses it; elsewhere a share of max_tokens, which a retraction raises and
every step lowers a little. Too low an estimate costs a retraction, never a result.
"""

from __future__ import annotations

import numpy as np

from lmc.backend.base import Gen
from lmc.backend.engine.limits import most
from lmc.backend.engine.sequence import Sequence

FIRST_SHARE = 0.5
LEAST_SHARE = 0.1
DECAY = 0.998  # a step: from 1 to 0.1 in about 1,150 steps


class Forecast:
    """How much of what they may generate the sequences are expected to."""

    def __init__(self) -> None:
        self.share = FIRST_SHARE

    def stepped(self) -> None:
        """A step went by without a retraction."""
        self.share = max(LEAST_SHARE, self.share * DECAY)

    def missed(self) -> None:
        """The estimate was too low: a sequence was retracted."""
        self.share = min(1.0, self.share * 2)

    def left(self, seq: Sequence) -> int:
        """Slots that `seq` is still expected to take beyond those it has."""
        expected = int(self.share * _most_left(seq)) + 1
        most_tokens = seq.entry.request.most_tokens
        if most_tokens is not None:  # and the token that ends it
            expected = min(expected, max(0, most_tokens - (len(seq.tokens) - seq.prompt_len)) + 1)
        plan = seq.entry.plans.get(seq.segment)
        return len(seq.tokens) - seq.committed + expected + (plan.num_scratch if plan else 0)


def peak(held: list[int], left: list[int]) -> int:
    """The most slots held together by sequences that hold `held`, get `left` more one a step, then give all back."""
    order = np.argsort(left)[::-1]
    longest_first = np.asarray(left)[order]
    together = longest_first * np.arange(1, len(left) + 1) + np.cumsum(np.asarray(held)[order])
    return int(together.max())


def _most_left(seq: Sequence) -> int:
    out = seq.entry.request.out
    later = sum(most(out[i], seq.entry.plans.get(i)) for i in range(seq.segment + 1, len(out)))
    if seq.generation is not None:
        return later + seq.generation.num_left
    current = seq.current
    return later + (min(current.sampling.max_tokens, 1 << 20) if isinstance(current, Gen) else 0)
