"""Paged caches for tests: pages in random order, and NaN wherever a kernel must not look."""

from __future__ import annotations

import math
from dataclasses import replace

import torch

from lmc.kernels.paged import PagedKV

UNREADABLE = 2**24  # a page number far outside every cache: reading it fails


def index(values: list[int], device: torch.device) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.int32, device=device)


def paged(
    lengths: list[int], *, heads: int, dim: int, page_size: int, dtype: torch.dtype, device: torch.device
) -> tuple[PagedKV, torch.Tensor]:
    """A cache of the engine's layout ([slots, 2, KVH, D]) and its page table; unused slots hold NaN."""
    pages_of = [-(-length // page_size) for length in lengths]
    order = torch.randperm(sum(pages_of) + 2).tolist()
    slots = torch.full((len(order) * page_size, 2, heads, dim), math.nan)
    table = torch.full((len(lengths), max([1, *pages_of])), UNREADABLE, dtype=torch.int32)
    for row, (length, pages) in enumerate(zip(lengths, pages_of)):
        mine = torch.tensor([order.pop() for _ in range(pages)], dtype=torch.int64)
        table[row, :pages] = mine
        used = (mine[:, None] * page_size + torch.arange(page_size)).flatten()[:length]
        slots[used] = torch.randn(length, 2, heads, dim)
    slots = slots.to(device, dtype)
    return PagedKV(slots[:, 0], slots[:, 1], page_size), table.to(device)


def exact(kv: PagedKV) -> PagedKV:
    """The cache in fp64, for references."""
    return replace(kv, k=kv.k.double(), v=kv.v.double())


def quantised(kv: PagedKV, dtype: torch.dtype, *, by_token: bool) -> PagedKV:
    """The cache in e4m3 or int8, with a scale for each token and head, or for each head."""
    top = 448.0 if dtype == torch.float8_e4m3fn else 127.0
    parts = []
    for x in (kv.k, kv.v):
        x = x.float().nan_to_num(0.0)
        largest = x.abs().amax(-1) if by_token else x.abs().amax((0, 2)).expand(x.shape[:2])
        scale = largest.clamp(min=1e-6) / top
        codes = x / scale[..., None]
        parts.append((codes.round() if dtype == torch.int8 else codes).to(dtype))
        parts.append(scale)
    return PagedKV(parts[0], parts[2], kv.page_size, k_scale=parts[1], v_scale=parts[3])


def assert_near(got: torch.Tensor, expected: torch.Tensor, tolerance: float) -> None:
    """Within a tolerance relative to the largest number expected, and nowhere NaN; infinities are the same ones."""
    got, expected = got.double(), expected.double()
    assert not got.isnan().any()
    torch.testing.assert_close(got.isinf(), expected.isinf())
    got, expected = got.masked_fill(got.isinf(), 0.0), expected.masked_fill(expected.isinf(), 0.0)
    worst = ((got - expected).abs().max() / expected.abs().max().clamp(min=1.0)).item() if got.numel() else 0.0
    assert worst <= tolerance, f"off by {worst:.2e}"
