"""How many calls may be at an API at once, and how soon the next: what it was told, and what answers say of its limits.

    x-ratelimit-remaining-requests: 0        anthropic-ratelimit-tokens-remaining: 0
    x-ratelimit-reset-requests: 1m30s        anthropic-ratelimit-tokens-reset: 2026-12-01T12:00:00Z

Calls wait in the order of their priority, then as they came. An answer counts the calls that had reached the server;
those on their way without an answer are taken off what it says is left. A wait that a server asks for is everybody's.
"""

from __future__ import annotations

import asyncio
import heapq
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import count

MAX_HELD_S = 120.0  # a longer wait is not waited for: the calls are tried, and told what the server says

_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|h|m|s)")
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}


class Budget:
    """What is left of one limit until it is full again; None where nobody has said."""

    __slots__ = ("left", "until")

    def __init__(self) -> None:
        self.left: float | None = None
        self.until = 0.0

    def wait_s(self, now: float, amount: float) -> float:
        """Seconds until so much may be taken."""
        if self.left is not None and now >= self.until:
            self.left = None
        return 0.0 if self.left is None or self.left >= amount else self.until - now

    def take(self, amount: float) -> None:
        """So much is on its way."""
        if self.left is not None:
            self.left -= amount

    def learn(self, left: float | None, reset_s: float | None, now: float, on_way: float) -> None:
        """What an answer says is left, and until when."""
        if left is None or reset_s is None or left < 0 or not 0 <= reset_s <= MAX_HELD_S:
            return
        self.left, self.until = left - on_way, now + reset_s


class Gate:
    """Where the calls to an API wait for their turn. On the loop."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.most_at_once = 0
        self._loop = asyncio.get_running_loop()
        self._running = 0
        self._unheard: dict[int, float] = {}  # calls without an answer yet, by number: their tokens
        self._waiting: list[tuple[int, int, float, asyncio.Future[None]]] = []
        self._numbers = count()
        self._held_until = 0.0
        self._requests, self._tokens = Budget(), Budget()
        self._timer: asyncio.TimerHandle | None = None

    @asynccontextmanager
    async def turn(self, priority: int, tokens: float) -> AsyncIterator[int]:
        """Wait for a turn, which lasts to the end of the block; its number."""
        number = next(self._numbers)
        if self._waiting or self._wait_s(tokens) > 0 or self._running >= self.most:
            ready: asyncio.Future[None] = self._loop.create_future()
            heapq.heappush(self._waiting, (-priority, number, tokens, ready))
            self._let()
            try:
                await ready
            except asyncio.CancelledError:
                if ready.done() and not ready.cancelled():
                    self._leave()
                raise
        else:
            self._enter(tokens)
        self._unheard[number] = tokens
        try:
            yield number
        finally:
            self._unheard.pop(number, None)
            self._leave()

    def heard(self, number: int, headers: Mapping[str, str]) -> None:
        """The head of an answer has come; learn from it what is left."""
        self._unheard.pop(number, None)
        now, on_way = self._loop.time(), len(self._unheard)
        self._requests.learn(*_said(headers, "requests"), now, on_way)
        self._tokens.learn(*_said(headers, "tokens"), now, sum(self._unheard.values()))

    def hold(self, seconds: float) -> None:
        """The server asks to be left alone for a while."""
        self._held_until = max(self._held_until, self._loop.time() + min(seconds, MAX_HELD_S))

    def _wait_s(self, tokens: float) -> float:
        now = self._loop.time()
        return max(self._held_until - now, self._requests.wait_s(now, 1), self._tokens.wait_s(now, tokens))

    def _enter(self, tokens: float) -> None:
        self._running += 1
        self.most_at_once = max(self.most_at_once, self._running)
        self._requests.take(1)
        self._tokens.take(tokens)

    def _leave(self) -> None:
        self._running -= 1
        self._let()

    def _let(self) -> None:
        """Let those in whose turn it is."""
        while self._waiting and self._running < self.most:
            _, _, tokens, ready = self._waiting[0]
            if ready.done():  # cancelled
                heapq.heappop(self._waiting)
                continue
            wait_s = self._wait_s(tokens)
            if wait_s > 0:
                self._look_in(wait_s)
                return
            heapq.heappop(self._waiting)
            self._enter(tokens)
            ready.set_result(None)

    def _look_in(self, wait_s: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(wait_s + 0.001, self._let)


def _said(headers: Mapping[str, str], what: str) -> tuple[float | None, float | None]:
    """What is left of a limit, and in how many seconds it is full again."""
    left = _number(headers.get(f"x-ratelimit-remaining-{what}"))
    if left is not None:
        return left, duration(headers.get(f"x-ratelimit-reset-{what}"))
    left = _number(headers.get(f"anthropic-ratelimit-{what}-remaining"))
    return left, None if left is None else _until(headers.get(f"anthropic-ratelimit-{what}-reset"))


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text is not None else None
    except ValueError:
        return None


def duration(text: str | None) -> float | None:
    """Seconds of a text like `1m30s` or `6s`, or of a bare number; None where it is none."""
    if not text:
        return None
    parts = _PART.findall(text)
    if parts and "".join(number + unit for number, unit in parts) == text:
        return sum(float(number) * _SECONDS[unit] for number, unit in parts)
    return _number(text)


def _until(text: str | None) -> float | None:
    try:
        at = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    if at is None:
        return None
    at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return max(0.0, (at - datetime.now(UTC)).total_seconds())
