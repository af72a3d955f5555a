"""One user's door to an engine: its requests go in, its events come out."""

from __future__ import annotations

from lmc.backend.base import Counters, Event, ForwardPass, PrefixHint, Request
from lmc.backend.engine.account import Account
from lmc.backend.engine.engine import Engine
from lmc.backend.pass_log import taken
from lmc.ir.prompt import Tokenizer


class EngineSession:
    """A base.Session. Any session's step steps the whole engine; the others' events are kept for them."""

    def __init__(self, engine: Engine, namespace: str = "") -> None:
        self.engine = engine
        self.tokenizer: Tokenizer = engine.tokenizer
        self._account = Account(namespace)

    def submit(self, requests: list[Request]) -> None:
        """Queue requests. One that can never run is answered by a Failed from the next step."""
        self.engine.submit(self._account, requests)

    def abort(self, rid: int, reason: str) -> None:
        """End a request early; its unfinished samples get Failed with code `aborted`."""
        self.engine.abort(self._account, rid, reason)

    def hint(self, hint: PrefixHint) -> None:
        """Follow a pin or a release. Any other hint changes nothing: what is needed next is found in the queue."""
        self.engine.hint(self._account, hint)

    def step(self, timeout_s: float | None = None) -> list[Event]:
        """Step the engine once and return this session's events.

        With nothing to do and no event, waits up to `timeout_s` (None: without end) for `wake` or a submission.
        """
        return self.engine.step_for(self._account, timeout_s)

    def counters(self) -> Counters:
        """What has been done for this session so far, by value."""
        return self._account.snapshot()

    def record_passes(self, max_rows: int) -> None:
        """Keep a record of each forward pass from now on, at most `max_rows` rows of the last ones; 0 ends it."""
        self.engine.record_passes(self._account, max_rows)

    def take_passes(self) -> list[ForwardPass]:
        """The passes recorded since the last call; any thread may ask."""
        return taken(self._account.passes)

    def wake(self) -> None:
        """Make a waiting `step` (or else the next one that would wait) return; any thread may call it."""
        self.engine.wake(self._account)

    def close(self) -> None:
        """Abort what is left; one more step returns those events, no step waits any more."""
        self.engine.close(self._account)
