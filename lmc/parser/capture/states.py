"""What can be done to a program state: appending, reading, roles, forking, joining, and lists of states."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lmc.errors import ArgumentError
from lmc.ir.constraint import RUN_TIME_KINDS
from lmc.ir.graph import Atom, Attr, Lit, Value
from lmc.ir.types import DATA, INT, STATE, STATES, STR
from lmc.parser.capture.breaks import graph_break
from lmc.parser.capture.tracer import ProgramRaise, ordinary, wrap
from lmc.parser.capture.values import (
    Box,
    CopyBlock,
    Element,
    Pieces,
    RoleBlock,
    ScopeBlock,
    Stale,
    StateCell,
    Sym,
    is_literal,
    is_ordinary,
)
from lmc.parser.constraints import MADE, parse_constraint
from lmc.parser.primitives import DTYPE_REGEX, ROLES, Expr, GenExpr, RoleBegin, RoleEnd, Row, SelectExpr

if TYPE_CHECKING:
    from lmc.parser.capture.context import Capture


# --- appending -------------------------------------------------------------------------------------------


def append(cx: Capture, cell: StateCell, x: Any) -> None:
    """`cell += x`."""
    if isinstance(x, Row):
        for part in x.parts:
            append(cx, cell, part)
    elif isinstance(x, Expr):
        _APPEND[type(x)](cx, cell, x)
    elif isinstance(x, str | Pieces):
        parts = x.parts if isinstance(x, Pieces) else (x,)
        _append_text(cx, cell, *(p if isinstance(p, Value) else Lit(p) for p in parts if p != ""))
    elif isinstance(x, StateCell):
        raise graph_break("LMC-GB013", cx.t.span, "appending a state (append its text(), or a value of it)")
    else:
        _append_text(cx, cell, _as_text(cx, x))


def _as_text(cx: Capture, x: Any) -> Any:
    if isinstance(x, Sym) and x.type == STR:
        return x.value
    if is_ordinary(x):
        what = f"only text can be appended to a program state, not {type(x).__name__}; use an f-string or str()"
        raise ProgramRaise(TypeError, (what,))
    return cx.t.host("as_text", cx.t.atom(x), type=STR)


def _append_text(cx: Capture, cell: StateCell, *pieces: Any) -> None:
    if not pieces:
        return
    out = cx.t.fresh(STATE, cell)
    cx.t.emit("append", (cx.t.state(cell), *pieces), (out,))
    cx.t.set_state(cell, out, keeps=True)


def _append_role_begin(cx: Capture, cell: StateCell, x: RoleBegin) -> None:
    _step(cx, cell, "role_begin", role=x.role)


def _append_role_end(cx: Capture, cell: StateCell, x: RoleEnd) -> None:
    _step(cx, cell, "role_end", role=x.role)


def _step(cx: Capture, cell: StateCell, op: str, *inputs: Any, **attrs: Attr) -> None:
    out = cx.t.fresh(STATE, cell)
    cx.t.emit(op, (cx.t.state(cell), *inputs), (out,), attrs=attrs)
    if op in ("role_begin", "role_end"):
        cx.t.role[out.name] = str(attrs["role"]) if op == "role_begin" else ""
    cx.t.set_state(cell, out, keeps=True)


def _append_gen(cx: Capture, cell: StateCell, x: GenExpr) -> None:
    attrs: dict[str, Attr] = {}
    keyed: dict[str, Any] = {}
    if x.name is not None:
        _static_or_keyed(cx, "name", x.name, attrs, keyed)
    for name, value in x.params:
        _static_or_keyed(cx, name, value, attrs, keyed)
    if x.boundary is not None:
        attrs["boundary"] = x.boundary
    _constrain(cx, x, attrs, keyed)
    text_type = STR if attrs.get("n", 1) == 1 and "n" not in keyed else DATA
    label = x.name if isinstance(x.name, str) else None
    _call(cx, cell, "gen", text_type, label, attrs, keyed)


def _constrain(cx: Capture, x: GenExpr, attrs: dict[str, Attr], keyed: dict[str, Any]) -> None:
    if x.dtype is not None:
        attrs["dtype"] = x.dtype
        attrs["constraint"] = parse_constraint("regex", DTYPE_REGEX[x.dtype], span=cx.t.span)
        if x.dtype in ("int", "float"):
            stop = attrs.get("stop", ())
            attrs["stop"] = (*((stop,) if isinstance(stop, str) else _tuple_of(stop)), " ", "\n")
        return
    for kind in RUN_TIME_KINDS:
        value = getattr(x, kind)
        if value is None:
            continue
        known = _known_constraint(cx, kind, value)
        if known is not None:
            attrs["constraint"] = parse_constraint(kind, known, x.spacing, cx.t.span)
            continue
        keyed[kind] = cx.t.atom(value)
        if x.spacing is not None:
            attrs["spacing"] = x.spacing


def _known_constraint(cx: Capture, kind: str, value: Any) -> Any:
    """What a constraint is written as, None where only the running program knows."""
    if isinstance(value, (str, *MADE.get(kind, ()))):
        return value
    match kind:
        case "json_schema":
            return value if isinstance(value, type) else _python_or_none(cx, value)
        case "structural_tag":
            return value if is_ordinary(value) else _python_or_none(cx, value)
    return None


def _tuple_of(x: Attr) -> tuple[Any, ...]:
    return x if isinstance(x, tuple) else ()


def _python_or_none(cx: Capture, x: Any) -> Any:
    try:
        return cx.python(x)
    except ValueError:
        return None


def _static_or_keyed(cx: Capture, name: str, value: Any, attrs: dict[str, Attr], keyed: dict[str, Any]) -> None:
    if isinstance(value, Box):
        value = _python_or_none(cx, value) or value
    if isinstance(value, list):
        value = tuple(value)
    if is_literal(value):
        attrs[name] = value
    else:
        keyed[name] = cx.t.atom(value)


def _append_select(cx: Capture, cell: StateCell, x: SelectExpr) -> None:
    attrs: dict[str, Attr] = {"method": x.method}
    keyed: dict[str, Any] = {}
    if x.name is not None:
        _static_or_keyed(cx, "name", x.name, attrs, keyed)
    for name, value in x.params:
        _static_or_keyed(cx, name, value, attrs, keyed)
    if x.boundary is not None:
        attrs["boundary"] = x.boundary
    choices = x.choices
    if isinstance(choices, Box | tuple | list):
        known = _python_or_none(cx, choices)
        choices = tuple(known) if known is not None else choices
    if isinstance(choices, tuple) and is_literal(choices):
        attrs["choices"] = _checked_choices(cx, choices)
    else:
        keyed["choices"] = cx.t.atom(choices)
    _call(cx, cell, "select", STR, x.name if isinstance(x.name, str) else None, attrs, keyed)


def _checked_choices(cx: Capture, choices: tuple[Any, ...]) -> tuple[str, ...]:
    if not choices:
        raise ArgumentError("there are no choices to pick from", span=cx.t.span, help="give at least one text")
    bad = next((c for c in choices if not isinstance(c, str) or not c), None)
    if bad is not None or "" in choices:
        raise ArgumentError(f"{bad!r} is not a choice: choices are texts, none empty", span=cx.t.span)
    return tuple(dict.fromkeys(choices))


def _call(
    cx: Capture, cell: StateCell, op: str, kind: Any, label: str | None, attrs: dict[str, Attr], keyed: dict[str, Any]
) -> None:
    out, text = cx.t.fresh(STATE, cell), cx.t.fresh(kind, label or "text")
    keys = tuple(sorted(keyed))
    before = cx.t.state(cell)
    cx.t.emit(op, (before, *(keyed[k] for k in keys)), (out, text), keys=keys, attrs=attrs)
    known = dict(cx.t.known.get(before.name, {}))
    if label is not None:
        known[label] = text
    elif "name" in keyed:
        known = {}
    cx.t.set_state(cell, out)
    cx.t.known[out.name] = known


_APPEND: dict[type, Callable[[Any, Any, Any], None]] = {
    GenExpr: _append_gen, SelectExpr: _append_select, RoleBegin: _append_role_begin, RoleEnd: _append_role_end,
}  # fmt: skip


# --- reading and writing names ---------------------------------------------------------------------------


def get(cx: Capture, cell: StateCell, name: Any) -> Any:
    """`cell[name]`: the value itself where every path has set it to the same, else a read at run time."""
    state = cx.t.state(cell)
    known = cx.t.known.get(state.name, {}).get(name) if isinstance(name, str) else None
    if known is not None:
        return wrap(cx.t, known, borrowed=True) if isinstance(known, Value) else known.value
    label = name if isinstance(name, str) else None
    out = cx.t.fresh(DATA, label)
    cx.t.emit("get", (state, name_atom(cx, name)), (out,))
    return wrap(cx.t, out, borrowed=True)


def name_atom(cx: Capture, name: Any) -> Atom:
    """A name as an operand: surely a str."""
    return Lit(name) if isinstance(name, str) else cx.t.atom(name) if isinstance(name, Pieces) else _as_text(cx, name)


def set_name(cx: Capture, cell: StateCell, name: Any, value: Any) -> None:
    """`cell[name] = value`."""
    atom = cx.t.atom(value)
    if isinstance(atom, Value) and atom.type.is_state:
        raise graph_break("LMC-GB010", cx.t.span, "`s[name] = ...`")
    before = cx.t.state(cell)
    known = dict(cx.t.known.get(before.name, {}))
    out = cx.t.fresh(STATE, cell)
    cx.t.emit("set", (before, name_atom(cx, name), atom), (out,))
    cx.t.set_state(cell, out)
    cx.t.known[out.name] = {**known, name: atom} if isinstance(name, str) else {}


# --- methods ---------------------------------------------------------------------------------------------


def method(cx: Capture, cell: StateCell, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A method of a state."""
    rule = METHODS.get(name)
    if rule is None:
        raise graph_break("LMC-GB013", cx.t.span, f"`.{name}`")
    return _with_arguments(rule, cx, cell, args, kwargs)


def _with_arguments(rule: Any, cx: Capture, cell: StateCell, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call a rule with the program's arguments; a wrong signature is the user's mistake."""
    try:
        inspect.signature(rule).bind(cx, cell, *args, **kwargs)
    except TypeError as error:
        raise ArgumentError(f"`{rule.__name__.lstrip('_')}`: {error}", span=cx.t.span) from None
    return rule(cx, cell, *args, **kwargs)


def _fork(cx: Capture, cell: StateCell, size: Any = 1, position_ids_offset: Any = None) -> Any:
    before = cx.t.state(cell)
    known = cx.t.known.get(before.name, {})
    parent = cx.t.fresh(STATE, cell)
    if isinstance(size, Sym | Box):
        every = cx.t.fresh(STATES, "forks")
        cx.t.emit("fork_list", (before, cx.t.atom(size)), (parent, every))
        cx.t.set_state(cell, parent, keeps=True)
        return Box(cx.t.born(), "group", every, parent=cell)
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise ArgumentError(f"fork takes a number of children, not {size!r}", span=cx.t.span)
    children = tuple(cx.t.fresh(STATE) for _ in range(size))
    cx.t.emit("fork", (before,), (parent, *children), n=size)
    cx.t.set_state(cell, parent, keeps=True)
    cells = tuple(cx.t.new_cell(c, "fork") for c in children)
    for child in children:
        cx.t.known[child.name] = known
        cx.t.role[child.name] = cx.t.role.get(before.name, "")
    return Box(cx.t.born(), "group", cells, parent=cell)


def _copy(cx: Capture, cell: StateCell, position_ids_offset: Any = None) -> Any:
    child = _fork(cx, cell).content[0]
    copy = CopyBlock(cx.t.born(), child.slots["value"], "copy", cell)
    cx.t.names[child.slots["value"].name] = copy
    return copy


def _text(cx: Capture, cell: StateCell) -> Any:
    return Sym(cx.t.host("text", cx.t.state(cell), type=STR))


def _messages(cx: Capture, cell: StateCell) -> Any:
    return wrap(cx.t, cx.t.host("messages", cx.t.state(cell), type=DATA))


def _meta(cx: Capture, cell: StateCell, name: Any) -> Any:
    return wrap(cx.t, cx.t.host("meta", cx.t.state(cell), name_atom(cx, name), type=DATA), borrowed=True)


def _sync(cx: Capture, cell: StateCell) -> None:
    return None


def _turn(role: str) -> Callable[..., Any]:
    def turn(cx: Capture, cell: StateCell, expr: Any = None) -> Any:
        if expr is None:
            return RoleBlock(cell, role)
        append(cx, cell, Row((RoleBegin(role), expr, RoleEnd(role))))  # type: ignore[arg-type]
        return Row(())

    turn.__name__ = role
    return turn


def _var_scope(cx: Capture, cell: StateCell, name: Any) -> ScopeBlock:
    return ScopeBlock(cell, name)


METHODS: dict[str, Callable[..., Any]] = {
    "fork": _fork, "copy": _copy, "text": _text, "messages": _messages, "get_meta_info": _meta, "sync": _sync,
    "get_var": get, "set_var": set_name, "var_scope": _var_scope, **{role: _turn(role) for role in ROLES},
}  # fmt: skip


def enter(cx: Capture, block: RoleBlock | ScopeBlock | CopyBlock) -> Any:
    """Begin a `with` block; gives what `as` binds."""
    if isinstance(block, CopyBlock):
        return block
    if isinstance(block, RoleBlock):
        _step(cx, block.cell, "role_begin", role=block.role)
    else:
        _step(cx, block.cell, "scope_begin", name_atom(cx, block.name))
    return block.cell


def leave(cx: Capture, block: RoleBlock | ScopeBlock | CopyBlock) -> None:
    """End a `with` block."""
    if isinstance(block, CopyBlock):
        _join_into(cx, block.parent, "join", cx.t.state(block), mode="gather_variable")
    elif isinstance(block, RoleBlock):
        _step(cx, block.cell, "role_end", role=block.role)
    else:
        _step(cx, block.cell, "scope_end", name_atom(cx, block.name))
        known = cx.t.known.get(cx.t.state(block.cell).name, {})
        cx.t.known[cx.t.state(block.cell).name] = {k: v for k, v in known.items() if k != block.name}


# --- groups and lists of states --------------------------------------------------------------------------


def append_group(cx: Capture, group: Box, x: Any) -> None:
    """`forks += x`: to each child; a list gives one to each, a callable is asked with the index."""
    cells = [element(cx, group, i) for i in range(len(group.content))] if group.is_static else None
    if cells is None:
        cx.each_element(group, lambda i, cell: append(cx, cell, cx.call(x, (i,), {}) if cx.is_function(x) else x))
        return
    if isinstance(x, Box | tuple | list):
        items = cx.static_items(x)
        if len(items) != len(cells):
            raise ArgumentError(f"{len(items)} texts for {len(cells)} forks", span=cx.t.span)
        for cell, part in zip(cells, items):
            append(cx, cell, part)
        return
    for index, cell in enumerate(cells):
        append(cx, cell, cx.call(x, (index,), {}) if cx.is_function(x) else x)


def join(cx: Capture, group: Box, mode: Any = "gather_variable") -> None:
    """`forks.join()`: the parent gets what the children set, a list a name."""
    if mode not in ("gather_variable", "concate_and_append"):
        raise ArgumentError(f"unknown join mode {mode!r}", span=cx.t.span, help="gather_variable or concate_and_append")
    assert group.parent is not None
    if group.is_static:
        _join_into(cx, group.parent, "join", *(cx.t.state(c) for c in group.content), mode=mode)
    else:
        _join_into(cx, group.parent, "join_list", group.content, mode=mode)


def _join_into(cx: Capture, parent: StateCell, op: str, *children: Value, mode: str) -> None:
    out = cx.t.fresh(STATE, parent)
    cx.t.emit(op, (cx.t.state(parent), *children), (out,), mode=mode)
    cx.t.set_state(parent, out)
    cx.t.known[out.name] = {}


def element(cx: Capture, box: Box, index: Any) -> StateCell:
    """`states[index]`: the cell itself where the index is known."""
    if box.is_static and isinstance(index, int):
        cell = ordinary(lambda: box.content[index])
        assert isinstance(cell, StateCell)
        return cell
    if box.is_static:
        _move_in(cx, box)
    if box.window is not None:
        source, order = box.window
        return element(cx, source, Sym(cx.t.host("item", order, cx.t.atom(index), type=INT)))
    return Element(cx.t.born(), box, index, "fork")


def length(cx: Capture, box: Box) -> Any:
    """How many states are in a list of them."""
    if box.is_static:
        return len(box.content)
    return Sym(cx.t.host("states_len", box.content, type=INT))


def gather(cx: Capture, box: Box, order: Any) -> Box:
    """The states at the given indices, as a list of its own that shows the states of the old one."""
    if box.is_static:
        _move_in(cx, box)
    index, every = cx.t.atom(order), cx.t.box_value(box)
    assert isinstance(index, Value)
    made = Box(cx.t.born(), "list", cx.t.host("states_gather", every, index, type=STATES), borrowed=True)
    made.window, made.seen = (box, index), every
    cx.t.write(box, "shown", True)
    return made


def all_of(cx: Capture, box: Box) -> Box:
    """A new list of the same states."""
    every = cx.t.call(range, cx.t.atom(length(cx, box)), effect="none", type=DATA)
    return gather(cx, box, Sym(every))


def _move_in(cx: Capture, box: Box) -> None:
    """From here on the states live in the run-time list; their other names must not be read once they change."""
    cells = box.content
    cx.t.write(box, "content", cx.t.box_value(box))
    cx.t.alias_box(box, cells)


def cut(cx: Capture, box: Box, bounds: list[Any]) -> Box:
    """A slice of a list of states."""
    count = cx.t.atom(length(cx, box))
    every = cx.t.call(range, count, effect="none", type=DATA)
    part = cx.t.host("slice", every, *(cx.t.atom(b) for b in bounds), type=DATA)
    return gather(cx, box, Sym(cx.t.call(list, part, effect="none", type=DATA)))


def push(cx: Capture, box: Box, x: Any) -> None:
    """`states.append(x)` on a run-time list of states; from then on `x` is a second name of an element."""
    if not isinstance(x, StateCell):
        raise graph_break("LMC-GB017", cx.t.span, "something that is not a state is appended")
    out = cx.t.fresh(STATES)
    cx.t.write(box, "resized", cx.t.born())
    cx.t.emit("states_append", (box.content, cx.t.state(x)), (out,))
    cx.t.write(box, "content", out)
    cx.t.alias_box(box, (x,))


def push_all(cx: Capture, box: Box, xs: Any) -> None:
    """`states.extend(xs)`."""
    items = cx.items_or_none(xs)
    if items is not None:
        for x in items:
            push(cx, box, x)
        return
    if not (isinstance(xs, Box) and xs.holds_states):
        raise graph_break("LMC-GB017", cx.t.span, "extended by something that is no list of states")
    cx.each_element(xs, lambda i, cell: _push_value(cx, box, cx.t.state(cell)))
    cx.t.write(xs, "stale", Stale("the list that was extended", cx.t.span))


def _push_value(cx: Capture, box: Box, value: Value) -> None:
    out = cx.t.fresh(STATES)
    cx.t.write(box, "resized", cx.t.born())
    cx.t.emit("states_append", (box.content, value), (out,))
    cx.t.write(box, "content", out)


def pop(cx: Capture, box: Box) -> StateCell:
    """`states.pop()`: the last state, which is in the list no more."""
    if "shown" in box.slots:
        raise graph_break("LMC-GB017", cx.t.span, "`.pop` after a part of it was taken")
    cx.t.write(box, "resized", cx.t.born())
    value = cx.t.fresh(STATE)
    cx.t.emit("states_item", (box.content, Lit(-1)), (value,))
    rest = cut(cx, box, [None, -1, None])
    cx.t.write(box, "content", rest.content)
    cell = cx.t.new_cell(value, "fork")
    cx.t.alias(cell, [c for c in box.aliases if isinstance(c, StateCell)])
    return cell
