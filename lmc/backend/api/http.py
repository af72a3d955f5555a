"""HTTP/1.1 requests on the loop of this process, and their answers as they come: what a call needs, and no more.

A connection is kept after an answer that was read to its end, and given up before a server's usual 5 s of silence are
over. Where a server closes a kept connection just as it is used again, the request is sent once more on a new one. What
goes through a proxy goes through httpx2 (proxied.py); certificates are looked at as httpx2 does.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping

from lmc.backend.api import proxied
from lmc.backend.api.connection import Connection, Origin, origin_of
from lmc.backend.api.reply import CONNECT_S, KEEP_S, NoAnswer, Reply
from lmc.version import __version__


class DirectReply:
    """An answer on a connection of ours."""

    __slots__ = ("_connection", "_http", "headers", "status", "times")

    def __init__(self, http: Http, connection: Connection) -> None:
        self._http, self._connection = http, connection
        self.times = 1
        self.status = connection.status
        self.headers: Mapping[str, str] = connection.headers

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body. Raises NoAnswer."""
        read = self._connection.read
        while data := await read():
            yield data

    async def close(self) -> None:
        """Keep the connection, or close it where not all of the answer was read."""
        self._http.give_back(self._connection)


class Http:
    """The connections of one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._idle: dict[object, list[Connection]] = {}
        self._sweep: asyncio.TimerHandle | None = None
        self._secure: ssl.SSLContext | None = None

    async def post(self, url: str, headers: Mapping[str, str], body: bytes, silence_s: float) -> Reply:
        """Send a request and wait for the head of its answer. Raises NoAnswer."""
        return await self._send("POST", url, headers, body, silence_s)

    async def get(self, url: str, headers: Mapping[str, str], silence_s: float) -> Reply:
        """The same without a body."""
        return await self._send("GET", url, headers, None, silence_s)

    async def _send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, silence_s: float
    ) -> Reply:
        place = origin_of(url)
        if place.is_proxied:
            return await proxied.send(method, url, headers, body, silence_s)
        head = [f"{method} {place.path} HTTP/1.1", f"Host: {place.named}", f"User-Agent: lmc/{__version__}"]
        head += (f"{name}: {value}" for name, value in headers.items())
        if body is not None:
            head.append(f"Content-Length: {len(body)}")
        request = "\r\n".join((*head, "", "")).encode("latin-1") + (body or b"")
        kept = self._kept(place)
        if kept is not None:
            try:
                return await self._ask(kept, request, silence_s)
            except NoAnswer as error:
                # closed by the server just when it was used again: it has hardly read this request
                if error.began or not kept.is_lost:
                    raise
                return await self._once_more(place, request, silence_s)
        return await self._ask(await self._connect(place), request, silence_s)

    async def _once_more(self, place: Origin, request: bytes, silence_s: float) -> Reply:
        try:
            reply = await self._ask(await self._connect(place), request, silence_s)
        except NoAnswer as error:
            error.times += 1
            raise
        reply.times += 1
        return reply

    async def _ask(self, connection: Connection, request: bytes, silence_s: float) -> Reply:
        try:
            await connection.ask(request, silence_s)
        except BaseException:
            was_lost = connection.is_lost
            connection.end()
            connection.is_lost = was_lost
            raise
        return DirectReply(self, connection)

    async def _connect(self, place: Origin) -> Connection:
        made = Connection(self._loop, place.key)
        try:
            async with asyncio.timeout(CONNECT_S):
                await self._loop.create_connection(
                    lambda: made, place.host, place.port, ssl=self._context() if place.is_secure else None
                )
        except TimeoutError:
            raise NoAnswer(f"no connection within {CONNECT_S:g} s", was_sent=False) from None
        except OSError as error:
            lasts = isinstance(error, ssl.SSLError)
            raise NoAnswer(f"no connection: {why_none(error)}", was_sent=False, lasts=lasts) from None
        return made

    def _context(self) -> ssl.SSLContext:
        if self._secure is None:
            import httpx2

            self._secure = httpx2.create_ssl_context()
        return self._secure

    # --- connections that are kept -----------------------------------------------------------------------------

    def _kept(self, place: Origin) -> Connection | None:
        idle = self._idle.get(place.key)
        while idle:
            found = idle.pop()
            if not found.is_lost and self._loop.time() - found.idle_since < KEEP_S:
                return found
            found.drop()
        return None

    def give_back(self, connection: Connection) -> None:
        """An exchange is over."""
        if connection.end():
            connection.idle_since = self._loop.time()
            self._idle.setdefault(connection.place_key, []).append(connection)
            if self._sweep is None:
                self._sweep = self._loop.call_later(KEEP_S, self._drop_old)

    def _drop_old(self) -> None:
        oldest = self._loop.time() - KEEP_S
        for idle in self._idle.values():
            fresh = [each for each in idle if not each.is_lost and each.idle_since > oldest]
            for each in idle:
                if each.idle_since <= oldest:
                    each.drop()
            idle[:] = fresh
        has_some = any(self._idle.values())
        self._sweep = self._loop.call_later(1.0, self._drop_old) if has_some else None


def why_none(error: OSError) -> str:
    """What is wrong with a connection, and with a certificate what to do."""
    if isinstance(error, ssl.SSLCertVerificationError):
        trusted = "SSL_CERT_FILE names a file of certificates that are"
        return f"its certificate is not trusted ({error.verify_message}); {trusted}"
    if isinstance(error, ssl.SSLError):
        return f"it does not speak TLS ({error.reason or error}); is the URL to begin with http://?"
    return str(error.strerror or error)


_clients: dict[int, tuple[asyncio.AbstractEventLoop, Http]] = {}


def http_here() -> Http:
    """The connections of the running loop."""
    loop = asyncio.get_running_loop()
    found = _clients.get(id(loop))
    if found is None or found[0] is not loop:
        _clients.clear()
        found = _clients[id(loop)] = (loop, Http(loop))
    return found[1]
