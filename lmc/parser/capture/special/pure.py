"""Pure functions: computed while tracing where all is known, else a host op without effect."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import Any, TypeGuard

from lmc.codes import STATE_GIVEN_AWAY
from lmc.ir.builtins import BUILTINS, PURE
from lmc.ir.graph import Atom, Value
from lmc.ir.types import ANY, DATA
from lmc.parser.capture import looking
from lmc.parser.capture.breaks import graph_break
from lmc.parser.capture.context import Capture
from lmc.parser.capture.iteration import listed
from lmc.parser.capture.tracer import has_live, ordinary, wrap
from lmc.parser.capture.values import Container, DictView, StandIn, has_state, is_literal


def pure(cx: Capture, fn: Callable[..., Any], args: tuple[StandIn, ...], kwargs: dict[str, StandIn]) -> StandIn:
    args = tuple(_as_items(cx, fn, listed(cx, a)) for a in args)
    name = getattr(fn, "__name__", "")
    fn = BUILTINS[name].fn if name in ("enumerate", "zip", "reversed") else fn  # an iterator is not a value, a list is
    if fn in _ORDERLESS:
        args = tuple(cx.unordered(a) for a in args)
    known = [(_set_of(a) if fn in _OF_SETS else None) or cx.python_or(a) for a in args]
    known_kw = {k: cx.python_or(v) for k, v in kwargs.items()}
    # None in `known` is what only the run knows, unless the argument itself is None
    is_known = all(k is not None or a is None for k, a in zip(known, args)) and all(
        v is not None or kwargs[k] is None for k, v in known_kw.items()
    )
    if is_known and not (fn in _PICKS and _holds_mutable(cx, fn, args, kwargs)):
        return cx.owned(ordinary(fn, *known, **known_kw))
    if any(has_state(a) for a in (*args, *kwargs.values())):
        raise graph_break(STATE_GIVEN_AWAY, cx.t.span, f"`{getattr(fn, '__name__', fn)}`")
    keys = tuple(kwargs)
    # a live object's own `__len__` or `__iter__` would run: then the order among effects counts
    odd = any(map(has_live, (*args, *kwargs.values())))
    # what is picked is the object itself: of an argument, the one that the program was given
    is_picked = fn in _PICKS and fn is not sum and _holds_mutable(cx, fn, args, kwargs)
    odd = odd or (is_picked and any(map(_has_argument, (*args, *kwargs.values()))))
    give = cx.argument if odd else cx.t.value_atom
    atoms = [give(a) for a in args] + [give(kwargs[k]) for k in keys]
    out = ANY if odd and PURE[fn] == DATA else PURE[fn]
    made = "list" if fn in _LISTS else "set" if fn in _SETS else "data"
    return wrap(cx.t, cx.t.call(fn, *atoms, effect="ordered" if odd else "none", type=out, keys=keys), kind=made)


def _as_items(cx: Capture, fn: Callable[..., Any], x: StandIn) -> StandIn:
    """A view of a dict as the list of what it shows, where the function only walks over it."""
    items = x.items if isinstance(x, DictView) and fn in _WALKERS else None
    return x if items is None else Container(cx.t.born(), "list", items)


_WALKERS = (sum, sorted, min, max, list, tuple, any, all, len)  # what they give is never the view itself


_ORDERLESS = (sorted, min, max, len)  # to these the order of a set makes no difference


# these give the objects that they were given, or what holds them, which Python's copies are not
_PICKS = (sorted, min, max, sum, dict, slice)


def _holds_mutable(cx: Capture, fn: Callable[..., Any], args: tuple[StandIn, ...], kwargs: dict[str, StandIn]) -> bool:
    """True where what is picked from, the one argument or all of them, may be changed in place."""
    if not all(cx.t.is_flat(x, atom=True) for x in kwargs.values()):
        return True
    is_from_one = len(args) == 1 and fn is not slice
    return not (cx.t.is_flat(args[0]) if is_from_one else all(cx.t.is_flat(a, atom=True) for a in args))


def _has_argument(x: StandIn) -> bool:
    """True for a container among the program's arguments, and for what holds one."""
    if isinstance(x, Container):
        return (x.path is not None and not x.borrowed) or any(map(_has_argument, x.parts))
    return type(x) is tuple and any(map(_has_argument, x))


_OF_SETS = (
    set.union, set.intersection, set.difference, set.symmetric_difference, set.issubset, set.issuperset, set.isdisjoint,
)  # fmt: skip
_SETS = (set, *_OF_SETS[:4])


def _set_of(x: StandIn) -> set[StandIn] | None:
    """The known items of a set in whatever order, which makes no difference to a set that is made of it."""
    if not (isinstance(x, Container) and x.kind == "set" and x.is_static and all(map(is_literal, x.members))):
        return None
    return set(x.members)


_LISTS = (
    list,
    sorted,
    str.split,
    str.splitlines,
    re.findall,
    re.split,
    *(BUILTINS[n].fn for n in ("enumerate", "zip", "reversed")),
)


def is_in(fn: StandIn, table: Collection[Callable[..., Any]]) -> TypeGuard[Callable[..., Any]]:
    """True where `fn` is one of the functions of a table; what has a hash of its own is in none."""
    return looking.can_hash(fn) and fn in table


def as_value(cx: Capture, atom: Atom) -> Value:
    if isinstance(atom, Value):
        return atom
    return cx.t.call(list, atom, effect="none", type=DATA)
