"""A step's work for one sequence, and the forward pass that does it.

`run_works` fills in what each work was after: a sampled token, or the log-probabilities of its choices. If a pass
raises, each work is tried once more by itself, so that only the one at fault carries the error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lmc.backend.base import TokenLogprob
from lmc.backend.engine.groups import SharedPrefixes
from lmc.backend.engine.score import Ids, ScorePlan, branches, num_nodes
from lmc.backend.engine.sequence import Sequence
from lmc.backend.engine.tokens import Int32
from lmc.backend.runner.batch import Batch, Draw, Group, Row, Runner

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(eq=False, slots=True)
class Work:
    """Compute the tokens up to `end`; then sample (`samples`) or score (`plan`), or neither for an inner chunk.

    start      first token computed
    rows       one for an extend, one a branch of the token tree for scoring
    forced     ids that the first logits are to score: tokens that a constraint forced, where their scores are wanted
    chosen, logprobs, error   what came of it
    """

    seq: Sequence
    rows: tuple[Row, ...]
    start: int
    end: int
    samples: bool = False
    plan: ScorePlan | None = None
    forced: tuple[int, ...] = ()
    chosen: TokenLogprob | None = None
    logprobs: list[float] | None = None
    error: Exception | None = None

    @property
    def num_tokens(self) -> int:
        """Tokens the pass computes for it."""
        return self.end - self.start if self.plan is None else self.plan.num_tokens

    def picks(self) -> tuple[list[int], list[int]]:
        """Which of its logits score which id."""
        return self.plan.picks() if self.plan is not None else (list(range(len(self.forced))), list(self.forced))


def extend_work(seq: Sequence, end: int) -> Work:
    """Compute tokens [committed, end), which the lease has room for; sample when that is all of them."""
    assert seq.lease is not None
    start, generation = seq.lease.committed, seq.generation
    samples = generation is not None and generation.over is None and end == len(seq.tokens)
    forced: tuple[int, ...] = ()
    if generation is not None and generation.unscored:
        first = max(start + 1, len(seq.tokens) - generation.unscored)
        forced = tuple(seq.tokens.ids[first : end + 1].tolist())
    return Work(seq, (_row(seq, start, end, samples, forced),), start, end, samples, forced=forced)


def _row(seq: Sequence, start: int, end: int, samples: bool, forced: tuple[int, ...]) -> Row:
    """Logits for the last tokens: those before each forced one, and the last of all where it is sampled after."""
    assert seq.lease is not None
    beyond = forced and end == len(seq.tokens)  # the last token's own logits come with the rest, wanted or not
    num_logits = len(forced) + bool(samples or beyond)
    return Row(seq.tokens.ids[start:end], seq.lease.slots(end), num_logits)


def score_work(seq: Sequence, plan: ScorePlan) -> Work:
    """Score the choices behind the tokens, of which the last one is not computed yet.

    The first row writes the last token's KV where it belongs; all else goes to the lease's scratch slots.
    """
    lease, length = seq.lease, len(seq.tokens)
    assert lease is not None and (lease.scratch is not None or not plan.num_scratch)
    scratch = lease.scratch if lease.scratch is not None else np.empty(0, np.int32)
    last, prefix = (int(seq.tokens.ids[-1]),), lease.slots(length)
    rows = _tree(plan.stems, last, prefix, scratch)
    rows += _tree(plan.free, (), prefix[:0], scratch[num_nodes(plan.stems) :])
    return Work(seq, tuple(rows), length - 1, length, plan=plan)


def _tree(stems: tuple[Ids, ...], last: Ids, prefix: Int32, scratch: Int32) -> list[Row]:
    """A row for each branch behind `prefix`; the first one computes `last`, the end of the prefix, as well.

    A branch reads the tokens it shares from the slots that the rows before it write in the same pass.
    """
    rows: list[Row] = []
    path = prefix
    for stem, shared in branches(stems):
        num = len(stem) - shared
        path, scratch = np.concatenate([path[: len(prefix) + shared], scratch[:num]]), scratch[num:]
        tokens = np.array([*(last if not rows else ()), *stem[shared:]], np.int32)
        rows.append(Row(tokens, path, len(tokens)))
    return rows


def run_works(runner: Runner, works: list[Work], prefixes: SharedPrefixes) -> int:
    """One forward pass over `works`; returns how many passes it took (more than one after an error)."""
    try:
        _forward(runner, works, prefixes)
        return 1
    except Exception as error:
        if len(works) == 1:
            works[0].error = error
            return 1
    for work in works:
        try:
            _forward(runner, [work], prefixes)
        except Exception as error:
            work.error = error
    return 1 + len(works)


def _forward(runner: Runner, works: list[Work], prefixes: SharedPrefixes) -> None:
    rows = tuple(row for work in works for row in work.rows)
    logits = runner.forward(Batch(rows, _groups(works, prefixes)))
    # masks are computed here, after the pass has been launched: a device works on it meanwhile
    samplers = [work for work in works if work.samples]
    draws = [_draw(work) for work in samplers]
    num_logits = sum(row.logits for row in rows)
    if samplers:
        picked = logits if len(samplers) == num_logits else logits[_sampled_rows(works)]
        for work, chosen in zip(samplers, runner.sample(picked, draws), strict=True):
            work.chosen = chosen
    if any(work.plan is not None or work.forced for work in works):
        _score(runner, works, logits)


def _draw(work: Work) -> Draw:
    generation = work.seq.generation
    assert generation is not None
    return generation.draw(work.end)


def _sampled_rows(works: list[Work]) -> list[int]:
    indices, at = [], 0
    for work in works:
        at += sum(row.logits for row in work.rows)
        if work.samples:
            indices.append(at - 1)
    return indices


def _score(runner: Runner, works: list[Work], logits: Tensor) -> None:
    at = 0
    for work in works:
        rows, ids = work.picks()
        if ids:
            work.logprobs = runner.logprobs(logits[[at + row for row in rows]], ids)
        at += sum(row.logits for row in work.rows)


def _groups(works: list[Work], prefixes: SharedPrefixes) -> tuple[Group, ...]:
    """Scoring rows share all before the last token; extend rows what their leases share in the tree."""
    groups, singles, nodes, at = [], [], [], 0
    for work in works:
        if work.plan is None:
            singles.append(at)
            nodes.append(work.seq.lease.node if work.seq.lease else None)
        elif len(work.plan.stems) > 1 and work.start:
            groups.append(Group(tuple(range(at, at + len(work.plan.stems))), work.start))
        at += len(work.rows)
    groups += [Group(tuple(singles[i] for i in rows), length) for rows, length in prefixes.find(nodes)]
    return tuple(groups)
