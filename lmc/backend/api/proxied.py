"""Requests through a proxy that the environment names: httpx2 does them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING

from lmc.backend.api.reply import CONNECT_S, KEEP_S, NoAnswer, Reply
from lmc.version import __version__

if TYPE_CHECKING:
    import httpx2


class ProxiedReply:
    """An answer of httpx2's."""

    times = 1

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


async def send(method: str, url: str, headers: Mapping[str, str], body: bytes | None, silence_s: float) -> Reply:
    """Send a request and wait for the head of its answer. Raises NoAnswer."""
    import httpx2

    client = _client()
    timeout = httpx2.Timeout(silence_s, connect=min(CONNECT_S, silence_s), pool=None)
    request = client.build_request(method, url, headers=dict(headers), content=body, timeout=timeout)
    try:
        return ProxiedReply(await client.send(request, stream=True))
    except httpx2.ConnectTimeout:
        raise NoAnswer(f"no connection within {CONNECT_S:g} s", was_sent=False) from None
    except httpx2.TimeoutException:
        raise NoAnswer(f"the server said nothing for {silence_s:g} s") from None
    except httpx2.ProxyError as error:
        raise NoAnswer(f"the proxy of the environment answered: {error}", was_sent=False) from None
    except httpx2.ConnectError as error:
        raise NoAnswer(f"no connection by the proxy of the environment: {error}", was_sent=False) from None
    except httpx2.TransportError as error:
        raise NoAnswer(f"the server closed the connection without an answer ({type(error).__name__})") from None


_clients: dict[int, tuple[asyncio.AbstractEventLoop, httpx2.AsyncClient]] = {}


def _client() -> httpx2.AsyncClient:
    """The client of the running loop."""
    import httpx2

    loop = asyncio.get_running_loop()
    found = _clients.get(id(loop))
    if found is None or found[0] is not loop:
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=None, keepalive_expiry=KEEP_S)
        client = httpx2.AsyncClient(limits=limits, headers={"User-Agent": f"lmc/{__version__}"})
        _clients.clear()
        found = _clients[id(loop)] = (loop, client)
    return found[1]
