"""Whether asking for a row of calls at once pays: learnt of each row by what came of it.

A call that is saved is a prompt that is not paid for again, in full or as far as a cache does not have it; on a server
that takes no money it is the time until an answer begins. What that costs are tokens that are written for no value: the
texts between them, and what comes behind the place where the program goes on otherwise.

    gained = saved calls x (prompt tokens x their price | seconds to the first token)
             - tokens for no value x (price of output | seconds a token)

Sums fade, so that a row that has changed is seen. Where they are below nothing, the row's calls go out one by one, and
one row in PROBE is asked at once to see whether that still holds. While nothing is known of a row, only so many of it
are asked at once, and the others wait for what comes of these.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lmc.backend.api.exchange import Follower
    from lmc.backend.api.prices import Price

LEAST = 8  # rows before anything is decided
PROBE = 32
FADE = 0.95  # of the sums with each row
MAX_SITES = 4096
MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class RowRates:
    """Money for tokens, as rows are weighed by it.

    cached     a token of a prompt that is long enough to be found in a cache, `kept_from` so many tokens on
    """

    input: float
    output: float
    call: float = 0.0
    cached: float | None = None
    kept_from: int = 0

    @classmethod
    def of(cls, price: Price, cached: float | None, kept_from: int) -> RowRates:
        """Those of a price."""
        return cls(price.input / MILLION, price.output / MILLION, price.call, cached and cached / MILLION, kept_from)

    def of_call(self, prompt: int) -> float:
        """What a call with such a prompt costs before it answers."""
        is_kept = self.cached is not None and prompt >= self.kept_from
        return self.call + prompt * (self.cached if is_kept and self.cached is not None else self.input)


class RowClock:
    """How long an answer took to begin, and each of its tokens then: an exchange.Follower that hands on to another."""

    def __init__(self, inner: Follower | None) -> None:
        self._inner = inner
        self._sent_s = self._began_s = 0.0

    def sent(self) -> None:
        """It is on its way to the server."""
        self._sent_s = self._began_s = time.monotonic()
        if self._inner is not None:
            self._inner.sent()

    def began(self) -> None:
        """Something of its answer has come."""
        if self._began_s == self._sent_s:
            self._began_s = time.monotonic()
        if self._inner is not None:
            self._inner.began()

    def over(self) -> None:
        """It has failed, if it has not begun."""
        if self._inner is not None:
            self._inner.over()

    @property
    def first_s(self) -> float:
        """Until it began."""
        return self._began_s - self._sent_s

    def of_tokens(self, num: int, of: int) -> float:
        """So many tokens of all took that long."""
        return (time.monotonic() - self._began_s) * num / of if of and self._began_s else 0.0


@dataclass(slots=True)
class RowGains:
    """What came of a row so far.

    gained    in money or seconds; fading
    num_rows  that were asked at once; `num_open` are on their way, `num_alone` went out one by one
    """

    gained: float = 0.0
    num_rows: int = 0
    num_alone: int = 0
    num_open: int = 0

    @property
    def pays(self) -> bool:
        """Whether it is asked at once; it is until something else is known."""
        return self.num_rows < LEAST or self.gained >= 0


class Gains:
    """What is known of the rows of one backend. On the loop."""

    def __init__(self, at_once: int) -> None:
        self._sites: OrderedDict[str, RowGains] = OrderedDict()
        self._at_once = max(LEAST, at_once)
        self._news = asyncio.Condition()

    def of(self, site: str) -> RowGains:
        """What is known of a row."""
        found = self._sites.get(site)
        if found is None:
            found = self._sites[site] = RowGains()
            if len(self._sites) > MAX_SITES:
                self._sites.popitem(last=False)
        return found

    async def decide(self, site: str) -> bool:
        """Whether a row is to be asked at once; if so, `over` is to be told of it."""
        row = self.of(site)
        while row.num_rows < LEAST and row.num_rows + row.num_open >= self._at_once:
            async with self._news:
                await self._news.wait()
        if not row.pays:
            row.num_alone += 1
            if row.num_alone % PROBE:
                return False
        row.num_open += 1
        return True

    async def over(self, site: str, gained: float | None) -> None:
        """What came of one; None where that is not known."""
        row = self.of(site)
        row.num_open -= 1
        if gained is not None:
            row.num_rows += 1
            row.gained = FADE * row.gained + gained
        async with self._news:
            self._news.notify_all()
