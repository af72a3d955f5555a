"""Entries of the kernels between attention and matmul: norms, activations, rotary embedding with the KV write."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch.nn.functional import rms_norm as torch_rms_norm
from torch.nn.functional import silu

from benchmarks.kernels.entry import Calls, Cost, Entry, Shape, compiled, random
from lmc.kernels.gather_rows import gather_rows
from lmc.kernels.rms_norm import rms_norm
from lmc.kernels.swiglu import swiglu

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


def swiglu_calls(shape: Shape, device: torch.device) -> Calls:
    packed = random(shape["rows"], 2 * shape["width"], dtype=shape["dtype"], device=device)
    out = packed.new_empty(shape["rows"], shape["width"])

    def eager(packed: torch.Tensor) -> torch.Tensor:
        gate, up = packed.chunk(2, dim=-1)
        return silu(gate) * up

    fused = compiled(eager, device)
    return Calls(
        ours=lambda: swiglu(packed, out=out),
        others={"eager": lambda: eager(packed), "compile": lambda: fused(packed)},
    )


def swiglu_cost(shape: Shape) -> Cost:
    """Reads gate and up, writes the product."""
    return Cost(3 * shape["rows"] * shape["width"] * shape["dtype"].itemsize)


def gather_calls(shape: Shape, device: torch.device) -> Calls:
    x = random(shape["rows"], shape["width"], dtype=shape["dtype"], device=device)
    residual = random(shape["rows"], shape["width"], dtype=shape["dtype"], device=device, seed=1)
    rows = torch.arange(shape["picked"], device=device) * (shape["rows"] // shape["picked"])
    return Calls(
        ours=lambda: gather_rows(x, rows, residual=residual),
        others={"eager": lambda: x.index_select(0, rows) + residual.index_select(0, rows)},
    )


def gather_cost(shape: Shape) -> Cost:
    """Reads the picked rows of both, writes their sum."""
    return Cost(3 * shape["picked"] * shape["width"] * shape["dtype"].itemsize)


def entries() -> Iterator[Entry]:
    for rows, width, quick in ((4096, 4096, True), (64, 4096, False), (4096, 1024, False), (1024, 8192, False)):
        real = {"rows": rows, "width": width, "dtype": BF16}
        yield Entry("rms_norm", real, {**real, "rows": 3, "width": 40}, norm_calls, norm_cost, quick)
    for rows, width, quick in ((4096, 14_336, True), (64, 14_336, False), (4096, 3072, False)):
        real = {"rows": rows, "width": width, "dtype": BF16}
        yield Entry("swiglu", real, {**real, "rows": 3, "width": 40}, swiglu_calls, swiglu_cost, quick)
    real = {"rows": 8192, "picked": 256, "width": 4096, "dtype": BF16}
    yield Entry("gather_rows", real, {**real, "rows": 9, "picked": 4, "width": 40}, gather_calls, gather_cost, False)
