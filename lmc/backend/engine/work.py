"""What a pass computes for one sequence, and the columns that all works of a pass become."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from lmc.backend.base import TokenLogprob
from lmc.backend.engine.score import Ids, ScorePlan, branches, num_nodes
from lmc.backend.engine.sequence import Sequence
from lmc.backend.engine.tokens import Int32
from lmc.backend.runner.batch import FED, NO_SEAT, Batch, SharedRun


class Branch(NamedTuple):
    """A row of a scoring pass: tokens that are computed behind [0, start), all with logits."""

    tokens: list[int]
    start: int
    table: Int32


class Work:
    """Compute the tokens [start, end) of a sequence; then sample (`samples`) or score (`plan`), or neither.

    lease, generation   the sequence's when it was planned; a work is of use while they are
    forced      ids that the first logits are to score: tokens that a constraint forced, where their scores are wanted
    is_fed      its one token is what the pass before samples
    own, free   the branches of choices: behind the prompt, and with nothing in front
    is_void     what it computes is not what the sequence needs any more: nothing is asked, its result is dropped
    at, free_at the first of its rows of logits, and the first of its free branches'
    id, record, logprobs, error   what came of it
    """

    __slots__ = (
        "at",
        "end",
        "error",
        "forced",
        "free",
        "free_at",
        "generation",
        "id",
        "is_fed",
        "is_void",
        "lease",
        "logprobs",
        "num_logits",
        "own",
        "plan",
        "record",
        "samples",
        "seq",
        "start",
    )

    def __init__(self, seq: Sequence, start: int, end: int) -> None:
        assert seq.lease is not None
        self.seq = seq
        self.lease = seq.lease
        self.generation = seq.generation
        self.start = start
        self.end = end
        self.samples = self.is_fed = self.is_void = False
        self.forced: tuple[int, ...] = ()
        self.plan: ScorePlan | None = None
        self.own: list[Branch] = []
        self.free: list[Branch] = []
        self.num_logits = self.at = self.free_at = 0
        self.id: int | None = None
        self.record: TokenLogprob | None = None
        self.logprobs: list[float] | None = None
        self.error: Exception | None = None

    @property
    def num_tokens(self) -> int:
        """Tokens the pass computes for it."""
        return self.end - self.start if self.plan is None else self.plan.num_tokens

    @property
    def is_in_step(self) -> bool:
        """True where the row's next work needs what this one says: it is landed before anything else is planned."""
        if self.plan is not None or self.forced:
            return True
        return self.samples and self.generation is not None and not self.generation.may_run_ahead

    def picks(self) -> tuple[list[int], list[int]]:
        """Which rows of the pass's logits score which ids."""
        if self.plan is None:
            return list(range(self.at, self.at + len(self.forced))), list(self.forced)
        rows, ids = self.plan.picks()
        num_own = 1 + num_nodes(self.plan.stems)
        return [self.at + row if row < num_own else self.free_at + row - num_own for row in rows], ids


def extend_work(seq: Sequence, end: int) -> Work:
    """Compute tokens [launched, end), which the lease has room for; sample when that is all of them."""
    work, generation = Work(seq, seq.launched, end), seq.generation
    if generation is None:
        return work
    if seq.is_fed_next:
        work.is_fed = work.samples = True
        work.num_logits = 1
        return work
    is_last = end == len(seq.tokens)
    work.samples = is_last and generation.pending_reason is None
    if generation.unscored:
        first = max(work.start + 1, len(seq.tokens) - generation.unscored)
        work.forced = tuple(seq.tokens.ids[first : end + 1].tolist())
    # the last token's own logits come with the rest, wanted or not
    work.num_logits = len(work.forced) + bool(work.samples or (work.forced and is_last))
    return work


def score_work(seq: Sequence, plan: ScorePlan) -> Work:
    """Score the choices behind the tokens, of which the last one is not computed yet.

    The first row writes the last token's KV where it belongs; all else goes to the lease's scratch slots.
    """
    lease, length = seq.lease, len(seq.tokens)
    assert lease is not None and (lease.scratch is not None or not plan.num_scratch)
    scratch = lease.scratch if lease.scratch is not None else np.empty(0, np.int32)
    last, prefix = (int(seq.tokens.ids[-1]),), lease.slots(length)
    work = Work(seq, length - 1, length)
    work.plan = plan
    work.own = _tree(plan.stems, last, prefix, scratch)
    work.free = _tree(plan.free, (), prefix[:0], scratch[num_nodes(plan.stems) :])
    return work


def _tree(stems: tuple[Ids, ...], last: Ids, prefix: Int32, scratch: Int32) -> list[Branch]:
    """A row for each branch behind `prefix`; the first one computes `last`, the end of the prefix, as well.

    A branch reads the tokens it shares from the slots that the rows before it write in the same pass.
    """
    rows: list[Branch] = []
    path = prefix
    for stem, shared in branches(stems):
        num = len(stem) - shared
        path, scratch = np.concatenate([path[: len(prefix) + shared], scratch[:num]]), scratch[num:]
        tokens = [*(last if not rows else ()), *stem[shared:]]
        rows.append(Branch(tokens, len(path) - len(tokens), path))
    return rows


class Columns:
    """A Batch in the making, row by row."""

    __slots__ = ("num_logits", "offsets", "seats", "starts", "tables", "tokens", "wanted")

    def __init__(self) -> None:
        self.tokens: list[int] = []
        self.offsets: list[int] = [0]
        self.starts: list[int] = []
        self.wanted: list[int] = []
        self.seats: list[int] = []
        self.tables: list[Int32] = []
        self.num_logits = 0

    def extend(self, work: Work) -> None:
        """The row of a work that scores no choices."""
        seq = work.seq
        if work.is_fed:
            self.tokens.append(FED)
        elif work.end - work.start == 1:
            self.tokens.append(seq.tokens.at(work.start))
        else:
            self.tokens += seq.tokens.ids[work.start : work.end].tolist()
        work.at = self.num_logits
        self._end_row(work.start, work.num_logits, seq.seat, work.lease.table)

    def branch(self, branches: Iterable[Branch]) -> int:
        """Rows of choices; the first of their logits."""
        at = self.num_logits
        for tokens, start, table in branches:
            self.tokens += tokens
            self._end_row(start, len(tokens), NO_SEAT, table)
        return at

    def _end_row(self, start: int, wanted: int, seat: int, table: Int32) -> None:
        self.offsets.append(len(self.tokens))
        self.starts.append(start)
        self.wanted.append(wanted)
        self.seats.append(seat)
        self.tables.append(table)
        self.num_logits += wanted


def assemble(works: Iterable[Work], runs: tuple[SharedRun, ...]) -> Batch:
    """One batch of works in this order, `runs` being over their rows; free branches come behind all others."""
    columns = Columns()
    free: list[Work] = []
    for work in works:
        if work.plan is None:
            columns.extend(work)
            continue
        work.at = columns.branch(work.own)
        if work.free:
            free.append(work)
    for work in free:
        work.free_at = columns.branch(work.free)
    return Batch(
        np.array(columns.tokens, np.int32),
        np.array(columns.offsets, np.int32),
        np.array(columns.starts, np.int32),
        np.array(columns.wanted, np.int32),
        np.array(columns.seats, np.int32),
        columns.tables,
        runs,
    )
