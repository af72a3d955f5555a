"""Who is known to use a prefix again, and when: the nearest of them at hand.

Knows nothing of trees but the node that it belongs to. Times are any numbers that grow.
"""

from __future__ import annotations

import heapq
from collections.abc import Hashable, Iterator
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lmc.backend.cache.radix import RadixNode

Who = Hashable

_orders = count()  # of entries with one time: who wants a prefix need not be comparable


class NextUses:
    """Of one node; each of `who` once. Changes and `nearest` take time in the logarithm of their number."""

    __slots__ = ("_dues", "_heap", "node")

    def __init__(self, node: RadixNode) -> None:
        self.node = node
        self._dues: dict[Who, float] = {}
        self._heap: list[tuple[float, int, Who]] = []  # an entry whose time is not that of its `who` is stale

    def __len__(self) -> int:
        return len(self._dues)

    def __iter__(self) -> Iterator[Who]:
        return iter(self._dues)

    def items(self) -> list[tuple[Who, float]]:
        """Who, and when."""
        return list(self._dues.items())

    def put(self, who: Who, due: float) -> None:
        """Somebody more, or another time for somebody."""
        self._dues[who] = due
        heapq.heappush(self._heap, (due, next(_orders), who))
        if len(self._heap) > 2 * len(self._dues) + 8:
            self._heap = [(due, next(_orders), who) for who, due in self._dues.items()]
            heapq.heapify(self._heap)

    def drop(self, who: Who) -> None:
        """Somebody less."""
        del self._dues[who]

    @property
    def nearest(self) -> float | None:
        """The time of the first of them; None where there is nobody."""
        while self._heap and self._dues.get(self._heap[0][2]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None
