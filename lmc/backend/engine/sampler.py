"""From logits to tokens: penalties, bans and masks, then greedy or a seeded draw.

    penalties (repetition, then frequency and presence, over Draw.output)
    -> banned ids and mask -> temperature -> top_k -> top_p of what is left -> min_p -> draw

The random number of a row is keyed by (seed, position) alone, and a row's arithmetic does not depend on the rows
beside it, so batching never changes a draw. A token id of -1 means that nothing is allowed: every logit of the row
is masked, -inf or NaN. NaN counts as -inf and touches no other row.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from lmc.backend.base import TokenLogprob
from lmc.backend.engine.batch import Draw, Int32
from lmc.ir.sampling import Sampling

Floats = npt.NDArray[np.float64]
Weights = npt.NDArray[np.float32]  # exp(logit - largest logit)
Ids = npt.NDArray[np.int64]

NOTHING = -1
NEG_INF = float("-inf")
ALMOST = 1 - 1e-6  # a bound reached but for the rounding of fp32 logits is reached
CHUNK = 512


def sample(logits: Tensor, draws: Sequence[Draw]) -> list[TokenLogprob]:
    """One token for each row of logits [len(draws), V] fp32, which stay as they are."""
    ids = choose(adjusted(logits, draws), draws)
    reported = [i for i, draw in enumerate(draws) if draw.sampling.return_logprob]
    records = dict(zip(reported, report(logits, reported, ids, draws))) if reported else {}
    return [records.get(i) or TokenLogprob(id, 0.0 if id >= 0 else NEG_INF) for i, id in enumerate(ids)]


def choose(logits: Tensor, draws: Sequence[Draw]) -> list[int]:
    """A token id for each row of adjusted logits."""
    greedy = [i for i, draw in enumerate(draws) if draw.sampling.greedy]
    drawn = [i for i, draw in enumerate(draws) if not draw.sampling.greedy]
    ids = dict(zip(greedy, best(rows_of(logits, greedy))))
    ids.update(zip(drawn, draw_rows(rows_of(logits, drawn), [draws[i] for i in drawn])))
    return [ids[i] for i in range(len(draws))]


def rows_of(logits: Tensor, rows: list[int]) -> Tensor:
    """Some rows; no copy where all are asked for."""
    return logits if len(rows) == len(logits) else logits[rows]


# --- what changes the logits -----------------------------------------------------------------------------


def adjusted(logits: Tensor, draws: Sequence[Draw]) -> Tensor:
    """Logits with penalties, bans and masks; the same tensor where no row has any."""
    if not any(is_adjusted(draw) for draw in draws):
        return logits
    logits = logits.clone()
    for row, draw in zip(logits, draws):
        if has_penalties(draw):
            penalise(row, draw)
        if draw.banned:
            row[list(draw.banned)] = NEG_INF
        if draw.mask is not None:
            row.masked_fill_(torch.from_numpy(hidden_by(draw.mask, len(row))), NEG_INF)
    return logits


def is_adjusted(draw: Draw) -> bool:
    """True where a row's logits change before sampling."""
    return draw.mask is not None or bool(draw.banned) or has_penalties(draw)


def has_penalties(draw: Draw) -> bool:
    """True where tokens that came out before weigh less or more."""
    s = draw.sampling
    neutral = s.frequency_penalty == 0 and s.presence_penalty == 0 and s.repetition_penalty == 1
    return bool(draw.output) and not neutral


def penalise(row: Tensor, draw: Draw) -> None:
    """Apply the penalties to one row [V] in place, at the ids that came out."""
    s = draw.sampling
    ids, counts = np.unique(np.asarray(draw.output, np.int64), return_counts=True)
    where = torch.from_numpy(ids)
    seen = row[where]
    seen = torch.where(seen > 0, seen / s.repetition_penalty, seen * s.repetition_penalty)
    row[where] = seen - torch.from_numpy(s.frequency_penalty * counts + s.presence_penalty).to(seen)


def hidden_by(mask: Int32, vocab: int) -> npt.NDArray[np.bool_]:
    """[vocab] true where the bitmask forbids; a mask narrower than the vocabulary forbids the tail."""
    bits = np.unpackbits(mask.astype("<i4", copy=False).view(np.uint8), bitorder="little")[:vocab]
    hidden = np.ones(vocab, np.bool_)
    hidden[: len(bits)] = bits == 0
    return hidden


# --- greedy ----------------------------------------------------------------------------------------------


def best(logits: Tensor) -> list[int]:
    """The likeliest token of each row [R, V]."""
    if not len(logits):
        return []
    values, ids = logits.max(-1)
    found: list[int] = ids.tolist()
    for i in (~(values > NEG_INF)).nonzero()[:, 0].tolist():  # NaN or -inf somewhere: max returned it
        found[i] = best_of_broken(logits[i])
    return found


def best_of_broken(row: Tensor) -> int:
    """The likeliest token of a row that has NaN or no finite logit."""
    clean = row.nan_to_num(nan=NEG_INF, neginf=NEG_INF)
    value, id = clean.max(-1)
    return int(id) if value > NEG_INF else NOTHING


# --- draws -----------------------------------------------------------------------------------------------


def draw_rows(logits: Tensor, draws: Sequence[Draw]) -> list[int]:
    """A draw for each row [R, V]: elementwise work for all rows at once, sums row by row."""
    if not len(logits):
        return []
    scaled = logits / torch.tensor([[draw.sampling.temperature] for draw in draws], dtype=logits.dtype)
    scaled.nan_to_num_(nan=NEG_INF, neginf=NEG_INF)  # +inf becomes the largest number
    top = scaled.amax(-1, keepdim=True)
    weights = scaled.sub_(top).exp_().numpy()
    alive = (top[:, 0] > NEG_INF).tolist()
    return [draw_row(row, draw) if ok else NOTHING for row, draw, ok in zip(weights, draws, alive)]


def draw_row(weights: Weights, draw: Draw) -> int:
    """A draw for one row of weights [V], the likeliest token's being 1."""
    at = uniform(draw.seed, draw.position)
    if not is_filtered(draw.sampling):
        return invert_long(weights, at)
    ids = kept(weights, draw.sampling)
    return int(ids[invert(weights[ids], at)])


def is_filtered(s: Sampling) -> bool:
    """True where some tokens are cut off before the draw."""
    return s.top_k > 0 or s.top_p < 1.0 or s.min_p > 0.0


def invert(weights: Weights, at: float) -> int:
    """The index at which the running sum passes the part `at` of the total; its weight is never 0."""
    return passes(np.cumsum(weights, dtype=np.float64), at)


def invert_long(weights: Weights, at: float) -> int:
    """`invert` by chunks: first which chunk, then where in it; 6 times faster over 150,000 tokens."""
    sums = np.cumsum(np.add.reduceat(weights, np.arange(0, len(weights), CHUNK), dtype=np.float64))
    chunk = passes(sums, at)
    before = sums[chunk - 1] if chunk else 0.0
    inside = (at * sums[-1] - before) / (sums[chunk] - before)
    return chunk * CHUNK + invert(weights[chunk * CHUNK : (chunk + 1) * CHUNK], inside)


def passes(sums: Floats, at: float) -> int:
    """Where the running sum first exceeds at * total, for 0 <= at <= 1."""
    target = min(at * sums[-1], np.nextafter(sums[-1], 0.0))
    return int(np.searchsorted(sums, target, side="right"))


# --- top_k, top_p, min_p: each keeps the first few of the tokens in order of likelihood ----------------------


def kept(weights: Weights, s: Sampling) -> Ids:
    """What top_k, then top_p of what it leaves, then min_p keep; likeliest first, never empty."""
    if s.top_k > 0:
        ids = first(weights, s.top_k)
        ids = ids[: nucleus(weights[ids], s.top_p * weights[ids].sum(dtype=np.float64))]
    elif s.top_p < 1.0:
        ids = holding(weights, s.top_p * weights.sum(dtype=np.float64))
    else:
        ids = at_least(weights, s.min_p * ALMOST)
    return ids[: max(1, int((weights[ids] >= s.min_p * ALMOST).sum()))]


def at_least(weights: Weights, floor: float) -> Ids:
    """Possible tokens of weight `floor` or more, likeliest first, of equals the smallest id first."""
    ids = np.flatnonzero((weights >= floor) & (weights > 0))
    return ids[np.argsort(-weights[ids], kind="stable")]


def first(weights: Weights, k: int) -> Ids:
    """The k likeliest possible tokens."""
    floor = torch.from_numpy(weights).topk(min(k, len(weights))).values[-1]
    return at_least(weights, float(floor))[:k]  # `at_least` brings all that tie with the k-th, in order


def holding(weights: Weights, mass: float) -> Ids:
    """The fewest tokens that hold `mass` together; looks at few tokens where few hold it."""
    floor = 0.01
    while True:
        ids = at_least(weights, floor)
        keep = nucleus(weights[ids], mass)
        if keep < len(ids) or floor == 0.0:
            return ids[:keep]
        floor = floor / 100 if floor > 1e-6 else 0.0


def nucleus(weights: Weights, mass: float) -> int:
    """How many of the first weights it takes to reach `mass`; at least 1, at most all."""
    reached = int(np.searchsorted(np.cumsum(weights, dtype=np.float64), mass * ALMOST))
    return min(len(weights), reached + 1)


# --- random numbers --------------------------------------------------------------------------------------

GOLDEN, WORD = 0x9E3779B97F4A7C15, (1 << 64) - 1


def splitmix(x: int) -> int:
    """64 well-mixed bits (SplitMix64)."""
    x = (x + GOLDEN) & WORD
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & WORD
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & WORD
    return x ^ (x >> 31)


def uniform(seed: int, position: int) -> float:
    """A number in [0, 1), the same for the same (seed, position), 53 bits."""
    return (splitmix(splitmix(seed & WORD) + position) >> 11) * 2.0**-53


# --- log-probabilities -----------------------------------------------------------------------------------


def token_logprobs(logits: Tensor, ids: Sequence[int]) -> list[float]:
    """Natural-log probability of ids[i] under row i of logits [len(ids), V]."""
    at = torch.tensor(ids, dtype=torch.int64).unsqueeze(-1)
    values: list[float] = (logits.gather(-1, at)[:, 0] - logits.logsumexp(-1)).tolist()
    return values


def report(logits: Tensor, rows: list[int], ids: list[int], draws: Sequence[Draw]) -> Iterable[TokenLogprob]:
    """The chosen token of each of `rows` with its log-probability and the likeliest tokens beside it."""
    clean = logits[rows].nan_to_num_(nan=NEG_INF, neginf=NEG_INF)
    chosen = token_logprobs(clean, [max(ids[i], 0) for i in rows])
    for row, i, logprob in zip(clean, rows, chosen):
        top = likeliest(row, draws[i].sampling.top_logprobs_num)
        yield TokenLogprob(ids[i], logprob if ids[i] >= 0 else NEG_INF, top)


def likeliest(row: Tensor, k: int) -> tuple[tuple[int, float], ...]:
    """The k likeliest ids of a row [V] with their log-probabilities."""
    if k <= 0:
        return ()
    values, ids = (row - row.logsumexp(-1)).topk(min(k, len(row)))
    return tuple(zip(ids.tolist(), values.tolist()))
