"""What a graph may name of Python's own: the externs that bind themselves, so that a saved graph runs anywhere.

Most are pure on ordinary values; a call of one with a live object or an untyped argument is ordered instead, as that
runs the object's own code. The rest is what capture itself writes for a statement, which nobody could bind by hand,
and the exceptions that programs raise. Nothing here imports, opens, prints or evaluates: such functions stay the
user's to bind.
"""

from __future__ import annotations

import bisect
import builtins
import collections.abc
import copy
import json
import math
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lmc.ir.binding import apply_spread, bound_arguments, joined_arguments, merged_options, method_spread
from lmc.ir.documents import with_documents
from lmc.ir.ops import unpacked
from lmc.ir.types import ANY, BOOL, DATA, FLOAT, INT, STR, Type


@dataclass(frozen=True, slots=True)
class Builtin:
    """A pure function and the type of what it gives."""

    fn: Callable[..., Any]
    type: Type


def _typed(names: str, type: Type) -> dict[str, Builtin]:
    return {n: Builtin(getattr(builtins, n), type) for n in names.split()}


BUILTINS: dict[str, Builtin] = {
    **_typed("int ord hash", INT),
    **_typed("float", FLOAT),
    **_typed("str repr ascii chr bin hex oct format", STR),
    **_typed("bool isinstance callable all any", BOOL),
    **_typed("abs round min max sum pow divmod sorted list tuple dict set frozenset range bytes complex slice", DATA),
    "len": Builtin(len, INT),
}

# methods asked for by their class: `map(str.strip, lines)`, `set.union(*groups)`
BUILTINS |= {
    f"{cls.__name__}.{name}": Builtin(getattr(cls, name), type)
    for cls, names, type in (
        (
            str,
            "strip lstrip rstrip lower upper title capitalize casefold swapcase replace zfill center ljust rjust",
            STR,
        ),
        (str, "removeprefix removesuffix", STR),
        (str, "startswith endswith isdigit isalpha isalnum isspace isupper islower isnumeric isdecimal", BOOL),
        (str, "count find", INT),
        (str, "split splitlines", DATA),
        (set, "union intersection difference symmetric_difference", DATA),
        (set, "issubset issuperset isdisjoint", BOOL),
    )
    for name in names.split()
}

# pure functions of the standard library: by the object, with the type of what they give
PURE: dict[Callable[..., Any], Type] = {
    **{b.fn: b.type for b in BUILTINS.values()},
    json.loads: DATA, json.dumps: STR,
    re.sub: STR, re.escape: STR, re.findall: DATA, re.split: DATA, re.search: DATA, re.match: DATA, re.fullmatch: DATA,
    bisect.bisect_left: INT, bisect.bisect_right: INT,
    math.sqrt: FLOAT, math.log: FLOAT, math.exp: FLOAT, math.floor: INT, math.ceil: INT, math.isclose: BOOL,
}  # fmt: skip


def _named(name: str, fn: Callable[..., Any]) -> Callable[..., Any]:
    fn.__qualname__ = fn.__name__ = name
    return fn


def _unpack_starred(before: int, after: int, xs: Any) -> tuple[Any, ...]:
    items = list(unpacked(xs))
    if len(items) < before + after:
        raise ValueError(f"not enough values to unpack (expected at least {before + after}, got {len(items)})")
    return (*items[:before], items[before : len(items) - after], *items[len(items) - after :])


def _merged(*mappings: Any) -> dict[Any, Any]:
    out: dict[Any, Any] = {}
    for mapping in mappings:
        out = {**out, **mapping}
    return out


def _gather(xs: Any, order: list[int]) -> list[Any]:
    items = list(xs)
    return [items[i] for i in order]


def _apply(fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    return fn(*args, **kwargs)


def _pure(name: str, fn: Callable[..., Any]) -> Callable[..., Any]:
    """Enter a pure function of our own, which gives data."""
    BUILTINS[name] = Builtin(_named(name, fn), DATA)
    PURE[fn] = DATA
    return fn


unpack_starred = _pure("unpack_starred", _unpack_starred)  # `a, *b, c = xs`
merged = _pure("merged", _merged)  # `{**a, **b}`
gather = _pure("gather", _gather)  # the items at the given indices: `sorted(xs, key=...)` by the order of the keys


def _sequence_parts(x: Any, num: int, star: int | None) -> tuple[Any, ...] | None:
    if not isinstance(x, collections.abc.Sequence) or isinstance(x, str | bytes | bytearray):
        return None
    length = len(x)
    if length != num if star is None else length < num - 1:
        return None
    if star is None:
        return tuple(x[i] for i in range(num))
    after = num - star - 1
    first, last = [x[i] for i in range(star)], [x[i] for i in range(length - after, length)]
    return (*first, [x[i] for i in range(star, length - after)], *last)


def _mapping_parts(x: Any, keys: tuple[Any, ...], rest: bool) -> tuple[Any, ...] | None:
    if not isinstance(x, collections.abc.Mapping) or len(x) < len(keys):
        return None
    none = object()
    values = tuple(x.get(key, none) for key in keys)
    if any(value is none for value in values):
        return None
    return (*values, {key: value for key, value in dict(x).items() if key not in keys}) if rest else values


def _class_parts(x: Any, names: tuple[str, ...]) -> tuple[Any, ...] | None:
    try:
        return tuple(getattr(x, name) for name in names)
    except AttributeError:
        return None


def _parts_by_class(x: Any, cls: Any, num: int, names: tuple[str, ...]) -> tuple[Any, ...] | None:
    """Of a pattern `cls(_, _, name=_)`, with a class that only the run knows: asked for one by one, as Python does."""
    if not isinstance(cls, type):
        raise TypeError("called match pattern must be a class")
    if not isinstance(x, cls):
        return None
    itself, first = _parts_by_place(x, cls, num)
    parts: dict[str, Any] = {}
    for name in (*first, *names):
        if type(name) is not str:
            raise TypeError(f"__match_args__ elements must be strings (got {type(name).__name__})")
        if name in parts:
            raise TypeError(f"{cls.__name__}() got multiple sub-patterns for attribute {name!r}")
        try:
            parts[name] = getattr(x, name)
        except AttributeError:
            return None
    return (*itself, *parts.values())


def _parts_by_place(x: Any, cls: type, num: int) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """The object itself where a pattern without a name is matched against it, else the names these stand for."""
    names = getattr(cls, "__match_args__", None) if num else ()
    if names is None:
        itself = bool(cls.__flags__ & _MATCHES_ITSELF)
        allowed, parts = int(itself), ((x,), ()) if itself else ((), ())
    elif type(names) is tuple:
        allowed, parts = len(names), ((), names[:num])
    else:
        raise TypeError(f"{cls.__name__}.__match_args__ must be a tuple (got {type(names).__name__})")
    if num > allowed:
        some = f"{allowed} positional sub-pattern{'s' * (allowed != 1)}"
        raise TypeError(f"{cls.__name__}() accepts {some} ({num} given)")
    return parts


_MATCHES_ITSELF = 1 << 22  # Py_TPFLAGS_MATCH_SELF: int, str and the like, and what is derived from them

# what a pattern of `match` is about, None where it does not fit: the items, values or attributes
sequence_parts = _pure("sequence_parts", _sequence_parts)
mapping_parts = _pure("mapping_parts", _mapping_parts)
class_parts = _pure("class_parts", _class_parts)
parts_by_class = _pure("parts_by_class", _parts_by_class)

# iterators are one-pass and so no values: in a graph these give lists
for _name, _make in (("enumerate", enumerate), ("zip", zip), ("reversed", reversed)):
    PURE[_make] = PURE[_pure(_name, lambda *xs, _make=_make, **kw: list(_make(*xs, **kw)))]

# the iterators themselves, for what is stepped at run time: a live object that is drained ahead of its loop is wrong
LAZY: dict[Callable[..., Any], Callable[..., Any]] = {
    make: _named(f"{name}_iterator", lambda *xs, _make=make, **kw: _make(*xs, **kw))
    for name, make in (("enumerate", enumerate), ("zip", zip), ("reversed", reversed), ("map", map), ("filter", filter))
}


def _exception_matches(error: BaseException, *kinds: type) -> bool:
    return any(kind in type(error).__mro__ for kind in kinds)


def _exception_in(error: BaseException, kinds: Any) -> bool:
    every = kinds if isinstance(kinds, tuple) else (kinds,)
    if not all(isinstance(kind, type) and issubclass(kind, BaseException) for kind in every):
        raise TypeError("catching classes that do not inherit from BaseException is not allowed")
    return _exception_matches(error, *every)


def _raised(x: Any, cause: Any = ...) -> BaseException:
    error = x() if isinstance(x, type) and issubclass(x, BaseException) else x
    if not isinstance(error, BaseException):
        raise TypeError("exceptions must derive from BaseException")
    if cause is not ...:
        made = cause() if isinstance(cause, type) and issubclass(cause, BaseException) else cause
        if made is not None and not isinstance(made, BaseException):
            raise TypeError("exception causes must derive from BaseException")
        error.__cause__ = made
    return error


def _generator_raised(error: BaseException) -> BaseException:
    if StopIteration not in type(error).__mro__:
        return error
    made = RuntimeError("generator raised StopIteration")
    made.__cause__ = error
    return made


def _enter_context(manager: Any) -> Any:
    kind = type(manager)
    missing = f"{kind.__name__!r} object does not support the context manager protocol"
    if not hasattr(kind, "__enter__"):
        raise TypeError(missing)
    if not hasattr(kind, "__exit__"):
        raise TypeError(f"{missing} (missed __exit__ method)")
    return kind.__enter__(manager)


def _leave_context(manager: Any, error: BaseException | None = None) -> Any:
    if error is None:
        return type(manager).__exit__(manager, None, None, None)
    return type(manager).__exit__(manager, type(error), error, error.__traceback__)


def _read_global(module: dict[str, Any], name: str) -> Any:
    if name in module:
        return module[name]
    if hasattr(builtins, name):
        return getattr(builtins, name)
    raise NameError(f"name {name!r} is not defined")


exception_matches = _named("exception_matches", _exception_matches)  # `except`: looks at the class alone
BUILTINS["exception_matches"] = Builtin(exception_matches, BOOL)
exception_in = _named("exception_in", _exception_in)  # the same of classes that only the run knows
BUILTINS["exception_in"] = Builtin(exception_in, BOOL)
apply = _named("apply", _apply)  # a call of a function that is itself a run-time value
raised = _named("raised", _raised)  # `raise x from y` of run-time values: what is raised
generator_raised = _named("generator_raised", _generator_raised)  # what comes out of a generator that raises this
enter_context = _named("enter_context", _enter_context)
leave_context = _named("leave_context", _leave_context)
read_global = _named("read_global", _read_global)  # of a variable that the program itself binds
# what statements on live objects become, and calls with stars; ordered where they run code that is not followed
STATEMENTS: dict[str, Callable[..., Any]] = {
    "apply": apply, "raised": raised, "generator_raised": generator_raised,
    "enter_context": enter_context, "leave_context": leave_context, "read_global": read_global,
    "delattr": delattr, "delitem": operator.delitem, "setattr": setattr, "setitem": operator.setitem,
    "deepcopy": copy.deepcopy, "with_documents": with_documents,
    **{fn.__name__: fn for fn in (apply_spread, method_spread, bound_arguments, joined_arguments, merged_options)},
    "iter": iter, "next": next, **{fn.__name__: fn for fn in LAZY.values()},
}  # fmt: skip
BUILTINS.update({name: Builtin(fn, ANY) for name, fn in STATEMENTS.items()})

_EXCEPTIONS = {n: x for n, x in vars(builtins).items() if isinstance(x, type) and issubclass(x, BaseException)}
# every object that binds itself, by the label its extern has in the text of a graph
BY_LABEL: dict[str, object] = {
    **{f"{fn.__module__}.{fn.__qualname__}": fn for fn in PURE if getattr(fn, "__module__", __name__) != __name__},
    **{f"builtins.{name}": x for name, x in _EXCEPTIONS.items()},
    **{f"builtins.{name}": each.fn for name, each in BUILTINS.items()},
}
