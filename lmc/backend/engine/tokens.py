"""A growing row of token ids that numpy can slice without a copy."""

from __future__ import annotations

from collections.abc import Sequence as Seq

import numpy as np
import numpy.typing as npt

Int32 = npt.NDArray[np.int32]


class TokenBuffer:
    """Ids [len] int32 with room to grow; `ids` is a view that the next `append` may leave behind."""

    __slots__ = ("_ids", "_len")

    def __init__(self, ids: Seq[int]) -> None:
        self._len = len(ids)
        self._ids: Int32 = np.empty(self._len + 64, np.int32)
        self._ids[: self._len] = ids

    def __len__(self) -> int:
        return self._len

    @property
    def ids(self) -> Int32:
        """[len] int32."""
        return self._ids[: self._len]

    def at(self, index: int) -> int:
        """One id."""
        return int(self._ids[index])

    def append(self, id: int) -> None:
        """One id more."""
        if self._len == len(self._ids):
            self._reserve(self._len + 1)
        self._ids[self._len] = id
        self._len += 1

    def extend(self, ids: Seq[int]) -> None:
        """Several ids more."""
        end = self._len + len(ids)
        if end > len(self._ids):
            self._reserve(end)
        self._ids[self._len : end] = ids
        self._len = end

    def truncate(self, length: int) -> None:
        """Drop the ids from `length` on."""
        assert length <= self._len
        self._len = length

    def _reserve(self, length: int) -> None:
        bigger: Int32 = np.empty(max(length, 2 * len(self._ids)), np.int32)
        bigger[: self._len] = self.ids
        self._ids = bigger
