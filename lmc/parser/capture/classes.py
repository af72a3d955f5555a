"""Classes that the program defines: real ones, which Python makes when the run comes to the statement.

    @dataclass                         %Point = call @"class Point", @dataclass, %scale
    class Point:                       %p = call @apply, %Point, 1          an object as any other of the user's
        x: int
        def far(self):
            return self.x * scale

The body is run as it was compiled, so that the class is what Python makes of it: nothing of it is run while tracing.
Its methods may be called at any time, so what they read of the program is as with functions (`given_functions`): bound
once, no state, and bound by nobody but the program.
"""

from __future__ import annotations

import ast
import builtins
import sys
from collections.abc import Callable, Iterator
from functools import partial
from types import CellType, CodeType, FunctionType, ModuleType
from typing import Any

from lmc.codes import FUNCTION_GIVEN_AWAY, NO_RULE
from lmc.ir.types import ANY
from lmc.parser.capture import fixed, objects
from lmc.parser.capture.breaks import graph_break
from lmc.parser.capture.context import Capture
from lmc.parser.capture.given_functions import (
    binds_around,
    cleans_up,
    is_bound_once,
    variables,
)
from lmc.parser.capture.out_of_sight import check_given
from lmc.parser.capture.targets import assign
from lmc.parser.capture.values import Escapes, StandIn, Sym, is_ordinary


def class_node(cx: Capture, node: ast.ClassDef) -> None:
    """A class defined inside the program; its decorators are evaluated first, then its bases and keywords."""
    span = cx.at(node)
    code = _code(cx, node)
    decorators = [cx.eval(each) for each in node.decorator_list]
    bases = [cx.eval(each) for each in node.bases]
    keywords = {str(each.arg): cx.eval(each.value) for each in node.keywords}
    cx.t.span = span
    names, is_named = tuple(name for name in code.co_freevars if name != node.name), node.name in code.co_freevars
    later = _read_later(code)
    if is_named and not is_bound_once(cx, node.name, cx.frame):
        raise graph_break(FUNCTION_GIVEN_AWAY, span, f"`{node.name}`, which reads its own name,")
    held = variables(cx, names, cx.frame, f"`{node.name}`", fixed=[name for name in names if name in later])
    given = (*decorators, *bases, *keywords.values(), *held)
    made = _factory(code, cx.frame.scope.globals, names, (len(decorators), len(bases)), tuple(keywords))
    _check_given(cx, node, code, (*decorators, *bases, *keywords.values()), (made, *given))
    cx.t.span = span
    value = cx.t.call(made, *(cx.argument(x) for x in given), type=ANY)
    assign(cx, ast.Name(node.name, ast.Store()), Sym(value))


def _code(cx: Capture, node: ast.ClassDef) -> CodeType:
    """The body as it was compiled."""
    odd = [*(b for b in node.bases if isinstance(b, ast.Starred)), *(k for k in node.keywords if k.arg is None)]
    if odd:
        raise graph_break(NO_RULE, cx.at(node), "a class with a star among its bases")
    source = cx.frame.scope.source
    code = source.class_code(node) if source is not None else None
    if code is None:
        raise graph_break(NO_RULE, cx.at(node), f"`{node.name}`, a class whose code is not the only one there,")
    if any(cleans_up(each) for each in ast.walk(node) if isinstance(each, ast.FunctionDef)):
        raise graph_break(FUNCTION_GIVEN_AWAY, cx.at(node), f"`{node.name}`, which may be left half-way,")
    if binds_around(node, code.co_freevars):
        raise graph_break(FUNCTION_GIVEN_AWAY, cx.at(node), f"`{node.name}`, which binds variables around it,")
    return code


def _read_later(code: CodeType) -> frozenset[str]:
    """The variables that functions in a class read, whenever they are called; all else is read by its body, once."""
    inner = [const for const in code.co_consts if isinstance(const, CodeType)]
    return frozenset(name for each in inner for name in each.co_freevars)


def _check_given(
    cx: Capture, node: ast.ClassDef, code: CodeType, makers: tuple[StandIn, ...], parts: tuple[StandIn, ...]
) -> None:
    """Refuse what would see more than the class, or be seen by it."""
    what = f"`{node.name}`"
    check_given(what, cx.t.span, *parts)
    for x in parts:
        if objects.is_plain(x, cx.opaque):  # it may give that class other methods, or be told of the new one
            raise Escapes(x)
    names = frozenset(_names(code))
    found = (*(cx.frame.scope.globals.get(name) for name in names), *filter(is_ordinary, parts))
    fixed.check_class(cx, names, found)
    for x in filter(is_ordinary, makers):
        fixed.check_call(cx, x)
    if any(map(_is_of_lmc, found)):
        raise graph_break(NO_RULE, cx.t.span, f"{what}, a class that uses the language,")
    # a library may look up what annotations name in the variables around the class, which are not there
    around = {name for frame in _around(cx) for name in frame}
    if not _annotated(node).isdisjoint(around) and not all(_looks_at_no_frame(cx, x) for x in makers):
        raise graph_break(NO_RULE, cx.t.span, f"{what}, whose annotations name variables of the program,")


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for const in code.co_consts:
        if isinstance(const, CodeType):
            yield from _names(const)


def _is_of_lmc(x: object) -> bool:
    name = x.__name__ if type(x) is ModuleType else x.__module__ if type(x) is FunctionType else ""
    return str(name).split(".")[0] == "lmc"


def _around(cx: Capture) -> Iterator[frozenset[str]]:
    frame = cx.frame
    while frame is not None:
        yield frame.scope.locals
        yield frozenset(frame.closure.free) if frame.closure is not None else frozenset()
        frame = frame.parent  # type: ignore[assignment]


def _annotated(node: ast.ClassDef) -> set[str]:
    """The names in annotations of a class, those inside texts too."""
    notes = [each.annotation for each in ast.walk(node) if isinstance(each, ast.AnnAssign)]
    notes += [each.annotation for each in ast.walk(node) if isinstance(each, ast.arg) and each.annotation is not None]
    notes += [each.returns for each in ast.walk(node) if isinstance(each, ast.FunctionDef) and each.returns is not None]
    return {name for note in notes for name in _named_in(note)}


def _named_in(note: ast.AST) -> Iterator[str]:
    for each in ast.walk(note):
        if isinstance(each, ast.Name):
            yield each.id
        elif isinstance(each, ast.Constant) and isinstance(each.value, str):
            try:
                yield from _named_in(ast.parse(each.value, mode="eval"))
            except SyntaxError:
                continue


def _looks_at_no_frame(cx: Capture, x: StandIn) -> bool:
    """True for a base or decorator of the standard library."""
    if isinstance(x, Sym):
        x = _called(cx, x)
    if not is_ordinary(x):
        return False
    module = sys.modules.get(str(getattr(x, "__module__", "")).split(".")[0])
    return module is not None and (module is builtins or module.__name__ in sys.stdlib_module_names)


def _called(cx: Capture, x: Sym) -> object:
    """What was called to make a value: `dataclass`, of `@dataclass(frozen=True)`."""
    node = next((each for each in reversed(cx.t.nodes) if x.value in each.outputs), None)
    return cx.t.objects.get(str(node.attr("fn"))) if node is not None and node.op == "call" else None


def _factory(
    code: CodeType, module: dict[str, object], names: tuple[str, ...], num: tuple[int, int], keywords: tuple[str, ...]
) -> FunctionType:
    """A function of decorators, bases, keywords and variables, in this order, that makes the class."""
    body = FunctionType(code, module, code.co_name, None, tuple(CellType() for _ in code.co_freevars))
    num_decorators, num_bases = num

    def made(*values: Any) -> Any:
        given = iter(values)
        decorators = [next(given) for _ in range(num_decorators)]
        bases = [next(given) for _ in range(num_bases)]
        more = {name: next(given) for name in keywords}
        cells, own = {name: CellType(next(given)) for name in names}, CellType()
        closure = tuple(cells.get(name, own) for name in code.co_freevars)
        anew = FunctionType(code, body.__globals__, code.co_name, None, closure)
        cls = _called_bare(partial(builtins.__build_class__, anew, code.co_name, *bases, **more))
        for decorate in reversed(decorators):
            cls = _called_bare(partial(decorate, cls))
        own.cell_contents = cls
        return cls

    made.__name__ = code.co_name
    made.__qualname__ = f"class {code.co_qualname}"
    made.__module__ = str(module.get("__name__"))
    return made  # type: ignore[return-value]


def _called_bare(__lmc: Callable[[], Any]) -> Any:
    """A call from a frame without variables: some libraries look there for what annotations name."""
    return __lmc()
