"""The one decoder: embedding, layers of attention and MLP, LM head; Llama, Mistral and Qwen by switches.

Holds the weights and says in which order they are used. How a linear is stored, how attention finds its keys and what
is fused with what is given from outside (`ops.py`), so this module calls no operation of torch and nothing of the
engine.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from lmc.backend.models.config import ModelConfig
from lmc.backend.models.mlp import Mlp
from lmc.backend.models.ops import LayerOps, Linear


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """Weights of one layer; `qk_norm` is [H + Hkv, D], one row a head."""

    attn_norm: Tensor
    qkv: Linear
    qk_norm: Tensor | None
    out: Linear
    mlp_norm: Tensor
    mlp: Mlp


@dataclass(frozen=True, slots=True, eq=False)
class DecoderModel:
    """A loaded model; `inv_freq` is [D / 2] fp32, the angle per position by which `LayerOps.attend` rotates."""

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

    def __call__(self, tokens: Tensor, ops: LayerOps) -> Tensor:
        """Logits [N, V] in fp32 of the tokens that `ops` wants, from all tokens [T] of its pass."""
        hidden = ops.embed(tokens, self.embedding)
        # each sum of a layer is followed by a norm: its own second one, then the first of the layer after it
        norms = (*(layer.attn_norm for layer in self.layers), self.final_norm)
        x = ops.norm(hidden, norms[0])
        for index, layer in enumerate(self.layers):
            mixed = ops.attend(index, layer.qkv(x), layer.qk_norm)
            if index == len(self.layers) - 1:
                # after the last attention a token that needs no logits feeds nothing
                mixed, hidden = ops.gather(mixed, hidden)
            hidden, x = ops.add_norm(layer.out, mixed, hidden, layer.mlp_norm)
            hidden, x = layer.mlp(ops, x, hidden, norms[index + 1])
        return ops.head(self.head, x)
