"""From a checkpoint folder or GGUF file to a decoder: which tensors a config asks for, and how they are fused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from lmc.backend.models.checkpoint import Checkpoint, TensorShape, Weights
from lmc.backend.models.config import ModelConfig, read_config
from lmc.backend.models.decoder import DecoderModel, Layer
from lmc.backend.models.gguf_weights import GgufWeights
from lmc.backend.models.mlp import GatedMlp
from lmc.backend.models.ops import Linear
from lmc.backend.models.rope import frequencies
from lmc.gguf import is_gguf, read_gguf

Pack = Callable[[Tensor, Tensor | None], Linear]

EMBEDDING, FINAL_NORM, HEAD = "model.embed_tokens.weight", "model.norm.weight", "lm_head.weight"
QKV = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj")
OUT, GATE_UP, DOWN = "self_attn.o_proj", ("mlp.gate_proj", "mlp.up_proj"), "mlp.down_proj"
ATTN_NORM, MLP_NORM = "input_layernorm.weight", "post_attention_layernorm.weight"
Q_NORM, K_NORM = "self_attn.q_norm.weight", "self_attn.k_norm.weight"


def load_decoder(folder: Path, *, dtype: torch.dtype, device: torch.device, pack: Pack) -> DecoderModel:
    """Read a folder as transformers saves it, or a GGUF file; `pack` stores each linear. Raises ModelLoadError."""
    config = read_config(folder)
    weights = open_weights(folder, config)
    shapes = expected_shapes(config)
    weights.require(shapes)
    weights.refuse_unused(shapes, tuple(map(prefix, range(config.num_layers))))
    return Reader(config, weights, dtype, device, pack).decoder()


def open_weights(folder: Path, config: ModelConfig) -> Weights:
    """The tensors of a checkpoint folder or a GGUF file."""
    return GgufWeights(read_gguf(folder), config) if is_gguf(folder) else Checkpoint(folder)


def prefix(layer: int) -> str:
    """What the names of a layer's tensors begin with."""
    return f"model.layers.{layer}."


def expected_shapes(config: ModelConfig) -> dict[str, TensorShape]:
    """Every tensor the config asks for, with its shape."""
    vocab = (config.vocab_size, config.hidden_size)
    shapes: dict[str, TensorShape] = {EMBEDDING: vocab, FINAL_NORM: (config.hidden_size,)}
    if not config.tied:
        shapes[HEAD] = vocab
    one = layer_shapes(config)
    shapes.update({prefix(i) + name: shape for i in range(config.num_layers) for name, shape in one.items()})
    return shapes


def layer_shapes(config: ModelConfig) -> dict[str, TensorShape]:
    """The tensors of one layer."""
    q, kv = config.num_heads * config.head_dim, config.num_kv_heads * config.head_dim
    hidden, mlp = config.hidden_size, config.mlp_size
    shapes: dict[str, TensorShape] = {ATTN_NORM: (hidden,), MLP_NORM: (hidden,)}
    linears = [(QKV[0], q, hidden, config.qkv_bias), (QKV[1], kv, hidden, config.qkv_bias)]
    linears += [(QKV[2], kv, hidden, config.qkv_bias), (OUT, hidden, q, config.out_bias)]
    linears += [(name, mlp, hidden, config.mlp_bias) for name in GATE_UP] + [(DOWN, hidden, mlp, config.mlp_bias)]
    for name, out, inner, bias in linears:
        shapes[name + ".weight"] = (out, inner)
        if bias:
            shapes[name + ".bias"] = (out,)
    if config.qk_norm:
        shapes[Q_NORM] = shapes[K_NORM] = (config.head_dim,)
    return shapes


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads, fuses and packs the tensors of a checkpoint that has passed its checks."""

    config: ModelConfig
    weights: Weights
    dtype: torch.dtype
    device: torch.device
    pack: Pack

    def decoder(self) -> DecoderModel:
        """The whole model."""
        embedding = self.tensor(EMBEDDING)
        head = embedding if self.config.tied else self.tensor(HEAD)
        return DecoderModel(
            config=self.config,
            embedding=embedding,
            layers=tuple(self.layer(prefix(index)) for index in range(self.config.num_layers)),
            final_norm=self.tensor(FINAL_NORM),
            head=self.pack(head, None),
            inv_freq=frequencies(self.config.rope, self.config.head_dim).to(self.device),
        )

    def layer(self, at: str) -> Layer:
        """One layer, its tensors named `at` + ..."""
        c = self.config
        return Layer(
            attn_norm=self.tensor(at + ATTN_NORM),
            qkv=self.linear(at, QKV, c.qkv_bias),
            qk_norm=self.qk_norm(at) if c.qk_norm else None,
            out=self.linear(at, (OUT,), c.out_bias),
            mlp_norm=self.tensor(at + MLP_NORM),
            mlp=GatedMlp(self.linear(at, GATE_UP, c.mlp_bias), self.linear(at, (DOWN,), c.mlp_bias)),
        )

    def linear(self, at: str, names: Sequence[str], bias: bool) -> Linear:
        """Several linears of one input as one, outputs one after the other."""
        weight = torch.cat([self.tensor(f"{at}{name}.weight") for name in names])
        biases = torch.cat([self.tensor(f"{at}{name}.bias") for name in names]) if bias else None
        return self.pack(weight, biases)

    def qk_norm(self, at: str) -> Tensor:
        """[H + Hkv, D]: the norm weight of every head of Q, then of K."""
        q = self.tensor(at + Q_NORM).expand(self.config.num_heads, -1)
        return torch.cat((q, self.tensor(at + K_NORM).expand(self.config.num_kv_heads, -1)))

    def tensor(self, name: str) -> Tensor:
        """One tensor in the model's dtype, on its device."""
        return self.weights.tensor(name, self.dtype).to(self.device)
