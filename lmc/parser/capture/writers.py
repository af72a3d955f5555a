"""What the user's own code can bind anew: globals, attributes of modules, classes and functions, cells of closures.

A name that no code ever stores cannot change while a program runs, so its value may be baked. This is read off the
bytecode of the functions in sight (`near`), by name: whose attribute a store means is known only where it is stored
right beside a global (`Conf.n = 2`). Of the code that is not in sight only such stores count. Of the libraries only
those are taken to bind names in the user's modules that are there for it: `unittest.mock.patch`, pytest's
`monkeypatch` and `importlib.reload`.

    YES    some code stores that name where it may be this one
    ANY    some code stores names that are made when it runs in this very module (`globals()[name] = y`)
    MAYBE  some code stores names that are made when it runs (`setattr(x, name, y)`) near it
    NO     nobody does
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from types import FunctionType, ModuleType

from lmc.parser.capture.near import Near, naming, near
from lmc.parser.capture.ownership import is_own_module
from lmc.parser.capture.stores import ANYONE, SELF, stores_of
from lmc.recent import Recent


class Stores(Enum):
    """Whether a name may be bound anew while a program runs."""

    NO = 0
    MAYBE = 1
    YES = 2
    ANY = 3


_NAMELESS = (None, SELF, ANYONE)  # stores whose owner is not told by a name


@dataclass(slots=True)
class Writers:
    """What functions of the user's store."""

    near: Near
    globals: set[tuple[int, str]] = field(default_factory=set)  # by the id of the module's dict
    cells: set[tuple[str, str]] = field(default_factory=set)  # the file, and the name
    attrs: dict[str, list[tuple[dict[str, object], str | None]]] = field(default_factory=dict)
    wild: set[int] = field(default_factory=set)
    any_attr: list[tuple[dict[str, object], str | None]] = field(default_factory=list)
    any_global: set[int] = field(default_factory=set)
    anywhere: dict[int, dict[str, object]] = field(default_factory=dict)
    gets_modules: bool = False  # some code in sight may be given a module
    made_of: int = 0  # `signature` when this was made
    _naming: tuple[object, dict[int, dict[str, object]]] = (None, {})  # what names something near, at some time
    _bound: dict[int, bool] = field(default_factory=dict)  # answers of `_binds_any`

    def add(self, fn: FunctionType, *, in_sight: bool = True) -> None:
        """Take in a function; of one that is not in sight what it stores by the name of what it stores it in."""
        found, module = stores_of(fn.__code__), fn.__globals__
        for owner, name in found.attrs:
            if in_sight or owner not in _NAMELESS:
                self.attrs.setdefault(name, []).append((module, owner))
        self.any_attr.extend((module, owner) for owner in found.any_attr if in_sight or owner not in _NAMELESS)
        if found.anywhere:
            self.anywhere[id(module)] = module
        if not in_sight:
            return
        self.gets_modules |= found.gets_modules
        self.globals.update((id(module), name) for name in found.globals)
        self.cells |= found.cells
        if found.wild:
            self.wild.add(id(module))
        if found.any_global:
            self.any_global.add(id(module))

    def signature(self) -> int:
        """Another one once code has come in sight, or to what names something in sight, that was not there before."""
        if self._naming[0] != _loaded():
            self.look_beside()
        return hash(tuple(map(_marks, (*self.near.modules.values(), *self._naming[1].values()))))

    def look_beside(self) -> Near:
        """What names something in sight, as it is now."""
        beside = naming(self.near)
        self._naming = _loaded(), beside.modules
        return beside

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
            given = self.gets_modules and any(by is None for _, by in self.any_attr)
            self._bound[id(module)] = linked or given or id(module) in self.any_global
        return self._bound[id(module)]

    def of_cell(self, name: str, file: str) -> Stores:
        """Of a variable of a function around one of that file."""
        return Stores.YES if (file, name) in self.cells else Stores.NO


def _may_be(stored: object, owner: object) -> bool:
    """True where a store of an attribute of `stored` may be one of `owner`."""
    if stored == ANYONE:
        return True
    if stored is None:
        return not isinstance(owner, ModuleType) or is_own_module(owner)
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
    return not isinstance(made_in, ModuleType) or is_own_module(made_in)


def _knows(module: dict[str, object], owner: object) -> bool:
    """True where code of a module can name an object."""
    if isinstance(owner, ModuleType):
        return vars(owner) is module or any(value is owner for value in module.values())
    return getattr(owner, "__module__", None) == module.get("__name__") or any(v is owner for v in module.values())


_KEPT: Recent[frozenset[int], Writers] = Recent("what modules write", 32)  # by the modules that were begun with


def writers(modules: Iterable[dict[str, object]]) -> Writers:
    """What code may store while a program runs whose own code stands in these modules."""
    roots = list(modules)
    key = frozenset(map(id, roots))
    found = _KEPT.get(key)
    if found is None or found.signature() != found.made_of:
        found = _look(roots)
        _KEPT.put(key, found)
    return found


def _look(modules: Iterable[dict[str, object]]) -> Writers:
    found = Writers(near(modules))
    for fn in found.near.functions:
        found.add(fn)
        for name in _patched_by(fn):
            found.attrs.setdefault(name, []).append(({}, ANYONE))
    for fn in found.look_beside().functions:
        found.add(fn, in_sight=False)
    found.made_of = found.signature()
    return found


def _loaded() -> object:
    """Another value once a module was loaded: one comes last when its import is over."""
    return len(sys.modules), next(reversed(sys.modules.items()))


def _marks(module: dict[str, object]) -> int:
    """Another number once a function or class has come to a module."""
    return hash(tuple(id(v) for v in list(module.values()) if type(v) is FunctionType or type(v) is type))


def _patched_by(fn: FunctionType) -> list[str]:
    """The attributes that `mock.patch`, as a decorator of a function, replaces while it runs."""
    return [str(vars(each).get("attribute")) for each in vars(fn).get("patchings", ())]
