"""Programs as people use them: the decorator, running one or many, and results."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Any

from lmc import compiler
from lmc.errors import ArgumentError
from lmc.ir.constraint import Constraint, Grammar, Lark, Spacing, StructuralTag, ToolCalls
from lmc.ir.sampling import RUN_NAMES, SAMPLING_FIELDS
from lmc.parser.capture.trace import Shape

if TYPE_CHECKING:
    from lmc.backend.base import Backend, Usage
    from lmc.compiler import Compiled
    from lmc.executor import Outcome
    from lmc.executor.state import ProgramState
    from lmc.report import RunReport

_default_backend: list[Any] = [None]  # set by set_default_backend


def set_default_backend(backend: Backend | str | None) -> None:
    """The backend that `run` uses when none is named."""
    _default_backend[0] = backend


class Result:
    """What a run gave: values by name, the whole text, what the program returned, or its error.

    Reading anything but `error`, `usage` and `report` of a failed run raises the run's error.
    """

    def __init__(
        self,
        state: ProgramState | None,
        ret: object,
        error: BaseException | None,
        usage: Usage,
        report: RunReport | None,
    ) -> None:
        self._state, self._ret = state, ret
        self.error = error
        self.usage = usage
        self.report = report

    @property
    def state(self) -> ProgramState:
        """The final program state; raises the run's error if it failed."""
        if self.error is not None:
            raise self.error
        assert self._state is not None
        return self._state

    @property
    def ret_value(self) -> Any:
        """What the program returned; a program state comes back as a Result of its own."""
        self.state  # noqa: B018  # raises for a failed run
        return self._public(self._ret)

    def _public(self, value: object) -> Any:
        from lmc.executor.state import ProgramState

        if isinstance(value, ProgramState):
            return Result(value, None, None, self.usage, self.report)
        if isinstance(value, list) and any(isinstance(v, ProgramState) for v in value):
            return [self._public(v) for v in value]
        return tuple(self._public(v) for v in value) if isinstance(value, tuple) else value

    def __getitem__(self, name: str) -> Any:
        return self.state.get(name)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.state.has(name)

    def get_var(self, name: str) -> Any:
        """The value of that name."""
        return self.state.get(name)

    def variables(self) -> dict[str, Any]:
        """All values by name."""
        return dict(self.state.names.values)

    def text(self) -> str:
        """The whole prompt with everything generated in it."""
        return self.state.text()

    def messages(self) -> list[dict[str, str]]:
        """The closed turns, as role and content."""
        return self.state.messages()

    def get_meta_info(self, name: str) -> Any:
        """How the value of that name came to be: tokens, finish reason, scores."""
        return self.state.meta(name)

    def __repr__(self) -> str:
        if self.error is not None:
            return f"<Result failed: {type(self.error).__name__}>"
        return f"<Result {', '.join(f'{k}={v!r}' for k, v in self.variables().items())}>"


class Program:
    """A decorated function. Call `run`, `run_batch`, `bind` or `compile`; `func` is the function as it was written."""

    __lmc_program__ = True

    def __init__(
        self,
        func: FunctionType | MethodType,
        bound: Mapping[str, Any] | None = None,
        cache: compiler.Cache | None = None,
    ) -> None:
        if not isinstance(getattr(func, "__func__", func), FunctionType):
            raise ArgumentError(
                f"{func!r} is not a Python function", help="write a function that calls it: def f(s, ...)"
            )
        parameters = list(inspect.signature(func).parameters.values())
        if not parameters:
            raise ArgumentError(
                f"`{func.__name__}` takes no program state", help="its first parameter is the state: def f(s, ...)"
            )
        self.func = func
        self.arg_names = [p.name for p in parameters[1:]]
        self._takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters)
        self.bound = dict(bound or {})
        self._cache = cache or compiler.Cache()
        functools.update_wrapper(self, func)

    def __call__(self, *args: Any, **kwargs: Any) -> Result:
        return self.run(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<lmc program {self.func.__name__}({', '.join(self.arg_names)})>"

    def bind(self, **kwargs: Any) -> Program:
        """The same program with arguments fixed."""
        self._check_names(kwargs)
        return Program(self.func, {**self.bound, **kwargs}, self._cache)

    def _check_names(self, arguments: Mapping[str, Any]) -> None:
        unknown = next((k for k in arguments if k not in self.arg_names), None)
        if unknown is not None and not self._takes_any:
            raise ArgumentError(
                f"`{self.func.__name__}` has no argument `{unknown}`", help=f"it has {', '.join(self.arg_names)}"
            )

    # --- compiling ---------------------------------------------------------------------------------------

    def compile(
        self, *, opt_level: int | str = compiler.DEFAULT_LEVEL, tokenizer: Any = None, **arguments: Any
    ) -> Compiled:
        """Compile without running: given arguments give their structure, the others are holes.

        opt_level is 0, 1, 2, 3 or a pipeline such as "cse,fold_text"; tokenizer makes token counts and templates known.
        """
        self._check_names(arguments)
        made = self._cache.trace(self.func, compiler.holes(self.func, {**self.bound, **arguments}))
        return compiler.compile_trace(self._cache, made, compiler.pipeline_of(opt_level), tokenizer)

    def trace(self, **arguments: Any) -> Compiled:
        """The captured graph, with nothing optimised."""
        return self.compile(opt_level=0, **arguments)

    # --- running -----------------------------------------------------------------------------------------

    def run(
        self,
        *args: Any,
        backend: Backend | str | None = None,
        model: str | None = None,
        seed: int = 0,
        opt_level: int | str = compiler.DEFAULT_LEVEL,
        **kwargs: Any,
    ) -> Result:
        """Run once. Sampling parameters (SGLang's names) are defaults for the calls that leave them out.

        Raises the program's error: an LMError, or whatever the program's own Python raised.
        """
        defaults, kwargs = self._split(kwargs)
        arguments = compiler.bind(self.func, self.bound, args, kwargs)
        result = run_items(self, [arguments], backend, model, seed, opt_level, defaults)[0]
        if result.error is not None:
            raise result.error
        return result

    def run_batch(
        self,
        batch: Sequence[Mapping[str, Any] | Sequence[Any]],
        *,
        backend: Backend | str | None = None,
        model: str | None = None,
        seed: int = 0,
        opt_level: int | str = compiler.DEFAULT_LEVEL,
        num_threads: int | str = "auto",
        progress_bar: bool = False,
        generator_style: bool = False,
        **defaults: Any,
    ) -> list[Result]:
        """Run for every item (a dict of arguments, or a list of positional ones), all in one stream of requests.

        One result an item, in order; a failed item carries its own error. `num_threads`, `progress_bar` and
        `generator_style` are accepted for SGLang's sake: no thread is needed an item.
        """
        defaults, unknown = self._split(defaults)
        if unknown:
            raise _unknown_parameter(next(iter(unknown)))
        if isinstance(batch, Mapping | str) or not isinstance(batch, Iterable):
            raise ArgumentError("run_batch takes a list of items", help="wrap the one item in a list")
        arguments: list[dict[str, Any] | BaseException] = []
        for item in batch:
            try:
                arguments.append(self._bind_item(item))
            except ArgumentError as error:
                arguments.append(error)
        return run_items(self, arguments, backend, model, seed, opt_level, defaults)

    def _bind_item(self, item: Mapping[str, Any] | Sequence[Any]) -> dict[str, Any]:
        if isinstance(item, Mapping):
            return compiler.bind(self.func, self.bound, (), item)
        if isinstance(item, list | tuple):
            return compiler.bind(self.func, self.bound, item, {})
        raise ArgumentError(f"a batch item is a dict or a list of arguments, not {type(item).__name__}")

    def _split(self, kwargs: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Sampling defaults and program arguments apart; a program's own argument of that name comes first."""
        sampling = {*SAMPLING_FIELDS, *RUN_NAMES} - set(self.arg_names)
        defaults = {RUN_NAMES.get(k, k): v for k, v in kwargs.items() if k in sampling and v is not None}
        return defaults, {k: v for k, v in kwargs.items() if k not in sampling}


def _unknown_parameter(name: str) -> ArgumentError:
    known = [*SAMPLING_FIELDS, *RUN_NAMES, "backend", "model", "seed", "opt_level"]
    near = get_close_matches(name, known, n=1)
    help = f"did you mean `{near[0]}`?" if near else "program arguments go into the items of the batch"
    return ArgumentError(f"run_batch has no parameter `{name}`", help=help)


def run_items(
    program: Program,
    items: Sequence[dict[str, Any] | BaseException],
    backend: Backend | str | None,
    model: str | None,
    seed: int,
    opt_level: int | str,
    defaults: Mapping[str, Any],
) -> list[Result]:
    """Compile what the items need, run all of them on one session, and give one result an item."""
    from lmc.backend import resolve
    from lmc.executor import Executor
    from lmc.report import RunReport, snapshot

    if not isinstance(seed, int):
        raise ArgumentError(f"seed must be a whole number, not {seed!r}", help="leave it out for seed 0")
    place = resolve(backend if backend is not None else _default_backend[0], model)
    jobs = _Jobs(program, place, _pipeline(opt_level, place, defaults))
    prepared = [jobs.prepare(item) for item in items]
    session = place.open()
    before = snapshot(session.counters)
    try:
        executor = Executor(session, seed=seed, defaults=defaults, parse_constraint=parse_constraint)
        outcomes = iter(executor.run_jobs([job for job in prepared if not isinstance(job, BaseException)]))
    finally:
        session.close()
    report = RunReport.of(place.name, before, session.counters, jobs.predicted(prepared))
    return [
        _failed(job, report) if isinstance(job, BaseException) else _result(next(outcomes), report) for job in prepared
    ]


def _pipeline(opt_level: int | str, place: Backend, defaults: Mapping[str, Any]) -> str:
    """The pipeline, without fusing where the backend cannot or the run asks something of each generation by itself."""
    from lmc.passes import fit, fuse_constraints

    if fit.PASS.name in compiler.pipeline_of(opt_level):
        fit.check_defaults(defaults, place.caps)
    pipeline = compiler.pipeline_of(opt_level)
    alone = any(defaults.get(key) is not None for key in (*fuse_constraints.ALONE, "stop"))
    if place.caps.fused and not alone:
        return pipeline
    return ",".join(name for name in pipeline.split(",") if name.strip() != fuse_constraints.PASS.name)


class _Jobs:
    """Turns items into jobs: same shape, same compiled plan."""

    def __init__(self, program: Program, place: Backend, pipeline: str) -> None:
        self.program, self.place, self.pipeline = program, place, pipeline
        self.kept: dict[tuple[tuple[str, Shape], ...], Any] = {}
        self.count = 0

    def prepare(self, item: dict[str, Any] | BaseException) -> Any:
        """A job for the executor, or the error that keeps the item from running."""
        from lmc.executor import Job

        number, self.count = self.count, self.count + 1
        if isinstance(item, BaseException):
            return item
        try:
            shapes = {name: compiler.shape_of(value) for name, value in item.items()}
            runnable, made = self._runnable(shapes)
        except Exception as error:
            return error
        leaves = {p.path: compiler.value_at(item, p.path) for p in made.graph.params}
        return Job(runnable, leaves, made.externs, number)

    def _runnable(self, shapes: dict[str, Shape]) -> Any:
        from lmc.executor.runnable import compile_plan

        key = tuple(shapes.items())
        kept = self.kept.get(key)
        if kept is None:
            cache = self.program._cache
            made = cache.trace(self.program.func, shapes)
            done = compiler.compile_trace(cache, made, self.pipeline, self.place.tokenizer, self.place.caps)
            self.kept[key] = kept = (compile_plan(done.plan), made, done)
        return kept[:2]

    def predicted(self, prepared: Sequence[Any]) -> Any:
        """What the prefix tree of the whole batch says, where the backend has a prefix cache; None elsewhere."""
        if not self.place.caps.prefix_cache or "hoist_prefix" not in self.pipeline or len(self.kept) != 1:
            return None
        from lmc.passes import measure

        ((_, _, done),) = self.kept.values()
        items = [job.arguments for job in prepared if not isinstance(job, BaseException)]
        return measure(done.plan, compiler.inputs_of(self.place.tokenizer, items))


def parse_constraint(kind: str, value: Any, spacing: Spacing | None = None) -> Constraint:
    """What restricts a generation, where that is known only when the program runs; checked as if it were written."""
    from lmc.parser.grammar import parse_ebnf
    from lmc.parser.regex.parse import parse_regex
    from lmc.parser.schema.parse import parse_schema
    from lmc.parser.structural_tag import parse_structural_tag

    made = {"grammar": Grammar | Lark, "structural_tag": StructuralTag | ToolCalls}.get(kind)
    if made is not None and isinstance(value, made):
        if spacing is not None:
            raise ArgumentError("the spacing of tool calls is theirs", help="write tool_calls(..., spacing=...)")
        return value
    if kind in ("regex", "grammar") and not isinstance(value, str):
        raise ArgumentError(f"{kind} must be a str, not {type(value).__name__}")
    if kind == "regex":
        return parse_regex(value)
    if kind == "grammar":
        return parse_ebnf(value)
    parse: Any = parse_schema if kind == "json_schema" else parse_structural_tag
    return parse(value, spacing=spacing or "compact")  # type: ignore[no-any-return]


def _result(outcome: Outcome, report: RunReport) -> Result:
    return Result(outcome.state, outcome.ret, outcome.error, outcome.usage, report)


def _failed(error: BaseException, report: RunReport) -> Result:
    from lmc.backend.base import Usage

    return Result(None, None, error, Usage(), report)


def function(func: FunctionType | MethodType | None = None, num_api_spec_tokens: int | None = None) -> Any:
    """Decorator, with or without parentheses: makes a Python function an lmc program."""
    if func is None:
        return lambda f: Program(f)
    return Program(func)


def as_program(prog: Any) -> Program:
    """A program, or a plain function taken as one."""
    if isinstance(prog, Program):
        return prog
    if isinstance(prog, FunctionType | MethodType):
        return Program(prog)
    raise ArgumentError(f"{prog!r} is not an lmc program", help="decorate a function with @lmc.function")


def run(prog: Any, *args: Any, **kwargs: Any) -> Result:
    """`lmc.run(prog, ..., backend=, model=)`: see Program.run."""
    return as_program(prog).run(*args, **kwargs)


def run_batch(prog: Any, batch: Sequence[Any], **kwargs: Any) -> list[Result]:
    """`lmc.run_batch(prog, items, ...)`: see Program.run_batch."""
    return as_program(prog).run_batch(batch, **kwargs)


def compile(prog: Any, **kwargs: Any) -> Compiled:
    """`lmc.compile(prog, ...)`: see Program.compile."""
    return as_program(prog).compile(**kwargs)
