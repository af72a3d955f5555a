"""What a pass computes for one sequence, and the columns that all works of a pass become."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Sequence as Seq
from typing import NamedTuple

import numpy as np

from lmc.backend.base import TokenLogprob
from lmc.backend.engine.score import Ids, ScorePlan, branches, num_nodes
from lmc.backend.engine.sequence import Sequence
from lmc.backend.engine.tokens import Int32
from lmc.backend.runner.batch import FED, NO_SEAT, ForwardBatch, SharedRun


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

    # what a decode row leaves as it is stands here, so that making one costs no more than what it sets
    samples: bool = False
    is_fed: bool = False
    is_void: bool = False
    forced: tuple[int, ...] = ()
    plan: ScorePlan | None = None
    own: Seq[Branch] = ()
    free: Seq[Branch] = ()
    num_logits: int = 0
    at: int = 0
    free_at: int = 0
    id: int | None = None
    record: TokenLogprob | None = None
    logprobs: list[float] | None = None
    error: Exception | None = None

    def __init__(self, seq: Sequence, start: int, end: int) -> None:
        assert seq.lease is not None
        self.seq = seq
        self.lease = seq.lease
        self.generation = seq.generation
        self.start = start
        self.end = end

    @property
    def num_tokens(self) -> int:
        """Tokens the pass computes for it."""
        return self.end - self.start if self.plan is None else self.plan.num_tokens

    @property
    def is_in_step(self) -> bool:
        """True where the row's next work needs what this one says: it is landed before anything else is planned."""
        # what is chosen or scored decides what the sequence goes on with
        if self.plan is not None or self.forced:
            return True
        return self.samples and self.generation is not None and not self.generation.may_run_ahead

    def picks(self) -> tuple[list[int], list[int]]:
        """Which rows of the pass's logits score which ids."""
        if self.plan is None:
            return list(range(self.at, self.at + len(self.forced))), list(self.forced)
        rows, ids = self.plan.picks()
        # free branches have their rows of logits elsewhere: behind those of all other works (see `assemble`)
        num_own = 1 + num_nodes(self.plan.stems)
        return [self.at + row if row < num_own else self.free_at + row - num_own for row in rows], ids


def extend_work(seq: Sequence, end: int) -> Work:
    """Compute tokens [launched, end), which the lease has room for; sample when that is all of them."""
    generation = seq.generation
    work = Work(seq, seq.launched, end)
    if generation is None:
        return work
    # its one token is not known yet: the device feeds what it samples in the pass before
    if seq.ahead is not None and seq.is_fed_next:
        work.is_fed = work.samples = True
        work.num_logits = 1
        return work
    is_last = end == seq.tokens.length
    if is_last and generation.pending_reason is None:
        work.samples = True
        work.num_logits = 1
    if not generation.unscored:
        return work
    # the logits at a token score the one behind it, so that at `start` was scored by the work before
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


class PassColumns:
    """A ForwardBatch in the making, row by row."""

    __slots__ = ("num_logits", "offsets", "seats", "starts", "tables", "tokens", "wanted")

    def __init__(self) -> None:
        self.tokens: list[int] = []
        self.offsets: list[int] = [0]
        self.starts: list[int] = []
        self.wanted: list[int] = []
        self.seats: list[int] = []
        self.tables: list[Int32] = []
        self.num_logits = 0

    def add(self, tokens: list[int], start: int, wanted: int, seat: int, table: Int32) -> int:
        """One row more; the first of its rows of logits."""
        self.tokens += tokens
        self.offsets.append(len(self.tokens))
        self.starts.append(start)
        self.wanted.append(wanted)
        self.seats.append(seat)
        self.tables.append(table)
        self.num_logits += wanted
        return self.num_logits - wanted

    def branches(self, branches: Iterable[Branch]) -> int:
        """Rows of choices; the first of their rows of logits."""
        at = self.num_logits
        for tokens, start, table in branches:
            self.add(tokens, start, len(tokens), NO_SEAT, table)
        return at

    def batch(self, runs: tuple[SharedRun, ...]) -> ForwardBatch:
        """The rows so far."""
        lists = (self.tokens, self.offsets, self.starts, self.wanted, self.seats)
        tokens, offsets, starts, wanted, seats = (np.array(column, np.int32) for column in lists)
        return ForwardBatch(tokens, offsets, starts, wanted, seats, self.tables, runs)


def assemble(works: Iterable[Work], runs: tuple[SharedRun, ...]) -> ForwardBatch:
    """One batch of works in this order, `runs` being over their rows; free branches come behind all others."""
    columns = PassColumns()
    free: list[Work] = []
    for work in works:
        if work.plan is None:
            # nearly all rows are the last token of their sequence: no array is cut for it
            seq, is_last = work.seq, work.start + 1 == work.seq.tokens.length
            tokens = [seq.tokens.last] if is_last else [FED] if work.is_fed else _tokens(work)
            work.at = columns.add(tokens, work.start, work.num_logits, seq.seat, work.lease.table)
            continue
        work.at = columns.branches(work.own)
        if work.free:
            free.append(work)
    for work in free:
        work.free_at = columns.branches(work.free)
    return columns.batch(runs)


def _tokens(work: Work) -> list[int]:
    ids: list[int] = work.seq.tokens.ids[work.start : work.end].tolist()
    return ids
