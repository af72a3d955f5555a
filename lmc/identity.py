"""What decides the results of a batch beside its items: the program as it was defined, what is bound, the model.

A program is known by its code objects, not by what its file says now. Helpers and other programs that it calls count,
and the constants that it reads from its module or from around it; what libraries do does not, nor what lies in
lists, dicts and objects, which a run may change.
"""

from __future__ import annotations

import dis
import hashlib
import json
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import TYPE_CHECKING, Any

from lmc.saved import NotSaved, encode
from lmc.version import __version__

if TYPE_CHECKING:
    from lmc.backend.base import Backend

CONSTANTS = (str, int, float, bool, bytes, type(None), tuple, frozenset)
_PATHS = sysconfig.get_paths()
LIBRARIES = tuple(_PATHS[name] for name in ("stdlib", "platstdlib", "purelib", "platlib"))


def identity_of(
    func: FunctionType | MethodType,
    bound: Mapping[str, Any],
    backend: Backend,
    settings: Mapping[str, Any],
) -> dict[str, Any]:
    """The facts by name, as JSON; runs for which all are equal give equal results."""
    plain = func.__func__ if isinstance(func, MethodType) else func
    assert isinstance(plain, FunctionType)
    return {
        "lmc": __version__,
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
        "program": plain.__name__,
        "code": digests_of(plain),
        "self": _digest_of(func.__self__) if isinstance(func, MethodType) else None,
        "bound": {name: _digest_of(value) for name, value in sorted(bound.items())},
        "backend": backend.name,
        "model": getattr(backend, "identity", None),
        **{name: _json_of(value) for name, value in sorted(settings.items())},
    }


def differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """What differs between two identities, as a person would say it."""
    found = []
    for name in dict.fromkeys((*one, *other)):
        before, now = one.get(name), other.get(name)
        if before == now:
            continue
        if isinstance(before, Mapping) and isinstance(now, Mapping):
            parts = [part for part in dict.fromkeys((*before, *now)) if before.get(part) != now.get(part)]
            found.append(f"{_WORDS.get(name, name)} {', '.join(f'`{part}`' for part in parts)}")
        else:
            found.append(f"{_WORDS.get(name, name)}: {_shown(before)} then, {_shown(now)} now")
    return found


_WORDS = {
    "self": "the object that the program is a method of",
    "code": "the code of",
    "bound": "the bound argument",
    "sampling": "the sampling default",
}


def digest(value: object) -> str:
    """A short name for a value. Raises NotSaved for one that JSON cannot hold."""
    text = json.dumps(encode(value), sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


def _shown(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _json_of(value: object) -> Any:
    try:
        return encode(value)
    except NotSaved:
        return repr(type(value))


def _digest_of(value: object) -> str:
    """The same; of what JSON cannot hold the class alone."""
    try:
        return digest(value)
    except NotSaved:
        return f"a {type(value).__qualname__}"


# --- code ------------------------------------------------------------------------------------------------


def digests_of(func: FunctionType) -> dict[str, str]:
    """What a program is made of. One digest a name; of several things by one name all together."""
    found: dict[str, str] = {}
    for name, part in _parts(func):
        found[name] = f"{found[name]}-{part}" if name in found else part
    return found


def _parts(func: FunctionType) -> Iterator[tuple[str, str]]:
    """(name, digest) of the function, and of everything that counts and can be reached from it."""
    seen: set[int] = set()
    waiting: list[tuple[str, object]] = [(func.__name__, func)]
    while waiting:
        name, value = waiting.pop()
        if isinstance(value, CONSTANTS):
            yield name, _digest_of(value)
            continue
        plain = _function(value)
        if plain is None or id(plain) in seen:
            continue
        seen.add(id(plain))
        rest = (_code(plain.__code__), *map(_constant, (plain.__defaults__, plain.__kwdefaults__)))
        yield name, hashlib.blake2b(repr(rest).encode(), digest_size=12).hexdigest()
        waiting += reversed(list(_read(plain)))


def _constant(value: object) -> str:
    return _digest_of(value) if value is not None else ""


def _function(value: object) -> FunctionType | None:
    """The function of the user's that a value is, or is a program of."""
    if getattr(value, "__lmc_program__", False):
        value = value.func  # type: ignore[attr-defined]
    value = getattr(value, "__func__", value)
    if not isinstance(value, FunctionType):
        return None
    return None if _is_library(value.__module__, value.__code__.co_filename) else value


def _is_library(module: str | None, file: str | None) -> bool:
    return (file or "").startswith((*LIBRARIES, "<frozen")) or (module or "").partition(".")[0] == "lmc"


def _read(func: FunctionType) -> Iterator[tuple[str, object]]:
    """What the function reads from its module and from around it, by name; not what it sets itself."""
    names = _names(func.__code__)
    for name in sorted(names & func.__globals__.keys()):
        value = func.__globals__[name]
        yield name, value
        if isinstance(value, ModuleType) and not _is_library(value.__name__, getattr(value, "__file__", None)):
            yield from ((f"{name}.{each}", vars(value)[each]) for each in sorted(names & vars(value).keys()))
    for name, cell in zip(func.__code__.co_freevars, func.__closure__ or ()):
        try:
            yield name, cell.cell_contents
        except ValueError:
            continue


def _names(code: CodeType) -> set[str]:
    """Globals and attributes that a code object and those within it read, without the globals that it assigns."""
    read, written = set(), set()
    for each in (code, *(const for const in code.co_consts if isinstance(const, CodeType))):
        if each is not code:
            read |= _names(each)
            continue
        for step in dis.get_instructions(each):
            if step.opname in ("LOAD_GLOBAL", "LOAD_ATTR", "LOAD_METHOD"):
                read.add(str(step.argval))
            elif step.opname in ("STORE_GLOBAL", "DELETE_GLOBAL"):
                written.add(str(step.argval))
    return read - written


def _code(code: CodeType) -> tuple[Any, ...]:
    """What a code object does, without where it stands."""
    consts = tuple(_code(c) if isinstance(c, CodeType) else _const(c) for c in code.co_consts)
    return code.co_code, consts, code.co_names, code.co_varnames, code.co_freevars, code.co_argcount, code.co_flags


def _const(value: object) -> str:
    return repr(sorted(map(repr, value))) if isinstance(value, frozenset) else repr(value)
