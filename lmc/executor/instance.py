"""One item of a run while it is running, and what all items of a run share.

Written only by the thread that runs the executor.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lmc.backend.base import Usage
from lmc.backend.mixing import mix
from lmc.executor.future import Poison, Ready, Slot, poison_in
from lmc.executor.prompts import Prompts

if TYPE_CHECKING:
    from lmc.executor.calls import Call
    from lmc.executor.hostcalls import HostPool
    from lmc.executor.requests import BoundCall
    from lmc.executor.state import ProgramState


# where in the program: node number, iteration, node number, ...: sorts in program order
Position = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one item ended: the final state and what it returned, or the earliest error in program order."""

    state: ProgramState | None
    ret: object
    error: BaseException | None
    usage: Usage
    calls: int


@dataclass(frozen=True, slots=True, eq=False)
class Shared:
    """What the items of one program have in common; all but the first three is the whole run's.

    calls    the program's model nodes, with the run's parameters
    externs  live objects by extern name
    rids     numbers for requests
    ended    called with each instance that has ended
    ready    what can go on now
    outbox   calls to submit at the end of this round
    failed   items that have failed in this round: their open calls are to be aborted
    warned   places of calls that something was said about
    """

    name: str
    calls: tuple[BoundCall, ...]
    externs: Mapping[str, object]
    prompts: Prompts
    pool: HostPool
    rids: Iterator[int]
    seed: int
    ended: Callable[[Instance, Outcome], None]
    ready: Ready = field(default_factory=deque)
    outbox: list[Call] = field(default_factory=list)
    failed: list[Instance] = field(default_factory=list)
    warned: set[str] = field(default_factory=set)


class Instance:
    """One item on its way.

    place      which of the run's jobs it is
    item       its number, for random streams
    base       mix(seed, item): what the seeds of its calls start from
    num_open   model nodes reached and not yet answered; the item ends only when there is none
    is_over    nothing of it may start any more
    failures   of model calls and prompts, by their position in the program: nobody need have read them
    returned   the final state and the value, once the program has returned
    """

    __slots__ = (
        "base", "failures", "is_over", "item", "num_calls", "num_open", "place", "ready", "returned", "shared", "usage",
    )  # fmt: skip

    def __init__(self, shared: Shared, place: int, item: int) -> None:
        self.shared = shared
        self.ready = shared.ready
        self.place = place
        self.item = item
        self.base = mix(shared.seed, item)
        self.num_calls = 0
        self.num_open = 0
        self.is_over = False
        self.failures: dict[Position, Poison] | None = None
        self.returned: tuple[Slot, Slot] | None = None
        self.usage = Usage()

    def fail(self, failure: Poison) -> Poison:
        """End with an error, all before it in program order having succeeded."""
        if not self.is_over:
            self.shared.failed.append(self)
            self._end(None, None, failure.error)
        return failure

    def fails_at(self, position: Position, failure: Poison) -> None:
        """Note a failure that counts when it is read, and at the end of the program at the latest."""
        if self.failures is None:
            self.failures = {}
        self.failures[position] = failure

    def finish(self, state: Slot, ret: Slot) -> None:
        """The program has returned; the item ends when no call is open."""
        self.returned = (state, ret)
        self._end_if_idle()

    def answered(self) -> None:
        """One model node has its result."""
        self.num_open -= 1
        self._end_if_idle()

    def add_usage(self, usage: Usage) -> None:
        """Count what one sample cost."""
        before = self.usage
        self.usage = Usage(
            before.prompt_tokens + usage.prompt_tokens,
            before.cached_tokens + usage.cached_tokens,
            before.computed_tokens + usage.computed_tokens,
            before.output_tokens + usage.output_tokens,
            before.forced_tokens + usage.forced_tokens,
        )

    def _end_if_idle(self) -> None:
        if self.returned is None or self.num_open or self.is_over:
            return
        state, ret = self.returned
        if self.failures is not None:
            self.fail(self.failures[min(self.failures)])
        elif (failure := poison_in(self.returned)) is not None:
            self.fail(failure)
        else:
            self._end(state, ret, None)

    def _end(self, state: ProgramState | None, ret: object, error: BaseException | None) -> None:
        self.is_over = True
        self.shared.ended(self, Outcome(state, ret, error, self.usage, self.num_calls))
