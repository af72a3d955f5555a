"""Cascade attention: a prefix tree's segments are read once for all queries beneath them, not once for each.

A batch whose sequences stand in the order of the tree has, for every segment, its queries side by side:

    system prompt        [tokens 0 .................................. 64)      segment 0
      document A         [tokens 0 ........... 40)                             segment 1
      document B                                   [40 .............. 64)      segment 2
        own keys         [0)[1)[2) ...                                 63)     one stretch for each sequence

A segment's queries see all its keys, so it is attended to in tiles of queries from different sequences, as large as
a prefill's; each sequence's own keys (those of the tokens after its last segment, its new ones among them) are attended
to as in extend. Both leave states (fp32, natural-log lse) in one buffer, and one merge sums up all levels and splits
of a token. Three launches, whatever the depth. A tile's keys are read from memory once; where a segment has more
queries than a tile, its tiles run side by side and share the reads through the cache.

Ye et al., "Cascade Inference", 2024; Juravsky et al., "Hydragen", 2024.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
import triton
import triton.language as tl
from torch import Tensor

from lmc.kernels.attend import attend, capability, min_chunk, target_items, tiling_for
from lmc.kernels.checks import check_dtype, check_same_device, check_shape, require
from lmc.kernels.extend import check_tree, plan_extend, sight
from lmc.kernels.merge import merge_ranges, merge_states_reference
from lmc.kernels.paged import PagedKV, Rule, accumulator, attend_reference, check_queries, result_buffers
from lmc.kernels.placement import num_sms, runs_kernel
from lmc.kernels.worklist import MAX_RUNS, Sight, WorkList, WorkPlan, cdiv, fill, new_work_list, plan_work

MIN_SHARERS = 2
MIN_SEGMENT = 256  # keys: below, the states cost as much as the keys


@dataclass(frozen=True, slots=True)
class Segments:
    """Stretches of keys that neighbouring queries share; one row each.

    page_table    [G, pages]  int32
    lengths       [G]         int32: keys; 0 for a row that is not in use
    begins, ends  [G]         int32: the queries [begins[g], ends[g]) of the batch see all keys of segment g
    """

    page_table: Tensor
    lengths: Tensor
    begins: Tensor
    ends: Tensor


@dataclass(frozen=True, slots=True)
class CascadePlan:
    """Bounds of both lists and of the depth.

    max_depth  segments above one token, at most
    """

    shared: WorkPlan
    own: WorkPlan
    max_tokens: int
    max_depth: int


@dataclass(frozen=True, slots=True)
class CascadeWork:
    """Buffers of a plan; `fill_cascade` makes them a step's.

    states, state_lses   of both lists: shared first, own behind
    ranges               [max_tokens, 1 + 2 (max_depth + 1)]  int32: where each token's states are
    num_ranges           [1]                                  int32
    """

    plan: CascadePlan
    shared: WorkList
    own: WorkList
    states: Tensor
    state_lses: Tensor
    ranges: Tensor
    num_ranges: Tensor


def pays(sharers: int, length: int) -> bool:
    """Whether a segment of `length` keys under `sharers` sequences is worth a row of its own."""
    return sharers >= MIN_SHARERS and length >= MIN_SEGMENT


def cascade_attention(
    q: Tensor,
    kv: PagedKV,
    segments: Segments,
    page_table: Tensor,
    query_starts: Tensor,
    lengths: Tensor,
    *,
    rule: Rule,
    max_depth: int,
    max_query_len: int | None = None,
    sinks: Tensor | None = None,
    tree_mask: Tensor | None = None,
    work: CascadeWork | None = None,
    out: Tensor | None = None,
    lse: Tensor | None = None,
) -> Tensor:
    """Attend with the new tokens of each sequence to the segments above them and to the sequence's own keys.

    q             [T, H, D]       as in extend_attention, sequences in the order of the tree
    kv                            K and V of the layer, see PagedKV
    segments                      every key that is not a sequence's own; those above a token are disjoint
    page_table    [B, pages]      int32: pages of own keys
    query_starts  [B + 1]         int32
    lengths       [B]             int32: own keys, the new tokens' among them, so at least as many
    max_depth                     segments above one token, at most; more would not be seen
    tree_mask     [T, width]      bool, as in extend_attention
    work                          the step's lists, filled (cascade_work); made for this call where None
    out           [T, H, D]       dtype of q; rows past query_starts[B] hold nothing of use
    lse           [T, H]          fp32, natural logarithm, the sinks among its terms; written where given
    returns       out

    Raises KernelError where shapes, types or strides do not fit, and for a rule with a window: windows are short,
    and most of a segment would lie outside; use extend_attention there.
    """
    require(rule.window is None, "segments are seen whole; a rule with a window cannot be", help="use extend_attention")
    check_queries(q, kv, page_table, sinks, query_starts=query_starts, lengths=lengths)
    check_segments(segments, q)
    check_shape("page_table", page_table, lengths.shape[0], None)
    check_shape("query_starts", query_starts, lengths.shape[0] + 1)
    check_tree(q, tree_mask, None, rule)
    out, lse = result_buffers(q, out, lse)
    if not runs_kernel(q):
        return cascade_attention_reference(
            q, kv, segments, page_table, query_starts, lengths,
            rule=rule, max_depth=max_depth, sinks=sinks, tree_mask=tree_mask, out=out, lse=lse,
        )  # fmt: skip
    if q.shape[0] == 0 or lengths.shape[0] == 0:
        return out
    if work is None:
        work = cascade_work(
            q, kv, segments, lengths.shape[0], page_table.shape[1] * kv.page_size,
            max_depth=max_depth, max_query_len=max_query_len, is_tree=tree_mask is not None,
        )  # fmt: skip
        fill_cascade(work, segments, query_starts, lengths)
    attend(q, kv, segments.page_table, work.shared, rule=rule, out=out)
    attend(q, kv, page_table, work.own, rule=rule, out=out, begins=query_starts, tree_mask=tree_mask)
    most = cdiv(work.plan.shared.max_states, work.plan.shared.num_runs)
    merge_ranges(
        work.states, work.state_lses, work.ranges, work.num_ranges,
        max_states=min(16, most), sinks=sinks, out=out, lse=lse,
    )  # fmt: skip
    return out


def check_segments(segments: Segments, q: Tensor) -> None:
    """Refuse segments that the kernels cannot read."""
    count = segments.lengths.shape[0]
    require(0 < count <= MAX_RUNS, f"{count} segments; there are 1 to {MAX_RUNS}")
    check_shape("segments.page_table", segments.page_table, count, None)
    for name in ("page_table", "lengths", "begins", "ends"):
        tensor = getattr(segments, name)
        check_dtype(f"segments.{name}", tensor, (torch.int32,))
        check_same_device(q=q, **{f"segments.{name}": tensor})
        if name != "page_table":
            check_shape(f"segments.{name}", tensor, count)


def cascade_work(
    q: Tensor,
    kv: PagedKV,
    segments: Segments,
    batch: int,
    max_length: int,
    *,
    max_depth: int,
    max_query_len: int | None = None,
    is_tree: bool = False,
) -> CascadeWork:
    """Empty work lists for batches like this one; fill_cascade makes them a step's."""
    plan = plan_cascade(
        batch=batch, max_tokens=q.shape[0], max_query_len=max_query_len or q.shape[0], num_heads=q.shape[1],
        num_kv_heads=kv.num_kv_heads, head_dim=kv.head_dim, max_length=max_length,
        num_segments=segments.lengths.shape[0], max_segment=segments.page_table.shape[1] * kv.page_size,
        max_depth=max_depth, dtype=q.dtype, num_sms=num_sms(q.device), capability=capability(q.device),
        is_quantised=kv.is_quantised, is_tree=is_tree,
    )  # fmt: skip
    return new_cascade_work(plan, q.shape[1], kv.head_dim, q.device)


def plan_cascade(
    *,
    batch: int,
    max_tokens: int,
    max_query_len: int,
    num_heads: int,
    num_kv_heads: int,
    head_dim: int,
    max_length: int,
    num_segments: int,
    max_segment: int,
    max_depth: int,
    dtype: torch.dtype,
    num_sms: int,
    capability: tuple[int, int],
    is_quantised: bool = False,
    is_tree: bool = False,
) -> CascadePlan:
    """Large tiles for segments, an extend's for own keys; all leave states.

    max_length   own keys of a sequence, at most
    max_segment  keys of a segment, at most
    """
    require(max_depth > 0, f"max_depth is {max_depth}; it must be above 0")
    group = num_heads // num_kv_heads
    tiling = tiling_for(
        max_tokens * group, group=group, head_dim=head_dim, itemsize=dtype.itemsize, capability=capability,
        is_quantised=is_quantised,
    )  # fmt: skip
    shared = plan_work(
        sight=Sight.WHOLE, num_runs=num_segments, max_tokens=max_tokens * max_depth, max_run_tokens=max_tokens,
        max_keys=max_segment, tiling=tiling, tile_tokens=tiling.block_m // group,
        target_items=target_items(num_sms, num_kv_heads, tiling.block_m), min_chunk=min_chunk(tiling.block_m),
        keeps_states=True,
    )  # fmt: skip
    own = plan_extend(
        batch=batch, max_tokens=max_tokens, max_query_len=max_query_len, num_heads=num_heads,
        num_kv_heads=num_kv_heads, head_dim=head_dim, max_length=max_length, dtype=dtype, num_sms=num_sms,
        capability=capability, is_quantised=is_quantised, is_tree=is_tree, keeps_states=True,
    )  # fmt: skip
    return CascadePlan(shared, own, max_tokens, max_depth)


def new_cascade_work(plan: CascadePlan, num_heads: int, head_dim: int, device: torch.device) -> CascadeWork:
    """Buffers of a plan on a device."""
    middle, total = plan.shared.max_states, plan.shared.max_states + plan.own.max_states
    states = torch.zeros(total, num_heads, head_dim, device=device)
    state_lses = torch.zeros(total, num_heads, device=device)
    lists = [new_work_list(replace(p, max_states=0), num_heads, head_dim, device) for p in (plan.shared, plan.own)]
    return CascadeWork(
        plan=plan,
        shared=replace(lists[0], plan=plan.shared, states=states[:middle], state_lses=state_lses[:middle]),
        own=replace(lists[1], plan=plan.own, states=states[middle:], state_lses=state_lses[middle:]),
        states=states,
        state_lses=state_lses,
        ranges=torch.zeros(plan.max_tokens, 3 + 2 * plan.max_depth, dtype=torch.int32, device=device),
        num_ranges=torch.full((1,), plan.max_tokens, dtype=torch.int32, device=device),
    )


def fill_cascade(work: CascadeWork, segments: Segments, query_starts: Tensor, lengths: Tensor) -> None:
    """Write the lists of one step, and where each token's states will be."""
    fill(work.shared, segments.begins, segments.ends, segments.lengths)
    fill(work.own, query_starts[:-1], query_starts[1:], lengths)
    plan = work.plan
    if not runs_kernel(q := work.states):
        raise AssertionError(f"work lists are filled where kernels run, not on {q.device}")
    ranges_kernel[(plan.max_tokens,)](
        work.ranges, segments.begins, segments.ends, work.shared.run_states, query_starts, work.own.run_states,
        plan.shared.num_runs, plan.own.num_runs, plan.shared.max_states,
        MAX_DEPTH=plan.max_depth,
        BLOCK_G=triton.next_power_of_2(plan.shared.num_runs), BLOCK_B=triton.next_power_of_2(plan.own.num_runs),
        BLOCK_L=triton.next_power_of_2(plan.max_depth),
        num_warps=1 if max(plan.shared.num_runs, plan.own.num_runs) <= 256 else 16,
    )  # fmt: skip


@triton.jit
def ranges_kernel(
    ranges_ptr, begins_ptr, ends_ptr, shared_states_ptr, query_starts_ptr, own_states_ptr,
    num_segments, num_sequences, first_own,
    MAX_DEPTH: tl.constexpr, BLOCK_G: tl.constexpr, BLOCK_B: tl.constexpr, BLOCK_L: tl.constexpr,
):  # fmt: skip
    """One token: the states of each segment above it, then those of its own keys."""
    token = tl.program_id(0)
    row = ranges_ptr + token * (3 + 2 * MAX_DEPTH)
    tl.store(row, token)

    segment = tl.arange(0, BLOCK_G)
    is_segment = segment < num_segments
    begins = tl.load(begins_ptr + segment, mask=is_segment, other=0)
    ends = tl.load(ends_ptr + segment, mask=is_segment, other=0)
    is_above = (begins <= token) & (token < ends)
    level = tl.cumsum(is_above.to(tl.int32), 0) - 1
    firsts = tl.load(shared_states_ptr + segment * 2, mask=is_above, other=0)
    splits = tl.load(shared_states_ptr + segment * 2 + 1, mask=is_above, other=0)
    is_level = is_above & (level < MAX_DEPTH)
    tl.store(row + 1 + 2 * level, firsts + (token - begins) * splits, mask=is_level)
    tl.store(row + 2 + 2 * level, splits, mask=is_level)
    unused = tl.arange(0, BLOCK_L)
    is_unused = (unused >= tl.sum(is_above.to(tl.int32), 0)) & (unused < MAX_DEPTH)
    tl.store(row + 2 + 2 * unused, tl.zeros_like(unused), mask=is_unused)

    sequence = tl.arange(0, BLOCK_B)
    is_sequence = sequence < num_sequences
    begins = tl.load(query_starts_ptr + sequence, mask=is_sequence, other=0)
    ends = tl.load(query_starts_ptr + sequence + 1, mask=is_sequence, other=0)
    is_own = (begins <= token) & (token < ends)
    firsts = tl.load(own_states_ptr + sequence * 2, mask=is_own, other=0)
    splits = tl.load(own_states_ptr + sequence * 2 + 1, mask=is_own, other=0)
    first = tl.sum(tl.where(is_own, firsts + (token - begins) * splits, 0), 0)
    tl.store(row + 1 + 2 * MAX_DEPTH, first_own + first)
    tl.store(row + 2 + 2 * MAX_DEPTH, tl.sum(splits, 0))


def cascade_attention_reference(
    q: Tensor,
    kv: PagedKV,
    segments: Segments,
    page_table: Tensor,
    query_starts: Tensor,
    lengths: Tensor,
    *,
    rule: Rule,
    max_depth: int,
    max_query_len: int | None = None,
    sinks: Tensor | None = None,
    tree_mask: Tensor | None = None,
    work: CascadeWork | None = None,
    out: Tensor | None = None,
    lse: Tensor | None = None,
) -> Tensor:
    """Cascade attention in torch: states of every segment and sequence, merged; needs no list."""
    dtype = accumulator(q)
    spans = list(zip(*(x.tolist() for x in (segments.begins, segments.ends, segments.lengths))))
    depths = torch.zeros(len(q) + 1, dtype=torch.int64)
    for begin, end, _ in spans:
        depths[begin:end] += 1
    require(int(depths.max()) <= max_depth, f"{int(depths.max())} segments above a token; max_depth is {max_depth}")
    states = torch.zeros(len(spans) + 1, *q.shape, dtype=dtype, device=q.device)
    lses = torch.full(states.shape[:3], -math.inf, dtype=dtype, device=q.device)
    for g, (begin, end, length) in enumerate(spans):
        k, v = kv.gather(segments.page_table[g], 0, length, dtype)
        visible = torch.ones(end - begin, length, dtype=torch.bool, device=q.device)
        states[g, begin:end], lses[g, begin:end] = attend_reference(q[begin:end], k, v, visible, rule)
    starts = query_starts.tolist()
    for b, length in enumerate(lengths.tolist()):
        own = slice(starts[b], starts[b + 1])
        k, v = kv.gather(page_table[b], 0, length, dtype)
        visible = sight(length, own.stop - own.start, None, None if tree_mask is None else tree_mask[own], None)
        states[-1, own], lses[-1, own] = attend_reference(q[own], k, v, visible.to(q.device), rule)
    merged, merged_lse = merge_states_reference(states, lses, sinks=sinks)
    if lse is not None:
        lse.copy_(merged_lse)
    return merged.to(q.dtype) if out is None else out.copy_(merged)
