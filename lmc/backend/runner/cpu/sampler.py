"""From logits to tokens: penalties, bans and masks, then greedy or a seeded draw.

    penalties (repetition, then frequency and presence, over Draw.output)
    -> banned ids and mask -> temperature -> top_k -> top_p of what is left -> min_p -> draw

The random number of a row is keyed by (seed, position) alone, and a row's arithmetic does not depend on the rows
beside it, so batching never changes a draw. A token id of -1 means that nothing is allowed: every logit of the row
is masked, -inf or NaN. NaN counts as -inf and touches no other row.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from lmc.backend.base import TokenLogprob
from lmc.backend.runner.batch import Draw
from lmc.backend.runner.cpu.draws import NEG_INF, NOTHING, draw_rows
from lmc.backend.runner.cpu.hidden import HiddenRows


def sample(logits: Tensor, draws: Sequence[Draw], hidden: HiddenRows | None = None) -> list[TokenLogprob]:
    """One token for each row of logits [len(draws), V] fp32, which stay as they are; `hidden` keeps unpacked masks."""
    hidden = hidden or HiddenRows()
    ids = choose(adjusted(logits, draws, hidden), draws)
    reported = [i for i, draw in enumerate(draws) if draw.sampling.return_logprob]
    records = dict(zip(reported, report(logits, reported, ids, draws))) if reported else {}
    found = [records.get(i) or TokenLogprob(id, 0.0 if id >= 0 else NEG_INF) for i, id in enumerate(ids)]
    return [replace(each, mass=left_by(row, draw, hidden)) if draw.wants_mass else each
            for each, row, draw in zip(found, logits, draws)]  # fmt: skip


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


def adjusted(logits: Tensor, draws: Sequence[Draw], hidden: HiddenRows) -> Tensor:
    """Logits with penalties, bans and masks; the same tensor where no row has any."""
    if not any(is_adjusted(draw) for draw in draws):
        return logits
    logits = logits.clone()
    for row, draw in zip(logits, draws):
        if has_penalties(draw):
            penalise(row, draw)
        if draw.banned:
            row[[id for id in draw.banned if id < len(row)]] = NEG_INF
        if draw.mask is not None:
            row += hidden.row(draw.mask, len(row))  # what was NaN or infinite there counts as -inf later
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


def left_by(row: Tensor, draw: Draw, hidden: HiddenRows) -> float:
    """Log of the probability that the mask leaves of a row of logits [V]; 0 where there is none."""
    if draw.mask is None:
        return 0.0
    clean = row.nan_to_num(nan=NEG_INF, neginf=NEG_INF)
    left = clean + hidden.row(draw.mask, len(row))
    return min(0.0, float(left.logsumexp(-1) - clean.logsumexp(-1)))


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
