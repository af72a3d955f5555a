"""What one code object of the user's can bind anew, read off its bytecode: the functions inside it included."""

from __future__ import annotations

import builtins
import dis
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from types import CodeType

from lmc.parser.primitives import PRIMITIVES

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
    cells     variables of functions around it: the file, and the name
    wild      it may store any global of its module that is no function or class
    any_global   it may store any global of its module
    anywhere  it may store any global of any module that its module has to do with
    gets_modules  it reads `sys.modules`, so a module may be what other code is given
    any_attr  it may store an attribute of any name, of what `attrs` names the same way
    """

    globals: frozenset[str] = frozenset()
    attrs: frozenset[tuple[str | None, str]] = frozenset()
    cells: frozenset[tuple[str, str]] = frozenset()
    wild: bool = False
    any_attr: frozenset[str | None] = frozenset()
    any_global: bool = False
    anywhere: bool = False
    gets_modules: bool = False


@lru_cache(8192)
def stores_of(code: CodeType) -> CodeStores:
    """What a code object stores."""
    globals_: set[str] = set()
    attrs: set[tuple[str | None, str]] = set()
    cells: set[tuple[str, str]] = set()
    any_attr: set[str | None] = set()
    names = set(code.co_names)
    any_global = "exec" in names and _runs_text_here(code)
    wild = any_global or not _WILD.isdisjoint(names)
    by_name = not _BY_NAME.isdisjoint(names) or "__dict__" in names or "vars" in names
    gets_modules = "modules" in names
    anywhere = _reloads(code) or (by_name and not _MODULES.isdisjoint(names))
    if not _WILD.isdisjoint(names - {"modules", "reload"}):
        stored = _stored_in_globals(code)
        globals_ |= stored or set()
        any_global |= stored is None
    if code.co_name != "<module>" and not _PATCHERS.isdisjoint((*names, *code.co_varnames)):
        patched = {name for name in _words_of(code.co_consts) if name not in _OF_LMC and not hasattr(builtins, name)}
        attrs |= {(ANYONE, name) for name in patched}
    if not _LOOKED_FOR.isdisjoint(code.co_code[::2]) or not _BY_NAME.isdisjoint(names) or "__dict__" in names:
        before: list[dis.Instruction] = []
        for each in dis.get_instructions(code):
            if each.opname in ("STORE_GLOBAL", "DELETE_GLOBAL"):
                globals_.add(each.argval)
            elif each.opname in ("STORE_DEREF", "DELETE_DEREF") and each.argval in code.co_freevars:
                cells.add((code.co_filename, each.argval))
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
            gets_modules |= more.gets_modules
            any_attr |= more.any_attr
    return CodeStores(
        frozenset(globals_),
        frozenset(attrs),
        frozenset(cells),
        wild,
        frozenset(any_attr),
        any_global,
        anywhere,
        gets_modules,
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
