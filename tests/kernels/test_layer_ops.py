"""The decoder's layer operations made of these kernels: their shapes, types and in-place sums fit what it asks for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import Tensor

from lmc.backend.models.decoder import DecoderModel
from lmc.backend.models.loader import load_decoder
from lmc.backend.models.ops import Linear
from lmc.backend.runner.cpu.native import PlainLinear
from lmc.kernels.dispatch import AttentionPlan, Batch, Bounds, attention, plan_attention, prepare
from lmc.kernels.gather_rows import gather_rows
from lmc.kernels.paged import PagedKV, Rule
from lmc.kernels.rms_norm import rms_norm
from lmc.kernels.rope_kv_write import HeadNorm, Rope, rope_kv_write
from lmc.kernels.swiglu import swiglu
from scripts.support.checkpoint import tiny_checkpoint

TOL = 1e-4  # of logits around 1; a GPU sums in another order


@dataclass(frozen=True)
class KernelOps:
    """One sequence's pass: `slots` are those of all its positions, the pass's tokens come last."""

    decoder: DecoderModel
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


def angles(decoder: DecoderModel, num_positions: int) -> Rope:
    """The table of the decoder's angles."""
    half = torch.arange(num_positions, device=decoder.inv_freq.device)[:, None] * decoder.inv_freq
    return Rope(half.cos(), half.sin())


def new_caches(decoder: DecoderModel, num_slots: int) -> list[PagedKV]:
    """A cache a layer, poisoned."""
    c = decoder.config
    shape = (num_slots, 2, c.num_kv_heads, c.head_dim)
    whole = [torch.full(shape, torch.nan, device=decoder.embedding.device) for _ in decoder.layers]
    return [PagedKV(kv[:, 0], kv[:, 1], 1) for kv in whole]


def operations(decoder: DecoderModel, caches: list[PagedKV], slots: Tensor, new: int, wanted: list[int]) -> KernelOps:
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
    """A chunk of nine tokens, then one: the logits that are wanted are those of transformers."""
    from transformers import AutoModelForCausalLM

    folder = tiny_checkpoint(tmp_path, family, tokenizer=False, head_dim=64, **fields)
    decoder = load_decoder(folder, dtype=torch.float32, device=device, pack=PlainLinear)
    theirs = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    ids, caches = torch.arange(10) * 37, new_caches(decoder, 13)
    slots = torch.tensor([7, 3, 9, 1, 12, 0, 5, 11, 2, 8], dtype=torch.int32, device=device)

    first = decoder(ids[:9].to(device), operations(decoder, caches, slots[:9], 9, [8, 4]))
    second = decoder(ids[9:].to(device), operations(decoder, caches, slots, 1, [0]))

    with torch.no_grad():
        expected = theirs(ids[None]).logits[0, [8, 4, 9]]
    torch.testing.assert_close(torch.cat((first, second)).cpu(), expected, rtol=0, atol=TOL)
