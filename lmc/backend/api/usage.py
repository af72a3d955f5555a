"""What a session's calls came to: every attempt, also those that failed. Written on the loop, read anywhere."""

from __future__ import annotations

from lmc.backend.api.ask import Spent
from lmc.backend.api.prices import Price
from lmc.backend.base import Counters


class Ledger:
    """Tokens as the server counts them, by attempt.

    unknown    attempts that the server may bill and of which it did not tell the tokens
    unpriced   attempts with tokens that have no known price
    unchecked  answers under a constraint of which only the server knows whether they keep it
    """

    def __init__(self, price: Price | None = None) -> None:
        self._price = price
        self.money = 0.0
        self.unpriced = 0
        self.counts = Counters()
        self.attempts = 0
        self.failed = 0
        self.unknown = 0
        self.written = 0
        self.unchecked = 0

    def tried(self, spent: Spent | None, *, has_failed: bool, may_cost: bool) -> None:
        """Note an attempt. `may_cost` is False where the server refused it or never had it."""
        self.attempts += 1
        self.failed += has_failed
        if spent is None or spent.prompt is None or spent.output is None:
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
            self.unpriced += 1
        else:
            self.money += cost

    def snapshot(self) -> Counters:
        """The counts as they are now."""
        found = self.counts.copy()
        found.extra = {} if self._price is None else {f"money {self._price.currency}": self.money}
        found.extra |= {
            "attempts": self.attempts,
            "failed_attempts": self.failed,
            "attempts_of_unknown_cost": self.unknown,
            "attempts_without_price": self.unpriced,
            "written_tokens": self.written,
            "unchecked_answers": self.unchecked,
        }
        return found
