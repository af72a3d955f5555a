"""Puts dialect, plan of faults and connections together, on an event loop in a thread of its own."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain

from .answer import Answer, Frame, Refused, as_json
from .asked import Completion
from .dialects.dialect import Dialect, Incoming
from .encode import PLAIN, encoded
from .faults.fault import Fault
from .faults.plan import Plan
from .http.acts import Act, chunked, head
from .http.connection import Connection
from .http.request import Request
from .recorded import Recorded


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds before the first token, and for each token after it."""

    first_s: float = 0.0
    token_s: float = 0.0


AT_ONCE = Pace()


class Server:
    """Serves one dialect on 127.0.0.1 from `start` to `stop`.

    idle_s  after how long an idle connection is closed; None for never
    kept    how many requests are remembered
    """

    def __init__(
        self, dialect: Dialect, plan: Plan, *, pace: Pace, idle_s: float | None, kept: int | None, port: int = 0
    ) -> None:
        self.dialect = dialect
        self.plan = plan
        self.pace = pace
        self.idle_s = idle_s
        self.requests: deque[Recorded] = deque(maxlen=kept)
        self.mistakes: list[Exception] = []  # of the fake itself; leaving the fake raises the first
        self.max_open = 0
        self.port = port
        self.connections = 0
        self._posts = 0
        self._open: set[Connection] = set()
        self._routes = dialect.routes()
        self._worker = ThreadPoolExecutor(1, "fake-brain") if dialect.brain.blocks else None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="fake-api", daemon=True)
        self._listening = threading.Event()
        self._trouble: BaseException | None = None

    # --- its life -------------------------------------------------------------------------------------

    def start(self) -> None:
        """Listen. Raises OSError where the port is taken."""
        self._thread.start()
        self._listening.wait()
        if self._trouble:
            raise self._trouble

    def stop(self) -> None:
        """Close every connection and end the thread."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
        if self._worker:
            self._worker.shutdown(wait=True, cancel_futures=True)

    def drop_connections(self) -> None:
        """Reset every connection, as a server that dies does; it goes on listening."""
        self._loop.call_soon_threadsafe(lambda: [each.transport.abort() for each in list(self._open)])

    @property
    def open_connections(self) -> int:
        """How many are open now."""
        return len(self._open)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            listening = self._loop.run_until_complete(
                self._loop.create_server(self._connected, "127.0.0.1", self.port, backlog=4096)
            )
        except OSError as error:
            self._trouble = error
            self._listening.set()
            return
        self.port = listening.sockets[0].getsockname()[1]
        self._listening.set()
        self._loop.run_forever()
        listening.close()
        self._loop.run_until_complete(self._close_all())
        self._loop.close()

    async def _close_all(self) -> None:
        for each in list(self._open):
            each.transport.abort()
        waiting = asyncio.all_tasks() - {asyncio.current_task()}
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        await asyncio.sleep(0)

    def _connected(self) -> Connection:
        self.connections += 1
        self.max_open = max(self.max_open, len(self._open) + 1)
        return Connection(self.connections - 1, self._serve, self.idle_s, self._open)

    # --- one request ----------------------------------------------------------------------------------

    def _serve(self, request: Request, connection: Connection) -> None:
        number = -1
        if request.method == "POST":
            number, self._posts = self._posts, self._posts + 1
        recorded = Recorded(request, number, connection.number, connection.served)
        self.requests.append(recorded)
        try:
            recorded.body = request.parsed() if request.raw else None
        except ValueError:
            recorded.body = None
        faults = self.plan.of(recorded) if self.plan else []
        recorded.faults = tuple(fault.name for fault in faults)
        connection.on_end(lambda whole: _ended(recorded, whole))
        if self._worker:
            connection.hold(self._think(request, recorded, faults, connection))
        else:
            self._reply(self._answer(request, recorded, faults), recorded, faults, connection)

    async def _think(self, request: Request, recorded: Recorded, faults: list[Fault], connection: Connection) -> None:
        answer = await self._loop.run_in_executor(self._worker, self._answer, request, recorded, faults)
        self._reply(answer, recorded, faults, connection)

    def _answer(self, request: Request, recorded: Recorded, faults: list[Fault]) -> Answer:
        error = next((fault.error for fault in faults if fault.error), "")
        if error:
            return self.dialect.refuse(Refused(error, f"fake: {error}"))
        incoming = Incoming(request, recorded, lambda said: _changed(said, faults))
        try:
            self.dialect.authorize(request)
            if self.dialect.limits and recorded.number >= 0:
                self.dialect.limits.take(len(request.raw), self.dialect.setup.clock.now())
            route = self._routes.get((request.method, request.path)) or self.dialect.find(request)
            return route(incoming)
        except Refused as refused:
            answer = self.dialect.refuse(refused, request.path)
            if refused.wait_s is not None:
                answer.headers["retry-after"] = f"{math.ceil(refused.wait_s)}"
            return answer
        except Exception as error:
            error.add_note(f"in the fake, at {request.method} {request.path} {recorded.body!r:.500}")
            self.mistakes.append(error)
            return self.dialect.refuse(Refused("server", f"fake: {error!r}"), request.path)

    def _reply(self, answer: Answer, recorded: Recorded, faults: list[Fault], connection: Connection) -> None:
        recorded.status = answer.status
        headers = self.dialect.headers(recorded) | answer.headers
        if self.dialect.limits:
            headers |= self.dialect.limits.headers(self.dialect.setup.clock.now())
        for fault in faults:
            headers |= fault.headers
            connection.close_next = connection.close_next or fault.close_next
        whole = any(fault.whole for fault in faults)
        acts = self._acts(answer, recorded, faults, headers, whole)
        for fault in faults:
            if fault.wire:
                acts = iter(fault.wire(acts))
        connection.play(acts)

    def _acts(
        self, answer: Answer, recorded: Recorded, faults: list[Fault], headers: dict[str, str], whole: bool
    ) -> Iterator[Act]:
        """The head and the body as bytes and pauses; what is billed grows as they are taken."""
        is_stream = answer.frames is not None
        body = _counted(self._payload(answer, recorded, faults), recorded)
        for fault in faults:
            if fault.payload:
                body = iter(fault.payload(body))
        if is_stream and not whole:
            headers = {"content-type": _TYPES[answer.form], "transfer-encoding": "chunked", **headers}
            return chain([head(answer.status, headers.items())], chunked(body))
        return self._whole(answer, headers, body)

    def _whole(self, answer: Answer, headers: dict[str, str], body: Iterator[Act]) -> Iterator[Act]:
        """The body with its length, behind the time that it took to compute."""
        acts: list[Act] = []
        for act in body:
            if isinstance(act, float) and not acts:
                yield act
            else:
                acts.append(act)
        size = sum(len(act) for act in acts if isinstance(act, bytes))
        kind = _TYPES[answer.form] if answer.frames is not None else "application/json"
        full = {"content-type": kind, "content-length": str(size), **headers}
        yield head(answer.status, full.items())
        yield from acts

    def _payload(self, answer: Answer, recorded: Recorded, faults: list[Fault]) -> Iterator[Act]:
        frames = self._paced(answer, recorded)
        style = PLAIN
        for fault in faults:
            if fault.frames:
                frames = iter(fault.frames(frames, self.dialect.stream_error))
            style = fault.style if fault.style is not PLAIN else style
        if answer.frames is not None:
            return encoded(frames, answer.form, style)
        return (_document(frame) for frame in frames)

    def _paced(self, answer: Answer, recorded: Recorded) -> Iterator[Frame | float]:
        """The frames, with pauses by the pace; each is billed when it goes out, a whole answer before it does."""
        first_s, token_s = self.pace.first_s, self.pace.token_s
        if answer.frames is None:
            recorded.bill.output += answer.tokens
            if answer.status == 200 and (wait := first_s + token_s * answer.tokens) > 0 and recorded.number >= 0:
                yield wait
        elif first_s:
            yield first_s
        if answer.began:
            answer.began()
        for frame in [Frame(answer.doc)] if answer.frames is None else answer.frames:
            if token_s and frame.tokens and answer.frames is not None:
                yield token_s * frame.tokens
            recorded.bill.output += frame.tokens
            yield frame


_TYPES = {"sse": "text/event-stream; charset=utf-8", "ndjson": "application/x-ndjson"}


def _document(frame: Frame | float) -> Act:
    if isinstance(frame, float):
        return frame
    if frame.raw is not None:
        return frame.raw
    return (frame.doc if isinstance(frame.doc, str) else as_json(frame.doc)).encode()


def _counted(acts: Iterable[Act], recorded: Recorded) -> Iterator[Act]:
    for act in acts:
        if isinstance(act, bytes):
            recorded.sent_bytes += len(act)
            recorded.frames += 1
        yield act


def _changed(said: Completion, faults: list[Fault]) -> Completion:
    for fault in faults:
        if fault.completion:
            said = fault.completion(said)
    return said


def _ended(recorded: Recorded, whole: bool) -> None:
    recorded.ended_s = time.perf_counter()
    recorded.closed_early = not whole
