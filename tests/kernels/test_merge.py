"""Merging partial attention states, against torch and against attention over all keys at once."""

from __future__ import annotations

import math

import pytest
import torch

from lmc.kernels.errors import KernelError
from lmc.kernels.merge import merge_ranges, merge_ranges_reference, merge_states, merge_states_reference


def states(*shape: int, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Random states; about a third are empty, and those hold NaN."""
    outs = torch.randn(*shape, device=device)
    lses = torch.randn(shape[:-1], device=device) * 8
    is_empty = torch.rand(shape[:-1], device=device) < 0.3
    outs[is_empty] = math.nan
    return outs, lses.masked_fill(is_empty, -math.inf)


@pytest.mark.parametrize("has_sinks", [False, True])
@pytest.mark.parametrize("shape", [(1, 3, 2, 64), (2, 1, 5, 96), (7, 2, 3, 128), (33, 1, 1, 256)])
def test_merged_states_match_reference(shape, has_sinks, device):
    """Any number of states; empty ones add nothing, though they hold NaN."""

    torch.manual_seed(sum(shape))
    outs, lses = states(*shape, device=device)
    sinks = torch.randn(shape[2], device=device) if has_sinks else None
    out, lse = merge_states(outs, lses, sinks=sinks)
    expected, expected_lse = merge_states_reference(
        outs.double(), lses.double(), sinks=None if sinks is None else sinks.double()
    )
    torch.testing.assert_close(out.double(), expected, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(lse.double(), expected_lse, rtol=1e-5, atol=1e-6)


def test_states_over_no_keys_merge_to_zero(device):
    """Nothing but empty states: out is 0 and lse is -inf, never NaN."""

    outs = torch.full((3, 2, 1, 64), math.nan, device=device)
    out, lse = merge_states(outs, torch.full((3, 2, 1), -math.inf, device=device))
    assert torch.equal(out, torch.zeros_like(out))
    assert lse.tolist() == [[-math.inf], [-math.inf]]


def test_states_far_apart_do_not_overflow(device):
    """Weights are relative to the greatest lse, so that 1e4 is as good as 0."""

    outs = torch.randn(2, 1, 1, 64, device=device)
    out, lse = merge_states(outs, torch.tensor([[[1e4]], [[-1e4]]], device=device))
    torch.testing.assert_close(out, outs[0])
    assert lse.item() == 1e4


def test_parts_of_a_softmax_merge_to_the_whole(device):
    """The sum over disjoint keys is the sum over all: what split-KV and cascades rest on."""

    logits, values = torch.randn(100), torch.randn(100, 64)
    parts = [(0, 37), (37, 38), (38, 100)]
    outs = torch.stack([logits[a:b].softmax(0) @ values[a:b] for a, b in parts])
    lses = torch.stack([logits[a:b].logsumexp(0) for a, b in parts])
    out, lse = merge_states(outs[:, None, None].to(device), lses[:, None, None].to(device))
    torch.testing.assert_close(out[0, 0].cpu(), logits.softmax(0) @ values, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(lse[0, 0].cpu(), logits.logsumexp(0), rtol=1e-5, atol=1e-6)


def test_ranges_of_states_merge_where_the_table_says(device):
    """Two levels, an empty range, a token that is not in the table, rows past the count: all are respected."""

    torch.manual_seed(0)
    outs, lses = states(50, 3, 64, device=device)
    table = [[4, 0, 1, 1, 3], [0, 10, 0, 20, 5], [2, 4, 6, 25, 25], [3, 0, 50, 0, 50]]
    ranges = torch.tensor(table, dtype=torch.int32, device=device)
    count = torch.tensor([3], dtype=torch.int32, device=device)
    results = []
    for merge in (lambda *a, **k: merge_ranges(*a, max_states=25, **k), merge_ranges_reference):
        out, lse = torch.full((5, 3, 64), 9.0, device=device), torch.full((5, 3), 9.0, device=device)
        merge(outs, lses, ranges, count, out=out, lse=lse)
        results.append((out, lse))
    torch.testing.assert_close(*results, rtol=1e-5, atol=1e-6)
    assert results[0][0][[1, 3]].eq(9.0).all()


@pytest.mark.parametrize(
    "outs, lses, words",
    [
        (torch.zeros(2, 3, 1, 64), torch.zeros(2, 3), "lses has the shape"),
        (torch.zeros(2, 3, 1, 64).half(), torch.zeros(2, 3, 1), "outs is float16"),
        (torch.zeros(2, 3, 1, 512), torch.zeros(2, 3, 1), "head_dim is 512"),
        (torch.zeros(0, 3, 1, 64), torch.zeros(0, 3, 1), "no states"),
        (torch.zeros(2, 2, 3, 64).transpose(1, 2), torch.zeros(2, 3, 2), "not contiguous"),
    ],
)
def test_merge_refuses_what_it_cannot_read(outs, lses, words):
    """A sentence that names the argument."""

    with pytest.raises(KernelError, match=words):
        merge_states(outs, lses)


@pytest.mark.gpu
@pytest.mark.parametrize("shape", [(2, 4096, 32, 128), (64, 8, 32, 128), (200, 1, 5, 96)])
def test_merged_states_match_float64_on_a_gpu(shape, gpu):
    """Compiled, at sizes of a model."""

    torch.manual_seed(0)
    outs, lses = states(*shape, device=gpu)
    out, lse = merge_states(outs, lses)
    expected, expected_lse = merge_states_reference(outs.double(), lses.double())
    torch.testing.assert_close(out.double(), expected, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(lse.double(), expected_lse, rtol=1e-5, atol=1e-5)
