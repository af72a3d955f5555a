"""rms_norm against its reference, over ugly shapes and strides."""

from __future__ import annotations

import pytest
import torch

from lmc.kernels.errors import KernelError
from lmc.kernels.rms_norm import rms_norm, rms_norm_reference

TOLERANCE = {torch.float32: 1e-5, torch.float16: 2e-3, torch.bfloat16: 1.6e-2}


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("rows, width", [(1, 1), (3, 40), (5, 129), (2, 4096), (0, 64)])
@pytest.mark.parametrize("has_residual", [False, True])
def test_rms_norm_matches_reference(dtype, rows, width, has_residual, device):
    """Rows, widths that are no power of two, a residual in place."""

    x = torch.randn(rows, width, device=device).to(dtype)
    weight = torch.randn(width, device=device).to(dtype)
    ours, theirs = (torch.ones_like(x) * 3 if has_residual else None for _ in range(2))
    found = rms_norm(x, weight, eps=1e-6, residual=ours)
    expected = rms_norm_reference(x, weight, eps=1e-6, residual=theirs)
    torch.testing.assert_close(found, expected, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])
    truncated = 2**-7 if dtype == torch.bfloat16 else 0.0  # the interpreter cuts bf16 off instead of rounding
    torch.testing.assert_close(ours, theirs, rtol=truncated, atol=0)


def test_rms_norm_of_strided_rows_in_place(device):
    """Rows that lie apart, an offset of Gemma's, the output over the input; what lies between is not touched."""

    whole = torch.randn(4, 100, device=device)
    before, weight = whole.clone(), torch.randn(40, device=device)
    x = whole[:, 16:56]
    rms_norm(x, weight, eps=1e-5, weight_offset=1.0, out=x)
    expected = rms_norm_reference(before[:, 16:56], weight, eps=1e-5, weight_offset=1.0)
    torch.testing.assert_close(x, expected, rtol=1e-5, atol=1e-5)
    assert torch.equal(whole[:, :16], before[:, :16])
    assert torch.equal(whole[:, 56:], before[:, 56:])


def test_rms_norm_of_a_row_does_not_depend_on_its_batch(device):
    """Bit for bit."""

    x, weight = torch.randn(7, 200, device=device), torch.randn(200, device=device)
    assert torch.equal(rms_norm(x, weight, eps=1e-6)[3:4], rms_norm(x[3:4], weight, eps=1e-6))


@pytest.mark.parametrize(
    "x, weight, extra, message",
    [
        (torch.ones(2, 8), torch.ones(7), {}, r"weight has the shape \[7\]; it must be \[8\]"),
        (torch.ones(2, 8).long(), torch.ones(8), {}, "x is int64"),
        (torch.ones(8), torch.ones(8), {}, "x has the shape"),
        (torch.ones(8, 2).T, torch.ones(8), {}, "last stride of 2"),
        (torch.ones(2, 8), torch.ones(8), {"residual": torch.ones(2, 8).half()}, "residual is float16"),
        (torch.ones(1, 40_000), torch.ones(40_000), {}, "rows of 40000"),
        (torch.ones(2, 8), torch.ones(8, device="meta"), {}, "different devices"),
    ],
)
def test_rms_norm_refuses(x, weight, extra, message):
    with pytest.raises(KernelError, match=message):
        rms_norm(x, weight, eps=1e-6, **extra)


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("width", [64, 1000, 4096, 5120, 16_384])
def test_rms_norm_on_a_gpu_matches_fp64(dtype, width, gpu):
    x = torch.randn(300, width, device=gpu).to(dtype)
    weight = torch.randn(width, device=gpu).to(dtype)
    expected = rms_norm_reference(x.double(), weight.double(), eps=1e-6)
    found = rms_norm(x, weight, eps=1e-6).double()
    torch.testing.assert_close(found, expected, rtol=TOLERANCE[dtype], atol=1e-6)
