"""Lists of states: fork groups and what is made of them, by index and by element.

A list whose structure is known holds cells. Once an index is known only when the program runs the list becomes one
run-time value, `list[state]`; its elements are then read from it and written back to it, and the cells that were in it
may not be read once it changes.
"""

from __future__ import annotations

import ast
from collections.abc import Callable

from lmc.codes import LIST_OF_STATES
from lmc.ir.graph import Lit, Value
from lmc.ir.types import DATA, INT, STATE, STATES
from lmc.parser.capture.breaks import graph_break
from lmc.parser.capture.context import Capture
from lmc.parser.capture.loop_region import Region
from lmc.parser.capture.tracer import ordinary
from lmc.parser.capture.values import Container, Element, StandIn, StateCell, Sym


def element(cx: Capture, container: Container, index: StandIn) -> StateCell:
    """`states[index]`: the cell itself where the index is known."""
    if container.is_static and isinstance(index, int):
        cell = ordinary(lambda: container.members[index])
        assert isinstance(cell, StateCell)
        return cell
    if container.is_static:
        _move_in(cx, container)
    if container.window is not None:
        source, order = container.window
        return element(cx, source, Sym(cx.t.host("item", order, cx.t.atom(index), type=INT)))
    return Element(cx.t.born(), container, index, "fork")


def length(cx: Capture, container: Container) -> StandIn:
    """How many states are in a list of them."""
    if container.is_static:
        return len(container.members)
    return Sym(cx.t.host("states_len", container.value, type=INT))


def gather(cx: Capture, container: Container, order: StandIn) -> Container:
    """The states at the given indices, as a list of its own that shows the states of the old one."""
    if container.is_static:
        _move_in(cx, container)
    index, every = cx.t.atom(order), cx.t.container_value(container)
    assert isinstance(index, Value)
    made = Container(cx.t.born(), "list", cx.t.host("states_gather", every, index, type=STATES), borrowed=True)
    made.window, made.seen = (container, index), every
    cx.t.write(container, "$shown", True)
    return made


def all_of(cx: Capture, container: Container) -> Container:
    """A new list of the same states."""
    every = cx.t.call(range, cx.t.atom(length(cx, container)), effect="none", type=DATA)
    return gather(cx, container, Sym(every))


def cut(cx: Capture, container: Container, bounds: list[StandIn]) -> Container:
    """A slice of a list of states."""
    count = cx.t.atom(length(cx, container))
    every = cx.t.call(range, count, effect="none", type=DATA)
    part = cx.t.host("slice", every, *(cx.t.atom(b) for b in bounds), type=DATA)
    return gather(cx, container, Sym(cx.t.call(list, part, effect="none", type=DATA)))


def _move_in(cx: Capture, container: Container) -> None:
    """From here on the states live in the run-time list; their other names must not be read once they change."""
    cells = container.content
    cx.t.write(container, "content", cx.t.container_value(container))
    cx.t.alias_elements(container, cells)


def push(cx: Capture, container: Container, x: StandIn) -> None:
    """`states.append(x)` on a run-time list of states; from then on `x` is a second name of an element."""
    if not isinstance(x, StateCell):
        raise graph_break(LIST_OF_STATES, cx.t.span, "something that is not a state is appended")
    out = cx.t.fresh(STATES)
    cx.t.write(container, "$resized", cx.t.born())
    cx.t.emit("states_append", (container.value, cx.t.state(x)), (out,))
    cx.t.write(container, "content", out)
    cx.t.alias_elements(container, (x,))


def pop(cx: Capture, container: Container) -> StateCell:
    """`pop()`: the last state, which is in the list no more."""
    if "$shown" in container.fields:
        raise graph_break(LIST_OF_STATES, cx.t.span, "`.pop` after a part of it was taken")
    cx.t.write(container, "$resized", cx.t.born())
    value = cx.t.fresh(STATE)
    cx.t.emit("states_item", (container.value, Lit(-1)), (value,))
    rest = cut(cx, container, [None, -1, None])
    cx.t.write(container, "content", rest.content)
    cell = cx.t.new_cell(value, "fork")
    cx.t.alias(cell, [c for c in container.aliases if isinstance(c, StateCell)])
    return cell


def each_element(cx: Capture, container: Container, body: Callable[[StandIn, StateCell], None]) -> None:
    """Do something to every element of a run-time list of states."""
    walk = cx.t.call(range, cx.t.atom(length(cx, container)), effect="none", type=DATA)
    holder = ast.Pass()
    ast.copy_location(holder, cx.node)
    Region(cx, holder, "for", (walk,), INT, lambda index: body(index, element(cx, container, index))).trace()
