"""One user's door to an engine: its requests go in, its events come out."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from lmc.backend.base import Counters, Event, Hint, Request
from lmc.backend.engine.sequence import Sequence
from lmc.ir.prompt import Tokenizer

if TYPE_CHECKING:
    from lmc.backend.engine.engine import Engine


class EngineSession:
    """A base.Session. Any session's step steps the whole engine; the others' events are kept for them."""

    def __init__(self, engine: Engine, namespace: str) -> None:
        self.engine = engine
        self.namespace = namespace
        self.tokenizer: Tokenizer = engine.tokenizer
        self.counters = Counters()
        self.events: deque[Event] = deque()
        self.num_running = 0
        self.is_woken = False
        self.is_closed = False

    def submit(self, requests: list[Request]) -> None:
        """Queue requests. One that can never run is answered by a Failed from the next step."""
        self.engine.submit(self, requests)

    def abort(self, rid: int, reason: str) -> None:
        """End a request early; its unfinished samples get Failed with code `aborted`."""
        self.engine.abort(self, rid, reason)

    def hint(self, hint: Hint) -> None:
        """Hints change nothing here: what a session needs next is found in the queue."""

    def step(self, timeout_s: float | None = None) -> list[Event]:
        """Step the engine once and return this session's events.

        With nothing to do and no event, waits up to `timeout_s` (None: without end) for `wake` or a submission.
        """
        return self.engine.step_for(self, timeout_s)

    def wake(self) -> None:
        """Make a waiting `step` (or else the next one that would wait) return; any thread may call it."""
        self.engine.wake(self)

    def close(self) -> None:
        """Abort what is left; one more step returns those events, no step waits any more."""
        self.engine.close_session(self)

    def take_events(self) -> list[Event]:
        """The events that have come since the last call."""
        events = list(self.events)
        self.events.clear()
        return events

    def count_admission(self, seq: Sequence, cached: int) -> None:
        """A sequence began to run, with `cached` prompt tokens that it found."""
        self.counters.cached_tokens += cached
        self.counters.prompt_tokens += cached
        self.num_running += 1
        self.counters.max_running = max(self.counters.max_running, self.num_running)

    def count_computed(self, new: int, again: int) -> None:
        """Prompt tokens were computed: `new` for the first time, `again` because their KV had been lost."""
        self.counters.computed_tokens += new
        self.counters.prompt_tokens += new
        if again:
            self.counters.extra["recomputed_tokens"] = self.counters.extra.get("recomputed_tokens", 0) + again

    def count_retraction(self) -> None:
        """A running sequence lost its slots."""
        self.counters.retractions += 1
