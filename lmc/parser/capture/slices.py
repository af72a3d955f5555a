"""Slices as targets, and `del` of items: changing a container at several places, or by taking something out."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from typing import Any

from lmc.codes import LIST_OF_STATES, NO_RULE
from lmc.ir.graph import Lit, Value
from lmc.ir.types import DATA
from lmc.parser.capture.breaks import graph_break
from lmc.parser.capture.context import Capture
from lmc.parser.capture.iteration import listed
from lmc.parser.capture.methods import change, set_item, write
from lmc.parser.capture.tracer import ordinary
from lmc.parser.capture.values import Container, StandIn, Sym, is_literal, known_items


def index_of(cx: Capture, node: ast.expr) -> StandIn:
    """What stands in the brackets of a target: a slice object where it is one."""
    if not isinstance(node, ast.Slice):
        return cx.eval(node)
    bounds = [None if b is None else cx.eval(b) for b in (node.lower, node.upper, node.step)]
    if all(b is None or type(b) is int for b in bounds):
        return slice(*bounds)
    return Sym(cx.t.call(slice, *map(cx.t.value_atom, bounds), effect="none", type=DATA))


def set_slice(cx: Capture, owner: StandIn, index: StandIn, value: StandIn) -> None:
    """`owner[i:j] = value`."""
    value = listed(cx, value)
    items = known_items(value)
    if isinstance(index, slice) and items is not None and _is_known_list(owner):
        assert isinstance(owner, Container)
        held: list[Any] = list(owner.members)
        ordinary(lambda: held.__setitem__(index, items))
        write(cx, owner, tuple(held))
        return
    if isinstance(owner, Container) and owner.holds_states:
        raise graph_break(LIST_OF_STATES, cx.t.span, "a slice is assigned")
    set_item(cx, owner, _run_time(cx, index), value)


def delete_item(cx: Capture, owner: StandIn, index: StandIn) -> None:
    """`del owner[index]`."""
    if isinstance(index, slice | int) and _is_known_list(owner):
        assert isinstance(owner, Container)
        held: list[Any] = list(owner.members)
        ordinary(lambda: held.__delitem__(index))
        write(cx, owner, tuple(held))
    elif isinstance(owner, Container) and isinstance(owner.content, dict) and is_literal(index):
        pairs = dict(owner.content)
        ordinary(lambda: pairs.__delitem__(index))
        write(cx, owner, pairs)
    elif isinstance(owner, Container) and owner.holds_states:
        raise graph_break(LIST_OF_STATES, cx.t.span, "`del`")
    elif _is_live(owner):
        _of_live(cx, owner, operator.delitem, index)
    elif isinstance(owner, Container):
        change(cx, owner, "__delitem__", (_run_time(cx, index),), {})
    else:
        raise graph_break(NO_RULE, cx.t.span, "`del` of an item of this value")


def _is_known_list(owner: StandIn) -> bool:
    return isinstance(owner, Container) and owner.is_static and owner.kind == "list"


def _is_live(owner: StandIn) -> bool:
    held = owner.value if isinstance(owner, Sym) else owner.fields["content"] if isinstance(owner, Container) else None
    return isinstance(held, Value) and held.type.name in ("ref", "any")


def _of_live(cx: Capture, owner: StandIn, do: Callable[..., Any], index: StandIn) -> None:
    atom = cx.t.atom(owner)
    cx.t.change(atom)
    cx.t.call(do, atom, cx.t.value_atom(_run_time(cx, index)))


def _run_time(cx: Capture, index: StandIn) -> StandIn:
    """A slice that is known, as a value of the graph."""
    if not isinstance(index, slice):
        return index
    bounds = (Lit(index.start), Lit(index.stop), Lit(index.step))
    return Sym(cx.t.call(slice, *bounds, effect="none", type=DATA))
