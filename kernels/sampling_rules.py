"""How the rows of a batch are sampled, as tensors on the device: filters and seeds, penalties, masks.

Values are not checked: they lie on the device. No kernel is here.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from lmc.kernels.checks import INDICES, check_dtype, check_last_contiguous, check_shape

COUNTS = (torch.uint8, torch.int16, torch.int32)


@dataclass(frozen=True, slots=True)
class Draws:
    """Filters and seeds of B rows.

    temperature  [B]  fp32   up to 1e-5 is greedy
    top_k        [B]  int32  below 1 keeps every token, 1 is greedy
    top_p        [B]  fp32   1 or more keeps every token
    min_p        [B]  fp32   0 keeps every token
    seed         [B]  int64  with position the key of a row's noise
    position     [B]  int64
    """

    temperature: Tensor
    top_k: Tensor
    top_p: Tensor
    min_p: Tensor
    seed: Tensor
    position: Tensor

    def __post_init__(self) -> None:
        size = self.temperature.shape[0] if self.temperature.ndim else 0
        for name, dtype in FIELDS.items():
            vector = getattr(self, name)
            check_shape(name, vector, size)
            check_dtype(name, vector, (dtype,))
            check_last_contiguous(name, vector)


FIELDS = {
    "temperature": torch.float32,
    "top_k": torch.int32,
    "top_p": torch.float32,
    "min_p": torch.float32,
    "seed": torch.int64,
    "position": torch.int64,
}


@dataclass(frozen=True, slots=True)
class Penalties:
    """What tokens that came out before cost.

    counts      [B, V]  uint8, int16 or int32: how often each token came out, or the type's largest number;
                         sampling counts the token it draws
    repetition  [B]     fp32: a positive logit is divided by it, a negative one multiplied; 1 is neutral
    presence    [B]     fp32: taken from the logit of each token that came out; 0 is neutral
    frequency   [B]     fp32: taken as often as it came out; 0 is neutral
    """

    counts: Tensor
    repetition: Tensor
    presence: Tensor
    frequency: Tensor

    def __post_init__(self) -> None:
        check_shape("counts", self.counts, None, None)
        check_dtype("counts", self.counts, COUNTS)
        check_last_contiguous("counts", self.counts)
        for name in ("repetition", "presence", "frequency"):
            vector = getattr(self, name)
            check_shape(name, vector, self.counts.shape[0])
            check_dtype(name, vector, (torch.float32,))
            check_last_contiguous(name, vector)


@dataclass(frozen=True, slots=True)
class Bitmask:
    """Which tokens are allowed: bit t % 32 of word t // 32, 1 = allowed; tokens past the last word are not.

    words  [M, W]  int32
    rows   [B]     int32 or int64: the mask of each row of logits, below 0 allows everything; None: mask i for row i
    """

    words: Tensor
    rows: Tensor | None = None

    def __post_init__(self) -> None:
        check_shape("words", self.words, None, None)
        check_dtype("words", self.words, (torch.int32,))
        check_last_contiguous("words", self.words)
        if self.rows is not None:
            check_shape("rows", self.rows, None)
            check_dtype("rows", self.rows, INDICES)
            check_last_contiguous("rows", self.rows)
