"""What was used lately, by keys: so many values and no more. Standard library only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import Lock
from typing import Generic, TypeVar

Key = TypeVar("Key")
Kept = TypeVar("Kept")


class Recent(Generic[Key, Kept]):
    """At most `limit` values; where there is one more, the one that was asked for longest ago goes. For any thread."""

    def __init__(self, limit: int) -> None:
        assert limit > 0
        self.limit = limit
        self._kept: dict[Key, Kept] = {}  # the least recently used first
        self._lock = Lock()

    def get(self, key: Key) -> Kept | None:
        """The value of a key, None where there is none."""
        with self._lock:
            if key not in self._kept:
                return None
            found = self._kept[key] = self._kept.pop(key)
            return found

    def put(self, key: Key, value: Kept) -> None:
        """Keep a value, in place of an earlier one of that key."""
        with self._lock:
            self._kept.pop(key, None)
            self._kept[key] = value
            while len(self._kept) > self.limit:
                del self._kept[next(iter(self._kept))]

    def forget(self, is_stale: Callable[[Kept], bool]) -> None:
        """Drop some values."""
        with self._lock:
            for key in [key for key, value in self._kept.items() if is_stale(value)]:
                del self._kept[key]

    def values(self) -> list[Kept]:
        """All that is kept."""
        with self._lock:
            return list(self._kept.values())

    def __len__(self) -> int:
        return len(self._kept)

    def __iter__(self) -> Iterator[Key]:
        with self._lock:
            return iter(list(self._kept))
