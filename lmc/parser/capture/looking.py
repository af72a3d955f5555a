"""Looking at the user's objects without running any of their code.

Python lets a class decide what reading an attribute, comparing, hashing or `bool` do. While tracing none of that may
run: the graph is run many times, or never. What cannot be known by looking is left to the run.
"""

from __future__ import annotations

import enum
import sysconfig
from collections.abc import Iterator
from types import (
    BuiltinFunctionType,
    ClassMethodDescriptorType,
    FunctionType,
    GetSetDescriptorType,
    MemberDescriptorType,
    MethodDescriptorType,
    MethodType,
    ModuleType,
    UnionType,
    WrapperDescriptorType,
)

UNSEEN = object()  # in place of what only the user's code could say
_BUILTIN_DESCRIPTORS = (
    BuiltinFunctionType, ClassMethodDescriptorType, GetSetDescriptorType, MemberDescriptorType, MethodDescriptorType,
    WrapperDescriptorType, FunctionType, staticmethod, property,
)  # fmt: skip
_STDLIB = (sysconfig.get_paths()["stdlib"], sysconfig.get_paths()["platstdlib"])
_READS = ("__getattr__", "__getattribute__")
_OPERATORS = frozenset((
    "__bool__", "__len__", "__eq__", "__ne__", "__hash__", "__lt__", "__le__", "__gt__", "__ge__", "__format__",
    "__str__", "__repr__", "__iter__", "__contains__", "__getitem__", "__call__", "__add__", "__radd__", "__mul__",
    "__rmul__", "__sub__", "__rsub__", "__or__", "__ror__", "__and__", "__rand__", "__int__", "__float__", "__index__",
    "__reversed__", "__class_getitem__", "__instancecheck__", "__subclasscheck__", "__getattribute__", "__getattr__",
))  # fmt: skip
# what is looked up by its hash or compared while tracing is of one of these, or quiet
_HASHED = (FunctionType, BuiltinFunctionType, MethodType, MethodDescriptorType, WrapperDescriptorType, type)


def is_a(x: object, kinds: type | tuple[type, ...]) -> bool:
    """`isinstance` by the class alone: an object may have a `__class__` that is code of the user's."""
    return issubclass(type(x), kinds)


def attribute(owner: object, name: str) -> object:
    """`owner.name` of a module or class, UNSEEN where reading it runs code. Raises AttributeError."""
    if is_a(owner, ModuleType):
        return _of_module(owner, name)
    return _of_class(owner, name) if is_a(owner, type) else UNSEEN


def _of_module(owner: object, name: str) -> object:
    if type(owner) is not ModuleType:
        return UNSEEN
    held = vars(owner)
    if name in held:
        return held[name]
    is_ours = str(held.get("__name__")).split(".")[0] == "lmc"
    return getattr(owner, name) if is_ours or "__getattr__" not in held else UNSEEN


def _of_class(owner: object, name: str) -> object:
    if any(each in held for held in _own_dicts(type(owner)) for each in (*_READS, name)):
        return UNSEEN
    assert isinstance(owner, type)
    for base in type.mro(owner) if type(owner) is type else owner.__mro__:
        if name in vars(base):
            return _given_by(owner, name, vars(base)[name])
    return getattr(owner, name)  # what every class has, or none has


def _given_by(owner: type, name: str, held: object) -> object:
    """What reading gives for what the dictionary of a class holds under a name."""
    if type(held) is classmethod:
        return getattr(owner, name) if type(held.__func__) is FunctionType else UNSEEN
    if type(held) in _BUILTIN_DESCRIPTORS:
        return getattr(owner, name)
    return UNSEEN if any("__get__" in vars(each) for each in type(held).__mro__) else held


def reads_by_code(x: object) -> bool:
    """True for an object whose class says itself what reading an attribute gives."""
    return any(each in held for held in _own_dicts(type(x)) for each in _READS)


def _own_dicts(kind: type) -> Iterator[dict[str, object]]:
    """The dictionaries of a class and its bases, as far as they are the user's."""
    for base in kind.__mro__:
        if base.__module__ not in ("builtins", "abc", "enum"):
            yield dict(vars(base))


def is_quiet(x: object) -> bool:
    """True for an object whose operators run no code of the user's."""
    return not any(_is_own(held.get(name)) for held in _own_dicts(type(x)) for name in _OPERATORS if name in held)


def _is_own(method: object) -> bool:
    # a class of the `enum` module gets methods of that module, or of the class it is mixed with
    if type(method) is FunctionType:
        return not method.__code__.co_filename.startswith(_STDLIB)
    return type(method) not in (WrapperDescriptorType, MethodDescriptorType, BuiltinFunctionType, type(None))


def can_hash(x: object) -> bool:
    """True where looking for an object in a set or dict runs no code of the user's."""
    return is_a(x, _HASHED) and is_quiet(x)


def is_quiet_check(kinds: object) -> bool:
    """True where `isinstance` with these classes runs no code of the user's."""
    if type(kinds) is tuple:
        return all(is_quiet_check(each) for each in kinds)
    if type(kinds) is UnionType:
        return is_quiet_check(kinds.__args__)
    if type(kinds) in (type, enum.EnumMeta):
        return True
    return is_a(kinds, type) and getattr(kinds, "__module__", "") in ("collections.abc", "numbers")
