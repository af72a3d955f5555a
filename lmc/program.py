"""Programs as people use them: the decorator, and running one or many."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Iterable, Mapping, Sequence
from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Any, cast

from lmc import arguments as arguments_of
from lmc import compiler
from lmc.errors import ArgumentError, did_you_mean
from lmc.ir.sampling import RUN_NAMES, SAMPLING_FIELDS

if TYPE_CHECKING:
    from lmc.backend.base import Backend
    from lmc.compiler import Compiled
    from lmc.eager.program_greenlet import ProgramGreenlet
    from lmc.launch import Launch, Mode
    from lmc.result import Result

_default_backend: list[Backend | str | None] = [None]  # set by set_default_backend


def set_default_backend(backend: Backend | str | None) -> None:
    """The backend that `run` uses when none is named."""
    _default_backend[0] = backend


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
        """This program with arguments fixed."""
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
        made = self._cache.trace(self.func, arguments_of.holes(self.func, {**self.bound, **arguments}))
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

        `mode` says how: "auto", the default, captures the program into a graph, and runs it as Python where it cannot
        be captured whole, which is said once; with `fullgraph=True`, or mode="compiled", that is an error. "eager" runs
        the Python function itself: its calls are submitted where they stand and waited for where they are read. Its own
        Python runs on this thread: what blocks there (`time.sleep`, a slow tool) holds up every item of a batch. A
        program that is called inside such a one runs in the same run and gives its state; there `seed`, `opt_level` and
        `mode` are those of the run. What runs as Python is recorded, so that the result has a graph (`Result.compiled`)
        too; record=False leaves that out. A program's own argument of these names comes first; `run_batch` and
        `open_run` can say how such a program is run.

        Raises the program's error: an LMError, or whatever the program's own Python raised.
        """
        mode: Mode | None = kwargs.pop("mode") if self._is_option("mode", kwargs) else None
        fullgraph = self._is_option("fullgraph", kwargs) and kwargs.pop("fullgraph")
        record = kwargs.pop("record") if self._is_option("record", kwargs) else True
        defaults, kwargs = self._split(kwargs)
        outer = _running() if backend is None and model is None else None
        if outer is not None:
            from lmc.eager import run_inside

            return cast("Result", run_inside(outer, self.func, args, {**self.bound, **kwargs}, defaults))
        arguments = arguments_of.bind(self.func, self.bound, args, kwargs)
        with self._launch(backend, model, seed, opt_level, defaults, mode, fullgraph, record) as launch:
            result = launch.one_result(arguments)
        if result.error is not None:
            raise result.error
        return result

    def run_batch(
        self,
        batch: Iterable[Mapping[str, Any] | Sequence[Any]],
        *,
        backend: Backend | str | None = None,
        model: str | None = None,
        seed: int = 0,
        opt_level: int | str = compiler.DEFAULT_LEVEL,
        num_threads: int | str = "auto",
        progress_bar: bool = False,
        generator_style: bool = False,
        mode: Mode | None = None,
        fullgraph: bool = False,
        record: bool = False,
        **defaults: Any,
    ) -> list[Result]:
        """Run for every item (a dict of arguments, or a list of positional ones), all in one stream of requests.

        One result an item, in order; a failed item carries its own error. `mode` and `fullgraph` are those of `run`,
        for each item by itself; what runs as Python is recorded only with record=True. A generator of items is not
        listed first, and what it raises is the error of one more item, the last; for one without an end see `open_run`.
        `num_threads`, `progress_bar` and `generator_style` are accepted for SGLang's sake: no thread is needed an item.
        """
        from lmc.launch import check_items

        check_items("run_batch", batch)
        sampling = self._only_sampling("run_batch", defaults)
        with self._launch(backend, model, seed, opt_level, sampling, mode, fullgraph, record) as launch:
            return launch.all_results(batch)

    def open_run(
        self,
        *,
        backend: Backend | str | None = None,
        model: str | None = None,
        seed: int = 0,
        opt_level: int | str = compiler.DEFAULT_LEVEL,
        mode: Mode | None = None,
        fullgraph: bool = False,
        record: bool = False,
        **defaults: Any,
    ) -> Launch:
        """A run to hold, for items that come from a generator, endless ones too: results as they end, memory bounded.

        with prog.open_run(backend="cpu") as run:
            for index, result in run.results({"line": line} for line in sys.stdin):
                print(index, result["answer"])
        """
        sampling = self._only_sampling("open_run", defaults)
        return self._launch(backend, model, seed, opt_level, sampling, mode, fullgraph, record)

    def _launch(
        self,
        backend: Backend | str | None,
        model: str | None,
        seed: int,
        opt_level: int | str,
        defaults: Mapping[str, Any],
        mode: Mode | None,
        fullgraph: bool,
        record: bool,
    ) -> Launch:
        from lmc.backend import resolve
        from lmc.launch import DEFAULT_MODE, Launch

        mode = mode or DEFAULT_MODE
        if fullgraph and mode == "eager":
            raise ArgumentError("an eager run has no graph", help='leave out fullgraph, or mode="eager"')
        outer = _running() if backend is None and model is None else None
        if outer is not None:
            backend = outer.backend
        found = resolve(backend if backend is not None else _default_backend[0], model)
        return Launch(
            self.func, self.bound, self._cache, found, seed=seed, opt_level=opt_level, defaults=defaults,
            mode="compiled" if fullgraph and mode == "auto" else mode, record=record,
        )  # fmt: skip

    def _only_sampling(self, method: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """Sampling defaults, where the program's arguments stand in the items. Raises ArgumentError for others."""
        defaults, unknown = self._split(given)
        if unknown:
            raise _unknown_parameter(method, next(iter(unknown)))
        return defaults

    def _is_option(self, name: str, given: Mapping[str, Any]) -> bool:
        """True where an option of `run` is given, and the program has no argument of that name."""
        return name in given and name not in self.arg_names and not self._takes_any

    def _split(self, kwargs: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Sampling defaults and program arguments apart; a program's own argument of that name comes first."""
        sampling = {*SAMPLING_FIELDS, *RUN_NAMES} - set(self.arg_names)
        defaults = {RUN_NAMES.get(k, k): v for k, v in kwargs.items() if k in sampling and v is not None}
        return defaults, {k: v for k, v in kwargs.items() if k not in sampling}


def _running() -> ProgramGreenlet | None:
    """The eager program that this call stands in; there is none before one was ever run."""
    eager = sys.modules.get("lmc.eager")
    return None if eager is None else cast("ProgramGreenlet | None", eager.current())


def _unknown_parameter(method: str, name: str) -> ArgumentError:
    known = [*SAMPLING_FIELDS, *RUN_NAMES, "backend", "model", "seed", "opt_level", "mode", "fullgraph", "record"]
    help = did_you_mean(name, known) or "program arguments go into the items of the batch"
    return ArgumentError(f"{method} has no parameter `{name}`", help=help)


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


def run_batch(prog: Any, batch: Iterable[Any], **kwargs: Any) -> list[Result]:
    """`lmc.run_batch(prog, items, ...)`: see Program.run_batch."""
    return as_program(prog).run_batch(batch, **kwargs)


def compile(prog: Any, **kwargs: Any) -> Compiled:
    """`lmc.compile(prog, ...)`: see Program.compile."""
    return as_program(prog).compile(**kwargs)
