"""One HTTP/1.1 connection: a protocol without a task or a stream of its own, so that thousands of calls may wait."""

from __future__ import annotations

import asyncio
import urllib.request
from collections import deque
from functools import lru_cache
from typing import cast
from urllib.parse import urlsplit

from lmc.backend.api.reply import NoAnswer

MAX_HEAD = 64 << 10
MAX_UNREAD = 1 << 20  # bytes of an answer that may wait to be read

SIZE, AFTER, TRAILER = -1, -2, -3  # of a chunked body: what comes next, where that is no data


class Origin:
    """Where a URL leads to: who is connected to, and what stands in the head of a request."""

    __slots__ = ("host", "is_proxied", "is_secure", "key", "named", "path", "port")

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.is_secure = parts.scheme == "https"
        self.host = parts.hostname or ""
        self.port = parts.port or (443 if self.is_secure else 80)
        self.key = (parts.scheme, self.host, self.port)
        self.named = parts.netloc.rpartition("@")[2]
        self.path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self.is_proxied = parts.scheme in urllib.request.getproxies() and not urllib.request.proxy_bypass(self.host)


@lru_cache(256)
def origin_of(url: str) -> Origin:
    """The one of that URL."""
    return Origin(url)


class Connection(asyncio.Protocol):
    """One connection to a server: an exchange at a time."""

    __slots__ = (
        "_buffer", "_error", "_is_paused", "_last", "_loop", "_need", "_parts", "_silence_s", "_timer", "_transport",
        "_unread", "_waiter", "has_begun", "headers", "idle_since", "is_complete", "is_lost", "keeps", "place_key",
        "status",
    )  # fmt: skip

    def __init__(self, loop: asyncio.AbstractEventLoop, place_key: object) -> None:
        self._loop = loop
        self.place_key = place_key
        self.is_lost = False
        self.idle_since = 0.0
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._parts: deque[bytes] = deque()
        self._reset()

    def _reset(self) -> None:
        self._buffer = b""
        self._need: int | None = None  # None: the head is not complete
        self._unread = 0
        self._is_paused = False
        self._error: NoAnswer | None = None
        self.status = 0
        self.headers: dict[str, str] = {}
        self.has_begun = self.is_complete = False
        self.keeps = True

    # --- an exchange -----------------------------------------------------------------------------------------

    async def ask(self, request: bytes, silence_s: float) -> None:
        """Send a request; returns when the head of its answer is there. Raises NoAnswer."""
        assert self._transport is not None
        self._reset()
        self._silence_s, self._last = silence_s, self._loop.time()
        self._timer = self._loop.call_later(silence_s, self._look)
        self._transport.write(request)
        while self._need is None:
            await self._wait()

    async def read(self) -> bytes:
        """More of the body; b"" at its end. Raises NoAnswer."""
        while not self._parts:
            if self.is_complete:
                return b""
            await self._wait()
        data = self._parts.popleft() if len(self._parts) == 1 else b"".join(self._parts)
        self._parts.clear()
        self._unread = 0
        if self._is_paused and self._transport is not None:
            self._is_paused = False
            self._transport.resume_reading()
        return data

    async def _wait(self) -> None:
        if self._error is not None:
            raise self._error
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None
        if self._error is not None and not self._parts:
            raise self._error

    def end(self) -> bool:
        """The exchange is over; True where the connection may be used again."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._parts.clear()
        if self.is_complete and self.keeps and not self.is_lost and not self._buffer:
            return True
        self.drop()
        return False

    def drop(self) -> None:
        """Close it at once."""
        self.is_lost = True
        if self._transport is not None:
            self._transport.abort()

    def _look(self) -> None:
        """Whether something has come of late; where nothing has, the exchange has failed."""
        left = self._last + self._silence_s - self._loop.time()
        if left > 0 or self._is_paused:
            self._timer = self._loop.call_later(max(left, 0.1), self._look)
            return
        self._fail(f"the server said nothing for {self._silence_s:g} s")

    def _fail(self, what: str) -> None:
        if self._error is None and not self.is_complete:
            self._error = NoAnswer(what, began=self.has_begun)
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # --- asyncio's ---------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """As asyncio says."""
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """As asyncio says."""
        self.is_lost = True
        if self._need is not None and not self.is_complete and self._until_closed and exc is None:
            self._complete()
        self._fail("the server closed the connection in the middle of its answer" if self.has_begun else
                   "the server closed the connection without an answer")  # fmt: skip

    def data_received(self, data: bytes) -> None:
        """As asyncio says."""
        self._last = self._loop.time()
        self.has_begun = True
        try:
            if self._need is None:
                data = self._head(data)
                if self._need is None:
                    return
                self._wake()
            if data or self._need == 0:
                self._body(data)
        except (ValueError, IndexError):
            self.keeps = False
            self._fail("the server does not speak HTTP")
            self.drop()

    # --- HTTP --------------------------------------------------------------------------------------------------

    def _head(self, data: bytes) -> bytes:
        """Read the head, where it is complete; what stands behind it. Raises ValueError."""
        data = self._buffer + data
        while True:
            end = data.find(b"\r\n\r\n")
            if end < 0:
                if len(data) > MAX_HEAD:
                    raise ValueError("too long")
                self._buffer = data
                return b""
            first, *lines = data[:end].decode("latin-1").split("\r\n")
            version, status, *_ = first.split(" ", 2)
            if not version.startswith("HTTP/1."):
                raise ValueError("no HTTP")
            data = data[end + 4 :]
            self.status = int(status)
            if self.status >= 200:  # what stands before the answer says nothing
                break
        self._buffer = b""
        for line in lines:
            name, _, value = line.partition(":")
            name, value = name.lower(), value.strip()
            self.headers[name] = f"{self.headers[name]}, {value}" if name in self.headers else value
        self.keeps = version != "HTTP/1.0" and "close" not in self.headers.get("connection", "").lower()
        self._need = self._length()
        return data

    def _length(self) -> int:
        if self.status in (204, 304):
            return 0
        if "chunked" in self.headers.get("transfer-encoding", "").lower():
            return SIZE
        length = self.headers.get("content-length")
        if length is not None:
            return int(length)
        self.keeps = False
        return 1 << 62

    @property
    def _until_closed(self) -> bool:
        return self._need is not None and self._need > 1 << 60

    @property
    def _is_chunked(self) -> bool:
        return "transfer-encoding" in self.headers

    def _body(self, data: bytes) -> None:
        assert self._need is not None
        if self._is_chunked:
            self._chunked(data)
            return
        taken = data[: self._need]
        self._need -= len(taken)
        self._buffer = data[len(taken) :]
        self._give(taken)
        if self._need == 0:
            self._complete()

    def _chunked(self, data: bytes) -> None:
        data = self._buffer + data if self._buffer else data
        at, need, parts = 0, cast(int, self._need), list[bytes]()
        while at < len(data) and not self.is_complete:
            if need > 0:
                part = data[at : at + need]
                parts.append(part)
                at, need = at + len(part), need - len(part)
                need = need or AFTER
                continue
            end = data.find(b"\r\n", at)
            if end < 0:
                if len(data) - at > MAX_HEAD:
                    raise ValueError("too long")
                break
            if need == AFTER:
                if end != at:
                    raise ValueError("no end of a chunk")
                need = SIZE
            elif need == SIZE:
                need = int(data[at:end].partition(b";")[0], 16) or TRAILER
                if need < TRAILER:
                    raise ValueError("a negative size")
            elif end == at:
                self.is_complete = True
            at = end + 2
        self._buffer, self._need = data[at:], need
        self._give(parts[0] if len(parts) == 1 else b"".join(parts))
        if self.is_complete:
            self._complete()

    def _give(self, data: bytes) -> None:
        if not data:
            return
        self._parts.append(data)
        self._unread += len(data)
        if self._unread > MAX_UNREAD and not self._is_paused and self._transport is not None:
            self._is_paused = True
            self._transport.pause_reading()
        self._wake()

    def _complete(self) -> None:
        self.is_complete = True
        self._wake()
