"""Host calls: what capture does not look into runs as it is, in program order, when the program does."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Mapping
from types import BuiltinFunctionType, FunctionType, MethodType

from lmc.codes import DEFERRED, NO_RULE, OUT_OF_SIGHT, STATE_GIVEN_AWAY
from lmc.ir.builtins import apply
from lmc.ir.graph import Value
from lmc.ir.types import ANY, DATA
from lmc.parser.capture import fixed, given_functions, looking
from lmc.parser.capture.breaks import graph_break
from lmc.parser.capture.context import Capture
from lmc.parser.capture.iteration import effectless, has_code, iterator, listed
from lmc.parser.capture.out_of_sight import reaches_program
from lmc.parser.capture.special.pure import is_in
from lmc.parser.capture.tracer import wrap
from lmc.parser.capture.values import (
    Closure,
    Container,
    Generator,
    Once,
    StandIn,
    Sym,
    has_state,
    is_ordinary,
    plain,
)


def by_python(cx: Capture, fn: StandIn, args: tuple[StandIn, ...], kwargs: dict[str, StandIn]) -> StandIn:
    """A host call in program order."""
    if any(has_state(a) for a in (*args, *kwargs.values())):
        raise graph_break(STATE_GIVEN_AWAY, cx.t.span, f"`{getattr(fn, '__qualname__', fn)}`")
    fixed.check_call(cx, fn)
    if looking.can_hash(fn) and fn in CLOCKS:
        _read_clock(cx, fn)
    effect: str
    declared = vars(fn).get("__lmc_effect__") if isinstance(fn, FunctionType) else None
    if looking.is_a(fn, (FunctionType, MethodType, type)) and reaches_program(fn):
        raise graph_break(OUT_OF_SIGHT, cx.t.span, f"`{getattr(fn, '__qualname__', fn)}`")
    if any(_brings_program(x) for x in (*args, *kwargs.values())):
        raise graph_break(OUT_OF_SIGHT, cx.t.span, "an argument of this call")
    if declared is not None:
        effect, out = declared, ANY
    # a compiled pattern cannot be changed, so its methods are functions of the text
    elif isinstance(fn, BuiltinFunctionType | MethodType) and isinstance(getattr(fn, "__self__", None), re.Pattern):
        effect, out = "none", DATA
    else:
        effect, out = "ordered", ANY
    if _is_named(fn, CONSUMERS):
        plain = [cx.t.holds_plain(x) for x in (*args, *kwargs.values()) if not isinstance(x, Generator | Once)]
        args = tuple(effectless(cx, x, alone=all(plain)) for x in args)
    # the function would walk over it at a time of its own, and the code would run then
    for x in (*args, *kwargs.values()):
        if has_code(cx, x) or (isinstance(x, Generator | Once) and not _is_named(fn, CONSUMERS)):
            raise graph_break(DEFERRED, cx.t.span, "an argument of this call")
    keys = tuple(kwargs)
    # print keeps nothing of what it is given, any other function may keep and change it
    give = cx.t.value_atom if fn is print or declared == "none" else cx.argument
    if is_in(fn, given_functions.IMMEDIATE):
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


def _brings_program(x: StandIn) -> bool:
    """True for an argument by which code that is not followed comes to a program, and calls it beside the graph."""
    if isinstance(x, tuple):
        return any(map(_brings_program, x))
    if isinstance(x, Container):
        return any(map(_brings_program, x.parts if x.is_static else ()))
    return is_ordinary(x) and not plain(x) and reaches_program(x, 2)


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


def of_run_time_value(cx: Capture, fn: Sym, args: tuple[StandIn, ...], kwargs: dict[str, StandIn]) -> StandIn:
    check_run_time_call(cx)
    keys = tuple(kwargs)
    atoms = [cx.argument(a) for a in args] + [cx.argument(kwargs[k]) for k in keys]
    return wrap(cx.t, cx.t.call(apply, fn.value, *atoms, type=ANY, keys=keys))


def check_run_time_call(cx: Capture) -> None:
    # what is called comes out of one of these, or of the run
    if any(reaches_program(each, 2) for each in cx.t.objects.values() if not isinstance(each, FunctionType)):
        raise graph_break(OUT_OF_SIGHT, cx.t.span, "this call of a run-time value")
