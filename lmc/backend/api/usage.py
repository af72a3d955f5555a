"""What a session's calls came to: every attempt, also those that failed. Written on the loop, read anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from lmc.backend.api.ask import Spent
from lmc.backend.api.prices import MILLION, Price
from lmc.backend.api.speculation_gains import RowRates
from lmc.backend.base import Counters


class Ledger:
    """Tokens as the server counts them, by attempt.

    under_way  attempts that the server has, and of which nobody knows yet what they come to
    unknown    attempts that the server may bill and of which it did not tell the tokens
    unpriced   attempts with tokens that have no known price
    own        attempts on a server of one's own, which has no price
    unchecked  answers under a constraint of which only the server knows whether they keep it
    rows       calls that were asked for several values of a row; `saved` calls had their answer in one of these, with
               so many `reused` tokens. Written for no value: the texts `between` them, and what was in vain (`wasted`)
    spared     what the prompts of saved calls would have cost, less what was written for no value

    What is noted in a task for one of several users is noted in the ledger of that user too: see `counting_for`.
    """

    def __init__(self, price: Price | None = None, *, is_own: bool = False) -> None:
        self._price, self._is_own = price, is_own and price is None
        self._of_user: dict[int, Ledger] = {}
        self.money = 0.0
        self.counts = Counters()
        self.attempts = self.failed = self.under_way = 0
        self.unknown = self.unpriced = self.own = 0
        self.written = 0
        self.unchecked = 0
        self.rows = self.saved = self.reused = self.between = self.wasted = 0
        self.spared = 0.0

    # --- what is noted ---------------------------------------------------------------------------------------

    def row_ended(self, *, between: int, wasted: int) -> None:
        """Note a call for several values: the tokens that it wrote for none of them."""
        for each in self._all():
            each.rows += 1
            each.between += between
            each.wasted += wasted
            if each._price is not None:
                each.spared -= (between + wasted) * each._price.output / MILLION

    def call_saved(self, tokens: int, prompt: int, rates: RowRates | None) -> None:
        """Note a call that had its answer already: its tokens, and those of the prompt that it did not send."""
        for each in self._all():
            each.saved += 1
            each.reused += tokens
            if rates is not None:
                each.spared += rates.of_call(prompt)

    def not_checked(self) -> None:
        """Note an answer of which only the server knows whether it keeps its constraint."""
        for each in self._all():
            each.unchecked += 1

    def sending(self) -> None:
        """Note that an attempt is about to be sent; `tried` notes its end."""
        for each in self._all():
            each.under_way += 1

    def tried(self, spent: Spent | None, *, has_failed: bool, may_cost: bool, was_sent: bool) -> None:
        """Note an attempt that has ended. `may_cost` is False where the server refused it or never had it.

        What was told of one that broke off was not the end of it.
        """
        for each in self._all():
            each.under_way -= was_sent
            each._tried(spent, has_failed, may_cost)

    def _tried(self, spent: Spent | None, has_failed: bool, may_cost: bool) -> None:
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

    # --- users -----------------------------------------------------------------------------------------------

    @contextmanager
    def counting_for(self, user: int) -> Iterator[None]:
        """What is noted in here, and in the tasks that begin in here, is of this user; 0 is nobody."""
        if not user:
            yield
            return
        if user not in self._of_user:
            self._of_user[user] = Ledger(self._price, is_own=self._is_own)
        token = _user.set(user)
        try:
            yield
        finally:
            _user.reset(token)

    def _all(self) -> tuple[Ledger, ...]:
        own = self._of_user.get(_user.get())
        return (self,) if own is None else (self, own)

    def of_user(self, user: int) -> dict[str, float]:
        """As `extra`, of one user."""
        own = self._of_user.get(user)
        return {} if own is None else own.extra()

    def forget(self, user: int) -> None:
        """Nobody asks for that one any more."""
        self._of_user.pop(user, None)

    # --- what is told ----------------------------------------------------------------------------------------

    def snapshot(self) -> Counters:
        """The counts as they are now."""
        found = self.counts.copy()
        found.extra = self.extra()
        return found

    def extra(self) -> dict[str, float]:
        """What is not tokens of prompts and answers, by name. An attempt that is under way is of unknown cost."""
        found: dict[str, float] = {} if self._price is None else {f"money {self._price.currency}": self.money}
        found |= {
            "attempts": self.attempts + self.under_way,
            "failed_attempts": self.failed,
            "attempts_of_unknown_cost": self.unknown + self.under_way,
            "attempts_without_price": self.unpriced,
            "attempts_on_own_server": self.own + self.under_way * self._is_own,
            "written_tokens": self.written,
            "unchecked_answers": self.unchecked,
        }
        if self.rows:
            found |= {
                "rows": self.rows,
                "saved_calls": self.saved,
                "reused_tokens": self.reused,
                "tokens_between_values": self.between,
                "wasted_tokens": self.wasted,
            }
            if self._price is not None:
                found[f"spared {self._price.currency}"] = self.spared
        return found


_user: ContextVar[int] = ContextVar("lmc_ledger_user", default=0)
