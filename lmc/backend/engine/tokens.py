"""A growing row of token ids that numpy can slice without a copy."""

from __future__ import annotations

from collections.abc import Sequence as Seq

import numpy as np
import numpy.typing as npt

Int32 = npt.NDArray[np.int32]


class TokenBuffer:
    """Ids [length] int32 with room to grow; `ids` is a view that the next `append` may leave behind."""

    __slots__ = ("_ids", "last", "length")

    def __init__(self, ids: Seq[int]) -> None:
        self.length = len(ids)
        self._ids: Int32 = np.empty(self.length + 64, np.int32)
        self._ids[: self.length] = ids
        self.last = int(ids[-1]) if self.length else 0

    def __len__(self) -> int:
        return self.length

    @property
    def ids(self) -> Int32:
        """[len] int32."""
        return self._ids[: self.length]

    def at(self, index: int) -> int:
        """One id."""
        return int(self._ids[index])

    def append(self, id: int) -> None:
        """One id more."""
        if self.length == len(self._ids):
            self._reserve(self.length + 1)
        self._ids[self.length] = self.last = id
        self.length += 1

    def extend(self, ids: Seq[int]) -> None:
        """Several ids more."""
        end = self.length + len(ids)
        if end > len(self._ids):
            self._reserve(end)
        self._ids[self.length : end] = ids
        self.length = end
        self.last = int(self._ids[end - 1]) if end else 0

    def truncate(self, length: int) -> None:
        """Drop the ids from `length` on."""
        assert length <= self.length
        self.length = length
        self.last = int(self._ids[length - 1]) if length else 0

    def _reserve(self, length: int) -> None:
        bigger: Int32 = np.empty(max(length, 2 * len(self._ids)), np.int32)
        bigger[: self.length] = self.ids
        self._ids = bigger
