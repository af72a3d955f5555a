"""Annotations of functions that the program defines: code that runs where the `def` stands, after the defaults.

Names of types do nothing there, and are only looked at where Python is given the function, which may read them: a
library makes the schema of a tool of them. Where `from __future__ import annotations` stands they are texts.
"""

from __future__ import annotations
import __future__

import ast
import builtins
from collections.abc import Iterator

from lmc.codes import FUNCTION_GIVEN_AWAY, NO_RULE
from lmc.parser.capture.breaks import graph_break
from lmc.parser.capture.context import Capture
from lmc.parser.capture.tracer import ProgramRaise
from lmc.parser.capture.values import Closure, Frame, StandIn, is_ordinary

_FUTURE = __future__.annotations.compiler_flag
_QUIET = (
    ast.Name, ast.Attribute, ast.Constant, ast.Subscript, ast.Tuple, ast.List, ast.BinOp, ast.BitOr, ast.expr_context,
)  # fmt: skip


def check(cx: Capture, node: ast.FunctionDef | ast.Lambda) -> None:
    """Raises CaptureError where the annotations of a function do more than name types."""
    if isinstance(node, ast.Lambda) or _are_texts(cx.frame):
        return
    for _, note in _notes(node):
        if not all(isinstance(each, _QUIET) for each in ast.walk(note)):
            raise graph_break(NO_RULE, cx.at(note), "an annotation that is more than the name of a type")
        for each in ast.walk(note):
            if isinstance(each, ast.Name) and not _is_known(cx, each.id):
                raise graph_break(NO_RULE, cx.at(each), f"`{each.id}`, which is not defined,")


def of_given(cx: Capture, fn: Closure) -> dict[str, object]:
    """What Python finds as `__annotations__` of a function that it is given."""
    node, frame = fn.node, fn.parent
    if isinstance(node, ast.Lambda) or frame is None:
        return {}
    if _are_texts(frame):
        return {name: ast.unparse(note) for name, note in _notes(node)}
    with cx.in_frame(frame):
        return {name: _value(cx, fn, note) for name, note in _notes(node)}


def _value(cx: Capture, fn: Closure, note: ast.expr) -> StandIn:
    what = f"`{fn.name}`, whose annotations only the run knows,"
    try:
        value = cx.eval(note)
    except ProgramRaise:
        raise graph_break(FUNCTION_GIVEN_AWAY, cx.t.span, what) from None
    if not is_ordinary(value):
        raise graph_break(FUNCTION_GIVEN_AWAY, cx.t.span, what)
    return value


def _notes(node: ast.FunctionDef) -> Iterator[tuple[str, ast.expr]]:
    """In the order in which Python evaluates them."""
    spec = node.args
    every = (*spec.args, *spec.posonlyargs, spec.vararg, *spec.kwonlyargs, spec.kwarg)
    for arg in every:
        if arg is not None and arg.annotation is not None:
            yield arg.arg, arg.annotation
    if node.returns is not None:
        yield "return", node.returns


def _are_texts(frame: Frame) -> bool:
    """True for code that was compiled with `from __future__ import annotations`."""
    source = frame.scope.source
    return source is not None and all(flags & _FUTURE for flags, _ in source.compiled)


def _is_known(cx: Capture, name: str) -> bool:
    frame: Frame | None = cx.frame
    while frame is not None:
        if frame.scope.is_local(name) or (frame.closure is not None and name in frame.closure.free):
            return True
        frame = frame.parent
    return name in cx.frame.scope.globals or hasattr(builtins, name)
