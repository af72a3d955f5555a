"""Rows to sample: filters for all rows alike, masks from sets of ids."""

from __future__ import annotations

import torch
from torch import Tensor

from lmc.kernels.sampling_rules import Bitmask, Draws, Penalties


def draws(
    num_rows: int,
    device: torch.device,
    *,
    temperature: float = 1.0,
    top_k: int = -1,
    top_p: float = 1.0,
    min_p: float = 0.0,
    first_position: int = 0,
) -> Draws:
    """The same filters for every row, a seed and a position of its own for each."""
    rows = torch.arange(num_rows, device=device)
    return Draws(
        temperature=torch.full((num_rows,), temperature, device=device),
        top_k=torch.full((num_rows,), top_k, dtype=torch.int32, device=device),
        top_p=torch.full((num_rows,), top_p, device=device),
        min_p=torch.full((num_rows,), min_p, device=device),
        seed=rows * 7919 - 3,
        position=rows + first_position,
    )


def bitmask(allowed: list[set[int]], vocab: int, device: torch.device, rows: list[int] | None = None) -> Bitmask:
    """A mask for each set of ids."""
    words = torch.zeros(len(allowed), -(-vocab // 32), dtype=torch.int64)
    for i, ids in enumerate(allowed):
        for id in ids:
            words[i, id // 32] |= 1 << (id % 32)
    signed = torch.where(words >= 2**31, words - 2**32, words).to(torch.int32).to(device)
    return Bitmask(signed, None if rows is None else torch.tensor(rows, dtype=torch.int32, device=device))


def penalties(counts: Tensor, *, repetition: float, presence: float, frequency: float) -> Penalties:
    """The same costs for every row but the first, which has none."""
    costs = (torch.full((len(counts),), cost, device=counts.device) for cost in (repetition, presence, frequency))
    neutral = (1.0, 0.0, 0.0)
    return Penalties(counts, *(torch.cat((torch.full_like(c[:1], n), c[1:])) for c, n in zip(costs, neutral)))
