"""Prefixes that a plan says will be read again, and when: they are evicted last, the farthest of them first.

A pin is about what is resident of its tokens when it is set; it computes nothing and locks nothing. It ends by a
release (as many as there were pins), by its time to live, or with its account. It is advice: no request waits or fails
for one, and results are the same without any. A prefix that several items have pinned is due when the first is.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf

import numpy as np

from lmc.backend.cache.lease import KVCache
from lmc.backend.engine.account import Account


@dataclass(eq=False, slots=True)
class Pin:
    """A prefix that is wanted.

    dues   when by whoever has pinned and not released it, a heap, in ticks of the tree
    until  when it ends by itself, on the engine's clock
    """

    dues: list[float] = field(default_factory=list)
    until: float = inf


class Pins:
    """All pins of an engine, by account and tokens."""

    def __init__(self, cache: KVCache, clock: Callable[[], float]) -> None:
        self._cache = cache
        self._clock = clock
        self._pins: dict[tuple[Account, tuple[int, ...]], Pin] = {}
        self._earliest = inf  # no pin ends by itself before

    def __len__(self) -> int:
        return len(self._pins)

    def pin(self, account: Account, ids: tuple[int, ...], ttl_s: float | None, waves: float = 1) -> None:
        """What is resident of a prefix is wanted in so many waves; nothing where none of it is."""
        node = self._cache.find(account.namespace, np.asarray(ids, np.int32))
        if node is None:
            return
        pin = self._pins.setdefault((account, ids), Pin())
        heapq.heappush(pin.dues, self._cache.now + waves * account.pace)
        pin.until = self._clock() + (inf if ttl_s is None else ttl_s)
        self._earliest = min(self._earliest, pin.until)
        self._cache.want(pin, node, pin.dues[0])

    def release(self, account: Account, ids: tuple[int, ...]) -> None:
        """One pin of a prefix less; nothing where it has ended before."""
        pin = self._pins.get((account, ids))
        if pin is None:
            return
        heapq.heappop(pin.dues)
        if pin.dues:
            self._cache.want(pin, self._cache.wanted_at(pin), pin.dues[0])
        else:
            self._end(account, ids)

    def expire(self) -> None:
        """End those whose time has come."""
        if self._earliest == inf or self._earliest > (now := self._clock()):
            return
        for account, ids in [key for key, pin in self._pins.items() if pin.until <= now]:
            self._end(account, ids)
        self._earliest = min((pin.until for pin in self._pins.values()), default=inf)

    def close(self, account: Account) -> None:
        """End all of an account."""
        for owner, ids in list(self._pins):
            if owner is account:
                self._end(owner, ids)

    def begin_anew(self, cache: KVCache) -> None:
        """Without any, on an empty cache."""
        self._cache = cache
        self._pins.clear()

    def check(self) -> None:
        """Audit: who has pinned something waits for it."""
        assert all(pin.dues for pin in self._pins.values())

    def _end(self, account: Account, ids: tuple[int, ...]) -> None:
        self._cache.unwant(self._pins.pop((account, ids)))
