"""What a program returned, with something else in the place of each state that it holds."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from dataclasses import fields, is_dataclass
from typing import Any

# Any: whatever a program returns


def with_each(value: Any, kind: type, give: Callable[[Any], Any]) -> Any:
    """The value with `give(x)` for each x of a kind: in lists, tuples, dicts and dataclasses, however deep.

    What holds none is the object that it was; what holds one is a copy, and so are containers that hold each other.
    """
    return _Copy(kind, give).of(value)


def _parts(value: Any) -> Iterable[Any]:
    if isinstance(value, list | tuple):
        return value
    if isinstance(value, dict):
        return value.values()
    return [getattr(value, field.name, None) for field in fields(value)]


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
        parts = [self.of(part) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)

    def _filled(self, value: Any) -> Any:
        """A copy that is known before its parts are made, for they may hold it."""
        self.made[id(value)] = made = copy.copy(value)
        if isinstance(value, list):
            made[:] = [self.of(part) for part in value]
        elif isinstance(value, dict):
            for key, part in value.items():
                made[key] = self.of(part)
        else:
            for field in fields(value):
                if hasattr(value, field.name):
                    object.__setattr__(made, field.name, self.of(getattr(value, field.name)))
        return made
