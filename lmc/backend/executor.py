"""The executor: runs a plan for many items at once, on one thread, as one stream of requests.

Each round: hand out what host calls have ended, start items, run whatever can go on, submit all new requests in one
go, step the session. An item costs no thread; only host calls with an effect use a bounded pool. One item's failure
never touches another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import count

from lmc.backend.base import Event, Session
from lmc.backend.calls import Call
from lmc.backend.future import Poison
from lmc.backend.hostcalls import DEFAULT_WORKERS, HostPool
from lmc.backend.instance import Instance, Outcome, Shared
from lmc.backend.nodeops import live
from lmc.backend.prompts import Prompts
from lmc.backend.requests import BoundCall, ParseConstraint
from lmc.backend.runnable import Path, Runnable, compile_plan
from lmc.errors import ArgumentError
from lmc.ir.graph import Extern, Node
from lmc.ir.plan import Plan

Item = Mapping[Path, object]
OnEvent = Callable[[int, Node, Event], None]

MAX_ACTIVE = 16384  # items that run at once; more wait
STARTED_A_ROUND = 1024  # so that a large batch's first requests are under way before its last item is looked at
NOTHING: Mapping[str, object] = {}


class Executor:
    """Runs plans on one session; one run at a time.

    seed              the run seed of sampled calls
    defaults          sampling parameters for calls that do not say, by Sampling field (or run-level) name
    externs           live objects by extern name; pure builtins bind themselves
    parse_constraint  (kind, what the program computed) -> Constraint, for those known only at run time
    max_workers       threads for host calls with an effect
    on_event          called with (item, node, event) for every event of a model call, before its dependents start
    """

    def __init__(
        self,
        session: Session,
        *,
        seed: int = 0,
        defaults: Mapping[str, object] = NOTHING,
        externs: Mapping[str, object] = NOTHING,
        parse_constraint: ParseConstraint | None = None,
        max_workers: int = DEFAULT_WORKERS,
        max_active: int = MAX_ACTIVE,
        on_event: OnEvent | None = None,
    ) -> None:
        self.session = session
        self.seed = seed
        self.defaults = defaults
        self.externs = externs
        self.parse_constraint = parse_constraint
        self.max_workers = max_workers
        self.max_active = max_active
        self.on_event = on_event
        self._prompts = Prompts(session.tokenizer)
        self._rids = count()

    def run(self, plan: Plan | Runnable, items: Sequence[Item]) -> list[Outcome]:
        """One outcome for each item, in order. Raises only for Ctrl-C and what `on_event` raises."""
        runnable = plan if isinstance(plan, Runnable) else compile_plan(plan)
        run = _Run(self, runnable, items)
        try:
            return run.to_end()
        except BaseException:
            run.abort_all("the run was interrupted")
            raise
        finally:
            run.shared.pool.close()

    def _shared(self, runnable: Runnable, ended: Callable[[Instance, Outcome], None]) -> Shared:
        return Shared(
            self._prompts,
            HostPool(self.max_workers, self.session.wake),
            tuple(BoundCall(spec, self.defaults, self.parse_constraint) for spec in runnable.calls),
            dict(_bound(runnable.externs, self.externs)),
            self._rids,
            self.seed,
            ended,
            runnable.name,
        )


class _Run:
    """One call of `Executor.run` while it lasts.

    open        calls that the session has not answered, aborted ones too
    num_active  items started and not ended
    """

    def __init__(self, executor: Executor, runnable: Runnable, items: Sequence[Item]) -> None:
        self.session = executor.session
        self.on_event = executor.on_event
        self.max_active = executor.max_active
        self.runnable = runnable
        self.items = items
        self.outcomes: list[Outcome | None] = [None] * len(items)
        self.open: dict[int, Call] = {}
        self.num_started = 0
        self.num_active = 0
        self.shared = executor._shared(runnable, self._ended)

    def to_end(self) -> list[Outcome]:
        """Run every item, and wait until the session owes nothing."""
        while True:
            self._start_items()
            self._go_on()
            self._submit()
            if not (self.num_active or self.open or self.num_started < len(self.items)):
                break
            self._step()
            self.shared.pool.drain()
        return [outcome for outcome in self.outcomes if outcome is not None]

    def abort_all(self, reason: str) -> None:
        """Give up what the session still works on."""
        for rid in self.open:
            self.session.abort(rid, reason)

    # --- one round -------------------------------------------------------------------------------------------

    def _start_items(self) -> None:
        room = min(self.max_active - self.num_active, STARTED_A_ROUND, len(self.items) - self.num_started)
        for item in range(self.num_started, self.num_started + room):
            self.num_started += 1
            self._start(item)

    def _start(self, item: int) -> None:
        instance = Instance(self.shared, item)
        self.num_active += 1
        given = self.items[item]
        try:
            arguments = [given[path] for path in self.runnable.params]
        except KeyError as error:
            missing = ArgumentError(f"item {item} has no argument {_shown(error.args[0])}")
            instance.fail(Poison(missing))
            return
        self.runnable.body.run(instance, [], None, arguments, 0)

    def _go_on(self) -> None:
        ready = self.shared.ready
        while ready:
            ready.popleft()()

    def _submit(self) -> None:
        shared = self.shared
        calls = [call for call in shared.outbox if not call.inst.is_over]
        shared.outbox.clear()
        for call in calls:
            rid = call.request.rid
            call.inst.in_flight.add(rid)
            self.open[rid] = call
        if calls:
            self.session.submit([call.request for call in calls])
        for rid in shared.aborts:
            self.session.abort(rid, "its program has failed")
        shared.aborts.clear()

    def _step(self) -> None:
        for event in self.session.step(self._patience()):
            call = self.open.get(event.rid)
            if call is None:
                continue
            if self.on_event is not None and not call.inst.is_over:
                self.on_event(call.inst.item, call.bound.spec.node, event)
            if call.take(event):
                del self.open[event.rid]
                call.inst.in_flight.discard(event.rid)
                if not call.inst.is_over:
                    call.settle()

    def _patience(self) -> float:
        """Seconds to wait in the session where it has nothing to do."""
        if self.shared.ready or (self.num_started < len(self.items) and self.num_active < self.max_active):
            return 0.0
        assert self.open or self.shared.pool.num_running or not self.num_active, "items wait and nothing is running"
        return 1.0

    def _ended(self, instance: Instance, outcome: Outcome) -> None:
        self.num_active -= 1
        self.outcomes[instance.item] = outcome


def _bound(externs: Iterable[Extern], given: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    for extern in externs:
        yield extern.name, given[extern.name] if extern.name in given else live(extern)


def _shown(path: Path) -> str:
    return repr(path[0]) if len(path) == 1 else repr(path)
