"""The network in training: a Qwen3-shaped decoder whose parameters have the names that transformers gives them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class Sizes:
    """Sizes of the decoder."""

    vocab_size: int
    hidden: int = 256
    mlp: int = 768
    layers: int = 6
    heads: int = 4
    kv_heads: int = 2
    head_dim: int = 64
    max_len: int = 1024
    theta: float = 10000.0
    eps: float = 1e-6


class Attention(nn.Module):
    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.sizes, queries, keys = sizes, sizes.heads * sizes.head_dim, sizes.kv_heads * sizes.head_dim
        self.q_proj = nn.Linear(sizes.hidden, queries, bias=False)
        self.k_proj = nn.Linear(sizes.hidden, keys, bias=False)
        self.v_proj = nn.Linear(sizes.hidden, keys, bias=False)
        self.o_proj = nn.Linear(queries, sizes.hidden, bias=False)
        self.q_norm = nn.RMSNorm(sizes.head_dim, eps=sizes.eps)
        self.k_norm = nn.RMSNorm(sizes.head_dim, eps=sizes.eps)

    def forward(self, x: Tensor, mask: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """x [B, T, C], mask [B, 1, 1, T, T] to add, cos and sin [B, T, 1, D/2]."""
        rows, length, _ = x.shape
        group = self.sizes.heads // self.sizes.kv_heads
        weight = torch.cat((self.q_proj.weight, self.k_proj.weight, self.v_proj.weight))
        q, k, v = F.linear(x, weight).split(
            (self.q_proj.out_features, self.k_proj.out_features, self.v_proj.out_features), -1
        )
        q = rotated(self.q_norm(q.unflatten(-1, (-1, self.sizes.head_dim))), cos, sin)
        k = rotated(self.k_norm(k.unflatten(-1, (-1, self.sizes.head_dim))), cos, sin)
        q = q.unflatten(2, (self.sizes.kv_heads, group)).permute(0, 2, 3, 1, 4)  # B, Hkv, G, T, D
        k = k.permute(0, 2, 1, 3)[:, :, None].expand_as(q)
        v = v.unflatten(-1, (-1, self.sizes.head_dim)).permute(0, 2, 1, 3)[:, :, None].expand_as(q)
        scores = (q @ k.transpose(-1, -2)) * self.sizes.head_dim**-0.5 + mask
        mixed = scores.softmax(-1) @ v
        return self.o_proj(mixed.permute(0, 3, 1, 2, 4).reshape(rows, length, -1))


class Mlp(nn.Module):
    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(sizes.hidden, sizes.mlp, bias=False)
        self.up_proj = nn.Linear(sizes.hidden, sizes.mlp, bias=False)
        self.down_proj = nn.Linear(sizes.mlp, sizes.hidden, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        gate, up = F.linear(x, torch.cat((self.gate_proj.weight, self.up_proj.weight))).chunk(2, -1)
        return self.down_proj(F.silu(gate) * up)


class Layer(nn.Module):
    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.self_attn, self.mlp = Attention(sizes), Mlp(sizes)
        self.input_layernorm = nn.RMSNorm(sizes.hidden, eps=sizes.eps)
        self.post_attention_layernorm = nn.RMSNorm(sizes.hidden, eps=sizes.eps)

    def forward(self, x: Tensor, mask: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        x = x + self.self_attn(self.input_layernorm(x), mask, cos, sin)
        return x + self.mlp(self.post_attention_layernorm(x))


class Network(nn.Module):
    """Embedding, layers, norm; the head is the embedding again."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.sizes = sizes
        self.embed_tokens = nn.Embedding(sizes.vocab_size, sizes.hidden)
        self.layers = nn.ModuleList(Layer(sizes) for _ in range(sizes.layers))
        self.norm = nn.RMSNorm(sizes.hidden, eps=sizes.eps)
        self.apply(lambda module: start(module, sizes))

    def forward(self, ids: Tensor, item: Tensor, place: Tensor, chosen: Tensor) -> Tensor:
        """Logits [num_chosen, vocab] at the chosen flat positions; a token sees its own item's tokens up to itself."""
        length = ids.shape[1]
        same = item[:, None, :] == item[:, :, None]
        causal = torch.ones(length, length, dtype=torch.bool, device=ids.device).tril()
        x = self.embed_tokens(ids)
        mask = torch.where(same & causal, 0.0, -30000.0).to(x.dtype)[:, None, None]
        half = self.sizes.head_dim // 2
        angles = place[..., None].float() * self.sizes.theta ** (-torch.arange(half, device=ids.device) / half)
        cos, sin = angles.cos().to(x.dtype)[:, :, None], angles.sin().to(x.dtype)[:, :, None]
        for layer in self.layers:
            x = layer(x, mask, cos, sin)
        return F.linear(self.norm(x.flatten(0, 1)[chosen]), self.embed_tokens.weight)


class Losses(nn.Module):
    """The network with its loss, so that both compile as one."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, ids: Tensor, item: Tensor, place: Tensor, chosen: Tensor, targets: Tensor) -> Tensor:
        """Cross-entropy [num_chosen] of the targets."""
        return F.cross_entropy(self.network(ids, item, place, chosen).float(), targets, reduction="none")


def rotated(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """x [B, T, H, D] turned by its position, halves as pairs."""
    low, high = x.chunk(2, -1)
    return torch.cat((low * cos - high * sin, high * cos + low * sin), -1)


def start(module: nn.Module, sizes: Sizes) -> None:
    """Normal weights; those that write into the residual stream smaller."""
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=0.02)
    if isinstance(module, Attention):
        nn.init.normal_(module.o_proj.weight, std=0.02 / (2 * sizes.layers) ** 0.5)
    if isinstance(module, Mlp):
        nn.init.normal_(module.down_proj.weight, std=0.02 / (2 * sizes.layers) ** 0.5)


def save_model(network: Network, folder: str) -> int:
    """Save as a Qwen3 checkpoint of transformers in bf16; returns the number of weights."""
    from transformers import Qwen3Config, Qwen3ForCausalLM

    sizes = network.sizes
    config = Qwen3Config(
        vocab_size=sizes.vocab_size,
        hidden_size=sizes.hidden,
        intermediate_size=sizes.mlp,
        num_hidden_layers=sizes.layers,
        num_attention_heads=sizes.heads,
        num_key_value_heads=sizes.kv_heads,
        head_dim=sizes.head_dim,
        max_position_embeddings=sizes.max_len,
        rms_norm_eps=sizes.eps,
        rope_parameters={"rope_type": "default", "rope_theta": sizes.theta},
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=1,
        pad_token_id=0,
    )
    model = Qwen3ForCausalLM(config)
    model.model.load_state_dict({name: weight.float() for name, weight in network.state_dict().items()}, strict=True)
    model.tie_weights()
    model.to(torch.bfloat16).save_pretrained(folder)
    return sum(weight.numel() for weight in model.parameters())
