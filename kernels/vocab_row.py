"""What kernels over rows of logits have in common: tiles of a row, the order of floats as integers, cuts by bisection.

A cut is a key q: a token is kept where ordered(x) >= q. Filters such as top-k and top-p are cuts "smallest q such that
what lies strictly above q is less than a limit", so tokens that tie at the cut are kept together.
"""

from __future__ import annotations

from dataclasses import dataclass

import triton
import triton.language as tl

from lmc.kernels.gumbel import log_exponential
from lmc.kernels.placement import IS_INTERPRETED

LOWEST = tl.constexpr(-3.4028234663852886e38)  # fp32; -inf is not a token
LARGEST = tl.constexpr(3.4028234663852886e38)
LOWEST_KEY = tl.constexpr(-2139095040)  # ordered(LOWEST)
LOG2_E = tl.constexpr(1.4426950408889634)
GREEDY = tl.constexpr(1e-5)  # temperatures up to this are greedy
ALMOST = tl.constexpr(1 - 1e-6)  # a bound reached but for rounding is reached
NO_ID = tl.constexpr(2147483647)


@dataclass(frozen=True, slots=True)
class RowTiling:
    """How a program walks its row.

    tile           tokens at a time, a multiple of 32
    noise_tile     tokens at a time where each has noise, which takes registers
    candidates     tokens it can set aside
    max_registers  of a thread
    """

    tile: int
    noise_tile: int
    candidates: int
    num_warps: int
    max_registers: int


# two programs of 512 threads and 64 registers fit on an SM, so all rows of a batch of 256 are read at once
TILING = RowTiling(128, 128, 32, 4, 64) if IS_INTERPRETED else RowTiling(4096, 2048, 4096, 16, 64)


@triton.jit
def ordered(x):
    """fp32 as int32 with the same order."""
    bits = x.to(tl.int32, bitcast=True)
    return bits ^ ((bits >> 31) & 0x7FFFFFFF)


@triton.jit
def unordered(key):
    """The fp32 of a key."""
    return (key ^ ((key >> 31) & 0x7FFFFFFF)).to(tl.float32, bitcast=True)


@triton.jit
def middle(low, high):
    """floor((low + high) / 2) without overflow."""
    return (low & high) + ((low ^ high) >> 1)


@triton.jit
def row_of(
    i, logits_ptr, words_ptr, word_rows_ptr, counts_ptr, repetition_ptr, presence_ptr, frequency_ptr,
    logits_stride, words_stride, counts_stride, vocab, num_words,
    HAS_MASK: tl.constexpr, HAS_MASK_ROWS: tl.constexpr, HAS_COUNTS: tl.constexpr,
):  # fmt: skip
    """Row i as `allowed_tile` takes it apart; the vocabulary's size is its last but one."""
    mask_row = i
    if HAS_MASK_ROWS:
        mask_row = tl.load(word_rows_ptr + i).to(tl.int64)
    is_masked = (mask_row >= 0) & HAS_MASK
    repetition, presence, frequency = 1.0, 0.0, 0.0
    if HAS_COUNTS:
        repetition, presence = tl.load(repetition_ptr + i), tl.load(presence_ptr + i)
        frequency = tl.load(frequency_ptr + i)
    is_penalised = (repetition != 1.0) | (presence != 0.0) | (frequency != 0.0)
    return (
        logits_ptr + i * logits_stride, words_ptr + mask_row * words_stride, counts_ptr + i * counts_stride,
        is_masked, is_penalised, repetition, presence, frequency, vocab, num_words,
    )  # fmt: skip


@triton.jit
def allowed_tile(row, start, HAS_MASK: tl.constexpr, HAS_COUNTS: tl.constexpr, TILE: tl.constexpr):
    """Ids [TILE / 32, 32] of a tile, and its logits in fp32, penalised, -inf where forbidden; see sample.py."""
    logits_at, words_at, counts_at, is_masked, is_penalised, repetition, presence, frequency, vocab, num_words = row
    word = tl.arange(0, TILE // 32)
    ids = start + (word * 32)[:, None] + tl.arange(0, 32)[None, :]
    x = tl.load(logits_at + ids, mask=ids < vocab, other=float("-inf")).to(tl.float32)
    x = tl.where(x == x, tl.minimum(x, LARGEST), float("-inf")) + 0.0  # -0 becomes 0: they are one value
    if HAS_COUNTS:  # noqa: SIM102  (this is known when compiling, the next is not)
        if is_penalised:
            count = tl.load(counts_at + ids, mask=ids < vocab, other=0).to(tl.float32)
            costly = tl.where(x > 0, x / repetition, x * repetition) - (frequency * count + presence)
            x = tl.where(count > 0, costly, x)
    if HAS_MASK:
        words = tl.load(words_at + start // 32 + word, mask=is_masked & (start // 32 + word < num_words), other=0)
        bits = (words[:, None] >> tl.arange(0, 32)[None, :]) & 1
        x = tl.where((bits != 0) | (is_masked == 0), x, float("-inf"))
    return ids, x


@triton.jit
def count_token(row, token):
    """One more of this token, as far as its type counts; nothing below 0."""
    at = row[2] + tl.maximum(token, 0)
    kind: tl.constexpr = row[2].dtype.element_ty
    most: tl.constexpr = 255 if kind == tl.uint8 else (32767 if kind == tl.int16 else 2147483647)
    count = tl.load(at).to(tl.int64)
    tl.store(at, tl.minimum(count + 1, most).to(kind), mask=token >= 0)


@triton.jit
def noisy(x, ids, top, rate, key_a, key_b):
    """The score of tokens: finite wherever x is."""
    return tl.maximum((x - top) * rate - log_exponential(ids, key_a, key_b), LOWEST)


@triton.jit
def count_cut(keys, limit):
    """Smallest key with fewer than `limit` keys above it; limit >= 1."""
    low, high = key_range(keys)
    while low < high:
        mid = middle(low, high)
        fits = tl.sum((keys > mid).to(tl.int32)) < limit
        high = tl.where(fits, mid, high)
        low = tl.where(fits, low, mid + 1)
    return high


@triton.jit
def mass_cut(keys, masses, limit):
    """Smallest key with less than `limit` of mass above it; masses are int64, so their order does not matter."""
    low, high = key_range(keys)
    while low < high:
        mid = middle(low, high)
        fits = tl.sum(tl.where(keys > mid, masses, 0)) < limit
        high = tl.where(fits, mid, high)
        low = tl.where(fits, low, mid + 1)
    return high


@triton.jit
def key_range(keys):
    """The lowest and the highest key of tokens; LOWEST_KEY stands in where there is none."""
    high = tl.maximum(tl.max(keys), LOWEST_KEY)
    return tl.min(tl.where(keys >= LOWEST_KEY, keys, high)), high


@triton.jit
def set_aside(keep, x, ids, values_at, ids_at, counter_at, CANDIDATES: tl.constexpr):
    """Append the tokens that are kept to a list of CANDIDATES places, in any order; what does not fit is dropped."""
    place = tl.atomic_add(counter_at + tl.zeros_like(ids), 1, mask=keep, sem="relaxed")
    fits = keep & (place < CANDIDATES)
    tl.store(values_at + place, x, mask=fits)
    tl.store(ids_at + place, ids, mask=fits)
