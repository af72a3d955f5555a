"""Extend attention: a few or many new tokens for each sequence, against all its paged keys, theirs among them.

The new tokens' K and V are written to their slots first; then this attends over all slots of a sequence by one rule,
so that a cached prefix and a fresh suffix are the same to it. Tokens times the heads of one KV head are packed into
tiles, the grid has the batch's tiles and not the longest extend's times the batch, and short extends on long prefixes
are split over keys as decode is (worklist.py). A tree mask among the new tokens scores several drafts or choices, each
a path of the tree, in one extend.

Dao, "FlashAttention-2", 2023; Miao et al., "SpecInfer" (tree masks), 2023; the packing of rows follows vLLM's Q blocks.
"""

from __future__ import annotations

import torch
from torch import Tensor

from lmc.kernels.attend import attend, capability, min_chunk, target_items, tiling_for
from lmc.kernels.checks import check_dtype, check_last_contiguous, check_shape, require
from lmc.kernels.paged import PagedKV, Rule, accumulator, attend_reference, check_queries, result_buffers
from lmc.kernels.placement import num_sms, runs_kernel
from lmc.kernels.worklist import Sight, WorkList, WorkPlan, fill, new_work_list, plan_work


def extend_attention(
    q: Tensor,
    kv: PagedKV,
    page_table: Tensor,
    query_starts: Tensor,
    lengths: Tensor,
    *,
    rule: Rule,
    max_query_len: int | None = None,
    sinks: Tensor | None = None,
    tree_mask: Tensor | None = None,
    positions: Tensor | None = None,
    work: WorkList | None = None,
    out: Tensor | None = None,
    lse: Tensor | None = None,
) -> Tensor:
    """Attend with the new tokens of each sequence, each to the keys at its position and before.

    q             [T, H, D]    fp32, fp16 or bf16; D is 64, 96, 128 or 256; H / KVH <= 128; sums are kept in fp32
    kv                         K and V of the layer, see PagedKV; those of the new tokens are written already
    page_table    [B, pages]   int32; pages that hold no key in sight are never read
    query_starts  [B + 1]      int32: sequence b has the queries [query_starts[b], query_starts[b + 1]), maybe none
    lengths       [B]          int32: keys, the new tokens' among them; the queries are the last tokens
    max_query_len              most queries of a sequence, where known; only makes tiles fit better
    sinks         [H]          logits of the attention sinks
    tree_mask     [T, width]   bool: token t sees new token j of its sequence where tree_mask[t, j]; instead of
                               causality among the new tokens. Tokens before them are all seen. width >= max_query_len
    positions     [T]          int32, for a tree under a window: the position of each new token (prefix + depth), from
                               which the window over the prefix is counted; among new tokens the mask alone decides
    work                       the step's list, filled (extend_work); made for this call where None
    out           [T, H, D]    dtype of q; rows past query_starts[B] are not written
    lse           [T, H]       fp32, natural logarithm, the sinks among its terms; written where given
    returns       out

    Raises KernelError where shapes, types or strides do not fit.
    """
    check_queries(q, kv, page_table, sinks, query_starts=query_starts, lengths=lengths, positions=positions)
    check_shape("page_table", page_table, lengths.shape[0], None)
    check_shape("query_starts", query_starts, lengths.shape[0] + 1)
    check_tree(q, tree_mask, positions, rule)
    out, lse = result_buffers(q, out, lse)
    if not runs_kernel(q):
        return extend_attention_reference(
            q, kv, page_table, query_starts, lengths,
            rule=rule, sinks=sinks, tree_mask=tree_mask, positions=positions, out=out, lse=lse,
        )  # fmt: skip
    if q.shape[0] == 0 or lengths.shape[0] == 0:
        return out
    if work is None:
        work = extend_work(
            q, kv, lengths.shape[0], page_table.shape[1] * kv.page_size,
            max_query_len=max_query_len, window=rule.window, is_tree=tree_mask is not None,
        )  # fmt: skip
        fill(work, query_starts[:-1], query_starts[1:], lengths)
    attend(
        q, kv, page_table, work, rule=rule, out=out, lse=lse, sinks=sinks,
        begins=query_starts, tree_mask=tree_mask, positions=positions,
    )  # fmt: skip
    return out


def check_tree(q: Tensor, tree_mask: Tensor | None, positions: Tensor | None, rule: Rule) -> None:
    """Refuse masks that the kernel cannot read."""
    if tree_mask is None:
        require(positions is None, "positions are given without a tree_mask")
        return
    check_shape("tree_mask", tree_mask, q.shape[0], None)
    check_dtype("tree_mask", tree_mask, (torch.bool,))
    check_last_contiguous("tree_mask", tree_mask)
    require(rule.window is None or positions is not None, "a tree under a window needs positions")
    if positions is not None:
        check_shape("positions", positions, q.shape[0])


def extend_work(
    q: Tensor,
    kv: PagedKV,
    batch: int,
    max_length: int,
    *,
    max_query_len: int | None = None,
    window: int | None = None,
    is_tree: bool = False,
    fixed_chunk: int = 0,
) -> WorkList:
    """An empty work list; fill(work, query_starts[:-1], query_starts[1:], lengths) makes it a step's."""
    plan = plan_extend(
        batch=batch, max_tokens=q.shape[0], max_query_len=max_query_len or q.shape[0],
        num_heads=q.shape[1], num_kv_heads=kv.num_kv_heads, head_dim=kv.head_dim, max_length=max_length,
        dtype=q.dtype, num_sms=num_sms(q.device), capability=capability(q.device), is_quantised=kv.is_quantised,
        window=window, is_tree=is_tree, fixed_chunk=fixed_chunk,
    )  # fmt: skip
    return new_work_list(plan, q.shape[1], kv.head_dim, q.device)


def plan_extend(
    *,
    batch: int,
    max_tokens: int,
    max_query_len: int,
    num_heads: int,
    num_kv_heads: int,
    head_dim: int,
    max_length: int,
    dtype: torch.dtype,
    num_sms: int,
    capability: tuple[int, int],
    is_quantised: bool = False,
    window: int | None = None,
    is_tree: bool = False,
    fixed_chunk: int = 0,
    keeps_states: bool = False,
) -> WorkPlan:
    """Tiles as large as the longest extend fills; splits as decode has them."""
    group = num_heads // num_kv_heads
    tiling = tiling_for(
        max_query_len * group, group=group, head_dim=head_dim, itemsize=dtype.itemsize, capability=capability,
        is_tree=is_tree, is_quantised=is_quantised,
    )  # fmt: skip
    return plan_work(
        sight=Sight.TREE if is_tree else Sight.CAUSAL, num_runs=batch, max_tokens=max_tokens,
        max_run_tokens=min(max_query_len, max_tokens), max_keys=max_length,
        tiling=tiling, tile_tokens=tiling.block_m // group,
        target_items=target_items(num_sms, num_kv_heads, tiling.block_m),
        min_chunk=min_chunk(tiling.block_m), fixed_chunk=fixed_chunk, window=window, keeps_states=keeps_states,
    )  # fmt: skip


def extend_attention_reference(
    q: Tensor,
    kv: PagedKV,
    page_table: Tensor,
    query_starts: Tensor,
    lengths: Tensor,
    *,
    rule: Rule,
    max_query_len: int | None = None,
    sinks: Tensor | None = None,
    tree_mask: Tensor | None = None,
    positions: Tensor | None = None,
    work: WorkList | None = None,
    out: Tensor | None = None,
    lse: Tensor | None = None,
) -> Tensor:
    """Extend attention in torch, one sequence after another, in fp64 for fp64 queries, else in fp32; needs no list."""
    out = torch.empty_like(q) if out is None else out
    starts = query_starts.tolist()
    for b, length in enumerate(lengths.tolist()):
        own = slice(starts[b], starts[b + 1])
        num_new = own.stop - own.start
        if num_new == 0:
            continue
        visible = sight(
            length, num_new, rule.window,
            None if tree_mask is None else tree_mask[own], None if positions is None else positions[own],
        ).to(q.device)  # fmt: skip
        begin = int(visible.any(0).int().argmax())  # keys before are seen by none; their pages may be gone
        k, v = kv.gather(page_table[b], begin, length, accumulator(q))
        result, result_lse = attend_reference(q[own], k, v, visible[:, begin:], rule, sinks)
        out[own] = result.to(out.dtype)
        if lse is not None:
            lse[own] = result_lse.to(lse.dtype)
    return out


def sight(length: int, num_new: int, window: int | None, tree_mask: Tensor | None, positions: Tensor | None) -> Tensor:
    """What each new token of one sequence sees: [num_new, length], bool."""
    prefix = length - num_new
    keys = torch.arange(length)
    own = torch.arange(prefix, length) if positions is None else positions.cpu()
    near = keys > own[:, None] - window if window else torch.ones(num_new, length, dtype=torch.bool)
    if tree_mask is None:
        return near & (keys <= own[:, None])
    near[:, prefix:] = tree_mask[:, :num_new].cpu()
    return near
