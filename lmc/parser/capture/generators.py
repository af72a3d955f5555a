"""StopIteration that is raised in the code of a generator, or in a function that `map` calls.

A generator says by it that there is nothing more; where its own code raises one, Python makes it a RuntimeError. So the
code of a generator expression, and of a context manager that is written as a generator, is traced as the body of a
`try` wherever such an exception may come out of it: what the graph calls may raise anything.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable
from types import BuiltinFunctionType
from typing import TypeVar

from lmc.codes import DEFERRED
from lmc.ir.analysis import effect_of
from lmc.ir.builtins import generator_raised, raised
from lmc.ir.graph import Block, Graph, Node, walk
from lmc.ir.ops import OPS
from lmc.parser.capture.attempts import attempt
from lmc.parser.capture.blocks import execute
from lmc.parser.capture.breaks import graph_break
from lmc.parser.capture.context import Capture
from lmc.parser.capture.tracer import Arm, ProgramRaise, kind
from lmc.parser.capture.values import Sym

Made = TypeVar("Made")


class IteratorStep(ast.stmt):
    """One step of an iterator's code: an expression, under a name that is no user's.

    is_test    its truth is wanted
    is_mapped  it is a call by `map` or `filter`, not a part of a generator
    """

    _fields = ("value",)

    def __init__(self, name: str, value: ast.expr, *, is_test: bool = False, is_mapped: bool = False) -> None:
        super().__init__()
        self.name, self.value, self.is_test, self.is_mapped = name, value, is_test, is_mapped


def step_node(cx: Capture, node: IteratorStep) -> None:
    """Evaluate it, and write it down."""

    def body() -> None:
        found = cx.eval(node.value)
        if node.is_test:
            truth = cx.truth(found)
            found = truth if isinstance(truth, bool) else Sym(truth)
        cx.t.write(cx.frame, node.name, found)

    (check_mapped if node.is_mapped else as_generator)(cx, body)


class GeneratorPart(ast.stmt):
    """Statements of a generator function that do not yield."""

    _fields = ("body",)

    def __init__(self, body: list[ast.stmt]) -> None:
        super().__init__()
        self.body = body


def part_node(cx: Capture, node: GeneratorPart) -> None:
    """Trace them."""
    as_generator(cx, lambda: execute(cx, node.body))


def in_parts(body: list[ast.stmt]) -> list[ast.stmt]:
    """The body of a generator function, in which each statement without a `yield` is a part by itself."""
    return [_part(stmt) for stmt in body]


def _part(stmt: ast.stmt) -> ast.stmt:
    if not any(isinstance(n, ast.Yield | ast.YieldFrom) for n in ast.walk(stmt)):
        return ast.copy_location(GeneratorPart([stmt]), stmt)
    made = copy.copy(stmt)
    if isinstance(made, ast.Try):
        made.body, made.orelse, made.finalbody = map(in_parts, (made.body, made.orelse, made.finalbody))
        made.handlers = [_handler(each) for each in made.handlers]
    elif isinstance(made, ast.With):
        made.body = in_parts(made.body)
    return made


def _handler(handler: ast.ExceptHandler) -> ast.ExceptHandler:
    made = copy.copy(handler)
    made.body = in_parts(handler.body)
    return made


def as_generator(cx: Capture, body: Callable[[], None]) -> None:
    """Trace code of a generator, out of which no StopIteration comes."""
    t, span = cx.t, cx.t.span
    trial, aliases, exits = Arm(t, sure=True), len(t.alias_log), set(cx.frame.exits)
    stop: ProgramRaise | None = None
    try:
        with trial.open():
            body()
    except ProgramRaise as error:
        stop = error
    if not _may_stop(cx, trial, stop):
        trial.commit()
        if stop is not None:
            raise stop
        return
    t.forget_aliases(aliases)
    cx.frame.exits, t.span = exits, span
    attempt(cx, body, _failed)


def _failed(error: Sym) -> None:
    raise ProgramRaise(generator_raised, (error,))


def _may_stop(cx: Capture, arm: Arm, stop: ProgramRaise | None) -> bool:
    """True where an exception that the trace does not know may come out of what was traced, or a StopIteration."""
    if stop is not None and _is_stop(stop.kind):
        return True
    graph = Graph("", (), tuple(cx.t.externs.values()), Block((), tuple(arm.nodes)))
    return any(_raises_what_it_likes(cx, node, graph) for node in walk(graph.body))


def _raises_what_it_likes(cx: Capture, node: Node, graph: Graph) -> bool:
    if node.op == "raise":
        return _is_stop(cx.t.objects[str(node.attr("fn"))])
    if OPS[node.op].kind != "host" or node.op == "extern" or effect_of(node, graph) == "none":
        return False
    if node.op != "call":
        return True
    fn = cx.t.objects[str(node.attr("fn"))]
    # what is written in C raises one for who steps an iterator, or passes on what code of the user's raised
    return type(fn) is not BuiltinFunctionType or fn is next or any(kind(i).name in ("any", "ref") for i in node.inputs)


def _is_stop(raises: object) -> bool:
    """True for what is raised where it is a StopIteration, or may be one."""
    return raises is raised or (isinstance(raises, type) and issubclass(raises, StopIteration))


def check_mapped(cx: Capture, body: Callable[[], Made]) -> Made:
    """Trace a call by `map` or `filter`, which a StopIteration ends: a graph break where one is in sight."""
    at = len(cx.t.nodes)
    try:
        made = body()
    except ProgramRaise as stop:
        if _is_stop(stop.kind):
            raise graph_break(DEFERRED, cx.t.span, "a function that ends `map` by a StopIteration") from None
        raise
    for node in walk(Block((), tuple(cx.t.nodes[at:]))):
        fn = cx.t.objects.get(str(node.attr("fn"))) if node.op in ("call", "raise") else None
        if fn is next or (node.op == "raise" and _is_stop(fn)):
            raise graph_break(DEFERRED, cx.t.span, "a function that may end `map` by a StopIteration")
    return made
