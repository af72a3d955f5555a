"""Private torch ops, each admitted by a self-test at load time and with a public twin to fall back on.

The only file that names them: packed linears (oneDNN's own weight layout, residual added inside), linears with half of
a weight's bytes or a quarter of them, and the CPU flash attention that also returns its log-sum-exp. On another device,
or where a test fails, the public twin is used; linears in half precision have none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from lmc.backend.models.ops import Linear
from lmc.errors import BackendError

# q [B, H, N, D], k and v [B, Hkv, L, D], additive mask [B, 1, N, L] or None, causal (top-left aligned, N == L)
# -> out [B, H, N, D] in q's dtype, log-sum-exp [B, H, N] fp32. Every query must see at least one key.
Flash = Callable[[Tensor, Tensor, Tensor, Tensor | None, bool], tuple[Tensor, Tensor]]

TOLERANCE = {torch.float32: 1e-5, torch.bfloat16: 2e-2}  # of values around 1


def works(test: Callable[[], bool]) -> bool:
    """False where a private op is gone, has another signature, or gives another answer."""
    try:
        return test()
    except Exception:  # any failure means: use the public op
        return False


def close(got: Tensor, expected: Tensor) -> bool:
    """Equal within the dtype's rounding."""
    tol = TOLERANCE[got.dtype]
    return torch.allclose(got.float(), expected.float(), rtol=tol, atol=tol)


def sample(*shape: int, dtype: torch.dtype) -> Tensor:
    """Fixed values around 1 that leave torch's random state alone."""
    count = torch.tensor(shape).prod().item()
    return torch.sin(torch.arange(count, dtype=torch.float32) * 1.7).reshape(shape).to(dtype)


# --- linears ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class PlainLinear:
    """A linear by public ops."""

    weight: Tensor
    bias: Tensor | None

    def __call__(self, x: Tensor) -> Tensor:
        """[T, in] -> [T, out]"""
        return F.linear(x, self.weight, self.bias)

    def add(self, x: Tensor, residual: Tensor) -> Tensor:
        """[T, in] -> [T, out], added to residual [T, out] in place."""
        return F.linear(x, self.weight, self.bias).add_(residual)


@dataclass(frozen=True, slots=True, eq=False)
class PackedLinear:
    """A linear whose weight is in oneDNN's layout: reordered once instead of at every call."""

    weight: Tensor
    bias: Tensor | None

    @classmethod
    def pack(cls, weight: Tensor, bias: Tensor | None) -> PackedLinear:
        """Reorder a plain weight [out, in]; the plain one can be dropped."""
        return cls(torch.ops.mkldnn._reorder_linear_weight(weight, None), bias)

    def __call__(self, x: Tensor) -> Tensor:
        """[T, in] -> [T, out]"""
        out: Tensor = torch.ops.mkldnn._linear_pointwise(x, self.weight, self.bias, "none", [], "")
        return out

    def add(self, x: Tensor, residual: Tensor) -> Tensor:
        """[T, in] -> [T, out], added to residual [T, out] in place, before it is rounded."""
        out: Tensor = torch.ops.mkldnn._linear_pointwise.binary(x, residual, self.weight, self.bias, "add")
        return out


def make_linear(weight: Tensor, bias: Tensor | None) -> Linear:
    """The fastest linear that is right for this weight's dtype and device."""
    kind = weight.device.type, weight.dtype
    return PackedLinear.pack(weight, bias) if packing_is_right(*kind) else PlainLinear(weight, bias)


@cache
def packing_is_right(device: str, dtype: torch.dtype) -> bool:
    """Does a packed linear agree with a plain one, with bias and residual, for one row and many?"""
    return device == "cpu" and works(lambda: all(packed_agrees(rows, dtype) for rows in (1, 33)))


def packed_agrees(rows: int, dtype: torch.dtype) -> bool:
    """The self-test at one batch size."""
    x, residual, bias = sample(rows, 48, dtype=dtype), sample(rows, 40, dtype=dtype), sample(40, dtype=dtype)
    for b in (None, bias):
        plain = PlainLinear(sample(40, 48, dtype=dtype), b)
        packed = PackedLinear.pack(plain.weight, b)
        if not (close(packed(x), plain(x)) and close(packed.add(x, residual), plain.add(x, residual))):
            return False
    return True


# --- linears whose weights are held narrower ----------------------------------------------------------------

WeightKind = Literal["full", "fp16", "int8"]
MAX_HALF = 65504.0
INT8_ROWS = 8  # up to so many at once the kernel on int8 is the faster one; more are worth widening the weight for


@dataclass(frozen=True, slots=True, eq=False)
class HalfLinear:
    """A linear whose weight is held in half precision, by FBGEMM; inputs and sums are fp32."""

    packed: torch.ScriptObject
    bias: Tensor | None

    @classmethod
    def pack(cls, weight: Tensor, bias: Tensor | None) -> HalfLinear:
        """Of a plain weight [out, in], no number of which is beyond half precision."""
        engine = torch.backends.quantized.engine
        torch.backends.quantized.engine = "fbgemm"
        try:
            return cls(torch.ops.quantized.linear_prepack_fp16(weight.float(), None), bias)
        finally:
            torch.backends.quantized.engine = engine

    def __call__(self, x: Tensor) -> Tensor:
        """[T, in] -> [T, out]"""
        out: Tensor = torch.ops.quantized.linear_dynamic_fp16(x.float(), self.packed)
        return (out if self.bias is None else out.add_(self.bias)).to(x.dtype)

    def add(self, x: Tensor, residual: Tensor) -> Tensor:
        """[T, in] -> [T, out], added to residual [T, out] in place."""
        return residual.add_(self(x))


@dataclass(frozen=True, slots=True, eq=False)
class Int8Linear:
    """A linear whose weight is held as int8 with an fp32 scale a row; inputs are rounded to bf16.

    By torch's kernel for few inputs, by a weight that is widened for the call for many: the same to bf16's rounding.
    """

    weight: Tensor
    scales: Tensor
    ones: Tensor  # in the place of the kernel's scales, which would be rounded to bf16
    bias: Tensor | None

    @classmethod
    def pack(cls, weight: Tensor, bias: Tensor | None) -> Int8Linear:
        """Of a plain weight [out, in]: the largest number of each row becomes 127."""
        scales = (weight.float().abs().amax(1) / 127).clamp_min(torch.finfo(torch.float32).tiny)
        narrow = (weight.float() / scales[:, None]).round_().to(torch.int8)
        return cls(narrow, scales, torch.ones_like(scales, dtype=torch.bfloat16), bias)

    def __call__(self, x: Tensor) -> Tensor:
        """[T, in] -> [T, out]"""
        narrow = x.bfloat16()
        if len(x) <= INT8_ROWS and int8_is_right():
            out = torch._weight_int8pack_mm(narrow, self.weight, self.ones).float()
        else:
            out = F.linear(narrow.float(), self.weight.float())
        out.mul_(self.scales)
        return (out if self.bias is None else out.add_(self.bias)).to(x.dtype)

    def add(self, x: Tensor, residual: Tensor) -> Tensor:
        """[T, in] -> [T, out], added to residual [T, out] in place."""
        return residual.add_(self(x))


def make_half(weight: Tensor, bias: Tensor | None) -> Linear:
    """A linear in half precision; one that has a larger number than that has is as `make_linear` makes it."""
    return HalfLinear.pack(weight, bias) if weight.abs().max() <= MAX_HALF else make_linear(weight, bias)


def linear_maker(kind: WeightKind, device: str) -> Callable[[Tensor, Tensor | None], Linear]:
    """What stores linears with weights of that kind. Raises BackendError where this machine has no such linears."""
    if kind == "full":
        return make_linear
    if device != "cpu" or (kind == "fp16" and not half_is_right()):
        raise BackendError(f'weights="{kind}": this machine or its torch has no such linears', help='weights="full"')
    return make_half if kind == "fp16" else Int8Linear.pack


@cache
def half_is_right() -> bool:
    """Does a linear in half precision agree with a plain one, for one row and many?"""
    return works(lambda: all(narrow_agrees(HalfLinear.pack, rows, 1e-3) for rows in (1, 33)))


@cache
def int8_is_right() -> bool:
    """Does the kernel on int8 agree with the widened weight?"""
    weight, x = sample(40, 48, dtype=torch.float32).mul_(9).to(torch.int8), sample(3, 48, dtype=torch.bfloat16)
    ones = torch.ones(40, dtype=torch.bfloat16)
    return works(lambda: close(torch._weight_int8pack_mm(x, weight, ones), (x.float() @ weight.float().T).bfloat16()))


def narrow_agrees(pack: Callable[[Tensor, Tensor | None], Linear], rows: int, tol: float) -> bool:
    """The self-test of narrower weights at one batch size."""
    x, weight = sample(rows, 48, dtype=torch.float32), sample(40, 48, dtype=torch.float32)
    return torch.allclose(pack(weight, None)(x), F.linear(x, weight), rtol=tol, atol=48 * tol)


# --- attention -------------------------------------------------------------------------------------------


def private_flash(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, causal: bool) -> tuple[Tensor, Tensor]:
    """torch's CPU flash attention; reads strided K and V and grouped heads as they are."""
    op = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
    out, lse = op(q, k, v, 0.0, causal, attn_mask=mask)
    return out, lse


def public_flash(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, causal: bool) -> tuple[Tensor, Tensor]:
    """What `private_flash` gives, by public matmuls in fp32."""
    batch, heads, n, d = q.shape
    grouped = q.reshape(batch, k.shape[1], heads // k.shape[1], n, d).float()  # [B, Hkv, G, N, D]
    scores = grouped @ k.float().unsqueeze(2).mT * d**-0.5
    if mask is not None:
        scores += mask.unsqueeze(2)
    if causal:
        scores += torch.full(scores.shape[-2:], float("-inf"), device=q.device).triu(1)
    lse = scores.logsumexp(-1)
    out = (scores - lse.unsqueeze(-1)).exp() @ v.float().unsqueeze(2)
    return out.flatten(1, 2).to(q.dtype), lse.flatten(1, 2)


@cache
def choose_flash(device: str, dtype: torch.dtype, heads: int, kv_heads: int, head_dim: int) -> Flash:
    """The private op where it is right for these heads, else the public twin."""
    right = device == "cpu" and works(lambda: flash_agrees(dtype, heads, kv_heads, head_dim))
    return private_flash if right else public_flash


def flash_agrees(dtype: torch.dtype, heads: int, kv_heads: int, head_dim: int) -> bool:
    """The self-test: plain, causal and masked, with K and V as strided views."""
    q = sample(2, heads, 5, head_dim, dtype=dtype)
    k, v = sample(2, 5, 2, kv_heads, head_dim, dtype=dtype).permute(2, 0, 3, 1, 4)
    mask = torch.zeros(2, 1, 5, 5, dtype=dtype)
    mask[1, :, :, 3:] = float("-inf")
    for m, causal in ((None, False), (None, True), (mask, False)):
        (out, lse), (plain, plain_lse) = private_flash(q, k, v, m, causal), public_flash(q, k, v, m, causal)
        if not (close(out, plain) and close(lse, plain_lse)):
            return False
    return True
