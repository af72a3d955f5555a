"""The rows that sample.py leaves undecided: those without a filter, and those that keep more than it sets aside.

Noise does not depend on what is kept, so a draw among all tokens that the filters would keep is the draw among what
they keep. One more read counts what lies strictly above a draw, and draws again among just that:

    1. a draw among all tokens          without top_k and top_p it is the token
    2. fewer than k tokens above it, with less than p of the weight?  then it is the token
       else a draw among the tokens above it, and again

A draw fails with the probability of what the filters leave out, 1 - p, and each failure leaves less to draw from. Rows
with both top_k and top_p first bisect for the cut of top_k, in up to 32 reads: more than CANDIDATES tokens with both.

Ye et al., "FlashInfer", 2025, draw so from the probabilities; keyed noise makes the result that of one draw.
"""

from __future__ import annotations

import triton
import triton.language as tl

from lmc.kernels.gumbel import noise_key
from lmc.kernels.vocab_row import (
    ALMOST,
    LOG2_E,
    LOWEST,
    NO_ID,
    allowed_tile,
    count_token,
    middle,
    noisy,
    ordered,
    row_of,
    unordered,
)

UNDECIDED = tl.constexpr(-2)  # in place of a token


@triton.jit
def sample_by_noise_kernel(
    logits_ptr, out_ptr, facts_ptr, temperature_ptr, top_k_ptr, top_p_ptr, min_p_ptr, seed_ptr, position_ptr,
    words_ptr, word_rows_ptr, counts_ptr, repetition_ptr, presence_ptr, frequency_ptr,
    logits_stride, words_stride, counts_stride, vocab, num_words,
    HAS_MASK: tl.constexpr, HAS_MASK_ROWS: tl.constexpr, HAS_COUNTS: tl.constexpr, TILE: tl.constexpr,
):  # fmt: skip
    i = tl.program_id(0).to(tl.int64)
    if tl.load(out_ptr + i) == UNDECIDED:
        k, p = tl.load(top_k_ptr + i), tl.load(top_p_ptr + i)
        k = tl.where(k < vocab, k, 0)
        is_filtered = (k > 0) | (p < 1.0) | (tl.load(min_p_ptr + i) > 0.0)
        rate = 1.0 / tl.load(temperature_ptr + i)
        row = row_of(
            i, logits_ptr, words_ptr, word_rows_ptr, counts_ptr, repetition_ptr, presence_ptr, frequency_ptr,
            logits_stride, words_stride, counts_stride, vocab, num_words, HAS_MASK, HAS_MASK_ROWS, HAS_COUNTS,
        )  # fmt: skip
        top = tl.load(facts_ptr + i * 4, mask=is_filtered, other=0.0)
        total = tl.load(facts_ptr + i * 4 + 1, mask=is_filtered, other=0.0)
        floor = tl.load(facts_ptr + i * 4 + 2, mask=is_filtered, other=LOWEST)
        lowest = tl.load(facts_ptr + i * 4 + 3, mask=is_filtered, other=LOWEST)
        if (k > 0) & (p < 1.0):
            cut, total = count_cut_of_row(row, top, rate, k, ordered(lowest), HAS_MASK, HAS_COUNTS, TILE)
            floor = tl.maximum(floor, unordered(cut))
        max_count = tl.where(k > 0, k, NO_ID)
        max_mass = tl.where(p < 1.0, tl.maximum(p * ALMOST * total, 1e-30), float("inf"))
        key_a, key_b = noise_key(tl.load(seed_ptr + i), tl.load(position_ptr + i))
        token = drawn_again(
            row, top, rate, max_count, max_mass, floor, (k > 0) | (p < 1.0), key_a, key_b, HAS_MASK, HAS_COUNTS, TILE
        )
        tl.store(out_ptr + i, token.to(tl.int64))
        if HAS_COUNTS:
            count_token(row, token)


@triton.jit
def drawn_again(
    row, top, rate, max_count, max_mass, floor, is_cut, key_a, key_b,
    HAS_MASK: tl.constexpr, HAS_COUNTS: tl.constexpr, TILE: tl.constexpr,
):  # fmt: skip
    """A draw among the tokens above the last one drawn, until one has less than the limits above it."""
    token = tl.full((), -1, tl.int32)
    pivot = tl.full((), float("-inf"), tl.float32)
    going = tl.full((), 1, tl.int32)
    while going == 1:
        count = tl.zeros((TILE // 32, 32), tl.int32)
        mass = tl.zeros((TILE // 32, 32), tl.float32)
        best = tl.full((TILE // 32, 32), float("-inf"), tl.float32)
        best_x = tl.full((TILE // 32, 32), float("-inf"), tl.float32)
        best_id = tl.full((TILE // 32, 32), NO_ID, tl.int32)
        for start in range(0, row[-2], TILE):
            ids, x = allowed_tile(row, start, HAS_MASK, HAS_COUNTS, TILE)
            is_above = x > pivot
            if is_cut:
                count += is_above.to(tl.int32)
                mass += tl.where(is_above, tl.exp2((x - top) * (rate * LOG2_E)), 0.0)
            score = noisy(x, ids, top, rate, key_a, key_b)
            is_better = is_above & (x >= floor) & (score > best)
            best = tl.where(is_better, score, best)
            best_x = tl.where(is_better, x, best_x)
            best_id = tl.where(is_better, ids, best_id)
        next_id = tl.min(tl.where(best == tl.max(best), best_id, NO_ID))
        is_drawn = (token >= 0) & (tl.sum(count) < max_count) & (tl.sum(mass) < max_mass)
        if is_drawn | (next_id == NO_ID):
            going = 0
        else:
            token = next_id
            pivot = tl.max(tl.where(best_id == next_id, best_x, float("-inf")))
            going = tl.where(is_cut, 1, 0)
    return token


@triton.jit
def count_cut_of_row(row, top, rate, k, low, HAS_MASK: tl.constexpr, HAS_COUNTS: tl.constexpr, TILE: tl.constexpr):
    """The cut of top_k at or above `low`, by bisection over the row, and the weight of what it keeps."""
    high = ordered(top)
    total = tl.full((), 0.0, tl.float32)
    going = tl.full((), 1, tl.int32)
    while going == 1:
        mid = middle(low, high)
        count = tl.zeros((TILE // 32, 32), tl.int32)
        mass = tl.zeros((TILE // 32, 32), tl.float32)
        for start in range(0, row[-2], TILE):
            _, x = allowed_tile(row, start, HAS_MASK, HAS_COUNTS, TILE)
            keys = ordered(x)
            count += (keys > mid).to(tl.int32)
            mass += tl.where(keys >= mid, tl.exp2((x - top) * (rate * LOG2_E)), 0.0)
        total = tl.sum(mass)
        if low == high:
            going = 0
        else:
            fits = tl.sum(count) < k
            high = tl.where(fits, mid, high)
            low = tl.where(fits, low, mid + 1)
    return high, total
