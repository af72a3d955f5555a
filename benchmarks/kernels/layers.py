"""Entries of the kernels between attention and matmul: norms, activations, rotary embedding with the KV write."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch.nn.functional import rms_norm as torch_rms_norm
from torch.nn.functional import silu

from benchmarks.kernels.entry import Calls, Cost, Entry, Shape, compiled, random
from lmc.kernels.gather_rows import gather_rows
from lmc.kernels.paged import PagedKV
from lmc.kernels.rms_norm import rms_norm
from lmc.kernels.rope_kv_write import HeadNorm, Rope, rope_kv_write
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


def rope_calls(shape: Shape, device: torch.device) -> Calls:
    """Packed qkv as a fused projection leaves it; slots in no order; a table of angles for 4,096 positions."""
    tokens, heads, kv_heads, dim, dtype = (shape[n] for n in ("tokens", "heads", "kv_heads", "dim", "dtype"))
    qkv = random(tokens, heads + 2 * kv_heads, dim, dtype=dtype, device=device)
    q, k, v = qkv.split((heads, kv_heads, kv_heads), 1)
    cache = torch.zeros(tokens + 7, 2, kv_heads, dim, dtype=dtype, device=device)
    slots = (torch.arange(tokens, device=device) * 7919) % (tokens + 7)
    positions = torch.arange(tokens, device=device) % 4096
    angle = torch.arange(4096, device=device)[:, None] * 1e4 ** -(torch.arange(0, dim, 2, device=device) / dim)
    rope = Rope(angle.cos(), angle.sin())
    norm = HeadNorm(*(random(dim, dtype=dtype, device=device, seed=s) for s in (1, 2)), 1e-6) if shape["norm"] else None
    kv = PagedKV(cache[:, 0], cache[:, 1], 1)

    def ours() -> torch.Tensor:
        rope_kv_write(q, k, v, kv, positions=positions, slots=slots, rope=rope, norm=norm)
        return cache

    def eager(qkv: torch.Tensor, cache: torch.Tensor) -> torch.Tensor:
        q, k, v = qkv.split((heads, kv_heads, kv_heads), 1)
        new_q, new_k = q, k
        if norm is not None:
            new_q = torch_rms_norm(q, (dim,), norm.q_weight, norm.eps)
            new_k = torch_rms_norm(k, (dim,), norm.k_weight, norm.eps)
        cos, sin = (t[positions].repeat(1, 2)[:, None] for t in (rope.cos, rope.sin))
        q.copy_(new_q * cos + half_turned(new_q) * sin)
        new_k = (new_k * cos + half_turned(new_k) * sin).to(dtype)
        return cache.index_copy_(0, slots, torch.stack((new_k, v), 1))

    fused = compiled(eager, device)
    return Calls(ours, {"eager": lambda: eager(qkv, cache), "compile": lambda: fused(qkv, cache)})


def half_turned(x: torch.Tensor) -> torch.Tensor:
    """(-second half, first half)."""
    first, second = x.chunk(2, dim=-1)
    return torch.cat((-second, first), -1)


def rope_cost(shape: Shape) -> Cost:
    """Reads q, k, v and the angles of each token; writes q, K and V."""
    heads = 2 * shape["heads"] + 4 * shape["kv_heads"]
    return Cost(shape["tokens"] * shape["dim"] * (heads * shape["dtype"].itemsize + 4))


def entries() -> Iterator[Entry]:
    for rows, width, quick in ((4096, 4096, True), (64, 4096, False), (4096, 1024, False), (1024, 8192, False)):
        real = {"rows": rows, "width": width, "dtype": BF16}
        yield Entry("rms_norm", real, {**real, "rows": 3, "width": 40}, norm_calls, norm_cost, quick)
    for rows, width, quick in ((4096, 14_336, True), (64, 14_336, False), (4096, 3072, False)):
        real = {"rows": rows, "width": width, "dtype": BF16}
        yield Entry("swiglu", real, {**real, "rows": 3, "width": 40}, swiglu_calls, swiglu_cost, quick)
    real = {"rows": 8192, "picked": 256, "width": 4096, "dtype": BF16}
    yield Entry("gather_rows", real, {**real, "rows": 9, "picked": 4, "width": 40}, gather_calls, gather_cost, False)
    for tokens, heads, kv_heads, norm, quick in (
        (4096, 32, 8, False, True),
        (4096, 16, 8, True, False),
        (64, 32, 8, False, False),
    ):
        real = {"tokens": tokens, "heads": heads, "kv_heads": kv_heads, "dim": 128, "norm": norm, "dtype": BF16}
        tiny = {**real, "tokens": 5, "heads": 4, "kv_heads": 2, "dim": 64}
        yield Entry("rope_kv_write", real, tiny, rope_calls, rope_cost, quick)
