"""Log-probabilities of chosen tokens and of the likeliest, under the unmodified softmax of a row of logits.

A program takes a row: 1 read for the largest logit and the sum, and where likeliest tokens are wanted 1 more to set
aside those that reach the n-th largest of the lane maxima, which holds all of the first n. A row that would set aside
more than there is room for (thousands of equal logits) is read once for each token instead. Of equal logits the lowest
id comes first. A row that wants nothing is not read. NaN counts as -inf, +inf as the largest number.

fp32, fp16 or bf16 logits; natural logarithms in fp32.
"""

from __future__ import annotations

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
from lmc.kernels.vocab_row import (
    LOG2_E,
    LOWEST,
    NO_ID,
    TILING,
    RowTiling,
    allowed_tile,
    count_cut,
    ordered,
    set_aside,
    unordered,
)

MAX_TOP = 128
STAGES = tl.constexpr(3)


def token_logprobs(
    logits: Tensor, tokens: Tensor, wanted: Tensor, *, max_top: int = 0, tiling: RowTiling = TILING
) -> tuple[Tensor, Tensor, Tensor]:
    """The chosen token's log-probability, and the likeliest tokens with theirs.

    logits   [B, V]        fp32, fp16 or bf16; rows may be strided
    tokens   [B]           int64; one below 0, or with a logit of -inf, has a log-probability of -inf
    wanted   [B]           int32: how many likeliest tokens, at most max_top; below 0: nothing, not even the chosen one
    returns  [B]           fp32 of the chosen tokens; 0 where nothing is wanted
             [B, max_top]  int32 ids, likeliest first; -1 past what is wanted or possible
             [B, max_top]  fp32; -inf there

    Raises KernelError where shapes, types or strides do not fit, or max_top is above 128.
    """
    check(logits, tokens, wanted, max_top, tiling)
    if not runs_kernel(logits):
        return token_logprobs_reference(logits, tokens, wanted, max_top=max_top)
    num_rows, vocab = logits.shape
    device = logits.device
    chosen = torch.empty(num_rows, dtype=torch.float32, device=device)
    top_ids = torch.empty(num_rows, max_top, dtype=torch.int32, device=device)
    top_logprobs = torch.empty(num_rows, max_top, dtype=torch.float32, device=device)
    values = torch.empty(num_rows, tiling.candidates, dtype=torch.float32, device=device)
    ids = torch.empty(num_rows, tiling.candidates, dtype=torch.int32, device=device)
    if num_rows:
        token_logprobs_kernel[(num_rows,)](
            logits, tokens, wanted, chosen, top_ids, top_logprobs, values, ids,
            logits.stride(0), vocab, max_top,
            TILE=tiling.tile, CANDIDATES=tiling.candidates,
            num_warps=tiling.num_warps, maxnreg=tiling.max_registers,
        )  # fmt: skip
    return chosen, top_ids, top_logprobs


def check(logits: Tensor, tokens: Tensor, wanted: Tensor, max_top: int, tiling: RowTiling) -> None:
    """Refuse what the kernel cannot do."""
    check_same_device(logits=logits, tokens=tokens, wanted=wanted)
    check_shape("logits", logits, None, None)
    check_dtype("logits", logits, FLOATS)
    check_last_contiguous("logits", logits)
    for name, index, dtype in (("tokens", tokens, torch.int64), ("wanted", wanted, torch.int32)):
        check_shape(name, index, logits.shape[0])
        check_dtype(name, index, (dtype,))
        check_last_contiguous(name, index)
    most = min(MAX_TOP, tiling.candidates)
    require(0 <= max_top <= most, f"max_top is {max_top}; it must be 0 to {most}")


@triton.jit
def token_logprobs_kernel(
    logits_ptr, tokens_ptr, wanted_ptr, chosen_ptr, top_ids_ptr, top_logprobs_ptr, values_ptr, ids_ptr,
    logits_stride, vocab, max_top,
    TILE: tl.constexpr, CANDIDATES: tl.constexpr,
):  # fmt: skip
    i = tl.program_id(0).to(tl.int64)
    wanted = tl.minimum(tl.load(wanted_ptr + i), max_top)
    tl.store(chosen_ptr + i, 0.0)
    for j in range(0, max_top):
        tl.store(top_ids_ptr + i * max_top + j, -1)
        tl.store(top_logprobs_ptr + i * max_top + j, float("-inf"))
    tl.debug_barrier()
    if wanted >= 0:
        at = logits_ptr + i * logits_stride
        row = (at, at, at, False, False, 1.0, 0.0, 0.0, vocab, 0)
        log_sum, best = log_sum_of_row(row, TILE)
        token = tl.load(tokens_ptr + i)
        x = tl.load(at + token, mask=(token >= 0) & (token < vocab), other=float("-inf")).to(tl.float32)
        tl.store(chosen_ptr + i, tl.where(x > float("-inf"), tl.minimum(x, -LOWEST) - log_sum, float("-inf")))
        if wanted > 0:
            ids_to, logprobs_to = top_ids_ptr + i * max_top, top_logprobs_ptr + i * max_top
            values_at, ids_at = values_ptr + i * CANDIDATES, ids_ptr + i * CANDIDATES
            lowest = unordered(count_cut(ordered(best), wanted))
            if tl.sum((best > float("-inf")).to(tl.int32)) < wanted:
                lowest = LOWEST
            count = set_row_aside(row, lowest, values_at, ids_at, ids_to, TILE, CANDIDATES)
            if count <= CANDIDATES:
                top_of_list(values_at, ids_at, count, wanted, log_sum, ids_to, logprobs_to, CANDIDATES)
            else:
                top_of_row(row, wanted, log_sum, ids_to, logprobs_to, TILE)


@triton.jit
def log_sum_of_row(row, TILE: tl.constexpr):
    """ln(sum(exp(x))) of a row, and the largest x of each lane."""
    best = tl.full((TILE // 32, 32), float("-inf"), tl.float32)
    mass = tl.zeros((TILE // 32, 32), tl.float32)
    top = float("-inf")
    for start in tl.range(0, row[-2], TILE, num_stages=STAGES):
        _, x = allowed_tile(row, start, False, False, TILE)
        higher = tl.maximum(top, tl.max(x))
        base = tl.maximum(higher, LOWEST)
        mass = mass * tl.exp2((top - base) * LOG2_E) + tl.exp2((x - base) * LOG2_E)
        best = tl.maximum(best, x)
        top = higher
    return tl.maximum(top, LOWEST) + tl.log(tl.sum(mass)), best


@triton.jit
def set_row_aside(row, lowest, values_at, ids_at, counter_at, TILE: tl.constexpr, CANDIDATES: tl.constexpr):
    """Set aside the tokens of `lowest` or more; how many there are."""
    tl.store(counter_at, 0)
    tl.debug_barrier()
    found = tl.zeros((TILE // 32, 32), tl.int32)
    for start in tl.range(0, row[-2], TILE, num_stages=STAGES):
        ids, x = allowed_tile(row, start, False, False, TILE)
        set_aside(x >= lowest, x, ids, values_at, ids_at, counter_at, CANDIDATES)
        found += (x >= lowest).to(tl.int32)
    tl.debug_barrier()
    tl.store(counter_at, -1)
    return tl.sum(found)


@triton.jit
def top_of_list(values_at, ids_at, count, wanted, log_sum, ids_to, logprobs_to, CANDIDATES: tl.constexpr):
    """Write the first of a list, likeliest first."""
    place = tl.arange(0, CANDIDATES)
    x = tl.load(values_at + place, mask=place < count, other=float("-inf"))
    ids = tl.load(ids_at + place, mask=place < count, other=NO_ID)
    for j in range(0, tl.minimum(wanted, count)):
        top = tl.max(x)
        token = tl.min(tl.where(x == top, ids, NO_ID))
        tl.store(ids_to + j, token)
        tl.store(logprobs_to + j, top - log_sum)
        x = tl.where(ids == token, float("-inf"), x)


@triton.jit
def top_of_row(row, wanted, log_sum, ids_to, logprobs_to, TILE: tl.constexpr):
    """Write the first of a row, likeliest first, one read for each."""
    last = float("inf")
    last_id = -1
    for j in range(0, wanted):
        best = tl.full((TILE // 32, 32), float("-inf"), tl.float32)
        best_id = tl.full((TILE // 32, 32), NO_ID, tl.int32)
        for start in range(0, row[-2], TILE):
            ids, x = allowed_tile(row, start, False, False, TILE)
            is_better = ((x < last) | ((x == last) & (ids > last_id))) & (x > best)
            best = tl.where(is_better, x, best)
            best_id = tl.where(is_better, ids, best_id)
        last = tl.max(best)
        last_id = tl.min(tl.where(best == last, best_id, NO_ID))
        tl.store(ids_to + j, last_id)
        tl.store(logprobs_to + j, last - log_sum)


def token_logprobs_reference(
    logits: Tensor, tokens: Tensor, wanted: Tensor, *, max_top: int = 0
) -> tuple[Tensor, Tensor, Tensor]:
    """Logprobs of tokens and the best ones in torch, by sorting; in fp64 for fp64 logits, otherwise in fp32."""
    exact = logits.dtype if logits.dtype == torch.float64 else torch.float32
    largest = torch.finfo(torch.float32).max
    x = logits.to(exact).nan_to_num(nan=-torch.inf, neginf=-torch.inf, posinf=largest)
    logprobs = (x - x.logsumexp(-1, keepdim=True)).nan_to_num(nan=-torch.inf, neginf=-torch.inf)
    chosen = torch.where(tokens >= 0, logprobs.gather(1, tokens.clamp(min=0)[:, None])[:, 0], -torch.inf)
    top_logprobs, top_ids = (part[:, :max_top] for part in logprobs.sort(descending=True, stable=True))
    if top_ids.shape[1] < max_top:
        missing = max_top - top_ids.shape[1]
        top_ids = torch.nn.functional.pad(top_ids, (0, missing), value=-1)
        top_logprobs = torch.nn.functional.pad(top_logprobs, (0, missing), value=-torch.inf)
    listed = (torch.arange(max_top, device=wanted.device) < wanted[:, None]) & (top_logprobs > -torch.inf)
    return (
        torch.where(wanted >= 0, chosen, 0.0).to(torch.float32),
        torch.where(listed, top_ids, -1).to(torch.int32),
        torch.where(listed, top_logprobs, -torch.inf).to(torch.float32),
    )
