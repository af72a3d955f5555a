"""`sorted`, `min` and `max` with a key, `operator.itemgetter`: the order is data, the items may be states."""

from __future__ import annotations

import ast
import functools
import operator
from collections.abc import Callable
from typing import Any

from lmc.codes import NO_RULE
from lmc.ir.analysis import effect_of
from lmc.ir.builtins import gather
from lmc.ir.graph import Block, Graph, Value
from lmc.ir.types import ANY, BOOL, DATA, INT
from lmc.parser.capture import rows, state_lists
from lmc.parser.capture.blocks import execute
from lmc.parser.capture.breaks import graph_break
from lmc.parser.capture.context import Capture
from lmc.parser.capture.exits import under
from lmc.parser.capture.expressions import attribute, item
from lmc.parser.capture.iteration import listed, made_apart, map_over
from lmc.parser.capture.merge import choose
from lmc.parser.capture.special.pure import as_value, pure
from lmc.parser.capture.tracer import Arm, ProgramRaise, has_live, ordinary, wrap
from lmc.parser.capture.values import (
    UNBOUND,
    Container,
    Generator,
    Once,
    PartialCall,
    StandIn,
    Sym,
    has_state,
    is_literal,
    known_items,
    plain,
)


def _sorted(cx: Capture, x: StandIn, /, *, key: StandIn = None, reverse: StandIn = False) -> StandIn:
    x = listed(cx, x)
    if key is None and not has_state(x):
        return pure(cx, sorted, (x,), {} if reverse is False else {"reverse": reverse})
    backwards = cx.truth(_whole_number(cx, reverse))
    # the order is computed from keys alone: items may be states, which no Python function can be given
    keys = cx.t.value_atom(_keys(cx, x, key))

    def ordered(way: bool) -> Sym:
        return Sym(cx.t.host("order", keys, type=DATA, reverse=way))

    chosen: StandIn
    if isinstance(backwards, bool):
        chosen = ordered(backwards)
    else:
        # `reverse` of equal keys keeps their order, so it is not the other order backwards
        chosen = choose(cx.t, backwards, lambda: ordered(True), lambda: ordered(False))
    if isinstance(x, Container) and x.holds_states:
        return state_lists.gather(cx, x, chosen)
    items = known_items(x)
    if items is not None and any(map(rows.holds_more, items)):
        assert isinstance(chosen, Sym)
        return rows.in_order(cx, items, chosen, len(items))
    source = as_value(cx, cx.t.atom(x))
    order = cx.t.atom(chosen)
    if has_live(x):  # its items are the objects themselves
        return Container(cx.t.born(), "list", cx.t.call(gather, source, order, type=ANY))
    return wrap(cx.t, cx.t.call(gather, source, order, effect="none", type=DATA), kind="list")


def _whole_number(cx: Capture, x: StandIn) -> StandIn:
    """What `reverse` is: Python takes a number there, before it asks for a key, and nothing else for its truth."""
    if plain(x):
        return ordinary(operator.index, x)
    if isinstance(x, Sym) and x.type in (INT, BOOL):
        return x
    effect = "ordered" if has_live(x) else "none"
    return Sym(cx.t.call(operator.index, cx.t.value_atom(x), effect=effect, type=INT))


def _keys(cx: Capture, x: StandIn, key: StandIn) -> StandIn:
    """The list of `key(item)` for the items of x."""
    if key is None:
        raise graph_break(NO_RULE, cx.t.span, "comparing program states without a key")
    return map_over(cx, x, lambda i: cx.call(key, (i,), {}))


def _place_of_best(cx: Capture, x: StandIn, key: StandIn, pick: str) -> StandIn:
    """The number of the item with the best key: of all keys, unless it shows that each is compared before the next."""
    arm = Arm(cx.t, sure=True)
    try:
        with arm.open():
            keys = _keys(cx, x, key)
    except ProgramRaise:  # after some of them were compared
        return _stepped_best(cx, x, key, pick)
    if has_live(keys) and _asks_code(cx, arm):
        return _stepped_best(cx, x, key, pick)
    arm.commit()
    return Sym(cx.t.host("best", cx.t.value_atom(keys), type=INT, pick=pick))


_STEPS = """
for ITEM in ITEMS:
    KEY = FN(ITEM)
    if FIRST or KEY {} BEST:
        BEST = KEY
        PLACE = NUM
        FIRST = False
    NUM = NUM + 1
"""


def _stepped_best(cx: Capture, x: StandIn, key: StandIn, pick: str) -> StandIn:
    """The same as a loop: keys may have effects, and comparing them may. Names that begin with `$` are no user's."""
    at = f"{getattr(cx.node, 'lineno', 0)}_{getattr(cx.node, 'col_offset', 0)}"
    [loop] = ast.parse(_STEPS.format(">" if pick == "max" else "<")).body
    for part in ast.walk(loop):
        if isinstance(part, ast.Name):
            part.id = f"${part.id}_{at}"
        if isinstance(part, ast.expr | ast.stmt):
            ast.copy_location(part, cx.node)
    given = {"ITEMS": x, "FN": key, "FIRST": True, "BEST": None, "PLACE": 0, "NUM": 0}
    for name, value in given.items():
        cx.t.write(cx.frame, f"${name}_{at}", value)
    execute(cx, [loop])
    _raise_if_empty(cx, cx.truth(cx.load(f"$FIRST_{at}")), pick)
    return cx.load(f"$PLACE_{at}")


def _raise_if_empty(cx: Capture, is_empty: bool | Value, pick: str) -> None:
    def stop() -> None:
        raise ProgramRaise(ValueError, (f"{pick}() arg is an empty sequence",))

    if isinstance(is_empty, Value):
        under(cx, is_empty, stop)
    elif is_empty:
        stop()


def _asks_code(cx: Capture, arm: Arm) -> bool:
    """True for a call in it that is not our own: the keys are collected in a list, which is a live object too."""
    graph = Graph("", (), tuple(cx.t.externs.values()), Block((), tuple(arm.nodes)))
    own = {out for node in arm.nodes if node.attr("fn") == "list" for out in node.outputs}
    asks = [node for node in graph.walk() if node.op in ("call", "method") and effect_of(node, graph) != "none"]
    return any(own.isdisjoint((*node.outputs, *node.inputs[:1])) for node in asks)


def _extreme(pick: str) -> Callable[..., Any]:
    def extreme(cx: Capture, *xs: StandIn, key: StandIn = None, default: StandIn = UNBOUND) -> StandIn:
        if not xs or (len(xs) > 1 and default is not UNBOUND):
            raise graph_break(NO_RULE, cx.t.span, f"`{pick}` with these arguments")
        if key is not None:  # it is asked for before the next item is made
            with made_apart(cx, xs[0] if len(xs) == 1 else Container(cx.t.born(), "list", xs), pick) as x:
                # of nothing and without a default `best` raises, as Python does
                some = True if default is UNBOUND else cx.truth(x)
                if isinstance(some, bool):
                    return best(cx, x, key) if some else default
                return choose(cx.t, some, lambda: best(cx, x, key), lambda: default)
        # without a key it is a pure function, which takes a value; these are none before they are walked over
        if len(xs) > 1 or not isinstance(xs[0], Generator | Once):
            return NotImplemented
        more = {} if default is UNBOUND else {"default": default}
        return pure(cx, max if pick == "max" else min, (listed(cx, xs[0]),), more)

    def best(cx: Capture, x: StandIn, key: StandIn) -> StandIn:
        if not (isinstance(x, Container) and (x.kind in ("list", "group") or x.holds_states)):
            x = cx.call(list, (x,), {})  # a dict or a set has no items by number
        at = _place_of_best(cx, x, key, pick)
        items = known_items(x)
        if items is not None and any(map(rows.holds_more, items)) and not (isinstance(x, Container) and x.holds_states):
            return items[at] if isinstance(at, int) else rows.one_of(cx, items, cx.t.value_atom(at))  # type: ignore[arg-type]
        return item(cx, x, at)

    return extreme


def _pick_items(x: Any, *keys: object) -> object:
    """What `operator.itemgetter` gives."""
    return operator.itemgetter(*keys)(x)


def _pick_attributes(x: Any, *names: str) -> object:
    """What `operator.attrgetter` gives."""
    return operator.attrgetter(*names)(x)


def _getter(pick: Callable[..., Any]) -> Callable[..., Any]:
    def rule(cx: Capture, *keys: StandIn) -> StandIn:
        if not keys or functools.partial in cx.opaque or not all(map(is_literal, keys)):
            return NotImplemented
        return PartialCall(pick, (), {"$keys": keys})

    return rule


def picked(cx: Capture, fn: PartialCall, x: StandIn) -> StandIn:
    keys = fn.kwargs["$keys"]
    assert isinstance(keys, tuple)
    if fn.fn is _pick_items:
        found = tuple(item(cx, x, key) for key in keys)
    else:
        found = tuple(functools.reduce(lambda y, n: attribute(cx, y, n), str(key).split("."), x) for key in keys)
    return found[0] if len(found) == 1 else found


RULES: dict[Callable[..., Any], Callable[..., Any]] = {
    sorted: _sorted, max: _extreme("max"), min: _extreme("min"),
    operator.itemgetter: _getter(_pick_items), operator.attrgetter: _getter(_pick_attributes),
}  # fmt: skip
