"""Objects that the program makes of its own classes: attributes are fields, methods are looked into.

    agent = Agent("terse")       an `Tracked`; its `__init__` is traced
    agent.act(s, q)              traced with `agent` as its first argument
    self.memory.append(x)        changes a list of the trace, like any other

That holds for a *plain* class: made by `type`, all of it written in Python, and nothing that changes what reading or
writing an attribute means. Where such an object gets to code that is not looked into, the trace begins anew, and all
objects of its class are Python's (`Escapes`).
"""

from __future__ import annotations

import abc
import dataclasses
import functools
import sys
import sysconfig
import typing
from types import FunctionType, MemberDescriptorType, ModuleType
from typing import TypeGuard

from lmc.codes import NO_RULE, STALE_STATE, TWO_KINDS
from lmc.parser.capture.breaks import graph_break
from lmc.parser.capture.context import Capture
from lmc.parser.capture.ownership import has_own_source
from lmc.parser.capture.tracer import ProgramRaise, no_attribute
from lmc.parser.capture.values import (
    UNBOUND,
    Choice,
    Container,
    Escapes,
    LazyStr,
    PartialCall,
    StandIn,
    Super,
    Sym,
    Tracked,
    Unmergeable,
    is_program,
    plain,
)

STDLIB = (sysconfig.get_paths()["stdlib"], sysconfig.get_paths()["platstdlib"])
# what gives a class another way to make its objects, or to read and write their attributes
_HOOKS = ("__new__", "__getattribute__", "__getattr__", "__setattr__", "__delattr__", "__del__", "__slots__")
_BASES: tuple[type, ...] = (object, abc.ABC, typing.Generic)


# --- which classes ---------------------------------------------------------------------------------------


def is_plain(cls: StandIn, opaque: frozenset[object]) -> TypeGuard[type]:
    """True for a class of the user's whose objects have no more to them than their attributes."""
    if not isinstance(cls, type) or cls in opaque or type(cls) not in (type, abc.ABCMeta):
        return False
    if getattr(cls, "__abstractmethods__", None) or any(base in opaque for base in cls.__mro__):
        return False
    return all(_is_plain(base) for base in cls.__mro__ if base not in _BASES)


def _is_plain(cls: type) -> bool:
    if type(cls) not in (type, abc.ABCMeta) or not is_own(cls):
        return False
    hooks = [name for name in _HOOKS if name in cls.__dict__]
    # of a frozen dataclass both were written by `dataclass`, and do nothing but refuse
    if is_frozen(cls):
        hooks = [name for name in hooks if name not in ("__setattr__", "__delattr__")]
    return not hooks and not any(isinstance(x, MemberDescriptorType) for x in cls.__dict__.values())


def is_own(cls: type) -> bool:
    """True for a class of the user's."""
    module = sys.modules.get(cls.__module__)
    file = getattr(module, "__file__", None) if isinstance(module, ModuleType) else None
    if file is None:  # a module that was made by hand: where its functions were written tells
        made = [x.__code__.co_filename for x in cls.__dict__.values() if isinstance(x, FunctionType)]
        return bool(made) and all(not name.startswith("<") or name == "<string>" for name in made)
    return has_own_source(file) and cls.__module__.split(".")[0] != "lmc"


def is_frozen(cls: type) -> bool:
    """True for a class that is itself a frozen dataclass."""
    params = cls.__dict__.get("__dataclass_params__")
    return params is not None and params.frozen and is_generated(cls, "__setattr__")


def is_generated(cls: type, name: str) -> bool:
    """True for a method that `dataclass` wrote."""
    fn = cls.__dict__.get(name)
    return (
        "__dataclass_params__" in cls.__dict__
        and isinstance(fn, FunctionType)
        and fn.__code__.co_filename == "<string>"
    )


# --- attributes ------------------------------------------------------------------------------------------


def lookup(cx: Capture, cls: type, name: str, after: type | None = None) -> tuple[StandIn, type | None]:
    """What a class has under a name, not bound, and which of its bases has it; `after`: of those behind this one."""

    def bases() -> tuple[type, ...]:  # asked anew: a program may be given others
        return cls.__mro__ if after is None else cls.__mro__[cls.__mro__.index(after) + 1 :]

    def found() -> object:
        return next((base.__dict__[name] for base in bases() if name in base.__dict__), UNBOUND)

    cx.guard(found, found(), (cls, after, name))
    if hasattr(type(found()), "__get__"):
        check_bound(cx, cls, name)
    return found(), next((base for base in bases() if name in base.__dict__), None)


def check_bound(cx: Capture, cls: type, name: str) -> None:
    """A method, or the lack of one, is known as long as no code binds that name of the class. Raises Escapes."""
    if cx.writers.of_class(cls, name):
        raise Escapes(cls)


def change_class(cx: Capture, cls: type, name: StandIn, value: StandIn = UNBOUND) -> None:
    """Before the program binds a name of a class. Raises Escapes where that changes what its objects are."""
    if not is_plain(cls, cx.opaque):
        return
    held = (base.__dict__[name] for base in cls.__mro__ if isinstance(name, str) and name in base.__dict__)
    before = next(held, UNBOUND)
    is_data = isinstance(value, Container | LazyStr) or plain(value) or (isinstance(value, Sym) and value.type.is_value)
    if not is_data or before is UNBOUND or hasattr(type(before), "__get__"):
        raise Escapes(cls)


def attribute(cx: Capture, obj: Tracked, name: str) -> StandIn:
    """`obj.name`, not called."""
    if name == "__class__":
        return obj.cls
    found, base = lookup(cx, obj.cls, name)
    if isinstance(found, property):
        return _property(cx, obj, found, name)
    if _is_data_descriptor(found):
        raise Escapes(obj.cls)
    held = obj.fields.get("." + name, UNBOUND)
    if held is not UNBOUND:
        return _held(cx, obj, held, name)
    if base is None:
        check_bound(cx, obj.cls, name)
        raise no_attribute(cx.t, obj.cls.__name__, name, obj)
    if isinstance(found, functools.cached_property):
        value = cx.call(found.func, (obj,), {})
        cx.t.write(obj, "." + name, value)
        return value
    return bound(cx, obj, obj.cls, found, obj.cls, name)


def _held(cx: Capture, obj: Tracked, held: StandIn, name: str) -> StandIn:
    if "$stale" in obj.fields:
        assert obj.stale is not None
        raise graph_break(STALE_STATE, cx.t.span, obj.stale.name)
    if isinstance(held, Unmergeable):
        raise graph_break(held.code, cx.t.span, held.what)
    value = held.index if isinstance(held, Choice) else held.value if isinstance(held, Sym) else None
    if value is not None and value.type.maybe:  # set in one arm of a branch alone
        raise graph_break(TWO_KINDS, cx.t.span, f"`.{name}`")
    return held


def _property(cx: Capture, obj: Tracked, found: property, name: str) -> StandIn:
    if found.fget is None:
        raise ProgramRaise(AttributeError, (f"property {name!r} of {obj.cls.__name__!r} object has no getter",))
    return cx.call(found.fget, (obj,), {})


def _is_data_descriptor(found: StandIn) -> bool:
    return found is not UNBOUND and (hasattr(type(found), "__set__") or hasattr(type(found), "__delete__"))


def bound(cx: Capture, obj: Tracked, cls: type, found: StandIn, base: type, name: str) -> StandIn:
    """What a class has under a name, as reading it from an object of the class gives it."""
    if isinstance(found, FunctionType):
        return PartialCall(found, (obj,), {})
    if isinstance(found, staticmethod):
        return found.__func__
    if isinstance(found, classmethod):
        return PartialCall(found.__func__, (cls,), {})
    if is_program(found) or hasattr(type(found), "__get__"):
        raise Escapes(obj.cls)
    return cx.bake_attribute(base, name)


def class_attribute(cx: Capture, cls: type, name: str) -> StandIn:
    """A method of a class read from the class itself: UNBOUND for all that is read as any attribute is."""
    if not is_plain(cls, cx.opaque):
        return UNBOUND
    found, _ = lookup(cx, cls, name)
    return PartialCall(found.__func__, (cls,), {}) if isinstance(found, classmethod) else UNBOUND


def of_super(cx: Capture, x: Super, name: str) -> StandIn:
    """`super().name`."""
    if not isinstance(x.owner, Tracked):
        raise graph_break(NO_RULE, cx.t.span, "`super()` of an object that was not made in the program")
    found, base = lookup(cx, x.owner.cls, name, x.after)
    if base is None:
        raise ProgramRaise(AttributeError, (f"'super' object has no attribute {name!r}",))
    if isinstance(found, property):
        return _property(cx, x.owner, found, name)
    if base is object and name == "__init__":
        return _nothing
    if _is_data_descriptor(found) or base is object:
        raise Escapes(x.owner.cls)
    if is_generated(base, name) and name == "__init__":
        return PartialCall(DataclassInit(base), (x.owner,), {})
    return bound(cx, x.owner, x.owner.cls, found, base, name)


def method_of_live(cx: Capture, x: Sym, name: str) -> StandIn:
    """A method of an object that was there before the program, to be looked into; UNBOUND where it cannot be.

    Its attributes are read and written when the program runs; only what the method is must be known.
    """
    obj = cx.live.get(x.value.name, UNBOUND)
    cls = type(obj)
    if obj is UNBOUND or cx.t.live_touched or isinstance(obj, type) or not _has_plain_lookup(cls):
        return UNBOUND
    held = getattr(obj, "__dict__", {})
    cx.guard(lambda: (type(obj) is cls, name in held), (True, False), ("method", id(obj), name))
    found, base = lookup(cx, cls, name)
    if name in held or base is None:
        return UNBOUND
    if isinstance(found, FunctionType) and has_own_source(found.__code__.co_filename):
        return PartialCall(found, (x,), {})
    if isinstance(found, staticmethod | classmethod):
        return found.__func__ if isinstance(found, staticmethod) else PartialCall(found.__func__, (cls,), {})
    return UNBOUND


def attribute_of_live(cx: Capture, x: Sym, name: str) -> StandIn:
    """What an object that was there before the program has as a live attribute, while nothing can have changed it.

    UNBOUND where that is no object of a class of the user's: what it is makes no difference then, and the run reads it.
    """
    obj = cx.live.get(x.value.name, UNBOUND)
    held = getattr(obj, "__dict__", {})
    known = obj is not UNBOUND and not cx.t.live_touched and _has_plain_lookup(type(obj)) and name in held
    if not known or hasattr(type(obj), name) or not is_own_object(held[name]):
        return UNBOUND
    return cx.bake(held[name], lambda: held[name], ("attribute", id(obj), name))


def is_own_object(x: object) -> bool:
    """True for an object of a class of the user's."""
    return not isinstance(x, type) and _has_plain_lookup(type(x))


def _has_plain_lookup(cls: type) -> bool:
    """True for a class of the user's whose objects are asked for attributes in Python's own way."""
    hooked = any("__getattribute__" in base.__dict__ for base in cls.__mro__[:-1])
    return type(cls) in (type, abc.ABCMeta) and is_own(cls) and not hooked


def _nothing() -> None:
    """`object.__init__` of an object."""


@dataclasses.dataclass(frozen=True, slots=True)
class DataclassInit:
    """The `__init__` that `dataclass` wrote for a class."""

    cls: type


def set_attribute(cx: Capture, obj: Tracked, name: str, value: StandIn) -> None:
    """`obj.name = value`."""
    found, _ = lookup(cx, obj.cls, name)
    frozen = next((base for base in obj.cls.__mro__ if is_frozen(base)), None)
    if frozen is not None:
        raise ProgramRaise(dataclasses.FrozenInstanceError, (f"cannot assign to field {name!r}",))
    if isinstance(found, property):
        if found.fset is None:
            raise ProgramRaise(AttributeError, (f"property {name!r} of {obj.cls.__name__!r} object has no setter",))
        cx.call(found.fset, (obj, value), {})
        return
    if _is_data_descriptor(found):
        raise Escapes(obj.cls)
    cx.t.write(obj, "." + name, value)


def has_attribute(cx: Capture, obj: Tracked, name: str) -> bool:
    """`hasattr(obj, name)`. Raises Escapes where code of the class would have to say."""
    found, base = lookup(cx, obj.cls, name)
    if isinstance(found, property):
        raise Escapes(obj.cls)
    held = obj.fields.get("." + name, UNBOUND)
    if held is not UNBOUND:
        _held(cx, obj, held, name)
    else:
        check_bound(cx, obj.cls, name)
    return held is not UNBOUND or base is not None


def special(cx: Capture, obj: Tracked, name: str) -> StandIn:
    """A method that Python itself calls, such as `__call__`, bound; None where the class has none but `object`'s."""
    found, base = lookup(cx, obj.cls, name)
    if base is None or base is object or found is None:
        check_bound(cx, obj.cls, name)
        return None
    if not isinstance(found, FunctionType) or is_generated(base, name):
        raise Escapes(obj.cls)
    return PartialCall(found, (obj,), {})
