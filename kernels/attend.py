"""Attention of tiles of queries to stretches of paged keys: the kernel under decode, extend and cascade.

A program takes one item of a work list and one KV head. The rows of its tile are query tokens times the query heads
that share the KV head, so that K and V are read once for all of them and a few tokens fill a tensor-core tile:

    row r of a tile  =  token r // GROUP,  query head  kv_head * GROUP + r % GROUP

It goes over the item's keys with an online softmax, BLOCK_N at a time. Slots come from the page table, a vector of
pages a step. Masks are computed for blocks at a boundary only (the diagonal, the window's edge, the tree, the last
keys); blocks between are read and summed without any. Exponentials are base 2, with log2(e) folded into the scale.

An unsplit item writes its result; others leave a state (normalised, natural-log lse, fp32) for `merge_ranges`.

Dao, "FlashAttention-2", 2023; Hong et al., "FlashDecoding++", 2024; Kwon et al., "PagedAttention", 2023.
"""

from __future__ import annotations

import math
from functools import cache

import torch
import triton
import triton.language as tl
from torch import Tensor

from lmc.kernels.checks import FLOATS, check_dtype, require
from lmc.kernels.merge import merge_ranges
from lmc.kernels.paged import PagedKV, Rule
from lmc.kernels.worklist import Sight, Tiling, WorkList, cdiv

LOG2_E = tl.constexpr(math.log2(math.e))
LN_2 = tl.constexpr(math.log(2.0))
NATIVE_E4M3 = (8, 9)  # compute capability from which e4m3 is a type of the hardware


@cache
def capability(device: torch.device) -> tuple[int, int]:
    """Compute capability of a device; (0, 0) for the CPU."""
    return torch.cuda.get_device_capability(device) if device.type == "cuda" else (0, 0)


def tiling_for(
    rows: int,
    *,
    group: int,
    head_dim: int,
    itemsize: int,
    capability: tuple[int, int],
    is_tree: bool = False,
    is_quantised: bool = False,
) -> Tiling:
    """Sizes of a program, such that nothing spills and three stages of keys are under way.

    rows        query tokens x heads of one KV head that there are to pack; group, the heads among them
    itemsize    bytes of a query's number
    capability  of the device; (0, 0) on the CPU

    Found with tests/kernels/compile_only.py: registers bound the tiles of sm_80, shared memory those of sm_90.
    """
    is_hopper = capability >= (9, 0)
    is_wide = head_dim > 128
    if itemsize > 2:  # exact fp32 products do not use tensor cores; both factors lie in registers
        most = 16
    elif is_tree or (not is_hopper and (is_wide or is_quantised)):
        most = 64
    else:
        most = 128
    block_m = max(16, min(triton.next_power_of_2(rows), most), triton.next_power_of_2(group))
    if itemsize > 2:
        return Tiling(block_m, 16, num_warps=8, num_stages=2)
    if block_m <= 32:
        # 168 registers: three blocks of 4 warps share an SM
        tight = head_dim in (64, 128) and not is_quantised and not is_tree
        return Tiling(block_m, 32 if is_wide else 64, num_warps=4, num_stages=3, max_registers=168 if tight else 255)
    if is_tree or is_quantised or is_wide:
        return Tiling(block_m, 32, num_warps=8, num_stages=3)
    block_n = 64 if is_hopper or head_dim <= 64 else 32
    return Tiling(block_m, block_n, num_warps=4 if block_m <= 64 else 8, num_stages=3, max_registers=255)


def target_items(num_sms: int, num_kv_heads: int, block_m: int) -> int:
    """Items that keep a device busy: about 4 programs for each SM where tiles are small, 2 where they are large."""
    return cdiv(num_sms * (4 if block_m <= 32 else 2), num_kv_heads)


def min_chunk(block_m: int) -> int:
    """Least keys of a split: 256, or what makes reading them dearer than writing and merging the tile's states."""
    return max(256, 8 * block_m)


def attend(
    q: Tensor,
    kv: PagedKV,
    page_table: Tensor,
    work: WorkList,
    *,
    rule: Rule,
    out: Tensor,
    lse: Tensor | None = None,
    sinks: Tensor | None = None,
    begins: Tensor | None = None,
    tree_mask: Tensor | None = None,
    positions: Tensor | None = None,
) -> None:
    """Compute every item of a filled work list, and merge the tokens it names.

    page_table  [num_runs, pages]  int32
    begins      [num_runs]         int32, with tree_mask: first query token of a run
    tree_mask   [T, width]         bool, row t: which of its run's queries token t sees
    positions   [T]                int32, with tree_mask and a window: positions of the query tokens

    The arguments are taken to be checked; only what belongs to the kernel is refused here.
    """
    plan, tiling = work.plan, work.plan.tiling
    num_heads, head_dim = q.shape[1:]
    group = num_heads // kv.num_kv_heads
    check_dtype("q", q, FLOATS)
    assert plan.tile_tokens * group <= tiling.block_m, "a tile of the plan does not fit into the kernel's"
    assert work.states.shape[1:] == q.shape[1:], "a work list for other heads"
    k, v, reads_bits = readable(kv)
    # one token on its own positions sees exactly the keys of its item
    sight = Sight.WHOLE if plan.sight == Sight.CAUSAL and plan.tile_tokens == 1 else plan.sight
    has_window = plan.window > 0 and sight != Sight.WHOLE
    require(not (sight == Sight.TREE and tree_mask is None), "a work list of trees needs tree_mask")
    require(sight != Sight.TREE or not has_window or positions is not None, "a tree with a window needs positions")
    k_scale, v_scale = kv.k_scale, kv.v_scale
    factor, cap = rule.scale * math.log2(math.e), 0.0
    if rule.softcap is not None:
        factor, cap = 2 * factor / rule.softcap, rule.softcap * math.log2(math.e)
    attend_kernel[(plan.max_items * kv.num_kv_heads,)](
        q, k, v, k_scale, v_scale, out, lse, work.states, work.state_lses,
        work.items, page_table, None if plan.keeps_states else sinks,
        begins if sight == Sight.TREE else None,
        None if tree_mask is None else tree_mask.view(torch.uint8),
        positions if has_window else None,
        q.stride(0), q.stride(1), k.stride(0), k.stride(1),
        0 if k_scale is None else k_scale.stride(0), 0 if k_scale is None else k_scale.stride(1),
        out.stride(0), out.stride(1), page_table.stride(0), 0 if tree_mask is None else tree_mask.stride(0),
        kv.num_kv_heads, factor, cap, plan.window,
        GROUP=group, HEAD_DIM=head_dim, PAGE_SIZE=kv.page_size, SIGHT=int(sight), HAS_WINDOW=has_window,
        HAS_SOFTCAP=rule.softcap is not None, READS_BITS=reads_bits,
        BLOCK_M=tiling.block_m, BLOCK_N=tiling.block_n, BLOCK_D=triton.next_power_of_2(head_dim),
        num_warps=tiling.num_warps, num_stages=tiling.num_stages, maxnreg=tiling.max_registers,
    )  # fmt: skip
    if plan.max_merges:
        merge_ranges(
            work.states, work.state_lses, work.merges, work.num_merges,
            max_states=cdiv(plan.max_states, plan.max_merges), sinks=sinks, out=out, lse=lse,
        )  # fmt: skip


def readable(kv: PagedKV) -> tuple[Tensor, Tensor, bool]:
    """K and V as the kernel reads them: e4m3 as bytes where the hardware has no such type."""
    if kv.k.dtype != torch.float8_e4m3fn:
        return kv.k, kv.v, False
    if kv.k.is_cuda and capability(kv.k.device) >= NATIVE_E4M3:
        return kv.k, kv.v, False
    return kv.k.view(torch.uint8), kv.v.view(torch.uint8), True


@triton.jit
def widened(x, dtype: tl.constexpr, READS_BITS: tl.constexpr):
    """Codes of a cache as numbers of the queries' type; exact for e4m3, whose NaN a cache never holds."""
    if READS_BITS:
        # sign, 4 + 3 bits -> sign, 5 + 10 bits: e4m3 is fp16 with an exponent less by 8
        bits = x.to(tl.uint16)
        half = (((bits & 0x80) << 8) | ((bits & 0x7F) << 7)).to(tl.float16, bitcast=True)
        return (half * 256.0).to(dtype)
    else:
        return x.to(dtype)


@triton.jit
def pages_of(pages_ptr, first, key_end, PAGE_SIZE: tl.constexpr, BLOCK_N: tl.constexpr):
    """The page of each of the keys [first, first + BLOCK_N); 0 past the end."""
    keys = first + tl.arange(0, BLOCK_N)
    return tl.load(pages_ptr + keys // PAGE_SIZE, mask=keys < key_end, other=0)


@triton.jit
def absorb(
    acc, peak, total, q, page, first, key_end,
    k_ptr, v_ptr, k_scale_ptr, v_scale_ptr, kv_stride, scale_stride,
    row_last, row_first, tree_ptr, tree_at, is_row, prefix, factor, cap,
    HEAD_DIM: tl.constexpr, PAGE_SIZE: tl.constexpr, SIGHT: tl.constexpr, HAS_WINDOW: tl.constexpr,
    HAS_SOFTCAP: tl.constexpr, READS_BITS: tl.constexpr, IS_MASKED: tl.constexpr,
    BLOCK_N: tl.constexpr, BLOCK_D: tl.constexpr,
):  # fmt: skip
    """The online softmax over keys [first, first + BLOCK_N) in `page`, those below key_end where IS_MASKED."""
    keys = first + tl.arange(0, BLOCK_N)
    dims = tl.arange(0, BLOCK_D)
    is_key = keys < key_end
    # int64: slots x heads x head_dim passes 2**31
    slots = page.to(tl.int64) * PAGE_SIZE + keys % PAGE_SIZE
    at = slots[:, None] * kv_stride + dims[None, :]
    if IS_MASKED:
        kv_mask = is_key[:, None] & (dims < HEAD_DIM)[None, :]
        k = tl.load(k_ptr + at, mask=kv_mask, other=0.0)
    elif HEAD_DIM < BLOCK_D:
        k = tl.load(k_ptr + at, mask=(dims < HEAD_DIM)[None, :], other=0.0)
    else:
        k = tl.load(k_ptr + at)
    logits = tl.dot(q, tl.trans(widened(k, q.dtype, READS_BITS)), input_precision="ieee")
    if k_scale_ptr is not None:
        logits *= tl.load(k_scale_ptr + slots * scale_stride, mask=is_key, other=0.0)[None, :]
    if HAS_SOFTCAP:  # cap * tanh(x) with tanh(x) = 1 - 2 / (e^2x + 1)
        logits = cap - 2.0 * cap / (tl.exp2(logits * factor) + 1.0)
        slope = 1.0
    else:
        slope = factor
    if IS_MASKED:
        is_seen = is_key[None, :]
        if SIGHT == 1:
            is_seen = is_seen & (keys[None, :] <= row_last[:, None])
        if HAS_WINDOW:
            is_seen = is_seen & ((keys[None, :] >= row_first[:, None]) | ((SIGHT == 2) & (keys >= prefix)[None, :]))
        if SIGHT == 2:
            is_own = is_key & (keys >= prefix)
            own_at = tree_at[:, None] + (keys - prefix)[None, :]
            own = tl.load(tree_ptr + own_at, mask=is_row[:, None] & is_own[None, :], other=0)
            is_seen = is_seen & ((keys < prefix)[None, :] | (own != 0))
        logits = tl.where(is_seen, logits, float("-inf"))
    new_peak = tl.maximum(peak, tl.max(logits, 1) * slope)
    if IS_MASKED:  # a row that has seen nothing yet: (-inf) - (-inf) is not a number
        origin = tl.where(new_peak > float("-inf"), new_peak, 0.0)
    else:
        origin = new_peak
    weights = tl.exp2(logits * slope - origin[:, None])
    kept = tl.exp2(peak - origin)
    total = total * kept + tl.sum(weights, 1)
    acc = acc * kept[:, None]
    if v_scale_ptr is not None:
        weights *= tl.load(v_scale_ptr + slots * scale_stride, mask=is_key, other=0.0)[None, :]
    if IS_MASKED:
        v = tl.load(v_ptr + at, mask=kv_mask, other=0.0)
    elif HEAD_DIM < BLOCK_D:
        v = tl.load(v_ptr + at, mask=(dims < HEAD_DIM)[None, :], other=0.0)
    else:
        v = tl.load(v_ptr + at)
    acc = tl.dot(weights.to(q.dtype), widened(v, q.dtype, READS_BITS), acc, input_precision="ieee")
    return acc, new_peak, total


@triton.jit
def attend_kernel(
    q_ptr, k_ptr, v_ptr, k_scale_ptr, v_scale_ptr, out_ptr, lse_ptr, states_ptr, state_lses_ptr,
    items_ptr, page_table_ptr, sinks_ptr, begins_ptr, tree_ptr, positions_ptr,
    q_token_stride, q_head_stride, kv_stride, kv_head_stride, scale_stride, scale_head_stride,
    out_token_stride, out_head_stride, page_table_stride, tree_stride,
    num_kv_heads, factor, cap, window,
    GROUP: tl.constexpr, HEAD_DIM: tl.constexpr, PAGE_SIZE: tl.constexpr, SIGHT: tl.constexpr,
    HAS_WINDOW: tl.constexpr, HAS_SOFTCAP: tl.constexpr, READS_BITS: tl.constexpr,
    BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_D: tl.constexpr,
):  # fmt: skip
    kv_head = tl.program_id(0) % num_kv_heads  # heads of the same keys run side by side: their slots are neighbours
    item_ptr = items_ptr + (tl.program_id(0) // num_kv_heads) * 8
    count = tl.load(item_ptr + 2)
    if count == 0:
        return
    run = tl.load(item_ptr)
    first_token = tl.load(item_ptr + 1)
    key_begin = tl.load(item_ptr + 3)
    key_end = tl.load(item_ptr + 4)
    position = tl.load(item_ptr + 5)
    state = tl.load(item_ptr + 6)
    splits = tl.load(item_ptr + 7)

    rows = tl.arange(0, BLOCK_M)
    local = rows // GROUP
    is_row = local < count
    tokens = (first_token + local).to(tl.int64)
    heads = kv_head * GROUP + rows % GROUP
    dims = tl.arange(0, BLOCK_D)
    row_mask = is_row[:, None] & (dims < HEAD_DIM)[None, :]
    q_at = tokens[:, None] * q_token_stride + heads[:, None] * q_head_stride + dims[None, :]
    q = tl.load(q_ptr + q_at, mask=row_mask, other=0.0)
    k_ptr += kv_head * kv_head_stride
    v_ptr += kv_head * kv_head_stride
    if k_scale_ptr is not None:
        k_scale_ptr += kv_head * scale_head_stride
        v_scale_ptr += kv_head * scale_head_stride
    pages_ptr = page_table_ptr + run * page_table_stride

    # [key_begin, full_begin)  masked by the window
    # [full_begin, full_end)   seen by every row, a multiple of BLOCK_N
    # [full_end, key_end)      masked by causality, the tree and the end
    row_last = position + local
    row_first = row_last - window + 1
    prefix = key_end
    tree_at = local * tree_stride
    if SIGHT == 2:
        prefix = position - (first_token - tl.load(begins_ptr + run))
        tree_ptr += first_token.to(tl.int64) * tree_stride
        if HAS_WINDOW:
            row_first = tl.load(positions_ptr + tokens, mask=is_row, other=0) - window + 1
    full_begin = key_begin
    full_end = key_end
    if SIGHT == 1:
        full_end = tl.minimum(key_end, position + 1)
    if SIGHT == 2:
        full_end = tl.minimum(key_end, prefix)
    if HAS_WINDOW:
        if SIGHT == 1:
            full_from = position + count - window
        else:
            full_from = tl.max(tl.where(is_row, row_first, 0), 0)
        skipped = tl.cdiv(tl.maximum(full_from - key_begin, 0), BLOCK_N) * BLOCK_N
        full_begin = tl.minimum(key_begin + skipped, key_end)
    full_end = full_begin + tl.maximum(full_end - full_begin, 0) // BLOCK_N * BLOCK_N

    acc = tl.zeros([BLOCK_M, BLOCK_D], tl.float32)
    peak = tl.full([BLOCK_M], float("-inf"), tl.float32)
    total = tl.zeros([BLOCK_M], tl.float32)
    if HAS_WINDOW:
        for first in tl.range(key_begin, full_begin, BLOCK_N, num_stages=1):
            page = pages_of(pages_ptr, first, key_end, PAGE_SIZE, BLOCK_N)
            acc, peak, total = absorb(
                acc, peak, total, q, page, first, key_end,
                k_ptr, v_ptr, k_scale_ptr, v_scale_ptr, kv_stride, scale_stride,
                row_last, row_first, tree_ptr, tree_at, is_row, prefix, factor, cap,
                HEAD_DIM, PAGE_SIZE, SIGHT, HAS_WINDOW, HAS_SOFTCAP, READS_BITS, True, BLOCK_N, BLOCK_D,
            )  # fmt: skip
    # the pages of a step are read a step ahead: were they read in it, they would take half of the pipeline's stages
    page = pages_of(pages_ptr, full_begin, key_end, PAGE_SIZE, BLOCK_N)
    for first in tl.range(full_begin, full_end, BLOCK_N):
        next_page = pages_of(pages_ptr, first + BLOCK_N, key_end, PAGE_SIZE, BLOCK_N)
        acc, peak, total = absorb(
            acc, peak, total, q, page, first, key_end,
            k_ptr, v_ptr, k_scale_ptr, v_scale_ptr, kv_stride, scale_stride,
            row_last, row_first, tree_ptr, tree_at, is_row, prefix, factor, cap,
            HEAD_DIM, PAGE_SIZE, SIGHT, HAS_WINDOW, HAS_SOFTCAP, READS_BITS, False, BLOCK_N, BLOCK_D,
        )  # fmt: skip
        page = next_page
    for first in tl.range(full_end, key_end, BLOCK_N, num_stages=1):
        page = pages_of(pages_ptr, first, key_end, PAGE_SIZE, BLOCK_N)
        acc, peak, total = absorb(
            acc, peak, total, q, page, first, key_end,
            k_ptr, v_ptr, k_scale_ptr, v_scale_ptr, kv_stride, scale_stride,
            row_last, row_first, tree_ptr, tree_at, is_row, prefix, factor, cap,
            HEAD_DIM, PAGE_SIZE, SIGHT, HAS_WINDOW, HAS_SOFTCAP, READS_BITS, True, BLOCK_N, BLOCK_D,
        )  # fmt: skip

    num_heads = num_kv_heads * GROUP
    if state >= 0:
        is_empty = total == 0.0
        divisor = tl.where(is_empty, 1.0, total)
        state_at = (state + local.to(tl.int64) * splits) * num_heads + heads
        tl.store(
            states_ptr + state_at[:, None] * HEAD_DIM + dims[None, :], acc * (1.0 / divisor)[:, None], mask=row_mask
        )
        lse = tl.where(is_empty, float("-inf"), (peak + tl.log2(divisor)) * LN_2)
        tl.store(state_lses_ptr + state_at, lse, mask=is_row)
    else:
        if sinks_ptr is not None:  # one more term of the sum, with no value
            sink = tl.load(sinks_ptr + heads, mask=is_row, other=0.0).to(tl.float32) * LOG2_E
            origin = tl.maximum(peak, sink)
            kept = tl.exp2(peak - origin)
            total = total * kept + tl.exp2(sink - origin)
            acc = acc * kept[:, None]
            peak = origin
        is_empty = total == 0.0
        divisor = tl.where(is_empty, 1.0, total)
        out_at = tokens[:, None] * out_token_stride + heads[:, None] * out_head_stride + dims[None, :]
        tl.store(out_ptr + out_at, (acc * (1.0 / divisor)[:, None]).to(out_ptr.dtype.element_ty), mask=row_mask)
        if lse_ptr is not None:
            lse = tl.where(is_empty, float("-inf"), (peak + tl.log2(divisor)) * LN_2)
            tl.store(lse_ptr + tokens * num_heads + heads, lse, mask=is_row)
