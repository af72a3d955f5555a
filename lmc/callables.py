"""What may be a program: a function, a method, and what else Python can call, each as a function to look into."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from types import FunctionType, MethodType
from typing import Any, Literal, NamedTuple

from lmc.errors import ArgumentError

# how it behaves as an attribute of a class: as a function does, or as what it was decorated with
Kind = Literal["function", "static", "class"]


class Called(NamedTuple):
    """A function, the keyword arguments that it always gets, and its kind."""

    function: FunctionType | MethodType
    keywords: Mapping[str, Any] = {}
    kind: Kind = "function"


def called(func: object) -> Called:
    """What calling `func` calls. Raises ArgumentError for what is no program."""
    match func:
        case staticmethod() | classmethod():
            return called(func.__func__)._replace(kind="static" if isinstance(func, staticmethod) else "class")
        case functools.partial():
            within = called(func.func)
            if not func.args:
                return Called(within.function, {**within.keywords, **func.keywords})
            return Called(_applied(within.function, func))
        case FunctionType():
            return Called(func)
        case MethodType() if isinstance(func.__func__, FunctionType):
            return Called(func)
    call = getattr(type(func), "__call__", None)  # noqa: B004  # the function itself, not whether there is one
    if isinstance(call, FunctionType) and not isinstance(func, type):
        return Called(MethodType(call, func))
    raise ArgumentError(f"{func!r} is not a Python function", help="write a function that calls it: def f(s, ...)")


def _applied(fn: Callable[..., Any], part: functools.partial[Any]) -> FunctionType:
    """A function of the state and the rest, for arguments that stand before the state."""
    args, keywords = part.args, part.keywords

    def program(s: Any, /, *rest: Any, **more: Any) -> Any:
        return fn(*args, s, *rest, **{**keywords, **more})

    functools.update_wrapper(program, fn)
    del program.__wrapped__  # type: ignore[attr-defined]  # its signature would be taken for this one's
    program.__signature__ = inspect.signature(part)  # type: ignore[attr-defined]
    assert isinstance(program, FunctionType)
    return program
