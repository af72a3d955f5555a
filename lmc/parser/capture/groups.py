"""What is done to a group of forks, or to a whole list of states, at once: appending to each, joining, extending."""

from __future__ import annotations

from types import FunctionType

from lmc.codes import LIST_OF_STATES
from lmc.errors import ArgumentError
from lmc.ir.graph import Value
from lmc.ir.types import STATES
from lmc.parser.capture.breaks import graph_break
from lmc.parser.capture.context import Capture
from lmc.parser.capture.iteration import static_items
from lmc.parser.capture.state_lists import each_element, element, push
from lmc.parser.capture.states import append, join_into
from lmc.parser.capture.values import Closure, Container, Stale, StandIn, known_items, states_in


def append_group(cx: Capture, group: Container, x: StandIn) -> None:
    """`forks += x`: to each child; a list gives one to each, a callable is asked with the index."""
    cells = [element(cx, group, i) for i in range(len(group.members))] if group.is_static else None
    if cells is None:
        each_element(
            cx,
            group,
            lambda i, cell: append(cx, cell, cx.call(x, (i,), {}) if isinstance(x, Closure | FunctionType) else x),
        )
        return
    if isinstance(x, Container | tuple | list):
        items = static_items(cx, x)
        if len(items) != len(cells):
            raise ArgumentError(f"{len(items)} texts for {len(cells)} forks", span=cx.t.span)
        for cell, part in zip(cells, items):
            append(cx, cell, part)
        return
    for index, cell in enumerate(cells):
        append(cx, cell, cx.call(x, (index,), {}) if isinstance(x, Closure | FunctionType) else x)


def join(cx: Capture, group: Container, mode: StandIn = "gather_variable") -> None:
    """`forks.join()`: the parent gets what the children set, a list a name."""
    if mode not in ("gather_variable", "concate_and_append"):
        raise ArgumentError(f"unknown join mode {mode!r}", span=cx.t.span, help="gather_variable or concate_and_append")
    assert group.parent is not None
    if group.is_static:
        join_into(cx, group.parent, "join", *(cx.t.state(c) for c in states_in(group.content)), mode=mode)
    else:
        join_into(cx, group.parent, "join_list", group.value, mode=mode)


def push_all(cx: Capture, container: Container, xs: StandIn) -> None:
    """`states.extend(xs)`."""
    items = known_items(xs)
    if items is not None:
        for x in items:
            push(cx, container, x)
        return
    if not (isinstance(xs, Container) and xs.holds_states):
        raise graph_break(LIST_OF_STATES, cx.t.span, "extended by something that is not a list of states")
    each_element(cx, xs, lambda i, cell: _push_value(cx, container, cx.t.state(cell)))
    cx.t.write(xs, "$stale", Stale("the list that was extended", cx.t.span))


def _push_value(cx: Capture, container: Container, value: Value) -> None:
    out = cx.t.fresh(STATES)
    cx.t.write(container, "$resized", cx.t.born())
    cx.t.emit("states_append", (container.value, value), (out,))
    cx.t.write(container, "content", out)
