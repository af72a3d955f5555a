"""One item of a run while it is running, and what all items of a run share.

Written only by the thread that steps the run.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextvars import Context
from dataclasses import dataclass, field
from typing import Protocol, cast

from lmc.backend.base import Event, Request, Usage
from lmc.backend.mixing import mix
from lmc.errors import LMError
from lmc.executor.branches import Branches
from lmc.executor.call_params import CallParams
from lmc.executor.events import Detail, RunEvent
from lmc.executor.future import Cell, Poison, Ready, poison_in
from lmc.executor.hostcalls import HostPool
from lmc.executor.limits import NO_LIMITS, CallLimits, Later
from lmc.executor.made_call import MadeCall
from lmc.executor.notes import from_user
from lmc.executor.prompts import Prompts
from lmc.executor.requests import RunParams
from lmc.executor.state import ProgramState
from lmc.executor.taken import Taken

# where in the program: node number, iteration, node number, ...: sorts in program order
Position = tuple[int, ...]


Ran = Callable[["BaseException | None"], object]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one item ended: the final state and what it returned, or the earliest error in program order.

    made  its calls as they were asked; None where the run does not keep them
    ran   gives what it ran as, for who wants to see it, from the error; None where nobody knows
    taken the arms of branches that it took and the turns of its loops
    """

    state: ProgramState | None
    ret: object
    error: BaseException | None
    usage: Usage
    calls: int
    made: tuple[MadeCall, ...] | None = None
    ran: Ran | None = None
    taken: Taken | None = None


class Startable(Protocol):
    """What can be an item of a run: a compiled program with its arguments, or anything that acts on an instance.

    number  which item of the batch it is: its random streams depend on it
    """

    @property
    def number(self) -> int: ...

    def start(self, inst: Instance) -> None:
        """Issue the first work, which leads to the instance's `finish` or `fail`. Own mistakes go to `fail`."""


class OpenCall(Protocol):
    """A call that was asked and not answered, as the run knows it.

    is_aborted  True where its item has failed meanwhile
    """

    inst: Instance
    params: CallParams
    request: Request
    is_aborted: bool

    def take(self, event: Event) -> bool:
        """Note what happened; True once every sample has ended."""

    def settle(self) -> None:
        """Give the result to those who wait, or ask once more."""


class Waiting(Protocol):
    """Code of the user's that waits."""

    def unwind(self) -> None:
        """Leave it where it waits."""


class Running(Protocol):
    """Code of the user's that can begin."""

    def go_on(self) -> None:
        """Run until it waits or ends."""


@dataclass(frozen=True, slots=True, eq=False)
class BoundProgram:
    """A program with a run's parameters and live objects.

    calls         its model nodes, in program order
    externs       live objects by extern name
    has_programs  True where it calls programs itself
    """

    name: str
    calls: tuple[CallParams, ...]
    externs: Mapping[str, object]
    has_programs: bool = False


NO_PROGRAM = BoundProgram("", (), {})


@dataclass(frozen=True, slots=True, eq=False)
class Shared:
    """What the items of a run have in common.

    rids      numbers for requests
    ended     called with each instance that has ended
    greenlet  runs code of the user's for an instance
    context   the one context of all of it, where there is one item
    detail    how much is told of them
    told      what happened since the last round
    programs  what was bound, with what it was made of, by the identities of that
    ready     what can go on now
    outbox    calls to submit in the next round
    failed    items that have failed in this round: their open calls are to be aborted
    warned    places of calls that something was said about
    limits    of every call; `later` are calls that are asked again after a while
    begin_s   when the run began, on the clock of `time.perf_counter`, where calls are kept; None where they are not
    """

    params: RunParams
    prompts: Prompts
    pool: HostPool
    rids: Iterator[int]
    ended: Callable[[Instance, Outcome], None]
    greenlet: Callable[[Instance, Callable[[], None]], Running]
    context: list[Context] = field(default_factory=list)
    detail: Detail = "text"
    told: list[RunEvent] = field(default_factory=list)
    programs: dict[tuple[int, int], tuple[object, object, BoundProgram | LMError]] = field(default_factory=dict)
    ready: Ready = field(default_factory=deque)
    outbox: list[OpenCall] = field(default_factory=list)
    failed: list[Instance] = field(default_factory=list)
    warned: set[str] = field(default_factory=set)
    limits: CallLimits = NO_LIMITS
    later: Later[OpenCall] = field(default_factory=Later)
    begin_s: float | None = None


class Instance:
    """One item on its way.

    id         which item of the run it is
    number     which item of the batch, for random streams
    base       mix(seed, number): what the seeds of its calls start from
    program    what it runs
    num_open   model calls reached and not yet answered; the item ends only when there is none
    is_over    nothing of it may start any more
    cut        what is to be said of texts that are not whole, should the item fail
    failures   of model calls and prompts, by their position in the program: nobody need have read them
    returned   the final state and the value, once the program has returned
    waiting    the user's code that waits for something, to be left when it is over
    context    of the user's code, once some has run (see user_code.py)
    num_programs  called so far by the user's code
    branches   what is told of its texts; None where the run wants to know of items only
    made       its calls so far, where the run keeps them
    ran        gives what it runs as, once it has ended, where that is known
    first_rid  of its first call, by which an engine knows which calls are of one item
    taken      the arms of branches and turns of loops so far
    frame      of the program's own block, where its names hold live objects
    """

    __slots__ = (
        "base", "branches", "context", "cut", "failures", "first_rid", "frame", "id", "is_over", "made", "num_calls",
        "num_open", "num_programs", "number", "program", "ran", "ready", "returned", "shared", "taken", "usage",
        "waiting",
    )  # fmt: skip

    def __init__(self, shared: Shared, id: int, number: int) -> None:
        self.shared = shared
        self.ready = shared.ready
        self.id = id
        self.number = number
        self.base = mix(shared.params.seed, number)
        self.program = NO_PROGRAM
        self.ran: Ran | None = None
        self.taken = Taken()
        self.num_calls = 0
        self.first_rid: int | None = None
        self.num_open = 0
        self.is_over = False
        self.cut: tuple[Callable[[], str], ...] = ()
        self.failures: dict[Position, Poison] | None = None
        self.returned: tuple[Cell, Cell] | None = None
        self.waiting: set[Waiting] = set()
        self.context: Context | None = None
        self.num_programs = 0
        self.frame: object = None
        self.usage = Usage()
        self.made: list[MadeCall] | None = None if shared.begin_s is None else []
        self.branches: Branches | None = None
        if shared.detail != "items":
            self.branches = Branches(id, shared.told, shared.detail == "text")

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

    def finish(self, state: Cell, ret: Cell) -> None:
        """The program has returned; the item ends when no call is open."""
        self.returned = (state, ret)
        self._end_if_idle()

    def answered(self) -> None:
        """One model call has its result."""
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
            if self.branches is not None and state is not None:
                self.branches.reached(cast(ProgramState, state))
            self._end(cast("ProgramState | None", state), ret, None)

    def abandon(self) -> None:
        """Let nothing of it start any more, and leave the program where it waits."""
        self.is_over = True
        self.frame = None
        while self.waiting:
            self.waiting.pop().unwind()

    def _end(self, state: ProgramState | None, ret: object, error: BaseException | None) -> None:
        self.is_over = True
        if isinstance(error, LMError):
            from_user(error)
        elif error is not None:
            for note in self.cut:
                error.add_note(note())
        made = None if self.made is None else tuple(self.made)
        self.shared.ended(self, Outcome(state, ret, error, self.usage, self.num_calls, made, self.ran, self.taken))
        self.abandon()
