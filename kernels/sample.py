"""From logits to tokens on the device: penalties, mask, temperature, top-k, top-p, min-p, a seeded draw.

    x = logits, penalised, -inf where the mask forbids      NaN counts as -inf, +inf as the largest number
    w = exp((x - max x) / temperature)
    top_k   keeps x where fewer than k tokens have a larger one
    top_p   keeps x where the larger ones hold less than p of the weight of what top_k kept
    min_p   keeps x where w >= min_p
    token   the largest (x - max x) / temperature + Gumbel noise of (seed, position, token), the lowest id of equals;
            greedy rows: the largest x, the lowest id of equals; -1 where nothing is allowed

Tokens of equal x are kept or left out together, so the result does not depend on the order of a vocabulary. A bound
that is reached but for 1 part in a million is reached (rounding of fp32). Sums run in one order whatever the batch,
or are of integers, so a row's token depends on its logits, its filters, its seed and its position alone.

All filters keep the upper end of the order of x. A program takes a row:

    greedy, or no filter   1 read
    filtered               1. largest x, total weight, and for each of TILE lanes (tokens a tile apart) the largest x
                              and the weight: a lower bound of what lies above any x, so of where the filters cut
                           2. tokens above that are set aside; exact cuts, and noise, for these alone
    more tokens than that  3 reads, rarely more, in a second launch: see sample_by_noise.py. Rows without a filter go
                           there at once; other rows leave it at once.

fp32, fp16 or bf16 logits, read as they are; nothing of the size of the logits is written.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from lmc.kernels.checks import FLOATS, check_dtype, check_last_contiguous, check_same_device, check_shape
from lmc.kernels.gumbel import log_exponential_reference, noise_key
from lmc.kernels.placement import runs_kernel
from lmc.kernels.sample_by_noise import UNDECIDED, sample_by_noise_kernel
from lmc.kernels.sampling_rules import Bitmask, Draws, Penalties
from lmc.kernels.vocab_row import (
    ALMOST,
    GREEDY,
    LOG2_E,
    LOWEST,
    LOWEST_KEY,
    NO_ID,
    TILING,
    RowTiling,
    allowed_tile,
    count_cut,
    count_token,
    mass_cut,
    middle,
    noisy,
    ordered,
    row_of,
    set_aside,
    unordered,
)

STAGES = tl.constexpr(3)  # tiles on their way while one is worked on
MASS_ONE = tl.constexpr(1 << 30)  # weight 1 as an integer


def sample(
    logits: Tensor,
    draws: Draws,
    *,
    bitmask: Bitmask | None = None,
    penalties: Penalties | None = None,
    out: Tensor | None = None,
    tiling: RowTiling = TILING,
) -> Tensor:
    """One token for each row.

    logits     [B, V]  fp32, fp16 or bf16; rows may be strided; not changed
    bitmask    tokens that are allowed
    penalties  counts grow by 1 at the sampled tokens
    out        [B]     int64; made where None
    returns    out     token ids; -1 where nothing is allowed

    Raises KernelError where shapes, types or strides do not fit.
    """
    check(logits, draws, bitmask, penalties, out)
    num_rows, vocab = logits.shape
    out = torch.empty(num_rows, dtype=torch.int64, device=logits.device) if out is None else out
    if not runs_kernel(logits):
        return sample_reference(logits, draws, bitmask=bitmask, penalties=penalties, out=out)
    if not num_rows:
        return out
    values = torch.empty(num_rows, tiling.candidates, dtype=torch.float32, device=logits.device)
    ids = torch.empty(num_rows, tiling.candidates, dtype=torch.int32, device=logits.device)
    facts = torch.empty(num_rows, 4, dtype=torch.float32, device=logits.device)  # of a row that is undecided
    # arguments that a configuration does not use are given as out
    words, word_rows = (bitmask.words, bitmask.rows) if bitmask else (out, None)
    counts, *costs = (
        (penalties.counts, penalties.repetition, penalties.presence, penalties.frequency) if penalties else [out] * 4
    )
    arguments = (
        logits, out, facts, draws.temperature, draws.top_k, draws.top_p, draws.min_p, draws.seed, draws.position,
        words, out if word_rows is None else word_rows, counts, *costs,
        logits.stride(0), words.stride(0), counts.stride(0), vocab, words.shape[-1],
    )  # fmt: skip
    parts = {
        "HAS_MASK": bitmask is not None,
        "HAS_MASK_ROWS": word_rows is not None,
        "HAS_COUNTS": penalties is not None,
        "num_warps": tiling.num_warps,
        "maxnreg": tiling.max_registers,
    }
    sample_kernel[(num_rows,)](*arguments, values, ids, TILE=tiling.tile, CANDIDATES=tiling.candidates, **parts)
    sample_by_noise_kernel[(num_rows,)](*arguments, TILE=tiling.noise_tile, **parts)
    return out


def check(
    logits: Tensor, draws: Draws, bitmask: Bitmask | None, penalties: Penalties | None, out: Tensor | None
) -> None:
    """Refuse what the kernel cannot do."""
    check_shape("logits", logits, None, None)
    check_dtype("logits", logits, FLOATS)
    check_last_contiguous("logits", logits)
    num_rows, vocab = logits.shape
    check_same_device(logits=logits, temperature=draws.temperature, seed=draws.seed, out=out)
    check_shape("temperature", draws.temperature, num_rows)
    if out is not None:
        check_shape("out", out, num_rows)
        check_dtype("out", out, (torch.int64,))
        check_last_contiguous("out", out)
    if bitmask is not None:
        check_same_device(logits=logits, words=bitmask.words, rows=bitmask.rows)
        if bitmask.rows is not None:
            check_shape("rows", bitmask.rows, num_rows)
        else:
            check_shape("words", bitmask.words, num_rows, None)
    if penalties is not None:
        check_same_device(logits=logits, counts=penalties.counts, repetition=penalties.repetition)
        check_shape("counts", penalties.counts, num_rows, vocab)


# --- kernel ----------------------------------------------------------------------------------------------


@triton.jit
def sample_kernel(
    logits_ptr, out_ptr, facts_ptr, temperature_ptr, top_k_ptr, top_p_ptr, min_p_ptr, seed_ptr, position_ptr,
    words_ptr, word_rows_ptr, counts_ptr, repetition_ptr, presence_ptr, frequency_ptr,
    logits_stride, words_stride, counts_stride, vocab, num_words, values_ptr, ids_ptr,
    HAS_MASK: tl.constexpr, HAS_MASK_ROWS: tl.constexpr, HAS_COUNTS: tl.constexpr,
    TILE: tl.constexpr, CANDIDATES: tl.constexpr,
):  # fmt: skip
    i = tl.program_id(0).to(tl.int64)
    temperature, k = tl.load(temperature_ptr + i), tl.load(top_k_ptr + i)
    p, min_p = tl.load(top_p_ptr + i), tl.load(min_p_ptr + i)
    k = tl.where(k < vocab, k, 0)  # all of them: nothing is filtered
    row = row_of(
        i, logits_ptr, words_ptr, word_rows_ptr, counts_ptr, repetition_ptr, presence_ptr, frequency_ptr,
        logits_stride, words_stride, counts_stride, vocab, num_words, HAS_MASK, HAS_MASK_ROWS, HAS_COUNTS,
    )  # fmt: skip
    token = UNDECIDED
    if (temperature <= GREEDY) | (k == 1):
        token = greedy(row, HAS_MASK, HAS_COUNTS, TILE)
    elif (k > 0) | (p < 1.0) | (min_p > 0.0):
        rate = 1.0 / temperature
        top, total, cut, num_lanes = survey(row, rate, k, p, HAS_MASK, HAS_COUNTS, TILE)
        floor = tl.full((), LOWEST, tl.float32)
        if min_p > 0.0:
            floor = tl.maximum(top + tl.log(tl.minimum(min_p, 1.0) * ALMOST) * temperature, LOWEST)
            if (k < 1) & (ordered(floor) > cut):
                cut, num_lanes = ordered(floor), 0
        tl.store(facts_ptr + i * 4, top)
        tl.store(facts_ptr + i * 4 + 1, total)
        tl.store(facts_ptr + i * 4 + 2, floor)
        tl.store(facts_ptr + i * 4 + 3, unordered(cut))

        # a lane may hold more than its largest: where 0.6 of as many lanes are filled, 0.9 as many tokens are expected
        if num_lanes * 5 <= CANDIDATES * 3:
            values_at, ids_at = values_ptr + i * CANDIDATES, ids_ptr + i * CANDIDATES
            counter_at = out_ptr.to(tl.pointer_type(tl.int32)) + i * 2  # until a token is there
            count = set_row_aside(
                row, unordered(cut), values_at, ids_at, counter_at, HAS_MASK, HAS_COUNTS, TILE, CANDIDATES
            )
            if count <= CANDIDATES:
                key_a, key_b = noise_key(tl.load(seed_ptr + i), tl.load(position_ptr + i))
                token = chosen(values_at, ids_at, count, top, total, rate, k, p, floor, key_a, key_b, CANDIDATES)
    tl.store(out_ptr + i, token.to(tl.int64))
    if HAS_COUNTS:
        count_token(row, token)


@triton.jit
def greedy(row, HAS_MASK: tl.constexpr, HAS_COUNTS: tl.constexpr, TILE: tl.constexpr):
    """The largest x, the lowest id of equals; -1 where none is allowed."""
    best = tl.full((TILE // 32, 32), float("-inf"), tl.float32)
    best_id = tl.full((TILE // 32, 32), NO_ID, tl.int32)
    for start in tl.range(0, row[-2], TILE, num_stages=STAGES):
        ids, x = allowed_tile(row, start, HAS_MASK, HAS_COUNTS, TILE)
        is_better = x > best
        best = tl.where(is_better, x, best)
        best_id = tl.where(is_better, ids, best_id)
    token = tl.min(tl.where(best == tl.max(best), best_id, NO_ID))
    return tl.where(token == NO_ID, -1, token)


@triton.jit
def survey(row, rate, k, p, HAS_MASK: tl.constexpr, HAS_COUNTS: tl.constexpr, TILE: tl.constexpr):
    """Largest x, total weight, a key that no kept token is below, and the number of lanes that reach it."""
    scale = rate * LOG2_E
    best = tl.full((TILE // 32, 32), float("-inf"), tl.float32)
    mass = tl.zeros((TILE // 32, 32), tl.float32)
    top = float("-inf")
    for start in tl.range(0, row[-2], TILE, num_stages=STAGES):
        _, x = allowed_tile(row, start, HAS_MASK, HAS_COUNTS, TILE)
        higher = tl.maximum(top, tl.max(x))
        base = tl.maximum(higher, LOWEST)  # finite where nothing was allowed so far
        mass = mass * tl.exp2((top - base) * scale) + tl.exp2((x - base) * scale)
        best = tl.maximum(best, x)
        top = higher
    top = tl.maximum(top, LOWEST)
    total = tl.sum(mass)

    # what lies above x holds at least the lane's largest, and its weight less what its tokens hold at x or below
    keys = ordered(best)
    largest = tl.exp2((best - top) * scale)
    lane_len = (row[-2] + TILE - 1) // TILE * 1.0
    limit = tl.where(p < 1.0, p * total, float("inf"))
    low = tl.full((), LOWEST_KEY, tl.int32)
    high = ordered(top)
    if (k < 1) & (p >= 1.0):
        high = low
    while low < high:
        mid = middle(low, high)
        is_above = keys > mid
        if k > 0:
            fits = tl.sum(is_above.to(tl.int32)) < k
        else:
            below = lane_len * tl.exp2((unordered(mid) - top) * scale)
            fits = tl.sum(tl.maximum(tl.where(is_above, largest, 0.0), mass - below)) * 0.9999 < limit
        high = tl.where(fits, mid, high)
        low = tl.where(fits, low, mid + 1)
    return top, total, high, tl.sum((keys >= high).to(tl.int32))


@triton.jit
def set_row_aside(
    row, lowest, values_at, ids_at, counter_at,
    HAS_MASK: tl.constexpr, HAS_COUNTS: tl.constexpr, TILE: tl.constexpr, CANDIDATES: tl.constexpr,
):  # fmt: skip
    """Set aside the tokens of `lowest` or more; how many there are."""
    tl.store(counter_at, 0)
    tl.debug_barrier()
    found = tl.zeros((TILE // 32, 32), tl.int32)
    for start in tl.range(0, row[-2], TILE, num_stages=STAGES):
        ids, x = allowed_tile(row, start, HAS_MASK, HAS_COUNTS, TILE)
        set_aside(x >= lowest, x, ids, values_at, ids_at, counter_at, CANDIDATES)
        found += (x >= lowest).to(tl.int32)
    tl.debug_barrier()
    return tl.sum(found)


@triton.jit
def chosen(values_at, ids_at, count, top, total, rate, k, p, floor, key_a, key_b, CANDIDATES: tl.constexpr):
    """A draw from what the filters keep of the tokens set aside, which hold all that they keep; -1 where none is."""
    place = tl.arange(0, CANDIDATES)
    x = tl.load(values_at + place, mask=place < count, other=float("-inf"))
    ids = tl.load(ids_at + place, mask=place < count, other=NO_ID)
    keys = ordered(x)
    cut = ordered(floor)
    if k > 0:
        cut = tl.maximum(cut, count_cut(keys, k))
    if p < 1.0:
        masses = (tl.exp2((x - top) * (rate * LOG2_E)) * MASS_ONE).to(tl.int64)
        part = total.to(tl.float64) * MASS_ONE
        if k > 0:
            masses = tl.where(keys >= count_cut(keys, k), masses, 0)
            part = tl.sum(masses).to(tl.float64)
        cut = tl.maximum(cut, mass_cut(keys, masses, tl.maximum((part * p * ALMOST).to(tl.int64), 1)))
    score = tl.where(keys >= cut, noisy(x, ids, top, rate, key_a, key_b), float("-inf"))
    token = tl.min(tl.where((score == tl.max(score)) & (keys >= cut), ids, NO_ID))
    return tl.where(token == NO_ID, -1, token)


# --- reference -------------------------------------------------------------------------------------------


def sample_reference(
    logits: Tensor,
    draws: Draws,
    *,
    bitmask: Bitmask | None = None,
    penalties: Penalties | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """What `sample` draws, in torch: a row at a time, by sorting it."""
    x = logits.float().nan_to_num(nan=-torch.inf, neginf=-torch.inf)
    if penalties is not None:
        x = penalised(x, penalties)
    if bitmask is not None:
        x = x.masked_fill(~allowed(bitmask, *x.shape), -torch.inf)
    tokens = torch.stack([drawn_token(row, draws, i) for i, row in enumerate(x)]) if len(x) else x.new_empty(0).long()
    if penalties is not None:
        counts, rows = penalties.counts, (tokens >= 0).nonzero()[:, 0]
        most = torch.iinfo(counts.dtype).max
        counts[rows, tokens[rows]] = (counts[rows, tokens[rows]].long() + 1).clamp(max=most).to(counts.dtype)
    return tokens if out is None else out.copy_(tokens)


def penalised(x: Tensor, penalties: Penalties) -> Tensor:
    """Rows with the cost of tokens that came out before."""
    repetition, presence, frequency = (
        cost[:, None] for cost in (penalties.repetition, penalties.presence, penalties.frequency)
    )
    costly = torch.where(x > 0, x / repetition, x * repetition) - (frequency * penalties.counts + presence)
    return torch.where(penalties.counts > 0, costly, x)


def allowed(bitmask: Bitmask, num_rows: int, vocab: int) -> Tensor:
    """[B, V] true where the mask allows."""
    words = bitmask.words
    bits = ((words[:, :, None] >> torch.arange(32, device=words.device)) & 1).bool().flatten(1)[:, :vocab]
    full = torch.zeros(len(words), vocab, dtype=torch.bool, device=words.device)
    full[:, : bits.shape[1]] = bits
    if bitmask.rows is None:
        return full
    return full[bitmask.rows.clamp(min=0)] | (bitmask.rows < 0)[:, None]


def drawn_token(x: Tensor, draws: Draws, row: int) -> Tensor:
    """The token of one row [V] of logits."""
    temperature, k = float(draws.temperature[row]), int(draws.top_k[row])
    top = x.max()
    if top == -torch.inf:
        return torch.tensor(-1, device=x.device)
    if temperature <= GREEDY.value or k == 1:
        return (x == top).nonzero()[0, 0]
    z = (x - top) * (1.0 / draws.temperature[row])
    keep = kept(x, torch.exp(z.double()), k, float(draws.top_p[row]), float(draws.min_p[row]))
    ids = torch.arange(len(x), device=x.device)
    noise = log_exponential_reference(ids, int(draws.seed[row]), int(draws.position[row]))
    return torch.where(keep, z - noise, -torch.inf).argmax()


def kept(x: Tensor, weights: Tensor, k: int, p: float, min_p: float) -> Tensor:
    """[V] true where the filters keep a token."""
    values, order = x.sort(descending=True)
    # the first of its equals says how many, and how much, lies strictly above a value
    first = torch.searchsorted(-values, -values, side="left")
    keep = values > -torch.inf
    if k > 0:
        keep &= first < k
    mass = weights[order] * keep
    if p < 1.0:
        above = mass.cumsum(0) - mass
        keep &= above[first] < max(p * ALMOST.value * float(mass.sum()), 1e-30)
    keep &= weights[order] >= min_p * ALMOST.value
    return torch.zeros_like(keep).scatter_(0, order, keep)
