"""One door to attention: which kernel a step takes, its buffers, and the call, the same on CPU and CUDA.

    plan = plan_attention(bounds, device)          once for each shape of step: a bucket of a CUDA graph
    prepare(plan, batch)                           once for each step: fills the plan's lists on the device
    attention(plan, q, kv, batch, rule=...)        for each layer

What is chosen follows from `Bounds`, numbers that the host knows before the step; no value on the device is read back,
grids are fixed, and buffers are the plan's own. So `prepare` and `attention` can be captured, and replayed for every
batch within the bounds whose tensors were copied into the captured ones. On the CPU the references run.

Layers with different windows need a plan each, since their lists differ; layers of one window share one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from lmc.kernels.attend import capability
from lmc.kernels.cascade import (
    CascadeWork,
    Segments,
    cascade_attention,
    fill_cascade,
    new_cascade_work,
    plan_cascade,
)
from lmc.kernels.checks import require
from lmc.kernels.decode import decode_attention, plan_decode
from lmc.kernels.extend import extend_attention, plan_extend
from lmc.kernels.paged import PagedKV, Rule
from lmc.kernels.placement import IS_INTERPRETED
from lmc.kernels.placement import num_sms as sms_of
from lmc.kernels.worklist import WorkList, fill, new_work_list

Kind = Literal["decode", "extend", "cascade"]


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a step may bring, at most; known to the host.

    batch          sequences
    max_tokens     query tokens of all sequences together
    max_query_len  query tokens of one sequence
    max_length     keys of one sequence; beside segments, its own keys
    window         as in Rule
    has_tree       a tree mask among the new tokens
    num_segments   shared segments, max_segment their keys, max_depth those above one token; 0 where none are shared
    fixed_chunk    keys of a split, where results must not depend on the batch around them; 0 to fill the device
    """

    batch: int
    max_tokens: int
    max_query_len: int
    max_length: int
    num_heads: int
    num_kv_heads: int
    head_dim: int
    dtype: torch.dtype
    is_quantised: bool = False
    window: int | None = None
    has_tree: bool = False
    num_segments: int = 0
    max_segment: int = 0
    max_depth: int = 0
    fixed_chunk: int = 0

    def __post_init__(self) -> None:
        least = min(self.batch, self.max_tokens, self.max_query_len, self.max_length)
        require(least > 0, f"bounds hold a {least}; batch, tokens and lengths are above 0")
        require(self.num_heads % self.num_kv_heads == 0, f"{self.num_heads} heads, {self.num_kv_heads} KV heads")
        shared = (self.num_segments > 0, self.max_segment > 0, self.max_depth > 0)
        require(len(set(shared)) == 1, "num_segments, max_segment and max_depth are given together, or none is")
        require(not (shared[0] and self.window), "segments are seen whole; layers with a window take none")
        require(not (shared[0] and self.fixed_chunk), "a cascade depends on its tree; it has no fixed_chunk")


@dataclass(frozen=True, slots=True)
class AttentionPlan:
    """A choice and its buffers. `work` is None on the CPU, where references need no list."""

    bounds: Bounds
    kind: Kind
    device: torch.device
    work: WorkList | CascadeWork | None


@dataclass(frozen=True, slots=True)
class Batch:
    """A step's indices on the device; int32 all.

    page_table    [B, pages]  of whole paths, or of own keys beside segments
    query_starts  [B + 1]     cumulative; for decode 0, 1, ..., B
    lengths       [B]         keys in page_table
    tree_mask, positions      as in extend_attention
    segments                  as in cascade_attention
    """

    page_table: Tensor
    query_starts: Tensor
    lengths: Tensor
    tree_mask: Tensor | None = None
    positions: Tensor | None = None
    segments: Segments | None = None


def choose(bounds: Bounds) -> Kind:
    """The kernel for steps within these bounds."""
    if bounds.num_segments:
        return "cascade"
    # one token each and every sequence has one: a token is its sequence, and no query ranges are read
    is_decode = bounds.max_query_len == 1 and bounds.max_tokens == bounds.batch and not bounds.has_tree
    return "decode" if is_decode else "extend"


def plan_attention(bounds: Bounds, device: torch.device, *, num_sms: int | None = None) -> AttentionPlan:
    """Choose, and make the buffers; `num_sms` is the device's where None."""
    kind = choose(bounds)
    if device.type != "cuda" and not IS_INTERPRETED:
        return AttentionPlan(bounds, kind, device, None)
    return AttentionPlan(bounds, kind, device, new_work(kind, bounds, device, num_sms or sms_of(device)))


def new_work(kind: Kind, bounds: Bounds, device: torch.device, num_sms: int) -> WorkList | CascadeWork:
    """Empty lists of the kind that was chosen."""
    b, place = bounds, capability(device)
    if kind == "decode":
        decode = plan_decode(
            batch=b.batch, num_heads=b.num_heads, num_kv_heads=b.num_kv_heads, head_dim=b.head_dim,
            max_length=b.max_length, dtype=b.dtype, num_sms=num_sms, capability=place, is_quantised=b.is_quantised,
            window=b.window, fixed_chunk=b.fixed_chunk,
        )  # fmt: skip
        return new_work_list(decode, b.num_heads, b.head_dim, device)
    if kind == "extend":
        extend = plan_extend(
            batch=b.batch, max_tokens=b.max_tokens, max_query_len=b.max_query_len, num_heads=b.num_heads,
            num_kv_heads=b.num_kv_heads, head_dim=b.head_dim, max_length=b.max_length, dtype=b.dtype,
            num_sms=num_sms, capability=place, is_quantised=b.is_quantised, window=b.window, is_tree=b.has_tree,
            fixed_chunk=b.fixed_chunk,
        )  # fmt: skip
        return new_work_list(extend, b.num_heads, b.head_dim, device)
    cascade = plan_cascade(
        batch=b.batch, max_tokens=b.max_tokens, max_query_len=b.max_query_len, num_heads=b.num_heads,
        num_kv_heads=b.num_kv_heads, head_dim=b.head_dim, max_length=b.max_length, num_segments=b.num_segments,
        max_segment=b.max_segment, max_depth=b.max_depth, dtype=b.dtype, num_sms=num_sms, capability=place,
        is_quantised=b.is_quantised, is_tree=b.has_tree,
    )  # fmt: skip
    return new_cascade_work(cascade, b.num_heads, b.head_dim, device)


def prepare(plan: AttentionPlan, batch: Batch) -> None:
    """Fill the plan's lists for a step; waits for nothing.

    Raises KernelError where the batch is not of the plan's shape.
    """
    check_batch(plan, batch)
    if isinstance(plan.work, CascadeWork):
        assert batch.segments is not None
        fill_cascade(plan.work, batch.segments, batch.query_starts, batch.lengths)
    elif plan.work is not None and plan.kind == "decode":
        fill(plan.work, None, None, batch.lengths)
    elif plan.work is not None:
        fill(plan.work, batch.query_starts[:-1], batch.query_starts[1:], batch.lengths)


def check_batch(plan: AttentionPlan, batch: Batch) -> None:
    """Refuse a batch that the lists have no room for, as far as shapes tell."""
    bounds = plan.bounds
    found = batch.lengths.shape[0]
    require(found == bounds.batch, f"{found} sequences in a plan for {bounds.batch}", help="pad with sequences of 0")
    found = 0 if batch.segments is None else batch.segments.lengths.shape[0]
    require(found == bounds.num_segments, f"{found} segments in a plan for {bounds.num_segments}")
    has_tree = batch.tree_mask is not None
    require(has_tree == bounds.has_tree, "tree_mask is given" if has_tree else "tree_mask is missing, says the plan")


def attention(
    plan: AttentionPlan,
    q: Tensor,
    kv: PagedKV,
    batch: Batch,
    *,
    rule: Rule,
    sinks: Tensor | None = None,
    out: Tensor | None = None,
    lse: Tensor | None = None,
) -> Tensor:
    """Attention of one layer for a prepared step.

    q        [max_tokens, H, D]  rows past query_starts[B] are padding, and hold nothing of use in the result
    out      [max_tokens, H, D]  made where None
    returns  out

    Raises KernelError where the layer is not of the plan's shape.
    """
    check_layer(plan, q, kv, batch, rule)
    if plan.kind == "decode":
        assert plan.work is None or isinstance(plan.work, WorkList)
        return decode_attention(
            q, kv, batch.page_table, batch.lengths, rule=rule, sinks=sinks, work=plan.work, out=out, lse=lse
        )
    if plan.kind == "extend":
        assert plan.work is None or isinstance(plan.work, WorkList)
        return extend_attention(
            q, kv, batch.page_table, batch.query_starts, batch.lengths, rule=rule, sinks=sinks,
            tree_mask=batch.tree_mask, positions=batch.positions, work=plan.work, out=out, lse=lse,
        )  # fmt: skip
    assert batch.segments is not None and not isinstance(plan.work, WorkList)
    return cascade_attention(
        q, kv, batch.segments, batch.page_table, batch.query_starts, batch.lengths, rule=rule,
        max_depth=plan.bounds.max_depth, sinks=sinks, tree_mask=batch.tree_mask, work=plan.work, out=out, lse=lse,
    )  # fmt: skip


def check_layer(plan: AttentionPlan, q: Tensor, kv: PagedKV, batch: Batch, rule: Rule) -> None:
    """Refuse a layer that the plan was not made for."""
    bounds = plan.bounds
    check_batch(plan, batch)
    expected = (bounds.max_tokens, bounds.num_heads, bounds.head_dim)
    require(tuple(q.shape) == expected, f"q has the shape {list(q.shape)} in a plan for {list(expected)}")
    require(kv.num_kv_heads == bounds.num_kv_heads, f"{kv.num_kv_heads} KV heads in a plan for {bounds.num_kv_heads}")
    require(kv.is_quantised == bounds.is_quantised, f"a cache of {kv.k.dtype}; is_quantised is {bounds.is_quantised}")
    require(rule.window == bounds.window, f"window {rule.window} in a plan for {bounds.window}")
