"""Keys and values of one layer in pages, and the rule by which queries attend to them.

What decode, extend and cascade have in common, as values: the cache, the rule, how both are checked, and the plain
torch attention of one stretch of queries that their references are made of. No kernel is here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from lmc.kernels.checks import FLOATS, check_dtype, check_last_contiguous, check_same_device, check_shape, require

HEAD_DIMS = (64, 96, 128, 256)
PAGE_SIZES = (1, 2, 4, 8, 16, 32, 64)
MAX_GROUP = 128  # query heads of one KV head: they share a tile
QUANTISED = (torch.float8_e4m3fn, torch.int8)


@dataclass(frozen=True, slots=True)
class Rule:
    """How logits are made, and which keys count besides causality; the same for all queries of a layer.

    scale    factor of q . k, > 0
    window   keys that a query sees, itself among them: those at positions > own - window; None for all
    softcap  logits become softcap * tanh(logit / softcap)
    """

    scale: float
    window: int | None = None
    softcap: float | None = None

    def __post_init__(self) -> None:
        require(0 < self.scale < math.inf, f"scale is {self.scale}; it must be above 0")
        require(self.window is None or self.window > 0, f"window is {self.window}; it must be above 0, or None")
        require(self.softcap is None or self.softcap > 0, f"softcap is {self.softcap}; it must be above 0, or None")


@dataclass(frozen=True, slots=True)
class PagedKV:
    """K and V of one layer; page p is the slots [p * page_size, (p + 1) * page_size).

    k, v       [num_slots, KVH, D]  views with equal strides, neighbours in D adjacent; fp32, fp16, bf16, e4m3 or int8
    page_size  a power of two, 1 to 64
    k_scale    [num_slots, KVH]     fp32, equal strides too: a value is its code times the scale of its token and head.
    v_scale                         One scale a head is such a tensor, expanded: `scale.expand(num_slots, KVH)`.
                                    Both are given for e4m3 and int8, neither for the other types.

    Raises KernelError where shapes, types or strides do not fit.
    """

    k: Tensor
    v: Tensor
    page_size: int
    k_scale: Tensor | None = None
    v_scale: Tensor | None = None

    def __post_init__(self) -> None:
        check_shape("k", self.k, None, None, None)
        check_shape("v", self.v, *self.k.shape)
        check_dtype("k", self.k, (*FLOATS, torch.float64, *QUANTISED))
        check_dtype("v", self.v, (self.k.dtype,))
        check_last_contiguous("k", self.k)
        require(self.k.stride() == self.v.stride(), f"strides of k are {self.k.stride()}, of v {self.v.stride()}")
        require(self.page_size in PAGE_SIZES, f"page_size is {self.page_size}; it must be a power of two, 1 to 64")
        check_same_device(k=self.k, v=self.v, k_scale=self.k_scale, v_scale=self.v_scale)
        self.check_scales()

    def check_scales(self) -> None:
        """Both scales for quantised caches, none for others."""
        for name, scale in (("k_scale", self.k_scale), ("v_scale", self.v_scale)):
            require(
                self.is_quantised == (scale is not None), f"{name} goes with e4m3 and int8; the cache is {self.k.dtype}"
            )
            if scale is not None:
                check_shape(name, scale, *self.k.shape[:2])
                check_dtype(name, scale, (torch.float32,))
        if self.k_scale is not None and self.v_scale is not None:
            require(self.k_scale.stride() == self.v_scale.stride(), "k_scale and v_scale have different strides")

    @property
    def is_quantised(self) -> bool:
        return self.k.dtype in QUANTISED

    @property
    def num_kv_heads(self) -> int:
        return self.k.shape[1]

    @property
    def head_dim(self) -> int:
        return self.k.shape[2]

    def gather(self, pages: Tensor, begin: int, end: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """K and V at the positions [begin, end) of a row of the page table, dequantised; [end - begin, KVH, D] each."""
        positions = torch.arange(begin, end, device=pages.device)
        slots = pages[positions // self.page_size].long() * self.page_size + positions % self.page_size
        k, v = self.k[slots].to(dtype), self.v[slots].to(dtype)
        if self.k_scale is not None and self.v_scale is not None:
            k, v = k * self.k_scale[slots, :, None].to(dtype), v * self.v_scale[slots, :, None].to(dtype)
        return k, v


def check_queries(q: Tensor, kv: PagedKV, page_table: Tensor, sinks: Tensor | None, **indices: Tensor | None) -> None:
    """Refuse queries, page tables and indices that no attention kernel takes; all indices are int32 vectors."""
    check_shape("q", q, None, None, kv.head_dim)
    check_dtype("q", q, (*FLOATS, torch.float64))
    check_last_contiguous("q", q)
    require(kv.head_dim in HEAD_DIMS, f"head_dim is {kv.head_dim}; kernels are made for {HEAD_DIMS}")
    num_heads = q.shape[1]
    require(num_heads % kv.num_kv_heads == 0, f"{num_heads} query heads do not share {kv.num_kv_heads} KV heads evenly")
    group = num_heads // kv.num_kv_heads
    require(group <= MAX_GROUP, f"{group} query heads share a KV head; at most {MAX_GROUP} do")
    if not kv.is_quantised:
        check_dtype("k", kv.k, (q.dtype,))
    check_shape("page_table", page_table, None, None)
    check_last_contiguous("page_table", page_table)
    for name, index in (("page_table", page_table), *indices.items()):
        if index is not None:
            check_dtype(name, index, (torch.int32,))
            check_last_contiguous(name, index)
    if sinks is not None:
        check_shape("sinks", sinks, num_heads)
        check_dtype("sinks", sinks, (*FLOATS, torch.float64))
    check_same_device(q=q, k=kv.k, page_table=page_table, sinks=sinks, **indices)


def result_buffers(q: Tensor, out: Tensor | None, lse: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """The buffers that were given, checked, or a new one for `out`."""
    if out is not None:
        check_shape("out", out, *q.shape)
        check_dtype("out", out, (q.dtype,))
        check_last_contiguous("out", out)
    if lse is not None:
        check_shape("lse", lse, *q.shape[:2])
        check_dtype("lse", lse, (torch.float32, torch.float64))
        require(lse.is_contiguous(), "lse is not contiguous")
    check_same_device(q=q, out=out, lse=lse)
    return torch.empty_like(q, memory_format=torch.contiguous_format) if out is None else out, lse


def accumulator(q: Tensor) -> torch.dtype:
    """The type in which references compute: fp64 for fp64 queries, otherwise fp32."""
    return torch.promote_types(q.dtype, torch.float32)


def attend_reference(
    q: Tensor, k: Tensor, v: Tensor, visible: Tensor, rule: Rule, sinks: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Attention of some queries to some keys, written out; the window is in `visible` already.

    q        [n, H, D]
    k, v     [L, KVH, D]
    visible  [n, L]       bool
    returns  out [n, H, D] and natural-log lse [n, H], in the accumulator's type; 0 and -inf where nothing is seen
    """
    dtype = accumulator(q)
    group = q.shape[1] // k.shape[1]
    k, v = (x.to(dtype).repeat_interleave(group, 1) for x in (k, v))
    logits = torch.einsum("nhd,lhd->nhl", q.to(dtype), k) * rule.scale
    if rule.softcap is not None:
        logits = rule.softcap * torch.tanh(logits / rule.softcap)
    logits = logits.masked_fill(~visible[:, None, :], -math.inf)
    if sinks is not None:
        logits = torch.cat([logits, sinks.to(dtype)[None, :, None].expand(len(q), -1, 1)], -1)
    lse = torch.logsumexp(logits, -1)
    weights = torch.exp(logits - lse[..., None]).masked_fill(logits == -math.inf, 0.0)
    return torch.einsum("nhl,lhd->nhd", weights[..., : len(k)], v), lse
