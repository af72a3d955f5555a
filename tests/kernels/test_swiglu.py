"""swiglu against its reference."""

from __future__ import annotations

import pytest
import torch

from lmc.kernels.errors import KernelError
from lmc.kernels.swiglu import swiglu, swiglu_reference

TOLERANCE = {torch.float32: 1e-5, torch.float16: 2e-3, torch.bfloat16: 1.6e-2}


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("rows, width", [(1, 1), (3, 40), (2, 2049), (0, 8)])
def test_swiglu_matches_reference(dtype, rows, width, device):
    packed = (torch.randn(rows, 2 * width, device=device) * 3).to(dtype)
    torch.testing.assert_close(swiglu(packed), swiglu_reference(packed), rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])


def test_swiglu_of_strided_rows_into_a_buffer(device):
    """Input and output rows lie apart; large gates neither overflow nor give NaN."""

    packed = (torch.randn(3, 50, device=device) * 100)[:, 4:44]
    buffer = torch.zeros(3, 30, device=device)
    swiglu(packed, out=buffer[:, 5:25])
    torch.testing.assert_close(buffer[:, 5:25], swiglu_reference(packed), rtol=1e-5, atol=1e-5)
    assert buffer[:, :5].abs().sum() + buffer[:, 25:].abs().sum() == 0


@pytest.mark.parametrize(
    "packed, out, message",
    [
        (torch.ones(2, 7), None, "packed rows of 7"),
        (torch.ones(2, 8).int(), None, "packed is int32"),
        (torch.ones(2, 8), torch.ones(2, 8), "out has the shape"),
        (torch.ones(8, 2).T, None, "last stride"),
    ],
)
def test_swiglu_refuses(packed, out, message):
    with pytest.raises(KernelError, match=message):
        swiglu(packed, out=out)


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("width", [64, 1000, 14_336])
def test_swiglu_on_a_gpu_matches_fp64(dtype, width, gpu):
    packed = torch.randn(300, 2 * width, device=gpu).to(dtype)
    expected = swiglu_reference(packed.double())
    torch.testing.assert_close(swiglu(packed).double(), expected, rtol=TOLERANCE[dtype], atol=1e-5)
