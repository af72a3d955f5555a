"""Whether code that capture does not look into may call a program: it would run beside the graph."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from types import CodeType, FunctionType, MethodType

from lmc.parser.capture.looking import is_a
from lmc.parser.capture.values import is_program

MAX_DEPTH = 4  # functions that call functions, tables in tables
MAX_ITEMS = 256  # of a table


def reaches_program(x: object, depth: int = MAX_DEPTH) -> bool:
    """True where a program can be seen from a function, a table or an object, without running anything."""
    if is_program(x):
        return True
    return depth > 0 and any(reaches_program(each, depth - 1) for each in _seen_from(x))


def _seen_from(x: object) -> Iterator[object]:
    if type(x) is FunctionType:
        yield from _seen_by(x)
    elif type(x) is MethodType:
        yield from (x.__func__, x.__self__)
    elif type(x) is partial:
        yield from (x.func, *x.args, *x.keywords.values())
    elif type(x) in (list, tuple, set, frozenset):
        yield from list(x)[:MAX_ITEMS]  # type: ignore[call-overload]
    elif type(x) is dict:
        yield from list(x.values())[:MAX_ITEMS]
    elif is_a(x, type) and type(x) is type:
        yield from (each for each in vars(x).values() if type(each) in (FunctionType, staticmethod, classmethod))
    elif type(x) in (staticmethod, classmethod):
        yield x.__func__  # type: ignore[attr-defined]
    elif type(type(x)) is type and not _is_plain(x):
        yield type(x)
        held = object.__getattribute__(x, "__dict__") if "__dict__" in dir(type(x)) else {}
        yield from list(held.values())[:MAX_ITEMS] if type(held) is dict else ()


def _is_plain(x: object) -> bool:
    return type(x).__module__ in ("builtins", "types", "re", "enum")


def _seen_by(fn: FunctionType) -> Iterator[object]:
    """What a function reads of its module and of the functions around it."""
    for name in _names_in(fn.__code__):
        if name in fn.__globals__:
            yield fn.__globals__[name]
    for cell in fn.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:
            continue
    yield from fn.__defaults__ or ()


def _names_in(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for const in code.co_consts:
        if isinstance(const, CodeType):
            yield from _names_in(const)
