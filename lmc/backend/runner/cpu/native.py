"""Private torch ops, each admitted by a self-test at load time and with a public twin to fall back on.

The only file that names them: packed linears (oneDNN's own weight layout, residual added inside) and the CPU flash
attention that also returns its log-sum-exp. On another device, or where a test fails, the public twin is used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

from lmc.backend.models.ops import Linear

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
