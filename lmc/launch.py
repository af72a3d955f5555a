"""A program on a backend: its items compiled as they come, run on one session, and their results.

Knows no Program: what is run is a function with what is bound to it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from functools import partial
from itertools import count
from math import inf
from types import FunctionType, MethodType, TracebackType
from typing import TYPE_CHECKING, Any, Literal, get_args

from lmc import arguments as arguments_of
from lmc import compiler
from lmc.errors import ArgumentError
from lmc.fallback import is_refusal, say_broken
from lmc.parser.capture.trace import ArgumentShape, Trace
from lmc.report import RunReport
from lmc.result import Result

if TYPE_CHECKING:
    from lmc.backend.base import Backend
    from lmc.executor import ItemEnded, Startable
    from lmc.executor.requests import RunParams
    from lmc.executor.runnable import Runnable
    from lmc.passes import TokenSharing

Shapes = dict[str, ArgumentShape]  # of the arguments, by name
Ran = Callable[[BaseException | None], compiler.Compiled]

# auto: compiled, and eager where it cannot be captured whole; compiled: captured into a graph, or refused;
# eager: the Python function itself
Mode = Literal["auto", "compiled", "eager"]
DEFAULT_MODE: Mode = "auto"

CALLED_IN_VAIN = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR


class Launch:
    """A program on an open session, for as many items as come: see `Program.open_run`. Closed at the end of a `with`.

    Items are taken as others end, so a source of them may be endless; what is held at once is bounded. Results come as
    items end, and are forgotten here.
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
    ) -> None:
        from lmc.executor import Executor
        from lmc.parser.constraints import parse_constraint

        if not isinstance(seed, int):
            raise ArgumentError(f"seed must be a whole number, not {seed!r}", help="leave it out for seed 0")
        if mode not in get_args(Mode):
            raise ArgumentError(f"unknown mode {mode!r}", help=f"one of {', '.join(get_args(Mode))}")
        self._func, self._bound, self._backend = func, bound, backend
        pipeline = "" if mode == "eager" else _pipeline(opt_level, backend, defaults)
        self._session = backend.open()
        self._before = self._session.counters()
        executor = Executor(self._session, seed=seed, defaults=defaults, parse_constraint=parse_constraint)
        self._items: _Items | _EagerItems
        if mode == "compiled":
            self._items = _Items(func, cache, backend, pipeline)
        else:
            eager = _EagerItems(func, executor.params, backend, record)
            self._items = eager if mode == "eager" else _AutoItems(func, cache, backend, pipeline, eager)
        self._run = executor.open("items")

    def results(self, items: Iterable[Mapping[str, Any] | list[Any] | tuple[Any, ...]]) -> Iterator[tuple[int, Result]]:
        """(index, result) of each item (a dict of arguments, or a list of positional ones) as it ends.

        The index counts the items of this launch from 0. A failed item carries its own error; what the source raises is
        the error of one more item, the last. Items that are on their way when the iteration is left are yielded by the
        next call. The results have no report: see `report`.

        While the source makes its next item, nothing runs and no result comes: one that waits for a person or for a
        result of this iteration waits with all the others.
        """
        check_items("results", items)
        return ((ended.item, self._result(ended, None)) for ended in self._ends_of(items))

    def all_results(self, items: Iterable[Any]) -> list[Result]:
        """One result for each item of a source that ends, in order, with the report of the whole; closes the run."""
        if isinstance(items, Sized):
            self._items.keep_leaves()
        return self._to_end(self._ends_of(items))

    def one_result(self, arguments: dict[str, Any]) -> Result:
        """The result for one set of bound arguments; closes the run."""
        self._items.keep_leaves()
        return self._to_end(self._run.ends_of([self._items.item(lambda: arguments)]))[0]

    def report(self) -> RunReport:
        """What was counted so far; `predicted` only where all items were there from the start, None of a stream."""
        items, now = self._items, self._session.counters()
        return RunReport.of(self._backend.name, self._before, now, items.predicted(), items.num_eager)

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
        made = (self._items.item(partial(arguments_of.bind_item, self._func, self._bound, item)) for item in items)
        return self._run.ends_of(made, inf) if isinstance(items, Sized) else self._run.ends_of(made)

    def _to_end(self, ends: Iterator[ItemEnded]) -> list[Result]:
        ended = {each.item: each for each in ends}
        self.close()
        report = self.report()
        return [self._result(ended[i], report) for i in range(len(ended))]

    def _result(self, ended: ItemEnded, report: RunReport | None) -> Result:
        outcome, ran = ended.outcome, self._items.ran.pop(ended.item, None)
        origin = None if ran is None else partial(ran, outcome.error)
        return Result(outcome.state, outcome.ret, outcome.error, outcome.usage, report, origin)


def check_items(method: str, items: object) -> None:
    """Raises ArgumentError for what is one item, or none."""
    if isinstance(items, Mapping | str) or not isinstance(items, Iterable):
        raise ArgumentError(f"{method} takes a list of items", help="wrap the one item in a list")


def _pipeline(opt_level: int | str, backend: Backend, defaults: Mapping[str, Any]) -> str:
    """The pipeline, without fusing where the backend cannot or the run asks something of each generation by itself."""
    from lmc.passes import check_pipeline, fit, fuse_constraints, parse_pipeline

    pipeline = compiler.pipeline_of(opt_level)
    if isinstance(opt_level, str):
        check_pipeline(parse_pipeline(opt_level))  # before an item could take it for a mistake of its own
    if fit.PASS.name in [name.strip() for name in pipeline.split(",")]:
        fit.check_defaults(defaults, backend.caps)
    alone = any(defaults.get(key) is not None for key in (*fuse_constraints.ALONE, "stop"))
    if backend.caps.fused and not alone:
        return pipeline
    return ",".join(name for name in pipeline.split(",") if name.strip() != fuse_constraints.PASS.name)


class _EagerItems:
    """Turns arguments into items that run the function as it is; `num_eager` so far.

    ran  for each item under way what it runs as, given the error that it ended in: what is recorded, if anything is
    """

    def __init__(self, func: FunctionType | MethodType, params: RunParams, backend: Backend, is_recorded: bool) -> None:
        from lmc.eager import Expressions

        self._func, self._backend, self._is_recorded = func, backend, is_recorded
        self.ran: dict[int, Ran] = {}
        self._expressions = Expressions(params)
        self._numbers = count()
        self.num_eager = 0

    def keep_leaves(self) -> None:
        """Nothing is predicted of a program that nobody has read."""

    def item(self, bind: Callable[[], dict[str, Any]]) -> Startable:
        """The next item; one that fails where it cannot be bound."""
        from lmc.executor import FailedItem

        number = next(self._numbers)
        try:
            return self.made(bind(), number)
        except Exception as error:
            return FailedItem(error, number)

    def made(self, arguments: dict[str, Any], number: int) -> Startable:
        """The item of these arguments. Raises ArgumentError where a call would not run the function."""
        from lmc.eager import EagerItem, Record
        from lmc.recorded import compiled_record

        if self._func.__code__.co_flags & CALLED_IN_VAIN:
            raise ArgumentError(
                f"`{self._func.__name__}` is a generator or async: calling it runs nothing of it",
                help="write a plain function",
            )
        self.num_eager += 1
        run = partial(arguments_of.call, self._func, arguments)
        record = None
        if self._is_recorded:
            record = Record()
            self.ran[number] = partial(compiled_record, self._func.__name__, record, self._backend.tokenizer)
        return EagerItem(run, self._expressions, number, self._backend, record)

    def predicted(self) -> None:
        """None."""


def _same(done: compiler.Compiled, error: BaseException | None) -> compiler.Compiled:
    return done


class _Items:
    """Turns arguments into items of the executor: same shape, same compiled plan.

    ran  for each item under way what it runs as: the compiled program, whatever error it ends in
    """

    num_eager = 0

    def __init__(self, func: FunctionType | MethodType, cache: compiler.Cache, backend: Backend, pipeline: str) -> None:
        self._func, self._cache, self._backend, self._pipeline = func, cache, backend, pipeline
        self._kept: dict[tuple[tuple[str, ArgumentShape], ...], tuple[Runnable, Trace, compiler.Compiled]] = {}
        self._count = 0
        self._leaves: list[Mapping[arguments_of.Path, object]] | None = None
        self.ran: dict[int, Ran] = {}

    def keep_leaves(self) -> None:
        """Remember the arguments of the items to come, for `predicted`."""
        self._leaves = []

    def item(self, bind: Callable[[], dict[str, Any]]) -> Startable:
        """The next item; one that fails where it cannot be bound or compiled."""
        from lmc.executor import FailedItem

        number, self._count = self._count, self._count + 1
        try:
            return self._made(bind(), number)
        except Exception as error:
            return FailedItem(error, number)

    def _made(self, arguments: dict[str, Any], number: int) -> Startable:
        """The item of these arguments; raises where they cannot be compiled for."""
        return self._planned(arguments, shapes_of(arguments), number)

    def _planned(self, arguments: dict[str, Any], shapes: Shapes, number: int) -> Startable:
        from lmc.executor import PlanItem

        runnable, made, done = self._compiled(shapes)
        self.ran[number] = partial(_same, done)
        leaves = {p.path: arguments_of.value_at(arguments, p.path) for p in made.graph.params}
        if self._leaves is not None:
            self._leaves.append(leaves)
        return PlanItem(runnable, leaves, made.externs, number)

    def _compiled(self, shapes: Shapes) -> tuple[Runnable, Trace, compiler.Compiled]:
        from lmc.executor.runnable import compile_plan

        key = tuple(shapes.items())
        kept = self._kept.get(key)
        if kept is None:
            made = self._cache.trace(self._func, shapes)
            done = compiler.compile_trace(
                self._cache, made, self._pipeline, self._backend.tokenizer, self._backend.caps
            )
            self._kept[key] = kept = (compile_plan(done.plan), made, done)
        return kept

    def predicted(self) -> TokenSharing | None:
        """What the prefix tree of the whole batch says, where it was kept and the backend has a prefix cache."""
        if self._leaves is None or len(self._kept) != 1:
            return None
        if not self._backend.caps.prefix_cache or "hoist_prefix" not in self._pipeline:
            return None
        from lmc.passes import measure

        ((_, _, done),) = self._kept.values()
        return measure(done.plan, compiler.inputs_of(self._backend.tokenizer, self._leaves))


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
        eager.ran = self.ran
        self._broken: set[tuple[tuple[str, ArgumentShape], ...]] = set()  # shapes that meet a break

    @property
    def num_eager(self) -> int:  # type: ignore[override]
        """Items that run as they are."""
        return self._eager.num_eager

    def predicted(self) -> TokenSharing | None:
        """None where some items have no plan."""
        return None if self.num_eager else super().predicted()

    def _made(self, arguments: dict[str, Any], number: int) -> Startable:
        key = None
        try:
            shapes = shapes_of(arguments)
            key = tuple(shapes.items())
            if key not in self._broken:
                return self._planned(arguments, shapes, number)
        except Exception as error:
            if not is_refusal(error):
                raise
            item = self._eager.made(arguments, number)
            say_broken(self._func.__name__, error)
            if key is not None:
                self._broken.add(key)
            return item
        return self._eager.made(arguments, number)
