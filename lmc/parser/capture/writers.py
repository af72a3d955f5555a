"""What the user's own code can bind anew: globals, attributes of modules, classes and functions, cells of closures.

A name that no code ever stores cannot change while a program runs, so its value may be baked. This is read off the
bytecode of every function of the user's that there is, by name: whose attribute a store means is known only where it
is stored right beside a global (`Conf.n = 2`). Of the libraries only those are taken to bind names in the user's
modules that are there for it: `unittest.mock.patch`, pytest's `monkeypatch` and `importlib.reload`.

    YES    some code stores that name where it may be this one
    ANY    some code stores names that are made when it runs in this very module (`globals()[name] = y`)
    MAYBE  some code stores names that are made when it runs (`setattr(x, name, y)`) near it
    NO     nobody does
"""

from __future__ import annotations

import builtins
import dis
import gc
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
from itertools import pairwise
from types import CodeType, FunctionType, ModuleType

from lmc.parser.capture.ownership import is_own_code, is_own_file
from lmc.parser.primitives import PRIMITIVES
from lmc.recent import Recent


class Stores(Enum):
    """Whether a name may be bound anew while a program runs."""

    NO = 0
    MAYBE = 1
    YES = 2
    ANY = 3


ANYONE = "*"  # by this name goes an object that may be any, one of a library too
SELF = "self"  # by this name goes an object that is neither a module nor a class
_STORES = frozenset(("STORE_ATTR", "DELETE_ATTR"))
_WILD = frozenset(("globals", "reload", "modules", "f_globals", "__globals__"))
_MODULES = frozenset(("modules", "import_module", "__import__", "getmodule"))  # with these code gets hold of modules
_PATCHERS = frozenset(("patch", "monkeypatch"))
_OF_LMC = frozenset(("lmc", *(word.__name__ for word in PRIMITIVES)))  # nobody patches these
_READERS = frozenset(("get", "items", "keys", "values", "copy"))
_BY_NAME = frozenset(("setattr", "delattr"))
_LOOKED_FOR = frozenset(
    dis.opmap[name] for name in ("STORE_ATTR", "DELETE_ATTR", "STORE_GLOBAL", "DELETE_GLOBAL", "STORE_DEREF")
)


@dataclass(frozen=True, slots=True)
class CodeStores:
    """What one code object stores, the functions inside it included.

    globals   names of its module
    attrs     (the global it is an attribute of, SELF, or None where that is not known; its name)
    cells     names of functions around it
    wild      it may store any global of its module that is no function or class
    any_global   it may store any global of its module
    anywhere  it may store any global of any module that its module has to do with
    any_attr  it may store an attribute of any name, of what `attrs` names the same way
    """

    globals: frozenset[str] = frozenset()
    attrs: frozenset[tuple[str | None, str]] = frozenset()
    cells: frozenset[str] = frozenset()
    wild: bool = False
    any_attr: frozenset[str | None] = frozenset()
    any_global: bool = False
    anywhere: bool = False


def stores_of(code: CodeType) -> CodeStores:
    """What a code object stores."""
    known = _KNOWN.get(id(code))
    if known is None or known[0] is not code:
        _KNOWN[id(code)] = known = (code, _read(code))
    return known[1]


_KNOWN: dict[int, tuple[CodeType, CodeStores]] = {}


def _read(code: CodeType) -> CodeStores:
    globals_: set[str] = set()
    attrs: set[tuple[str | None, str]] = set()
    cells: set[str] = set()
    any_attr: set[str | None] = set()
    names = set(code.co_names)
    any_global = "exec" in names and _runs_text_here(code)
    wild = any_global or not _WILD.isdisjoint(names)
    by_name = not _BY_NAME.isdisjoint(names) or "__dict__" in names or "vars" in names
    anywhere = _reloads(code) or (by_name and not _MODULES.isdisjoint(names))
    if not _WILD.isdisjoint(names - {"modules", "reload"}):
        stored = _stored_in_globals(code)
        globals_ |= stored or set()
        any_global |= stored is None
    # what a test patches is patched when a run of it begins, and guarded there
    is_test = code.co_filename.rsplit("/", 1)[-1].startswith(("test_", "conftest"))
    if code.co_name != "<module>" and not is_test and not _PATCHERS.isdisjoint((*names, *code.co_varnames)):
        patched = {name for name in _words_of(code.co_consts) if name not in _OF_LMC and not hasattr(builtins, name)}
        attrs |= {(ANYONE, name) for name in patched}
    if not _LOOKED_FOR.isdisjoint(code.co_code[::2]) or not _BY_NAME.isdisjoint(names) or "__dict__" in names:
        before: list[dis.Instruction] = []
        for each in dis.get_instructions(code):
            if each.opname in ("STORE_GLOBAL", "DELETE_GLOBAL"):
                globals_.add(each.argval)
            elif each.opname in ("STORE_DEREF", "DELETE_DEREF") and each.argval in code.co_freevars:
                cells.add(each.argval)
            elif each.opname in _STORES:
                attrs.add((_owner(before), each.argval))
            elif each.opname in ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_ATTR", "LOAD_METHOD") and each.argval in _BY_NAME:
                wanted = _call_of(code, each.offset)
                any_attr.add(wanted[0]) if wanted[1] is None else attrs.add((wanted[0], wanted[1]))
            elif each.argval == "__dict__" or (each.opname == "LOAD_GLOBAL" and each.argval == "vars"):
                any_attr.add(_owner(before) if each.argval == "__dict__" else None)
            before.append(each)
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            more = stores_of(inner)
            globals_ |= more.globals
            attrs |= more.attrs
            cells |= more.cells
            wild |= more.wild
            any_global |= more.any_global
            anywhere |= more.anywhere
            any_attr |= more.any_attr
    return CodeStores(
        frozenset(globals_), frozenset(attrs), frozenset(cells), wild, frozenset(any_attr), any_global, anywhere
    )


def _stored_in_globals(code: CodeType) -> set[str] | None:
    """The names that a function stores in what `globals()` gives, none where it only reads; None where any may be."""
    names: set[str] = set()
    steps = [each for each in dis.get_instructions(code) if each.opname not in ("CACHE", "PRECALL", "PUSH_NULL")]
    for i, each in enumerate(steps):
        if each.argval in ("f_globals", "__globals__") and each.opname != "LOAD_CONST":
            return None
        if each.opname not in ("LOAD_GLOBAL", "LOAD_NAME") or each.argval != "globals":
            continue
        call, first, second = (*steps[i + 1 : i + 4], *[None] * 3)[:3]
        if call is None or call.opname != "CALL" or call.arg != 0 or first is None:
            return None
        reads = first.opname in ("LOAD_METHOD", "LOAD_ATTR") and first.argval in _READERS
        reads |= second is not None and second.opname in ("BINARY_SUBSCR", "CONTAINS_OP")
        if second is not None and second.opname in ("STORE_SUBSCR", "DELETE_SUBSCR"):
            if first.opname != "LOAD_CONST":
                return None
            names.add(str(first.argval))
        elif not reads and first.opname != "CONTAINS_OP":
            return None
    return names


def _reloads(code: CodeType) -> bool:
    """True for code that names `importlib.reload`, by whatever way it came by it."""
    if "reload" not in code.co_names:
        return False
    steps = [each for each in dis.get_instructions(code) if each.opname not in ("CACHE", "PRECALL", "PUSH_NULL")]
    return any(
        each.argval == "reload" and (each.opname in ("LOAD_GLOBAL", "IMPORT_FROM") or before.argval == "importlib")
        for before, each in pairwise(steps)
    )


def _words_of(consts: Iterable[object]) -> Iterator[str]:
    """The names that constants may say: `"helper"`, and the last part of `"module.helper"`."""
    for const in consts:
        if isinstance(const, str) and (name := const.rsplit(".", 1)[-1]).isidentifier():
            yield name
        elif isinstance(const, tuple):
            yield from _words_of(const)


def _runs_text_here(code: CodeType) -> bool:
    """True for an `exec` that may be given no namespace, so that the text binds names of this module."""
    calls = [each for each in dis.get_instructions(code) if each.opname in ("CALL", "CALL_FUNCTION_EX", "POP_TOP")]
    given = [one.arg for one, after in pairwise(calls) if one.opname == "CALL" and after.opname == "POP_TOP"]
    # as a statement its call is the last before its result is dropped: one that has a namespace has two arguments
    return not given or any(num is None or num < 2 for num in given)


def _owner(before: list[dis.Instruction]) -> str | None:
    """What an attribute is stored of, by the instruction that loads it."""
    last = before[-1] if before else None
    if last is not None and last.opname == "SWAP":  # `x.n += 1` has loaded x before
        last = next((before[i - 1] for i in range(len(before) - 1, 0, -1) if before[i].opname == "COPY"), None)
    if last is None:
        return None
    if last.opname == "LOAD_GLOBAL":
        return str(last.argval)
    return SELF if last.opname == "LOAD_FAST" and last.argval == SELF else None


def _call_of(code: CodeType, offset: int) -> tuple[str | None, str | None]:
    """(owner, name) of a `setattr(owner, name, ...)` that begins at an offset, None for what is not known."""
    loads: list[dis.Instruction] = []
    for each in dis.get_instructions(code):
        if each.offset > offset and each.opname not in ("CACHE", "PRECALL", "PUSH_NULL"):
            loads.append(each)
        if len(loads) == 2:
            break
    if len(loads) < 2 or not all(load.opname.startswith("LOAD_") for load in loads):
        return None, None
    if loads[1].opname in ("LOAD_ATTR", "LOAD_METHOD"):  # `setattr(sys.modules[name], ...)`
        return None, None
    name = loads[1].argval if loads[1].opname == "LOAD_CONST" and isinstance(loads[1].argval, str) else None
    return _owner(loads[:1]), name


# --- all code there is -----------------------------------------------------------------------------------


@dataclass(slots=True)
class Writers:
    """What all functions of the user's store."""

    globals: set[tuple[int, str]] = field(default_factory=set)  # by the id of the module's dict
    cells: set[str] = field(default_factory=set)
    attrs: dict[str, list[tuple[dict[str, object], str | None]]] = field(default_factory=dict)
    wild: set[int] = field(default_factory=set)
    any_attr: list[tuple[dict[str, object], str | None]] = field(default_factory=list)
    any_global: set[int] = field(default_factory=set)
    anywhere: dict[int, dict[str, object]] = field(default_factory=dict)
    _bound: dict[int, bool] = field(default_factory=dict)  # answers of `_binds_any`

    def add(self, code: CodeType, module: dict[str, object]) -> None:
        """Take in a function of a module."""
        found = stores_of(code)
        self.globals.update((id(module), name) for name in found.globals)
        self.cells |= found.cells
        for owner, name in found.attrs:
            self.attrs.setdefault(name, []).append((module, owner))
        if found.wild:
            self.wild.add(id(module))
        if found.any_global:
            self.any_global.add(id(module))
        if found.anywhere:
            self.anywhere[id(module)] = module
        self.any_attr.extend((module, owner) for owner in found.any_attr)

    def of_global(self, module: dict[str, object], name: str) -> Stores:
        """Of a global, by the dict of its module."""
        if (id(module), name) in self.globals:
            return Stores.YES
        here = sys.modules.get(str(module.get("__name__")))
        found = self.of_attribute(here, name) if here is not None else Stores.NO
        if found is not Stores.YES and self._binds_any(module):
            return Stores.ANY
        return Stores.MAYBE if found is Stores.NO and id(module) in self.wild else found

    def of_attribute(self, owner: object, name: str) -> Stores:
        """Of an attribute of a module, class or function."""
        if isinstance(owner, ModuleType) and owner.__name__.split(".")[0] == "lmc":
            return Stores.NO  # nobody binds the words of the language anew
        found = [_may_be(module.get(by, None) if by not in (None, SELF, ANYONE) else by, owner)
                 for module, by in self.attrs.get(name, ())]  # fmt: skip
        if any(found):
            return Stores.YES
        if isinstance(owner, ModuleType) and (id(vars(owner)), name) in self.globals:
            return Stores.YES
        if not _is_own(owner):
            return Stores.NO
        if isinstance(owner, ModuleType) and self._binds_any(vars(owner)):
            return Stores.ANY
        if any(by not in (None, SELF) and module.get(str(by)) is owner for module, by in self.any_attr):
            return Stores.YES
        near = (by for module, by in self.any_attr if by != SELF and _knows(module, owner))
        return Stores.MAYBE if any(True for _ in near) else Stores.NO

    def of_class(self, cls: type, name: str) -> bool:
        """True where some code names this class, one of its bases or of those made of it, and binds a name of it."""
        found = (module.get(by) for module, by in self.attrs.get(name, ()) if by not in (None, SELF))
        return any(isinstance(stored, type) and _may_be(stored, cls) for stored in found)

    def _binds_any(self, module: dict[str, object]) -> bool:
        if id(module) not in self._bound:
            linked = any(_are_linked(each, module) for each in self.anywhere.values())
            self._bound[id(module)] = linked or id(module) in self.any_global
        return self._bound[id(module)]

    def of_cell(self, name: str) -> Stores:
        """Of a variable of a function around the program."""
        return Stores.YES if name in self.cells else Stores.NO


def _may_be(stored: object, owner: object) -> bool:
    """True where a store of an attribute of `stored` may be one of `owner`."""
    if stored == ANYONE:
        return True
    if stored is None:
        return not isinstance(owner, ModuleType) or is_own_file(getattr(owner, "__file__", None))
    if isinstance(owner, type):
        if stored is SELF:
            return type(owner) is not type
        return isinstance(stored, type) and (stored in owner.__mro__ or owner in stored.__mro__)
    # `self` of some method; a member of an enum is such an object
    return stored is owner or (stored is SELF and not isinstance(owner, ModuleType | FunctionType))


def _are_linked(one: dict[str, object], other: dict[str, object]) -> bool:
    """True for modules of which one has the other, or a function of it."""
    return one is other or any(
        (isinstance(x, ModuleType) and vars(x) is b) or (isinstance(x, FunctionType) and x.__globals__ is b)
        for a, b in ((one, other), (other, one))
        for x in list(a.values())
    )


def _is_own(owner: object) -> bool:
    """True for a module, class or function of the user's, whose names code of the user's may make up."""
    made_in = owner if isinstance(owner, ModuleType) else sys.modules.get(str(getattr(owner, "__module__", "")))
    return made_in is None or is_own_file(getattr(made_in, "__file__", None) or "<main>")


def _knows(module: dict[str, object], owner: object) -> bool:
    """True where code of a module can name an object."""
    if isinstance(owner, ModuleType):
        return vars(owner) is module or any(value is owner for value in module.values())
    return getattr(owner, "__module__", None) == module.get("__name__") or any(v is owner for v in module.values())


_KEPT: Recent[tuple[int, ...], Writers] = Recent(32)  # by the signature of the modules that were looked at


def writers(modules: Iterable[dict[str, object]] = ()) -> Writers:
    """What all code stores that there is now; `modules` are further ones, which `sys.modules` may not know."""
    own = list(_own_modules())
    known = {id(module) for module in own} | {id(vars(m)) for m in sys.modules.values() if isinstance(m, ModuleType)}
    now = signature((*own, *(module for module in modules if id(module) not in known)))
    found = _KEPT.get(now)
    if found is None:
        found = Writers()
        for fn in _functions():
            found.add(fn.__code__, fn.__globals__)
        for name in _patched():
            found.attrs.setdefault(name, []).append(({}, ANYONE))
        _KEPT.put(now, found)
    return found


def _own_modules() -> Iterator[dict[str, object]]:
    for module in list(sys.modules.values()):
        if isinstance(module, ModuleType) and is_own_file(getattr(module, "__file__", None) or "<main>"):
            yield vars(module)


def signature(modules: Iterable[dict[str, object]]) -> tuple[int, ...]:
    """Another one once code has come to these modules that was not there before, or a module of the user's."""
    return _num_own(len(sys.modules)), *(
        hash(tuple(_mark(v) for v in list(module.values()) if type(v) is FunctionType or type(v) is type))
        for module in modules
    )


def _mark(x: FunctionType | type) -> int:
    # of a function its code: that is kept by `stores_of`, so that no other comes to have its address
    return id(x.__code__) if isinstance(x, FunctionType) else id(x)


@lru_cache(maxsize=8)
def _num_own(num_modules: int) -> int:
    return sum(1 for _ in _own_modules())


def _patched() -> Iterator[str]:
    """The attributes that objects of `mock.patch` replace while they are entered."""
    mock = sys.modules.get("unittest.mock")
    kind = getattr(mock, "_patch", None)
    if kind is not None:
        yield from (str(each.attribute) for each in gc.get_objects() if type(each) is kind)


def _functions() -> Iterator[FunctionType]:
    """All functions of the user's: those of modules and classes, those in closures, and those that only data holds."""
    for each in gc.get_objects():
        if type(each) is FunctionType and is_own_code(each):
            yield each
