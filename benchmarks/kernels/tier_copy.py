"""Entries of the copies between slots and pinned host memory.

The floor is the GPU's own copy bandwidth, which a link to the host does not reach: read these lines for time.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch

from benchmarks.kernels.entry import Calls, Cost, Entry, Shape, random
from lmc.kernels.tier_copy import gather_slots, scatter_slots


def copy_calls(shape: Shape, device: torch.device) -> Calls:
    """Scattered slots of one layer, to the host or back; torch's way goes through a packed copy on the GPU."""
    tokens, to_host = shape["tokens"], shape["to"] == "host"
    size = (2, shape["kv_heads"], shape["dim"])
    layer = random(4 * tokens, *size, dtype=shape["dtype"], device=device)
    host = torch.zeros(tokens, *size, dtype=shape["dtype"], pin_memory=device.type == "cuda")
    slots = (torch.arange(tokens, device=device) * 7919) % (4 * tokens)

    def ours() -> torch.Tensor:
        if to_host:
            gather_slots(layer, slots, host)
        else:
            scatter_slots(host, slots, layer)
        return host if to_host else layer

    def eager() -> torch.Tensor:
        if to_host:
            return host.copy_(layer.index_select(0, slots), non_blocking=True)
        return layer.index_copy_(0, slots, host.to(device, non_blocking=True))

    return Calls(ours, {"eager": eager})


def copy_cost(shape: Shape) -> Cost:
    """Reads and writes each number once."""
    return Cost(4 * shape["tokens"] * shape["kv_heads"] * shape["dim"] * shape["dtype"].itemsize)


def entries() -> Iterator[Entry]:
    for to in ("host", "slots"):
        real = {"tokens": 4096, "kv_heads": 8, "dim": 128, "to": to, "dtype": torch.bfloat16}
        yield Entry("tier_copy", real, {**real, "tokens": 5}, copy_calls, copy_cost, quick=False)
