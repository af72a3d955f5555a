"""Functions of the program: calling one is tracing its body in a frame of its own.

A function is a `Closure`, whether it was defined while tracing or is a plain Python function that is looked into. Its
parameters are bound by Python itself: a stub of the same signature is called, which gives its locals.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable
from types import CodeType, FunctionType, MethodType
from typing import Any

from lmc.codes import ENDLESS_RECURSION, INNER_SAMPLING, NO_RULE
from lmc.errors import ArgumentError, LMError
from lmc.ir.sampling import RUN_NAMES, SAMPLING_FIELDS
from lmc.ir.types import STATE
from lmc.parser.capture import annotated, fixed, recursion
from lmc.parser.capture.blocks import execute
from lmc.parser.capture.breaks import graph_break
from lmc.parser.capture.context import Capture
from lmc.parser.capture.expressions import binary
from lmc.parser.capture.scope import function_scope, function_source
from lmc.parser.capture.tracer import ProgramRaise
from lmc.parser.capture.values import (
    Closure,
    Container,
    FixedProgram,
    Frame,
    InnerProgram,
    LmProgram,
    StandIn,
    StateCell,
)
from lmc.parser.grammar_place import point_into_file

MAX_DEPTH = 60  # calls within calls


def closure(cx: Capture, node: ast.FunctionDef | ast.Lambda) -> Closure:
    """A function or lambda defined inside the program."""
    args = node.args
    cx.has_closures = True
    defaults = tuple(cx.eval(d) for d in args.defaults)
    keyword = {a.arg: cx.eval(d) for a, d in zip(args.kwonlyargs, args.kw_defaults) if d is not None}
    annotated.check(cx, node)
    assert cx.frame.scope.source is not None
    scope = function_scope(node, cx.frame.scope.source, cx.frame.scope.globals)
    return Closure(node, scope, cx.frame, defaults, keyword, {}, _qualname(cx, node))


def is_generator(node: ast.FunctionDef | ast.Lambda) -> bool:
    """True for a function that yields, itself and not in a function inside it."""
    stack: list[ast.AST] = list(node.body) if isinstance(node, ast.FunctionDef) else [node.body]
    while stack:
        each = stack.pop()
        if isinstance(each, ast.Yield | ast.YieldFrom):
            return True
        if not isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            stack.extend(ast.iter_child_nodes(each))
    return False


def _qualname(cx: Capture, node: ast.FunctionDef | ast.Lambda) -> str:
    frame: Frame | None = cx.frame
    while frame is not None and frame.closure is None:
        frame = frame.parent
    outer = f"{frame.closure.qualname}.<locals>." if frame is not None and frame.closure is not None else ""
    return outer + getattr(node, "name", "<lambda>")


def closure_of(cx: Capture, fn: FunctionType, *, generators: bool = False) -> Closure:
    """A plain Python function, to be looked into."""
    node, scope = function_source(fn, generators=generators)
    free = dict(zip(fn.__code__.co_freevars, fn.__closure__ or ()))
    cx.guard(lambda: fn.__code__, fn.__code__, (id(fn), "code"))
    cx.guard(lambda: fn.__defaults__, fn.__defaults__, (id(fn), "defaults"))
    cx.guard(lambda: tuple(fn.__kwdefaults__ or ()), tuple(fn.__kwdefaults__ or ()), (id(fn), "keywords"))
    defaults = tuple(cx.given(d) for d in fn.__defaults__ or ())
    keyword = {k: _keyword_default(cx, fn, k) for k in fn.__kwdefaults__ or ()}
    return Closure(node, scope, None, defaults, keyword, free, fn.__qualname__)


def _keyword_default(cx: Capture, fn: FunctionType, name: str) -> StandIn:
    return cx.bake((fn.__kwdefaults__ or {})[name], lambda: (fn.__kwdefaults__ or {})[name], (id(fn), "=", name))


def opened(cx: Capture, fn: FunctionType | MethodType) -> tuple[Closure, tuple[StandIn, ...]]:
    """A program's function, and what comes before its state: the object that a method is bound to."""
    if isinstance(fn, MethodType):
        assert isinstance(fn.__func__, FunctionType)
        return closure_of(cx, fn.__func__), (cx.given(fn.__self__),)
    return closure_of(cx, fn), ()


def run_closure(cx: Capture, fn: Closure, args: tuple[StandIn, ...], kwargs: dict[str, StandIn]) -> StandIn:
    """Call a function of the program by tracing its body."""
    return run_bound(cx, fn, lambda: bound_parameters(cx, fn, args, kwargs))


def run_bound(cx: Capture, fn: Closure, bind: Callable[[], dict[str, StandIn]]) -> StandIn:
    """The same with what its parameters are, by name, which is asked for before its body is traced."""
    if len(cx.active) >= MAX_DEPTH:
        cx.endless = max(cx.active, key=cx.active.count)  # of several the outermost
        raise graph_break(ENDLESS_RECURSION, cx.t.span, f"`{getattr(cx.endless, 'name', '<lambda>')}`")
    bound = bind()
    return recursion.called(cx, fn, bound, _activated) if fn.node in cx.recursive else _activated(cx, fn, bound)


def _activated(cx: Capture, fn: Closure, bound: dict[str, StandIn]) -> StandIn:
    """Trace the body of a function in a frame of its own."""
    frame = Frame(cx.t.born(), fn.scope, fn.parent, fn)
    for value in bound.values():
        fixed.check_held(cx, value)
    frame.fields.update(bound)
    span = cx.t.span
    cx.active.append(fn.node)
    try:
        with cx.in_frame(frame):
            more = fn.node.args.kwarg
            if more is not None and isinstance(keywords := bound[more.arg], Container):
                cx.placed(keywords, more, "keywords")
            if isinstance(fn.node, ast.Lambda):
                return cx.eval(fn.node.body)
            execute(cx, fn.node.body, tail=True)
            return frame.fields["$ret"]
    except LMError as error:
        error.span = error.span or cx.t.span
        point_into_file(error)
        raise
    except ProgramRaise as stop:
        stop.span = stop.span or cx.t.span
        raise
    finally:
        cx.t.span = span
        cx.active.pop()


def bound_parameters(
    cx: Capture, fn: Closure, args: tuple[StandIn, ...], kwargs: dict[str, StandIn]
) -> dict[str, StandIn]:
    """The parameters of a function by name, bound as Python does it, or in error as Python says it."""
    stub = FunctionType(_parameters(fn.node), {"$locals": locals}, fn.name, fn.defaults)
    stub.__kwdefaults__, stub.__qualname__ = dict(fn.kw_defaults), fn.qualname
    try:
        bound: dict[str, Any] = stub(*args, **kwargs)
    except TypeError as error:
        raise ProgramRaise(TypeError, error.args) from None
    if fn.node.args.kwarg is not None:
        name = fn.node.args.kwarg.arg
        bound[name] = Container(cx.t.born(), "dict", bound[name])
    return bound


def run_program(cx: Capture, program: LmProgram, args: tuple[StandIn, ...], kwargs: dict[str, StandIn]) -> StateCell:
    """Call another lmc program: a prompt of its own, whose random lineage counts the calls so far."""
    given, settings = _apart(cx, program.arg_names, kwargs)
    closure, owner = opened(cx, program.func)
    return _inside(cx, closure, owner, args, {**program.bound, **given}, settings)


def bind_program(
    cx: Capture, program: LmProgram, args: tuple[StandIn, ...], kwargs: dict[str, StandIn]
) -> FixedProgram:
    """`program.bind(x=1)`: the same program, whose arguments may be those of the run."""
    if args or any(name not in program.arg_names for name in kwargs):
        raise graph_break(NO_RULE, cx.t.span, "`bind` with anything but arguments of the program")
    return FixedProgram(program, kwargs)


def run_inner(cx: Capture, program: InnerProgram, args: tuple[StandIn, ...], kwargs: dict[str, StandIn]) -> StateCell:
    """Call a program that was defined inside the one that is traced."""
    spec = program.closure.node.args
    given, settings = _apart(cx, [a.arg for a in (*spec.posonlyargs, *spec.args, *spec.kwonlyargs)][1:], kwargs)
    return _inside(cx, program.closure, (), args, given, settings)


def _apart(cx: Capture, names: list[str], kwargs: dict[str, StandIn]) -> tuple[dict[str, StandIn], dict[str, StandIn]]:
    """Arguments, and sampling parameters for the calls inside that do not say."""
    settings = {RUN_NAMES.get(k, k): v for k, v in kwargs.items() if k in _SETTINGS and k not in names}
    given = {k: v for k, v in kwargs.items() if k not in _SETTINGS or k in names}
    if any(k in _OF_THE_RUN and k not in names for k in given):
        raise graph_break(INNER_SAMPLING, cx.t.span)
    return given, {k: v for k, v in settings.items() if v is not None}


# how many values a call gives, and which seed it draws from, decide more than how one call samples
_OF_THE_RUN = frozenset(
    ("n", "seed", "backend", "model", "stream", "opt_level", "mode", "fullgraph", "on_event", "timeout", "retry")
)
_SETTINGS = frozenset((*SAMPLING_FIELDS, *RUN_NAMES, "closed")) - _OF_THE_RUN


def _inside(
    cx: Capture,
    closure: Closure,
    owner: tuple[StandIn, ...],
    args: tuple[StandIn, ...],
    kwargs: dict[str, StandIn],
    settings: dict[str, StandIn],
) -> StateCell:
    _check_state_is_its_own(cx, closure, owner, args, kwargs)
    number = binary(cx, "+", cx.root.fields["programs"], 1)
    cx.t.write(cx.root, "programs", number)
    state = cx.t.fresh(STATE)
    cx.t.emit("begin", (cx.t.atom(number),), (state,))
    cell = cx.t.new_cell(state, closure.name)
    outer, cx.settings = cx.settings, {**cx.settings, **settings}
    try:
        ret = run_closure(cx, closure, (*owner, cell, *args), {k: cx.owned(v) for k, v in kwargs.items()})
    finally:
        cx.settings = outer
    cx.t.write(cell, "ret", ret)
    return cell


def _check_state_is_its_own(
    cx: Capture, closure: Closure, owner: tuple[StandIn, ...], args: tuple[StandIn, ...], kwargs: dict[str, StandIn]
) -> None:
    """Raises ArgumentError where a program is given the state of another one beside its arguments."""
    if not args or not isinstance(args[0], StateCell):
        return
    try:
        bound_parameters(cx, closure, (*owner, None, *args), kwargs)
    except ProgramRaise:
        raise ArgumentError(
            f"`{closure.name}` begins a prompt of its own, and is given a program state", span=cx.t.span
        ) from None


@functools.lru_cache(maxsize=1024)
def _parameters(node: ast.FunctionDef | ast.Lambda) -> CodeType:
    """A function of the same parameters that gives what they are bound to; defaults are its caller's."""
    spec = node.args
    no_defaults: list[ast.expr | None] = [None] * len(spec.kwonlyargs)
    given = ast.arguments(spec.posonlyargs, spec.args, spec.vararg, spec.kwonlyargs, no_defaults, spec.kwarg, [])
    body = ast.Call(ast.Name("$locals", ast.Load()), [], [])
    made = ast.fix_missing_locations(ast.Expression(ast.copy_location(ast.Lambda(given, body), node)))
    code: CodeType = compile(made, "<parameters>", "eval").co_consts[0]
    return code
