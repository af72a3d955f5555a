"""The KV tensors: one per layer, [slots, 2, Hkv, D], a token's K and V side by side.

Knows slots as numbers only; who owns which is the cache's business. Slots are zero until written.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

ALIGNED = 64  # bytes, as torch aligns its own


class KVTensors:
    """K and V of every layer for `num_slots` tokens."""

    def __init__(
        self,
        *,
        num_layers: int,
        num_slots: int,
        num_kv_heads: int,
        head_dim: int,
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        """Reserve the memory; pages are touched only when they are written."""
        shape = (num_slots, 2, num_kv_heads, head_dim)
        self.layers = [_zeros(shape, dtype, device) for _ in range(num_layers)]

    def write(self, layer: int, slots: Tensor, kv: Tensor) -> None:
        """Put kv [T, 2, Hkv, D] into T different slots: one pass for K and V."""
        self.layers[layer].index_copy_(0, slots, kv)

    def gather(self, layer: int, slots: Tensor) -> Tensor:
        """A copy of any slots, [T, 2, Hkv, D]: one pass for K and V, 28 us for 1,024 rows."""
        return self.layers[layer].index_select(0, slots)

    def runs(self, layer: int, first: int, step: int, rows: int, length: int) -> Tensor:
        """A view [rows, length, 2, Hkv, D]: row i is the slots [first + i * step, first + i * step + length)."""
        kv = self.layers[layer]
        stride = kv.stride()
        return kv.as_strided((rows, length, *kv.shape[1:]), (step * stride[0], *stride), first * stride[0])


def _zeros(shape: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """Zeros; on the CPU pages that the system fills when they are first written, which `torch.zeros` does at once."""
    if device.type != "cpu":
        return torch.zeros(shape, dtype=dtype, device=device)
    num_bytes = math.prod(shape) * dtype.itemsize
    reserved = np.zeros(num_bytes + ALIGNED, np.uint8)
    first = -reserved.ctypes.data % ALIGNED
    return torch.from_numpy(reserved[first : first + num_bytes]).view(dtype).view(shape)
