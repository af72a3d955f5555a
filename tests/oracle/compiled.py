"""The compiled half of the oracle: the one place that knows how a program is compiled and run.

A run is what `Seen` holds, in plain values, so that it can be compared with an eager run's.
"""

from __future__ import annotations

import ast
import contextlib
import copy
import io
import linecache
from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

from lmc import arguments as arguments_of
from lmc import compiler
from lmc.backend.base import Usage
from lmc.backend.echo import EchoBackend
from lmc.errors import CaptureError, LMError
from lmc.executor import Executor, PlanItem
from lmc.executor.runnable import compile_plan
from lmc.ir.types import ANY
from lmc.launch import Mode
from lmc.parser.argument_shapes import ArgumentLeaf, ArgumentShape
from lmc.parser.constraints import parse_constraint
from lmc.program import Program
from lmc.result import Result
from tests.oracle.eager import EagerProgram, EagerState, run_eager
from tests.oracle.pair_tokenizer import PairTokenizer
from tests.oracle.programs.case import Case

Way = Literal["untyped", "structure", "concrete"]
WAYS: tuple[Way, ...] = ("untyped", "structure", "concrete")
MAX_WAIT_STEPS = 7


@dataclass
class Seen:
    """What a run showed: `calls` counts (prompt ids, segment, samples); `effects` is its log and what it printed.

    given  its arguments, as they are afterwards; None where it was given none
    """

    vars: dict[str, Any]
    text: str
    messages: list[dict[str, str]]
    ret_value: Any
    error: tuple[str, str] | None
    effects: Any
    calls: Counter[Any] = field(default_factory=Counter)
    given: Any = None

    @property
    def results(self) -> dict[str, Any]:
        """What must be equal: after an error only the error and the effects before it."""
        if self.error is not None:
            return {"error": self.error, "effects": self.effects}
        return {
            "error": None, "effects": self.effects, "vars": self.vars, "text": self.text,
            "messages": self.messages, "ret_value": self.ret_value,
        }  # fmt: skip


def backend(seed: int, shuffle: int | None = None) -> EchoBackend:
    """An echo backend whose tokenizer shows boundaries; `shuffle` mixes up the order of completion."""
    return EchoBackend(seed, tokenizer=PairTokenizer(), record=True, shuffle=shuffle)


def see_eager(case: Case, args: dict[str, Any], seed: int, item: int = 0) -> Seen:
    """The unmodified function, one primitive after another."""
    case.prepare()
    session, given = backend(seed).open(), copy.deepcopy(args)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        result = run_eager(case.fn, (), given, session, seed=seed, item=item)
    return Seen(
        by_name(result.vars), result.text, result.messages, plain(result.ret_value), described(result.error),
        _effects(case, printed), Counter(result.calls), plain(given),
    )  # fmt: skip


def see_compiled(case: Case, args: dict[str, Any], seed: int, opt_level: int, way: Way) -> Seen:
    """The compiled program. Raises CaptureError where it cannot be captured and has no other way to run."""
    case.prepare()
    echo, given = backend(seed, shuffle=seed * 31 + opt_level), copy.deepcopy(args)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        result = _run(case, given, echo, seed, opt_level, way)
    seen = _seen(result, _effects(case, printed))
    seen.given = None if way == "concrete" else plain(given)
    seen.calls.update((r.prompt.ids, r.out[0], r.n) for r in echo.log if len(r.out) == 1)
    return seen


def see_eager_mode(case: Case, args: dict[str, Any], seed: int) -> Seen:
    """The function in a greenlet, with completions in shuffled order."""
    case.prepare()
    echo, given = backend(seed, shuffle=seed * 31), copy.deepcopy(args)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        [result] = _program(case).run_batch([given], backend=echo, seed=seed, mode="eager")
    seen = _seen(result, _effects(case, printed))
    seen.given = plain(given)
    seen.calls.update((r.prompt.ids, r.out[0], r.n) for r in echo.log)
    return seen


def see_batch(case: Case, seed: int, opt_level: int, mode: Mode = "compiled") -> list[Seen]:
    """All arguments of a program, twice over, as the items of one batch; effects are not looked at."""
    items = [copy.deepcopy(args) for args in (*case.args, *case.args)]
    echo = backend(seed, shuffle=seed)
    with contextlib.redirect_stdout(io.StringIO()):
        results = _program(case).run_batch(items, backend=echo, seed=seed, opt_level=opt_level, mode=mode)
    return [_seen(result, None) for result in results]


def _seen(result: Result, effects: Any) -> Seen:
    if isinstance(result.error, CaptureError):
        raise result.error
    if result.error is not None:
        return Seen({}, "", [], None, described(result.error), effects)
    variables, returned = by_name(result.variables()), plain(result.ret_value)
    return Seen(variables, result.text(), result.messages(), returned, None, effects)


def break_of(case: Case, args: dict[str, Any]) -> CaptureError | None:
    """The graph break that capture meets, None where the whole program is captured."""
    try:
        Program(case.fn).compile(**copy.deepcopy(args))
    except CaptureError as error:
        return error
    return None


# --- three ways of tracing -------------------------------------------------------------------------------


def _run(case: Case, args: dict[str, Any], echo: EchoBackend, seed: int, opt_level: int, way: Way) -> Result:
    if way == "untyped":
        return _run_untyped(case, args, echo, seed, opt_level)
    if way == "concrete":
        program, item = _with_arguments_written_in(case, args), {}
    else:
        program, item = _program(case), args
    [result] = program.run_batch([item], backend=echo, seed=seed, opt_level=opt_level, mode="compiled")
    return result


@lru_cache(maxsize=1024)
def _program(case: Case) -> Program:
    return Program(case.fn)


def _run_untyped(case: Case, args: dict[str, Any], echo: EchoBackend, seed: int, opt_level: int) -> Result:
    """Nothing known of the arguments: each is one leaf of type `any`, containers too."""
    program = _program(case)
    arguments = arguments_of.bind(program.func, {}, (), args)
    shapes: dict[str, ArgumentShape] = {name: ArgumentLeaf(ANY) for name in arguments}
    try:
        made = program._cache.trace(program.func, shapes)
        done = compiler.compile_trace(program._cache, made, compiler.pipeline_of(opt_level), echo.tokenizer)
        leaves = {param.path: arguments_of.value_at(arguments, param.path) for param in made.graph.params}
        item = PlanItem(compile_plan(done.plan), leaves, made.externs)
    except Exception as error:
        return Result(None, None, error, Usage(), None)
    session = echo.open()
    [outcome] = Executor(session, seed=seed, parse_constraint=parse_constraint).run_items([item])
    return Result(outcome.state, outcome.ret, outcome.error, outcome.usage, None)


def _with_arguments_written_in(case: Case, args: dict[str, Any]) -> Program:
    """A program that calls the function with its arguments as literals; the program itself where they are none."""
    try:
        _check_apart(list(args.values()))
        written = {name: _literal(value) for name, value in args.items()}
    except ValueError:
        return _program(case).bind(**args)
    return _caller(case, tuple(written.items()))


@lru_cache(maxsize=1024)
def _caller(case: Case, written: tuple[tuple[str, str], ...]) -> Program:
    name = case.fn.__name__
    given = ", ".join(f"{key}={text}" for key, text in written)
    source = f"def calls_{name}(s):\n    return {name}(s, {given})\n"
    file = f"<{case} {hash(written)}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    names = {name: case.fn}
    exec(compile(source, file, "exec"), names)
    return Program(names[f"calls_{name}"])


def _check_apart(values: list[Any]) -> None:
    """Raises ValueError where one list or dict is given twice: written in, it would be two."""
    seen: set[int] = set()
    while values:
        value = values.pop()
        if isinstance(value, list | dict | set):
            if id(value) in seen:
                raise ValueError("an alias")
            seen.add(id(value))
        values.extend(value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ())


def _literal(value: Any) -> str:
    """The value as source text; raises ValueError where it has none."""
    text = repr(value)
    ast.literal_eval(text)
    return text


def difference(got: Seen, want: Seen) -> str:
    """What differs between the results of two runs, a line each; "" where nothing does."""
    a, b = got.results, want.results
    if got.given is not None and want.given is not None:
        a, b = {**a, "given": got.given}, {**b, "given": want.given}
    return "\n".join(f"{k}: got {a.get(k)!r}\n  want {b.get(k)!r}" for k in {**b, **a} if a.get(k) != b.get(k))


def _effects(case: Case, printed: io.StringIO) -> Any:
    return plain([list(case.log or ()), printed.getvalue()])


def described(error: BaseException | None) -> tuple[str, str] | None:
    """An exception's class and what it says; notes and places left out, a state is a state."""
    if error is None:
        return None
    said = error.message if isinstance(error, LMError) else str(error)
    return type(error).__name__, said.replace("'EagerState'", "'ProgramState'")


def by_name(variables: dict[Any, Any]) -> dict[str, Any]:
    """A state's names, in no order."""
    return {name: plain(value) for name, value in variables.items()}


def plain(x: Any) -> Any:
    """A value with its types written beside it (1, 1.0 and True differ), states as their text and variables."""
    if isinstance(x, EagerState) or (hasattr(x, "variables") and hasattr(x, "text")):
        return "state", x.text(), by_name(x.variables())
    if isinstance(x, EagerProgram):
        return "program"
    if isinstance(x, dict):
        return type(x).__name__, [(plain(k), plain(v)) for k, v in x.items()]
    if isinstance(x, set | frozenset):
        return type(x).__name__, sorted(map(plain, x), key=repr)
    if isinstance(x, list | tuple):
        return type(x).__name__, [plain(item) for item in x]
    return type(x).__name__, repr(x)
