"""Whether code that capture does not look into may call a program: it would run beside the graph."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from types import CodeType, FunctionType, GeneratorType, MemberDescriptorType, MethodType, ModuleType

from lmc.parser.capture.looking import is_a
from lmc.parser.capture.values import is_program

MAX_DEPTH = 4  # functions that call functions, tables in tables
MAX_ITEMS = 256  # of a table
HEAP_TYPE = 1 << 9  # Py_TPFLAGS_HEAPTYPE: a class that Python code has made
_CODE = (FunctionType, staticmethod, classmethod, property)
_ATOMS = frozenset((str, int, float, bool, type(None), bytes))


def reaches_program(x: object, depth: int = MAX_DEPTH) -> bool:
    """True where a program can be seen from a function, a table or an object, without running anything."""
    if type(x) in _ATOMS:
        return False
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
    elif is_a(x, type):
        yield from _of_class(x)  # type: ignore[arg-type]
    elif type(x) in (staticmethod, classmethod):
        yield x.__func__  # type: ignore[attr-defined]
    elif type(x) is property:
        yield from (x.fget, x.fset, x.fdel)
    elif type(x) is GeneratorType:
        yield from (*_read_by(x.gi_code, _globals_of(x)), *(x.gi_frame.f_locals.values() if x.gi_frame else ()))
    elif not _is_plain(x):
        yield type(x)
        yield from _held_by(x)


def _of_class(cls: type) -> Iterator[object]:
    """The functions of a class and of those that it is made of."""
    for each in type.__dict__["__mro__"].__get__(cls):
        if not _is_plain_class(each):
            held = type.__dict__["__dict__"].__get__(each)
            yield from (x for x in held.values() if type(x) in _CODE)


def _held_by(x: object) -> Iterator[object]:
    """The attributes of an object, read without code of its class; of what wraps a function also that."""
    for cls in type.__dict__["__mro__"].__get__(type(x)):
        for each in type.__dict__["__dict__"].__get__(cls).values():
            if type(each) is MemberDescriptorType:
                try:
                    yield each.__get__(x)
                except AttributeError:
                    continue
    try:
        held = object.__getattribute__(x, "__dict__")
    except AttributeError:
        return
    yield from list(held.values())[:MAX_ITEMS] if type(held) is dict else ()


def _is_plain(x: object) -> bool:
    return _is_plain_class(type(x)) or type(x) is ModuleType


def _is_plain_class(cls: type) -> bool:
    held = type.__dict__["__dict__"].__get__(cls)
    return held.get("__module__") in ("types", "re", "enum") or not cls.__flags__ & HEAP_TYPE


def _seen_by(fn: FunctionType) -> Iterator[object]:
    """What a function reads of its module and of the functions around it."""
    yield from _read_by(fn.__code__, fn.__globals__)
    for cell in fn.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:
            continue
    yield from fn.__defaults__ or ()
    yield from (fn.__kwdefaults__ or {}).values()
    yield vars(fn).get("__wrapped__")


def _read_by(code: CodeType, names: dict[str, object]) -> Iterator[object]:
    yield from (names[name] for name in _names_in(code) if name in names)


def _globals_of(x: GeneratorType[object, object, object]) -> dict[str, object]:
    return x.gi_frame.f_globals if x.gi_frame else {}


def _names_in(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for const in code.co_consts:
        if isinstance(const, CodeType):
            yield from _names_in(const)
