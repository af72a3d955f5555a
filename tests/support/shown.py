"""Objects as text that says which of them are one: what `==` cannot tell of a result."""

from __future__ import annotations

from typing import Any

from lmc.result import Result

_ATOMS = (type(None), bool, int, float, str, bytes)


def shown(*values: Any) -> str:
    """The values, each object numbered where it is met first and named by its number after that; tuples have none."""
    return ", ".join(_Shown().of(value) for value in values)


class _Shown:
    def __init__(self) -> None:
        self.numbers: dict[int, int] = {}
        self.kept: list[Any] = []

    def of(self, x: Any) -> str:
        """One value."""
        if type(x) in _ATOMS:
            return repr(x)
        if type(x) is tuple:
            return f"({', '.join(map(self.of, x))})"
        if id(x) in self.numbers:
            return f"#{self.numbers[id(x)]}"
        self.numbers[id(x)] = len(self.numbers)
        self.kept.append(x)  # no other may come to have its address
        return f"#{self.numbers[id(x)]}={type(x).__name__}{self._inside(x)}"

    def _inside(self, x: Any) -> str:
        if isinstance(x, Result):
            return repr(x.text())
        if isinstance(x, list):
            return f"[{', '.join(map(self.of, list.__iter__(x)))}]"
        if isinstance(x, dict):
            return "{" + ", ".join(f"{self.of(k)}: {self.of(v)}" for k, v in dict.items(x)) + "}"
        if isinstance(x, set | frozenset):
            return f"{sorted(x, key=repr)}"
        return f"<{', '.join(f'{name}={self.of(value)}' for name, value in getattr(x, '__dict__', {}).items())}>"
