"""Functions of the program that are given to Python: real functions, made when the program runs.

    base = int(s["n"])                    %base = call @int, %n
    tool.run(lambda x: x + base)          %f = call @"<lambda>", %base          its variables as cells
                                          %r = method %tool, %f {name="run"}

Python may call it at any time, so what it reads must not change behind its back: a variable that is bound once, outside
of loops, or any where the function is called at once and not kept (`IMMEDIATE`). A function that reads a program state,
or binds a variable of the program, cannot be given away.
"""

from __future__ import annotations

import ast
import contextlib
import copy
import functools
import heapq
import re
from collections.abc import Callable, Collection, Iterator
from types import CodeType, FunctionType
from typing import Any

from lmc.codes import FUNCTION_GIVEN_AWAY
from lmc.ir.graph import Atom
from lmc.ir.types import REF
from lmc.parser.capture import annotated
from lmc.parser.capture.breaks import graph_break
from lmc.parser.capture.context import Capture
from lmc.parser.capture.out_of_sight import check_given
from lmc.parser.capture.tracer import ProgramRaise
from lmc.parser.capture.values import Closure, Frame, StandIn
from lmc.parser.capture.writers import Stores

# these call the function that they are given while they run, and keep nothing of it
IMMEDIATE: frozenset[Callable[..., Any]] = frozenset(
    (functools.reduce, re.sub, re.subn, heapq.nlargest, heapq.nsmallest)
)


def given(cx: Capture, fn: Closure, *, at_once: bool = False) -> Atom:
    """A real function for one that the program has defined; `at_once`: who gets it calls it now or never."""
    span = cx.t.span
    parent = fn.parent
    assert parent is not None, "a function that was looked into is an object of its own"
    names = _variables(fn, parent)
    if cleans_up(fn.node) and not _is_context_manager(cx, fn, parent):
        raise graph_break(FUNCTION_GIVEN_AWAY, span, f"`{fn.name}`, which may be left half-way,")
    if binds_around(fn.node, names):
        raise graph_break(FUNCTION_GIVEN_AWAY, span, f"`{fn.name}`, which binds variables around it,")
    if _names_itself(cx, fn, parent):
        names = tuple(name for name in names if name != fn.name)
    factory = _factory(fn, names, annotated.of_given(cx, fn))
    held = variables(cx, names, parent, f"`{fn.name}`", fixed=() if at_once else names)
    if any(x is fn or x in cx.giving for x in held if isinstance(x, Closure)):
        raise graph_break(FUNCTION_GIVEN_AWAY, span, f"`{fn.name}`, which calls itself,")
    cx.t.span = span
    given = (*held, *fn.defaults, *fn.kw_defaults.values())
    check_given(f"`{fn.name}`", span, factory, *given)
    cx.giving.append(fn)
    try:
        return cx.t.call(factory, *map(cx.argument, given), effect="none", type=REF)
    finally:
        cx.giving.pop()


def _names_itself(cx: Capture, fn: Closure, parent: Frame) -> bool:
    """True for a function whose name stands for nothing but itself: where it is made anew, its `def` binds it."""
    if not isinstance(fn.node, ast.FunctionDef) or fn.node.decorator_list or fn.name != fn.node.name:
        return False
    owner = next((frame for frame in _frames(parent) if frame.scope.is_local(fn.name)), None)
    return owner is not None and owner.fields.get(fn.name) is fn and is_bound_once(cx, fn.name, parent)


def cleans_up(node: ast.AST) -> bool:
    """True for a generator function that does something where it is left half-way: a graph leaves it later."""
    around = [n for n in ast.walk(node) if isinstance(n, ast.Try | ast.TryStar | ast.With)]
    return any(isinstance(n, ast.Yield | ast.YieldFrom) for each in around for n in ast.walk(each))


def _is_context_manager(cx: Capture, fn: Closure, parent: Frame) -> bool:
    """True for what `contextlib.contextmanager` is given: a `with` walks over it to its end."""
    innermost = fn.node.decorator_list[-1:] if isinstance(fn.node, ast.FunctionDef) else []
    if not innermost or not isinstance(innermost[0], ast.Name | ast.Attribute):
        return False
    with cx.in_frame(parent):
        return cx.eval(innermost[0]) is contextlib.contextmanager


def binds_around(node: ast.AST, names: Collection[str]) -> bool:
    """True for code that binds one of the variables around it."""
    return any(not set(names).isdisjoint(n.names) for n in ast.walk(node) if isinstance(n, ast.Nonlocal))


def variables(cx: Capture, names: tuple[str, ...], frame: Frame, what: str, *, fixed: Collection[str]) -> list[StandIn]:
    """What the variables around a function hold that Python is given; those in `fixed` it may read at any time."""
    span = cx.t.span
    if not all(is_bound_once(cx, name, frame) for name in fixed):
        raise graph_break(FUNCTION_GIVEN_AWAY, span, f"{what}, which reads what is bound more than once,")
    held: list[StandIn] = []
    for name in names:
        try:
            with cx.in_frame(frame):
                held.append(cx.load(name))
        except ProgramRaise:
            raise graph_break(FUNCTION_GIVEN_AWAY, span, f"{what}, which reads what is not bound yet,") from None
    return held


def _frames(frame: Frame | None) -> Iterator[Frame]:
    while frame is not None:
        yield frame
        frame = frame.parent


def _variables(fn: Closure, parent: Frame) -> tuple[str, ...]:
    """The variables of the functions around it that a function reads."""
    around = {name for frame in _frames(parent) for name in (*frame.scope.locals, *_free(frame))}
    read = {n.id for n in ast.walk(fn.node) if isinstance(n, ast.Name)} & around
    code = _inner_code(fn, tuple(sorted(read)))
    return tuple(sorted(code.co_freevars))


def _free(frame: Frame) -> Collection[str]:
    """The variables of the functions around the program, which have ended or go on without it."""
    return frame.closure.free if frame.closure is not None else ()


def _inner_code(fn: Closure, names: tuple[str, ...]) -> CodeType:
    outer = _factory_code(fn, names)
    return next(c for c in outer.co_consts if isinstance(c, CodeType))


def _factory(fn: Closure, names: tuple[str, ...], notes: dict[str, object]) -> Callable[..., Any]:
    """A function of the values of the variables, then of the defaults, that makes the function."""
    code = _factory_code(fn, names)
    make = FunctionType(code, fn.scope.globals, fn.name)
    qualname, num = fn.qualname, len(names)

    def made(*values: Any) -> Any:
        function = make(*values)
        function.__qualname__ = qualname
        function.__annotations__ = dict(notes)
        return function

    made.__name__ = fn.name
    made.__qualname__ = f"{qualname} with {num} variables" if num else qualname
    made.__module__ = str(fn.scope.globals.get("__name__"))
    return made


def _factory_code(fn: Closure, names: tuple[str, ...]) -> CodeType:
    node = copy.deepcopy(fn.node)
    defaults = [f"$default{i}" for i in range(len(node.args.defaults))]
    keyword = [f"$keyword{i}" for i in range(sum(d is not None for d in node.args.kw_defaults))]
    left = iter(keyword)
    node.args.defaults = [ast.Name(name, ast.Load()) for name in defaults]
    node.args.kw_defaults = [None if d is None else ast.Name(next(left), ast.Load()) for d in node.args.kw_defaults]
    body: list[ast.stmt] = [ast.Return(node)] if isinstance(node, ast.Lambda) else [
        _plain(node), ast.Return(ast.Name(node.name, ast.Load()))
    ]  # fmt: skip
    arguments = ast.arguments([], [ast.arg(name) for name in (*names, *defaults, *keyword)], None, [], [], None, [])
    outer = ast.FunctionDef(fn.name if fn.name.isidentifier() else "made", arguments, body, [])
    ast.copy_location(outer, fn.node)
    module = ast.fix_missing_locations(ast.Module([outer], []))
    code = compile(module, fn.scope.file, "exec", dont_inherit=True)
    return next(c for c in code.co_consts if isinstance(c, CodeType))


def _plain(node: ast.FunctionDef) -> ast.FunctionDef:
    """Without decorators and annotations, which would be evaluated anew."""
    node.returns, node.decorator_list = None, []
    for arg in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs, node.args.vararg, node.args.kwarg):
        if arg is not None:
            arg.annotation = None
    return node


def is_bound_once(cx: Capture, name: str, frame: Frame | None) -> bool:
    """True for a variable that is bound in one place, which is not come to again."""
    owner = next((f for f in _frames(frame) if f.scope.is_local(name) or name in _free(f)), None)
    if owner is None or owner.is_comprehension or owner.closure is None:
        return False
    if not owner.scope.is_local(name):
        return cx.writers.of_cell(name, owner.scope.file) is Stores.NO
    node = owner.closure.node
    spec = node.args
    parameters = [*spec.posonlyargs, *spec.args, *spec.kwonlyargs, *(a for a in (spec.vararg, spec.kwarg) if a)]
    places = sum(a.arg == name for a in parameters)
    for each in ast.walk(node):
        if each is not node and _binds(each, name):
            places += 1
    loops = [n for n in ast.walk(node) if isinstance(n, ast.For | ast.AsyncFor | ast.While)]
    in_loop = any(_binds(n, name) for loop in loops for n in ast.walk(loop))
    return places == 1 and not in_loop


def _binds(node: ast.AST, name: str) -> bool:
    if isinstance(node, ast.Name):
        return node.id == name and not isinstance(node.ctx, ast.Load)
    if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.ExceptHandler | ast.MatchAs | ast.MatchStar):
        return node.name == name
    if isinstance(node, ast.MatchMapping):
        return node.rest == name
    if isinstance(node, ast.alias):
        return (node.asname or node.name.split(".")[0]) == name
    return isinstance(node, ast.Nonlocal) and name in node.names
