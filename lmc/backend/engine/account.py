"""What the engine keeps for one of its users: what was counted on its behalf, and the events it has not fetched.

Everything in the engine knows it; it knows nothing of the engine. A session is a door to an engine with an account.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from lmc.backend.base import Counters, Event


@dataclass(eq=False, slots=True)
class Account:
    """One user's share of an engine.

    namespace    prompts of different namespaces never share KV
    counters     live: `snapshot` gives them away by value
    events       in the order they happened
    num_running  sequences that hold a lease
    turn         of its last request
    is_woken     the step that waits, or else the next one that would, returns at once
    is_closed    nothing is waited for any more
    """

    namespace: str = ""
    counters: Counters = field(default_factory=Counters)
    events: deque[Event] = field(default_factory=deque)
    num_running: int = 0
    turn: int = 0
    is_woken: bool = False
    is_closed: bool = False

    def snapshot(self) -> Counters:
        """The counters as they are now, by value."""
        return self.counters.copy()

    def take_events(self) -> list[Event]:
        """The events that have come since the last call."""
        events = list(self.events)
        self.events.clear()
        return events

    def count_admission(self, cached: int) -> None:
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

    def count_output(self, num: int, *, forced: bool) -> None:
        """So many tokens more were generated."""
        self.counters.output_tokens += num
        if forced:
            self.counters.forced_tokens += num
