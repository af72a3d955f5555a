"""A program on a backend: its items compiled as they come, run on one session, and their results.

Knows no Program: what is run is a function with what is bound to it.
"""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, count
from math import inf
from types import FunctionType, MethodType, TracebackType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

from lmc import arguments as arguments_of
from lmc import codes, compiler
from lmc.errors import ArgumentError, CaptureError, LMError
from lmc.fallback import is_refusal, say_broken
from lmc.observe.report import RunReport
from lmc.observe.timeline import Timeline, TimelineKeeper
from lmc.parser.argument_shapes import ArgumentShape, Path
from lmc.parser.capture.breaks import graph_break
from lmc.parser.capture.out_of_sight import reaches_program, shares
from lmc.parser.capture.trace import Trace
from lmc.recent import Recent
from lmc.result import Result
from lmc.tables import rows_of

if TYPE_CHECKING:
    from lmc.backend.base import Backend, ForwardPass, Session
    from lmc.eager import EventLoop, Expressions
    from lmc.executor import CallLimits, ItemEnded, Outcome, RunEvent, Startable
    from lmc.executor.instance import Instance, Running
    from lmc.executor.requests import RunParams
    from lmc.executor.run import Listen
    from lmc.executor.runnable import Runnable
    from lmc.passes import TokenSharing

Shapes = dict[str, ArgumentShape]  # of the arguments, by name

# auto: compiled, and eager where it cannot be captured whole; compiled: captured into a graph, or refused;
# eager: the Python function itself
Mode = Literal["auto", "compiled", "eager"]
DEFAULT_MODE: Mode = "auto"

WATCHED_ROWS = 1 << 16  # of passes between two looks of who watches a run
ATOMS = frozenset((str, int, float, bool, type(None), bytes))
CALLED_IN_VAIN = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR


@dataclass(frozen=True, slots=True)
class Opener:
    """Opens launches of one program with one set of settings.

    is_async  whether the program is a coroutine function
    """

    backend: Backend
    is_async: bool
    open: Callable[..., Launch]

    def __call__(self, **given: Any) -> Launch:
        """A launch; see Launch for what may be given."""
        return self.open(**given)


class LaunchStatus(NamedTuple):
    """What goes on in a run: items, and calls that are asked and not answered, by wave ("" where that is not known)."""

    num_running: int
    num_waiting: int
    calls: Mapping[tuple[str, str], int]


class Launch:
    """A program on an open session, for as many items as come: see `Program.open_run`. Closed at the end of a `with`.

    Items are taken as others end, so a source of them may be endless; what is held at once is bounded. Results come as
    items end, and are forgotten here.

    listen   hears what the run tells; of calls and their text too, unless `is_told` says that items are enough
    session  one of the backend, where it is not the launch that opens one
    timeline  records the forward passes, and keeps calls
    num_threads  for tools that said they block; as many as suit the machine by default
    loop     where the tasks of an `async def` program run; without one it is refused
    """

    def __init__(
        self,
        func: FunctionType | MethodType,
        bound: Mapping[str, Any],
        cache: compiler.Cache,
        backend: Backend,
        *,
        seed: int,
        opt_level: int | str,
        defaults: Mapping[str, Any],
        mode: Mode = DEFAULT_MODE,
        record: bool = False,
        limits: CallLimits | None = None,
        keeps_calls: bool = False,
        timeline: bool = False,
        listen: Listen | None = None,
        is_told: bool | None = None,
        session: Session | None = None,
        loop: EventLoop | None = None,
        num_threads: int | None = None,
    ) -> None:
        from lmc.executor import DEFAULT_WORKERS, NO_LIMITS, Executor
        from lmc.ir.params import check_closed
        from lmc.parser.constraints import parse_constraint
        from lmc.passes import with_closed

        if not isinstance(seed, int):
            raise ArgumentError(f"seed must be a whole number, not {seed!r}", help="leave it out for seed 0")
        if mode not in get_args(Mode):
            raise ArgumentError(f"unknown mode {mode!r}", help=f"one of {', '.join(get_args(Mode))}")
        self._func, self._bound, self._backend = func, bound, backend
        self.name = func.__name__
        if inspect.iscoroutinefunction(func) and mode == "auto":
            mode = "eager"
        check_closed(defaults.get("closed"))
        closed = defaults.get("closed") or None  # False is what no schema need be told
        self._settings = {"seed": seed, "sampling": dict(defaults), "opt_level": opt_level}
        defaults = {name: value for name, value in defaults.items() if name != "closed"}
        is_told = listen is not None if is_told is None else is_told
        pipeline = "" if mode == "eager" else _pipeline(opt_level, backend, defaults, is_told=is_told)
        pipeline = with_closed(pipeline) if closed and mode != "eager" else pipeline
        self._session = session or backend.open()
        self._before = self._session.counters()
        executor = Executor(
            self._session, seed=seed, defaults=defaults, parse_constraint=parse_constraint, closed=closed,
            limits=limits or NO_LIMITS, keeps_calls=keeps_calls or timeline, rids=getattr(session, "rids", None),
            waits_outside=loop is not None, greenlet=self._greenlet, max_workers=num_threads or DEFAULT_WORKERS,
        )  # fmt: skip
        self._params = executor.params
        self._expressions: Expressions | None = None
        self._items: _Items | _EagerItems
        if mode == "compiled":
            self._items = _Items(func, cache, backend, pipeline)
        else:
            eager = _EagerItems(func, executor.params, backend, loop, record)
            self._items = eager if mode == "eager" else _AutoItems(func, cache, backend, pipeline, eager)
        self._items.tells = is_told
        self._numbers: dict[int, int] = {}  # of items that have another number in their batch than in this run
        self._listen = listen
        heard = self._heard if listen is not None or timeline else None
        self._run = executor.open("text" if is_told else "items", heard)
        self._keeper = TimelineKeeper(self._session, self._run.begin_s) if timeline else None

    def results(self, items: Iterable[Mapping[str, Any] | list[Any] | tuple[Any, ...]]) -> Iterator[tuple[int, Result]]:
        """(index, result) of each item (a dict of arguments, or a list of positional ones) as it ends.

        The index counts the items of this launch from 0. A failed item carries its own error; what the source raises is
        the error of one more item, the last. Items that are on their way when the iteration is left are yielded by the
        next call. The results have no report: see `report`.

        While the source makes its next item, nothing runs and no result comes: one that waits for a person or for a
        result of this iteration waits with all the others.
        """
        check_items("results", items)
        return ((ended.item, result_of(ended.outcome, None, ended.item)) for ended in self._ends_of(items))

    def rounds(self, items: Iterable[Any], bound: Sequence[dict[str, Any]] = ()) -> Iterator[object]:
        """Run the items of a source, or sets of bound arguments, a round at a time: who listens hears what it tells."""
        if bound or isinstance(items, Sized):
            self._items.keep_leaves()
        known = (self._items.item(partial(dict, arguments)) for arguments in bound)
        return self._run.rounds_of(chain(known, self._made(items)), self._pull_s(items))

    def go_on(self) -> list[ItemEnded]:
        """Do all that can be done without waiting, and return the items that ended, by their ids."""
        from lmc.executor import ItemEnded

        ended: list[ItemEnded] = []
        while (events := self._run.step(0.0)) or self._run.can_go_on:
            ended += [event for event in events if type(event) is ItemEnded]
        return ended

    def _greenlet(self, inst: Instance, body: Callable[[], None]) -> Running:
        """What runs code of the user's: a program that it calls runs in this run too."""
        from lmc.eager import Expressions, ProgramGreenlet

        if self._expressions is None:
            self._expressions = Expressions(self._params)
        return ProgramGreenlet(inst, body, expressions=self._expressions, backend=self._backend)

    # --- for who adds items one by one -----------------------------------------------------------------------

    @property
    def room(self) -> int:
        """How many items may be started that need not wait for others to end."""
        return self._run.room

    def keep_leaves(self) -> None:
        """Remember the arguments of the items to come, for the report's prediction."""
        self._items.keep_leaves()

    def in_this_context(self) -> None:
        """Run the user's code in the caller's own context, not in a copy for each item."""
        self._run.in_this_context()

    def start(self, bind: Callable[[], dict[str, Any]], number: int) -> int:
        """Start the item of that number in its batch; its id in this run. What `bind` raises is the item's error."""
        id = self._run.add(self._items.item(bind, number))
        if id != number:
            self._numbers[id] = number
        return id

    def step(self, timeout_s: float) -> list[ItemEnded]:
        """Do one round of work, waiting at most so long, and return the items that ended, by their ids."""
        from lmc.executor import ItemEnded

        return [event for event in self._run.step(timeout_s) if type(event) is ItemEnded]

    def _heard(self, event: RunEvent) -> None:
        """Hand an event on, with the item's number in its batch."""
        number = self._numbers.get(event.item)
        event = event if number is None else replace(event, item=number)
        if self._keeper is not None:
            self._keeper.heard(event)
        if self._listen is not None:
            self._listen(event)

    def abort(self, id: int, reason: str, code: str) -> None:
        """End an item early, with a RequestError of that code that may be retried."""
        self._run.abort(id, reason, code=code, retryable=True)

    def identity(self) -> dict[str, Any]:
        """What decides the results beside the items, as JSON by name (see identity.py)."""
        from lmc.identity import identity_of

        return identity_of(self._func, self._bound, self._backend, self._settings)

    def report(self) -> RunReport:
        """What was counted so far; `predicted` only where all items were there from the start, None of a stream."""
        return replace(self.counts(), predicted=self._items.predicted(), timeline=self.timeline())

    def watch_passes(self) -> Callable[[], list[ForwardPass]]:
        """Record the forward passes for somebody who looks on: what is given tells of those since it was last asked."""
        if self._keeper is not None:
            return self._keeper.fetch
        self._session.record_passes(WATCHED_ROWS)
        return self._session.take_passes

    def status(self) -> LaunchStatus:
        """What goes on just now; for any thread."""
        waves = self._items.waves()
        calls = Counter[tuple[str, str]]()
        for params, num in self._run.open_calls().items():
            name = params.name if isinstance(params.name, str) else params.op
            calls[waves.get(params.number, ""), name] += num
        return LaunchStatus(self._run.num_active, self._run.num_waiting, calls)

    def timeline(self) -> Timeline | None:
        """The forward passes so far, where they are recorded."""
        return None if self._keeper is None else self._keeper.timeline()

    def counts(self) -> RunReport:
        """The same without a prediction or a timeline."""
        now = self._session.counters()
        return RunReport.of(self._backend.name, self._before, now, None, self._items.num_eager)

    @property
    def due_in(self) -> float | None:
        """Seconds until it has to go on though the session has nothing new; None where it has not."""
        return self._run.due_in

    @property
    def is_idle(self) -> bool:
        """True where all items that were taken have ended."""
        return self._run.is_idle

    @property
    def num_eager(self) -> int:
        """Items so far that run as Python."""
        return self._items.num_eager

    @property
    def has_waiting_code(self) -> bool:
        """True where code of the user's waits, which only the thread that it began on can go on with."""
        return self._run.has_waiting_code

    def close(self) -> None:
        """Give up what is on its way and close the session."""
        try:
            self._run.close()
        finally:
            self._session.close()

    def __enter__(self) -> Launch:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _ends_of(self, items: Iterable[Any]) -> Iterator[ItemEnded]:
        """The ends of items as they came; those of a list are there, and taking them needs no limit of time."""
        return self._run.ends_of(self._made(items), self._pull_s(items))

    def _made(self, items: Iterable[Any]) -> Iterator[Startable]:
        return map(self._items.item, self.binds(items)[0])

    def _pull_s(self, items: Iterable[Any]) -> float:
        from lmc.executor.run import PULL_S

        return inf if isinstance(items, Sized) else PULL_S

    def binds(self, items: Iterable[Any]) -> tuple[Iterator[Callable[[], dict[str, Any]]], int | None]:
        """What gives the arguments of each item, or raises what is wrong with it; and how many there are, if known."""
        rows, total = rows_of(items, partial(arguments_of.takes, self._func), self._func.__name__)
        return (partial(arguments_of.bind_item, self._func, self._bound, row) for row in rows), total


def check_items(method: str, items: object) -> None:
    """Raises ArgumentError for what is one item, or none."""
    if isinstance(items, Mapping | str | bytes) or not isinstance(items, Iterable):
        raise ArgumentError(f"{method} takes a list of items, not {type(items).__name__}", help=_as_items(items))


def _as_items(given: object) -> str:
    if isinstance(given, Mapping) and given and all(isinstance(column, list | tuple) for column in given.values()):
        return "these are columns; the items are [dict(zip(columns, row)) for row in zip(*columns.values())]"
    return "an item is a dict of arguments; of one item a list is [item]"


def result_of(outcome: Outcome, report: RunReport | None, number: int) -> Result:
    """What people get of an item of that number that has ended."""
    result = Result(outcome.state, outcome.ret, outcome.error, outcome.usage, report, number, outcome.made, outcome.ran)
    result.taken = outcome.taken.as_json() if outcome.taken is not None else {}
    return result


def _pipeline(opt_level: int | str, backend: Backend, defaults: Mapping[str, Any], *, is_told: bool = False) -> str:
    """The pipeline, without fusing where the backend cannot or the run asks something of each generation by itself.

    is_told  somebody wants each text as it grows: that of a fused form comes only at its end
    """
    from lmc.passes import check_pipeline, fit, fuse_constraints, parse_pipeline

    pipeline = compiler.pipeline_of(opt_level)
    if isinstance(opt_level, str):
        check_pipeline(parse_pipeline(opt_level))  # before an item could take it for a mistake of its own
    if fit.PASS.name in [name.strip() for name in pipeline.split(",")]:
        fit.check_defaults(defaults, backend.caps)
    alone = any(defaults.get(key) is not None for key in (*fuse_constraints.ALONE, "stop"))
    if backend.caps.fused and not alone and not is_told:
        return pipeline
    return compiler.without_fusing(pipeline)


class _EagerItems:
    """Turns arguments into items that run the function as it is; `num_eager` so far."""

    def __init__(
        self,
        func: FunctionType | MethodType,
        params: RunParams,
        backend: Backend,
        loop: EventLoop | None,
        is_recorded: bool,
    ) -> None:
        from lmc.eager import Expressions

        self._func, self._backend, self._loop, self._is_recorded = func, backend, loop, is_recorded
        self._expressions = Expressions(params)
        self._numbers = count()
        self.num_eager = 0
        self.tells = False

    def keep_leaves(self) -> None:
        """Nothing is predicted of a program that nobody has read."""

    def item(self, bind: Callable[[], dict[str, Any]], number: int | None = None) -> Startable:
        """The item of that number, the next where none is said; one that fails where it cannot be bound."""
        from lmc.executor import FailedItem, from_user

        number = next(self._numbers) if number is None else number
        try:
            return self.made(bind(), number)
        except Exception as error:
            return FailedItem(from_user(error) if isinstance(error, LMError) else error, number)

    def made(self, arguments: dict[str, Any], number: int) -> Startable:
        """The item of these arguments. Raises ArgumentError where a call would not run the function."""
        from lmc.eager import AsyncItem, EagerItem, ProgramRecord
        from lmc.recorded import compiled_record

        record = ProgramRecord() if self._is_recorded else None
        ran = None
        if record is not None:
            ran = partial(compiled_record, self._func.__name__, record, self._backend.tokenizer)
        if self._loop is not None:
            self.num_eager += 1
            body = partial(arguments_of.call, self._func, arguments)
            return AsyncItem(body, self._expressions, number, self._backend, self._loop, record, ran)
        if self._func.__code__.co_flags & CALLED_IN_VAIN:
            raise ArgumentError(
                f"`{self._func.__name__}` is a generator or a coroutine: calling it runs nothing of it",
                help="write a plain function; an `async def` program needs an event loop",
            )
        self.num_eager += 1
        run = partial(arguments_of.call, self._func, arguments)
        return EagerItem(run, self._expressions, number, self._backend, record, ran)

    def predicted(self) -> None:
        """None."""

    def waves(self) -> dict[int, str]:
        """Python runs it: what waits for what is not known beforehand."""
        return {}


class _Items:
    """Turns arguments into items of the executor: same shape, same compiled plan."""

    num_eager = 0
    tells = False  # whether a run listens to its states

    def __init__(self, func: FunctionType | MethodType, cache: compiler.Cache, backend: Backend, pipeline: str) -> None:
        self._func, self._cache, self._backend, self._pipeline = func, cache, backend, pipeline
        self._kept: Recent[compiler.Key, tuple[Runnable, Trace, compiler.Compiled]] = Recent(
            "compiled items of a run", compiler.MAX_KEPT
        )
        self._num_shapes = 0
        self._waves: dict[int, str] | None = None
        self._numbers = count()
        self._leaves: list[Mapping[Path, object]] | None = None

    def keep_leaves(self) -> None:
        """Remember the arguments of the items to come, for `predicted`."""
        self._leaves = []

    def item(self, bind: Callable[[], dict[str, Any]], number: int | None = None) -> Startable:
        """The item of that number, the next where none is said; one that fails where it cannot be bound or compiled."""
        from lmc.executor import FailedItem, from_user

        number = next(self._numbers) if number is None else number
        try:
            return self._made(bind(), number)
        except Exception as error:
            return FailedItem(from_user(error) if isinstance(error, LMError) else error, number)

    def _made(self, arguments: dict[str, Any], number: int) -> Startable:
        """The item of these arguments; raises where they cannot be compiled for."""
        return self._planned(arguments, shapes_of(arguments), number)

    def _planned(self, arguments: dict[str, Any], shapes: Shapes, number: int) -> Startable:
        from lmc.executor import PlanItem

        runnable, made, done = self._compiled(shapes, arguments)
        leaves = {p.path: arguments_of.value_at(arguments, p.path) for p in made.graph.params}
        _refuse_programs(leaves)
        # read as it is now, where the program would see how it changes
        if shares(arguments.values(), (*made.externs.values(), *made.outside)):
            error = graph_break(codes.ESCAPED, None, "an argument that the program also reaches in another way")
            error.is_of_item = True
            raise error
        if self._leaves is not None:
            self._leaves.append(leaves)
        return PlanItem(runnable, leaves, made.externs, number, done.whatever)

    def _compiled(self, shapes: Shapes, arguments: dict[str, Any]) -> tuple[Runnable, Trace, compiler.Compiled]:
        from lmc.executor.runnable import compile_plan

        key = tuple(shapes.items())
        kept = self._kept.get(key)
        if kept is None:
            narrow = self._cache.narrowed(shapes, arguments)
            kept = self._kept.get(key := tuple(narrow.items()))
        if kept is None:
            made = self._cache.trace_for(self._func, shapes, arguments)
            key = tuple(self._cache.narrowed(shapes, arguments).items())  # it may only now be known what is narrow
            done = compiler.compile_trace(
                self._cache, made, self._pipeline, self._backend.tokenizer, self._backend.caps
            )
            kept = (compile_plan(done.plan, tells=self.tells), made, done)
            self._kept.put(key, kept)
            self._num_shapes += 1
        return kept

    def waves(self) -> dict[int, str]:
        """The wave of each call, by its node, where all items have one plan; `2.0` is wave 0 of what begins in 2."""
        if self._num_shapes != 1:
            return {}
        ((_, _, done),) = self._kept.values()
        if self._waves is None:
            steps = {step.id: step for step in done.plan.steps}
            self._waves = {}
            for step in done.plan.steps:
                around = "" if step.inside is None else f"{self._waves[steps[step.inside].node]}."
                self._waves[step.node] = f"{around}{step.wave}"
        return self._waves

    def predicted(self) -> TokenSharing | None:
        """What the prefix tree of the whole batch says, where it was kept and the backend has a prefix cache."""
        if self._leaves is None or self._num_shapes != 1:
            return None
        if not self._backend.caps.prefix_cache or "hoist_prefix" not in self._pipeline:
            return None
        from lmc.passes import measure

        ((_, _, done),) = self._kept.values()
        return measure(done.plan, compiler.inputs_of(self._backend.tokenizer, self._leaves))


def _refuse_programs(leaves: Mapping[Path, object]) -> None:
    """Raises CaptureError where a program can be called by way of an argument: no graph of the outer one has its calls.

    Looked for in each item, as what an object holds is not part of its shape.
    """
    for path, value in leaves.items():
        if type(value) not in ATOMS and reaches_program(value):
            error = graph_break(codes.OUT_OF_SIGHT, None, f"the argument `{path[0]}`")
            error.is_of_item = True
            raise error


def shapes_of(arguments: Mapping[str, Any]) -> Shapes:
    """What one graph has in common with the others of its program: the shapes of its arguments."""
    return {name: arguments_of.shape_of(value) for name, value in arguments.items()}


class _AutoItems(_Items):
    """The same, and the function as it is where there is no graph. Capture runs nothing, so nothing runs twice."""

    def __init__(
        self,
        func: FunctionType | MethodType,
        cache: compiler.Cache,
        backend: Backend,
        pipeline: str,
        eager: _EagerItems,
    ) -> None:
        super().__init__(func, cache, backend, pipeline)
        self._eager = eager
        self._broken: set[tuple[tuple[str, ArgumentShape], ...]] = set()  # shapes that meet a break

    @property
    def num_eager(self) -> int:  # type: ignore[override]
        """Items that run as they are."""
        return self._eager.num_eager

    def waves(self) -> dict[int, str]:
        """None known where some items have no plan."""
        return {} if self.num_eager else super().waves()

    def predicted(self) -> TokenSharing | None:
        """None where some items have no plan."""
        return None if self.num_eager else super().predicted()

    def _made(self, arguments: dict[str, Any], number: int) -> Startable:
        key = None
        try:
            shapes = shapes_of(arguments)
            key = tuple(self._cache.narrowed(shapes, arguments).items())
            if key not in self._broken:
                return self._planned(arguments, shapes, number)
        except Exception as error:
            if not is_refusal(error):
                raise
            item = self._eager.made(arguments, number)
            say_broken(self._func.__name__, error)
            of_item = isinstance(error, CaptureError) and error.is_of_item
            if key is not None and not of_item:  # only now may it be known which numbers a graph would need
                self._broken.add(tuple(self._cache.narrowed(shapes, arguments).items()))
            return item
        return self._eager.made(arguments, number)
