"""Unpacked masks: what a bitmask forbids, and when a row is kept."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lmc.backend.runner.cpu.hidden import HiddenRows


def mask_of(ids: list[int], words: int = 2) -> np.ndarray:
    bits = np.zeros(32 * words, np.uint8)
    bits[ids] = 1
    return np.packbits(bits, bitorder="little").view(np.int32)


@pytest.mark.parametrize("vocab", [1, 40, 64, 70])
def test_a_row_hides_what_its_mask_does_not_allow(vocab):
    """Ids past a narrow mask are hidden, bits past the vocabulary are not read."""
    hidden = HiddenRows().row(mask_of([0, 31, 63]), vocab)

    assert hidden.shape == (vocab,)
    assert hidden.tolist() == [0.0 if i in (0, 31, 63) else -math.inf for i in range(vocab)]


def test_a_mask_that_may_change_is_read_again():
    """Only masks that nobody can write to are kept."""
    rows, mask = HiddenRows(), mask_of([3])
    assert rows.row(mask, 64)[3] == 0
    mask[:] = mask_of([4])
    assert rows.row(mask, 64)[3] == -math.inf and rows.row(mask, 64)[4] == 0

    mask.setflags(write=False)
    assert rows.row(mask, 64) is rows.row(mask, 64)


def test_few_rows_are_kept_and_each_is_its_own_masks():
    """Identities of masks that are gone may come again; rows of the last ones used stay."""
    rows = HiddenRows(max_bytes=4 * 64 * 10)
    for step in range(40):
        mask = mask_of([step])
        mask.setflags(write=False)
        assert rows.row(mask, 64)[step] == 0
    assert rows.row(mask, 64) is rows.row(mask, 64)
