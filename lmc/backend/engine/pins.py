"""Prefixes that stay resident for a while because a plan will read them again: locks on the tree, and nothing more.

A pin holds what is resident of its tokens when it is set; it computes nothing. It ends by a release (as many as there
were pins), by its time to live, with its account, or when the scheduler has no other room to offer: a pin is advice,
and no request waits or fails for one. Results are the same without any.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from math import inf

import numpy as np

from lmc.backend.cache.lease import KVCache
from lmc.backend.cache.radix import RadixNode
from lmc.backend.engine.account import Account


@dataclass(slots=True)
class Pin:
    """A prefix that is held.

    node   the deepest node of it that was resident, locked
    count  pins less releases
    until  when it ends by itself, on the engine's clock
    """

    node: RadixNode
    count: int
    until: float


class Pins:
    """All pins of an engine, by account and tokens; the one that was set or renewed longest ago comes first."""

    def __init__(self, cache: KVCache, clock: Callable[[], float]) -> None:
        self._cache = cache
        self._clock = clock
        self._pins: dict[tuple[Account, tuple[int, ...]], Pin] = {}

    def __len__(self) -> int:
        return len(self._pins)

    def pin(self, account: Account, ids: tuple[int, ...], ttl_s: float | None) -> None:
        """Hold what is resident of a prefix, or hold it longer; nothing where none of it is."""
        node = self._cache.hold(account.namespace, np.asarray(ids, np.int32))
        if node is None:
            return
        before = self._pins.pop((account, ids), None)
        if before is not None:
            self._cache.let_go(before.node)
        until = self._clock() + (inf if ttl_s is None else ttl_s)
        self._pins[account, ids] = Pin(node, 1 + (before.count if before else 0), until)

    def release(self, account: Account, ids: tuple[int, ...]) -> None:
        """One pin of a prefix less; nothing where it has ended before."""
        pin = self._pins.get((account, ids))
        if pin is not None:
            pin.count -= 1
            if not pin.count:
                self._end(account, ids)

    def expire(self) -> None:
        """End those whose time has come."""
        if self._pins:
            now = self._clock()
            for account, ids in [key for key, pin in self._pins.items() if pin.until <= now]:
                self._end(account, ids)

    def revoke(self) -> bool:
        """End the oldest, as somebody needs the room; False where there is none."""
        oldest = next(iter(self._pins), None)
        if oldest is None:
            return False
        self._end(*oldest)
        return True

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
        """Audit: what is held without a lease is held by a pin."""
        assert Counter(pin.node for pin in self._pins.values()) == self._cache.held

    def _end(self, account: Account, ids: tuple[int, ...]) -> None:
        self._cache.let_go(self._pins.pop((account, ids)).node)
