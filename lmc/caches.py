"""What the process keeps so as to be faster: each cache by name, and what it holds.

A function's `lru_cache` at the top of a module or class is found by itself. What objects keep says so when it is made:
a `Recent` does, and whatever calls `register`. Standard library only.
"""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any, NamedTuple, TypeVar
from weakref import WeakKeyDictionary

SHARED = (type, ModuleType, FunctionType, BuiltinFunctionType, CodeType)  # no cache keeps these alive by itself
MAX_WALKED = 20_000  # objects of one cache that are looked at

T = TypeVar("T")


class CacheInfo(NamedTuple):
    """What one cache holds, or several of one name together.

    max_entries   how many entries there may be, None where only bytes bound it or nothing does
    num_bytes     what they take; an estimate (`is_estimate`) where nobody counted, which stops at large ones
    hits, misses  None where they are not counted
    num_caches    how many have that name: a program, a backend or a run has its own
    """

    name: str
    entries: int
    max_entries: int | None
    num_bytes: int
    is_estimate: bool = False
    max_bytes: int | None = None
    hits: int | None = None
    misses: int | None = None
    num_caches: int = 1

    def __str__(self) -> str:
        about = "about " if self.is_estimate else ""
        asked = "" if self.hits is None else f", hits {self.hits:,}, misses {self.misses:,}"
        entries, num_bytes = _of(self.entries, self.max_entries), _of(self.num_bytes, self.max_bytes)
        return f"{self.name}: {entries}, {about}{num_bytes} bytes{asked}"


def _of(number: int, most: int | None) -> str:
    return f"{number:,}" if most is None else f"{number:,} of {most:,}"


_registered: WeakKeyDictionary[Any, Callable[[Any], CacheInfo]] = WeakKeyDictionary()
_lock = threading.Lock()


def register(owner: T, info: Callable[[T], CacheInfo]) -> None:
    """List what an object keeps for as long as it lives; `info` says what that is, and must not hold the object."""
    with _lock:
        _registered[owner] = info


def cache_info() -> list[CacheInfo]:
    """Every cache of lmc in this process, by name; those that hold nothing too."""
    with _lock:
        owned = list(_registered.items())
    found = sorted([*(info(owner) for owner, info in owned), *_of_functions()])
    return [_together(list(same)) for _, same in groupby(found, key=lambda info: info.name)]


def function_caches() -> Iterator[tuple[str, Any]]:
    """(name, function) of each cached function at the top of a module or class that has been loaded."""
    for module in [module for name, module in sys.modules.items() if name.split(".")[0] == "lmc"]:
        for each in list(vars(module).values()):
            held = vars(each).values() if isinstance(each, type) and each.__module__ == module.__name__ else ()
            for found in (each, *held):
                if hasattr(found, "cache_parameters") and found.__module__ == module.__name__:
                    yield f"{found.__module__}.{found.__qualname__}", found


def estimated_bytes(roots: Iterable[object], shared: Iterable[object] = ()) -> int:
    """What objects take with all that they hold, without what is `shared`; of large ones a part."""
    seen, total, left = set(map(id, shared)), 0, MAX_WALKED
    stack = list(roots)
    while stack and left:
        each = stack.pop()
        if id(each) not in seen and not isinstance(each, SHARED):
            seen.add(id(each))
            total += sys.getsizeof(each)
            left -= 1
            stack += gc.get_referents(each)
    return total


def _of_functions() -> Iterator[CacheInfo]:
    for name, function in dict(function_caches()).items():
        hits, misses, most, size = function.cache_info()
        num_bytes = estimated_bytes(gc.get_referents(function), [vars(function)])
        yield CacheInfo(name, size, most, num_bytes, True, None, hits, misses)


def _together(same: list[CacheInfo]) -> CacheInfo:
    def total(numbers: Iterable[int | None]) -> int | None:
        known = [number for number in numbers if number is not None]
        return sum(known) if known else None

    return CacheInfo(
        same[0].name,
        sum(info.entries for info in same),
        total(info.max_entries for info in same),
        sum(info.num_bytes for info in same),
        any(info.is_estimate for info in same),
        total(info.max_bytes for info in same),
        total(info.hits for info in same),
        total(info.misses for info in same),
        sum(info.num_caches for info in same),
    )
