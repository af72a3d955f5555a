"""Writes down what each forward pass did, for the accounts that asked for a record.

A row says by how much the counts of its sample have grown since the row before, so rows sum up to the counters.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

from lmc.backend.base import ForwardPass, PassRow
from lmc.backend.cache.lease import KVCache
from lmc.backend.engine.account import Account
from lmc.backend.engine.launched import Launched
from lmc.backend.engine.scheduler import Scheduler
from lmc.backend.engine.sequence import Sequence
from lmc.backend.engine.work import Work
from lmc.backend.pass_log import log_of


class PassRecorder:
    """The accounts that have a record, and when the last pass ended; a pass asks whether it `is_on`."""

    def __init__(self) -> None:
        self.is_on = False
        self._accounts: set[Account] = set()
        self._end_s = 0.0

    def record(self, account: Account, max_rows: int, seqs: Iterable[Sequence]) -> None:
        """Begin an account's record anew, or end it; `seqs` are its sequences, whose counts so far are in no row."""
        account.passes = log_of(max_rows)
        if account.passes is None:
            self.leave(account)
            return
        for seq in seqs:
            seq.recorded = _counts(seq)
        self._accounts.add(account)
        self.is_on = True

    def leave(self, account: Account) -> None:
        """Nothing more is written down for an account; what is there can still be taken."""
        self._accounts.discard(account)
        self.is_on = bool(self._accounts)

    def landed(self, flight: Launched, end_s: float, scheduler: Scheduler, cache: KVCache) -> None:
        """A pass has landed, at `end_s`, and its works are settled."""
        # one that was launched while another was under way had the device when that one was done
        begin_s = max(flight.begin_s, self._end_s)
        self._end_s = end_s
        rows: dict[Account, list[PassRow]] = {account: [] for account in self._accounts}
        for work in flight.works:
            if work.seq.account in rows:
                rows[work.seq.account].append(_row(work))
        num_tokens = sum(work.num_tokens for work in flight.works)
        pool, tree = cache.pool, cache.tree
        for account, own in rows.items():
            if not own or account.passes is None:
                continue
            account.passes.add(
                ForwardPass(
                    number=account.passes.num_added,
                    begin_s=begin_s,
                    seconds=end_s - begin_s,
                    rows=tuple(own),
                    num_rows=len(flight.works),
                    num_tokens=num_tokens,
                    num_running=len(scheduler.running),
                    num_waiting=len(scheduler.waiting),
                    held_tokens=pool.num_slots - pool.num_free,
                    cached_tokens=0 if tree is None else tree.num_tokens,
                    max_tokens=pool.num_slots,
                )
            )


def now_s() -> float:
    """The clock of a record."""
    return time.perf_counter()


def _counts(seq: Sequence) -> tuple[int, int, int]:
    return seq.cached, seq.computed, seq.output_tokens


def _row(work: Work) -> PassRow:
    seq = work.seq
    cached, computed, output = seq.recorded
    seq.recorded = now = _counts(seq)
    return PassRow(seq.rid, seq.sample, work.num_tokens, now[0] - cached, now[1] - computed, now[2] - output)
