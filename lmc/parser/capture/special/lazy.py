"""What gives an iterator, or walks over one: `zip`, `map`, `any`, `next`, `itertools.chain`."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from typing import Any

from lmc.codes import CHANGED_WHILE_WALKED, DEFERRED, STATE_GIVEN_AWAY
from lmc.errors import CaptureError
from lmc.ir.builtins import PURE
from lmc.ir.graph import Value
from lmc.ir.types import BOOL
from lmc.parser.capture import comprehensions, rows, state_lists
from lmc.parser.capture.breaks import graph_break
from lmc.parser.capture.context import Capture
from lmc.parser.capture.exits import under
from lmc.parser.capture.expressions import binary, is_text
from lmc.parser.capture.generators import check_mapped
from lmc.parser.capture.iteration import (
    as_walked,
    filter_over,
    has_code,
    is_live,
    is_stepped,
    iterator,
    listed,
    map_over,
    unchanged,
)
from lmc.parser.capture.special.pure import as_value, is_in, pure
from lmc.parser.capture.tracer import Arm, ProgramRaise, ordinary, wrap
from lmc.parser.capture.values import (
    MAX_UNROLL,
    Columns,
    Container,
    Generator,
    Once,
    StandIn,
    has_state,
    is_ordinary,
    known_items,
)
from lmc.parser.capture.watched import since_made


def _enumerate(cx: Capture, x: StandIn, /, start: StandIn = 0) -> StandIn:
    made = _once(cx, "enumerate", lambda: _enumerated(cx, x, start), x)
    return _as_builtin(made, enumerate, x, start)


def _enumerated(cx: Capture, x: StandIn, start: StandIn) -> StandIn:
    x = listed(cx, x)
    items = known_items(x)
    if isinstance(start, int):
        if items is not None:
            return tuple(enumerate(items, start))
        if isinstance(x, Columns) or (isinstance(x, Container) and x.holds_states):
            return Columns((start, x))
    return pure(cx, enumerate, (x, start), {})


# what these give is an iterator: made only where it is walked over, and once, from what its sources hold by then
def _once(cx: Capture, name: str, make: Callable[[], StandIn], *sources: StandIn, has_code: bool = False) -> Once:
    made = Once(cx.t.born(), name, make, sources, has_code=has_code)
    made.since = since_made(cx.t, (made,))
    return made


def _as_builtin(made: Once, builtin: Callable[..., Any], *args: StandIn, **kwargs: StandIn) -> Once:
    """Say which iterator of Python's it is, for where it is stepped at run time."""
    made.builtin, made.args, made.kwargs = builtin, args, kwargs
    return made


def _zip(cx: Capture, *xs: StandIn, strict: StandIn = False) -> StandIn:
    mixed = len(xs) > 1 and any(has_code(cx, x) for x in xs)
    # zip takes from each in turn: the code of one would run between the items of the others
    if mixed:
        raise graph_break(DEFERRED, cx.t.span, "a part of `zip`")
    made = _once(cx, "zip", lambda: _zipped(cx, xs, strict), *xs)
    return _as_builtin(made, zip, *xs, **({} if strict is False else {"strict": strict}))


def _zipped(cx: Capture, xs: tuple[StandIn, ...], strict: StandIn) -> StandIn:
    by_index = any(isinstance(x, Container) and x.holds_states for x in xs)
    if by_index and any(is_stepped(x, cx) for x in xs):
        raise graph_break(DEFERRED, cx.t.span, "a part of `zip`")
    columns = [as_walked(cx, x) for x in xs]
    known = [known_items(x) for x in columns]
    if all(k is not None for k in known) and isinstance(strict, bool):
        lengths = {len(k) for k in known if k is not None}
        if not strict or len(lengths) < 2:
            return tuple(zip(*(k for k in known if k is not None)))
    if any(isinstance(c, Container) and c.holds_states for c in columns) and strict is False:
        return Columns(tuple(_column(cx, columns, place) for place in range(len(columns))))
    return pure(cx, zip, tuple(columns), {} if strict is False else {"strict": strict})


def _column(cx: Capture, columns: list[StandIn], place: int) -> StandIn:
    """What can be asked for its items by number: a list of states, a list, a text; a list of all else."""
    x = columns[place]
    if isinstance(x, Container) and (x.holds_states or x.kind == "list"):
        return x
    items = known_items(x)
    if items is not None and not (isinstance(x, Container) and x.kind == "set"):
        return Container(cx.t.born(), "list", items)
    if is_text(x):
        return wrap(cx.t, as_value(cx, cx.t.atom(x)))
    if not is_live(x):
        return cx.call(list, (x,), {})
    # as many as zip would take, which asks each in turn and stops where the states end
    [at, *others] = [at for at, c in enumerate(columns) if isinstance(c, Container) and c.holds_states]
    if others:
        raise graph_break(DEFERRED, cx.t.span, "a part of `zip`")
    states = columns[at]
    assert isinstance(states, Container)
    num = binary(cx, "+", state_lists.length(cx, states), int(place < at))
    return cx.call(list, (cx.call(itertools.islice, (x, num), {}),), {})


def _reversed(cx: Capture, x: StandIn, /) -> StandIn:
    before = _extent(x) if isinstance(x, Container) else ()
    return _as_builtin(_once(cx, "reversed", lambda: _backwards(cx, x, before), x), reversed, x)


def _extent(x: Container) -> StandIn:
    """What tells whether items have come or gone: a run-time list of states has the same ones, whatever they say."""
    return x.fields.get("$resized") if x.holds_states and not x.is_static else x.content


def _backwards(cx: Capture, x: StandIn, before: StandIn) -> StandIn:
    """From the end as it was when `reversed` was called."""
    items = known_items(x)
    if items is not None and not (isinstance(x, Container) and x.kind == "set"):
        # a list that has become shorter than where it was to begin has nothing to give
        end = len(before) if isinstance(x, Container) and isinstance(before, tuple) else len(items)
        return items[:end][::-1] if end <= len(items) else ()
    if isinstance(x, Container) and _extent(x) is not before:
        raise graph_break(CHANGED_WHILE_WALKED, cx.t.span)
    if isinstance(x, Container) and x.holds_states:
        return state_lists.cut(cx, x, [None, None, -1])
    return pure(cx, reversed, (x,), {})


def _range(cx: Capture, *bounds: StandIn) -> StandIn:
    if all(isinstance(b, int) for b in bounds):
        return ordinary(range, *bounds)
    return NotImplemented


def _any(cx: Capture, x: StandIn, /) -> StandIn:
    return _first_of(cx, any, x, True)


def _all(cx: Capture, x: StandIn, /) -> StandIn:
    return _first_of(cx, all, x, False)


def _first_of(cx: Capture, fn: Callable[..., Any], x: StandIn, stop_when: bool) -> StandIn:
    """`any` or `all`, which leave the rest alone once one item has settled it."""
    if isinstance(x, Generator):
        return comprehensions.first(cx, x, stop_when, not stop_when)[0]
    if has_code(cx, x):
        raise graph_break(DEFERRED, cx.t.span, f"what `{fn.__name__}` walks over")
    return pure(cx, fn, (iterator(cx, x),), {}) if is_stepped(x, cx) else NotImplemented


def _next(cx: Capture, x: StandIn, /, *default: StandIn) -> StandIn:
    if isinstance(x, Once):
        raise graph_break(DEFERRED, cx.t.span, f"`next` of `{x.name}`")
    if not isinstance(x, Generator):
        return NotImplemented
    span = cx.t.span
    one, found = comprehensions.first(cx, x, None, default[0] if default else None)
    cx.t.span = span
    if not default:
        _stop_unless(cx, cx.truth(found))
    return one


def _stop_unless(cx: Capture, found: bool | Value) -> None:
    """`next` of what has nothing more to give."""

    def stop() -> None:
        raise ProgramRaise(StopIteration)

    if isinstance(found, bool):
        return None if found else stop()
    under(cx, cx.t.host("unary", found, type=BOOL, op="not"), stop)


def _shuffled(fn: Callable[..., Any], *, at_once: bool) -> Callable[..., Any]:
    """A function of itertools that only picks among the items; `at_once`: it takes them all when it is called."""

    def rule(cx: Capture, /, *args: StandIn, **kwargs: StandIn) -> StandIn:
        if any(has_code(cx, a) for a in args) or not all(map(_is_plain_number, kwargs.values())):
            return NotImplemented
        if not any(has_state(a) or _has_object(a) for a in args):
            return NotImplemented

        def make() -> StandIn:
            given = [a if _is_plain_number(a) else known_items(listed(cx, a)) for a in args]
            if any(a is None and b is not None for a, b in zip(given, args)):
                raise graph_break(STATE_GIVEN_AWAY, cx.t.span, f"`{fn.__name__}`")
            return tuple(ordinary(lambda: list(fn(*given, **kwargs))))

        if at_once:
            made = make()
            return _once(cx, fn.__name__, lambda: made)
        return _once(cx, fn.__name__, make, *(a for a in args if not _is_plain_number(a)))

    return rule


def _is_plain_number(x: StandIn) -> bool:
    return x is None or type(x) is int


def _has_object(x: StandIn) -> bool:
    items = known_items(x)
    return items is not None and any(map(rows.holds_more, items))


def _map(cx: Capture, fn: StandIn, /, *xs: StandIn) -> StandIn:
    if len(xs) != 1:
        return NotImplemented
    made = _once(cx, "map", lambda: _mapped(cx, fn, xs[0]), *xs, has_code=not _is_quiet(fn))
    return _as_builtin(made, map, fn, *xs)


def _is_quiet(fn: StandIn) -> bool:
    """True for a function that does the same whenever it is called."""
    return fn is None or (is_ordinary(fn) and is_in(fn, PURE))


def _mapped(cx: Capture, fn: StandIn, x: StandIn) -> StandIn:
    return map_over(cx, x, lambda i: check_mapped(cx, lambda: cx.call(fn, (i,), {})))


def _filter(cx: Capture, fn: StandIn, x: StandIn, /) -> StandIn:
    def keep(i: StandIn) -> StandIn:
        return i if fn is None else check_mapped(cx, lambda: cx.call(fn, (i,), {}))

    made = _once(cx, "filter", lambda: filter_over(cx, x, keep), x, has_code=not _is_quiet(fn))
    return _as_builtin(made, filter, fn, x)


def _reduce(cx: Capture, fn: StandIn, x: StandIn, /, *initial: StandIn) -> StandIn:
    """One call after the other where the items are known, as the function may be given states and change them."""
    if has_code(cx, x) or len(initial) > 1 or not _is_in_sight(x):
        return NotImplemented
    arm = Arm(cx.t, sure=True)
    try:
        with arm.open(), unchanged(cx, x):
            every = (*initial, *(known_items(listed(cx, x)) or ()))
            if not every:
                raise ProgramRaise(TypeError, ("reduce() of empty iterable with no initial value",))
            made = functools.reduce(lambda had, item: cx.call(fn, (had, item), {}), every)
    except ProgramRaise:  # what was traced up to the exception does happen
        arm.commit()
        raise
    except CaptureError:
        if any(map(has_state, (x, *initial))):
            raise
        return NotImplemented  # Python can call it
    arm.commit()
    return made


def _is_in_sight(x: StandIn) -> bool:
    """True where the trace knows the items, and their order without being told it."""
    if isinstance(x, Once):
        return x.name in ("zip", "enumerate", "map", "reversed") and all(map(_is_in_sight, x.sources))
    if isinstance(x, Container) and x.kind == "set":
        return False
    items = None if isinstance(x, Generator) else known_items(x)
    return items is not None and len(items) <= MAX_UNROLL


RULES: dict[Callable[..., Any], Callable[..., Any]] = {
    enumerate: _enumerate, zip: _zip, reversed: _reversed, range: _range, any: _any, all: _all, next: _next,
    map: _map, filter: _filter, functools.reduce: _reduce,
    **{fn: _shuffled(fn, at_once=True) for fn in (
        itertools.combinations, itertools.permutations, itertools.product, itertools.combinations_with_replacement)},
    **{fn: _shuffled(fn, at_once=False) for fn in (
        itertools.chain, itertools.islice, itertools.pairwise, itertools.zip_longest)},
}  # fmt: skip
