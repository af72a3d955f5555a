"""From logits to tokens: penalties, bans and masks, then greedy or a seeded draw.

    penalties (repetition, then frequency and presence, over TokenDraws.outputs)
    -> banned ids and mask -> temperature -> top_k -> top_p of what is left -> min_p -> draw

The random number of a row is keyed by (seed, position) alone, and a row's arithmetic does not depend on the rows
beside it, so batching never changes a draw. NOTHING stands for a row of which every logit is masked, -inf or NaN, and
BROKEN where the model itself gave no number. NaN counts as -inf and touches no other row.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from lmc.backend.base import TokenLogprob
from lmc.backend.runner.batch import BROKEN, NOTHING, Int32, TokenDraws, wants_record
from lmc.backend.runner.cpu.draws import NEG_INF, draw_rows
from lmc.backend.runner.cpu.hidden import HiddenRows
from lmc.ir.sampling import Sampling


def sample(logits: Tensor, draws: TokenDraws, hidden: HiddenRows) -> tuple[list[int], dict[int, TokenLogprob]]:
    """One token for each row of logits [len(draws), V] fp32, which stay as they are; `hidden` keeps unpacked masks.

    The records are those of PassOutcome: of the draws that want more than the id.
    """
    ids = choose(adjusted(logits, draws, hidden), draws)
    if NOTHING in ids:
        ids = [BROKEN if id == NOTHING and best_of_broken(logits[i]) == NOTHING else id for i, id in enumerate(ids)]
    return ids, dict(recorded(logits, ids, draws, hidden))


def choose(logits: Tensor, draws: TokenDraws) -> list[int]:
    """A token id for each row of adjusted logits."""
    greedy = [i for i, sampling in enumerate(draws.sampling) if sampling.greedy]
    drawn = [i for i, sampling in enumerate(draws.sampling) if not sampling.greedy]
    ids = dict(zip(greedy, best(rows_of(logits, greedy))))
    ids.update(zip(drawn, draw_rows(rows_of(logits, drawn), draws, drawn)))
    return [ids[i] for i in range(len(draws))]


def rows_of(logits: Tensor, rows: Sequence[int]) -> Tensor:
    """Some rows, in this order; no copy where it is all of them as they are."""
    return logits if len(rows) == len(logits) and list(rows) == list(range(len(rows))) else logits[list(rows)]


# --- what changes the logits -----------------------------------------------------------------------------


def adjusted(logits: Tensor, draws: TokenDraws, hidden: HiddenRows) -> Tensor:
    """Logits with penalties, bans and masks; the same tensor where no row has any."""
    if not (draws.outputs or draws.banned or draws.masks):
        return logits
    logits = logits.clone()
    for index, output in draws.outputs.items():
        penalise(logits[index], draws.sampling[index], output)
    for index, banned in draws.banned.items():
        logits[index, [id for id in banned if id < logits.shape[1]]] = NEG_INF
    for index, mask in draws.masks.items():
        # what was NaN or infinite there counts as -inf later
        logits[index] += hidden.row(mask, logits.shape[1])
    return logits


def penalise(row: Tensor, s: Sampling, output: Sequence[int]) -> None:
    """Apply the penalties to one row [V] in place, at the ids that came out."""
    ids, counts = np.unique(np.asarray(output, np.int64), return_counts=True)
    where = torch.from_numpy(ids)
    seen = row[where]
    seen = torch.where(seen > 0, seen / s.repetition_penalty, seen * s.repetition_penalty)
    row[where] = seen - torch.from_numpy(s.frequency_penalty * counts + s.presence_penalty).to(seen)


def left_by(row: Tensor, mask: Int32 | None, hidden: HiddenRows) -> float:
    """Log of the probability that the mask leaves of a row of logits [V]; 0 where there is none."""
    if mask is None:
        return 0.0
    clean = row.nan_to_num(nan=NEG_INF, neginf=NEG_INF)
    left = clean + hidden.row(mask, len(row))
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


def recorded(
    logits: Tensor, ids: list[int], draws: TokenDraws, hidden: HiddenRows
) -> Iterable[tuple[int, TokenLogprob]]:
    """The chosen token of each draw that wants more than its id, with what it wants."""
    wanted = [i for i, sampling in enumerate(draws.sampling) if wants_record(sampling)]
    reported = [i for i in wanted if draws.sampling[i].return_logprob]
    records = dict(zip(reported, report(logits, reported, ids, draws.sampling))) if reported else {}
    for i in wanted:
        record = records.get(i) or TokenLogprob(ids[i], 0.0 if ids[i] >= 0 else NEG_INF)
        if draws.sampling[i].on_distortion is not None:
            record = replace(record, mass=left_by(logits[i], draws.masks.get(i), hidden))
        yield i, record


def report(logits: Tensor, rows: list[int], ids: list[int], sampling: Sequence[Sampling]) -> Iterable[TokenLogprob]:
    """The chosen token of each of `rows` with its log-probability and the likeliest tokens beside it."""
    clean = logits[rows].nan_to_num_(nan=NEG_INF, neginf=NEG_INF)
    chosen = token_logprobs(clean, [max(ids[i], 0) for i in rows])
    for row, i, logprob in zip(clean, rows, chosen):
        top = likeliest(row, sampling[i].top_logprobs_num)
        yield TokenLogprob(ids[i], logprob if ids[i] >= 0 else NEG_INF, top)


def likeliest(row: Tensor, k: int) -> tuple[tuple[int, float], ...]:
    """The k likeliest ids of a row [V] with their log-probabilities."""
    if k <= 0:
        return ()
    values, ids = (row - row.logsumexp(-1)).topk(min(k, len(row)))
    return tuple(zip(ids.tolist(), values.tolist()))
