"""What code that capture does not look into may reach: a program that would run beside the graph, an argument."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from types import CodeType, FunctionType, GeneratorType, MemberDescriptorType, MethodType, ModuleType

from lmc.codes import OUT_OF_SIGHT
from lmc.parser.capture.breaks import graph_break
from lmc.parser.capture.looking import is_a
from lmc.parser.capture.ownership import is_own_file
from lmc.parser.capture.values import is_ordinary, is_program
from lmc.parser.primitives import PRIMITIVES
from lmc.source import Span

MAX_DEPTH = 4  # functions that call functions, tables in tables
MAX_ITEMS = 256  # of a table
HEAP_TYPE = 1 << 9  # Py_TPFLAGS_HEAPTYPE: a class that Python code has made
_CODE = (FunctionType, staticmethod, classmethod, property)
_ATOMS = frozenset((str, int, float, bool, type(None), bytes))


def reaches_program(x: object, depth: int = MAX_DEPTH) -> bool:
    """True where a program can be seen from a function, a table or an object, without running anything."""
    return _reaches(x, depth, is_program)


def reaches_words(x: object, depth: int = MAX_DEPTH) -> bool:
    """True where a function that makes expressions of the language, such as `gen`, can be seen."""
    return _reaches(x, depth, lambda each: type(each) is FunctionType and each in PRIMITIVES)


def _reaches(x: object, depth: int, wanted: Callable[[object], bool]) -> bool:
    if type(x) in _ATOMS:
        return False
    if wanted(x):
        return True
    return depth > 0 and any(_reaches(each, depth - 1, wanted) for each in seen_from(x))


def check_given(what: str, span: Span | None, *parts: object) -> None:
    """Raises CaptureError where Python is given what may call a program: that one would run beside the graph."""
    if any(is_ordinary(x) and reaches_program(x) for x in parts):
        raise graph_break(OUT_OF_SIGHT, span, what)


def check_beside(x: object, label: str) -> None:
    """Raises CaptureError for what may call a program, or make one, beside those that are followed: all count as one.

    What reads a variable of a module is given all of them, and calls none.
    """
    if type(x) is dict and "__builtins__" in x:
        return
    if (is_a(x, (type, FunctionType)) and x.__module__ == "lmc.program") or reaches_program(x):
        raise graph_break(OUT_OF_SIGHT, None, f"`{label}`")


def shares(arguments: Iterable[object], outside: Iterable[object]) -> bool:
    """True where a container of the arguments is one that can be seen from objects outside them."""
    given = {id(each) for each in _containers_in(arguments)}
    if not given:
        return False
    known: set[int] = set()
    now = list(outside)
    for _ in range(MAX_DEPTH + 1):
        seen = [x for x in now if type(x) not in _ATOMS and id(x) not in known]
        known.update(map(id, seen))
        if not given.isdisjoint(known):
            return True
        now = [x for each in seen if not is_program(each) for x in seen_from(each)]
    return False


def _containers_in(values: Iterable[object]) -> Iterator[object]:
    for each in values:
        if type(each) is tuple:
            yield from _containers_in(each)
        elif type(each) is list:
            yield each
            yield from _containers_in(each)
        elif type(each) is dict:
            yield each
            yield from _containers_in(each.values())
        elif type(each) in (set, bytearray):
            yield each


def seen_from(x: object) -> Iterator[object]:
    """What can be reached from an object in one step, without running anything."""
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
        yield from held_by(x)


def _of_class(cls: type) -> Iterator[object]:
    """The functions of a class and of those that it is made of."""
    for each in type.__dict__["__mro__"].__get__(cls):
        if not _is_plain_class(each):
            held = type.__dict__["__dict__"].__get__(each)
            yield from (x for x in held.values() if type(x) in _CODE)


def held_by(x: object) -> Iterator[object]:
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
    yield from held_by_function(fn)
    yield vars(fn).get("__wrapped__")


def held_by_function(fn: FunctionType) -> Iterator[object]:
    """What the variables around a function hold that it reads, and its defaults."""
    for cell in fn.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:
            continue
    yield from fn.__defaults__ or ()
    yield from (fn.__kwdefaults__ or {}).values()


def _read_by(code: CodeType, names: dict[str, object]) -> Iterator[object]:
    """The globals that code names, and of modules of the user's what else it names there."""
    named = list(_names_in(code))
    for x in [names[name] for name in named if name in names]:
        yield x
        if type(x) is ModuleType and is_own_file(getattr(x, "__file__", None)):
            yield from (vars(x)[name] for name in named if name in vars(x))


def _globals_of(x: GeneratorType[object, object, object]) -> dict[str, object]:
    return x.gi_frame.f_globals if x.gi_frame else {}


def _names_in(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for const in code.co_consts:
        if isinstance(const, CodeType):
            yield from _names_in(const)
