"""The decoder's layer operations by torch: residuals are added inside the linears, heads are turned in place."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from lmc.backend.models.config import ModelConfig
from lmc.backend.models.ops import Linear
from lmc.backend.models.rope import rotate
from lmc.backend.runner.cpu.attention import Attention


@dataclass(frozen=True, slots=True, eq=False)
class TorchOps:
    """The operations of one pass; see the LayerOps protocol.

    attention  writes the pass's K and V and answers its queries
    angles     cos and sin of the tokens' positions, as `rope.angles` gives them
    wanted     [N] int64, the tokens whose logits are asked for; None where all are, in their order
    """

    config: ModelConfig
    attention: Attention
    angles: tuple[Tensor, Tensor]
    wanted: Tensor | None

    def embed(self, tokens: Tensor, table: Tensor) -> Tensor:
        """[T] int64 -> [T, W]"""
        return F.embedding(tokens, table)

    def norm(self, hidden: Tensor, weight: Tensor) -> Tensor:
        """RMS norm, its sum in fp32."""
        return F.rms_norm(hidden, weight.shape, weight, self.config.norm_eps)

    def attend(self, layer: int, qkv: Tensor, head_norm: Tensor | None) -> Tensor:
        """[T, (H + 2 Hkv) * D] -> [T, H * D], Q and K normed and rotated in place."""
        c = self.config
        heads = qkv.view(-1, c.num_heads + 2 * c.num_kv_heads, c.head_dim)
        qk = heads[:, : c.num_heads + c.num_kv_heads]
        if head_norm is not None:
            torch.mul(F.rms_norm(qk, (c.head_dim,), None, c.norm_eps), head_norm, out=qk)
        rotate(qk, *self.angles)
        kv = heads[:, c.num_heads :].view(-1, 2, c.num_kv_heads, c.head_dim)
        return self.attention(layer, heads[:, : c.num_heads], kv).flatten(1)

    def gather(self, mixed: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """The wanted rows of both, or both as they are."""
        return (mixed, hidden) if self.wanted is None else (mixed[self.wanted], hidden[self.wanted])

    def add_norm(self, linear: Linear, x: Tensor, hidden: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
        """The sum, made inside the linear before it is rounded, and its norm."""
        hidden = linear.add(x, hidden)
        return hidden, self.norm(hidden, weight)

    def swiglu(self, gate_up: Tensor) -> Tensor:
        """[N, 2 I] -> [N, I]: silu(gate) * up."""
        gate, up = gate_up.chunk(2, -1)
        return F.silu(gate).mul_(up)

    def head(self, linear: Linear, x: Tensor) -> Tensor:
        """[N, W] -> [N, V] in fp32"""
        return linear(x).float()
