"""What can be done to a program state: appending, reading, roles, forking, joining, and lists of states."""

from __future__ import annotations

import ast
import copy
import inspect
from collections.abc import Callable
from typing import Any, cast

from lmc.codes import CHOSEN_EXPRESSION, INNER_SAMPLING, NOT_A_STATES_METHOD, STATE_GIVEN_AWAY
from lmc.errors import ArgumentError
from lmc.ir.constraint import RUN_TIME_KINDS, closed
from lmc.ir.documents import Documented, with_documents
from lmc.ir.graph import Atom, Attr, Lit, Value
from lmc.ir.ops import not_a_name, not_text
from lmc.ir.output import value_type
from lmc.ir.params import check_closed
from lmc.ir.reasoning import REASONING_NAME
from lmc.ir.types import ANY, DATA, FLOAT, REF, STATE, STATES, STR, Type
from lmc.parser.capture import choices
from lmc.parser.capture.breaks import graph_break
from lmc.parser.capture.context import Capture
from lmc.parser.capture.out_of_sight import reaches_words
from lmc.parser.capture.tracer import NOTHING_KNOWN, ProgramRaise, has_live, wrap
from lmc.parser.capture.values import (
    MAX_UNROLL,
    VARIABLES_SITE,
    Choice,
    Container,
    CopyBlock,
    LazyStr,
    RoleBlock,
    ScopeBlock,
    StandIn,
    StateCell,
    Sym,
    has_state,
    is_literal,
    is_ordinary,
    states_in,
)
from lmc.parser.constraints import MADE, parse_constraint
from lmc.parser.primitives import (
    DTYPE_REGEX,
    LEFT_OUT,
    ROLES,
    TURNS,
    Concat,
    Expr,
    GenExpr,
    RoleBegin,
    RoleEnd,
    SelectExpr,
)

# --- appending -------------------------------------------------------------------------------------------


def append(cx: Capture, cell: StateCell, x: StandIn) -> None:
    """`cell += x`."""
    if isinstance(x, Concat):
        for part in x.parts:
            append(cx, cell, part)
    elif isinstance(x, Expr):
        _APPEND[type(x)](cx, cell, x)
    elif type(x) is str or isinstance(x, LazyStr):
        parts = x.parts if isinstance(x, LazyStr) else (x,)
        _append_text(cx, cell, *(p if isinstance(p, Value) else Lit(p) for p in parts if p != ""))
    elif isinstance(x, Choice):
        choices.each(cx, x, lambda option: append(cx, cell, option))
    elif isinstance(x, StateCell):
        raise graph_break(NOT_A_STATES_METHOD, cx.t.span, "appending a state (append its text(), or a value of it)")
    else:
        _append_text(cx, cell, _as_text(cx, x))


def _as_text(cx: Capture, x: StandIn, *, is_name: bool = False) -> Atom:
    if isinstance(x, Sym) and x.type == STR:
        return x.value
    if isinstance(x, str):
        return Lit(str.__str__(x))  # of a class of its own, such as an Enum's: what it holds, not what it prints as
    if is_ordinary(x):
        raise ProgramRaise(TypeError, (not_a_name if is_name else not_text)(x).args)
    # a name space of a module says nothing of what is called
    called = (*(each for each in cx.t.objects.values() if type(each) is not dict), *cx.outside)
    if has_live(x) and any(map(reaches_words, called)):
        raise graph_break(CHOSEN_EXPRESSION, cx.t.span)
    return cx.t.host("as_text", cx.t.atom(x), type=STR, attrs={"is_name": True} if is_name else {})


def _append_text(cx: Capture, cell: StateCell, *texts: Atom) -> None:
    if not texts:
        return
    out = cx.t.fresh(STATE, cell)
    cx.t.emit("append", (cx.t.state(cell), *texts), (out,))
    cx.t.set_state(cell, out, keeps=True)


def _append_role_begin(cx: Capture, cell: StateCell, x: RoleBegin) -> None:
    _step(cx, cell, "role_begin", role=x.role)


def _append_role_end(cx: Capture, cell: StateCell, x: RoleEnd) -> None:
    _step(cx, cell, "role_end", role=x.role)


def _step(cx: Capture, cell: StateCell, op: str, *inputs: Atom, **attrs: Attr) -> None:
    out = cx.t.fresh(STATE, cell)
    cx.t.emit(op, (cx.t.state(cell), *inputs), (out,), attrs=attrs)
    if op in ("role_begin", "role_end"):
        cx.t.role[out.name] = str(attrs["role"]) if op == "role_begin" else ""
    cx.t.set_state(cell, out, keeps=True)


def _append_gen(cx: Capture, cell: StateCell, x: GenExpr) -> None:
    attrs: dict[str, Attr] = {}
    keyed: dict[str, Atom] = {}
    if x.name is not None:
        _static_or_keyed(cx, "name", x.name, attrs, keyed)
    for name, value in x.params:
        _static_or_keyed(cx, name, value, attrs, keyed)
    if x.boundary is not None:
        attrs["boundary"] = x.boundary
    if x.reasoning is not None:
        attrs["reasoning"] = x.reasoning
    _constrain(cx, x, attrs, keyed)
    for name, value in cx.settings.items():
        if name != "closed" and name not in attrs and name not in keyed:
            _static_or_keyed(cx, name, value, attrs, keyed)
    made = value_type(x.dtype, x.output)
    if x.output is not None:
        attrs["fn"] = cx.t.extern(x.output, "none", made)
    is_one = attrs.get("n", 1) == 1 and "n" not in keyed
    text_type = made if is_one or made == REF else DATA
    cx.names_are_live |= made == REF
    label = x.name if isinstance(x.name, str) else None
    _call(cx, cell, "gen", text_type, label, attrs, keyed)
    if x.reasoning is not None and label is not None:
        out = cx.t.state(cell).name
        cx.t.known[out] = cx.t.known[out].without(REASONING_NAME.format(label))


def _constrain(cx: Capture, x: GenExpr, attrs: dict[str, Attr], keyed: dict[str, Atom]) -> None:
    if x.dtype is not None:
        attrs["dtype"] = x.dtype
        attrs["constraint"] = parse_constraint("regex", DTYPE_REGEX[x.dtype], span=cx.t.span)
        if x.dtype in ("int", "float"):
            stop = attrs.get("stop", ())
            attrs["stop"] = (*((stop,) if isinstance(stop, str) else _tuple_of(stop)), " ", "\n")
        return
    default = _closed_by_default(cx)
    for kind in RUN_TIME_KINDS:
        value = getattr(x, kind)
        if value is None:
            continue
        known = value if x.output is not None else _known_constraint(cx, kind, value)
        if known is not None:
            constraint = parse_constraint(kind, known, x.spacing, x.closed, cx.t.span)
            attrs["constraint"] = constraint if default is None else closed(constraint, default)
            continue
        keyed[kind] = _as_it_is_now(cx, kind, value)
        is_closed = default if x.closed is None else x.closed
        attrs |= {name: value for name, value in (("spacing", x.spacing), ("closed", is_closed)) if value is not None}


def _closed_by_default(cx: Capture) -> bool | None:
    """What the call of an inner program says of its schemas."""
    given = cx.settings.get("closed")
    if not is_literal(given):
        raise graph_break(INNER_SAMPLING, cx.t.span)
    check_closed(given)
    return cast("bool | None", given)


def _known_constraint(cx: Capture, kind: str, value: Any) -> Any:
    """What a constraint is written as, None where only the running program knows."""
    if isinstance(value, (str, *MADE.get(kind, ()))):
        return value
    if isinstance(value, Documented):
        known, documents = _known_constraint(cx, kind, value.value), _python_or_none(cx, value.documents)
        return None if known is None or documents is None else Documented(known, documents)
    match kind:
        case "json_schema":
            return value if isinstance(value, type) else _python_or_none(cx, value)
        case "structural_tag":
            return value if is_ordinary(value) else _python_or_none(cx, value)
    return None


def _tuple_of(x: Attr) -> tuple[Attr, ...]:
    return x if isinstance(x, tuple) else ()


def _python_or_none(cx: Capture, x: StandIn) -> Any:  # Any: whoever parses it says what it must be
    try:
        return cx.python(x)
    except ValueError:
        return None


def _static_or_keyed(cx: Capture, name: str, value: StandIn, attrs: dict[str, Attr], keyed: dict[str, Atom]) -> None:
    if isinstance(value, Container):
        value = _python_or_none(cx, value) or value
    if isinstance(value, list):
        value = tuple(value)
    if is_literal(value):
        attrs[name] = value
    else:
        keyed[name] = _as_it_is_now(cx, name, value)


def _as_it_is_now(cx: Capture, name: str, value: StandIn) -> Atom:
    """An operand of a call, which does not wait for what comes before it: of a live object a copy, made in order."""
    if isinstance(value, Documented):
        return cx.t.call(with_documents, cx.t.atom(value.value), cx.t.atom(value.documents), type=ANY)
    atom = cx.t.atom(value)
    is_live = name in MAY_CHANGE and isinstance(atom, Value) and atom.type.name in ("any", "ref")
    return cx.t.call(copy.deepcopy, atom, type=ANY) if is_live else atom


# parameters that may be lists or dicts
MAY_CHANGE = frozenset(("choices", "stop", "stop_token_ids", "stop_regex", "json_schema", "structural_tag"))


def _append_select(cx: Capture, cell: StateCell, x: SelectExpr) -> None:
    attrs: dict[str, Attr] = {"method": x.method}
    keyed: dict[str, Atom] = {}
    if x.name is not None:
        _static_or_keyed(cx, "name", x.name, attrs, keyed)
    for name, value in x.params:
        _static_or_keyed(cx, name, value, attrs, keyed)
    if x.boundary is not None:
        attrs["boundary"] = x.boundary
    choices = x.choices
    if isinstance(choices, Container | tuple | list):
        known = _python_or_none(cx, choices)
        choices = tuple(known) if known is not None else choices
    if isinstance(choices, tuple) and all(map(is_literal, choices)):
        attrs["choices"] = _checked_choices(cx, x.name, choices)
    else:
        keyed["choices"] = _as_it_is_now(cx, "choices", choices)
    _call(cx, cell, "select", STR, x.name if isinstance(x.name, str) else None, attrs, keyed)


def _checked_choices(cx: Capture, name: object, choices: tuple[StandIn, ...]) -> tuple[str, ...]:
    if not choices:
        what = f"select({name!r}) has no choices to pick from"
        raise ArgumentError(what, span=cx.t.span, help="give it at least one text")
    texts = [c for c in choices if isinstance(c, str) and c]
    if len(texts) < len(choices):
        bad = next(c for c in choices if not isinstance(c, str) or not c)
        raise ArgumentError(f"{bad!r} is not a choice: choices are texts, none empty", span=cx.t.span)
    return tuple(dict.fromkeys(texts))


def _call(
    cx: Capture,
    cell: StateCell,
    op: str,
    kind: Type,
    label: str | None,
    attrs: dict[str, Attr],
    keyed: dict[str, Atom],
) -> None:
    cx.t.has_called = True
    out, text = cx.t.fresh(STATE, cell), cx.t.fresh(kind, label or "text")
    keys = tuple(sorted(keyed))
    before = cx.t.state(cell)
    cx.t.emit(op, (before, *(keyed[k] for k in keys)), (out, text), keys=keys, attrs=attrs)
    known = cx.t.known_of(before.name)
    if label is not None:
        known = known.with_entries({label: text})
    elif "name" in keyed:
        known = NOTHING_KNOWN
    cx.t.set_state(cell, out)
    cx.t.known[out.name] = known


# Any: an expression of the class that the rule is listed under
_APPEND: dict[type[Expr], Callable[[Capture, StateCell, Any], None]] = {
    GenExpr: _append_gen, SelectExpr: _append_select, RoleBegin: _append_role_begin, RoleEnd: _append_role_end,
}  # fmt: skip


# --- reading and writing names ---------------------------------------------------------------------------


def get(cx: Capture, cell: StateCell, name: StandIn) -> StandIn:
    """`cell[name]`: the value itself where every path has set it to the same, else a read at run time."""
    state = cx.t.state(cell)
    known = cx.t.known_of(state.name).get(name) if isinstance(name, str) else None
    if known is not None:
        if not isinstance(known, Value):
            return known.value
        # a failed call is raised where it is read, which matters where somebody may catch it
        if cx.t.tries:
            known = cx.t.host("read", known, type=known.type)
        else:
            cx.t.emit("wait", (known,))
        return wrap(cx.t, known, borrowed=True)
    label = name if isinstance(name, str) else None
    cx.names_were_read |= not cx.names_are_live
    live = VARIABLES_SITE in cx.t.live_sites or cx.t.contents.live_in_states
    out = cx.t.fresh(REF if cx.names_are_live else ANY if live else DATA, label)
    cx.t.emit("get", (state, name_atom(cx, name)), (out,))
    made = wrap(cx.t, out, borrowed=True)
    if isinstance(made, Container):
        made.site = VARIABLES_SITE
    return made


def name_atom(cx: Capture, name: StandIn) -> Atom:
    """A name as an operand: surely a str."""
    if isinstance(name, LazyStr):
        return cx.t.atom(name)
    return Lit(name) if isinstance(name, str) else _as_text(cx, name, is_name=True)


def set_name(cx: Capture, cell: StateCell, name: StandIn, value: StandIn) -> None:
    """`cell[name] = value`."""
    if has_state(value):
        raise graph_break(STATE_GIVEN_AWAY, cx.t.span, "`s[name] = ...`")
    live = has_live(value) or VARIABLES_SITE in cx.t.live_sites
    atom = cx.argument(value) if live else cx.stored(value)
    before = cx.t.state(cell)
    known = cx.t.known_of(before.name)
    out = cx.t.fresh(STATE, cell)
    cx.t.emit("set", (before, name_atom(cx, name), atom), (out,))
    cx.t.set_state(cell, out)
    cx.t.known[out.name] = known.with_entries({name: atom}) if isinstance(name, str) else NOTHING_KNOWN


# --- methods ---------------------------------------------------------------------------------------------


def method(cx: Capture, cell: StateCell, name: str, args: tuple[StandIn, ...], kwargs: dict[str, StandIn]) -> StandIn:
    """A method of a state."""
    rule = METHODS.get(name)
    if rule is None:
        raise graph_break(NOT_A_STATES_METHOD, cx.t.span, f"`.{name}`")
    return _with_arguments(rule, cx, cell, args, kwargs)


def _with_arguments(
    rule: Callable[..., Any], cx: Capture, cell: StateCell, args: tuple[StandIn, ...], kwargs: dict[str, StandIn]
) -> StandIn:
    """Call a rule with the program's arguments; a wrong signature is the user's mistake."""
    try:
        inspect.signature(rule).bind(cx, cell, *args, **kwargs)
    except TypeError as error:
        raise ArgumentError(f"`{rule.__name__.lstrip('_')}`: {error}", span=cx.t.span) from None
    return rule(cx, cell, *args, **kwargs)


def _picks_by_number(cx: Capture) -> bool:
    """True for a function that writes `forks[3]`: then each fork is known by itself, however many there are."""
    assert cx.frame.closure is not None
    slices = (n.slice for n in ast.walk(cx.frame.closure.node) if isinstance(n, ast.Subscript))
    return any(isinstance(at, ast.Constant) and type(at.value) is int for at in slices)


def _fork(cx: Capture, cell: StateCell, size: StandIn = 1, position_ids_offset: StandIn = None) -> Container:
    before = cx.t.state(cell)
    known = cx.t.known_of(before.name)
    parent = cx.t.fresh(STATE, cell)
    if isinstance(size, LazyStr) or (isinstance(size, Sym) and size.type in (STR, FLOAT)):
        raise ArgumentError("fork takes a number of children, not a text or float", span=cx.t.span)
    many = type(size) is int and size > MAX_UNROLL and not _picks_by_number(cx)  # which a loop walks over as it runs
    if many or isinstance(size, Sym | Container):
        every = cx.t.fresh(STATES, "forks")
        cx.t.emit("fork_list", (before, cx.t.atom(size)), (parent, every))
        cx.t.set_state(cell, parent, keeps=True)
        return Container(cx.t.born(), "group", every, parent=cell)
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise ArgumentError(f"fork takes a number of children, not {size!r}", span=cx.t.span)
    children = tuple(cx.t.fresh(STATE) for _ in range(size))
    cx.t.emit("fork", (before,), (parent, *children), n=size)
    cx.t.set_state(cell, parent, keeps=True)
    cells = tuple(cx.t.new_cell(c, "fork") for c in children)
    for child in children:
        cx.t.known[child.name] = known
        cx.t.role[child.name] = cx.t.role.get(before.name, "")
    return Container(cx.t.born(), "group", cells, parent=cell)


def _copy(cx: Capture, cell: StateCell, position_ids_offset: StandIn = None) -> StandIn:
    [child] = states_in(_fork(cx, cell).content)
    copy = CopyBlock(cx.t.born(), child.value, "copy", cell)
    cx.t.names[child.value.name] = copy
    return copy


def _text(cx: Capture, cell: StateCell) -> StandIn:
    return Sym(cx.t.host("text", cx.t.state(cell), type=STR))


def _messages(cx: Capture, cell: StateCell) -> StandIn:
    return wrap(cx.t, cx.t.host("messages", cx.t.state(cell), type=DATA))


def _meta(cx: Capture, cell: StateCell, name: StandIn) -> StandIn:
    return wrap(cx.t, cx.t.host("meta", cx.t.state(cell), name_atom(cx, name), type=DATA), borrowed=True)


def _sync(cx: Capture, cell: StateCell) -> None:
    cx.t.emit("wait", (cx.t.state(cell),))


def _turn(role: str) -> Callable[..., Any]:
    def turn(cx: Capture, cell: StateCell, expr: StandIn = LEFT_OUT) -> StandIn:
        if expr is LEFT_OUT:
            return RoleBlock(cell, role)
        append(cx, cell, TURNS[role](expr))
        return Concat(())

    turn.__name__ = role
    return turn


def _var_scope(cx: Capture, cell: StateCell, name: StandIn) -> ScopeBlock:
    return ScopeBlock(cell, name)


def _append_by_name(cx: Capture, cell: StateCell, x: StandIn) -> StandIn:
    append(cx, cell, x)
    return cell


METHODS: dict[str, Callable[..., Any]] = {
    "__iadd__": _append_by_name,
    "fork": _fork, "copy": _copy, "text": _text, "messages": _messages, "get_meta_info": _meta, "sync": _sync,
    "get_var": get, "set_var": set_name, "var_scope": _var_scope, **{role: _turn(role) for role in ROLES},
}  # fmt: skip


def enter(cx: Capture, block: RoleBlock | ScopeBlock | CopyBlock) -> StandIn:
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
        join_into(cx, block.parent, "join", cx.t.state(block), mode="gather_variable")
    elif isinstance(block, RoleBlock):
        _step(cx, block.cell, "role_end", role=block.role)
    else:
        _step(cx, block.cell, "scope_end", name_atom(cx, block.name))
        out = cx.t.state(block.cell).name
        known = cx.t.known_of(out)
        cx.t.known[out] = known.without(block.name) if isinstance(block.name, str) else known


def join_into(cx: Capture, parent: StateCell, op: str, *children: Value, mode: str) -> None:
    """Give a state what its children have set."""
    out = cx.t.fresh(STATE, parent)
    cx.t.emit(op, (cx.t.state(parent), *children), (out,), mode=mode)
    cx.t.set_state(parent, out)
    cx.t.known[out.name] = NOTHING_KNOWN
