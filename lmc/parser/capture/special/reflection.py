"""`isinstance`, `getattr`, `super` and what else asks or changes an object by name."""

from __future__ import annotations

import abc
from collections.abc import Callable
from types import FunctionType, ModuleType
from typing import Any

from lmc.codes import CHOSEN_EXPRESSION, NO_RULE
from lmc.ir.graph import Atom, Value
from lmc.ir.types import BOOL, REF
from lmc.parser.capture import choices, fixed, looking, objects
from lmc.parser.capture.breaks import graph_break
from lmc.parser.capture.context import Capture
from lmc.parser.capture.expressions import attribute
from lmc.parser.capture.host_calls import by_python
from lmc.parser.capture.values import (
    Choice,
    Closure,
    Container,
    Escapes,
    Frame,
    LazyStr,
    PartialCall,
    StandIn,
    Super,
    Sym,
    Tracked,
    is_ordinary,
)
from lmc.parser.primitives import PRIMITIVES


def _isinstance(cx: Capture, x: StandIn, kinds: Any, /) -> StandIn:  # Any: whatever isinstance takes
    if isinstance(x, Choice):
        return choices.told(cx, x, lambda option: cx.call(isinstance, (option, kinds), {}))
    if isinstance(x, Tracked):
        return _isinstance_of(x.cls, kinds)
    if is_ordinary(kinds) and not looking.is_quiet_check(kinds):
        return Sym(_isinstance_one(cx, cx.t.value_atom(x), kinds))
    if isinstance(x, LazyStr) and is_ordinary(kinds):
        # its text is not known, its class is
        return isinstance("", kinds)
    if isinstance(x, Container) and x.is_static and is_ordinary(kinds):
        return isinstance({"list": [], "group": [], "dict": {}, "set": set()}[x.kind], kinds)
    if isinstance(x, Sym) and is_ordinary(kinds):
        known = {"str": str, "int": int, "float": float, "bool": bool}.get(x.type.name)
        if known is not None and not x.type.maybe:
            return issubclass(known, kinds)
        names = kinds if isinstance(kinds, tuple) else (kinds,)
        if not names:
            return False
        test = [_isinstance_one(cx, x.value, k) for k in names]
        result = test[0]
        for other in test[1:]:
            result = cx.t.host("binary", result, other, type=BOOL, op="|")
        return Sym(result)
    return NotImplemented


def _isinstance_one(cx: Capture, value: Atom, kind_: StandIn) -> Value:
    if type(kind_) is tuple:
        symbol: Atom = cx.t.atom(kind_)
    else:
        symbol = cx.t.host("extern", type=REF, fn=cx.t.extern(kind_, "none", REF))
    # a class may answer by code of its own
    effect = "none" if looking.is_quiet_check(kind_) else "ordered"
    return cx.t.call(isinstance, value, symbol, effect=effect, type=BOOL)


def _isinstance_of(cls: type, kinds: StandIn) -> bool:
    """`isinstance` for an object of a plain class. Raises Escapes where a class has its own say."""
    for one in kinds if isinstance(kinds, tuple) else (kinds,):
        if type(one) is not type and not (type(one) is abc.ABCMeta and one in cls.__mro__):
            raise Escapes(cls)
        if one in cls.__mro__:
            return True
    return False


def _super(cx: Capture, *args: StandIn) -> StandIn:
    """`super()`, in a method: of the class that the method stands in, and its first parameter."""
    frame: Frame | None = cx.frame
    while frame is not None and frame.closure is None:  # of a comprehension
        frame = frame.parent
    if args or frame is None or frame.closure is None or "__class__" not in frame.closure.free:
        raise graph_break(NO_RULE, cx.t.span, "`super` but `super()` in a method")
    spec = frame.closure.node.args
    first = next((a.arg for a in (*spec.posonlyargs, *spec.args)), None)
    cls = frame.closure.free["__class__"].cell_contents
    if first is None or not isinstance(cls, type):
        raise graph_break(NO_RULE, cx.t.span, "`super` but `super()` in a method")
    return Super(cls, frame.fields[first])


def _getattr(cx: Capture, x: StandIn, name: StandIn, /, *default: StandIn) -> StandIn:
    if isinstance(x, Choice):
        return choices.unmixed(cx, x, lambda option: cx.call(getattr, (option, name, *default), {}))
    if isinstance(x, Tracked) and isinstance(name, str):
        if default and not objects.has_attribute(cx, x, name):
            return default[0]
        return attribute(cx, x, name)
    if isinstance(x, Tracked) and isinstance(name, Sym | LazyStr):
        return _method_by_name(cx, x, name, *default)
    if name in ("name", "obj") and cx.t.untold and isinstance(x, Sym):
        return attribute(cx, x, str(name))
    if isinstance(x, ModuleType) and not isinstance(name, str) and any(word in PRIMITIVES for word in _words_of(x)):
        raise graph_break(CHOSEN_EXPRESSION, cx.t.span)
    return NotImplemented


def _words_of(module: ModuleType) -> list[object]:
    """The functions that a name of a module may stand for; the library's own are all there from the start."""
    if module.__name__ == "lmc":
        return list(PRIMITIVES)
    return [x for x in vars(module).values() if type(x) is FunctionType]


def _method_by_name(cx: Capture, x: Tracked, name: Sym | LazyStr, *default: StandIn) -> StandIn:
    """`getattr(obj, name)` with a name that only the run knows: one of the methods of its class."""
    names = [n for base in x.cls.__mro__ if base is not object for n in base.__dict__]
    names = [n for n in dict.fromkeys(names) if isinstance(objects.lookup(cx, x.cls, n)[0], FunctionType)]
    held = [n.removeprefix(".") for n in x.fields if n.startswith(".")]
    odd = [n for n in dir(x.cls) if n not in names and not n.startswith("__")]
    # an attribute that is no method would be chosen among as well, and a property would run
    if odd or not names or any(n in names for n in held) or not default:
        raise graph_break(NO_RULE, cx.t.span, "`getattr` with a name that only the run knows")
    methods: dict[Any, StandIn] = {n: attribute(cx, x, n) for n in names}
    whole = Container(cx.t.born(), "dict", methods)
    return choices.got(cx, whole, name, default[0])


def _hasattr(cx: Capture, x: StandIn, name: StandIn, /) -> StandIn:
    if isinstance(x, Tracked) and isinstance(name, str):
        return objects.has_attribute(cx, x, name)
    return NotImplemented


def _setattr(cx: Capture, x: StandIn, name: StandIn, value: StandIn, /) -> StandIn:
    if isinstance(x, Tracked) and isinstance(name, str):
        objects.set_attribute(cx, x, name, value)
        return None
    fixed.check_set(cx, x, name)
    if isinstance(x, type):
        objects.change_class(cx, x, name, value)
    return NotImplemented


def _delattr(cx: Capture, x: StandIn, name: StandIn, /) -> StandIn:
    fixed.check_set(cx, x, name)
    if isinstance(x, type):
        objects.change_class(cx, x, name)
    return NotImplemented


def _type(cx: Capture, x: StandIn, /, *more: StandIn) -> StandIn:
    if isinstance(x, Choice) and not more:
        return choices.unmixed(cx, x, lambda option: cx.call(type, (option,), {}))
    return x.cls if isinstance(x, Tracked) and not more else NotImplemented


def _callable(cx: Capture, x: StandIn, /) -> StandIn:
    if isinstance(x, Tracked):
        return objects.special(cx, x, "__call__") is not None
    return True if isinstance(x, Closure | PartialCall) else NotImplemented


def _refused(cx: Capture, /, *args: StandIn, **kwargs: StandIn) -> StandIn:
    raise graph_break(NO_RULE, cx.t.span, "reading the frame or running text as code")


def _vars(cx: Capture, *xs: StandIn) -> StandIn:
    """`vars(x)`: what the object itself holds, by reference; without an argument it reads the frame."""
    if len(xs) == 1 and isinstance(xs[0], Tracked):
        raise Escapes(xs[0].cls)
    if len(xs) == 1 and isinstance(xs[0], Sym) and not xs[0].type.is_value:
        return by_python(cx, vars, xs, {})
    return _refused(cx)


RULES: dict[Callable[..., Any], Callable[..., Any]] = {
    isinstance: _isinstance, super: _super, getattr: _getattr, hasattr: _hasattr, setattr: _setattr,
    delattr: _delattr, type: _type, callable: _callable, vars: _vars,
    **dict.fromkeys((locals, globals, dir, eval, exec), _refused),
}  # fmt: skip
