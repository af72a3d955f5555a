"""Hidden rows whose logits are needed, with their residual added: what the last norm and the LM head then read.

A prefill of thousands of tokens needs the logits of a few, so the last residual sum is computed for these alone.
A row number below 0 gives a row of zeros: padding of a batch with a fixed size. fp32, fp16, bf16.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from lmc.kernels.checks import (
    FLOATS,
    INDICES,
    check_dtype,
    check_last_contiguous,
    check_same_device,
    check_shape,
)
from lmc.kernels.placement import runs_kernel

MAX_BLOCK = 2048


def gather_rows(x: Tensor, rows: Tensor, *, residual: Tensor | None = None, out: Tensor | None = None) -> Tensor:
    """out[i] = x[rows[i]] + residual[rows[i]].

    x         [N, W]  fp32, fp16 or bf16; rows may be strided
    rows      [M]     int32 or int64, below N (not checked: they lie on the device); below 0 gives zeros
    residual  [N, W]  type of x
    out       [M, W]  type of x; made where None
    returns   out

    Raises KernelError where shapes, types or strides do not fit.
    """
    check(x, rows, residual, out)
    out = x.new_empty(rows.shape[0], x.shape[1]) if out is None else out
    if not runs_kernel(x):
        return gather_rows_reference(x, rows, residual=residual, out=out)
    if out.numel():
        added = x if residual is None else residual
        block = min(MAX_BLOCK, triton.next_power_of_2(x.shape[1]))
        gather_rows_kernel[(rows.shape[0], triton.cdiv(x.shape[1], block))](
            x, added, rows, out,
            x.stride(0), added.stride(0), out.stride(0), x.shape[1],
            HAS_RESIDUAL=residual is not None, BLOCK=block, num_warps=max(1, block // 512),
        )  # fmt: skip
    return out


def check(x: Tensor, rows: Tensor, residual: Tensor | None, out: Tensor | None) -> None:
    """Refuse what the kernel cannot do."""
    check_same_device(x=x, rows=rows, residual=residual, out=out)
    check_shape("x", x, None, None)
    check_dtype("x", x, FLOATS)
    check_last_contiguous("x", x)
    check_shape("rows", rows, None)
    check_dtype("rows", rows, INDICES)
    check_last_contiguous("rows", rows)
    for name, tensor, num_rows in (("residual", residual, x.shape[0]), ("out", out, rows.shape[0])):
        if tensor is not None:
            check_shape(name, tensor, num_rows, x.shape[1])
            check_dtype(name, tensor, (x.dtype,))
            check_last_contiguous(name, tensor)


@triton.jit
def gather_rows_kernel(
    x_ptr, residual_ptr, rows_ptr, out_ptr,
    x_stride, residual_stride, out_stride, width,
    HAS_RESIDUAL: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    i = tl.program_id(0).to(tl.int64)
    row = tl.load(rows_ptr + i).to(tl.int64)
    columns = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = columns < width
    read = inside & (row >= 0)
    x = tl.load(x_ptr + row * x_stride + columns, mask=read, other=0.0)
    if HAS_RESIDUAL:
        residual = tl.load(residual_ptr + row * residual_stride + columns, mask=read, other=0.0)
        x = (x.to(tl.float32) + residual.to(tl.float32)).to(x.dtype)
    tl.store(out_ptr + i * out_stride + columns, x, mask=inside)


def gather_rows_reference(
    x: Tensor, rows: Tensor, *, residual: Tensor | None = None, out: Tensor | None = None
) -> Tensor:
    """Rows gathered by indexing in torch."""
    source = rows.long().clamp(min=0)
    gathered = x[source] if residual is None else x[source] + residual[source]
    gathered = torch.where((rows >= 0)[:, None], gathered, 0).to(x.dtype)
    return gathered if out is None else out.copy_(gathered)
