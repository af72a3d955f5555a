"""One user's door to an API: requests go to the loop, events come back; nothing here waits for a network."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from typing import TYPE_CHECKING

from lmc.backend.api.abilities import HOSTED
from lmc.backend.api.call import ApiCall
from lmc.backend.api.loop import ApiLoop, api_loop
from lmc.backend.api.speculation_calls import KeptRows
from lmc.backend.api.usage import Ledger
from lmc.backend.base import Counters, Event, Failed, Finished, ForwardPass, PrefixHint, Request

if TYPE_CHECKING:
    from lmc.backend.api.remote import ApiTarget
    from lmc.ir.prompt import Tokenizer


class ApiSession:
    """A base.Session.

    `_live` and `_ready` are of the thread that submits and steps, `_tasks` of the loop; `_events` goes from there here.
    """

    def __init__(self, target: ApiTarget, tokenizer: Tokenizer) -> None:
        self.target = target
        self.tokenizer = tokenizer
        self.account = Ledger(target.price, is_own=target.known.dialect not in HOSTED)
        self._loop: ApiLoop | None = None
        self._live: dict[int, int] = {}  # rid -> samples that have not ended
        self._ready: list[Event] = []
        self._events: deque[Event] = deque()
        self._woken = threading.Event()
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self.rows = KeptRows()
        self._is_closed = False

    def submit(self, requests: list[Request]) -> None:
        """Queue requests; each is answered by a later step."""
        self.account.counts.requests += len(requests)
        for request in requests:
            assert request.rid not in self._live, f"rid {request.rid} is in flight already"
            if self._is_closed:
                self._ready += (Failed(request.rid, i, "aborted", "the session is closed") for i in range(request.n))
            else:
                self._live[request.rid] = (1 << request.n) - 1
        if self._is_closed:
            return
        self.account.counts.max_running = max(self.account.counts.max_running, len(self._live))
        if self._loop is None:
            self._loop = api_loop()
        self._loop.call(lambda: self._start(requests))

    def abort(self, rid: int, reason: str) -> None:
        """End a request early: its connection is closed, its unfinished samples get Failed with code `aborted`."""
        left = self._live.pop(rid, 0)
        if not left:
            return
        self._ready += (Failed(rid, i, "aborted", reason) for i in range(left.bit_length()) if left >> i & 1)
        if self._loop is not None:
            self._loop.call(lambda: self._cancel(rid))

    def hint(self, hint: PrefixHint) -> None:
        """Nothing: what prompts have in common is seen when they are sent (prompt_cache.py); advice saves no money."""

    def step(self, timeout_s: float | None = None) -> list[Event]:
        """What has come since the last one; waits up to `timeout_s` where that is nothing."""
        woken, events = self._woken, self._events
        if not self._ready and not events and not self._is_closed:
            woken.wait(timeout_s)
        woken.clear()
        found, self._ready = self._ready, []
        while events:
            event = events.popleft()
            if self._is_wanted(event):
                found.append(event)
        return found

    def _is_wanted(self, event: Event) -> bool:
        """False for what comes of a request that was aborted; notes the end of a sample."""
        left = self._live.get(event.rid)
        if left is None:
            return False
        if type(event) is Finished or type(event) is Failed:
            left &= ~(1 << event.sample)
            if left:
                self._live[event.rid] = left
            else:
                del self._live[event.rid]
        return True

    def counters(self) -> Counters:
        """What has been done for this session so far, as the server counts it; by value."""
        return self.account.snapshot()

    def counted_for(self, user: int) -> dict[str, float]:
        """Of that what is no tokens, what is one user's."""
        return self.account.of_user(user)

    def forget_user(self, user: int) -> None:
        """Nobody asks for that one any more."""
        if self._loop is not None:
            self._loop.call(lambda: self.account.forget(user))

    def record_passes(self, max_rows: int) -> None:
        """Nothing to record: what a server computes at once it does not tell."""

    def take_passes(self) -> list[ForwardPass]:
        """None."""
        return []

    def wake(self) -> None:
        """Make a waiting `step` return, or the next one that would wait."""
        self._woken.set()

    def close(self) -> None:
        """Abort what is left; one more step returns those events, no step waits any more."""
        self._is_closed = True
        for rid in list(self._live):
            self.abort(rid, "the session was closed")
        if self._loop is not None:
            self._loop.call(self.rows.close)
        self.wake()

    # --- on the loop -----------------------------------------------------------------------------------------

    def tell(self, event: Event) -> None:
        """Hand an event over."""
        self._events.append(event)
        if not self._woken.is_set():
            self._woken.set()

    def _start(self, requests: list[Request]) -> None:
        loop = asyncio.get_running_loop()
        for request in requests:
            rid = request.rid
            task = self._tasks[rid] = loop.create_task(ApiCall(self, request).run())
            task.add_done_callback(lambda _, rid=rid: self._tasks.pop(rid, None))  # type: ignore[misc]

    def _cancel(self, rid: int) -> None:
        task = self._tasks.get(rid)
        if task is not None:
            task.cancel()
