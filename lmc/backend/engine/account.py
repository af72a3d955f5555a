"""What the engine keeps for one of its users: what was counted on its behalf, and the events it has not fetched.

Everything in the engine knows it; it knows nothing of the engine. A session is a door to an engine with an account.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from lmc.backend.base import Counters, Delta, Event
from lmc.backend.pass_log import PassLog

MAX_EVENTS = 4096


@dataclass(eq=False, slots=True)
class Account:
    """One user's share of an engine.

    namespace    prompts of different namespaces never share KV
    counters     live: `snapshot` gives them away by value
    events       in the order they happened; what nobody fetches grows with the requests, not with their tokens
    max_events   texts that grew are put together when there are more
    num_running  sequences that hold a lease
    passes       the record of its forward passes, None where nobody has asked for one
    turn         of its last request
    pace         ticks of the tree that a wave of its plans takes, as seen so far
    is_woken     the step that waits, or else the next one that would, returns at once
    is_closed    nothing is waited for any more
    """

    namespace: str = ""
    counters: Counters = field(default_factory=Counters)
    events: deque[Event] = field(default_factory=deque)
    max_events: int = MAX_EVENTS
    num_running: int = 0
    passes: PassLog | None = None
    turn: int = 0
    pace: float = 1.0
    is_woken: bool = False
    is_closed: bool = False

    def snapshot(self) -> Counters:
        """The counters as they are now, by value."""
        return self.counters.copy()

    def add(self, event: Event) -> None:
        """An event more."""
        self.events.append(event)
        if len(self.events) > self.max_events:
            self.events = deque(_put_together(self.events))
            self.max_events = max(MAX_EVENTS, 2 * len(self.events))

    def take_events(self) -> list[Event]:
        """The events that have come since the last call."""
        events = list(self.events)
        self.events.clear()
        self.max_events = MAX_EVENTS
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


def _put_together(events: Iterable[Event]) -> Iterator[Event]:
    """The events with each row of a sample's deltas, where nothing else of that sample lies between, as one delta."""
    rows: dict[tuple[int, int], list[Delta]] = {}
    found: list[Event | list[Delta]] = []
    for event in events:
        key = (event.rid, event.sample)
        row = rows.get(key)
        if not isinstance(event, Delta):
            rows.pop(key, None)
            found.append(event)
        elif row is not None and _kind(row[0]) == _kind(event):
            row.append(event)
        else:
            rows[key] = [event]
            found.append(rows[key])
    return (_sum(each) if isinstance(each, list) else each for each in found)


def _kind(delta: Delta) -> tuple[int, bool, bool]:
    return delta.segment, delta.forced, delta.logprobs is None


def _sum(row: list[Delta]) -> Delta:
    ids = tuple(id for delta in row for id in delta.ids)
    logprobs = None if row[0].logprobs is None else tuple(each for delta in row for each in delta.logprobs or ())
    return replace(row[0], text="".join(delta.text for delta in row), ids=ids, logprobs=logprobs)
