"""Items of a known list in an order that only the run knows, where they hold states or objects.

    cands = [(int(f["score"]), f) for f in forks]
    beam = sorted(cands, key=lambda c: c[0])[:2]

The items stay apart: of pairs the first parts are one list of values, the second parts one list of states, and both are
read in the new order. So the new list has a known length, and each of its items the parts that the old ones have.
"""

from __future__ import annotations

from collections.abc import Callable

from lmc.ir.graph import Value
from lmc.ir.types import ANY, DATA, INT, STR
from lmc.parser.capture import state_lists
from lmc.parser.capture.context import Capture
from lmc.parser.capture.tracer import has_live, wrap
from lmc.parser.capture.values import (
    Cell,
    Choice,
    Closure,
    Container,
    Element,
    LazyStr,
    Method,
    PartialCall,
    StandIn,
    StateCell,
    Sym,
    Tracked,
    containers_in,
    is_literal,
    is_ordinary,
    same_literal,
)

# gives a part of the item that comes at a place of the new order; the place is a value, of an int
Column = Callable[[Value], StandIn]


def holds_more(x: StandIn) -> bool:
    """True for an item that is more than a value: a state or an object, or something with one in it."""
    if isinstance(x, tuple):
        return any(map(holds_more, x))
    if isinstance(x, Container):
        return x.holds_states or any(map(holds_more, x.parts))
    if isinstance(x, StateCell | Tracked | Choice | Closure | PartialCall | Method):
        return True
    return is_ordinary(x) and not is_literal(x) and callable(x)


def in_order(cx: Capture, items: tuple[StandIn, ...], order: Sym, num: int) -> Container:
    """The first `num` of the items as `order` has them, a list of their numbers."""
    column = _column(cx, items)
    places = [cx.t.host("item", order.value, cx.t.atom(i), type=INT) for i in range(num)]
    return Container(cx.t.born(), "list", tuple(column(place) for place in places))


def one_of(cx: Capture, items: tuple[StandIn, ...], place: Value) -> StandIn:
    """The item with that number."""
    return _column(cx, items)(place)


def _column(cx: Capture, items: tuple[StandIn, ...]) -> Column:
    first = items[0]
    if all(x is first or same_literal(x, first) for x in items):
        return lambda place: first
    if all(isinstance(x, StateCell) and not isinstance(x, Element) for x in items):
        states = Container(cx.t.born(), "list", items)
        cx.t.alias(states, _shared(cx, items))
        return lambda place: state_lists.element(cx, states, Sym(place))
    if isinstance(first, tuple) and all(isinstance(x, tuple) and len(x) == len(first) for x in items):
        columns = [_column(cx, tuple(x[i] for x in items)) for i in range(len(first))]  # type: ignore[index]
        return lambda place: tuple(column(place) for column in columns)
    if all(map(_is_dict_like(first), items)):
        return _dicts(cx, items)
    if not any(map(holds_more, items)):
        if any(map(has_live, items)):
            return _live(cx, items)
        return _containers(cx, items) if any(map(_is_mutable, items)) else _values(cx, items)
    if isinstance(first, Tracked) and all(isinstance(x, Tracked) and _is_like(x, first) for x in items):
        return _objects(cx, items)
    return lambda place: Choice(place, items)


def _values(cx: Capture, items: tuple[StandIn, ...]) -> Column:
    every = cx.t.host("list", *(cx.t.value_atom(x) for x in items))
    texts = all(isinstance(x, str | LazyStr) for x in items)
    numbers = all(type(x) is int or (isinstance(x, Sym) and x.type == INT) for x in items)
    if texts or numbers:
        made = STR if texts else INT
        return lambda place: Sym(cx.t.host("item", every, place, type=made))
    return lambda place: wrap(cx.t, cx.t.host("item", every, place, type=DATA), borrowed=True)


def _live(cx: Capture, items: tuple[StandIn, ...]) -> Column:
    """Live objects, and what holds one: each is the object itself."""
    every = cx.t.host("list", *map(cx.argument, items), type=ANY)
    return lambda place: Sym(cx.t.host("item", every, place, type=ANY))


def _is_mutable(x: StandIn) -> bool:
    return isinstance(x, Container) or (isinstance(x, tuple) and any(map(_is_mutable, x)))


def _containers(cx: Capture, items: tuple[StandIn, ...]) -> Column:
    """Lists of values: what one of them holds is read from now, and not any more once one was changed."""
    every = cx.t.host("list", *(cx.t.value_atom(x) for x in items))
    shared = _shared(cx, items)
    for inner in containers_in(items):
        for deeper in containers_in(inner.fields["content"]):
            cx.t.write(deeper, "$frozen", True)

    def row(place: Value) -> Container:
        made = Container(cx.t.born(), "data", cx.t.host("item", every, place, type=DATA), borrowed=True)
        cx.t.alias(made, shared)
        return made

    return row


def _shared(cx: Capture, items: tuple[StandIn, ...]) -> list[Cell]:
    """What the items are, or may be: not the rows that are about to be made, which are unlike one another."""
    return [cell for x in items for cell in cx.t.may_be(x, cx.t.clock)]


def _is_dict_like(first: StandIn) -> Callable[[StandIn], bool]:
    keys = list(first.content) if isinstance(first, Container) and isinstance(first.content, dict) else None

    def like(x: StandIn) -> bool:
        return isinstance(x, Container) and isinstance(x.content, dict) and list(x.content) == keys and x.path is None

    return like


def _dicts(cx: Capture, items: tuple[StandIn, ...]) -> Column:
    found = [x for x in items if isinstance(x, Container)]
    columns = {key: _column(cx, tuple(x.pairs[key] for x in found)) for key in found[0].pairs}

    shared = _shared(cx, items)

    def row(place: Value) -> Container:
        made = Container(cx.t.born(), "dict", {key: column(place) for key, column in columns.items()})
        cx.t.alias(made, shared)
        return made

    return row


def _is_like(x: Tracked, first: Tracked) -> bool:
    return x.cls is first.cls and set(x.fields) == set(first.fields) and "$stale" not in x.fields


def _objects(cx: Capture, items: tuple[StandIn, ...]) -> Column:
    found = [x for x in items if isinstance(x, Tracked)]
    columns = {name: _column(cx, tuple(x.fields[name] for x in found)) for name in found[0].fields}

    shared = _shared(cx, items)

    def row(place: Value) -> Tracked:
        made = Tracked(cx.t.born(), found[0].cls)
        made.fields.update({name: column(place) for name, column in columns.items()})
        cx.t.alias(made, shared)
        return made

    return row
