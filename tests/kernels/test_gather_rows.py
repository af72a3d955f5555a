"""gather_rows against its reference."""

from __future__ import annotations

import pytest
import torch

from lmc.kernels.errors import KernelError
from lmc.kernels.gather_rows import gather_rows, gather_rows_reference


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
@pytest.mark.parametrize("index_dtype", [torch.int32, torch.int64])
@pytest.mark.parametrize("width", [1, 100, 2050])
def test_gather_rows_matches_reference(dtype, index_dtype, width, device):
    """Repeated rows, rows in no order, padding: exactly, with and without a residual."""

    x, residual = (torch.randn(6, width, device=device).to(dtype) for _ in range(2))
    rows = torch.tensor([5, 0, -1, 5, 2], dtype=index_dtype, device=device)
    assert torch.equal(gather_rows(x, rows), gather_rows_reference(x, rows))
    found = gather_rows(x, rows, residual=residual)
    assert torch.equal(found, gather_rows_reference(x, rows, residual=residual))
    assert not found[2].any()


def test_gather_rows_of_none(device):
    x = torch.randn(6, 8, device=device)
    assert gather_rows(x, torch.zeros(0, dtype=torch.int32, device=device)).shape == (0, 8)


@pytest.mark.parametrize(
    "x, rows, message",
    [
        (torch.ones(2, 8), torch.ones(3), "rows is float32; it must be int32 or int64"),
        (torch.ones(2, 8), torch.ones(3, 1).int(), "rows has the shape"),
        (torch.ones(8, 2).T, torch.ones(1).int(), "last stride"),
    ],
)
def test_gather_rows_refuses(x, rows, message):
    with pytest.raises(KernelError, match=message):
        gather_rows(x, rows)


@pytest.mark.gpu
def test_gather_rows_on_a_gpu_matches_fp64(gpu):
    x, residual = (torch.randn(5000, 4096, device=gpu, dtype=torch.bfloat16) for _ in range(2))
    rows = torch.randint(-1, 5000, (256,), device=gpu)
    expected = gather_rows_reference(x.double(), rows, residual=residual.double())
    torch.testing.assert_close(gather_rows(x, rows, residual=residual).double(), expected, rtol=2**-8, atol=1e-30)
