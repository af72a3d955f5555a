"""Loops over `map`, `filter` and `enumerate`: the function is called when the loop steps, as a part of its body.

    for n in map(int, words):               for $item in words:
        total += n                              n = int($item)
                                                total += n

So it may raise, or have effects, in the turn in which Python calls it. Names that begin with `$` are no user's.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable
from typing import Any

from lmc.parser.capture import comprehensions
from lmc.parser.capture.context import Capture
from lmc.parser.capture.generators import IteratorStep
from lmc.parser.capture.values import Generator, Once, StandIn


def stepped(cx: Capture, node: ast.For, given: StandIn) -> ast.For | None:
    """The loop over what such an iterable walks over, None where it is walked over as it is."""
    if not isinstance(given, Once) or not _runs_code(given):
        return None
    rule = None if given.builtin is None else _RULES.get(given.builtin)
    if rule is None or given.kwargs:
        return None
    comprehensions.begin(cx, given, f"`{given.name}`")
    made = rule(cx, node, given)
    for part in ast.walk(made):
        if isinstance(part, ast.expr | ast.stmt) and not hasattr(part, "lineno"):
            ast.copy_location(part, node.iter)
    return made


def _runs_code(x: StandIn) -> bool:
    """True where a step calls a function."""
    return isinstance(x, Once) and (x.builtin in (map, filter) or any(map(_runs_code, x.sources)))


def _of_map(cx: Capture, node: ast.For, given: Once) -> ast.For:
    fn, source = given.args
    call = ast.Call(_field(cx, node, "fn", fn), [_item(node)], [])
    step, item = _called(node, call)
    return _loop(cx, node, source, [step, ast.Assign([node.target], item), *node.body])


def _of_filter(cx: Capture, node: ast.For, given: Once) -> ast.For:
    fn, source = given.args
    take = [ast.Assign([node.target], _item(node)), *node.body]
    if fn is None:
        return _loop(cx, node, source, [ast.If(_item(node), take, [])])
    step, test = _called(node, ast.Call(_field(cx, node, "fn", fn), [_item(node)], []))
    return _loop(cx, node, source, [step, ast.If(test, take, [])])


def _called(node: ast.For, call: ast.Call) -> tuple[IteratorStep, ast.Name]:
    name = _name(node, "called")
    return IteratorStep(name, call, is_mapped=True), ast.Name(name, ast.Load())


def _of_enumerate(cx: Capture, node: ast.For, given: Once) -> ast.For:
    source, start = given.args
    _field(cx, node, "next", start)
    name = _name(node, "next")
    at = ast.Name(_name(node, "at"), ast.Load())
    number = ast.Assign([ast.Name(at.id, ast.Store())], ast.Name(name, ast.Load()))
    count = ast.Assign([ast.Name(name, ast.Store())], ast.BinOp(at, ast.Add(), ast.Constant(1)))
    pair = ast.Assign([node.target], ast.Tuple([copy.copy(at), _item(node)], ast.Load()))
    return _loop(cx, node, source, [number, count, pair, *node.body])


_RULES: dict[Callable[..., Any], Callable[[Capture, ast.For, Once], ast.For]] = {
    map: _of_map,
    filter: _of_filter,
    enumerate: _of_enumerate,
}


def _loop(cx: Capture, node: ast.For, source: StandIn, body: list[ast.stmt]) -> ast.For:
    item = ast.Name(_name(node, "item"), ast.Store())
    return ast.copy_location(ast.For(item, _iterable(cx, node, source), body, []), node)


def _iterable(cx: Capture, node: ast.For, source: StandIn) -> ast.expr:
    """What is walked over; a generator expression of this function as one, so that its code runs in its turn too."""
    if not isinstance(source, Generator) or source.frame is not cx.frame or "$used" in source.fields:
        return _field(cx, node, "source", source)
    comprehensions.begin(cx, source, "this generator expression")
    made = copy.copy(source.node)
    first = copy.copy(made.generators[0])
    first.iter = ast.copy_location(_field(cx, node, "source", source.first), first.iter)
    made.generators = [first, *made.generators[1:]]
    return made


def _item(node: ast.For) -> ast.Name:
    return ast.Name(_name(node, "item"), ast.Load())


def _field(cx: Capture, node: ast.For, what: str, x: StandIn) -> ast.Name:
    """A name of ours for something that is known by now."""
    cx.t.write(cx.frame, _name(node, what), x)
    return ast.Name(_name(node, what), ast.Load())


def _name(node: ast.For, what: str) -> str:
    """By what is walked over: loops that are made of one another differ in it."""
    depth = getattr(node.target, "id", "").count("$item")
    return f"${what}{depth}_{node.lineno}_{node.col_offset}{'$item' * (depth + 1) if what == 'item' else ''}"
