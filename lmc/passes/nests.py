"""Which prefixes lie in which, asked without going through all of them: a long conversation nests thousands.

Not a pass. Prefixes go by their numbers: a parent before what is under it, and that before the next one beside it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence


class Nests:
    """Prefixes by their parents.

    depths  how many prefixes a prompt goes through up to the end of each, 1 at the top
    lasts   the largest number under each, its own where nothing is
    """

    def __init__(self, parents: Sequence[int | None]) -> None:
        self.parents = tuple(parents)
        self.depths: list[int] = []
        self.lasts = list(range(len(self.parents)))
        self._leaps: list[int | None] = []  # to some prefix above, so that the way up is short
        for parent in self.parents:
            self.depths.append(1 if parent is None else self.depths[parent] + 1)
            self._leaps.append(None if parent is None else self._leap(parent))
        for number in reversed(range(len(self.parents))):
            if (parent := self.parents[number]) is not None:
                self.lasts[parent] = max(self.lasts[parent], self.lasts[number])

    def _leap(self, parent: int) -> int | None:
        near = self._leaps[parent]
        far = None if near is None else self._leaps[near]
        is_even = self._depth(parent) - self._depth(near) == self._depth(near) - self._depth(far)
        return far if is_even and near is not None else parent

    def _depth(self, number: int | None) -> int:
        return 0 if number is None else self.depths[number]

    def holds(self, outer: int, inner: int) -> bool:
        """Whether a prefix is another one, or what that begins with."""
        return outer <= inner <= self.lasts[outer]

    def common(self, numbers: Sequence[int | None]) -> int | None:
        """The deepest prefix that prompts share, each given by the deepest one it begins with."""
        known = [number for number in numbers if number is not None]
        if not known or len(known) < len(numbers):
            return None
        last = max(known)
        return self._above(min(known), lambda number: self.holds(number, last))

    def shared_depth(self, number: int, others: Sequence[int]) -> int:
        """How deep a prefix goes along with the nearest of others, which ascend; 0 where it does not."""
        at = bisect_left(others, number)
        near = [self.common((number, other)) for other in others[max(0, at - 1) : at + 1]]
        return max(map(self._depth, near), default=0)

    def _above(self, number: int, is_found: Callable[[int], bool]) -> int | None:
        """The first prefix for which something holds, from one upwards; it then holds for all above that."""
        at: int | None = number
        while at is not None and not is_found(at):
            leap = self._leaps[at]
            at = leap if leap is not None and not is_found(leap) else self.parents[at]
        return at
