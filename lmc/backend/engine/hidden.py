"""Bitmasks of allowed tokens as rows of what is hidden, kept for masks that come again, as those of an automaton do."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
import torch
from torch import Tensor

from lmc.backend.engine.batch import Int32

MAX_KEPT = 256  # rows of a byte for each token


class HiddenRows:
    """Rows by the identity of their mask; a mask that may be written to is unpacked each time."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[int, int], tuple[Int32, Tensor]] = OrderedDict()

    def row(self, mask: Int32, vocab: int) -> Tensor:
        """[vocab] true where the bitmask forbids; a mask narrower than the vocabulary forbids the tail."""
        key = (id(mask), vocab)
        found = self._kept.get(key)
        if found is not None:  # the mask is kept with its row, so no other has its identity
            self._kept.move_to_end(key)
            return found[1]
        made = unpacked(mask, vocab)
        if not mask.flags.writeable:
            self._kept[key] = (mask, made)
            if len(self._kept) > MAX_KEPT:
                self._kept.popitem(last=False)
        return made


def unpacked(mask: Int32, vocab: int) -> Tensor:
    """[vocab] true where the bitmask forbids."""
    bits = np.unpackbits(mask.astype("<i4", copy=False).view(np.uint8), bitorder="little")[:vocab]
    hidden = np.ones(vocab, np.bool_)
    hidden[: len(bits)] = bits == 0
    return torch.from_numpy(hidden)
