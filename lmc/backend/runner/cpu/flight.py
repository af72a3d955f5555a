"""A pass on the CPU: computed when it is launched, sampled when it is asked, so its result waits for nothing."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence as Seq
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor

from lmc.backend.base import TokenLogprob
from lmc.backend.runner.batch import TokenDraws
from lmc.backend.runner.cpu.hidden import HiddenRows
from lmc.backend.runner.cpu.sampler import rows_of, sample, token_logprobs
from lmc.backend.runner.flight import PassOutcome

Computing = Callable[[], AbstractContextManager[None]]


class CpuFlight:
    """A Flight over logits [rows, V] fp32 that are there.

    hidden     keeps unpacked masks
    computing  a block with the threads of its pass
    """

    def __init__(self, logits: Tensor, hidden: HiddenRows, computing: Computing = nullcontext) -> None:
        self._logits, self._computing = logits, computing
        self._hidden = hidden
        self._ids: list[int] = []
        self._records: dict[int, TokenLogprob] = {}
        self._logprobs: list[float] = []

    @torch.inference_mode()
    def sample(self, at: Seq[int], draws: TokenDraws) -> None:
        """Draw a token from row at[i] of the logits."""
        with self._computing():
            self._ids, self._records = sample(rows_of(self._logits, at), draws, self._hidden)

    @torch.inference_mode()
    def score(self, at: Seq[int], ids: Seq[int]) -> None:
        """Log-probability of ids[i] under row at[i] of the logits."""
        with self._computing():
            self._logprobs = token_logprobs(rows_of(self._logits, at), ids)

    def result(self) -> PassOutcome:
        """What was asked."""
        return PassOutcome(self._ids, self._records, self._logprobs)
