"""SwiGLU of packed rows: silu(gate) * up, where gate is the first half of a row and up the second.

One read, one write, nothing kept. The product is computed in fp32 and rounded once. fp32, fp16, bf16.

Shazeer, "GLU Variants Improve Transformer", 2020.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from lmc.kernels.checks import FLOATS, check_dtype, check_last_contiguous, check_same_device, check_shape, require
from lmc.kernels.placement import runs_kernel

MAX_BLOCK = 2048  # values of each half a program takes: 16 a thread


def swiglu(packed: Tensor, *, out: Tensor | None = None) -> Tensor:
    """silu(packed[:, :F]) * packed[:, F:].

    packed   [N, 2 F]  fp32, fp16 or bf16; rows may be strided
    out      [N, F]    type of packed; made where None
    returns  out

    Raises KernelError where shapes, types or strides do not fit.
    """
    check(packed, out)
    num_rows, width = packed.shape[0], packed.shape[1] // 2
    out = packed.new_empty(num_rows, width) if out is None else out
    if not runs_kernel(packed):
        return swiglu_reference(packed, out=out)
    if num_rows and width:
        block = min(MAX_BLOCK, triton.next_power_of_2(width))
        swiglu_kernel[(num_rows, triton.cdiv(width, block))](
            packed, out, packed.stride(0), out.stride(0), width, BLOCK=block, num_warps=max(1, block // 512)
        )
    return out


def check(packed: Tensor, out: Tensor | None) -> None:
    """Refuse what the kernel cannot do."""
    check_same_device(packed=packed, out=out)
    check_shape("packed", packed, None, None)
    require(packed.shape[1] % 2 == 0, f"packed rows of {packed.shape[1]}; gate and up are equally long")
    check_dtype("packed", packed, FLOATS)
    check_last_contiguous("packed", packed)
    if out is not None:
        check_shape("out", out, packed.shape[0], packed.shape[1] // 2)
        check_dtype("out", out, (packed.dtype,))
        check_last_contiguous("out", out)


@triton.jit
def swiglu_kernel(packed_ptr, out_ptr, packed_stride, out_stride, width, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    columns = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = columns < width
    at = packed_ptr + row * packed_stride + columns
    gate = tl.load(at, mask=inside, other=0.0).to(tl.float32)
    up = tl.load(at + width, mask=inside, other=0.0).to(tl.float32)
    product = gate * tl.sigmoid(gate) * up
    tl.store(out_ptr + row * out_stride + columns, product.to(out_ptr.dtype.element_ty), mask=inside)


def swiglu_reference(packed: Tensor, *, out: Tensor | None = None) -> Tensor:
    """SwiGLU in torch; in fp64 for fp64, otherwise in fp32."""
    exact = packed.dtype if packed.dtype == torch.float64 else torch.float32
    gate, up = packed.to(exact).chunk(2, dim=-1)
    product = (gate * torch.sigmoid(gate) * up).to(packed.dtype)
    return product if out is None else out.copy_(product)
