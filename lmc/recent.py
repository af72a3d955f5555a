"""What was used lately, by keys: so many values, or so many bytes of them, and no more. Standard library only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import Lock
from typing import Generic, TypeVar

from lmc.caches import CacheInfo, estimated_bytes, register

Key = TypeVar("Key")
Kept = TypeVar("Kept")


class Recent(Generic[Key, Kept]):
    """At most `limit` values; where there is one more, the one that was asked for longest ago goes. For any thread.

    name       what `lmc.cache_info` lists it by
    size       bytes of a value with its key, where they are counted
    max_bytes  of all together; a value that is larger by itself is not kept
    """

    def __init__(
        self,
        name: str,
        limit: int,
        *,
        size: Callable[[Key, Kept], int] | None = None,
        max_bytes: int | None = None,
    ) -> None:
        assert limit > 0 and (size is None) == (max_bytes is None)
        self.name, self.limit, self.max_bytes = name, limit, max_bytes
        self.num_bytes = self.hits = self.misses = 0
        self._size = size
        self._sizes: dict[Key, int] = {}
        self._kept: dict[Key, Kept] = {}  # the least recently used first
        self._lock = Lock()
        register(self, Recent.info)

    def get(self, key: Key) -> Kept | None:
        """The value of a key, None where there is none."""
        with self._lock:
            if key not in self._kept:
                self.misses += 1
                return None
            self.hits += 1
            found = self._kept[key] = self._kept.pop(key)
            return found

    def put(self, key: Key, value: Kept) -> None:
        """Keep a value, in place of an earlier one of that key; one that has grown is counted anew."""
        with self._lock:
            self._drop(key)
            self._kept[key] = value
            if self._size is not None:
                self._sizes[key] = self._size(key, value)
                self.num_bytes += self._sizes[key]
            while len(self._kept) > self.limit or (self.max_bytes is not None and self.num_bytes > self.max_bytes):
                self._drop(next(iter(self._kept)))

    def _drop(self, key: Key) -> None:
        self._kept.pop(key, None)
        self.num_bytes -= self._sizes.pop(key, 0)

    def forget(self, is_stale: Callable[[Kept], bool]) -> None:
        """Drop some values."""
        with self._lock:
            for key in [key for key, value in self._kept.items() if is_stale(value)]:
                self._drop(key)

    def values(self) -> list[Kept]:
        """All that is kept."""
        with self._lock:
            return list(self._kept.values())

    def info(self) -> CacheInfo:
        """What `lmc.cache_info` says of it."""
        is_counted = self.max_bytes is not None
        num_bytes = self.num_bytes if is_counted else estimated_bytes(self.values())
        return CacheInfo(
            self.name, len(self), self.limit, num_bytes, not is_counted, self.max_bytes, self.hits, self.misses
        )

    def __contains__(self, key: Key) -> bool:
        return key in self._kept

    def __len__(self) -> int:
        return len(self._kept)

    def __iter__(self) -> Iterator[Key]:
        with self._lock:
            return iter(list(self._kept))
