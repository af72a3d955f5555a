"""The decoder's layer operations made of these kernels: their shapes, types and in-place sums fit what it asks for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from lmc.backend.models.decoder import Decoder
from lmc.backend.models.loader import load_decoder
from lmc.backend.models.ops import Linear
from lmc.backend.runner.batch import Batch as RowBatch
from lmc.backend.runner.batch import Row
from lmc.backend.runner.cpu.native import PlainLinear
from lmc.backend.runner.cpu.runner import load_model
from lmc.kernels.dispatch import AttentionPlan, Batch, Bounds, attention, plan_attention, prepare
from lmc.kernels.gather_rows import gather_rows
from lmc.kernels.paged import PagedKV, Rule
from lmc.kernels.rms_norm import rms_norm
from lmc.kernels.rope_kv_write import HeadNorm, Rope, rope_kv_write
from lmc.kernels.swiglu import swiglu
from scripts.support.checkpoint import tiny_checkpoint


@dataclass(frozen=True)
class KernelOps:
    """One sequence's pass: `slots` are those of all its positions, the pass's tokens come last."""

    decoder: Decoder
    caches: list[PagedKV]
    rope: Rope
    slots: Tensor
    positions: Tensor
    wanted: Tensor
    plans: dict[int | None, AttentionPlan]
    batch: Batch

    def embed(self, tokens: Tensor, table: Tensor) -> Tensor:
        return torch.nn.functional.embedding(tokens, table)

    def norm(self, hidden: Tensor, weight: Tensor) -> Tensor:
        return rms_norm(hidden, weight, eps=self.decoder.config.norm_eps)

    def attend(self, layer: int, qkv: Tensor, head_norm: Tensor | None) -> Tensor:
        c = self.decoder.config
        q, k, v = qkv.unflatten(1, (-1, c.head_dim)).split((c.num_heads, c.num_kv_heads, c.num_kv_heads), 1)
        norm = None if head_norm is None else HeadNorm(head_norm[0], head_norm[c.num_heads], c.norm_eps)
        new = self.slots[-len(qkv) :]
        rope_kv_write(q, k, v, self.caches[layer], positions=self.positions, slots=new, rope=self.rope, norm=norm)
        rule = Rule(c.head_dim**-0.5, c.windows[layer])
        return attention(self.plans[rule.window], q, self.caches[layer], self.batch, rule=rule).flatten(1)

    def gather(self, mixed: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
        return gather_rows(mixed, self.wanted), gather_rows(hidden, self.wanted)

    def add_norm(self, linear: Linear, x: Tensor, hidden: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
        return hidden, rms_norm(linear(x), weight, eps=self.decoder.config.norm_eps, residual=hidden)

    def swiglu(self, gate_up: Tensor) -> Tensor:
        return swiglu(gate_up)

    def head(self, linear: Linear, x: Tensor) -> Tensor:
        return linear(x).float()


def angles(decoder: Decoder, num_positions: int) -> Rope:
    """The table of the decoder's angles."""
    half = torch.arange(num_positions, device=decoder.inv_freq.device)[:, None] * decoder.inv_freq
    return Rope(half.cos(), half.sin())


def new_caches(decoder: Decoder, num_slots: int) -> list[PagedKV]:
    """A cache a layer, poisoned."""
    c = decoder.config
    shape = (num_slots, 2, c.num_kv_heads, c.head_dim)
    whole = [torch.full(shape, torch.nan, device=decoder.embedding.device) for _ in decoder.layers]
    return [PagedKV(kv[:, 0], kv[:, 1], 1) for kv in whole]


def operations(decoder: Decoder, caches: list[PagedKV], slots: Tensor, new: int, wanted: list[int]) -> KernelOps:
    """The operations of a pass over the last `new` positions of a sequence."""
    c, length, device = decoder.config, len(slots), slots.device
    int32 = lambda *numbers: torch.tensor(numbers, dtype=torch.int32, device=device)  # noqa: E731
    batch = Batch(slots[None], int32(0, new), int32(length))
    plans = {}
    for window in set(c.windows):
        bounds = Bounds(1, new, new, length, c.num_heads, c.num_kv_heads, c.head_dim, decoder.dtype, window=window)
        plans[window] = plan_attention(bounds, device)
        prepare(plans[window], batch)
    positions = torch.arange(length - new, length, device=device)
    return KernelOps(decoder, caches, angles(decoder, length), slots, positions, int32(*wanted), plans, batch)


@pytest.mark.parametrize("family, fields", [("qwen3", {}), ("mistral", {"sliding_window": 4})])
def test_kernels_make_the_decoders_layers(tmp_path: Path, device, family, fields):
    """A chunk of nine tokens, then one: the logits of both passes' last tokens are those of the CPU's operations."""
    folder = tiny_checkpoint(tmp_path, family, tokenizer=False, head_dim=64, **fields)
    ids, slots = np.arange(10, dtype=np.int32) * 37, np.array([7, 3, 9, 1, 12, 0, 5, 11, 2, 8], np.int32)
    decoder = load_decoder(folder, dtype=torch.float32, device=device, pack=PlainLinear)
    caches, tokens, at = new_caches(decoder, 13), torch.from_numpy(ids).long().to(device), torch.from_numpy(slots)

    first = decoder(tokens[:9], operations(decoder, caches, at[:9].to(device), 9, [8, 4]))
    second = decoder(tokens[9:], operations(decoder, caches, at.to(device), 1, [0]))

    runner = load_model(folder, dtype="fp32", num_slots=13)
    expected = runner.forward(RowBatch((Row(ids, slots, 10),)))
    torch.testing.assert_close(torch.cat((first, second)).cpu(), expected[[8, 4, 9]], rtol=0, atol=1e-4)
