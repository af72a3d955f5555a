"""What a session's calls came to: every attempt, also those that failed. Written on the loop, read anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from lmc.backend.api.ask import Spent
from lmc.backend.api.prices import Price
from lmc.backend.base import Counters


class Ledger:
    """Tokens as the server counts them, by attempt.

    unknown    attempts that the server may bill and of which it did not tell the tokens
    unpriced   attempts with tokens that have no known price
    own        attempts on a server of one's own, which has no price
    unchecked  answers under a constraint of which only the server knows whether they keep it
    """

    def __init__(self, price: Price | None = None, *, is_own: bool = False) -> None:
        self._price, self._is_own = price, is_own and price is None
        self.own = 0
        self.money = 0.0
        self.unpriced = 0
        self.counts = Counters()
        self.attempts = 0
        self.failed = 0
        self.unknown = 0
        self.written = 0
        self.unchecked = 0

    def tried(self, spent: Spent | None, *, has_failed: bool, may_cost: bool) -> None:
        """Note an attempt. `may_cost` is False where the server refused it or never had it.

        What was told of one that broke off was not the end of it.
        """
        of_call = _of_call.get()
        if of_call is not None and of_call is not self:
            of_call.tried(spent, has_failed=has_failed, may_cost=may_cost)
        self.attempts += 1
        self.own += self._is_own
        self.failed += has_failed
        if has_failed or spent is None or spent.prompt is None or spent.output is None:
            self.unknown += may_cost
        if spent is None:
            return
        counts = self.counts
        prompt, cached = spent.prompt or 0, spent.cached or 0
        counts.prompt_tokens += prompt
        counts.cached_tokens += cached
        counts.computed_tokens += prompt - cached
        counts.output_tokens += spent.output or 0
        self.written += spent.written or 0
        self._pay(spent)

    def _pay(self, spent: Spent) -> None:
        prompt, cached, written = spent.prompt or 0, spent.cached or 0, spent.written or 0
        fresh, output = max(0, prompt - cached - written), spent.output or 0
        price = self._price
        cost = price.money(input=fresh, cached=cached, written=written, output=output) if price is not None else None
        if cost is None:
            self.unpriced += not self._is_own
        else:
            self.money += cost

    def not_checked(self) -> None:
        """Note an answer of which only the server knows whether it keeps its constraint."""
        of_call = _of_call.get()
        if of_call is not None and of_call is not self:
            of_call.not_checked()
        self.unchecked += 1

    @contextmanager
    def of_call(self) -> Iterator[Ledger]:
        """A ledger of what is noted here and in the tasks that begin here: of one request, where each has its task."""
        found = Ledger(self._price, is_own=self._is_own)
        token = _of_call.set(found)
        try:
            yield found
        finally:
            _of_call.reset(token)

    def snapshot(self) -> Counters:
        """The counts as they are now."""
        found = self.counts.copy()
        found.extra = self.extra()
        return found

    def extra(self) -> dict[str, float]:
        """What is not tokens of prompts and answers, by name."""
        found: dict[str, float] = {} if self._price is None else {f"money {self._price.currency}": self.money}
        return found | {
            "attempts": self.attempts,
            "failed_attempts": self.failed,
            "attempts_of_unknown_cost": self.unknown,
            "attempts_without_price": self.unpriced,
            "attempts_on_own_server": self.own,
            "written_tokens": self.written,
            "unchecked_answers": self.unchecked,
        }


_of_call: ContextVar[Ledger | None] = ContextVar("lmc_ledger_of_call", default=None)
