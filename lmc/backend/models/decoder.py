"""The one decoder: embedding, layers of attention and SwiGLU, LM head; Llama, Mistral and Qwen by switches.

Knows tensors and sizes. How a linear is stored and how attention finds its keys is given from outside, so this
module imports nothing of the engine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from lmc.backend.models.config import ModelConfig
from lmc.backend.models.rope import angles, rotate


class Linear(Protocol):
    """x [T, in] times a weight [out, in], plus bias where there is one."""

    def __call__(self, x: Tensor) -> Tensor:
        """[T, out]"""

    def add(self, x: Tensor, residual: Tensor) -> Tensor:
        """[T, out], added to `residual` [T, out]."""


class Attend(Protocol):
    """Writes this pass's K and V and answers its queries."""

    def __call__(self, layer: int, q: Tensor, kv: Tensor) -> Tensor:
        """q [T, H, D], kv [T, 2, Hkv, D] -> [T, H, D]."""


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """Weights of one layer; `qk_norm` is [H + Hkv, D], one row a head."""

    attn_norm: Tensor
    qkv: Linear
    qk_norm: Tensor | None
    out: Linear
    mlp_norm: Tensor
    gate_up: Linear
    down: Linear


@dataclass(frozen=True, slots=True, eq=False)
class Decoder:
    """A loaded model; `inv_freq` is [D / 2] fp32."""

    config: ModelConfig
    embedding: Tensor
    layers: tuple[Layer, ...]
    final_norm: Tensor
    head: Linear
    inv_freq: Tensor

    @property
    def dtype(self) -> torch.dtype:
        """What weights and activations are held in."""
        return self.embedding.dtype

    def __call__(self, tokens: Tensor, positions: Tensor, attend: Attend, wanted: Tensor | None) -> Tensor:
        """Logits in fp32 of the `wanted` tokens (None: all), from [T] int64 tokens at [T] positions."""
        rope = angles(self.inv_freq, positions, self.dtype)
        hidden = F.embedding(tokens, self.embedding)
        for index, layer in enumerate(self.layers):
            mixed = self.attention(layer, index, self.norm(hidden, layer.attn_norm), rope, attend)
            if wanted is not None and index == len(self.layers) - 1:
                # after the last attention a token that needs no logits feeds nothing
                mixed, hidden = mixed[wanted], hidden[wanted]
            hidden = layer.out.add(mixed, hidden)
            hidden = layer.down.add(swiglu(layer.gate_up(self.norm(hidden, layer.mlp_norm))), hidden)
        return self.head(self.norm(hidden, self.final_norm)).float()

    def norm(self, x: Tensor, weight: Tensor) -> Tensor:
        """RMS norm, its sum in fp32."""
        return F.rms_norm(x, (x.shape[-1],), weight, self.config.norm_eps)

    def attention(self, layer: Layer, index: int, x: Tensor, rope: tuple[Tensor, Tensor], attend: Attend) -> Tensor:
        """[T, H * D] before the output projection."""
        c = self.config
        qkv = layer.qkv(x).view(len(x), c.num_heads + 2 * c.num_kv_heads, c.head_dim)
        qk = qkv[:, : c.num_heads + c.num_kv_heads]
        if layer.qk_norm is not None:
            torch.mul(F.rms_norm(qk, (c.head_dim,), None, c.norm_eps), layer.qk_norm, out=qk)
        rotate(qk, *rope)
        kv = qkv[:, c.num_heads :].view(len(x), 2, c.num_kv_heads, c.head_dim)
        return attend(index, qkv[:, : c.num_heads], kv).reshape(len(x), -1)


def swiglu(gate_up: Tensor) -> Tensor:
    """[T, 2 I] -> [T, I]: silu(gate) * up."""
    gate, up = gate_up.chunk(2, -1)
    return F.silu(gate).mul_(up)
