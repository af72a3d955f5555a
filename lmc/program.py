"""Programs as people use them: the decorator, and running one or many."""

from __future__ import annotations

import copy
import functools
import importlib
import inspect
import pickle
import sys
from collections.abc import AsyncIterable, Callable, Coroutine, Iterable, Mapping, Sequence
from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Any, Concatenate, Generic, Literal, cast, overload

from lmc import arguments as arguments_of
from lmc import compiler
from lmc.callables import called
from lmc.collector import collector_paused
from lmc.errors import ArgumentError, did_you_mean
from lmc.ir.params import check_closed
from lmc.ir.sampling import RUN_NAMES, SAMPLING_FIELDS
from lmc.parser.argument_shapes import signature_of
from lmc.run_options import OPTIONS, RunOptions, RunPlace
from lmc.state import P, R, State

if TYPE_CHECKING:
    from pathlib import Path

    from lmc.aio import AsyncBatch, LoopLaunch
    from lmc.backend.base import Backend
    from lmc.batch import BatchOptions, BatchRun, PatientRun
    from lmc.compiler import Compiled
    from lmc.eager.program_greenlet import Running
    from lmc.executor.events import RunEvent
    from lmc.executor.run import Listen
    from lmc.launch import Launch, Mode, Opener
    from lmc.patience import Retry, Timeout
    from lmc.result import Result
    from lmc.streaming import OnEvent, Stream

MAX_OBJECTS = 16  # whose methods a program keeps compiled

_default_backend: list[Backend | str | None] = [None]  # set by set_default_backend


def set_default_backend(backend: Backend | str | None) -> None:
    """The backend that `run` uses when none is named; a `Runtime` gives its own. Raises BackendError."""
    from lmc.backend import check_backend

    backend = getattr(backend, "endpoint", backend)
    check_backend(backend)
    _default_backend[0] = backend


def default_backend() -> Backend | str | None:
    """What `set_default_backend` has set."""
    return _default_backend[0]


class Program(Generic[P, R]):
    """A decorated function. Call `run`, `run_batch`, `bind` or `compile`; `func` is the function as it was written."""

    __lmc_program__ = True

    def __init__(
        self,
        func: object,
        bound: Mapping[str, Any] | None = None,
        cache: compiler.Cache | None = None,
    ) -> None:
        self._written = func
        func, keywords, self._kind = called(func)
        self._owner: type | None = None  # whose method it is
        self._of_objects: dict[int, Program] = {}
        parameters = list(signature_of(func).parameters.values())
        if not parameters:
            raise ArgumentError(
                f"`{func.__name__}` takes no program state", help="its first parameter is the state: def f(s, ...)"
            )
        self.func = func
        self.arg_names = [p.name for p in parameters[1:]]
        self._takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters)
        self.bound = {**keywords, **(bound or {})}
        self._cache = cache or compiler.Cache()
        functools.update_wrapper(self, func)

    # --- as an attribute of a class -----------------------------------------------------------------------

    def __set_name__(self, owner: type, name: str) -> None:
        # a program of elsewhere that a class keeps is no method of it
        if self.func.__qualname__.startswith(f"{owner.__qualname__}."):
            self._owner = owner

    @overload
    def __get__(self, obj: None, owner: type | None = None) -> Program[P, R]: ...

    @overload
    def __get__(self, obj: object, owner: type | None = None) -> Program[..., R]: ...

    def __get__(self, obj: object, owner: type | None = None) -> Any:
        """The program of an object, as of a function that is defined in a class."""
        if self._kind == "class":
            return self._of(owner or type(obj))
        if isinstance(obj, type) and obj is owner:  # of `@classmethod` around a program
            return self._of(obj)
        if obj is None or self._kind == "static" or self._owner is None or isinstance(self.func, MethodType):
            return self
        return self._of(obj)

    def _of(self, obj: object) -> Program:
        """Kept for some objects, so that each is compiled for once."""
        kept = self._of_objects.get(id(obj))
        if kept is None:
            if len(self._of_objects) == MAX_OBJECTS:
                del self._of_objects[next(iter(self._of_objects))]
            assert isinstance(self.func, FunctionType)
            kept = self._of_objects[id(obj)] = Program(MethodType(self.func, obj), self.bound)
        return kept

    # --- copies ------------------------------------------------------------------------------------------

    def __reduce__(self) -> tuple[Any, ...]:
        """By reference, as a function is pickled; what is bound by value."""
        if isinstance(self._written, functools.partial):
            return Program, (self._written, self.bound)
        return _named_program, (*self._place(), self.bound)

    def _place(self) -> tuple[object, str]:
        """Where it is found: a module's name, or the object that it is bound to, and its name there."""
        func = self.func
        if isinstance(func, MethodType):
            place: tuple[object, str] = (func.__self__, func.__func__.__name__)
        else:
            place = (func.__module__, func.__qualname__)
        if _found(*place) is self._function:
            return place
        # a decorator may have given the function a name of its own
        for name, value in vars(sys.modules.get(func.__module__, object)).items():
            if value is self:
                return func.__module__, name
        raise pickle.PicklingError(f"can't pickle the program {func.__qualname__}: it is not found by its name")

    @property
    def _function(self) -> FunctionType:
        """The function without the object that it is bound to."""
        return cast("FunctionType", getattr(self.func, "__func__", self.func))

    def __copy__(self) -> Program:
        return Program(self.func, self.bound, self._cache)

    def __deepcopy__(self, memo: dict[int, Any]) -> Program:
        func, cache = self.func, self._cache
        if isinstance(func, MethodType):
            func, cache = MethodType(func.__func__, copy.deepcopy(func.__self__, memo)), compiler.Cache()
        return Program(func, copy.deepcopy(self.bound, memo), cache)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Result[R]:
        __tracebackhide__ = True
        return self.run(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<lmc program {self.func.__name__}({', '.join(self.arg_names)})>"

    def bind(self, **kwargs: Any) -> Program[..., R]:
        """This program with arguments fixed."""
        self._check_names(kwargs)
        return Program(self.func, {**self.bound, **kwargs}, self._cache)

    @property
    def is_async(self) -> bool:
        """True for an `async def` program."""
        return inspect.iscoroutinefunction(self.func)

    def _check_names(self, arguments: Mapping[str, Any]) -> None:
        unknown = next((k for k in arguments if k not in self.arg_names), None)
        if unknown is not None and not self._takes_any:
            raise ArgumentError(
                f"`{self.func.__name__}` has no argument `{unknown}`", help=f"it has {', '.join(self.arg_names)}"
            )

    # --- compiling ---------------------------------------------------------------------------------------

    def compile(
        self,
        *,
        opt_level: int | str = compiler.DEFAULT_LEVEL,
        tokenizer: Any = None,
        **arguments: Any,
    ) -> Compiled:
        """Compile without running: given arguments give their structure, the others are holes.

        opt_level is 0, 1, 2, 3 or a pipeline such as "cse,fold_text"; tokenizer makes token counts and templates known.
        closed=True closes the JSON schemas that do not say whether they are, as `run(closed=True)` does.
        """
        closed = arguments.pop("closed", None) if self._is_option("closed", arguments) else None
        check_closed(closed)
        self._check_names(arguments)
        bound = {**self.bound, **arguments}
        holes, known = arguments_of.holes(self.func, bound), arguments_of.defaults(self.func, bound)
        with collector_paused():  # over both: behind each pause all that was made is looked at
            made = self._cache.trace_for(self.func, holes, known)
            pipeline = compiler.pipeline_of(opt_level, closed=bool(closed))
            return compiler.compile_trace(self._cache, made, pipeline, tokenizer)

    def trace(self, *, backend: object = None, **arguments: Any) -> Compiled:
        """The captured graph, with nothing optimised. It is the same for every backend."""
        given = {"backend": backend} if "backend" in self.arg_names and backend is not None else {}
        return self.compile(opt_level=0, **arguments, **given)

    # --- running -----------------------------------------------------------------------------------------

    @overload
    def run(self, *args: P.args, **kwargs: P.kwargs) -> Result[R]: ...

    @overload
    def run(self, *args: Any, stream: Literal[True], **kwargs: Any) -> Stream: ...

    @overload
    def run(
        self,
        *args: Any,
        backend: Backend | str | None = None,
        model: str | None = None,
        seed: int | None = None,
        opt_level: int | str = compiler.DEFAULT_LEVEL,
        mode: Mode | None = None,
        fullgraph: bool = False,
        record: bool = True,
        timeline: bool = False,
        timeout: float | Timeout | None = None,
        retry: int | Retry | None = None,
        on_event: OnEvent | None = None,
        **kwargs: Any,
    ) -> Result[R]: ...

    def run(  # type: ignore[misc]  # an argument of the program's own comes before an option of that name
        self,
        *args: Any,
        backend: Backend | str | None = None,
        model: str | None = None,
        seed: int | None = None,
        opt_level: int | str = compiler.DEFAULT_LEVEL,
        **kwargs: Any,
    ) -> Any:
        """Run once. Sampling parameters (SGLang's names) are defaults for the calls that leave them out.

        `mode` says how: "auto", the default, captures the program into a graph, and runs it as Python where it cannot
        be captured whole, which is said once; with `fullgraph=True`, or mode="compiled", that is an error. "eager" runs
        the Python function itself: its calls are submitted where they stand and waited for where they are read. Its own
        Python runs on this thread: what blocks there (`time.sleep`, a slow tool) holds up every item of a batch. A
        program that is called inside such a one runs in the same run and gives its state; `opt_level` and `mode` are
        those of the run then, and a `seed` is that of each of its calls. What runs as Python is recorded, so that the
        result has a graph (`Result.compiled`) too; record=False leaves that out. With timeline=True the forward passes
        are recorded, for `result.report.timeline`. A program's own argument of these names comes first, if it is not of
        its `**kw`; `run_batch` and `open_run` can say how such a program is run.

        `timeout` and `retry` are those of `run_batch`, for this one item; of a stream, only Timeout(call=...) is.

        `stream=True` gives a Stream at once, whose run goes on as it is read. `on_event` is called with each TextGrew,
        CallStarted, CallEnded and ItemDone as it happens; what it raises ends the run.

        Raises the program's error: an LMError, or whatever the program's own Python raised.
        """
        __tracebackhide__ = True  # IPython and pytest leave such frames out
        is_stream = self._is_option("stream", kwargs) and kwargs.pop("stream")
        return self._run(is_stream, args, kwargs, RunPlace(backend, model, seed, opt_level))

    def stream(
        self,
        *args: Any,
        backend: Backend | str | None = None,
        model: str | None = None,
        seed: int | None = None,
        opt_level: int | str = compiler.DEFAULT_LEVEL,
        **kwargs: Any,
    ) -> Stream:
        """`run` with `stream=True`, for a program that has an argument of that name too."""
        return cast("Stream", self._run(True, args, kwargs, RunPlace(backend, model, seed, opt_level)))

    def _run(self, is_stream: bool, args: Sequence[Any], kwargs: dict[str, Any], place: RunPlace) -> Any:
        """A Result, a Stream, or inside another program its state, which a coroutine program gives when awaited."""
        __tracebackhide__ = True  # IPython and pytest leave such frames out
        if self._owner is not None and args and isinstance(args[0], self._owner) and self.__get__(args[0]) is not self:
            return self.__get__(args[0])._run(is_stream, args[1:], kwargs, place)
        outer = None if place.is_said else _running()
        if outer is not None:
            return self._run_inside(outer, is_stream, args, kwargs, place.seed)
        opener, arguments, on_event, options = self._prepared(is_stream, args, kwargs, place)
        if is_stream:
            from lmc.aio import stream_one

            return stream_one(opener, arguments, on_event)
        if self.is_async:
            from lmc.aio import run_one

            return run_one(opener, arguments, on_event, options.retry, options.timeout)
        from lmc.batch import one_result

        with opener(listen=_listener(on_event)) as launch:
            result = one_result(launch, arguments, options)
        if result.error is not None:
            raise result.error
        return result

    def _prepared(
        self, is_stream: bool, args: Sequence[Any], kwargs: dict[str, Any], place: RunPlace
    ) -> tuple[Opener, dict[str, Any], OnEvent | None, BatchOptions]:
        """What opens a run's launch, its arguments, who is told, and how it waits and tries again."""
        from lmc.patience import call_limits

        given = self._options(kwargs)
        options = given.as_batch(is_stream=is_stream)
        defaults, kwargs = self._split(kwargs)
        arguments = arguments_of.bind(self.func, self.bound, args, kwargs)
        opener = self._opener(
            place.backend, place.model, place.seed or 0, place.opt_level, defaults, given.mode, given.fullgraph,
            keeps_calls=True, record=given.record, timeline=given.timeline,
            limits=call_limits(options.retry, options.timeout),
        )  # fmt: skip
        return opener, arguments, given.on_event, options

    def _run_inside(
        self, outer: Running, is_stream: bool, args: Sequence[Any], kwargs: dict[str, Any], seed: int | None
    ) -> Any:
        from lmc.eager import run_inside

        self._options(kwargs).check_inside(is_stream)
        defaults, kwargs = self._split(kwargs)
        if seed is not None:
            defaults["seed"] = seed
        return run_inside(outer, self.func, args, {**self.bound, **kwargs}, defaults)

    def _options(self, kwargs: dict[str, Any]) -> RunOptions:
        """Options of a run that are no arguments of the program, taken out of `kwargs`."""
        return RunOptions(**{name: kwargs.pop(name) for name in OPTIONS if self._is_option(name, kwargs)})

    async def arun(
        self,
        *args: Any,
        backend: Backend | str | None = None,
        model: str | None = None,
        seed: int | None = None,
        opt_level: int | str = compiler.DEFAULT_LEVEL,
        **kwargs: Any,
    ) -> Result[R]:
        """`run` for coroutines: the event loop goes on meanwhile, and many runs on a backend go on together.

        An `async def` program is a task of this loop. A plain one runs on the one thread that steps its backend for all
        runs that are awaited, in a copy of this context. `stream=True` gives a Stream to be read by `async for`.
        Cancelled, it aborts the run. Inside a program, one of the same backend runs in the same run, and gives its
        state.
        """
        is_stream = self._is_option("stream", kwargs) and kwargs.pop("stream")
        place = RunPlace(backend, model, seed, opt_level)
        if not place.is_said and _running() is not None:
            found = self._run(is_stream, args, kwargs, place)
            return cast("Result", await found if inspect.isawaitable(found) else found)
        from lmc.aio import arun_one, astream

        opener, arguments, on_event, options = self._prepared(is_stream, args, kwargs, place)
        if is_stream:
            return cast("Result", astream(opener, arguments, on_event))
        return await arun_one(opener, arguments, on_event, options.retry, options.timeout)

    @overload
    def run_batch(
        self, batch: Iterable[Any], *, generator_style: Literal[False] = False, **options: Any
    ) -> list[Result[R]]: ...

    @overload
    def run_batch(self, batch: Iterable[Any], *, generator_style: Literal[True], **options: Any) -> BatchRun: ...

    def run_batch(
        self,
        batch: Iterable[Any],
        *,
        backend: Backend | str | None = None,
        model: str | None = None,
        seed: int = 0,
        opt_level: int | str = compiler.DEFAULT_LEVEL,
        num_threads: int | str = "auto",
        progress_bar: bool | Literal["live"] = False,
        generator_style: bool = False,
        ordered: bool = True,
        max_in_flight: int | None = None,
        retry: int | Retry | None = None,
        timeout: float | Timeout | None = None,
        journal: str | Path | None = None,
        rerun_failed: bool = True,
        calls: bool = False,
        record: bool = False,
        timeline: bool = False,
        mode: Mode | None = None,
        fullgraph: bool = False,
        stream: bool = False,
        on_event: OnEvent | None = None,
        **defaults: Any,
    ) -> Any:
        """Run for every item, all in one stream of requests: one result an item, in order; a failed one has its error.

        An item is a dict of arguments, or a list of positional ones, or for a program of one argument the argument
        itself; a batch any iterable of these, a DataFrame or a csv.DictReader. A generator is not listed first, and
        what it raises is the error of one more item, the last; for one without an end see `open_run`.
        `mode` and `fullgraph` are those of `run`, for each item by itself.

        generator_style  an iterator of results instead of the list: in the order of the items, or with `ordered=False`
                         as they end, each with its `item`. What is on its way goes on only while a result is waited for
        max_in_flight    items that run at once; all that the machine can hold by default
        retry            how often an item is run again, whole, that failed with what may pass: a number, or a Retry
        timeout          seconds that an item may take, or a Timeout
        journal          a file with a line for each item that has ended: the same batch with the same file goes on
                         where it was left, by whatever. With `rerun_failed` what failed then runs again
        calls            keep the model calls, for `result.calls`
        record           record what runs as Python, for `result.compiled`
        timeline         record the forward passes, for `report.timeline`; keeps the calls too
        progress_bar     on stderr; where that is no terminal, a line every half minute. "live" shows calls by wave, the
                         engine's rows and pool, and rates
        stream           a BatchStream at once, to read what it tells while it goes on; by itself, without the above
        on_event         that of `run`
        num_threads      for tools that said they block (`@lmc.tool(blocking=True)`), those of all items together: an
                         item needs none, and `max_in_flight` bounds how many run at once

        Raises ArgumentError for wrong options and for a journal of another run; Ctrl-C leaves a KeyboardInterrupt with
        the `results` so far.
        """
        from lmc.batch import BatchOptions, all_results, one_by_one, threads_of
        from lmc.launch import check_items
        from lmc.patience import call_limits, retry_of, timeout_of

        check_items("run_batch", batch)
        options = BatchOptions(
            retry=retry_of(retry), timeout=timeout_of(timeout), max_in_flight=max_in_flight, journal=journal,
            reruns_failed=rerun_failed, progress_bar=progress_bar,
        )  # fmt: skip
        sampling = self._only_sampling("run_batch", defaults)
        options.check_stream(stream, generator_style, on_event is not None)
        opener = self._opener(
            backend, model, seed, opt_level, sampling, mode, fullgraph, keeps_calls=calls, record=record,
            timeline=timeline, limits=call_limits(options.retry, options.timeout), num_threads=threads_of(num_threads),
        )  # fmt: skip
        if stream:
            from lmc.aio import stream_batch

            return stream_batch(opener, batch, on_event)
        launch = self._launched(opener, on_event)
        if generator_style:
            return one_by_one(launch, batch, options, in_order=ordered)
        return all_results(launch, batch, options)

    def arun_batch(
        self,
        batch: Iterable[Any] | AsyncIterable[Any],
        *,
        backend: Backend | str | None = None,
        model: str | None = None,
        seed: int = 0,
        opt_level: int | str = compiler.DEFAULT_LEVEL,
        mode: Mode | None = None,
        fullgraph: bool = False,
        calls: bool = False,
        timeline: bool = False,
        max_in_flight: int | None = None,
        retry: int | Retry | None = None,
        timeout: float | Timeout | None = None,
        on_event: OnEvent | None = None,
        **defaults: Any,
    ) -> AsyncBatch:
        """`run_batch` for coroutines: awaited it is the list of results, iterated (index, result) of each as it ends.

        The items may come from an asynchronous source, and may have no end. `max_in_flight` bounds what runs at once;
        `retry` and `timeout` are those of `run_batch`.
        """
        from lmc.aio import AsyncBatch
        from lmc.launch import check_items
        from lmc.patience import call_limits

        if not isinstance(batch, AsyncIterable):
            check_items("arun_batch", batch)
        options = _patience(retry, timeout, max_in_flight, on_event)
        sampling = self._only_sampling("arun_batch", defaults)
        opener = self._opener(
            backend, model, seed, opt_level, sampling, mode, fullgraph, keeps_calls=calls, timeline=timeline,
            limits=call_limits(options.retry, options.timeout),
        )  # fmt: skip
        return AsyncBatch(opener, batch, on_event, options.retry, options.timeout, max_in_flight)

    def open_run(
        self,
        *,
        backend: Backend | str | None = None,
        model: str | None = None,
        seed: int = 0,
        opt_level: int | str = compiler.DEFAULT_LEVEL,
        mode: Mode | None = None,
        fullgraph: bool = False,
        calls: bool = False,
        record: bool = False,
        timeline: bool = False,
        retry: int | Retry | None = None,
        timeout: float | Timeout | None = None,
        on_event: OnEvent | None = None,
        **defaults: Any,
    ) -> Launch | LoopLaunch | PatientRun:
        """A run to hold, for items that come from a generator, endless ones too: results as they end, memory bounded.

        The tasks of an `async def` program go on while somebody iterates over the results. `retry` and `timeout` are
        those of `run_batch`.

        with prog.open_run(backend="cpu") as run:
            for index, result in run.results({"line": line} for line in sys.stdin):
                print(index, result["answer"])
        """
        from lmc.batch import PatientRun
        from lmc.patience import call_limits

        options = _patience(retry, timeout, None, on_event)
        sampling = self._only_sampling("open_run", defaults)
        opener = self._opener(
            backend, model, seed, opt_level, sampling, mode, fullgraph, keeps_calls=calls, record=record,
            timeline=timeline, limits=call_limits(options.retry, options.timeout),
        )  # fmt: skip
        launch = self._launched(opener, on_event)
        is_patient = options.retry.items or options.timeout.item is not None
        return PatientRun(launch, options) if is_patient else launch

    def _launched(self, opener: Opener, on_event: OnEvent | None) -> Launch | LoopLaunch:
        """A launch for plain code; that of a coroutine program has a loop of its own."""
        if not self.is_async:
            return opener(listen=_listener(on_event))
        from lmc.aio import LoopLaunch

        return LoopLaunch(opener, on_event)

    def _opener(
        self,
        backend: Backend | str | None,
        model: str | None,
        seed: int,
        opt_level: int | str,
        defaults: Mapping[str, Any],
        mode: Mode | None,
        fullgraph: bool,
        **options: Any,
    ) -> Opener:
        """Opens a launch when it is called; what is known to be wrong is raised now."""
        from lmc.backend import resolve
        from lmc.launch import DEFAULT_MODE, Launch, Opener

        mode = mode or DEFAULT_MODE
        if fullgraph and mode == "eager":
            raise ArgumentError("an eager run has no graph", help='leave out fullgraph, or mode="eager"')
        outer = _running() if backend is None and model is None else None
        if outer is not None:
            backend = outer.backend
        found = resolve(backend if backend is not None else _default_backend[0], model)
        open = functools.partial(
            Launch, self.func, self.bound, self._cache, found, seed=seed, opt_level=opt_level, defaults=defaults,
            mode="compiled" if fullgraph and mode == "auto" else mode, **options,
        )  # fmt: skip
        return Opener(found, self.is_async, open)

    def _only_sampling(self, method: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """Sampling defaults, where the program's arguments stand in the items. Raises ArgumentError for others."""
        defaults, unknown = self._split(given)
        if unknown:
            raise _unknown_parameter(method, next(iter(unknown)))
        return defaults

    def _is_option(self, name: str, given: Mapping[str, Any]) -> bool:
        """True where an option of `run` is given, and the program names no argument so: `**kw` does not name it."""
        return name in given and name not in self.arg_names

    def _split(self, kwargs: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Sampling defaults and program arguments apart; a program's own argument of that name comes first."""
        sampling = {*SAMPLING_FIELDS, *RUN_NAMES, "closed"} - set(self.arg_names)
        defaults = {RUN_NAMES.get(k, k): v for k, v in kwargs.items() if k in sampling and v is not None}
        return defaults, {k: v for k, v in kwargs.items() if k not in sampling}


def _found(place: Any, name: str) -> object:
    """The function of that name in a module, or of an object; None where there is none."""
    at = sys.modules.get(place) if isinstance(place, str) else place
    for part in name.split("."):
        at = getattr(at, part, None)
    at = getattr(at, "func", at) if isinstance(at, Program) else at
    return getattr(at, "__func__", at)


def _named_program(place: Any, name: str, bound: Mapping[str, Any]) -> Program:
    """The program that was pickled by its name."""
    at = importlib.import_module(place) if isinstance(place, str) else place
    program = as_program(functools.reduce(getattr, name.split("."), at))
    return program if program.bound == bound else program.bind(**bound)


def _running() -> Running | None:
    """The eager program that this call stands in; there is none before one was ever run."""
    eager = sys.modules.get("lmc.eager")
    return None if eager is None else cast("Running | None", eager.current())


_OF_BATCH = (
    "progress_bar", "generator_style", "ordered", "max_in_flight", "retry", "timeout", "journal", "rerun_failed",
    "calls",
)  # fmt: skip


def _listener(on_event: OnEvent | None) -> Listen | None:
    """What hears a run's events for somebody who wants to be called with them."""
    if on_event is None:
        return None
    from lmc.streaming import public

    def listen(event: RunEvent) -> None:
        on_event(public(event))

    return listen


def _patience(
    retry: int | Retry | None, timeout: float | Timeout | None, max_in_flight: int | None, on_event: OnEvent | None
) -> BatchOptions:
    """How the items of a run wait and are tried again. Raises ArgumentError."""
    from lmc.batch import BatchOptions
    from lmc.patience import retry_of, timeout_of

    options = BatchOptions(retry=retry_of(retry), timeout=timeout_of(timeout), max_in_flight=max_in_flight)
    options.check_stream(False, False, on_event is not None)
    return options


def _unknown_parameter(method: str, name: str) -> ArgumentError:
    known = [*SAMPLING_FIELDS, *arguments_of.OPTIONS_OF_RUN, *_OF_BATCH]
    if name in known:
        help = "run_batch has it"
    else:
        help = did_you_mean(name, known) or "program arguments go into the items of the batch"
    return ArgumentError(f"{method} has no parameter `{name}`", help=help)


@overload
def function(  # type: ignore[overload-overlap]
    func: Callable[Concatenate[State, P], Coroutine[Any, Any, R]], /
) -> Program[P, R]: ...


@overload
def function(  # type: ignore[overload-overlap]
    func: Callable[Concatenate[State, P], R], /
) -> Program[P, R]: ...


@overload
def function(
    func: None = None, num_api_spec_tokens: int | None = None
) -> Callable[[Callable[Concatenate[State, P], R]], Program[P, R]]: ...


@overload  # of a method, which is given its object first
def function(func: Callable[Concatenate[Any, State, P], R], /) -> Program[..., R]: ...


@overload
def function(func: staticmethod[Any, R] | classmethod[Any, Any, R], /) -> Program[..., R]: ...


def function(func: Any = None, num_api_spec_tokens: int | None = None) -> Any:
    """Decorator, with or without parentheses: makes a Python function an lmc program."""
    if func is None:
        return lambda f: function(f)
    return func if isinstance(func, Program) else Program(func)


function.__lmc_decorator__ = True  # type: ignore[attr-defined]  # capture knows it by this where it stands in a program


def as_program(prog: Any) -> Program:
    """A program, or a plain function taken as one."""
    if isinstance(prog, Program):
        return prog
    try:
        return Program(prog)
    except ArgumentError as error:
        raise ArgumentError(
            f"{prog!r} is not an lmc program: {error.message}", help="decorate a function with @lmc.function"
        ) from None


@overload
def run(prog: Program[P, R], *args: P.args, **kwargs: P.kwargs) -> Result[R]: ...


@overload
def run(prog: Program[P, R] | Callable[Concatenate[State, P], R], *args: Any, **kwargs: Any) -> Result[R]: ...


def run(prog: Any, *args: Any, **kwargs: Any) -> Any:
    """`lmc.run(prog, ..., backend=, model=)`: see Program.run."""
    __tracebackhide__ = True
    return as_program(prog).run(*args, **kwargs)


def run_batch(prog: Any, batch: Iterable[Any], **kwargs: Any) -> Any:
    """`lmc.run_batch(prog, items, ...)`: see Program.run_batch."""
    return as_program(prog).run_batch(batch, **kwargs)


async def arun(prog: Program[P, R], *args: Any, **kwargs: Any) -> Result[R]:
    """`await lmc.arun(prog, ...)`: see Program.arun."""
    return await as_program(prog).arun(*args, **kwargs)


def arun_batch(prog: Any, batch: Any, **kwargs: Any) -> AsyncBatch:
    """`lmc.arun_batch(prog, items, ...)`: see Program.arun_batch."""
    return as_program(prog).arun_batch(batch, **kwargs)


def compile(prog: Any, **kwargs: Any) -> Compiled:
    """`lmc.compile(prog, ...)`: see Program.compile."""
    return as_program(prog).compile(**kwargs)
