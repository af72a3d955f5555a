"""The code that may run while a program runs: what its modules can name, and the modules that can name those.

A graph takes for constant what no code binds anew while the program runs. That is asked of the code in sight: all
functions of the modules that the program's own modules name, and so on, through classes, closures and tables. Code that
is not in sight can run as well (a callback that the caller gives, another thread), but it has to name what it binds;
so the modules that name one in sight are asked for what they bind by name.
"""

from __future__ import annotations

import dis
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache, partial
from types import CodeType, FunctionType, MethodType, ModuleType

from lmc.parser.capture.looking import is_a
from lmc.parser.capture.out_of_sight import MAX_DEPTH, held_by_function, seen_from
from lmc.parser.capture.ownership import is_own_class, is_own_code, is_own_module, module_name
from lmc.parser.capture.values import is_program

_TRANSPARENT = (
    FunctionType,
    MethodType,
    staticmethod,
    classmethod,
    property,
    partial,
    type,
    list,
    tuple,
    dict,
    set,
    frozenset,
)
_ATOMS = frozenset((str, int, float, bool, type(None), bytes, complex))
IMPORT = dis.opmap["IMPORT_NAME"]
_BY_NAME = frozenset(("import_module", "__import__"))  # with these code comes to modules that it does not name


@dataclass(frozen=True, slots=True)
class Near:
    """Modules of the user's by the id of their dict, and the functions in them."""

    modules: dict[int, dict[str, object]] = field(default_factory=dict)
    functions: list[FunctionType] = field(default_factory=list)


def near(roots: Iterable[dict[str, object]]) -> Near:
    """What is in sight of these modules."""
    found = Near()
    seen: dict[int, object] = {}
    new = list(roots)
    while new:
        module = new.pop()
        if id(module) not in found.modules:
            found.modules[id(module)] = module
            for x in _reached(module, seen):
                new.extend(modules_of(x))
                if type(x) is FunctionType and is_own_code(x):
                    found.functions.append(x)
    return found


def naming(sight: Near) -> Near:
    """The modules of the user's that name something in sight, and their functions."""
    found = Near()
    seen: dict[int, object] = {}
    loaded = list(own_modules())
    modules, is_any = sight.modules, any(id(module) in sight.modules for module in loaded)
    for module in loaded:
        if id(module) not in modules and any(leads_to(x, modules, is_any) for x in list(module.values())):
            found.modules[id(module)] = module
            found.functions.extend(x for x in _reached(module, seen) if type(x) is FunctionType and is_own_code(x))
    return found


def leads_to(x: object, modules: dict[int, dict[str, object]], is_any: bool) -> bool:
    """Whether one of `modules_of(x)` is one of these, said at once of the many objects that were made elsewhere.

    is_any  whether one of the user's modules that are loaded is
    """
    if type(x) in _ATOMS:
        return False
    if type(x) is FunctionType:
        makes_up, names = _imports_of(x.__code__)
        if makes_up and is_own_code(x):
            return is_any or id(x.__globals__) in modules
        if id(x.__globals__) not in modules and not names:
            return False
    elif not is_a(x, ModuleType):
        made_in = sys.modules.get(module_name(x if is_a(x, type) else type(x)))  # type: ignore[arg-type]
        if isinstance(made_in, ModuleType) and id(vars(made_in)) not in modules:
            return False
    return any(id(each) in modules for each in modules_of(x))


def _reached(module: dict[str, object], seen: dict[int, object]) -> Iterator[object]:
    """What can be reached from a module through what it holds, but for what was `seen`."""
    # what is not looked at yet, and how many steps one may still go from it
    left: list[tuple[object, int]] = [(x, MAX_DEPTH) for x in list(module.values())]
    while left:
        x, depth = left.pop()
        if type(x) in _ATOMS or id(x) in seen:
            continue
        seen[id(x)] = x  # kept, so that no other comes to have its address
        yield x
        if depth:
            # an object of a library's may hold on to half of the process
            further = depth if type(x) in _TRANSPARENT or is_own_class(type(x)) else 1
            left.extend((y, further - 1) for y in _parts(x))


def own_modules() -> Iterator[dict[str, object]]:
    """The dicts of the modules of the user's that are loaded."""
    for module in list(sys.modules.values()):
        if is_a(module, ModuleType) and is_own_module(module):
            yield vars(module)


def _parts(x: object) -> Iterator[object]:
    """What can be reached from an object in one step."""
    if is_program(x):
        yield x.func
    elif type(x) is FunctionType:
        # what a function reads of its module is walked over with the module
        yield from (*held_by_function(x), *vars(x).values())
    elif is_a(x, type):
        for base in type.__dict__["__mro__"].__get__(x):
            if is_own_class(base):
                yield from list(type.__dict__["__dict__"].__get__(base).values())
    elif not is_a(x, ModuleType):
        yield from seen_from(x)


def modules_of(x: object) -> Iterator[dict[str, object]]:
    """The modules of the user's that an object is, was made in, or imports when it runs."""
    if isinstance(x, ModuleType):
        if is_own_module(x):
            yield vars(x)
    elif type(x) is FunctionType:
        if is_own_code(x):
            yield x.__globals__
            yield from _imported_by(x.__code__, str(x.__globals__.get("__package__") or ""))
    elif is_own_class(cls := x if is_a(x, type) else type(x)):  # type: ignore[arg-type]
        made_in = sys.modules.get(cls.__module__)
        if made_in is not None:
            yield vars(made_in)


def _imported_by(code: CodeType, package: str) -> Iterator[dict[str, object]]:
    """The modules that are imported inside a function; all, where it makes up their names."""
    is_any, names = _imports_of(code)
    if is_any:
        yield from own_modules()
    for name in names:
        module = sys.modules.get(name) or sys.modules.get(f"{package}.{name}")
        if isinstance(module, ModuleType) and is_own_module(module):
            yield vars(module)


@lru_cache(maxsize=1 << 16)
def _imports_of(code: CodeType) -> tuple[bool, tuple[str, ...]]:
    """Whether code makes up the names of modules, and the names among which those stand that it imports."""
    inner = [_imports_of(each) for each in code.co_consts if isinstance(each, CodeType)]
    names = code.co_names if IMPORT in code.co_code[::2] else ()
    is_any = not _BY_NAME.isdisjoint(code.co_names) or any(each for each, _ in inner)
    return is_any, (*names, *(name for _, more in inner for name in more))
