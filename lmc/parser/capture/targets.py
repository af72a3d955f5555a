"""Binding: names, attributes, items, and taking a value apart into several targets."""

from __future__ import annotations

import ast

from lmc.codes import LIST_OF_STATES, NO_RULE, NOT_A_STATES_METHOD
from lmc.ir.builtins import unpack_starred
from lmc.ir.graph import Lit, Value
from lmc.ir.types import ANY, DATA
from lmc.parser.capture import choices, expressions, fixed, objects
from lmc.parser.capture.breaks import graph_break
from lmc.parser.capture.context import Capture
from lmc.parser.capture.iteration import as_walked
from lmc.parser.capture.methods import set_item
from lmc.parser.capture.slices import index_of, set_slice
from lmc.parser.capture.tracer import ProgramRaise, has_live, kind, wrap
from lmc.parser.capture.values import (
    Choice,
    Container,
    Frame,
    LazyStr,
    StandIn,
    StateCell,
    Sym,
    Tracked,
    known_items,
)


def assign(cx: Capture, target: ast.expr, value: StandIn, *, skip_comprehensions: bool = False) -> None:
    """Bind a target."""
    if isinstance(target, ast.Name):
        _assign_name(cx, target.id, value, skip_comprehensions)
    elif isinstance(target, ast.Tuple | ast.List):
        _unpack(cx, target.elts, value)
    elif isinstance(target, ast.Subscript):
        owner, index = expressions.place(cx, target.value), index_of(cx, target.slice)
        (set_slice if isinstance(target.slice, ast.Slice) else set_item)(cx, owner, index, value)
    elif isinstance(target, ast.Attribute):
        _assign_attribute(cx, target, value)
    else:
        raise graph_break(NO_RULE, cx.t.span, "assignment to this target")


def _assign_name(cx: Capture, name: str, value: StandIn, skip_comprehensions: bool) -> None:
    frame: Frame | None = cx.frame
    if name.startswith("$"):
        cx.t.write(cx.frame, name, value)
        return
    while frame is not None and (not frame.scope.is_local(name) or (skip_comprehensions and frame.is_comprehension)):
        if frame.scope.is_global(name):
            with cx.in_frame(frame):
                cx.set_global(name, value)
            return
        frame = frame.parent
    if frame is None:  # a variable of a function around the program, which has ended
        raise graph_break(NO_RULE, cx.t.span, f"binding `{name}`, a variable of a function around the program,")
    fixed.check_held(cx, value)
    _name_after(cx, name, value)
    cx.t.write(frame, name, value)


def _name_after(cx: Capture, name: str, value: StandIn) -> None:
    """Let the graph use the user's name."""
    if name.startswith("$"):
        return
    if isinstance(value, StateCell) and value.hint in ("s", "fork", "copy"):
        value.hint = name
    elif isinstance(value, Sym):
        cx.t.names.setdefault(value.value.name, name)
    elif isinstance(value, Container) and isinstance(value.content, Value):
        cx.t.names.setdefault(value.content.name, name)


def _assign_attribute(cx: Capture, target: ast.Attribute, value: StandIn) -> None:
    owner = cx.eval(target.value)
    cx.at(target)
    set_attribute(cx, owner, target.attr, value)


def set_attribute(cx: Capture, owner: StandIn, name: str, value: StandIn) -> None:
    """`owner.name = value`."""
    if isinstance(owner, Tracked):
        _name_after(cx, name, value)
        objects.set_attribute(cx, owner, name, value)
        return
    if isinstance(owner, Choice):
        choices.each(cx, owner, lambda option: set_attribute(cx, option, name, value))
        return
    if isinstance(owner, StateCell | Container | LazyStr):
        raise graph_break(NOT_A_STATES_METHOD, cx.t.span, f"assigning `.{name}`")
    fixed.check_set(cx, owner, name)
    if isinstance(owner, type):
        objects.change_class(cx, owner, name, value)
    cx.t.call(setattr, cx.t.atom(owner), Lit(name), cx.argument(value))


def _unpack(cx: Capture, targets: list[ast.expr], value: StandIn) -> None:
    value = as_walked(cx, value)
    items = known_items(value)
    if items is None:
        at = next((i for i, t in enumerate(targets) if isinstance(t, ast.Starred)), None)
        if at is not None:
            parts = (Lit(at), Lit(len(targets) - at - 1), cx.t.value_atom(value))
            live = has_live(value)
            made = cx.t.call(unpack_starred, *parts, effect="ordered" if live else "none", type=ANY if live else DATA)
            value = Sym(made)
        items = _unpacked(cx, value, len(targets))
    elif any(isinstance(t, ast.Starred) for t in targets):
        items = _starred(cx, targets, items)
    if len(items) != len(targets):
        few = len(items) < len(targets)
        got = f"not enough values to unpack (expected {len(targets)}, got {len(items)})"
        raise ProgramRaise(ValueError, (got if few else f"too many values to unpack (expected {len(targets)})",))
    for target, item in zip(targets, items):
        assign(cx, target.value if isinstance(target, ast.Starred) else target, item)


def _unpacked(cx: Capture, value: StandIn, num: int) -> tuple[StandIn, ...]:
    if isinstance(value, Container) and value.holds_states:
        raise graph_break(LIST_OF_STATES, cx.t.span, "unpacking a list of unknown length")
    atom = cx.t.value_atom(value)
    odd = kind(atom).name in ("any", "ref")
    outs = tuple(cx.t.fresh(ANY if odd else DATA) for _ in range(num))
    cx.t.emit("unpack", (atom,), outs, n=num)
    for out in outs:
        cx.t.keep_tame(out, atom)
    return tuple(wrap(cx.t, o, borrowed=True) for o in outs)


def _starred(cx: Capture, targets: list[ast.expr], items: tuple[StandIn, ...]) -> tuple[StandIn, ...]:
    at = next(i for i, t in enumerate(targets) if isinstance(t, ast.Starred))
    after = len(targets) - at - 1
    if len(items) < at + after:
        got = f"not enough values to unpack (expected at least {at + after}, got {len(items)})"
        raise ProgramRaise(ValueError, (got,))
    middle = cx.placed(Container(cx.t.born(), "list", items[at : len(items) - after]), targets[at], "starred")
    return (*items[:at], middle, *items[len(items) - after :])


def named_node(cx: Capture, node: ast.NamedExpr) -> StandIn:
    """`(x := value)`: in a comprehension it binds a name of the function outside."""
    value = cx.eval(node.value)
    assign(cx, node.target, value, skip_comprehensions=True)
    return value
