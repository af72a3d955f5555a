"""Making objects of the program's own classes: `__init__` is traced, a dataclass is filled field by field."""

from __future__ import annotations

import ast
import dataclasses
import functools
from types import FunctionType

from lmc.parser.capture import objects
from lmc.parser.capture.context import Capture
from lmc.parser.capture.functions import bound_parameters
from lmc.parser.capture.ownership import has_own_source
from lmc.parser.capture.scope import Scope
from lmc.parser.capture.tracer import ProgramRaise
from lmc.parser.capture.values import Closure, StandIn, Tracked

_FIELD_TYPE = "_field_type"  # says what is a field, a class variable, or an argument of `__init__` alone
_FACTORY = dataclasses.MISSING  # the argument of a field whose default is made anew for each object


def can_make(cx: Capture, cls: type) -> bool:
    """True for a plain class whose `__init__` can be followed."""
    found, base = objects.lookup(cx, cls, "__init__")
    assert base is not None, "object has one"
    if base is object:
        objects.check_bound(cx, cls, "__init__")
        return True
    if objects.is_generated(base, "__init__"):
        return all(_is_simple(field) for field in base.__dict__["__dataclass_fields__"].values())
    return isinstance(found, FunctionType) and has_own_source(found.__code__.co_filename)


def _is_simple(field: dataclasses.Field[object]) -> bool:
    kind = getattr(field, _FIELD_TYPE)
    return getattr(kind, "name", "") in ("_FIELD", "_FIELD_CLASSVAR")


def make(cx: Capture, cls: type, args: tuple[StandIn, ...], kwargs: dict[str, StandIn]) -> Tracked:
    """`cls(*args, **kwargs)`."""
    obj = Tracked(cx.t.born(), cls)
    found, base = objects.lookup(cx, cls, "__init__")
    if base is object or base is None:
        if args or kwargs:
            raise ProgramRaise(TypeError, (f"{cls.__name__}() takes no arguments",))
    elif objects.is_generated(base, "__init__"):
        fill(cx, base, (obj, *args), kwargs)
    else:
        cx.call(found, (obj, *args), kwargs)
    return obj


def fill(cx: Capture, cls: type, args: tuple[StandIn, ...], kwargs: dict[str, StandIn]) -> None:
    """The `__init__` of a dataclass, called with the object and what it is made of."""
    fields = dataclasses.fields(cls)
    values = bound_parameters(cx, _signature(cx, cls), args, kwargs)
    obj = values["self"]
    assert isinstance(obj, Tracked)
    for field in fields:
        if field.init:
            value = values[field.name]
        elif field.default_factory is not dataclasses.MISSING:
            value = _FACTORY
        elif field.default is not dataclasses.MISSING:
            continue  # what the class has under the name
        else:
            continue
        if value is _FACTORY:
            value = cx.call(field.default_factory, (), {})
        cx.t.write(obj, "." + field.name, value)
    after, base = objects.lookup(cx, obj.cls, "__post_init__")
    if base is not None:
        cx.call(after, (obj,), {})


def _signature(cx: Capture, cls: type) -> Closure:
    """The parameters of a dataclass's `__init__`, as a function that is never run."""
    fields = [field for field in dataclasses.fields(cls) if field.init]
    by_place, by_name = [f for f in fields if not f.kw_only], [f for f in fields if f.kw_only]
    node = _parameters(tuple(f.name for f in by_place), tuple(f.name for f in by_name))
    defaults = tuple(_default(cx, f) for f in by_place if _has_default(f))
    keyword = {f.name: _default(cx, f) for f in by_name if _has_default(f)}
    scope = Scope("", None, {}, frozenset())
    return Closure(node, scope, None, defaults, keyword, {}, f"{cls.__qualname__}.__init__")


@functools.lru_cache(maxsize=1024)
def _parameters(by_place: tuple[str, ...], by_name: tuple[str, ...]) -> ast.Lambda:
    args = [ast.arg(name) for name in ("self", *by_place)]
    spec = ast.arguments([], args, None, [ast.arg(name) for name in by_name], [None] * len(by_name), None, [])
    made = ast.Lambda(spec, ast.Constant(None))
    return ast.fix_missing_locations(ast.copy_location(made, ast.Pass(lineno=1, col_offset=0)))


def _has_default(field: dataclasses.Field[object]) -> bool:
    return field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING


def _default(cx: Capture, field: dataclasses.Field[object]) -> StandIn:
    return _FACTORY if field.default is dataclasses.MISSING else cx.given(field.default)
