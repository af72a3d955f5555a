"""`functools.partial`, `functools.wraps` and `contextlib.contextmanager` of functions that are looked into."""

from __future__ import annotations

import contextlib
import copy
import functools
from collections.abc import Callable
from types import FunctionType
from typing import Any

from lmc.codes import NO_RULE
from lmc.parser.capture import managers
from lmc.parser.capture.breaks import graph_break
from lmc.parser.capture.context import Capture
from lmc.parser.capture.ownership import is_own_function
from lmc.parser.capture.special.pure import is_in
from lmc.parser.capture.values import UNBOUND, Closure, PartialCall, StandIn, Sym, is_ordinary, is_program
from lmc.parser.primitives import PRIMITIVES


def _make_partial(cx: Capture, fn: StandIn = UNBOUND, /, *args: StandIn, **kwargs: StandIn) -> StandIn:
    known = not is_ordinary(fn) or is_own_function(fn) or is_program(fn) or is_in(fn, PRIMITIVES)
    if fn is UNBOUND or functools.partial in cx.opaque or isinstance(fn, Sym) or not known:
        return NotImplemented
    if isinstance(fn, PartialCall) and fn.is_partial:  # a partial of a partial is one, of the function itself
        return PartialCall(fn.fn, (*fn.args, *args), {**fn.kwargs, **kwargs}, is_partial=True)
    return PartialCall(fn, args, kwargs, is_partial=True)


def _wraps(cx: Capture, wrapped: StandIn, /) -> StandIn:
    """`functools.wraps(f)`, of functions that are looked into."""
    return (
        PartialCall(_renamed, (wrapped,), {})
        if isinstance(wrapped, Closure) or is_own_function(wrapped)
        else NotImplemented
    )


def _renamed(wrapped: Any, wrapper: Any) -> Any:
    """What `functools.wraps` gives."""
    return functools.wraps(wrapped)(wrapper)


def _rename(cx: Capture, wrapped: StandIn, wrapper: StandIn, /) -> StandIn:
    if not isinstance(wrapper, Closure):
        raise graph_break(NO_RULE, cx.t.span, "`functools.wraps` of what is no function of the program")
    made = copy.copy(wrapper)
    if isinstance(wrapped, Closure):
        made.name, made.qualname = wrapped.name, wrapped.qualname
    else:
        assert isinstance(wrapped, FunctionType)
        made.name, made.qualname = wrapped.__name__, wrapped.__qualname__
    return made


RULES: dict[Callable[..., Any], Callable[..., Any]] = {
    contextlib.contextmanager: managers.of_inner,
    functools.partial: _make_partial, functools.wraps: _wraps, _renamed: _rename,
}  # fmt: skip
