"""Merge of attention states: partial results over disjoint keys become the result over all of them.

A state is (out, lse): the softmax-weighted mean of the values over some keys, and the natural logarithm of the sum of
their exponentials, both fp32. With m = max over states of lse,

    lse = m + log(sum_i exp(lse_i - m))        out = sum_i exp(lse_i - lse) * out_i

A state over no key has lse = -inf; its out is never used, whatever it holds, and where all are empty out is 0 and lse
is -inf. An attention sink is one more term of the sum of exponentials with no value; it enters here, once.

One kernel serves two callers: `merge_states` (N states of every row) and `merge_ranges` (per row a table of where its
states are, written on the device by a work list). A program reduces a block of states times heads at a time.

Milakov and Gimelshein, "Online normalizer calculation for softmax", 2018; Ye et al., "Cascade Inference", 2024.
"""

from __future__ import annotations

import math

import torch
import triton
import triton.language as tl
from torch import Tensor

from lmc.kernels.checks import (
    FLOATS,
    check_dtype,
    check_last_contiguous,
    check_same_device,
    check_shape,
    require,
)
from lmc.kernels.placement import runs_kernel

MAX_HEAD_DIM = 256
BLOCK_ELEMENTS = 4096  # of states x heads x head_dim held by a program: 32 fp32 registers a thread at 4 warps

LOG2_E = tl.constexpr(math.log2(math.e))
LN_2 = tl.constexpr(math.log(2.0))


def merge_states(
    outs: Tensor,
    lses: Tensor,
    *,
    sinks: Tensor | None = None,
    out: Tensor | None = None,
    lse: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Merge N states of every row and head.

    outs     [N, T, H, D]  fp32, contiguous, D <= 256
    lses     [N, T, H]     fp32, contiguous, natural log; -inf where a state is empty
    sinks    [H]           logits of the attention sinks; any float type
    out      [T, H, D]     fp32, fp16 or bf16, rows may be strided; made as fp32 where None
    lse      [T, H]        fp32, contiguous; made where None
    returns  out, lse

    Raises KernelError where shapes, types or strides do not fit.
    """
    check_states(outs, lses, sinks)
    num_states, num_rows, num_heads, head_dim = outs.shape
    out = outs.new_empty(num_rows, num_heads, head_dim) if out is None else out
    lse = lses.new_empty(num_rows, num_heads) if lse is None else lse
    check_results(out, lse, (num_rows, num_heads, head_dim))
    check_same_device(outs=outs, lses=lses, sinks=sinks, out=out, lse=lse)
    if not runs_kernel(outs):
        return merge_states_reference(outs, lses, sinks=sinks, out=out, lse=lse)
    launch_merge(
        outs.view(-1, num_heads, head_dim), lses, None, None, sinks, out, lse,
        num_rows=num_rows, num_states=num_states,
    )  # fmt: skip
    return out, lse


def merge_ranges(
    states: Tensor,
    state_lses: Tensor,
    ranges: Tensor,
    num_ranges: Tensor,
    *,
    max_states: int,
    sinks: Tensor | None = None,
    out: Tensor,
    lse: Tensor | None = None,
) -> None:
    """Merge, for each row of a table, the states of one query token, and write them where the token is.

    states      [S, H, D]      fp32, contiguous
    state_lses  [S, H]         fp32, contiguous
    ranges      [R, 1 + 2 L]   int32: token, then L times (first state, number of states); a number may be 0
    num_ranges  [1]            int32: rows of the table that count
    max_states  states of one token in one range, about; it sets the block and no limit
    out         [T, H, D]      written for the tokens in the table only, as is lse [T, H]

    Raises KernelError where shapes, types or strides do not fit.
    """
    check_states(states[None], state_lses[None], sinks)
    require(ranges.ndim == 2 and ranges.shape[1] % 2 == 1 and ranges.is_contiguous(), "ranges are not [R, 1 + 2 L]")
    check_dtype("ranges", ranges, (torch.int32,))
    check_results(out, lse, (out.shape[0], *states.shape[1:]))
    check_same_device(states=states, state_lses=state_lses, ranges=ranges, num_ranges=num_ranges, out=out, lse=lse)
    if runs_kernel(states):
        launch_merge(
            states, state_lses, ranges, num_ranges, sinks, out, lse,
            num_rows=ranges.shape[0], num_states=max_states,
        )  # fmt: skip
    else:
        merge_ranges_reference(states, state_lses, ranges, num_ranges, sinks=sinks, out=out, lse=lse)


def check_states(outs: Tensor, lses: Tensor, sinks: Tensor | None) -> None:
    """Refuse states that the kernel cannot read."""
    check_shape("outs", outs, None, None, None, None)
    check_shape("lses", lses, *outs.shape[:3])
    check_dtype("outs", outs, (torch.float32,))
    check_dtype("lses", lses, (torch.float32,))
    require(outs.is_contiguous() and lses.is_contiguous(), "states are not contiguous")
    require(outs.shape[0] > 0, "no states to merge")
    require(0 < outs.shape[3] <= MAX_HEAD_DIM, f"head_dim is {outs.shape[3]}; states have 1 to {MAX_HEAD_DIM}")
    if sinks is not None:
        check_shape("sinks", sinks, outs.shape[2])
        check_last_contiguous("sinks", sinks)


def check_results(out: Tensor, lse: Tensor | None, sizes: tuple[int, ...]) -> None:
    """Refuse buffers that the kernel cannot write."""
    check_shape("out", out, *sizes)
    check_dtype("out", out, FLOATS)
    check_last_contiguous("out", out)
    if lse is not None:
        check_shape("lse", lse, *sizes[:2])
        check_dtype("lse", lse, (torch.float32,))
        require(lse.is_contiguous(), "lse is not contiguous")


def blocks(num_states: int, num_rows: int, num_heads: int, head_dim: int) -> tuple[int, int]:
    """States and heads that a program reduces at a time: many states for few rows, several heads for many."""
    block_d = triton.next_power_of_2(head_dim)
    block_s = min(triton.next_power_of_2(num_states), 32, max(1, BLOCK_ELEMENTS // block_d))
    fits = max(1, BLOCK_ELEMENTS // (block_s * block_d))
    block_h = min(fits, triton.next_power_of_2(num_heads)) if num_rows * num_heads > 4096 else 1
    return block_s, block_h


def launch_merge(
    states: Tensor,
    state_lses: Tensor,
    ranges: Tensor | None,
    num_ranges: Tensor | None,
    sinks: Tensor | None,
    out: Tensor,
    lse: Tensor | None,
    *,
    num_rows: int,
    num_states: int,
) -> None:
    """Start the kernel: rows x blocks of heads programs."""
    num_heads, head_dim = states.shape[1:]
    block_s, block_h = blocks(num_states, num_rows, num_heads, head_dim)
    grid = (num_rows * triton.cdiv(num_heads, block_h),)
    if num_rows == 0:
        return
    merge_kernel[grid](
        states, state_lses, ranges, num_ranges, sinks, out, lse,
        out.stride(0), out.stride(1), num_rows, num_states, num_heads,
        HEAD_DIM=head_dim, LEVELS=1 if ranges is None else ranges.shape[1] // 2,
        BLOCK_S=block_s, BLOCK_H=block_h, BLOCK_D=triton.next_power_of_2(head_dim),
        num_warps=4, maxnreg=128,
    )  # fmt: skip


@triton.jit
def merge_kernel(
    states_ptr, state_lses_ptr, ranges_ptr, num_ranges_ptr, sinks_ptr, out_ptr, lse_ptr,
    out_token_stride, out_head_stride, num_rows, num_states, num_heads,
    HEAD_DIM: tl.constexpr, LEVELS: tl.constexpr,
    BLOCK_S: tl.constexpr, BLOCK_H: tl.constexpr, BLOCK_D: tl.constexpr,
):  # fmt: skip
    head_blocks = tl.cdiv(num_heads, BLOCK_H)
    row = tl.program_id(0) // head_blocks
    heads = (tl.program_id(0) % head_blocks) * BLOCK_H + tl.arange(0, BLOCK_H)
    is_head = heads < num_heads
    dims = tl.arange(0, BLOCK_D)
    if ranges_ptr is None:
        token = row
    else:
        if row >= tl.load(num_ranges_ptr):
            return
        token = tl.load(ranges_ptr + row * (1 + 2 * LEVELS))

    if sinks_ptr is None:
        peak = tl.full([BLOCK_H], float("-inf"), tl.float32)
        total = tl.zeros([BLOCK_H], tl.float32)
    else:  # the sink is the first term of the sum
        peak = tl.load(sinks_ptr + heads, mask=is_head, other=0.0).to(tl.float32)
        total = tl.full([BLOCK_H], 1.0, tl.float32)
    acc = tl.zeros([BLOCK_H, BLOCK_D], tl.float32)

    for level in range(LEVELS):
        if ranges_ptr is None:
            first = row
            count = num_states
            step = num_rows
        else:
            first = tl.load(ranges_ptr + row * (1 + 2 * LEVELS) + 1 + 2 * level)
            count = tl.load(ranges_ptr + row * (1 + 2 * LEVELS) + 2 + 2 * level)
            step = 1
        for begin in range(0, count, BLOCK_S):
            index = begin + tl.arange(0, BLOCK_S)
            # int64: states x heads x head_dim passes 2**31
            at = (first + index.to(tl.int64) * step)[:, None] * num_heads + heads[None, :]
            inside = (index < count)[:, None] & is_head[None, :]
            lses = tl.load(state_lses_ptr + at, mask=inside, other=float("-inf"))
            is_used = lses > float("-inf")
            mask = is_used[:, :, None] & (dims < HEAD_DIM)[None, None, :]
            outs = tl.load(states_ptr + at[:, :, None] * HEAD_DIM + dims[None, None, :], mask=mask, other=0.0)
            new_peak = tl.maximum(peak, tl.max(lses, 0))
            origin = tl.where(new_peak > float("-inf"), new_peak, 0.0)  # (-inf) - (-inf) is not a number
            weights = tl.exp2((lses - origin[None, :]) * LOG2_E)
            kept = tl.exp2((peak - origin) * LOG2_E)
            total = total * kept + tl.sum(weights, 0)
            acc = acc * kept[:, None] + tl.sum(weights[:, :, None] * outs, 0)
            peak = new_peak

    is_empty = total == 0.0
    divisor = tl.where(is_empty, 1.0, total)
    out_at = out_ptr + token.to(tl.int64) * out_token_stride + heads[:, None] * out_head_stride + dims[None, :]
    mask = is_head[:, None] & (dims < HEAD_DIM)[None, :]
    tl.store(out_at, (acc / divisor[:, None]).to(out_ptr.dtype.element_ty), mask=mask)
    if lse_ptr is not None:
        lse = tl.where(is_empty, float("-inf"), peak + tl.log2(divisor) * LN_2)
        tl.store(lse_ptr + token.to(tl.int64) * num_heads + heads, lse, mask=is_head)


def merge_states_reference(
    outs: Tensor,
    lses: Tensor,
    *,
    sinks: Tensor | None = None,
    out: Tensor | None = None,
    lse: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Partial results merged in torch, in the type of `outs`."""
    terms = lses if sinks is None else torch.cat([lses, sinks.to(lses).expand(1, *lses.shape[1:])])
    merged_lse = torch.logsumexp(terms, 0)
    is_empty = lses == -math.inf
    weights = torch.exp(lses - merged_lse).masked_fill(is_empty, 0.0)
    merged = (weights[..., None] * outs.masked_fill(is_empty[..., None], 0.0)).sum(0)
    return (
        merged if out is None else out.copy_(merged),
        merged_lse if lse is None else lse.copy_(merged_lse),
    )


def merge_ranges_reference(
    states: Tensor,
    state_lses: Tensor,
    ranges: Tensor,
    num_ranges: Tensor,
    *,
    sinks: Tensor | None = None,
    out: Tensor,
    lse: Tensor | None = None,
) -> None:
    """Ranges of partial results merged in torch, one token after another."""
    for token, *spans in ranges[: int(num_ranges)].tolist():
        index = [first + i for first, count in zip(spans[::2], spans[1::2]) for i in range(count)]
        merged, merged_lse = merge_states_reference(states[index, None], state_lses[index, None], sinks=sinks)
        out[token] = merged[0]
        if lse is not None:
            lse[token] = merged_lse[0]
