"""What a session's calls came to: every attempt, also those that failed. Written on the loop, read anywhere."""

from __future__ import annotations

from lmc.backend.api.ask import Spent
from lmc.backend.api.prices import MILLION, Price
from lmc.backend.api.speculation_gains import RowRates
from lmc.backend.base import Counters


class Ledger:
    """Tokens as the server counts them, by attempt.

    unknown    attempts that the server may bill and of which it did not tell the tokens
    unpriced   attempts with tokens that have no known price
    unchecked  answers under a constraint of which only the server knows whether they keep it
    rows       calls that were asked for several values of a row; `saved` calls had their answer in one of these, with
               so many `reused` tokens. Written for no value: the texts `between` them, and what was in vain (`wasted`)
    spared     what the prompts of saved calls would have cost, less what was written for no value
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
        self.rows = self.saved = self.reused = self.between = self.wasted = 0
        self.spared = 0.0

    def row_ended(self, *, between: int, wasted: int) -> None:
        """Note a call for several values: the tokens that it wrote for none of them."""
        self.rows += 1
        self.between += between
        self.wasted += wasted
        if self._price is not None:
            self.spared -= (between + wasted) * self._price.output / MILLION

    def call_saved(self, tokens: int, prompt: int, rates: RowRates | None) -> None:
        """Note a call that had its answer already: its tokens, and those of the prompt that it did not send."""
        self.saved += 1
        self.reused += tokens
        if rates is not None:
            self.spared += rates.of_call(prompt)

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
        if self.rows:
            found.extra |= {
                "rows": self.rows,
                "saved_calls": self.saved,
                "reused_tokens": self.reused,
                "tokens_between_values": self.between,
                "wasted_tokens": self.wasted,
            }
            if self._price is not None:
                found.extra[f"spared {self._price.currency}"] = self.spared
        return found
