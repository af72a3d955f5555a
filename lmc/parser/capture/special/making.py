"""`len`, `list`, `dict`, `bool` and the like, which may be given states and what only the run knows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lmc.ir.types import INT, STR
from lmc.parser.capture import choices, operators, state_lists
from lmc.parser.capture.context import Capture
from lmc.parser.capture.iteration import listed
from lmc.parser.capture.special.pure import pure
from lmc.parser.capture.values import (
    UNBOUND,
    Choice,
    Container,
    DictView,
    LazyStr,
    StandIn,
    Sym,
    Tracked,
    is_literal,
    known_items,
    plain,
)


def _len(cx: Capture, x: StandIn, /) -> StandIn:
    if isinstance(x, Choice):
        return choices.told(cx, x, lambda option: cx.call(len, (option,), {}))
    if isinstance(x, Tracked):
        return operators.length(cx, x)
    if isinstance(x, Container):
        if x.is_static:
            return len(x.members)
        if x.holds_states:
            return state_lists.length(cx, x)
    if isinstance(x, tuple):
        return len(x)
    # `pure` computes it
    if plain(x):
        return NotImplemented
    return Sym(cx.t.host("len", cx.t.value_atom(x), type=INT))


def _list(cx: Capture, x: StandIn = (), /) -> StandIn:
    return _sequence(cx, x, "list")


def _tuple(cx: Capture, x: StandIn = (), /) -> StandIn:
    x = listed(cx, x)
    items = known_items(x)
    return items if items is not None else pure(cx, tuple, (x,), {})


def _sequence(cx: Capture, x: StandIn, kind_: str) -> StandIn:
    x = listed(cx, x)
    items = known_items(x)
    if items is not None:
        return Container(cx.t.born(), kind_, items)
    if isinstance(x, Container) and x.holds_states:
        return state_lists.all_of(cx, x)
    return pure(cx, list, (x,), {})


def _dict(cx: Capture, x: StandIn = UNBOUND, /, **kwargs: StandIn) -> StandIn:
    if x is UNBOUND:
        return Container(cx.t.born(), "dict", dict(kwargs))
    if isinstance(x, Container) and x.kind == "dict" and isinstance(x.content, dict):
        return Container(cx.t.born(), "dict", {**x.content, **kwargs})
    x = listed(cx, x)
    items = known_items(x)
    pairs = [pair for pair in map(_pair, items or ()) if pair is not None]
    if items is not None and len(pairs) == len(items):
        return Container(cx.t.born(), "dict", {**dict(pairs), **kwargs})
    return pure(cx, dict, (x,), kwargs)


def _pair(x: StandIn) -> tuple[Any, StandIn] | None:
    """A key and its value; None of anything else."""
    items = known_items(x) if isinstance(x, tuple) or (isinstance(x, Container) and x.kind == "list") else None
    return (items[0], items[1]) if items is not None and len(items) == 2 and is_literal(items[0]) else None


def _set(cx: Capture, x: StandIn = (), /) -> StandIn:
    x = listed(cx, x)
    items = known_items(x)
    if items is not None and all(is_literal(i) for i in items):
        made = Container(cx.t.born(), "set", tuple(dict.fromkeys(items)))
        # made from one of these, it has room for all from the start, and so an order of its own
        if isinstance(x, DictView) or type(x) is frozenset or (isinstance(x, Container) and x.kind in ("set", "dict")):
            made.fields["$scrambled"] = ()
        return made
    return pure(cx, set, (x,), {})


def _bool(cx: Capture, x: StandIn = False, /) -> StandIn:
    truth = cx.truth(x)
    return truth if isinstance(truth, bool) else Sym(truth)


def _str(cx: Capture, *xs: StandIn) -> StandIn:
    if len(xs) == 1 and isinstance(xs[0], Tracked):
        return operators.written(cx, xs[0], "__str__", "__repr__", is_format=False)
    if len(xs) == 1 and isinstance(xs[0], LazyStr):
        return xs[0]
    if len(xs) == 1 and isinstance(xs[0], Sym) and xs[0].type == STR:
        return xs[0]
    return NotImplemented


RULES: dict[Callable[..., Any], Callable[..., Any]] = {
    len: _len, list: _list, tuple: _tuple, dict: _dict, set: _set, bool: _bool, str: _str,
}  # fmt: skip
