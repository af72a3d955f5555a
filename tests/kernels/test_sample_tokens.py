"""sample against its reference, which sorts: the same tokens, whatever the filters and whichever way a row takes."""

from __future__ import annotations

import pytest
import torch

from lmc.kernels.errors import KernelError
from lmc.kernels.gumbel import log_exponential_reference
from lmc.kernels.sample import drawn_token, sample, sample_reference
from lmc.kernels.sampling_rules import Bitmask, Draws
from tests.kernels.sampling_cases import bitmask, draws, penalties

VOCAB = 300  # more than two tiles of the interpreter, and no multiple of 32


@pytest.mark.parametrize(
    "spread, filters",
    [
        (3.0, {}),
        (3.0, {"temperature": 0.0}),
        (3.0, {"top_k": 1, "temperature": 2.0}),
        (5.0, {"top_k": 5}),
        (5.0, {"top_p": 0.9}),
        (5.0, {"top_k": 9, "top_p": 0.6, "min_p": 0.01, "temperature": 1.5}),
        (3.0, {"min_p": 0.1}),
        (0.1, {"min_p": 0.5}),  # from here on more is kept than is set aside
        (0.1, {"top_p": 0.5}),
        (0.1, {"top_k": 100}),
        (0.1, {"top_k": 400, "top_p": 0.999}),
    ],
)
def test_sample_matches_reference(spread, filters, device):
    """Peaked and flat rows, all filters alone and together."""

    logits = torch.randn(2, VOCAB, device=device) * spread
    rows = draws(2, device, **filters)
    assert sample(logits, rows).tolist() == sample_reference(logits, rows).tolist()


def test_sample_by_count_and_mass_of_a_flat_row(device):
    """top_k above what is set aside, together with top_p: its cut is found by bisection."""

    logits = torch.randint(0, 8, (1, VOCAB), device=device).float() / 8
    rows = draws(1, device, top_k=60, top_p=0.7)
    assert sample(logits, rows).tolist() == sample_reference(logits, rows).tolist()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_sample_of_ties(dtype, device):
    """Few values, many tokens of each: all that tie at a cut may be drawn; greedy takes the lowest id."""

    logits = torch.randint(0, 6, (2, VOCAB), device=device).to(dtype)
    for filters in ({"temperature": 0.0}, {"top_p": 0.3}):
        rows = draws(2, device, **filters)
        assert sample(logits, rows).tolist() == sample_reference(logits, rows).tolist()


def test_sample_with_masks_and_penalties(device):
    """Masks by row, one of nothing, one of a single token; penalties that change the best; counts grow."""

    logits = torch.randn(4, VOCAB, device=device)
    logits[:, 17] = 9.0
    mask = bitmask([set(range(20)), set(), {299}], VOCAB, device, rows=[-1, 0, 1, 2])
    counts = torch.zeros(4, VOCAB, dtype=torch.uint8, device=device)
    counts[:, 17] = 3
    costs = penalties(counts, repetition=2.0, presence=1.0, frequency=3.0)
    found = sample(logits, draws(4, device, temperature=0.0), bitmask=mask, penalties=costs).tolist()
    best = int(logits[1, :17].argmax()) if logits[1, :17].max() > logits[1, 18:20].max() else None
    assert found[0] == 17
    assert found[1] != 17
    assert best is None or found[1] == best
    assert found[2:] == [-1, 299]
    assert counts[0, 17] == 4
    assert counts.sum() == 3 * 4 + 3  # one each for the rows that drew


def test_sample_with_a_mask_and_filters_matches_reference(device):
    """A mask narrower than the vocabulary forbids its tail; counts of both end alike."""

    logits = torch.randn(3, VOCAB, device=device) * 4
    words = torch.randint(-(2**31), 2**31, (3, 7), device=device).to(torch.int32)
    rows = draws(3, device, top_p=0.8, temperature=0.7)
    ours, theirs = (torch.ones(3, VOCAB, dtype=torch.int32, device=device).triu(200) for _ in range(2))
    found = sample(logits, rows, bitmask=Bitmask(words), penalties=costly(ours))
    expected = sample_reference(logits, rows, bitmask=Bitmask(words), penalties=costly(theirs))
    assert found.tolist() == expected.tolist()
    assert found.max() < 7 * 32
    assert torch.equal(ours, theirs)


@pytest.mark.parametrize("function", [sample, sample_reference])
def test_counts_stay_at_their_largest(function, device):
    """A token that came out 255 times before is not forgotten."""

    counts = torch.full((1, 40), 255, dtype=torch.uint8, device=device)
    function(torch.zeros(1, 40, device=device), draws(1, device, temperature=0.0), penalties=costly(counts))
    assert (counts == 255).all()


def costly(counts):
    return penalties(counts, repetition=1.2, presence=0.5, frequency=0.25)


def test_sample_of_broken_logits(device):
    """NaN is never drawn, +inf is the largest number, and a row of neither gives -1."""

    logits = torch.full((3, 40), float("nan"), device=device)
    logits[0, 3], logits[1, 5], logits[1, 6] = 1.0, float("inf"), 2.0
    rows = draws(3, device, top_p=0.9)
    assert sample(logits, rows).tolist() == [3, 5, -1]
    assert sample_reference(logits, rows).tolist() == [3, 5, -1]


def test_sample_of_a_row_does_not_depend_on_its_batch(device):
    """A row alone, at another place, in strided memory: the same token."""

    whole = torch.randn(3, 64 + VOCAB, device=device)
    logits, rows = whole[:, 64:], draws(3, device, top_p=0.9)
    alone = Draws(*(getattr(rows, name)[2:] for name in Draws.__dataclass_fields__))
    assert sample(logits, rows)[2:].tolist() == sample(logits[2:].clone(), alone).tolist()


def test_draws_follow_the_distribution():
    """3,000 positions of one row: frequencies are within 4 standard errors of softmax, of what top_p keeps."""

    n = 3_000
    logits = torch.tensor([2.0, 1.0, 0.5, 0.0, -1.0, -3.0])
    rows = draws(n, torch.device("cpu"), top_p=0.9)
    tokens = torch.stack([drawn_token(logits, rows, i) for i in range(n)])
    kept = logits[:4].softmax(-1)  # the first 3 hold 0.87
    share = torch.bincount(tokens, minlength=6)[:4] / n
    assert tokens.max() < 4
    assert ((share - kept).abs() < 4 * (kept * (1 - kept) / n).sqrt()).all()


def test_noise_is_exponential():
    """ln E of 200,000 tokens: mean and variance of E, no extreme repeated, another key another sequence."""

    ids = torch.arange(200_000)
    e = log_exponential_reference(ids, 5, 7).exp().double()
    other = log_exponential_reference(ids, 5, 8).exp().double()
    assert abs(e.mean() - 1) < 0.01
    assert abs(e.var() - 1) < 0.03
    assert len(e.topk(100, largest=False).values.unique()) == 100
    assert abs(torch.corrcoef(torch.stack((e, other)))[0, 1]) < 0.01
    assert abs(torch.corrcoef(torch.stack((e[1:], e[:-1])))[0, 1]) < 0.01


@pytest.mark.parametrize(
    "logits, change, message",
    [
        (torch.ones(2, 8), {"bitmask": Bitmask(torch.ones(3, 1).int())}, "words has the shape"),
        (torch.ones(3, 8), {}, r"temperature has the shape \[2\]; it must be \[3\]"),
        (torch.ones(2, 8).double(), {}, "logits is float64"),
        (torch.ones(2, 8), {"out": torch.ones(2).int()}, "out is int32; it must be int64"),
        (torch.ones(8, 2).T, {}, "last stride"),
    ],
)
def test_sample_refuses(logits, change, message):
    with pytest.raises(KernelError, match=message):
        sample(logits, draws(2, torch.device("cpu")), **change)


def test_draws_refuse_other_types():
    ones = torch.ones(2)
    with pytest.raises(KernelError, match="top_k is float32; it must be int32"):
        Draws(ones, ones, ones, ones, ones.long(), ones.long())


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("spread", [0.3, 3.0])
@pytest.mark.parametrize(
    "filters", [{}, {"top_p": 0.9}, {"top_k": 50, "top_p": 0.95}, {"min_p": 0.05}, {"top_k": 5000}, {"top_p": 0.1}]
)
def test_sample_on_a_gpu_matches_reference(dtype, spread, filters, gpu):
    """A real vocabulary; the reference weighs in fp64. One row in a hundred may be decided by rounding."""

    logits = (torch.randn(128, 151_936, device=gpu) * spread).to(dtype)
    rows = draws(128, gpu, **filters)
    mask = Bitmask(torch.randint(-(2**31), 2**31, (128, 4748), device=gpu).to(torch.int32))
    found, expected = sample(logits, rows, bitmask=mask), sample_reference(logits, rows, bitmask=mask)
    assert (found != expected).sum() <= 1
    assert torch.equal(found, sample(logits, rows, bitmask=mask))
