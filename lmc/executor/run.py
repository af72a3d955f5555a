"""The executor: runs a plan for many items at once, on one thread, as one stream of requests.

Each round: hand out what host calls have ended, start items, run whatever can go on, submit all new requests in one
go, step the session. An item costs no thread; only host calls with an effect use a bounded pool. One item's failure
never touches another.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count

from lmc.backend.base import Event, Session
from lmc.errors import ArgumentError, LMError
from lmc.executor.calls import Call
from lmc.executor.future import Poison
from lmc.executor.hostcalls import DEFAULT_WORKERS, HostPool
from lmc.executor.instance import Instance, Shared
from lmc.executor.instance import Outcome as Outcome
from lmc.executor.nodeops import live
from lmc.executor.prompts import Prompts
from lmc.executor.requests import BoundCall, ParseConstraint
from lmc.executor.runnable import Path, Runnable, compile_plan
from lmc.ir.graph import Node
from lmc.ir.plan import Plan

Item = Mapping[Path, object]
OnEvent = Callable[[int, Node, Event], None]

MAX_ACTIVE = 16384  # items that run at once; more wait
STARTED_A_ROUND = 1024  # so that a large batch's first requests are under way before its last item is looked at
NOTHING: Mapping[str, object] = {}


@dataclass(frozen=True, slots=True)
class Job:
    """One item to run.

    arguments  by where each leaf sits in the call's arguments
    externs    live objects by extern name
    number     which item of the batch it is: its random streams depend on it
    """

    runnable: Runnable
    arguments: Item
    externs: Mapping[str, object] = field(default_factory=dict)
    number: int = 0


class Executor:
    """Runs plans on one session; one run at a time.

    seed              the run seed of sampled calls
    defaults          sampling parameters for calls that do not say, by Sampling field (or run-level) name
    externs           live objects by extern name, for `run`; pure builtins bind themselves
    parse_constraint  (kind, what the program computed, spacing) -> Constraint, for those known only at run time
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
        self.prompts = Prompts(session.tokenizer)
        self.rids = count()

    def run(self, plan: Plan | Runnable, items: Sequence[Item]) -> list[Outcome]:
        """One outcome for each item, in order."""
        runnable = plan if isinstance(plan, Runnable) else compile_plan(plan)
        return self.run_jobs([Job(runnable, item, self.externs, i) for i, item in enumerate(items)])

    def run_jobs(self, jobs: Sequence[Job]) -> list[Outcome]:
        """One outcome for each job, in order. Raises for Ctrl-C and what `on_event` raises, never for a job."""
        run = _Run(self, jobs)
        try:
            return run.to_end()
        except BaseException:
            run.abort_all("the run was interrupted")
            raise
        finally:
            run.shared.pool.close()


class _Run:
    """One call of `Executor.run_jobs` while it lasts.

    open        calls that the session has not answered, aborted ones too
    num_active  jobs started and not ended
    """

    def __init__(self, executor: Executor, jobs: Sequence[Job]) -> None:
        self.executor = executor
        self.session = executor.session
        self.jobs = jobs
        self.outcomes: list[Outcome | None] = [None] * len(jobs)
        self.open: dict[int, Call] = {}
        self.num_started = 0
        self.num_active = 0
        pool = HostPool(executor.max_workers, self.session.wake)
        self.shared = Shared("", (), {}, executor.prompts, pool, executor.rids, executor.seed, self._ended)
        self.programs: dict[tuple[int, int], Shared | LMError] = {}

    def to_end(self) -> list[Outcome]:
        """Run every job, and wait until the session owes nothing."""
        while True:
            self._start_jobs()
            self._go_on()
            self._submit()
            if not (self.num_active or self.open or self.num_started < len(self.jobs)):
                break
            self._step()
            self.shared.pool.drain()
        return [outcome for outcome in self.outcomes if outcome is not None]

    def abort_all(self, reason: str) -> None:
        """Give up what the session still works on."""
        for rid in self.open:
            self.session.abort(rid, reason)

    # --- one round -------------------------------------------------------------------------------------------

    def _start_jobs(self) -> None:
        room = self.executor.max_active - self.num_active
        for _ in range(min(room, STARTED_A_ROUND, len(self.jobs) - self.num_started)):
            self._start(self.num_started, self.jobs[self.num_started])
            self.num_started += 1

    def _start(self, place: int, job: Job) -> None:
        self.num_active += 1
        shared = self._program(job)
        if isinstance(shared, LMError):
            Instance(self.shared, place, job.number).fail(Poison(shared))
            return
        instance = Instance(shared, place, job.number)
        try:
            arguments = [job.arguments[path] for path in job.runnable.params]
        except KeyError as error:
            instance.fail(Poison(ArgumentError(f"item {job.number} has no argument {_shown(error.args[0])}")))
            return
        job.runnable.body.run(instance, [], None, arguments, ())

    def _program(self, job: Job) -> Shared | LMError:
        """What the job shares with others of its program; an error where an extern has no object."""
        key = (id(job.runnable), id(job.externs))  # `jobs` keeps both alive
        found = self.programs.get(key)
        if found is None:
            try:
                found = self._bind(job.runnable, job.externs)
            except LMError as error:
                found = error
            self.programs[key] = found
        return found

    def _bind(self, runnable: Runnable, given: Mapping[str, object]) -> Shared:
        defaults, parse = self.executor.defaults, self.executor.parse_constraint
        calls = tuple(BoundCall(spec, defaults, parse) for spec in runnable.calls)
        externs = {e.name: given[e.name] if e.name in given else live(e) for e in runnable.externs}
        return replace(self.shared, name=runnable.name, calls=calls, externs=externs)

    def _go_on(self) -> None:
        ready = self.shared.ready
        while ready:
            ready.popleft()()

    def _submit(self) -> None:
        shared = self.shared
        calls = [call for call in shared.outbox if not call.inst.is_over]
        shared.outbox.clear()
        self.open.update((call.request.rid, call) for call in calls)
        if calls:
            self.session.submit([call.request for call in calls])
        if shared.failed:
            shared.failed.clear()
            self._abort_orphans()

    def _abort_orphans(self) -> None:
        for rid, call in self.open.items():
            if call.inst.is_over and not call.is_aborted:
                call.is_aborted = True
                self.session.abort(rid, "its program has failed")

    def _step(self) -> None:
        on_event = self.executor.on_event
        for event in self.session.step(self._patience()):
            call = self.open.get(event.rid)
            if call is None:
                continue
            if on_event is not None and not call.inst.is_over:
                on_event(call.inst.item, call.bound.spec.node, event)
            if call.take(event):
                del self.open[event.rid]
                if not call.inst.is_over:
                    call.settle()

    def _patience(self) -> float:
        """Seconds to wait in the session where it has nothing to do."""
        if self.shared.ready or (self.num_started < len(self.jobs) and self.num_active < self.executor.max_active):
            return 0.0
        assert self.open or self.shared.pool.num_running or not self.num_active, "items wait and nothing is running"
        return 1.0

    def _ended(self, instance: Instance, outcome: Outcome) -> None:
        self.num_active -= 1
        self.outcomes[instance.place] = outcome


def _shown(path: Path) -> str:
    return repr(path[0]) if len(path) == 1 else repr(path)
