"""How often sampling reads a row, counted in the interpreter: what its time on a GPU is made of."""

from __future__ import annotations

import pytest
import torch

from lmc.kernels import sample_by_noise, vocab_row
from lmc.kernels.placement import IS_INTERPRETED
from lmc.kernels.sample import sample
from lmc.kernels.vocab_row import RowTiling
from tests.kernels.sampling_cases import draws

TILING = RowTiling(tile=4096, noise_tile=4096, candidates=4096, num_warps=4, max_registers=64)  # as on a GPU
VOCAB, NUM_ROWS = 5 * 4096, 3


class Counted:
    """A function of a kernel that counts its calls."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, *arguments: object) -> object:
        self.calls += 1
        return vocab_row.allowed_tile(*arguments)


@pytest.fixture
def tiles(monkeypatch: pytest.MonkeyPatch) -> Counted:
    """Counts tiles that are read from now on."""
    if not IS_INTERPRETED:
        pytest.skip("only the interpreter can count")
    counted = Counted()
    monkeypatch.setitem(sample.__globals__, "allowed_tile", counted)
    monkeypatch.setattr(sample_by_noise, "allowed_tile", counted)
    return counted


def peaked() -> torch.Tensor:
    """Logits that fall with the rank, as a language model's do: 60 tokens hold 0.9."""
    return -1.5 * (torch.randn(NUM_ROWS, VOCAB).argsort(-1) + 1).float().log()


@pytest.mark.parametrize(
    "filters, reads",
    [
        ({"temperature": 0.0}, 1),
        ({}, 1),
        ({"top_p": 0.9}, 2),
        ({"top_p": 0.98}, 2),
        ({"top_k": 50, "top_p": 0.9}, 2),
        ({"top_k": 1000}, 2),
        ({"min_p": 0.01}, 2),
    ],
)
def test_reads_of_peaked_rows(filters, reads, tiles):
    """One without a filter, two with filters."""

    sample(peaked(), draws(NUM_ROWS, torch.device("cpu"), **filters), tiling=TILING)
    assert tiles.calls == reads * NUM_ROWS * VOCAB // TILING.tile


def test_reads_of_flat_rows(tiles):
    """Top-p of rows whose kept tokens are most of the vocabulary: four at most."""

    torch.manual_seed(0)
    sample(torch.randn(NUM_ROWS, VOCAB), draws(NUM_ROWS, torch.device("cpu"), top_p=0.9), tiling=TILING)
    assert tiles.calls <= 4 * NUM_ROWS * VOCAB // TILING.tile
