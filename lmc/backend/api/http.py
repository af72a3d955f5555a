"""HTTP requests and their answers as they come, over one pool of connections on the loop of this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING

from lmc.version import __version__

if TYPE_CHECKING:
    import httpx2

CONNECT_S = 5.0
KEEP_S = 4.0  # an idle connection is given up before a server's usual 5 s are over


class NoAnswer(Exception):
    """The connection failed, or nothing came for too long. `began` is True once some of an answer had come."""

    def __init__(self, what: str, *, began: bool = False) -> None:
        super().__init__(what)
        self.what = what
        self.began = began


class Reply:
    """The head of an answer; its body comes chunk by chunk. Closed in any case, at the end of `async with`."""

    def __init__(self, response: httpx2.Response) -> None:
        self._response = response
        self.status = response.status_code
        self.headers: Mapping[str, str] = response.headers

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body. Raises NoAnswer."""
        import httpx2

        try:
            async for chunk in self._response.aiter_bytes():
                yield chunk
        except httpx2.TimeoutException:
            raise NoAnswer("the server fell silent in the middle of its answer", began=True) from None
        except (httpx2.TransportError, httpx2.DecodingError) as error:
            raise NoAnswer(f"the answer broke off ({type(error).__name__})", began=True) from None

    async def close(self) -> None:
        """Give the connection back, or close it where not all of the answer was read."""
        await self._response.aclose()


class Http:
    """The client of one event loop."""

    def __init__(self) -> None:
        import httpx2

        self._client = httpx2.AsyncClient(
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=None, keepalive_expiry=KEEP_S),
            headers={"User-Agent": f"lmc/{__version__}"},
        )
        self._httpx = httpx2

    async def post(self, url: str, headers: Mapping[str, str], body: bytes, silence_s: float) -> Reply:
        """Send a request and wait for the head of its answer. Raises NoAnswer."""
        return await self._send("POST", url, headers, body, silence_s)

    async def get(self, url: str, headers: Mapping[str, str], silence_s: float) -> Reply:
        """The same without a body."""
        return await self._send("GET", url, headers, None, silence_s)

    async def _send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, silence_s: float
    ) -> Reply:
        httpx2 = self._httpx
        timeout = httpx2.Timeout(silence_s, connect=min(CONNECT_S, silence_s), pool=None)
        request = self._client.build_request(method, url, headers=dict(headers), content=body, timeout=timeout)
        try:
            return Reply(await self._client.send(request, stream=True))
        except httpx2.ConnectTimeout:
            raise NoAnswer(f"no connection within {CONNECT_S:g} s") from None
        except httpx2.TimeoutException:
            raise NoAnswer("the server said nothing for too long") from None
        except httpx2.ConnectError as error:
            raise NoAnswer(f"no connection: {error}") from None
        except httpx2.TransportError as error:
            raise NoAnswer(f"the server closed the connection without an answer ({type(error).__name__})") from None


_clients: dict[int, tuple[asyncio.AbstractEventLoop, Http]] = {}


def http_here() -> Http:
    """The client of the running loop."""
    loop = asyncio.get_running_loop()
    found = _clients.get(id(loop))
    if found is None or found[0] is not loop:
        _clients.clear()
        found = _clients[id(loop)] = (loop, Http())
    return found[1]
