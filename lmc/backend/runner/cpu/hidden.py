"""Bitmasks of allowed tokens as rows to add to logits, kept for masks that come again, as those of an automaton do.

Adding a row is the fastest way on a CPU: 21 us for 128 k tokens, where filling through a mask of booleans takes 180.
"""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
import torch
from torch import Tensor

from lmc.backend.runner.batch import Int32

MAX_BYTES = 64 << 20


class HiddenRows:
    """Rows by the identity of their mask; a mask that may be written to is unpacked each time."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._num_bytes = 0
        self._kept: OrderedDict[tuple[int, int], tuple[Int32, Tensor]] = OrderedDict()

    def row(self, mask: Int32, vocab: int) -> Tensor:
        """[vocab] fp32, -inf where the bitmask forbids and 0 elsewhere; a narrow mask forbids the tail."""
        key = (id(mask), vocab)
        found = self._kept.get(key)
        if found is not None:  # the mask is kept with its row, so no other has its identity
            self._kept.move_to_end(key)
            return found[1]
        made = unpacked(mask, vocab)
        if not mask.flags.writeable:
            self._keep(key, mask, made)
        return made

    def _keep(self, key: tuple[int, int], mask: Int32, row: Tensor) -> None:
        self._kept[key] = (mask, row)
        self._num_bytes += row.nbytes
        while self._num_bytes > self._max_bytes:
            _, (_, oldest) = self._kept.popitem(last=False)
            self._num_bytes -= oldest.nbytes


def unpacked(mask: Int32, vocab: int) -> Tensor:
    """[vocab] fp32, -inf where the bitmask forbids and 0 elsewhere."""
    bits = np.unpackbits(mask.astype("<i4", copy=False).view(np.uint8), bitorder="little")[:vocab]
    row = np.full(vocab, -np.inf, np.float32)
    row[: len(bits)][bits != 0] = 0.0
    return torch.from_numpy(row)
