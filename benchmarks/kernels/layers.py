"""Entries of the kernels between attention and matmul: norms, activations, rotary embedding with the KV write."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch.nn.functional import rms_norm as torch_rms_norm

from benchmarks.kernels.entry import Calls, Cost, Entry, Shape, compiled, random
from lmc.kernels.rms_norm import rms_norm

BF16 = torch.bfloat16


def norm_calls(shape: Shape, device: torch.device) -> Calls:
    x = random(shape["rows"], shape["width"], dtype=shape["dtype"], device=device)
    residual = random(shape["rows"], shape["width"], dtype=shape["dtype"], device=device, seed=1)
    weight = random(shape["width"], dtype=shape["dtype"], device=device, seed=2)
    out = torch.empty_like(x)

    def eager(x: torch.Tensor, residual: torch.Tensor) -> torch.Tensor:
        return torch_rms_norm(residual.add_(x), weight.shape, weight, 1e-6)

    fused = compiled(eager, device)
    return Calls(
        ours=lambda: rms_norm(x, weight, eps=1e-6, residual=residual, out=out),
        others={"eager": lambda: eager(x, residual), "compile": lambda: fused(x, residual)},
    )


def norm_cost(shape: Shape) -> Cost:
    """Reads x, residual and weight; writes residual and out."""
    return Cost((4 * shape["rows"] + 1) * shape["width"] * shape["dtype"].itemsize)


def entries() -> Iterator[Entry]:
    for rows, width, quick in ((4096, 4096, True), (64, 4096, False), (4096, 1024, False), (1024, 8192, False)):
        real = {"rows": rows, "width": width, "dtype": BF16}
        yield Entry("rms_norm", real, {**real, "rows": 3, "width": 40}, norm_calls, norm_cost, quick)
