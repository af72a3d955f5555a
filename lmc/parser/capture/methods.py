"""Methods of containers and text, and changing containers in place."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from lmc.codes import CHANGED_IN_PLACE, LIST_OF_STATES, NO_RULE
from lmc.ir.graph import Atom, Value
from lmc.ir.ops import call_by_name
from lmc.ir.types import ANY, BOOL, DATA, INT, STATES, STR, Type
from lmc.parser.capture import choices, filling, groups, objects, state_lists, states
from lmc.parser.capture.breaks import graph_break
from lmc.parser.capture.context import Capture
from lmc.parser.capture.fitting import check_fits
from lmc.parser.capture.iteration import listed
from lmc.parser.capture.tracer import MakeLive, ProgramRaise, has_live, kind, ordinary, wrap
from lmc.parser.capture.values import (
    UNBOUND,
    Choice,
    Container,
    DictView,
    Escapes,
    Method,
    StandIn,
    StateCell,
    Sym,
    Tracked,
    containers_in,
    is_literal,
    known_items,
    plain,
)

MUTATORS = frozenset((
    "append", "extend", "insert", "remove", "pop", "clear", "sort", "reverse", "update", "setdefault", "popitem", "add",
    "discard", "difference_update", "intersection_update", "symmetric_difference_update",
    "appendleft", "extendleft", "popleft", "rotate", "subtract", "move_to_end",
))  # fmt: skip
CONSUMERS = frozenset((
    "extend", "join", "update", "union", "intersection", "difference", "symmetric_difference", "issubset",
    "issuperset", "isdisjoint", "difference_update", "intersection_update", "symmetric_difference_update", "fromkeys",
))  # fmt: skip
_TEXTS = (
    "strip", "lstrip", "rstrip", "lower", "upper", "title", "capitalize", "casefold", "swapcase", "replace", "join",
    "format", "zfill", "center", "ljust", "rjust", "expandtabs", "removeprefix", "removesuffix", "translate",
    "format_map",
)  # fmt: skip
_BOOLS = (
    "startswith", "endswith", "isdigit", "isalpha", "isalnum", "isspace", "isupper", "islower", "isnumeric",
    "isdecimal", "istitle", "isidentifier", "isascii", "isprintable",
)  # fmt: skip
# methods that operators and builtins call, of a text or number: these give a value, and no iterator
_ASKED = frozenset(f"__{name}__" for name in (
    "len", "contains", "getitem", "eq", "ne", "lt", "le", "gt", "ge", "add", "radd", "sub", "rsub", "mul", "rmul",
    "truediv", "rtruediv", "floordiv", "rfloordiv", "mod", "rmod", "divmod", "rdivmod", "pow", "rpow", "neg", "pos",
    "abs", "invert", "and", "rand", "or", "ror", "xor", "rxor", "lshift", "rlshift", "rshift", "rrshift", "bool", "int",
    "float", "index", "round", "trunc", "floor", "ceil", "str", "repr", "format", "class",
))  # fmt: skip
TEXT_RESULTS: dict[str, Type] = {
    **dict.fromkeys(_TEXTS, STR),
    **dict.fromkeys(_BOOLS, BOOL),
    **dict.fromkeys(("find", "rfind", "index", "rindex", "count"), INT),
}


def call_method(cx: Capture, m: Method, args: tuple[StandIn, ...], kwargs: dict[str, StandIn]) -> StandIn:
    """Call a method of a stand-in."""
    receiver, name = m.receiver, m.name
    if isinstance(receiver, StateCell):
        return states.method(cx, receiver, name, args, kwargs)
    if name.startswith("__") and name.endswith("__"):
        return _special(cx, receiver, name, args, kwargs)
    if filling.fills_itself(cx, m, args) and not kwargs:
        filling.filled(cx, m, args)
        return None
    if name in CONSUMERS:
        args = tuple(listed(cx, a) for a in args)
    if name == "join":  # of a dict the keys alone, whatever it holds
        args = tuple(cx.unordered(a) if isinstance(a, Container) and a.kind == "dict" else a for a in args)
    if isinstance(receiver, Container):
        return _of_container(cx, receiver, name, args, kwargs)
    return _of_value(cx, receiver, name, args, kwargs)


def _special(
    cx: Capture, receiver: StandIn, name: str, args: tuple[StandIn, ...], kwargs: dict[str, StandIn]
) -> StandIn:
    """`xs.__setitem__(0, x)`: of a list or dict it may change it, or step it later, so it is the object itself."""
    if isinstance(receiver, Container) and receiver.holds_states:
        raise graph_break(LIST_OF_STATES, cx.t.span, f"`.{name}`")
    atom = cx.argument(receiver) if isinstance(receiver, Container) else None
    if atom is not None and kind(atom).name in ("any", "ref"):
        cx.t.change(atom)
        return run_time(cx, atom, name, args, kwargs)
    is_live = isinstance(receiver, Sym) and receiver.type.name in ("any", "ref")
    if name not in _ASKED and not is_live:
        raise graph_break(NO_RULE, cx.t.span, f"a call of `{name}`")
    return _of_value(cx, Sym(atom) if isinstance(atom, Value) else receiver, name, args, kwargs)


def _of_value(
    cx: Capture, receiver: StandIn, name: str, args: tuple[StandIn, ...], kwargs: dict[str, StandIn]
) -> StandIn:
    if plain(receiver) and all(plain(a) for a in args) and all(plain(v) for v in kwargs.values()):
        return cx.owned(ordinary(lambda: call_by_name({"name": name}, receiver, *args, **kwargs)))
    if (
        isinstance(receiver, str)
        and name == "join"
        and len(args) == 1
        and isinstance(args[0], Container)
        and args[0].is_static
    ):
        known = cx.python_or(args[0])
        if known is not None:
            return ordinary(receiver.join, known)
    return run_time(cx, cx.t.value_atom(receiver), name, args, kwargs)


def run_time(cx: Capture, receiver: Atom, name: str, args: tuple[StandIn, ...], kwargs: dict[str, StandIn]) -> StandIn:
    """A method of a run-time value that changes nothing."""
    kind_ = kind(receiver)
    if name in MUTATORS:
        cx.t.change(receiver)
    out = TEXT_RESULTS.get(name, DATA) if kind_ == STR else (ANY if kind_.name in ("any", "ref") else DATA)
    made = "list" if kind_ == STR and name in ("split", "rsplit", "splitlines") else "data"
    keys = tuple(kwargs)
    odd = any(has_live(a) for a in (*args, *kwargs.values()))
    give, out = (cx.argument, ANY) if out == ANY or (odd and kind_ != STR) else (cx.t.value_atom, out)
    atoms = [give(a) for a in args] + [give(kwargs[k]) for k in keys]
    return wrap(cx.t, cx.t.host("method", receiver, *atoms, type=out, keys=keys, name=name), kind=made)


def _of_container(
    cx: Capture, container: Container, name: str, args: tuple[StandIn, ...], kwargs: dict[str, StandIn]
) -> StandIn:
    if name == "join" and container.kind == "group":
        check_fits(groups.join, name, (cx, container, *args), kwargs, cx.t.span)
        groups.join(cx, container, *args, **kwargs)
        return None
    if name == "copy" and not args and not kwargs and not container.is_live:
        if container.holds_states and not container.is_static:
            return state_lists.all_of(cx, container)
        return _copied(cx, container)
    if name in ("keys", "values", "items") and not args and not kwargs and container.kind in ("dict", "data"):
        return _view(cx, container, name)
    if name in MUTATORS:
        open_up(cx, container)
    if container.is_static:
        rule = _STATIC.get((container.kind if container.kind != "group" else "list", name))
        if rule is not None:
            check_fits(rule, name, (cx, container, *args), kwargs, cx.t.span)
            if (done := rule(cx, container, *args, **kwargs)) is not NotImplemented:
                return done
    is_data = isinstance(container.content, Value) and container.content.type == DATA
    if name == "sort" and is_data and container.kind == "list" and kwargs.get("key") is not None:
        check_fits(_sort, name, (cx, container, *args), kwargs, cx.t.span)
        return _sort(cx, container, **kwargs)
    if name in MUTATORS:
        return change(cx, container, name, args, kwargs)
    if container.holds_states:
        raise graph_break(LIST_OF_STATES, cx.t.span, f"`.{name}`")
    return run_time(cx, cx.t.container_value(container), name, args, kwargs)


def _copied(cx: Capture, container: Container) -> Container:
    if container.kind == "set":
        if not container.is_static:
            raise cx.t.make_live(container)
        made = Container(cx.t.born(), "set", container.content)
        made.fields["$scrambled"] = ()
        return made
    content = container.content
    made = Container(cx.t.born(), "list" if container.kind == "group" else container.kind, content)
    if isinstance(content, Value):
        cx.t.boxes.append(made)
    return made


def _view(cx: Capture, container: Container, name: str) -> StandIn:
    if container.is_static:
        return DictView(container, name, None)
    made = run_time(cx, cx.t.container_value(container), name, (), {})
    return (
        DictView(container, name, made.value) if isinstance(made, Container) and container.value.type == DATA else made
    )


# --- changing in place -----------------------------------------------------------------------------------


def writable(cx: Capture, container: Container) -> None:
    """Refuse to change what is not the program's own container."""
    if container.constant is not None:
        raise Escapes(container.constant.key)
    if container.path is not None or container.borrowed or "$frozen" in container.fields:
        raise graph_break(CHANGED_IN_PLACE, cx.t.span)


def open_up(cx: Capture, container: Container) -> None:
    """Before it is changed: what is not the program's own alone becomes a live object, which is changed in place."""
    if container.constant is not None:
        raise Escapes(container.constant.key)
    if container.is_live or container.holds_states:
        return
    if container.path is None and not container.borrowed and "$frozen" not in container.fields:
        return
    if isinstance(container.content, Value) and cx.t.contents.is_atom(container.content):
        return
    try:
        cx.t.given(container)
    except MakeLive as need:
        need.error = need.error or graph_break(CHANGED_IN_PLACE, cx.t.span)
        raise


def write(cx: Capture, container: Container, content: StandIn) -> None:
    """Give a container a new content."""
    writable(cx, container)
    cx.t.check_changed(container)
    cx.t.write(container, "content", content)


def change(
    cx: Capture, container: Container, name: str, args: tuple[StandIn, ...], kwargs: dict[str, StandIn]
) -> StandIn:
    """A mutating method on a run-time container: a changed copy takes its place."""
    if isinstance(container.content, Value) and container.content.type.name in ("ref", "any"):
        return run_time(cx, container.content, name, args, kwargs)
    odd = any(has_live(a) for a in (*args, *kwargs.values()))
    if odd or container.kind == "set" or (not container.is_static and cx.t.contents.may_be_set(container.value)):
        return run_time(cx, cx.argument(container), name, args, kwargs)
    writable(cx, container)
    given_states = any(isinstance(a, StateCell) or (isinstance(a, Container) and a.holds_states) for a in args)
    if container.holds_states or (not container.content and given_states):
        return _change_states(cx, container, name, args)
    cx.t.check_no_cycle(container, (*args, *kwargs.values()))
    keys = tuple(kwargs)
    atoms = [cx.stored(a) for a in args] + [cx.stored(kwargs[k]) for k in keys]
    changed, result = cx.t.fresh(DATA), cx.t.fresh(DATA)
    cx.t.emit("mutate", (cx.t.container_value(container), *atoms), (changed, result), keys=keys, name=name)
    _seal(cx, container)
    write(cx, container, changed)
    return wrap(cx.t, result, borrowed=True) if name in ("pop", "setdefault", "popitem") else None


def _seal(cx: Capture, container: Container) -> None:
    """A container that becomes run-time: what is in it must not change any more."""
    for inner in containers_in(container.content):
        cx.t.write(inner, "$frozen", True)


def _change_states(cx: Capture, container: Container, name: str, args: tuple[StandIn, ...]) -> StandIn:
    """append, extend and pop() of a list of states that is run-time, or becomes so."""
    if container.is_static:
        cells = container.content
        cx.t.write(container, "content", cx.t.container_value(container) if cells else cx.t.host("states", type=STATES))
        cx.t.alias_elements(container, cells)
    if name == "append" and len(args) == 1:
        state_lists.push(cx, container, args[0])
        return None
    if name == "extend" and len(args) == 1:
        groups.push_all(cx, container, args[0])
        return None
    if name == "pop" and not args:
        return state_lists.pop(cx, container)
    raise graph_break(LIST_OF_STATES, cx.t.span, f"`.{name}`")


def set_item(cx: Capture, owner: StandIn, index: StandIn, value: StandIn) -> None:
    """`owner[index] = value`."""
    if isinstance(owner, StateCell):
        return states.set_name(cx, owner, index, value)
    if isinstance(owner, Choice):
        choices.each(cx, owner, lambda option: set_item(cx, option, index, value))
        return None
    if isinstance(owner, Tracked):
        method = objects.special(cx, owner, "__setitem__")
        if method is None:
            raise Escapes(owner.cls)
        cx.call(method, (index, value), {})
        return None
    if isinstance(owner, Container):
        return _set_container_item(cx, owner, index, value)
    if isinstance(owner, Sym) and owner.type.name in ("ref", "any"):
        return _set_live_item(cx, owner.value, index, value)
    if isinstance(owner, tuple):
        raise ProgramRaise(TypeError, ("'tuple' object does not support item assignment",))
    raise graph_break(CHANGED_IN_PLACE, cx.t.span)


def _set_live_item(cx: Capture, owner: Value, index: StandIn, value: StandIn) -> None:
    cx.t.change(owner)
    cx.t.call(operator.setitem, owner, cx.argument(index), cx.argument(value))


def _set_container_item(cx: Capture, container: Container, index: StandIn, value: StandIn) -> None:
    open_up(cx, container)
    content = container.content
    if isinstance(content, tuple) and isinstance(index, int):
        if not -len(content) <= index < len(content):
            raise ProgramRaise(IndexError, ("list assignment index out of range",))
        if content[index] is value and isinstance(value, StateCell):
            return
        at = index % len(content)
        write(cx, container, (*content[:at], value, *content[at + 1 :]))
    elif isinstance(content, dict) and is_literal(index):
        write(cx, container, {**content, index: value})
    elif isinstance(content, Value) and content.type.name in ("ref", "any"):
        _set_live_item(cx, content, index, value)
    elif container.holds_states:
        raise graph_break(LIST_OF_STATES, cx.t.span, "item assignment")
    elif has_live(value) or has_live(index) or has_live(container):
        live = cx.argument(container)
        assert isinstance(live, Value)
        _set_live_item(cx, live, index, value)
    else:
        writable(cx, container)
        _seal(cx, container)
        write(
            cx,
            container,
            cx.t.host("set_item", cx.t.container_value(container), cx.t.value_atom(index), cx.stored(value)),
        )


def extend(cx: Capture, container: Container, x: StandIn) -> Container:
    """`container += x`, `container.extend(x)`."""
    open_up(cx, container)
    items = known_items(x)
    if container.is_static and isinstance(container.content, tuple) and items is not None:
        write(cx, container, (*container.content, *items))
    else:
        change(cx, container, "extend", (x,), {})
    return container


# --- methods of containers whose structure is known ------------------------------------------------------


def _append(cx: Capture, container: Container, x: StandIn, /) -> None:
    write(cx, container, (*container.members, x))


def _extend(cx: Capture, container: Container, x: StandIn, /) -> StandIn:
    if known_items(x) is None:
        return NotImplemented
    extend(cx, container, x)
    return None


def _pop(cx: Capture, container: Container, index: StandIn = -1, /) -> StandIn:
    if not isinstance(index, int):
        return NotImplemented
    items = list(container.members)
    item = ordinary(lambda: items.pop(index))
    write(cx, container, tuple(items))
    return item


def _insert(cx: Capture, container: Container, index: StandIn, x: StandIn, /) -> StandIn:
    if not isinstance(index, int):
        return NotImplemented
    items = list(container.members)
    items.insert(index, x)
    write(cx, container, tuple(items))
    return None


def _reverse(cx: Capture, container: Container, /) -> None:
    write(cx, container, container.members[::-1])


def _clear(cx: Capture, container: Container, /) -> None:
    write(cx, container, {} if container.kind == "dict" else ())


def _add(cx: Capture, container: Container, x: StandIn, /) -> StandIn:
    if not (is_literal(x) and all(is_literal(i) for i in container.members)):
        return NotImplemented
    write(cx, container, tuple(dict.fromkeys((*container.members, x))))
    return None


def _get(cx: Capture, container: Container, key: StandIn, default: StandIn = None, /) -> StandIn:
    return container.pairs.get(key, default) if is_literal(key) else choices.got(cx, container, key, default)


def _update(cx: Capture, container: Container, other: StandIn = UNBOUND, /, **more: StandIn) -> StandIn:
    if other is UNBOUND:
        given: dict[Any, StandIn] = {}
    elif isinstance(other, Container) and isinstance(other.content, dict):
        given = other.content
    else:
        return NotImplemented
    write(cx, container, {**container.pairs, **given, **more})
    return None


def _setdefault(cx: Capture, container: Container, key: StandIn, default: StandIn = None, /) -> StandIn:
    if not is_literal(key):
        return NotImplemented
    if key not in container.pairs:
        write(cx, container, {**container.pairs, key: default})
    return container.pairs[key]


def _sort(cx: Capture, container: Container, /, *, key: StandIn = None, reverse: StandIn = False) -> StandIn:
    if key is None:
        return NotImplemented
    writable(cx, container)
    items = Container(cx.t.born(), "list", container.content)
    container.sorting = True
    try:
        made = cx.call(sorted, (items,), {"key": key, "reverse": reverse})
    finally:
        container.sorting = False
    assert isinstance(made, Container)
    if made.window is not None:  # of a list of states: as one list of its own
        raise graph_break(LIST_OF_STATES, cx.t.span, "`.sort`")
    if not made.is_static:
        _seal(cx, container)
    write(cx, container, made.content)
    return None


_STATIC: dict[tuple[str, str], Callable[..., Any]] = {
    ("list", "append"): _append, ("list", "extend"): _extend, ("list", "pop"): _pop, ("list", "insert"): _insert,
    ("list", "reverse"): _reverse, ("list", "clear"): _clear, ("list", "sort"): _sort,
    ("dict", "clear"): _clear, ("set", "clear"): _clear,
    ("set", "add"): _add, ("dict", "get"): _get, ("dict", "update"): _update, ("dict", "setdefault"): _setdefault,
}  # fmt: skip
