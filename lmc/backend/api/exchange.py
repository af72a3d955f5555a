"""One wire call: sent, its answer read frame by frame, tried again where that may help and nothing was told yet."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any, Protocol

from lmc.backend.api.ask import Chunk, Spent, WireAsk
from lmc.backend.api.frames import Events, FrameTooLong, JsonLines
from lmc.backend.api.http import http_here
from lmc.backend.api.reply import NoAnswer, Reply
from lmc.backend.api.retry import MAX_ASKED_S, Trouble, backoff, trouble_in_stream, trouble_of
from lmc.backend.api.wire import Dialect

if TYPE_CHECKING:
    from lmc.backend.api.remote import ApiTarget
    from lmc.backend.api.usage import Ledger


class Sink(Protocol):
    """Who hears an answer.

    has_told  something of it has gone on: what is tried again must not tell it once more
    is_whole  all of it has come to its end
    """

    has_told: bool

    @property
    def is_whole(self) -> bool: ...

    def restart(self) -> None:
        """An attempt begins: nothing has been heard."""

    def take(self, chunk: Chunk) -> bool:
        """Hear a chunk; True where no more is wanted."""


class Follower(Protocol):
    """Who wants to know how far a call has come: calls that can read what it puts into the API's cache."""

    def sent(self) -> None:
        """It is on its way to the server."""

    def began(self) -> None:
        """The first of its answer has come."""

    def over(self) -> None:
        """It has failed, if it has not begun."""


MAX_ERROR_BYTES = 64 << 10
DONE = b"[DONE]"


class Exchange:
    """A call on its way; `spent` is what its last attempt came to, as far as the server has said."""

    def __init__(
        self,
        target: ApiTarget,
        dialect: Dialect,
        ask: WireAsk,
        sink: Sink,
        account: Ledger,
        priority: int = 0,
        follower: Follower | None = None,
    ) -> None:
        self._target, self._dialect, self._ask, self._sink = target, dialect, ask, sink
        self._account = account
        self._follower = follower
        self._body = json.dumps(dialect.body(ask, target.known), ensure_ascii=False).encode("utf-8", "replace")
        tokens = len(self._body) / target.known.bytes_a_token + (ask.max_tokens or 0) * ask.n
        self._weight = (priority, tokens)
        self._end = time.monotonic() + target.timeout_s
        self._has_begun = False  # of the last attempt an answer, which may cost
        self._was_sent = False
        self.spent: Spent | None = None

    async def run(self) -> None:
        """Until the answer is there. Raises Trouble."""
        attempt = 0
        while True:
            trouble = await self._attempt()
            if trouble is None:
                return
            if self._follower is not None:
                self._follower.over()
            attempt += 1
            wait_s = max(trouble.wait_s or 0.0, backoff(attempt))
            is_over = time.monotonic() + wait_s >= self._end
            if not trouble.is_passing or self._sink.has_told or attempt > self._target.retries or is_over:
                raise trouble
            await asyncio.sleep(min(wait_s, MAX_ASKED_S))

    async def _attempt(self) -> Trouble | None:
        """Try once; what went wrong."""
        self.spent = None
        self._has_begun = self._was_sent = False
        self._sink.restart()
        trouble: Trouble | None = None
        has_cost = True
        try:
            async with asyncio.timeout(self._end - time.monotonic()), self._target.gate().turn(*self._weight) as turn:
                await self._once(turn)
        except Trouble as error:
            trouble = error
            has_cost = self._has_begun
        except NoAnswer as error:
            trouble = Trouble("connection", f"{self._target.place}: {error.what}", is_passing=not error.lasts)
            trouble.help = "is the server there, and is it the right URL?"
            self._sent_again(error.times)
            has_cost = error.was_sent
        except TimeoutError:
            message = f"{self._target.place} had not answered after {self._target.timeout_s:g} s"
            trouble = Trouble("timeout", message, help="allow more time: timeout_s", is_passing=True)
        except FrameTooLong as error:
            trouble = Trouble("broken_answer", f"{self._target.place} sent {error}")
        except asyncio.CancelledError:
            self._account.tried(self.spent, has_failed=True, may_cost=self._was_sent, was_sent=self._was_sent)
            raise
        self._account.tried(self.spent, has_failed=trouble is not None, may_cost=has_cost, was_sent=self._was_sent)
        return trouble

    def _sent_again(self, times: int) -> None:
        """A kept connection was lost with the request, of which nobody can say whether it was read."""
        for _ in range(times - 1):
            self._account.tried(None, has_failed=True, may_cost=True, was_sent=False)

    async def _once(self, turn: int) -> None:
        target = self._target
        url = target.url(self._dialect, self._ask)
        if self._follower is not None:
            self._follower.sent()
        self._was_sent = True
        self._account.sending()
        answer = await http_here().post(url, target.head(self._dialect), self._body, target.silence_s)
        self._sent_again(answer.times)
        try:
            target.gate().heard(turn, answer.headers)
            if answer.status != 200:
                said = target.without_key(await _all(answer, MAX_ERROR_BYTES))
                trouble = trouble_of(answer.status, answer.headers, said)
                if trouble.is_passing and trouble.wait_s:
                    target.gate().hold(trouble.wait_s)
                raise trouble
            self._has_begun = True
            await self._read(answer)
            if not self._sink.is_whole:
                message = f"the answer of {target.place} ended before it was complete"
                raise Trouble("connection", message, help="ask again", is_passing=True)
        finally:
            await answer.close()

    async def _read(self, answer: Reply) -> None:
        """Hear the answer to its end. Raises Trouble, NoAnswer."""
        kind = answer.headers.get("content-type", "")
        if "event-stream" not in kind and "ndjson" not in kind:
            self._frame("", await _all(answer, None))
            return
        frames = Events() if "event-stream" in kind else JsonLines()
        async for chunk in answer.chunks():
            for event, data in frames.feed(chunk):
                if data == DONE:
                    return
                if self._frame(event, data):
                    return
        for event, data in frames.rest():
            if data == DONE or self._frame(event, data):
                return

    def _frame(self, event: str, data: bytes) -> bool:
        """Hear one frame; True where nothing more is wanted."""
        try:
            read: Any = json.loads(data)
        except ValueError:
            raise self._broken("a frame that is no JSON", data) from None
        if not isinstance(read, dict):
            raise self._broken("a frame that is no object", data)
        try:
            chunks = self._dialect.read(event, read)
        except (AttributeError, KeyError, TypeError, ValueError, IndexError):
            raise self._broken("a frame of a shape that the API does not have", data) from None
        is_over = False
        for chunk in chunks:
            if chunk.failed is not None:
                raise trouble_in_stream(self._target.without_key_in(chunk.failed))
        if self._follower is not None:
            self._follower.began()
        for chunk in chunks:
            if chunk.spent is not None:
                self.spent = chunk.spent.over(self.spent)
            else:
                is_over = self._sink.take(chunk) or is_over
            is_over = is_over or chunk.is_last
        return is_over

    def _broken(self, what: str, data: bytes) -> Trouble:
        shown = self._target.without_key(data[:120]).decode("utf-8", "replace")
        return Trouble("broken_answer", f"{self._target.place} sent {what}: {shown}", is_passing=True)


async def _all(answer: Reply, at_most: int | None) -> bytes:
    """The body; of a long one its beginning where that is enough."""
    parts, size = list[bytes](), 0
    async for chunk in answer.chunks():
        parts.append(chunk)
        size += len(chunk)
        if at_most is not None and size >= at_most:
            break
        if size > 64 << 20:
            raise FrameTooLong("an answer of more than 64 MiB")
    return b"".join(parts)
