"""Comprehensions and generator expressions, as the loops they stand for, in a frame of their own."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from lmc.parser.scope import Scope
from lmc.parser.values import UNBOUND, Box, Frame, Generator

if TYPE_CHECKING:
    from lmc.parser.capture import Capture

ACC = "$acc"
Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


def of_list(cx: Capture, node: ast.ListComp | ast.GeneratorExp, frame: Frame | None = None) -> Any:
    """`[elt for ...]`, or all of a generator expression."""
    return _run(cx, node, Box(cx.t.born(), "list", ()), [_method_call("append", [node.elt], node)], frame)


def of_set(cx: Capture, node: ast.SetComp) -> Any:
    """`{elt for ...}`."""
    return _run(cx, node, Box(cx.t.born(), "set", ()), [_method_call("add", [node.elt], node)], None)


def of_dict(cx: Capture, node: ast.DictComp) -> Any:
    """`{key: value for ...}`."""
    target = ast.Subscript(ast.Name(ACC, ast.Load()), node.key, ast.Store())
    return _run(cx, node, Box(cx.t.born(), "dict", {}), [_at(ast.Assign([target], node.value), node)], None)


def first(cx: Capture, gen: Generator, stop_when: bool | None, start: Any) -> Any:
    """A generator expression up to the first item that settles it: for any (True), all (False), next (None).

    Gives that item's outcome, or `start` where none does.
    """
    node = gen.node
    take: list[ast.stmt] = [_at(ast.Assign([ast.Name(ACC, ast.Store())], node.elt), node), _at(ast.Break(), node)]
    if stop_when is not None:
        test = node.elt if stop_when else ast.UnaryOp(ast.Not(), node.elt)
        take[0] = _at(ast.Assign([ast.Name(ACC, ast.Store())], ast.Constant(stop_when)), node)
        take = [_at(ast.If(test, take, []), node)]
    return _run(cx, node, start, take, gen.frame)


def _run(cx: Capture, node: Comprehension, start: Any, body: list[ast.stmt], frame: Frame | None) -> Any:
    for clause in reversed(node.generators):
        for test in reversed(clause.ifs):
            body = [_at(ast.If(test, body, []), node)]
        body = [_at(ast.For(clause.target, clause.iter, body, []), node)]
    names = {n.id for c in node.generators for n in ast.walk(c.target) if isinstance(n, ast.Name)}
    outer = frame or cx.frame
    scope = Scope(outer.scope.file, None, outer.scope.globals, frozenset(names | {ACC}))
    inner = Frame(cx.t.born(), scope, outer, None)
    inner.is_comprehension = True
    if start is not UNBOUND:
        inner.slots[ACC] = start
    with cx.in_frame(inner):
        cx.exec(body)
        return inner.slots.get(ACC, UNBOUND)


def _method_call(name: str, args: list[ast.expr], node: ast.AST) -> ast.stmt:
    call = ast.Call(ast.Attribute(ast.Name(ACC, ast.Load()), name, ast.Load()), args, [])
    return _at(ast.Expr(call), node)


def _at(new: ast.stmt, node: ast.AST) -> ast.stmt:
    ast.copy_location(new, node)
    for child in ast.walk(new):
        if not hasattr(child, "lineno") and isinstance(child, ast.expr | ast.stmt):
            ast.copy_location(child, node)
    return new
