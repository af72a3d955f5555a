"""RMSNorm of rows, with the residual sum before it: one read and one write of everything.

    residual += x          where a residual is given, in place, rounded to its type
    out = residual / sqrt(mean(residual^2) + eps) * (weight_offset + weight)

One program a row, which it holds in registers; how a row is summed depends on its length alone, so rows beside it
never change a bit of it. Sums are kept in fp32 and rounded once. Rows of up to 32,768; fp32, fp16, bf16.

Zhang and Sennrich, "Root Mean Square Layer Normalization", 2019.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from lmc.kernels.checks import FLOATS, check_dtype, check_last_contiguous, check_same_device, check_shape, require
from lmc.kernels.placement import runs_kernel

MAX_WIDTH = 32_768


def rms_norm(
    x: Tensor,
    weight: Tensor,
    *,
    eps: float,
    weight_offset: float = 0.0,
    residual: Tensor | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """Normalise each row; with `residual`, add it first and keep the sum there.

    x         [N, W]   fp32, fp16 or bf16; rows may be strided
    weight    [W]      any of these types; Gemma's is stored less 1: weight_offset=1
    residual  [N, W]   type of x; becomes residual + x
    out       [N, W]   type of x, may be x; made where None
    returns   out

    Raises KernelError where shapes, types or strides do not fit.
    """
    check(x, weight, residual, out)
    out = torch.empty_like(x) if out is None else out
    if not runs_kernel(x):
        return rms_norm_reference(x, weight, eps=eps, weight_offset=weight_offset, residual=residual, out=out)
    num_rows, width = x.shape
    if num_rows:
        added = x if residual is None else residual
        block = triton.next_power_of_2(width)
        rms_norm_kernel[(num_rows,)](
            x, added, weight, out,
            x.stride(0), added.stride(0), out.stride(0),
            width, eps, weight_offset,
            HAS_RESIDUAL=residual is not None, BLOCK=block, num_warps=num_warps_of(block),
        )  # fmt: skip
    return out


def check(x: Tensor, weight: Tensor, residual: Tensor | None, out: Tensor | None) -> None:
    """Refuse what the kernel cannot do."""
    check_same_device(x=x, weight=weight, residual=residual, out=out)
    check_shape("x", x, None, None)
    check_dtype("x", x, FLOATS)
    check_dtype("weight", weight, FLOATS)
    check_shape("weight", weight, x.shape[1])
    check_last_contiguous("weight", weight)
    require(0 < x.shape[1] <= MAX_WIDTH, f"rows of {x.shape[1]}; rms_norm takes 1 to {MAX_WIDTH}")
    for name, tensor in (("x", x), ("residual", residual), ("out", out)):
        if tensor is not None:
            check_shape(name, tensor, *x.shape)
            check_dtype(name, tensor, (x.dtype,))
            check_last_contiguous(name, tensor)


def num_warps_of(block: int) -> int:
    """Warps for a row: 16 values a thread, so that a thread's loads are whole 16-byte words."""
    return min(16, max(1, block // 512))


@triton.jit
def rms_norm_kernel(
    x_ptr, residual_ptr, weight_ptr, out_ptr,
    x_stride, residual_stride, out_stride,
    width, eps, weight_offset,
    HAS_RESIDUAL: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(0).to(tl.int64)
    columns = tl.arange(0, BLOCK)
    inside = columns < width
    x = tl.load(x_ptr + row * x_stride + columns, mask=inside, other=0.0).to(tl.float32)
    weight = tl.load(weight_ptr + columns, mask=inside, other=0.0).to(tl.float32)
    if HAS_RESIDUAL:
        at = residual_ptr + row * residual_stride + columns
        x += tl.load(at, mask=inside, other=0.0).to(tl.float32)
        rounded = x.to(residual_ptr.dtype.element_ty)
        tl.store(at, rounded, mask=inside)
        x = rounded.to(tl.float32)
    scale = tl.rsqrt(tl.sum(x * x, 0) / width + eps)
    out = x * scale * (weight + weight_offset)
    tl.store(out_ptr + row * out_stride + columns, out.to(out_ptr.dtype.element_ty), mask=inside)


def rms_norm_reference(
    x: Tensor,
    weight: Tensor,
    *,
    eps: float,
    weight_offset: float = 0.0,
    residual: Tensor | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """RMS norm in torch; sums in fp64 for fp64 rows, otherwise in fp32."""
    if residual is not None:
        x = residual.add_(x)
    exact = x.dtype if x.dtype == torch.float64 else torch.float32
    wide = x.to(exact)
    scale = torch.rsqrt(wide.square().mean(-1, keepdim=True) + eps)
    normed = (wide * scale * (weight.to(exact) + weight_offset)).to(x.dtype)
    return normed if out is None else out.copy_(normed)
