"""Comprehensions and generator expressions, as the loops they stand for, in a frame of their own."""

from __future__ import annotations

import ast
from typing import TypeVar

from lmc.codes import CHANGED_WHILE_WALKED, DEFERRED, WALKED_TWICE
from lmc.parser.capture.blocks import execute
from lmc.parser.capture.breaks import graph_break
from lmc.parser.capture.context import Capture
from lmc.parser.capture.generators import as_generator
from lmc.parser.capture.scope import Scope
from lmc.parser.capture.values import ACC, FOUND, UNBOUND, Container, Frame, Generator, Once, StandIn
from lmc.parser.capture.watched import since_made

KEY = "$key"  # of an item of a dict
ITEM = "$given"  # an item of what is walked over as it is
FIRST = "$first"  # what the first `for` walks over, which belongs to the frame outside
Located = TypeVar("Located", bound=ast.AST)
Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


def list_node(cx: Capture, node: ast.ListComp) -> StandIn:
    """`[elt for ...]`."""
    return _run(cx, node, collector(cx, "list", node), [_method_call("append", [node.elt], node)], None)


def collector(cx: Capture, kind: str, node: ast.AST) -> Container:
    """An empty container, to be filled by what `node` stands for."""
    return cx.placed(Container(cx.t.born(), kind, {} if kind == "dict" else ()), node, "collected")


def generator_node(cx: Capture, node: ast.GeneratorExp) -> Generator:
    """A generator expression: what it walks over is evaluated now, all else when somebody asks for it."""
    made = Generator(cx.t.born(), node, cx.frame, cx.eval(node.generators[0].iter))
    made.since = since_made(cx.t, (made,))
    return made


def all_of(cx: Capture, gen: Generator) -> StandIn:
    """All items of a generator expression, as a list."""
    begin(cx, gen, "this generator expression")
    append = [_method_call("append", [gen.node.elt], gen.node)]
    return _run(cx, gen.node, collector(cx, "list", gen.node), append, gen)


def collected() -> ast.Name:
    """What a comprehension collects, in the statement that it does for each item."""
    return ast.Name(ACC, ast.Load())


def generator_over(cx: Capture, x: StandIn) -> Generator:
    """`(item for item in x)` of a one-pass iterable."""
    clause = ast.comprehension(ast.Name(ITEM, ast.Store()), ast.Name(FIRST, ast.Load()), [], 0)
    node = ast.GeneratorExp(ast.Name(ITEM, ast.Load()), [clause])
    span = cx.t.span
    if span is not None:
        node.lineno = node.end_lineno = span.line
        node.col_offset, node.end_col_offset = span.col - 1, span.end - 1
    return Generator(cx.t.born(), node, cx.frame, x)


def set_item(key: ast.expr, value: ast.expr) -> list[ast.stmt]:
    """`collected[key] = value`, where the key is made first, unlike in a statement."""
    made = ast.Assign([ast.Name(KEY, ast.Store())], key)
    return [made, ast.Assign([ast.Subscript(collected(), ast.Name(KEY, ast.Load()), ast.Store())], value)]


def into(cx: Capture, gen: Generator, container: StandIn, put: list[ast.stmt]) -> None:
    """Walk over a generator expression, where `put` puts each item into a container that is there already."""
    begin(cx, gen, "this generator expression")
    _run(cx, gen.node, container, [_at(stmt, gen.node) for stmt in put], gen)


def begin(cx: Capture, source: Once | Generator, what: str) -> None:
    """Start to walk over something that can be walked over once."""
    if source.since is not None and source.since.changed():
        raise graph_break(CHANGED_WHILE_WALKED, cx.t.span)
    if "$used" in source.fields:
        raise graph_break(WALKED_TWICE, cx.t.span, what)
    cx.t.write(source, "$used", True)


def set_node(cx: Capture, node: ast.SetComp) -> StandIn:
    """`{elt for ...}`."""
    return _run(cx, node, collector(cx, "set", node), [_method_call("add", [node.elt], node)], None)


def dict_node(cx: Capture, node: ast.DictComp) -> StandIn:
    """`{key: value for ...}`."""
    return _run(cx, node, collector(cx, "dict", node), [_at(put, node) for put in set_item(node.key, node.value)], None)


def first(cx: Capture, gen: Generator, stop_when: bool | None, start: StandIn) -> tuple[StandIn, StandIn]:
    """A generator expression up to the first item that settles it: for any (True), all (False), next (None).

    Gives that item's outcome, or `start` where none does, and whether one did.
    """
    begin(cx, gen, "this generator expression")
    node = gen.node
    found = _at(ast.Assign([ast.Name(FOUND, ast.Store())], ast.Constant(True)), node)
    outcome = node.elt if stop_when is None else ast.Constant(stop_when)
    take: list[ast.stmt] = [_at(ast.Assign([ast.Name(ACC, ast.Store())], outcome), node), found]
    take.append(_at(ast.Break(), node))
    if stop_when is not None:
        test = node.elt if stop_when else ast.UnaryOp(ast.Not(), node.elt)
        take = [_at(ast.If(test, take, []), node)]
    return _walk(cx, node, start, take, gen)


def _run(cx: Capture, node: Comprehension, start: StandIn, body: list[ast.stmt], gen: Generator | None) -> StandIn:
    return _walk(cx, node, start, body, gen)[0]


def _walk(
    cx: Capture, node: Comprehension, start: StandIn, body: list[ast.stmt], gen: Generator | None
) -> tuple[StandIn, StandIn]:
    """What a comprehension has collected, and whether its search has ended early."""
    leaves = any(isinstance(n, ast.Break) for stmt in body for n in ast.walk(stmt))
    first = gen.first if gen is not None else cx.eval(node.generators[0].iter)
    for clause in reversed(node.generators):
        if clause.is_async:
            raise graph_break(DEFERRED, cx.at(node), "`async for`")
        for test in reversed(clause.ifs):
            body = [_at(ast.If(test, body, []), node)]
        source = clause.iter if clause is not node.generators[0] else _at(ast.Name(FIRST, ast.Load()), clause.iter)
        body = [_at(ast.For(clause.target, source, body, []), node)]
        if leaves and clause is not node.generators[0]:  # the loops around it end as well
            body.append(_at(ast.If(ast.Name(FOUND, ast.Load()), [ast.Break()], []), node))
    names = {n.id for c in node.generators for n in ast.walk(c.target) if isinstance(n, ast.Name)}
    outer = gen.frame if gen is not None else cx.frame
    names |= {ACC, FIRST, FOUND, KEY}
    scope = Scope(outer.scope.file, None, outer.scope.globals, frozenset(names), outer.scope.source)
    inner = Frame(cx.t.born(), scope, outer, None)
    inner.is_comprehension = True
    inner.fields[FIRST], inner.fields[FOUND] = first, False
    if start is not UNBOUND:
        inner.fields[ACC] = start
    with cx.in_frame(inner):
        if gen is None:
            execute(cx, body)
        else:
            as_generator(cx, lambda: execute(cx, body))
        return inner.fields.get(ACC, UNBOUND), inner.fields[FOUND]


def _method_call(name: str, args: list[ast.expr], node: ast.AST) -> ast.stmt:
    call = ast.Call(ast.Attribute(ast.Name(ACC, ast.Load()), name, ast.Load()), args, [])
    return _at(ast.Expr(call), node)


def _at(new: Located, node: ast.AST) -> Located:
    ast.copy_location(new, node)
    for child in ast.walk(new):
        if not hasattr(child, "lineno") and isinstance(child, ast.expr | ast.stmt):
            ast.copy_location(child, node)
    return new
