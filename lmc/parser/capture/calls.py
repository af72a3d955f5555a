"""Calls: primitives run, the program's own functions are looked into, pure builtins compute, all else is a host call.

Side effects decide. While tracing only primitives, traced functions and pure functions of values run, as the graph will
be run many times, or never. Everything else becomes a node that runs when the program does, in program order: even
`print("x")`, whose operands are all known. In order of precedence, as `call` asks:

    a method, or a function of the program   traced
    a primitive                              makes an expression, to be appended
    another lmc program                      traced, with a prompt of its own
    `len`, `zip`, `sorted`, ...              have rules of their own, as they may be given states (SPECIAL)
    a pure function                          computed where all is known, else a host op without effect
    a function in the user's files           looked into; where that breaks and no state is given to it, a host call
    anything else                            a host call, ordered
"""

from __future__ import annotations

import abc
import ast
import copy
import functools
import inspect
import itertools
import operator
import re
import sys
import time
from collections.abc import Callable, Collection, Mapping
from functools import lru_cache, partial
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any, TypeGuard

from lmc.codes import CHANGED_WHILE_WALKED, DEFERRED, NO_RULE, OUT_OF_SIGHT, RUN_TIME_PARAMETER, STATE_GIVEN_AWAY
from lmc.errors import ArgumentError, CaptureError, ConstraintError, did_you_mean
from lmc.ir.binding import apply_spread, method_spread
from lmc.ir.builtins import BUILTINS, PURE, apply, gather
from lmc.ir.graph import Atom, Lit, Value
from lmc.ir.types import ANY, BOOL, DATA, INT, REF, STATES, STR
from lmc.parser.capture import (
    choices,
    comprehensions,
    fixed,
    given_functions,
    instances,
    looking,
    objects,
    rows,
    spread,
    state_lists,
)
from lmc.parser.capture.breaks import graph_break
from lmc.parser.capture.context import Capture
from lmc.parser.capture.expressions import attribute, item
from lmc.parser.capture.functions import closure_of, run_bound, run_closure, run_inner, run_program
from lmc.parser.capture.iteration import (
    effectless,
    filter_over,
    has_code,
    iterator,
    listed,
    map_over,
)
from lmc.parser.capture.merge import choose
from lmc.parser.capture.methods import MUTATORS, TEXT_RESULTS, call_method
from lmc.parser.capture.out_of_sight import reaches_program
from lmc.parser.capture.spread import Spread
from lmc.parser.capture.tracer import Arm, ProgramRaise, has_live, kind, ordinary, wrap
from lmc.parser.capture.values import (
    UNBOUND,
    Choice,
    Closure,
    Columns,
    Container,
    DictView,
    Escapes,
    Frame,
    Generator,
    InnerProgram,
    LazyStr,
    LmProgram,
    Method,
    Once,
    PartialCall,
    StandIn,
    StateCell,
    Super,
    Sym,
    Tracked,
    Unmergeable,
    is_literal,
    is_ordinary,
    is_program,
    known_items,
    plain,
)
from lmc.parser.primitives import MAKERS, PRIMITIVES, STATIC


def call_node(cx: Capture, node: ast.Call) -> StandIn:
    """A call expression."""
    # in Python's order, the function first: each of these may emit nodes with effects
    fn = cx.eval(node.func) if not isinstance(node.func, ast.Attribute) else _bound(cx, node.func)
    # a single star is walked over when the call is made, any other where it stands
    late = len(node.args) == 1
    parts: list[tuple[bool, StandIn]] = []
    for arg in node.args:
        if isinstance(arg, ast.Starred):
            parts.extend([(True, cx.eval(arg.value))] if late else _starred(cx, cx.eval(arg.value), arg))
        else:
            parts.append((False, cx.eval(arg)))
    before: dict[str, StandIn] = {}
    after: dict[str, StandIn] = {}
    options: StandIn = None
    for keyword in node.keywords:
        value = cx.eval(keyword.value)
        names = before if options is None else after
        if keyword.arg is not None:
            names[keyword.arg] = value
        elif isinstance(value, Container) and isinstance(value.content, dict):
            _check_names(cx, value.content, {**before, **after}, node)
            names.update(value.content)
        else:
            if after:
                raise graph_break(NO_RULE, cx.at(node), "`**` of a run-time mapping behind another and a keyword")
            cx.at(node)
            options = spread.options_of(cx, fn, before, options, value)
    cx.at(node)
    if late and parts[0][0]:
        parts = _starred(cx, parts[0][1], node)
    if options is None and not any(star for star, _ in parts):
        return call(cx, fn, tuple(x for _, x in parts), before)
    return _spread(cx, fn, Spread(tuple(parts), before, options, after))


def _starred(cx: Capture, x: StandIn, node: ast.AST) -> list[tuple[bool, StandIn]]:
    """The arguments that a star makes; one for all of them, copied, where only the run knows how many."""
    x = listed(cx, x)
    items = known_items(x)
    if items is not None:
        return [(False, i) for i in items]
    cx.at(node)
    return [(True, x if isinstance(node, ast.Call) else call(cx, tuple, (x,), {}))]


def _spread(cx: Capture, fn: StandIn, given: Spread) -> StandIn:
    """A call with a star before what only the run knows."""
    if isinstance(fn, Choice):
        return choices.each(cx, fn, lambda option: _spread(cx, option, given))
    if isinstance(fn, PartialCall) and not fn.kwargs and not isinstance(fn.fn, objects.DataclassInit):
        return _spread(cx, fn.fn, given.behind(*fn.args))
    if isinstance(fn, Tracked) and (method := objects.special(cx, fn, "__call__")) is not None:
        return _spread(cx, method, given)
    if isinstance(fn, Closure):
        return run_bound(cx, fn, lambda: spread.parameters(cx, fn, given))
    if isinstance(fn, Method):
        return _spread_method(cx, fn, given)
    if _is_own(fn) and not _hashable_in(fn, PRIMITIVES):
        return _into(
            cx,
            fn,
            given.every,
            lambda f: run_bound(cx, f, lambda: spread.parameters(cx, f, given)),
            lambda: _spread_of_python(cx, fn, given),
        )
    if isinstance(fn, type) and objects.is_plain(fn, cx.opaque) and instances.can_make(cx, fn):
        found, base = objects.lookup(cx, fn, "__init__")
        if (
            not isinstance(found, FunctionType)
            or base is None
            or base is object
            or objects.is_generated(base, "__init__")
        ):
            raise Escapes(fn)
        obj = Tracked(cx.t.born(), fn)
        _spread(cx, found, given.behind(obj))
        return obj
    return _spread_of_python(cx, fn, given)


def _spread_of_python(cx: Capture, fn: StandIn, given: Spread) -> StandIn:
    """Such a call of a function that is not looked into."""
    if any(map(_has_state, given.every)):
        raise graph_break(STATE_GIVEN_AWAY, cx.t.span, f"`{getattr(fn, '__qualname__', 'a function')}`")
    if isinstance(fn, Sym) or (isinstance(fn, Container) and not fn.is_static):
        _check_in_sight(cx)
        return spread.by_python(cx, apply_spread, (cx.t.atom(fn),), given, effect="ordered", out=ANY)
    special = _hashable_in(fn, SPECIAL) and fn not in PURE and getattr(fn, "__module__", "") != "itertools"
    ours = _program_of(fn) is not None or _hashable_in(fn, PRIMITIVES) or _hashable_in(fn, CLOCKS)
    if not is_ordinary(fn) or special or ours:
        raise spread.refuse(cx, given)
    fixed.check_call(cx, fn)
    if looking.is_a(fn, (FunctionType, MethodType, type)) and reaches_program(fn):
        raise graph_break(OUT_OF_SIGHT, cx.t.span, f"`{getattr(fn, '__qualname__', fn)}`")
    is_pure = _hashable_in(fn, PURE) and not any(isinstance(x, Closure) or has_live(x) for x in given.every)
    effect = "none" if is_pure else "ordered"
    name = getattr(fn, "__name__", "")
    if name in ("enumerate", "zip", "reversed") and is_pure:
        fn = BUILTINS[name].fn
    atom = Lit(fn) if is_literal(fn) else cx.t.host("extern", type=REF, fn=cx.t.extern(fn, effect, REF))
    out = PURE[fn] if _hashable_in(fn, PURE) and is_pure else ANY
    return spread.by_python(cx, apply_spread, (atom,), given, effect=effect, out=out)


def _spread_method(cx: Capture, m: Method, given: Spread) -> StandIn:
    """`"{a} {b}".format(**values)`, `d.update(**more)` and the like."""
    x = m.receiver
    if isinstance(x, StateCell) or any(map(_has_state, (x, *given.every))):
        raise spread.refuse(cx, given)
    if m.name in MUTATORS:
        # as one argument it is the same, its keys are names
        if m.name != "update" or given.parts or given.before or given.after:
            raise spread.refuse(cx, given)
        return call_method(cx, m, (given.options,), {})
    live = any(map(has_live, (x, *given.every)))
    receiver = cx.argument(x) if live else cx.t.value_atom(x)
    is_text = kind(receiver) == STR
    out = ANY if live else TEXT_RESULTS.get(m.name, DATA) if is_text else DATA
    effect = "ordered" if live else "none"
    return spread.by_python(cx, method_spread, (receiver, Lit(m.name)), given, effect=effect, out=out)


def _check_names(cx: Capture, content: dict[object, StandIn], given: dict[str, StandIn], node: ast.Call) -> None:
    """What `**` unpacks must be names, none of them given before: Python raises a TypeError."""
    for name in content:
        if not isinstance(name, str) or name in given:
            raise graph_break(NO_RULE, cx.at(node), f"`**` with {name!r}, given before or not a name,")


def _bound(cx: Capture, node: ast.Attribute) -> StandIn:
    """`receiver.name` about to be called."""
    receiver = cx.eval(node.value)
    cx.at(node)
    if isinstance(receiver, Tracked | Super | Choice):
        return attribute(cx, receiver, node.attr)
    if isinstance(receiver, InnerProgram) and node.attr == "run":
        return receiver
    if isinstance(receiver, type):
        method = objects.class_attribute(cx, receiver, node.attr)
        if method is not UNBOUND:
            return method
    if is_ordinary(receiver) and not is_literal(receiver):
        return cx.bake_attribute(receiver, node.attr)
    # raised here, before the arguments are traced: Python looks the attribute up first
    known = _class_of(receiver)
    if known is not None and not hasattr(known, node.attr):
        raise ProgramRaise(AttributeError, (f"{known.__name__!r} object has no attribute {node.attr!r}",))
    return Method(receiver, node.attr)


def _class_of(x: StandIn) -> type | None:
    """The class of what a stand-in stands for, where that is sure."""
    if isinstance(x, Container):
        is_list = x.kind == "list" and (x.is_static or x.value.type in (DATA, STATES))
        return {"dict": dict, "set": set}.get(x.kind) if x.is_static else list if is_list else None
    if isinstance(x, Sym):
        return None if x.type.maybe else {"str": str, "int": int, "float": float, "bool": bool}.get(x.type.name)
    return str if isinstance(x, LazyStr) else type(x) if isinstance(x, tuple) or is_literal(x) else None


def call(cx: Capture, fn: StandIn, args: tuple[StandIn, ...], kwargs: dict[str, StandIn]) -> StandIn:
    """Call a stand-in or an ordinary function."""
    if isinstance(fn, Method):
        method = _live_method(cx, fn, (*args, *kwargs.values()))
        return call_method(cx, fn, args, kwargs) if method is UNBOUND else call(cx, method, args, kwargs)
    if isinstance(fn, PartialCall):
        return _partial(cx, fn, args, kwargs)
    if isinstance(fn, Choice):
        made = all(is_ordinary(option) and _hashable_in(option, PRIMITIVES) for option in fn.options)
        return (choices.unmixed if made else choices.each)(cx, fn, lambda option: call(cx, option, args, kwargs))
    if isinstance(fn, Tracked):
        return _object(cx, fn, args, kwargs)
    if isinstance(fn, InnerProgram):
        return run_inner(cx, fn, args, kwargs)
    if isinstance(fn, Closure):
        return run_closure(cx, fn, args, kwargs)
    if isinstance(fn, Sym):
        method = _live_method(cx, Method(fn, "__call__"), (*args, *kwargs.values()))
        return _host_value_call(cx, fn, args, kwargs) if method is UNBOUND else call(cx, method, args, kwargs)
    if isinstance(fn, Container) and not fn.is_static and not fn.holds_states:
        return _host_value_call(cx, Sym(fn.value), args, kwargs)
    if isinstance(fn, Unmergeable):
        raise graph_break(fn.code, cx.t.span, fn.what)
    if not is_ordinary(fn):
        known = _class_of(fn)
        raise ProgramRaise(TypeError, (f"{known.__name__ if known else 'object'!r} object is not callable",))
    if _hashable_in(fn, PRIMITIVES):
        return _primitive(cx, fn, args, kwargs)
    program = _program_of(fn)
    if program is not None:
        return run_program(cx, program, args, kwargs)
    # a rule may decline: what it knows nothing better for is a pure function like any other
    if _hashable_in(fn, SPECIAL):
        done = SPECIAL[fn](cx, *args, **kwargs)
        if done is not NotImplemented:
            return done
    # a function that is given a function is no more pure than that
    if _hashable_in(fn, PURE) and not any(isinstance(x, Closure) for x in (*args, *kwargs.values())):
        return _pure(cx, fn, args, kwargs)
    if objects.is_plain(fn, cx.opaque) and instances.can_make(cx, fn):
        return instances.make(cx, fn, args, kwargs)
    return _other(cx, fn, args, kwargs)


def _partial(cx: Capture, fn: PartialCall, args: tuple[StandIn, ...], kwargs: dict[str, StandIn]) -> StandIn:
    if "$keys" in fn.kwargs and len(args) == 1 and not kwargs:
        return _picked(cx, fn, args[0])
    every, named = (*fn.args, *args), {**fn.kwargs, **kwargs}
    if isinstance(fn.fn, objects.DataclassInit):
        instances.fill(cx, fn.fn.cls, every, named)
        return None
    return call(cx, fn.fn, every, named)


def _live_method(cx: Capture, fn: Method, given: tuple[StandIn, ...]) -> StandIn:
    """A method of a live object that is given what Python cannot be: then it must be looked into. Else UNBOUND."""
    if not isinstance(fn.receiver, Sym) or not any(_has_state(x) or isinstance(x, _OURS) for x in given):
        return UNBOUND
    return objects.method_of_live(cx, fn.receiver, fn.name)


_OURS = (InnerProgram, Closure, PartialCall, Tracked, Choice)


def _object(cx: Capture, obj: Tracked, args: tuple[StandIn, ...], kwargs: dict[str, StandIn]) -> StandIn:
    method = objects.special(cx, obj, "__call__")
    if method is None:
        raise ProgramRaise(TypeError, (f"{obj.cls.__name__!r} object is not callable",))
    return call(cx, method, args, kwargs)


def _hashable_in(fn: StandIn, table: Collection[Callable[..., Any]]) -> TypeGuard[Callable[..., Any]]:
    """True where `fn` is one of the functions of a table; what has a hash of its own is in none."""
    return looking.can_hash(fn) and fn in table


def _program_of(fn: StandIn) -> LmProgram | None:
    """The raw function of an lmc program, or of its bound `run`."""
    if isinstance(fn, MethodType) and fn.__name__ == "run":
        fn = fn.__self__
    return fn if is_program(fn) else None


def _primitive(cx: Capture, fn: Callable[..., Any], args: tuple[StandIn, ...], kwargs: dict[str, StandIn]) -> StandIn:
    # grammars and tools are made while tracing, so what they are made of must be known by now
    given: Callable[[StandIn], StandIn] = partial(_known, cx, fn) if fn in MAKERS else partial(listed, cx)
    try:
        _check_static(cx, fn, args, kwargs)
        return fn(*map(given, args), **{k: given(v) for k, v in kwargs.items()})
    except (ArgumentError, ConstraintError) as error:
        error.span = error.span or cx.t.span
        raise
    # of the primitive's own signature: Python's words do not say what it does take
    except TypeError as error:
        names = [n for n in inspect.signature(fn).parameters if n != "params"]
        near = next((did_you_mean(k, names) for k in kwargs if k not in names), None)
        help = near or f"it takes {', '.join(names) or 'no argument'}"
        raise ArgumentError(str(error), span=cx.t.span, help=help) from None


def _check_static(cx: Capture, fn: Callable[..., Any], args: tuple[StandIn, ...], kwargs: dict[str, StandIn]) -> None:
    """A value of run time where the graph itself depends on it is a graph break."""
    for key, place in _static_places(fn, len(args), tuple(kwargs)):
        if not is_ordinary(args[place] if isinstance(place, int) else kwargs[place]):
            raise graph_break(RUN_TIME_PARAMETER, cx.t.span, key)


@lru_cache(1024)  # a program calls the few functions of the language in few ways
def _static_places(
    primitive: Callable[..., object], num_args: int, keywords: tuple[str, ...]
) -> tuple[tuple[str, int | str], ...]:
    """Which arguments of a call are static, each by its position or keyword; raises TypeError where it takes others."""
    bound = inspect.signature(primitive).bind(*range(num_args), **{name: name for name in keywords}).arguments
    params = bound.pop("params", {})
    places = *bound.items(), *((key, params[key]) for key in STATIC if key in params)
    return tuple((name, place) for name, place in places if name in STATIC)


def _known(cx: Capture, fn: Callable[..., Any], x: StandIn) -> StandIn:
    """What a grammar or tools are made of, as the Python value it is; functions among it are tools."""
    if isinstance(x, Container | tuple | list):
        items = known_items(x)
        if items is not None and any(isinstance(item, FunctionType | Closure | type) for item in items):
            return [_known(cx, fn, item) for item in items]
    if isinstance(x, FunctionType):
        return x
    try:
        return cx.python(x)
    except ValueError:
        raise graph_break(RUN_TIME_PARAMETER, cx.t.span, f"`{fn.__name__}`") from None


# --- pure functions --------------------------------------------------------------------------------------


def _pure(cx: Capture, fn: Callable[..., Any], args: tuple[StandIn, ...], kwargs: dict[str, StandIn]) -> StandIn:
    args = tuple(listed(cx, a) for a in args)
    name = getattr(fn, "__name__", "")
    fn = BUILTINS[name].fn if name in ("enumerate", "zip", "reversed") else fn  # an iterator is not a value, a list is
    if fn in _ORDERLESS:
        args = tuple(cx.unordered(a) for a in args)
    known = [cx.python_or(a) for a in args]
    known_kw = {k: cx.python_or(v) for k, v in kwargs.items()}
    # None in `known` is what only the run knows, unless the argument itself is None
    if all(k is not None or a is None for k, a in zip(known, args)) and all(
        v is not None or kwargs[k] is None for k, v in known_kw.items()
    ):
        return cx.owned(ordinary(fn, *known, **known_kw))
    if any(_has_state(a) for a in (*args, *kwargs.values())):
        raise graph_break(STATE_GIVEN_AWAY, cx.t.span, f"`{getattr(fn, '__name__', fn)}`")
    keys = tuple(sorted(kwargs))
    # a live object's own `__len__` or `__iter__` would run: then the order among effects counts
    odd = any(map(has_live, (*args, *kwargs.values())))
    give = cx.argument if odd else cx.t.value_atom
    atoms = [give(a) for a in args] + [give(kwargs[k]) for k in keys]
    out = ANY if odd and PURE[fn] == DATA else PURE[fn]
    made = "list" if fn in _LISTS else "set" if fn in _SETS else "data"
    return wrap(cx.t, cx.t.call(fn, *atoms, effect="ordered" if odd else "none", type=out, keys=keys), kind=made)


_ORDERLESS = (sorted, min, max, len)  # to these the order of a set makes no difference
_SETS = (set, set.union, set.intersection, set.difference, set.symmetric_difference)
_LISTS = (
    list,
    sorted,
    str.split,
    str.splitlines,
    re.findall,
    re.split,
    *(BUILTINS[n].fn for n in ("enumerate", "zip", "reversed")),
)


def _len(cx: Capture, x: StandIn) -> StandIn:
    if isinstance(x, Container):
        if x.is_static:
            return len(x.members)
        if x.holds_states:
            return state_lists.length(cx, x)
    if isinstance(x, tuple):
        return len(x)
    # `_pure` computes it
    if plain(x):
        return NotImplemented
    return Sym(cx.t.host("len", cx.t.value_atom(x), type=INT))


def _list(cx: Capture, x: StandIn = ()) -> StandIn:
    return _sequence(cx, x, "list")


def _tuple(cx: Capture, x: StandIn = ()) -> StandIn:
    x = listed(cx, x)
    items = known_items(x)
    return items if items is not None else _pure(cx, tuple, (x,), {})


def _sequence(cx: Capture, x: StandIn, kind_: str) -> StandIn:
    x = listed(cx, x)
    items = known_items(x)
    if items is not None:
        return Container(cx.t.born(), kind_, items)
    if isinstance(x, Container) and x.holds_states:
        return state_lists.all_of(cx, x)
    return _pure(cx, list, (x,), {})


def _dict(cx: Capture, x: StandIn = None, **kwargs: StandIn) -> StandIn:
    if x is None:
        return Container(cx.t.born(), "dict", dict(kwargs))
    if isinstance(x, Container) and x.kind == "dict" and isinstance(x.content, dict):
        return Container(cx.t.born(), "dict", {**x.content, **kwargs})
    x = listed(cx, x)
    items = known_items(x)
    pairs = [i for i in items or () if isinstance(i, tuple) and len(i) == 2 and is_literal(i[0])]
    if items is not None and len(pairs) == len(items):
        return Container(cx.t.born(), "dict", {**dict(pairs), **kwargs})
    return _pure(cx, dict, (x,), kwargs)


def _set(cx: Capture, x: StandIn = ()) -> StandIn:
    x = listed(cx, x)
    items = known_items(x)
    if items is not None and all(is_literal(i) for i in items):
        made = Container(cx.t.born(), "set", tuple(dict.fromkeys(items)))
        # made from one of these, it has room for all from the start, and so an order of its own
        if isinstance(x, DictView) or type(x) is frozenset or (isinstance(x, Container) and x.kind in ("set", "dict")):
            made.fields["$scrambled"] = ()
        return made
    return _pure(cx, set, (x,), {})


def _enumerate(cx: Capture, x: StandIn, start: StandIn = 0) -> StandIn:
    made = _once(cx, "enumerate", lambda: _enumerated(cx, x, start), x)
    return _as_builtin(made, enumerate, x, start)


# what these give is an iterator: made only where it is walked over, and once, from what its sources hold by then
def _once(cx: Capture, name: str, make: Callable[[], StandIn], *sources: StandIn, has_code: bool = False) -> Once:
    return Once(cx.t.born(), name, make, sources, has_code=has_code)


def _as_builtin(made: Once, builtin: Callable[..., Any], *args: StandIn, **kwargs: StandIn) -> Once:
    """Say which iterator of Python's it is, for where it is stepped at run time."""
    made.builtin, made.args, made.kwargs = builtin, args, kwargs
    return made


def _enumerated(cx: Capture, x: StandIn, start: StandIn) -> StandIn:
    x = listed(cx, x)
    items = known_items(x)
    if isinstance(start, int):
        if items is not None:
            return tuple(enumerate(items, start))
        if isinstance(x, Columns) or (isinstance(x, Container) and x.holds_states):
            return Columns((start, x))
    return _pure(cx, enumerate, (x, start), {})


def _zip(cx: Capture, *xs: StandIn, strict: StandIn = False) -> StandIn:
    mixed = len(xs) > 1 and any(has_code(cx, x) for x in xs)
    # zip takes from each in turn: the code of one would run between the items of the others
    if mixed:
        raise graph_break(DEFERRED, cx.t.span, "a part of `zip`")
    made = _once(cx, "zip", lambda: _zipped(cx, xs, strict), *xs)
    return _as_builtin(made, zip, *xs, **({} if strict is False else {"strict": strict}))


def _zipped(cx: Capture, xs: tuple[StandIn, ...], strict: StandIn) -> StandIn:
    columns = [listed(cx, x) for x in xs]
    known = [known_items(x) for x in columns]
    if all(k is not None for k in known) and isinstance(strict, bool):
        lengths = {len(k) for k in known if k is not None}
        if not strict or len(lengths) < 2:
            return tuple(zip(*(k for k in known if k is not None)))
    if any(isinstance(c, Container) and c.holds_states for c in columns) and strict is False:
        return Columns(tuple(_column(cx, c) for c in columns))
    return _pure(cx, zip, tuple(columns), {} if strict is False else {"strict": strict})


def _column(cx: Capture, x: StandIn) -> StandIn:
    if isinstance(x, Container):
        return x
    return wrap(cx.t, _as_value(cx, cx.t.atom(x)))


def _as_value(cx: Capture, atom: Atom) -> Value:
    if isinstance(atom, Value):
        return atom
    return cx.t.call(list, atom, effect="none", type=DATA)


def _reversed(cx: Capture, x: StandIn) -> StandIn:
    before = x.content if isinstance(x, Container) else ()
    return _as_builtin(_once(cx, "reversed", lambda: _backwards(cx, x, before), x), reversed, x)


def _backwards(cx: Capture, x: StandIn, before: StandIn) -> StandIn:
    """From the end as it was when `reversed` was called."""
    items = known_items(x)
    if items is not None and not (isinstance(x, Container) and x.kind == "set"):
        # a list that has become shorter than where it was to begin has nothing to give
        end = len(before) if isinstance(x, Container) and isinstance(before, tuple) else len(items)
        return items[:end][::-1] if end <= len(items) else ()
    if isinstance(x, Container) and x.content is not before:
        raise graph_break(CHANGED_WHILE_WALKED, cx.t.span)
    return _pure(cx, reversed, (x,), {})


def _range(cx: Capture, *bounds: StandIn) -> StandIn:
    if all(isinstance(b, int) for b in bounds):
        return ordinary(range, *bounds)
    return NotImplemented


def _any(cx: Capture, x: StandIn) -> StandIn:
    if has_code(cx, x) and not isinstance(x, Generator):
        raise graph_break(DEFERRED, cx.t.span, "what `any` walks over")
    return comprehensions.first(cx, x, True, False) if isinstance(x, Generator) else NotImplemented


def _all(cx: Capture, x: StandIn) -> StandIn:
    if has_code(cx, x) and not isinstance(x, Generator):
        raise graph_break(DEFERRED, cx.t.span, "what `all` walks over")
    return comprehensions.first(cx, x, False, True) if isinstance(x, Generator) else NotImplemented


def _next(cx: Capture, x: StandIn, *default: StandIn) -> StandIn:
    if isinstance(x, Once):
        raise graph_break(DEFERRED, cx.t.span, f"`next` of `{x.name}`")
    if not isinstance(x, Generator):
        return NotImplemented
    if not default:
        raise graph_break(NO_RULE, cx.t.span, "`next` without a default")
    return comprehensions.first(cx, x, None, default[0])


def _bool(cx: Capture, x: StandIn = False) -> StandIn:
    truth = cx.truth(x)
    return truth if isinstance(truth, bool) else Sym(truth)


def _str(cx: Capture, *xs: StandIn) -> StandIn:
    if len(xs) == 1 and isinstance(xs[0], LazyStr):
        return xs[0]
    if len(xs) == 1 and isinstance(xs[0], Sym) and xs[0].type == STR:
        return xs[0]
    return NotImplemented


def _isinstance(cx: Capture, x: StandIn, kinds: Any) -> StandIn:  # Any: whatever isinstance takes
    if isinstance(x, Tracked):
        return _isinstance_of(x.cls, kinds)
    if is_ordinary(kinds) and not looking.is_quiet_check(kinds):
        return Sym(_isinstance_one(cx, cx.t.value_atom(x), kinds))
    if isinstance(x, LazyStr):
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


def _getattr(cx: Capture, x: StandIn, name: StandIn, *default: StandIn) -> StandIn:
    if isinstance(x, Choice):
        return choices.unmixed(cx, x, lambda option: call(cx, getattr, (option, name, *default), {}))
    if isinstance(x, Tracked) and isinstance(name, str):
        if default and not objects.has_attribute(cx, x, name):
            return default[0]
        return attribute(cx, x, name)
    if isinstance(x, Tracked) and isinstance(name, Sym | LazyStr):
        return _method_by_name(cx, x, name, *default)
    return NotImplemented


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


def _hasattr(cx: Capture, x: StandIn, name: StandIn) -> StandIn:
    if isinstance(x, Tracked) and isinstance(name, str):
        return objects.has_attribute(cx, x, name)
    return NotImplemented


def _setattr(cx: Capture, x: StandIn, name: StandIn, value: StandIn) -> StandIn:
    if isinstance(x, Tracked) and isinstance(name, str):
        objects.set_attribute(cx, x, name, value)
        return None
    fixed.check_set(cx, x, name)
    if isinstance(x, type):
        objects.change_class(cx, x, name, value)
    return NotImplemented


def _delattr(cx: Capture, x: StandIn, name: StandIn) -> StandIn:
    fixed.check_set(cx, x, name)
    if isinstance(x, type):
        objects.change_class(cx, x, name)
    return NotImplemented


def _type(cx: Capture, x: StandIn, *more: StandIn) -> StandIn:
    return x.cls if isinstance(x, Tracked) and not more else NotImplemented


def _callable(cx: Capture, x: StandIn) -> StandIn:
    if isinstance(x, Tracked):
        return objects.special(cx, x, "__call__") is not None
    return True if isinstance(x, Closure | PartialCall) else NotImplemented


def _shuffled(fn: Callable[..., Any], *, at_once: bool) -> Callable[..., Any]:
    """A function of itertools that only picks among the items; `at_once`: it takes them all when it is called."""

    def rule(cx: Capture, *args: StandIn, **kwargs: StandIn) -> StandIn:
        if any(has_code(cx, a) for a in args) or not all(map(_is_plain_number, kwargs.values())):
            return NotImplemented
        if not any(_has_state(a) or _has_object(a) for a in args):
            return NotImplemented

        def make() -> StandIn:
            given = [a if _is_plain_number(a) else known_items(listed(cx, a)) for a in args]
            if any(a is None and b is not None for a, b in zip(given, args)):
                raise graph_break(STATE_GIVEN_AWAY, cx.t.span, f"`{fn.__name__}`")
            return tuple(ordinary(lambda: list(fn(*given, **kwargs))))

        if at_once:
            made = make()
            return _once(cx, fn.__name__, lambda: made)
        return _once(cx, fn.__name__, make, *(a for a in args if not _is_plain_number(a)))

    return rule


def _is_plain_number(x: StandIn) -> bool:
    return x is None or type(x) is int


def _has_object(x: StandIn) -> bool:
    items = known_items(x)
    return items is not None and any(map(rows.holds_more, items))


def _pick_items(x: Any, *keys: object) -> object:
    """What `operator.itemgetter` gives."""
    return operator.itemgetter(*keys)(x)


def _pick_attributes(x: Any, *names: str) -> object:
    """What `operator.attrgetter` gives."""
    return operator.attrgetter(*names)(x)


def _getter(pick: Callable[..., Any]) -> Callable[..., Any]:
    def rule(cx: Capture, *keys: StandIn) -> StandIn:
        if not keys or functools.partial in cx.opaque or not all(map(is_literal, keys)):
            return NotImplemented
        return PartialCall(pick, (), {"$keys": keys})

    return rule


def _picked(cx: Capture, fn: PartialCall, x: StandIn) -> StandIn:
    keys = fn.kwargs["$keys"]
    assert isinstance(keys, tuple)
    if fn.fn is _pick_items:
        found = tuple(item(cx, x, key) for key in keys)
    else:
        found = tuple(functools.reduce(lambda y, n: attribute(cx, y, n), str(key).split("."), x) for key in keys)
    return found[0] if len(found) == 1 else found


def _make_partial(cx: Capture, fn: StandIn = UNBOUND, *args: StandIn, **kwargs: StandIn) -> StandIn:
    known = not is_ordinary(fn) or _is_own(fn) or is_program(fn) or _hashable_in(fn, PRIMITIVES)
    if fn is UNBOUND or functools.partial in cx.opaque or isinstance(fn, Sym) or not known:
        return NotImplemented
    if isinstance(fn, PartialCall) and fn.is_partial:  # a partial of a partial is one, of the function itself
        return PartialCall(fn.fn, (*fn.args, *args), {**fn.kwargs, **kwargs}, is_partial=True)
    return PartialCall(fn, args, kwargs, is_partial=True)


def _sorted(cx: Capture, x: StandIn, *, key: StandIn = None, reverse: StandIn = False) -> StandIn:
    x = listed(cx, x)
    if key is None and not _has_state(x):
        return _pure(cx, sorted, (x,), {} if reverse is False else {"reverse": reverse})
    # the order is computed from keys alone: items may be states, which no Python function can be given
    keys, backwards = cx.t.atom(_keys(cx, x, key)), cx.truth(reverse)

    def ordered(way: bool) -> Sym:
        return Sym(cx.t.host("order", keys, type=DATA, reverse=way))

    chosen: StandIn
    if isinstance(backwards, bool):
        chosen = ordered(backwards)
    else:
        # `reverse` of equal keys keeps their order, so it is not the other order backwards
        chosen = choose(cx.t, backwards, lambda: ordered(True), lambda: ordered(False))
    if isinstance(x, Container) and x.holds_states:
        return state_lists.gather(cx, x, chosen)
    items = known_items(x)
    if items is not None and any(map(rows.holds_more, items)):
        assert isinstance(chosen, Sym)
        return rows.in_order(cx, items, chosen, len(items))
    source = _as_value(cx, cx.t.atom(x))
    order = cx.t.atom(chosen)
    if has_live(x):  # its items are the objects themselves
        return Container(cx.t.born(), "list", cx.t.call(gather, source, order, type=ANY))
    return wrap(cx.t, cx.t.call(gather, source, order, effect="none", type=DATA), kind="list")


def _keys(cx: Capture, x: StandIn, key: StandIn) -> StandIn:
    """The list of `key(item)` for the items of x."""
    if key is None:
        raise graph_break(NO_RULE, cx.t.span, "comparing program states without a key")
    return map_over(cx, x, lambda i: call(cx, key, (i,), {}))


def _extreme(pick: str) -> Callable[..., Any]:
    def extreme(cx: Capture, *xs: StandIn, key: StandIn = None, default: StandIn = UNBOUND) -> StandIn:
        x = listed(cx, xs[0]) if len(xs) == 1 else Container(cx.t.born(), "list", xs)
        if key is None:
            # without a key it is a pure function, which takes a value; these are none before they are walked over
            if len(xs) > 1 or not isinstance(xs[0], Generator | Once):
                return NotImplemented
            more = {} if default is UNBOUND else {"default": default}
            return _pure(cx, max if pick == "max" else min, (x,), more)
        # of nothing and without a default `best` raises, as Python does
        some = True if default is UNBOUND else cx.truth(x)
        if isinstance(some, bool):
            return best(cx, x, key) if some else default
        return choose(cx.t, some, lambda: best(cx, x, key), lambda: default)

    def best(cx: Capture, x: StandIn, key: StandIn) -> StandIn:
        if not (isinstance(x, Container) and (x.kind in ("list", "group") or x.holds_states)):
            x = cx.call(list, (x,), {})  # a dict or a set has no items by number
        at = Sym(cx.t.host("best", cx.t.atom(_keys(cx, x, key)), type=INT, pick=pick))
        items = known_items(x)
        if items is not None and any(map(rows.holds_more, items)) and not (isinstance(x, Container) and x.holds_states):
            return rows.one_of(cx, items, at.value)
        return item(cx, x, at)

    return extreme


def _map(cx: Capture, fn: StandIn, *xs: StandIn) -> StandIn:
    if len(xs) != 1:
        return NotImplemented
    made = _once(cx, "map", lambda: _mapped(cx, fn, xs[0]), *xs, has_code=not _is_quiet(fn))
    return _as_builtin(made, map, fn, *xs)


def _is_quiet(fn: StandIn) -> bool:
    """True for a function that does the same whenever it is called."""
    return fn is None or (is_ordinary(fn) and _hashable_in(fn, PURE))


def _mapped(cx: Capture, fn: StandIn, x: StandIn) -> StandIn:
    return map_over(cx, x, lambda i: call(cx, fn, (i,), {}))


def _filter(cx: Capture, fn: StandIn, x: StandIn) -> StandIn:
    keep = (lambda i: call(cx, fn, (i,), {})) if fn is not None else lambda i: i
    made = _once(cx, "filter", lambda: filter_over(cx, x, keep), x, has_code=not _is_quiet(fn))
    return _as_builtin(made, filter, fn, x)


def _refused(cx: Capture, *args: StandIn, **kwargs: StandIn) -> StandIn:
    raise graph_break(NO_RULE, cx.t.span, "reading the frame or running text as code")


def _vars(cx: Capture, *xs: StandIn) -> StandIn:
    """`vars(x)`: what the object itself holds, by reference; without an argument it reads the frame."""
    if len(xs) == 1 and isinstance(xs[0], Tracked):
        raise Escapes(xs[0].cls)
    if len(xs) == 1 and isinstance(xs[0], Sym) and not xs[0].type.is_value:
        return _by_python(cx, vars, xs, {})
    return _refused(cx)


def _wraps(cx: Capture, wrapped: StandIn) -> StandIn:
    """`functools.wraps(f)`, of functions that are looked into."""
    return PartialCall(_renamed, (wrapped,), {}) if isinstance(wrapped, Closure) or _is_own(wrapped) else NotImplemented


def _renamed(wrapped: Any, wrapper: Any) -> Any:
    """What `functools.wraps` gives."""
    return functools.wraps(wrapped)(wrapper)


def _rename(cx: Capture, wrapped: StandIn, wrapper: StandIn) -> StandIn:
    if not isinstance(wrapper, Closure):
        raise graph_break(NO_RULE, cx.t.span, "`functools.wraps` of what is no function of the program")
    made = copy.copy(wrapper)
    if isinstance(wrapped, Closure):
        made.name, made.qualname = wrapped.name, wrapped.qualname
    else:
        assert isinstance(wrapped, FunctionType)
        made.name, made.qualname = wrapped.__name__, wrapped.__qualname__
    return made


SPECIAL: dict[Callable[..., Any], Callable[..., Any]] = {
    len: _len, list: _list, tuple: _tuple, dict: _dict, set: _set, enumerate: _enumerate, zip: _zip,
    reversed: _reversed, range: _range, any: _any, all: _all, next: _next, bool: _bool, str: _str,
    isinstance: _isinstance, sorted: _sorted, max: _extreme("max"), min: _extreme("min"), map: _map,
    filter: _filter, super: _super, getattr: _getattr, hasattr: _hasattr, setattr: _setattr,
    delattr: _delattr, type: _type, callable: _callable, functools.partial: _make_partial,
    operator.itemgetter: _getter(_pick_items), operator.attrgetter: _getter(_pick_attributes),
    **{fn: _shuffled(fn, at_once=True) for fn in (
        itertools.combinations, itertools.permutations, itertools.product, itertools.combinations_with_replacement)},
    **{fn: _shuffled(fn, at_once=False) for fn in (
        itertools.chain, itertools.islice, itertools.pairwise, itertools.zip_longest)},
    **dict.fromkeys((locals, globals, dir, eval, exec), _refused), vars: _vars,
    functools.wraps: _wraps, _renamed: _rename,
}  # fmt: skip


# --- everything else -------------------------------------------------------------------------------------


def _other(cx: Capture, fn: StandIn, args: tuple[StandIn, ...], kwargs: dict[str, StandIn]) -> StandIn:
    """A function of the user's or of a library: looked into where it can be, else a host call in program order."""
    if not _is_own(fn):
        return _by_python(cx, fn, args, kwargs)
    every = (*args, *kwargs.values())
    return _into(cx, fn, every, lambda f: run_closure(cx, f, args, kwargs), lambda: _by_python(cx, fn, args, kwargs))


def _into(
    cx: Capture, fn: FunctionType, given: tuple[StandIn, ...], run: Callable[[Closure], StandIn],
    or_else: Callable[[], StandIn],
) -> StandIn:  # fmt: skip
    """A function of the user's that is looked into; where that breaks it is called as it is."""
    try:
        return _look_into(cx, fn, run)
    except CaptureError:
        # unless it must be followed: Python cannot run a state
        if any(_has_state(x) or isinstance(x, PartialCall | Choice) for x in given):
            raise
    for x in given:
        if objects.is_plain(x, cx.opaque):  # it may give the class other methods
            raise Escapes(x) from None
    return or_else()


def _by_python(cx: Capture, fn: StandIn, args: tuple[StandIn, ...], kwargs: dict[str, StandIn]) -> StandIn:
    """A host call in program order."""
    if any(_has_state(a) for a in (*args, *kwargs.values())):
        raise graph_break(STATE_GIVEN_AWAY, cx.t.span, f"`{getattr(fn, '__qualname__', fn)}`")
    fixed.check_call(cx, fn)
    if looking.can_hash(fn) and fn in CLOCKS:
        _read_clock(cx, fn)
    effect: str
    declared = vars(fn).get("__lmc_effect__") if isinstance(fn, FunctionType) else None
    if looking.is_a(fn, (FunctionType, MethodType, type)) and reaches_program(fn):
        raise graph_break(OUT_OF_SIGHT, cx.t.span, f"`{getattr(fn, '__qualname__', fn)}`")
    if declared is not None:
        effect, out = declared, ANY
    # a compiled pattern cannot be changed, so its methods are functions of the text
    elif isinstance(fn, BuiltinFunctionType | MethodType) and isinstance(getattr(fn, "__self__", None), re.Pattern):
        effect, out = "none", DATA
    else:
        effect, out = "ordered", ANY
    if _is_named(fn, CONSUMERS):
        args = tuple(effectless(cx, x) for x in args)
    # the function would walk over it at a time of its own, and the code would run then
    for x in (*args, *kwargs.values()):
        if has_code(cx, x) or (isinstance(x, Generator | Once) and not _is_named(fn, CONSUMERS)):
            raise graph_break(DEFERRED, cx.t.span, "an argument of this call")
    keys = tuple(sorted(kwargs))
    # print keeps nothing of what it is given, any other function may keep and change it
    give = cx.t.value_atom if fn is print or declared == "none" else cx.argument
    if _hashable_in(fn, given_functions.IMMEDIATE):
        args = tuple(_given_at_once(cx, a) for a in args)
        kwargs = {k: _given_at_once(cx, v) for k, v in kwargs.items()}
    atoms = [give(_as_given(cx, a)) for a in args] + [give(_as_given(cx, kwargs[k])) for k in keys]
    return wrap(cx.t, cx.t.call(fn, *atoms, effect=effect, type=out, keys=keys))


# these walk over what they are given at once, once, and run no code of the program's meanwhile; by name, as few of
# their modules are loaded
CONSUMERS: dict[str, str] = {
    **dict.fromkeys(("Counter", "deque", "OrderedDict"), "collections"),
    **dict.fromkeys(("fsum", "prod"), "math"), **dict.fromkeys(("nlargest", "nsmallest"), "heapq"),
    **dict.fromkeys(("mean", "fmean", "median", "mode", "multimode", "stdev", "pstdev", "variance"), "statistics"),
}  # fmt: skip


def _is_named(fn: StandIn, table: Mapping[str, str]) -> bool:
    """True for the function of that name of the module that a table names."""
    name = getattr(fn, "__name__", "")
    module = sys.modules.get(table.get(name, ""))
    return module is not None and getattr(module, name, None) is fn


def _given_at_once(cx: Capture, x: StandIn) -> StandIn:
    if not isinstance(x, Closure):
        return x
    made = given_functions.given(cx, x, at_once=True)
    assert isinstance(made, Value)
    return Sym(made)


# what people take the time of a call with
CLOCKS = frozenset((
    time.time, time.time_ns, time.perf_counter, time.perf_counter_ns, time.monotonic, time.monotonic_ns,
    time.process_time, time.process_time_ns,
))  # fmt: skip


def _read_clock(cx: Capture, fn: StandIn) -> None:
    """A graph may start a call before a clock is read that stands above it, so it cannot say how long the call took."""
    if cx.t.is_timing:
        raise graph_break(NO_RULE, cx.t.span, f"`{getattr(fn, '__name__', fn)}` around a call that is not the first")
    cx.t.is_timing = cx.t.has_called


def _as_given(cx: Capture, x: StandIn) -> StandIn:
    """An argument as the function gets it: an iterator where Python gives one, to be stepped by who was given it."""
    return iterator(cx, x) if isinstance(x, Once) else listed(cx, x)


def _is_own(fn: StandIn) -> TypeGuard[FunctionType]:
    """True for a plain function of the user's, in a file that is not a library's."""
    if not isinstance(fn, FunctionType):
        return False
    if "__lmc_effect__" in vars(fn):  # a tool says what it does, and is called as it is
        return False
    # `<string>` and the like are not files: there is no source to look into
    return objects.is_own_file(fn.__code__.co_filename) and (fn.__module__ or "").split(".")[0] != "lmc"


def _look_into(cx: Capture, fn: FunctionType, run: Callable[[Closure], StandIn]) -> StandIn:
    """Trace a function of the user's; leaves nothing behind when that breaks."""
    arm = Arm(cx.t, sure=True)
    try:
        with arm.open():
            result = run(closure_of(cx, fn))
    except ProgramRaise:  # what was traced up to the exception does happen
        arm.commit()
        raise
    arm.commit()
    return result


def _host_value_call(cx: Capture, fn: Sym, args: tuple[StandIn, ...], kwargs: dict[str, StandIn]) -> StandIn:
    _check_in_sight(cx)
    keys = tuple(sorted(kwargs))
    atoms = [cx.argument(a) for a in args] + [cx.argument(kwargs[k]) for k in keys]
    return wrap(cx.t, cx.t.call(apply, fn.value, *atoms, type=ANY, keys=keys))


def _check_in_sight(cx: Capture) -> None:
    # what is called comes out of one of these, or of the run
    if any(reaches_program(each, 2) for each in cx.t.objects.values() if not isinstance(each, FunctionType)):
        raise graph_break(OUT_OF_SIGHT, cx.t.span, "this call of a run-time value")


def _has_state(x: StandIn, inside: frozenset[int] = frozenset()) -> bool:
    if isinstance(x, StateCell | Columns):
        return True
    if isinstance(x, Tracked):  # objects may hold one another
        return id(x) not in inside and any(_has_state(i, inside | {id(x)}) for i in x.fields.values())
    if isinstance(x, PartialCall):
        return any(_has_state(i, inside) for i in (*x.args, *x.kwargs.values()))
    if isinstance(x, Choice):
        return any(_has_state(i, inside) for i in x.options)
    if isinstance(x, Container):
        if x.holds_states:
            return True
        return any(_has_state(i, inside) for i in x.parts)
    if isinstance(x, DictView):
        return _has_state(x.container, inside)
    if isinstance(x, Once):
        return any(_has_state(i, inside) for i in x.sources)
    return isinstance(x, tuple) and any(_has_state(i, inside) for i in x)
