"""Texts by how they begin: which one a text goes on from, and how far others begin as it does.

Sorted texts that begin alike lie side by side, so that each question looks at a few neighbours.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator

from lmc.common_prefix import common_len

LAST = "\U0010ffff"  # stands behind whatever begins with the text before it


class Beginnings:
    """A bag of texts."""

    __slots__ = ("_texts",)

    def __init__(self) -> None:
        self._texts: list[str] = []

    def __len__(self) -> int:
        return len(self._texts)

    def add(self, text: str) -> None:
        """One more."""
        insort(self._texts, text)

    def remove(self, text: str) -> None:
        """One less of those that say this."""
        del self._texts[bisect_left(self._texts, text)]

    def first_with(self, begin: str) -> str:
        """One that begins with it, of which there is one."""
        return self._texts[bisect_left(self._texts, begin)]

    def longest_in(self, text: str) -> str | None:
        """The longest that `text` begins with."""
        begin = text
        while True:
            at = bisect_left(self._texts, begin)
            if at < len(self._texts) and self._texts[at] == begin:
                return begin
            if not at:
                return None
            before = self._texts[at - 1]
            shared = common_len(before, begin)
            if shared == len(before):
                return before
            begin = begin[:shared]

    def shared(self, text: str, after: int) -> Iterator[tuple[int, int]]:
        """(length, how many begin with so much of `text`): the longest first, down to more than `after`."""
        texts = self._texts
        low = high = bisect_left(texts, text)
        while True:
            left = common_len(texts[low - 1], text) if low else 0
            right = common_len(texts[high], text) if high < len(texts) else 0
            length = max(left, right)
            if length <= after:
                return
            low, high = bisect_left(texts, text[:length]), bisect_left(texts, text[:length] + LAST)
            yield length, high - low
