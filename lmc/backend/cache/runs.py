"""Free room as runs of neighbouring slots, so that what is handed out is contiguous where it can be.

Runs are kept by start, by end (to join neighbours) and by size class (to find one that fits without a search).
Knows nothing of owners or states.
"""

from __future__ import annotations

from collections.abc import Iterator


class FreeRuns:
    """A set of slots, all multiples of one page apart if they were put in so."""

    def __init__(self) -> None:
        self._lengths: dict[int, int] = {}  # start -> length
        self._starts: dict[int, int] = {}  # end -> start
        self._classes: list[dict[int, None]] = []  # floor(log2(length)) -> starts, oldest first

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return iter(self._lengths.items())

    def put(self, start: int, length: int) -> None:
        """Add [start, start + length), joined with its neighbours."""
        before = self._starts.get(start)
        if before is not None:
            length += self._drop(before)
            start = before
        if start + length in self._lengths:
            length += self._drop(start + length)
        self._add(start, length)

    def take(self, length: int, after: int | None = None) -> list[tuple[int, int]]:
        """Remove `length` slots as (start, length) pieces: first those right behind slot `after`, then few large runs.

        The caller has made sure that as many are there.
        """
        pieces = []
        while length:
            start = after + 1 if after is not None and after + 1 in self._lengths else self._fit(length)
            after = None
            piece = min(length, self._lengths[start])
            self._cut(start, piece)
            pieces.append((start, piece))
            length -= piece
        return pieces

    def _fit(self, length: int) -> int:
        """Start of a run of at least `length`, or of one of the largest where there is none."""
        own = length.bit_length() - 1
        if own < len(self._classes):
            for start in self._classes[own]:
                if self._lengths[start] >= length:
                    return start
        for size in range(own + 1, len(self._classes)):
            if self._classes[size]:
                return next(iter(self._classes[size]))
        largest = next(starts for starts in reversed(self._classes) if starts)
        return next(iter(largest))

    def _cut(self, start: int, length: int) -> None:
        whole = self._drop(start)
        if whole > length:
            self._add(start + length, whole - length)

    def _add(self, start: int, length: int) -> None:
        self._lengths[start] = length
        self._starts[start + length] = start
        size = length.bit_length() - 1
        while len(self._classes) <= size:
            self._classes.append({})
        self._classes[size][start] = None

    def _drop(self, start: int) -> int:
        length = self._lengths.pop(start)
        del self._starts[start + length]
        del self._classes[length.bit_length() - 1][start]
        return length
