"""One connection: requests are read one after the other, each is answered by acts.

Bytes that need no pause go out in one write. Who closes early is noticed while the answer is under way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

from .acts import Act, End, head
from .request import BadRequest, Request, read_request, wants_continue

_JOINED_BYTES = 1 << 16  # bytes without a pause between them are written together, up to here


class Connection(asyncio.Protocol):
    """Reads requests and gives each to `serve(request, connection)`, which calls `play` or `hold`.

    number        of the connection, in the order of their coming
    idle_s        after how long without a request it is closed; None for never
    close_next    close it as soon as the client sends another request: the race that a pool must survive
    """

    def __init__(
        self,
        number: int,
        serve: Callable[[Request, Connection], None],
        idle_s: float | None,
        open_ones: set[Connection],
    ) -> None:
        self.number = number
        self.served = 0
        self.idle_s = idle_s
        self.close_next = False
        self.is_lost = False
        self._serve = serve
        self._open_ones = open_ones
        self._inbox = bytearray()
        self._busy = False
        self._idle: asyncio.TimerHandle | None = None
        self._may_write = asyncio.Event()
        self._may_write.set()
        self._task: asyncio.Task[None] | None = None
        self._ended: Callable[[bool], None] | None = None

    # --- what asyncio calls ---------------------------------------------------------------------------

    def connection_made(self, transport: Any) -> None:
        """Begin."""
        self.transport = transport
        self._open_ones.add(self)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """More bytes of the client."""
        self._inbox += data
        if not self._busy:
            self._next()

    def eof_received(self) -> bool:
        """Whoever half-closes has left: no client of an API reads on behind that."""
        return False

    def connection_lost(self, error: Exception | None) -> None:
        """The client has gone, or we have closed."""
        self.is_lost = True
        self._open_ones.discard(self)
        self._may_write.set()
        if self._idle:
            self._idle.cancel()
        if self._task:
            self._task.cancel()
        self._end(False)

    def pause_writing(self) -> None:
        """The client reads too slowly."""
        self._may_write.clear()

    def resume_writing(self) -> None:
        """It has caught up."""
        self._may_write.set()

    # --- reading --------------------------------------------------------------------------------------

    def _next(self) -> None:
        if self._idle:
            self._idle.cancel()
            self._idle = None
        if self.close_next:
            self.transport.abort()
            return
        try:
            found = read_request(self._inbox)
        except BadRequest as error:
            self.transport.write(
                head(400, [("content-length", "0"), ("x-reason", str(error)), ("connection", "close")])
            )
            self.transport.close()
            return
        if found is None:
            if wants_continue(self._inbox):
                self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            return
        request, length = found
        del self._inbox[:length]
        self._busy = True
        self._closes = request.headers.get("connection", "").lower() == "close"
        self._serve(request, self)

    def _wait(self) -> None:
        if self.idle_s is not None and not self.is_lost:
            self._idle = asyncio.get_running_loop().call_later(self.idle_s, self.transport.close)

    # --- answering ------------------------------------------------------------------------------------

    def hold(self, work: Any) -> None:
        """Run a coroutine for the request; it ends with `play`. Cancelled when the client goes."""
        self._task = asyncio.get_running_loop().create_task(work)

    def on_end(self, ended: Callable[[bool], None]) -> None:
        """Call `ended(whole)` when the answer has gone out whole, or never will."""
        self._ended = ended

    def play(self, acts: Iterator[Act]) -> None:
        """Answer. What needs no pause is written at once, the rest by a task."""
        wrote: list[bytes] = []
        size = 0
        for act in acts:
            if not isinstance(act, bytes) or size > _JOINED_BYTES:
                self.transport.write(b"".join(wrote))
                self._task = asyncio.get_running_loop().create_task(self._play_on(act, acts))
                return
            wrote.append(act)
            size += len(act)
        self.transport.write(b"".join(wrote))
        self._done()

    async def _play_on(self, act: Act | None, acts: Iterator[Act]) -> None:
        while act is not None:
            if isinstance(act, End):
                await self._break_off(act)
                return
            if isinstance(act, bytes):
                if not self._may_write.is_set():
                    await self._may_write.wait()
                self.transport.write(act)
            else:
                await asyncio.sleep(act)
            act = next(acts, None)
        await self._may_write.wait()
        self._done()

    async def _break_off(self, end: End) -> None:
        if end is End.HANG:
            await asyncio.Event().wait()  # until the client goes: connection_lost cancels it
        self.transport.close()

    def _done(self) -> None:
        self._task = None
        self._busy = False
        self.served += 1
        self._end(True)
        if self._closes:
            self.transport.close()
        elif self._inbox and not self.is_lost:
            asyncio.get_running_loop().call_soon(self._next)
        else:
            self._wait()

    def _end(self, whole: bool) -> None:
        ended, self._ended = self._ended, None
        if ended:
            ended(whole)
