"""The work list of a step: which tile of queries meets which stretch of keys, decided on the device.

A *run* is a row of a page table with the query tokens that attend to it: a sequence, whose last tokens are the queries,
or a segment of a prefix tree, which all its queries see whole. A run's queries are cut into tiles of `tile_tokens`,
its keys into splits; one tile on one split is an *item*, which one program per KV head computes. So that all programs
are about as long, whatever the lengths are, keys are cut into chunks of

    chunk = max(min_chunk, sum over runs of tiles * keys / target_items)

The sum is taken on the device, so no number waits for the host, and one plan serves every batch within its bounds:
the lists have fixed sizes and programs past their end stop at once, which is what a CUDA graph needs. With chunks like
these at most target_items items are beyond the tiles themselves, and that bounds all buffers. One list serves all
layers of a step whose rule has the same window.

A tile with several splits leaves *states* (fp32 partial results, see merge.py); those of one query token lie next to
each other. `merges` says which tokens have some: (token, first state, number of states).

Split counts from total work follow FlashInfer's plan (Ye et al., 2025), here computed by a kernel.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import torch
import triton
import triton.language as tl
from torch import Tensor

from lmc.kernels.checks import check_dtype, check_same_device, check_shape, require
from lmc.kernels.placement import runs_kernel

ITEM_FIELDS = 8  # run, first token, tokens, first key, past the last key, position of the first token, state, splits
MAX_RUNS = 4096
SCHEDULE_ELEMENTS = 4096  # of items x runs compared by a program


class Sight(IntEnum):
    """What a query sees of its run."""

    WHOLE = 0  # every key
    CAUSAL = 1  # keys at its own position and before; the run's queries are its last tokens
    TREE = 2  # keys before the run's queries; a mask says which of the queries


@dataclass(frozen=True, slots=True)
class Tiling:
    """Sizes of a program: rows of its tile (tokens x heads of one KV head), keys of a step, and how it is compiled."""

    block_m: int
    block_n: int
    num_warps: int
    num_stages: int
    max_registers: int | None = None


@dataclass(frozen=True, slots=True)
class WorkPlan:
    """All that is fixed before a step, from shapes and bounds alone.

    tile_tokens   query tokens of a tile
    min_chunk     keys of a split, at least (unless a run has fewer)
    fixed_chunk   keys of a split, exactly, so that a result does not depend on the batch around it; or 0
    keeps_states  every item leaves states, also of unsplit tiles, and none is merged here (cascade)
    """

    sight: Sight
    num_runs: int
    tiling: Tiling
    tile_tokens: int
    target_items: int
    min_chunk: int
    fixed_chunk: int
    window: int
    keeps_states: bool
    max_items: int
    max_merges: int
    max_states: int


@dataclass(frozen=True, slots=True)
class WorkList:
    """A plan's buffers on a device, filled anew by `fill` for every step.

    items        [max_items, 8]         int32, see ITEM_FIELDS; items past the end have 0 tokens
    merges       [max_merges, 3]        int32: token, first state, number of states
    num_merges   [1]                    int32
    run_states   [num_runs, 2]          int32: a run's first state, and states of each of its tokens
    states       [max_states, H, D]     fp32
    state_lses   [max_states, H]        fp32
    """

    plan: WorkPlan
    items: Tensor
    merges: Tensor
    num_merges: Tensor
    run_states: Tensor
    states: Tensor
    state_lses: Tensor


def plan_work(
    *,
    sight: Sight,
    num_runs: int,
    max_tokens: int,
    max_run_tokens: int,
    max_keys: int,
    tiling: Tiling,
    tile_tokens: int,
    target_items: int,
    min_chunk: int = 256,
    fixed_chunk: int = 0,
    window: int | None = None,
    keeps_states: bool = False,
) -> WorkPlan:
    """Bounds of every list.

    max_tokens      query tokens of all runs together
    max_run_tokens  query tokens of one run
    max_keys        keys of one run
    target_items    items wanted, about: programs that fill the device / KV heads

    Raises KernelError where there are no runs or more than 4096.
    """
    require(0 < num_runs <= MAX_RUNS, f"{num_runs} runs; a work list has 1 to {MAX_RUNS}")
    require(window is None or sight != Sight.WHOLE, "a run that is seen whole has no window")
    max_tiles = min(num_runs * cdiv(max_run_tokens, tile_tokens), max_tokens // tile_tokens + num_runs)
    seen_together = max_run_tokens if sight == Sight.TREE else tile_tokens
    extent = max_keys if window is None else min(max_keys, window - 1 + seen_together)
    max_splits = max(1, cdiv(extent, fixed_chunk or min_chunk))
    if fixed_chunk:
        max_items, max_merges = max_tiles * max_splits, max_tokens
        max_states = max_tokens * max_splits
    else:
        max_items = min(max_tiles * max_splits, max_tiles + target_items)
        max_merges = min(max_tokens, target_items * tile_tokens)
        # tiles of several splits: at most twice the target, since ceil(x) < 2 x for x > 1
        max_states = min(max_tokens * max_splits, 2 * target_items * tile_tokens)
    if max_splits == 1:
        max_merges = max_states = 0
    if keeps_states:
        max_merges, max_states = 0, max_states + max_tokens
    return WorkPlan(
        sight, num_runs, tiling, tile_tokens, target_items, min_chunk, fixed_chunk, window or 0, keeps_states,
        max_items, max_merges, max_states,
    )  # fmt: skip


def cdiv(a: int, b: int) -> int:
    return -(-a // b)


def new_work_list(plan: WorkPlan, num_heads: int, head_dim: int, device: torch.device) -> WorkList:
    """Buffers for a plan; the states of one list may be reused by all layers."""

    def zeros(*sizes: int, dtype: torch.dtype = torch.int32) -> Tensor:
        return torch.zeros(sizes, dtype=dtype, device=device)

    return WorkList(
        plan=plan,
        items=zeros(plan.max_items, ITEM_FIELDS),
        merges=zeros(plan.max_merges, 3),
        num_merges=zeros(1),
        run_states=zeros(plan.num_runs, 2),
        states=zeros(plan.max_states, num_heads, head_dim, dtype=torch.float32),
        state_lses=zeros(plan.max_states, num_heads, dtype=torch.float32),
    )


def fill(work: WorkList, begins: Tensor | None, ends: Tensor | None, lengths: Tensor) -> None:
    """Write the lists of one step.

    begins, ends  [num_runs]  int32: a run's query tokens are [begins[r], ends[r]); None where run r has token r alone
    lengths       [num_runs]  int32: its keys, the queries' own among them unless it is seen whole

    The bounds of the plan must hold for the values; that is not checked here, since they are on the device.
    Raises KernelError where shapes or types do not fit.
    """
    for name, tensor in (("begins", begins), ("ends", ends), ("lengths", lengths)):
        if tensor is not None:
            check_shape(name, tensor, work.plan.num_runs)
            check_dtype(name, tensor, (torch.int32,))
            require(tensor.is_contiguous(), f"{name} is not contiguous")
    require((begins is None) == (ends is None), "begins and ends are given together")
    check_same_device(items=work.items, begins=begins, ends=ends, lengths=lengths)
    if not runs_kernel(work.items):
        return fill_reference(work, begins, ends, lengths)
    plan = work.plan
    block_r = triton.next_power_of_2(plan.num_runs)
    block_i = max(1, min(SCHEDULE_ELEMENTS // block_r, triton.next_power_of_2(plan.max_items)))
    schedule_kernel[(triton.cdiv(plan.max_items, block_i),)](
        work.items, work.merges, work.num_merges, work.run_states, begins, ends, lengths,
        plan.num_runs, plan.max_items, plan.target_items, plan.min_chunk, plan.fixed_chunk, plan.window,
        SIGHT=int(plan.sight), KEEPS_STATES=plan.keeps_states, HAS_MERGES=plan.max_merges > 0,
        TILE_TOKENS=plan.tile_tokens, BLOCK_N=plan.tiling.block_n,
        BLOCK_R=block_r, BLOCK_I=block_i, BLOCK_T=triton.next_power_of_2(plan.tile_tokens),
        num_warps=16 if block_r > 1024 else 8,
    )  # fmt: skip


@triton.jit
def below(cumulative, values, index):
    """Sum of `values` of the runs that end at or before each index; `cumulative` grows, [runs]; index, [items]."""
    return tl.sum(tl.where(cumulative[None, :] <= index[:, None], values[None, :], 0), 1)


@triton.jit
def schedule_kernel(
    items_ptr, merges_ptr, num_merges_ptr, run_states_ptr, begins_ptr, ends_ptr, lengths_ptr,
    num_runs, max_items, target_items, min_chunk, fixed_chunk, window,
    SIGHT: tl.constexpr, KEEPS_STATES: tl.constexpr, HAS_MERGES: tl.constexpr,
    TILE_TOKENS: tl.constexpr, BLOCK_N: tl.constexpr,
    BLOCK_R: tl.constexpr, BLOCK_I: tl.constexpr, BLOCK_T: tl.constexpr,
):  # fmt: skip
    # every program looks at all runs, and writes BLOCK_I items
    runs = tl.arange(0, BLOCK_R)
    is_run = runs < num_runs
    if begins_ptr is None:
        begins = runs
        tokens = is_run.to(tl.int32)
    else:
        begins = tl.load(begins_ptr + runs, mask=is_run, other=0)
        tokens = tl.load(ends_ptr + runs, mask=is_run, other=0) - begins
    lengths = tl.load(lengths_ptr + runs, mask=is_run, other=0)
    tiles = tl.cdiv(tokens, TILE_TOKENS)
    extents = lengths
    if window > 0:
        if SIGHT == 2:
            extents = tl.minimum(lengths, window - 1 + tokens)
        else:
            extents = tl.minimum(lengths, window - 1 + TILE_TOKENS)
    work = tl.sum(tiles.to(tl.int64) * extents, 0)
    chunk = tl.maximum(tl.cdiv(work, target_items), min_chunk)
    if fixed_chunk > 0:
        chunk = tl.zeros_like(chunk) + fixed_chunk
    splits = tl.maximum(tl.cdiv(extents, chunk.to(tl.int32)), 1)
    is_split = splits > 1
    items_end = tl.cumsum(tiles * splits, 0)
    states = tl.where(is_split | KEEPS_STATES, tokens * splits, 0)
    merges = tl.where(is_split, tokens, 0)
    if tl.program_id(0) == 0:
        tl.store(num_merges_ptr, tl.sum(merges, 0))
        first_states = tl.cumsum(states, 0) - states
        tl.store(run_states_ptr + runs * 2, first_states, mask=is_run)
        tl.store(run_states_ptr + runs * 2 + 1, splits, mask=is_run)

    item = tl.program_id(0) * BLOCK_I + tl.arange(0, BLOCK_I)
    run = below(items_end, tl.full([BLOCK_R], 1, tl.int32), item)
    is_item = run < num_runs
    state_begin = below(items_end, states, item)
    merge_begin = below(items_end, merges, item)
    local = item - below(items_end, tiles * splits, item)
    here = tl.where(is_item[:, None] & (run[:, None] == runs[None, :]), 1, 0)
    run_begin = tl.sum(here * begins[None, :], 1)
    run_tokens = tl.sum(here * tokens[None, :], 1)
    run_length = tl.sum(here * lengths[None, :], 1)
    run_splits = tl.maximum(tl.sum(here * splits[None, :], 1), 1)

    # the last tiles of a run see most, so they start first
    tile = tl.cdiv(run_tokens, TILE_TOKENS) - 1 - local // run_splits
    split = local % run_splits
    offset = tile * TILE_TOKENS
    count = tl.where(is_item, tl.minimum(run_tokens - offset, TILE_TOKENS), 0)
    prefix = run_length - run_tokens
    if SIGHT == 0:
        position = run_length
    else:
        position = prefix + offset
    if SIGHT == 1:
        key_end = position + count
    else:
        key_end = run_length
    key_begin = tl.zeros_like(key_end)
    if window > 0:
        if SIGHT == 1:
            key_begin = tl.maximum(position - window + 1, 0)
        if SIGHT == 2:
            key_begin = tl.maximum(prefix - window + 1, 0)
    step = tl.cdiv(tl.cdiv(key_end - key_begin, run_splits), BLOCK_N) * BLOCK_N
    key_begin = tl.minimum(key_begin + split * step, key_end)
    key_end = tl.minimum(key_begin + step, key_end)
    has_states = (run_splits > 1) | KEEPS_STATES
    state = tl.where(has_states, state_begin + offset * run_splits + split, -1)

    at = items_ptr + item * 8
    inside = item < max_items
    tl.store(at, run, mask=inside)
    tl.store(at + 1, run_begin + offset, mask=inside)
    tl.store(at + 2, count, mask=inside)
    tl.store(at + 3, key_begin, mask=inside)
    tl.store(at + 4, key_end, mask=inside)
    tl.store(at + 5, position, mask=inside)
    tl.store(at + 6, state, mask=inside)
    tl.store(at + 7, run_splits, mask=inside)
    if HAS_MERGES:  # by the item of a tile's first split, for each of its tokens
        token = tl.arange(0, BLOCK_T)[None, :]
        is_merge = (token < count[:, None]) & (is_item & (split == 0) & (run_splits > 1) & inside)[:, None]
        row = merges_ptr + (merge_begin + offset)[:, None] * 3 + token * 3
        tl.store(row, (run_begin + offset)[:, None] + token, mask=is_merge)
        tl.store(row + 1, state[:, None] + token * run_splits[:, None], mask=is_merge)
        tl.store(row + 2, run_splits[:, None] + tl.zeros_like(token), mask=is_merge)


def fill_reference(work: WorkList, begins: Tensor | None, ends: Tensor | None, lengths: Tensor) -> None:
    """What `fill` writes to a work list, in Python, one run after another."""
    plan = work.plan
    firsts = range(plan.num_runs) if begins is None else begins.tolist()
    pasts = range(1, plan.num_runs + 1) if ends is None else ends.tolist()
    runs = list(zip(firsts, pasts, lengths.tolist()))
    extents = [reach(plan, end - begin, length) for begin, end, length in runs]
    total = sum(cdiv(end - begin, plan.tile_tokens) * extent for (begin, end, _), extent in zip(runs, extents))
    chunk = plan.fixed_chunk or max(plan.min_chunk, cdiv(total, plan.target_items))
    items: list[list[int]] = []
    merges: list[list[int]] = []
    num_states = 0
    for run, ((begin, end, length), extent) in enumerate(zip(runs, extents)):
        splits = max(1, cdiv(extent, chunk))
        has_states = splits > 1 or plan.keeps_states
        work.run_states[run] = torch.tensor([num_states, splits])
        for offset in reversed(range(0, end - begin, plan.tile_tokens)):
            count = min(plan.tile_tokens, end - begin - offset)
            position = length if plan.sight == Sight.WHOLE else length - (end - begin) + offset
            first = num_states + offset * splits if has_states else -1
            spans = key_spans(plan, length, end - begin, position, count, splits)
            for split, (low, high) in enumerate(spans):
                state = first + split if has_states else -1
                items.append([run, begin + offset, count, low, high, position, state, splits])
        if splits > 1:
            merges += [[begin + i, num_states + i * splits, splits] for i in range(end - begin)]
        num_states += (end - begin) * splits if has_states else 0
    work.items.zero_()[: len(items)] = torch.tensor(items, dtype=torch.int32).view(-1, ITEM_FIELDS)
    if plan.max_merges:
        work.merges[: len(merges)] = torch.tensor(merges, dtype=torch.int32).view(-1, 3)
    work.num_merges.fill_(len(merges))


def reach(plan: WorkPlan, tokens: int, length: int) -> int:
    """Keys that one tile of a run sees, at most."""
    if not plan.window:
        return length
    return min(length, plan.window - 1 + (tokens if plan.sight == Sight.TREE else plan.tile_tokens))


def key_spans(
    plan: WorkPlan, length: int, tokens: int, position: int, count: int, splits: int
) -> list[tuple[int, int]]:
    """The keys of each split of one tile."""
    low, high = 0, position + count if plan.sight == Sight.CAUSAL else length
    if plan.window and plan.sight != Sight.WHOLE:
        low = max(0, (position if plan.sight == Sight.CAUSAL else length - tokens) - plan.window + 1)
    step = cdiv(cdiv(high - low, splits), plan.tiling.block_n) * plan.tiling.block_n
    begins = [min(high, low + i * step) for i in range(splits)]
    return [(begin, min(high, begin + step)) for begin in begins]
