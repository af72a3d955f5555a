"""What a program returned, with something else in the place of each state that it holds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import is_dataclass
from functools import partial
from types import MemberDescriptorType
from typing import Any

# Any: whatever a program returns


def with_each(value: Any, kind: type, give: Callable[[Any], Any]) -> Any:
    """The value with `give(x)` for each x of a kind: in lists, tuples, dicts and dataclasses, however deep.

    What holds none is the object that it was; what holds one is a copy, and so are containers that hold each other.
    """
    return _Copy(kind, give).of(value)


# What is in a container is read and written by the methods of the builtin class that it is made of: a subclass of the
# user's may have code in its own, which Python does not run when a function returns.
_IN_A_FILE = 1 << 9  # the flag of a class that a `class` statement made


def _builtin(value: Any) -> Any:
    """The builtin class that an object's class is made of, or is."""
    return next(base for base in type(value).__mro__ if not base.__flags__ & _IN_A_FILE)


def _parts(value: Any) -> Iterable[Any]:
    if isinstance(value, list | tuple):
        return _builtin(value).__iter__(value)  # type: ignore[no-any-return]
    if isinstance(value, dict):
        return _builtin(value).values(value)  # type: ignore[no-any-return]
    return [part for _, part in _attributes(value)]


def _attributes(value: Any) -> Iterator[tuple[Callable[[Any, Any], None], Any]]:
    """What an object holds itself, each with what puts another value there in such an object."""
    for cls in type(value).__mro__:
        for slot in vars(cls).values():
            if isinstance(slot, MemberDescriptorType):
                with suppress(AttributeError):  # a slot that is empty
                    yield slot.__set__, slot.__get__(value)
    for name, part in vars(value).items() if hasattr(value, "__dict__") else ():
        yield partial(_put, name), part


def _put(name: str, made: Any, part: Any) -> None:
    made.__dict__[name] = part


def _is_container(value: Any) -> bool:
    return isinstance(value, list | tuple | dict) or (is_dataclass(value) and not isinstance(value, type))


def _holds(value: Any, kind: type) -> bool:
    stack, seen = [value], set[int]()
    while stack:
        each = stack.pop()
        if isinstance(each, kind):
            return True
        if id(each) not in seen and _is_container(each):
            seen.add(id(each))
            stack.extend(_parts(each))
    return False


class _Copy:
    """One copy of a value; a container that is met again is the same copy."""

    def __init__(self, kind: type, give: Callable[[Any], Any]) -> None:
        self.kind, self.give = kind, give
        self.made: dict[int, Any] = {}

    def of(self, value: Any) -> Any:
        """The copy of a part."""
        if id(value) in self.made:
            return self.made[id(value)]
        if isinstance(value, self.kind):
            self.made[id(value)] = made = self.give(value)
            return made
        if not _is_container(value) or not _holds(value, self.kind):
            return value
        return self._tuple(value) if isinstance(value, tuple) else self._filled(value)

    def _tuple(self, value: tuple[Any, ...]) -> tuple[Any, ...]:
        parts = [self.of(part) for part in _parts(value)]
        if type(value) is tuple:
            return tuple(parts)
        made = tuple.__new__(type(value), parts)
        if hasattr(made, "__dict__"):
            made.__dict__.update(vars(value))
        return made

    def _filled(self, value: Any) -> Any:
        """A copy that is known before its parts are made, for they may hold it."""
        builtin = _builtin(value)
        self.made[id(value)] = made = builtin.__new__(type(value))
        for put, part in _attributes(value):
            put(made, part if isinstance(value, list | dict) else self.of(part))
        if isinstance(value, list):
            list.extend(made, map(self.of, _parts(value)))
        elif isinstance(value, dict):
            for key, part in builtin.items(value):
                builtin.__setitem__(made, key, self.of(part))
        return made
