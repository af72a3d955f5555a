"""Masks over tokens as words: bit i % 32 of word i // 32 is token i."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int32]
Bools = npt.NDArray[np.bool_]

FEW = 48  # tokens that are set one by one


def packed(live: Bools) -> Ints:
    """[V] whether each token may come, as words; not to be written to."""
    bits = np.zeros(-(-len(live) // 32) * 32, dtype=bool)
    bits[: len(live)] = live
    words = np.packbits(bits, bitorder="little").view(np.int32)
    words.setflags(write=False)
    return words


def of_ids(size: int, ids: list[int], arrays: Sequence[Ints]) -> Ints:
    """Words in which these tokens are set, of `size` tokens."""
    if not arrays and len(ids) < FEW:
        words = np.zeros(-(-size // 32), dtype=np.int32)
        for id in ids:
            words[id >> 5] |= _BITS[id & 31]
        return words
    bits = np.zeros(-(-size // 32) * 32, dtype=bool)
    bits[ids] = True
    for array in arrays:
        bits[array] = True
    return np.packbits(bits, bitorder="little").view(np.int32)


_BITS = [np.int32(1 << bit) if bit < 31 else np.int32(-(1 << 31)) for bit in range(32)]
