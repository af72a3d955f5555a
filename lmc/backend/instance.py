"""One item of a run while it is running, and what all items of a run share.

Written only by the thread that runs the executor.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lmc.backend.base import Usage
from lmc.backend.future import Poison, Ready
from lmc.backend.lineage import mix
from lmc.backend.prompts import Prompts

if TYPE_CHECKING:
    from lmc.backend.calls import Call
    from lmc.backend.hostcalls import HostPool
    from lmc.backend.requests import BoundCall
    from lmc.backend.state import ProgramState


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one item ended: the final state and what it returned, or the earliest error in program order."""

    state: ProgramState | None
    ret: object
    error: BaseException | None
    usage: Usage
    calls: int


@dataclass(frozen=True, slots=True, eq=False)
class Bound:
    """A program with what a run gives it.

    calls    its model nodes, with the run's parameters
    externs  live objects by extern name
    """

    name: str
    calls: tuple[BoundCall, ...]
    externs: Mapping[str, object]


@dataclass(slots=True, eq=False)
class Shared:
    """What all items of a run have in common.

    rids          numbers for requests
    ended         called with each instance that has ended
    ready         what can go on now
    outbox        calls to submit at the end of this round
    has_failures  True where an item has failed in this round: its open calls are to be aborted
    """

    prompts: Prompts
    pool: HostPool
    rids: Iterator[int]
    seed: int
    ended: Callable[[Instance, Outcome], None]
    ready: Ready = field(default_factory=deque)
    outbox: list[Call] = field(default_factory=list)
    has_failures: bool = False


class Instance:
    """One item on its way.

    place      which of the run's jobs it is
    item       its number, for random streams
    base       mix(seed, item): what the seeds of its calls start from
    num_open   model nodes reached and not yet answered; the item ends only when there is none
    is_over    nothing of it may start any more
    """

    __slots__ = (
        "base", "is_over", "item", "num_calls", "num_open", "place", "program", "ready", "returned", "shared", "usage",
    )  # fmt: skip

    def __init__(self, shared: Shared, program: Bound, place: int, item: int) -> None:
        self.shared = shared
        self.program = program
        self.place = place
        self.ready = shared.ready
        self.item = item
        self.base = mix(shared.seed, item)
        self.num_calls = 0
        self.num_open = 0
        self.is_over = False
        self.returned: tuple[ProgramState, object] | None = None
        self.usage = (0, 0, 0, 0)

    def fail(self, failure: Poison) -> Poison:
        """End with an error that all before it in program order has been waited for."""
        if not self.is_over:
            self.shared.has_failures = True
            self._end(None, None, failure.error)
        return failure

    def succeed(self, state: ProgramState, ret: object) -> None:
        """End with a result, once no call is open."""
        self.returned = (state, ret)
        if not self.num_open and not self.is_over:
            self._end(state, ret, None)

    def answered(self) -> None:
        """One model node has its result."""
        self.num_open -= 1
        if self.returned and not self.num_open and not self.is_over:
            self._end(*self.returned, None)

    def add_usage(self, usage: Usage) -> None:
        """Count what one sample cost."""
        prompt, cached, computed, output = self.usage
        self.usage = (
            prompt + usage.prompt_tokens,
            cached + usage.cached_tokens,
            computed + usage.computed_tokens,
            output + usage.output_tokens,
        )

    def _end(self, state: ProgramState | None, ret: object, error: BaseException | None) -> None:
        self.is_over = True
        self.shared.ended(self, Outcome(state, ret, error, Usage(*self.usage), self.num_calls))
