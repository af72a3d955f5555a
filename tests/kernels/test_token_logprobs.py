"""token_logprobs against its reference."""

from __future__ import annotations

import pytest
import torch

from lmc.kernels.errors import KernelError
from lmc.kernels.token_logprobs import token_logprobs, token_logprobs_reference


def wanted(numbers: list[int], device: torch.device) -> torch.Tensor:
    return torch.tensor(numbers, dtype=torch.int32, device=device)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
@pytest.mark.parametrize("vocab", [5, 300])
def test_token_logprobs_match_reference(dtype, vocab, device):
    """A row that wants nothing, one that wants the chosen token alone, one without a token, more than there are."""

    logits = (torch.randn(4, vocab, device=device) * 4).to(dtype)
    tokens = torch.tensor([1, 4, -1, 0], device=device)
    numbers = wanted([-1, 0, 3, 7], device)
    found = token_logprobs(logits, tokens, numbers, max_top=7)
    expected = token_logprobs_reference(logits, tokens, numbers, max_top=7)
    torch.testing.assert_close(found[0], expected[0], rtol=1e-5, atol=1e-5)
    assert found[1].tolist() == expected[1].tolist()
    torch.testing.assert_close(found[2], expected[2], rtol=1e-5, atol=1e-5)


def test_token_logprobs_of_ties_and_broken_logits(device):
    """All equal: the lowest ids first, though more tie than there is room for; NaN and -inf are never listed."""

    logits = torch.zeros(3, 300, device=device)
    logits[1:] = float("nan")
    logits[1, 7:9] = torch.tensor([1.0, -torch.inf])
    tokens = torch.tensor([0, 7, 7], device=device)
    chosen, ids, logprobs = token_logprobs(logits, tokens, wanted([3, 3, 3], device), max_top=3)
    assert ids.tolist() == [[0, 1, 2], [7, -1, -1], [-1, -1, -1]]
    assert chosen[1:].tolist() == [0.0, -torch.inf]
    torch.testing.assert_close(logprobs[0].exp() * 300, torch.ones(3, device=device))
    assert logprobs[1].tolist() == [0.0, -torch.inf, -torch.inf]


@pytest.mark.parametrize(
    "tokens, max_top, message",
    [
        (torch.ones(2).int(), 1, "tokens is int32; it must be int64"),
        (torch.ones(3).long(), 1, "tokens has the shape"),
        (torch.ones(2).long(), 129, "max_top is 129"),
    ],
)
def test_token_logprobs_refuse(tokens, max_top, message):
    with pytest.raises(KernelError, match=message):
        token_logprobs(torch.ones(2, 8), tokens, torch.ones(2).int(), max_top=max_top)


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_token_logprobs_on_a_gpu_match_fp64(dtype, gpu):
    logits = (torch.randn(64, 151_936, device=gpu) * 3).to(dtype)
    tokens = torch.randint(151_936, (64,), device=gpu)
    numbers = torch.full((64,), 20, dtype=torch.int32, device=gpu)
    found = token_logprobs(logits, tokens, numbers, max_top=20)
    expected = token_logprobs_reference(logits.double(), tokens, numbers, max_top=20)
    torch.testing.assert_close(found[0], expected[0], rtol=1e-5, atol=1e-4)
    assert torch.equal(found[1], expected[1])
    torch.testing.assert_close(found[2], expected[2], rtol=1e-5, atol=1e-4)
