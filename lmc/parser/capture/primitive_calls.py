"""Calls of the primitives: they run while tracing and make expressions, or grammars and tools."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import lru_cache, partial
from types import FunctionType
from typing import Any

from lmc.codes import RUN_TIME_PARAMETER
from lmc.errors import ArgumentError, ConstraintError
from lmc.parser.capture.breaks import graph_break
from lmc.parser.capture.context import Capture
from lmc.parser.capture.iteration import listed
from lmc.parser.capture.values import Closure, Container, StandIn, is_ordinary, known_items
from lmc.parser.primitives import MAKERS, STATIC, what_it_takes


def primitive(cx: Capture, fn: Callable[..., Any], args: tuple[StandIn, ...], kwargs: dict[str, StandIn]) -> StandIn:
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
        raise ArgumentError(str(error), span=cx.t.span, help=what_it_takes(fn, kwargs)) from None


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
