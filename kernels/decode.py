"""Decode attention: one query token for each sequence, against its paged keys, cut so that the device is full.

The heads that share a KV head are the rows of one tensor-core tile. How many splits a sequence gets follows from its
length, the work of the whole batch and the number of SMs, with no fixed cap (worklist.py); a sequence of one split is
written at once, and where no sequence can have two, nothing is merged.

Dao et al., "Flash-Decoding", 2023.
"""

from __future__ import annotations

import torch
from torch import Tensor

from lmc.kernels.attend import attend, capability, min_chunk, target_items, tiling_for
from lmc.kernels.checks import check_shape
from lmc.kernels.paged import PagedKV, Rule, accumulator, attend_reference, check_queries, result_buffers
from lmc.kernels.placement import num_sms, runs_kernel
from lmc.kernels.worklist import Sight, WorkList, WorkPlan, fill, new_work_list, plan_work


def decode_attention(
    q: Tensor,
    kv: PagedKV,
    page_table: Tensor,
    lengths: Tensor,
    *,
    rule: Rule,
    sinks: Tensor | None = None,
    work: WorkList | None = None,
    out: Tensor | None = None,
    lse: Tensor | None = None,
) -> Tensor:
    """Attend with one token of each sequence to all its keys, the token's own among them.

    q           [B, H, D]       fp32, fp16 or bf16; D is 64, 96, 128 or 256; H / KVH <= 128; sums are kept in fp32
    kv                          K and V of the layer, see PagedKV
    page_table  [B, pages]      int32; pages that hold no key in sight are never read
    lengths     [B]             int32: keys; a sequence of length 0 gives 0, and -inf as its lse
    sinks       [H]             logits of the attention sinks
    work                        the step's list, filled (decode_work); made for this call where None
    out         [B, H, D]       dtype of q
    lse         [B, H]          fp32, natural logarithm, the sinks among its terms; written where given
    returns     out

    Raises KernelError where shapes, types or strides do not fit.
    """
    check_queries(q, kv, page_table, sinks, lengths=lengths)
    check_shape("lengths", lengths, q.shape[0])
    check_shape("page_table", page_table, q.shape[0], None)
    out, lse = result_buffers(q, out, lse)
    if not runs_kernel(q):
        return decode_attention_reference(q, kv, page_table, lengths, rule=rule, sinks=sinks, out=out, lse=lse)
    if q.shape[0] == 0:
        return out
    if work is None:
        work = decode_work(q, kv, page_table.shape[1] * kv.page_size, window=rule.window)
        fill(work, None, None, lengths)
    attend(q, kv, page_table, work, rule=rule, out=out, lse=lse, sinks=sinks)
    return out


def decode_work(
    q: Tensor, kv: PagedKV, max_length: int, *, window: int | None = None, fixed_chunk: int = 0
) -> WorkList:
    """An empty work list for batches like `q`; fill(work, None, None, lengths) makes it a step's."""
    plan = plan_decode(
        batch=q.shape[0], num_heads=q.shape[1], num_kv_heads=kv.num_kv_heads, head_dim=kv.head_dim,
        max_length=max_length, dtype=q.dtype, num_sms=num_sms(q.device), capability=capability(q.device),
        is_quantised=kv.is_quantised, window=window, fixed_chunk=fixed_chunk,
    )  # fmt: skip
    return new_work_list(plan, q.shape[1], kv.head_dim, q.device)


def plan_decode(
    *,
    batch: int,
    num_heads: int,
    num_kv_heads: int,
    head_dim: int,
    max_length: int,
    dtype: torch.dtype,
    num_sms: int,
    capability: tuple[int, int],
    is_quantised: bool = False,
    window: int | None = None,
    fixed_chunk: int = 0,
) -> WorkPlan:
    """Tiles of one token; as many splits as fill `num_sms`, or splits of `fixed_chunk` keys whatever the batch is."""
    group = num_heads // num_kv_heads
    tiling = tiling_for(
        group, group=group, head_dim=head_dim, itemsize=dtype.itemsize, capability=capability, is_quantised=is_quantised
    )
    return plan_work(
        sight=Sight.CAUSAL, num_runs=batch, max_tokens=batch, max_run_tokens=1, max_keys=max_length,
        tiling=tiling, tile_tokens=1, target_items=target_items(num_sms, num_kv_heads, tiling.block_m),
        min_chunk=min_chunk(tiling.block_m), fixed_chunk=fixed_chunk, window=window,
    )  # fmt: skip


def decode_attention_reference(
    q: Tensor,
    kv: PagedKV,
    page_table: Tensor,
    lengths: Tensor,
    *,
    rule: Rule,
    sinks: Tensor | None = None,
    work: WorkList | None = None,
    out: Tensor | None = None,
    lse: Tensor | None = None,
) -> Tensor:
    """Decode attention in torch, one sequence after another, in fp64 for fp64 queries, else in fp32; needs no list."""
    out = torch.empty_like(q) if out is None else out
    for b, length in enumerate(lengths.tolist()):
        begin = max(0, length - rule.window) if rule.window else 0
        k, v = kv.gather(page_table[b], begin, length, accumulator(q))
        visible = torch.ones(1, length - begin, dtype=torch.bool, device=q.device)
        result, result_lse = attend_reference(q[b : b + 1], k, v, visible, rule, sinks)
        out[b] = result[0]
        if lse is not None:
            lse[b] = result_lse[0]
    return out
