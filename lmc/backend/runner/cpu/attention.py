"""Runs the tiles of a forward pass: one flash call a tile, partial results merged by log-sum-exp in fp32."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lmc.backend.runner.cpu.kv import KVTensors
from lmc.backend.runner.cpu.native import Flash
from lmc.backend.runner.cpu.tiles import Keys, Tile, WindowTiles


@dataclass(frozen=True, slots=True, eq=False)
class TileCall:
    """A tile with its arrays on the device: `tokens` answers, `spread` and `keep` pad, `mask` is additive."""

    tile: Tile
    tokens: slice | Tensor
    spread: Tensor | None
    keep: Tensor | None
    mask: Tensor | None


@dataclass(frozen=True, slots=True, eq=False)
class WindowPlan:
    """Everything that the layers of one window share in a pass."""

    own: tuple[TileCall, ...]
    prefix: tuple[TileCall, ...]
    gather: Tensor | None


def make_plan(tiles: WindowTiles, dtype: torch.dtype, device: torch.device) -> WindowPlan:
    """Put the arrays of a window's tiles on the device."""

    def call(tile: Tile) -> TileCall:
        tokens = tile.tokens
        return TileCall(
            tile,
            slice(tokens.start, tokens.stop) if isinstance(tokens, range) else torch.from_numpy(tokens).to(device),
            None if tile.spread is None else torch.from_numpy(tile.spread).to(device),
            None if tile.keep is None else torch.from_numpy(tile.keep).to(device),
            None if tile.mask is None else additive(torch.from_numpy(tile.mask), dtype).to(device),
        )

    gather = torch.from_numpy(tiles.gather).to(device) if len(tiles.gather) else None
    return WindowPlan(tuple(map(call, tiles.own)), tuple(map(call, tiles.prefix)), gather)


def additive(visible: Tensor, dtype: torch.dtype) -> Tensor:
    """[rows, 1, q_len, kv_len]: 0 where visible, -inf elsewhere."""
    return torch.zeros(visible.shape, dtype=dtype).masked_fill_(~visible, float("-inf")).unsqueeze(1)


@dataclass(frozen=True, slots=True, eq=False)
class Attention:
    """Attention of one pass over the KV tensors; `plans` is one a layer."""

    flash: Flash
    cache: KVTensors
    plans: Sequence[WindowPlan]
    write: Tensor  # [T] the slot of each new token

    def __call__(self, layer: int, q: Tensor, kv: Tensor) -> Tensor:
        """q [T, H, D], kv [T, 2, Hkv, D] -> [T, H, D]."""
        self.cache.write(layer, self.write, kv)
        plan = self.plans[layer]
        reads = Reads(self.cache, layer, kv, None if plan.gather is None else self.cache.gather(layer, plan.gather))
        parts = [run(self.flash, call, q, reads) for call in plan.own]
        out, lse = parts[0] if len(parts) == 1 else (torch.cat([o for o, _ in parts]), torch.cat([l for _, l in parts]))
        for call in plan.prefix:
            part = run(self.flash, call, q, reads)
            out[call.tokens] = merge(out[call.tokens], lse[call.tokens], *part)
        return out


@dataclass(frozen=True, slots=True, eq=False)
class Reads:
    """Where a layer's keys can be read from."""

    cache: KVTensors
    layer: int
    new: Tensor
    gathered: Tensor | None

    def __call__(self, keys: Keys, rows: int, kv_len: int) -> tuple[Tensor, Tensor]:
        """K and V, each a view [rows, Hkv, kv_len, D]."""
        kv = self.stretch(keys, rows, kv_len)
        return kv[:, :, 0].transpose(1, 2), kv[:, :, 1].transpose(1, 2)

    def stretch(self, keys: Keys, rows: int, kv_len: int) -> Tensor:
        """[rows, kv_len, 2, Hkv, D]"""
        if keys.kind == "run":
            return self.cache.runs(self.layer, keys.first, keys.step, rows, kv_len)
        source = self.new if keys.kind == "new" else self.gathered
        assert source is not None, "a tile reads gathered keys that its plan does not gather"
        return source[keys.first : keys.first + rows * kv_len].view(rows, kv_len, *source.shape[1:])


def run(flash: Flash, call: TileCall, q: Tensor, reads: Reads) -> tuple[Tensor, Tensor]:
    """Answer a tile's tokens: [t, H, D] and their log-sum-exp [t, H] fp32."""
    tile = call.tile
    k, v = reads(tile.keys, tile.rows, tile.kv_len)
    if tile.fold:
        return folded(flash, q[call.tokens], k, v)
    queries = q[call.tokens] if call.spread is None else q[call.spread]
    queries = queries.view(tile.rows, tile.q_len, *q.shape[1:]).transpose(1, 2)
    out, lse = flash(queries, k, v, call.mask, tile.causal)
    out, lse = out.transpose(1, 2).flatten(0, 1), lse.transpose(1, 2).flatten(0, 1)
    return (out, lse) if call.keep is None else (out[call.keep], lse[call.keep])


def folded(flash: Flash, q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    """Queries [t, H, D] of many rows over one stretch, read once: the heads of a group become queries."""
    t, h, d = q.shape
    kv_heads = k.shape[1]
    queries = q.reshape(t, kv_heads, h // kv_heads, d).transpose(0, 1).reshape(1, kv_heads, -1, d)
    out, lse = flash(queries, k, v, None, False)
    # [Hkv, t * G, ...] -> [t, H, ...]
    out = out.view(kv_heads, t, -1, d).transpose(0, 1).reshape(t, h, d)
    return out, lse.view(kv_heads, t, -1).transpose(0, 1).reshape(t, h)


def merge(a: Tensor, a_lse: Tensor, b: Tensor, b_lse: Tensor) -> Tensor:
    """Attention over two disjoint stretches from the attention over each, in a's dtype."""
    weight = torch.sigmoid(b_lse - a_lse).unsqueeze(-1)
    return torch.lerp(a.float(), b.float(), weight).to(a.dtype)
