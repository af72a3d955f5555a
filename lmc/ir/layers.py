"""A mapping that goes on from another one and shares it: the names of a long conversation take room once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Layers(Mapping[K, V], Generic[K, V]):
    """Entries that never change, in the order of a dict in which they were set one after another.

    They lie in dicts one over another, which are shared and never changed. Each is at least twice as long as the one
    over it: so there are few to look into, and an entry is seldom copied to a longer one.
    """

    __slots__ = ("_layers", "_len")

    def __init__(self, entries: Mapping[K, V] | None = None) -> None:
        self._layers: tuple[dict[K, V], ...] = (dict(entries),) if entries else ()
        self._len = len(entries) if entries else 0

    def with_entries(self, entries: Mapping[K, V]) -> Layers[K, V]:
        """These entries with some set."""
        if not entries:
            return self
        layers, top = list(self._layers), dict(entries)
        while layers and len(layers[-1]) < 2 * len(top):
            top = {**layers.pop(), **top}
        more: Layers[K, V] = Layers()
        more._layers = (*layers, top)
        more._len = self._len + sum(key not in self for key in entries)
        return more

    def without(self, key: K) -> Layers[K, V]:
        """These entries but one, be it there or not."""
        return Layers({k: v for k, v in self.items() if k != key}) if key in self else self

    def common(self, other: Layers[K, V]) -> Layers[K, V]:
        """The entries that are in both, with equal values."""
        if self is other:
            return self
        return Layers({key: value for key, value in self.items() if key in other and other[key] == value})

    def __getitem__(self, key: K) -> V:
        for layer in reversed(self._layers):
            if key in layer:
                return layer[key]
        raise KeyError(key)

    def __contains__(self, key: object) -> bool:
        return any(key in layer for layer in self._layers)

    def __iter__(self) -> Iterator[K]:
        return iter({key: None for layer in self._layers for key in layer})

    def __len__(self) -> int:
        return self._len

    def __repr__(self) -> str:
        return repr(dict(self))
