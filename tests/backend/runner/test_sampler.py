"""Sampling: what may come out, how often, and that nothing but (seed, position) decides which."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from lmc.backend.base import TokenLogprob
from lmc.backend.runner.batch import BROKEN
from lmc.backend.runner.cpu import draws, sampler
from lmc.backend.runner.cpu.draws import uniform
from lmc.backend.runner.cpu.hidden import HiddenRows
from lmc.backend.runner.cpu.sampler import token_logprobs
from lmc.ir.sampling import Sampling
from tests.support.rows import Draw, draws_of

INF = float("inf")
GREEDY = Sampling(temperature=0.0)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Tiny tensors: a second thread only waits, long where other tests run beside this one."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def logits_of(*rows: list[float]) -> Tensor:
    return torch.tensor(rows, dtype=torch.float32)


def sample(logits: Tensor, draws: Sequence[Draw]) -> list[TokenLogprob]:
    """A token a draw; 0.0 stands for a log-probability that was not asked for."""
    ids, records = sampler.sample(logits, draws_of(draws), HiddenRows())
    return [records.get(i) or TokenLogprob(id, 0.0 if id >= 0 else -INF) for i, id in enumerate(ids)]


def ids_of(logits: Tensor, *draws: Draw) -> list[int]:
    return sampler.sample(logits, draws_of(draws), HiddenRows())[0]


def mask_of(allowed: list[int], words: int) -> np.ndarray:
    mask = np.zeros(words, np.uint32)
    for token in allowed:
        mask[token // 32] |= np.uint32(1 << (token % 32))
    return mask.view(np.int32)


def counts(row: list[float], sampling: Sampling, n: int = 4000, **fields) -> Counter[int]:
    """How often each token comes out of n draws at different positions."""
    logits = torch.tensor(row, dtype=torch.float32).expand(n, -1)
    return Counter(ids_of(logits, *(Draw(sampling, 7, position, **fields) for position in range(n))))


def kept_by_the_book(row: list[float], s: Sampling) -> dict[int, float]:
    """Plain reference: temperature, top_k, top_p of what is left, min_p; token -> probability."""
    weights = {i: math.exp(x / s.temperature) for i, x in enumerate(row) if x > -INF}
    order = sorted(weights, key=lambda i: (-weights[i], i))
    if s.top_k > 0:
        order = order[: s.top_k]
    total, mass, nucleus = sum(weights[i] for i in order), 0.0, []
    for i in order:
        if nucleus and mass >= s.top_p * total * (1 - 1e-6):
            break
        nucleus.append(i)
        mass += weights[i]
    kept = [i for i in nucleus if weights[i] >= s.min_p * weights[order[0]] * (1 - 1e-6)] or nucleus[:1]
    total = sum(weights[i] for i in kept)
    return {i: weights[i] / total for i in kept}


def assert_distribution(found: Counter[int], expected: dict[int, float]) -> None:
    """Exactly the kept tokens come out, each within five standard deviations."""
    n = sum(found.values())
    assert set(found) <= set(expected)
    for token, p in expected.items():
        assert abs(found[token] - n * p) <= 5 * math.sqrt(n * p * (1 - p)) + 1


ROW = [2.0, 1.0, 1.0, 0.5, -1.0, 3.0, -INF, 0.0, 2.0, -3.0]
PROBS = [0.5, 0.25, 0.125, 0.125]
POWERS = [math.log(p) for p in PROBS]


# --- distributions ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sampling",
    [
        Sampling(),
        Sampling(temperature=0.5),
        Sampling(temperature=3.0),
        Sampling(top_k=3),
        Sampling(top_k=100),
        Sampling(top_p=0.7),
        Sampling(top_p=0.01),
        Sampling(top_p=0.999),
        Sampling(min_p=0.3),
        Sampling(min_p=1.0),
        Sampling(temperature=1.7, top_k=6, top_p=0.8, min_p=0.1),
    ],
)
def test_draws_follow_the_distribution_by_the_book(sampling):
    """Support and frequencies, with ties and an impossible token."""
    assert_distribution(counts(ROW, sampling), kept_by_the_book(ROW, sampling))


@pytest.mark.parametrize(
    "sampling, kept",
    [
        (Sampling(top_p=0.5), {0}),  # reached exactly: the next token stays out
        (Sampling(top_p=0.51), {0, 1}),
        (Sampling(top_p=0.75), {0, 1}),
        (Sampling(top_p=0.76), {0, 1, 2}),  # of two equals the smaller id
        (Sampling(top_p=0.0), {0}),
        (Sampling(top_p=1.0), {0, 1, 2, 3}),
        (Sampling(top_k=3), {0, 1, 2}),
        (Sampling(top_k=4), {0, 1, 2, 3}),
        (Sampling(top_k=-1), {0, 1, 2, 3}),
        (Sampling(min_p=0.25), {0, 1, 2, 3}),  # a quarter of the best is still in
        (Sampling(min_p=0.26), {0, 1}),
        (Sampling(top_k=2, top_p=0.66), {0}),  # of the two left the first has two thirds
        (Sampling(top_k=2, top_p=0.67), {0, 1}),
    ],
)
def test_edges_of_the_filters(sampling, kept):
    """Probabilities 1/2, 1/4, 1/8, 1/8."""
    assert kept == set(counts(POWERS, sampling, 400))


@pytest.mark.parametrize("spread", [0.3, 3.0])
@pytest.mark.parametrize("top_p", [0.1, 0.6, 0.97])
def test_top_p_over_a_wide_row_looks_at_enough_tokens(spread, top_p):
    """Flat rows need thousands of tokens, peaked ones a few; none is lost, whichever is first looked at."""
    row = np.random.default_rng(0).normal(0, spread, 5000).astype(np.float32)
    s = Sampling(top_p=top_p)
    expected = list(kept_by_the_book(row.tolist(), s))

    ids = draws.likely_enough(np.exp(row - row.max()), s).tolist()

    assert len(set(ids) ^ set(expected)) <= 2  # fp32 against Python's sum
    assert ids[0] == expected[0]


@pytest.mark.parametrize("vocab", [1, 511, 512, 513, 2000])
def test_draws_by_chunks_are_draws_by_the_running_sum(vocab):
    """Around the chunk size, with impossible tokens, at both ends of the unit interval."""
    rng = np.random.default_rng(vocab)
    weights = (rng.random(vocab) * (rng.random(vocab) < 0.5)).astype(np.float32)
    weights[rng.integers(vocab)] = 1.0

    for at in (0.0, *rng.random(200), 1 - 2.0**-53):
        found = draws.invert_long(weights, at)
        assert weights[found] > 0
        assert found == draws.invert(weights, at)


def test_temperature_0_and_top_k_1_are_greedy():
    """The likeliest token, of equals the first."""
    logits = logits_of([0.0, 3.0, 3.0, 1.0])

    assert ids_of(logits, Draw(GREEDY, 1, 1)) == [1]
    assert ids_of(logits, Draw(Sampling(top_k=1), 1, 1)) == [1]


# --- seeds -----------------------------------------------------------------------------------------------


KINDS = [
    Sampling(),
    Sampling(temperature=0.8, top_p=0.9),
    Sampling(top_k=20),
    Sampling(min_p=0.05),
    GREEDY,
    Sampling(frequency_penalty=0.5),
]


def test_a_draw_does_not_depend_on_its_batch():
    """Sixty-four rows at once, in another order, and one by one: the same tokens."""
    torch.manual_seed(0)
    logits = torch.randn(64, 1003) * 2
    draws = [Draw(KINDS[i % 6], seed=i % 5, position=i, output=(1, 2, 3, 3)) for i in range(64)]
    together = ids_of(logits, *draws)
    order = torch.randperm(64).tolist()

    assert together == [ids_of(logits[i : i + 1], draws[i])[0] for i in range(64)]
    assert [together[i] for i in order] == ids_of(logits[order], *(draws[i] for i in order))


def test_the_same_key_draws_the_same_token_and_another_does_not():
    """Over a flat row of 1,000 tokens, equal draws of different keys are rare."""
    logits = torch.zeros(1, 1000)

    def draws(seed: int, positions: range) -> list[int]:
        return [ids_of(logits, Draw(Sampling(), seed, p))[0] for p in positions]

    assert draws(3, range(50)) == draws(3, range(50))
    assert sum(a == b for a, b in zip(draws(3, range(50)), draws(4, range(50)))) < 5
    assert sum(a == b for a, b in zip(draws(3, range(50)), draws(3, range(1, 51)))) < 5


@pytest.mark.parametrize("key", [lambda i: (i, 0), lambda i: (0, i), lambda i: (i, i), lambda i: (-i, 2 * i)])
def test_uniform_is_uniform_over_seeds_and_positions(key):
    """Chi-square over 32 bins of 6,400 keys, and no correlation of neighbours."""
    values = np.array([uniform(*key(i)) for i in range(6400)])
    bins = np.histogram(values, 32, (0, 1))[0]

    assert ((bins - 200.0) ** 2 / 200).sum() < 70  # 31 degrees of freedom: 1 in 10,000 above
    assert abs(np.corrcoef(values[1:], values[:-1])[0, 1]) < 0.06
    assert len(set(values)) == 6400


def test_a_seed_may_be_negative_or_large():
    """Any int is a seed."""
    assert all(0 <= uniform(seed, 5) < 1 for seed in (-1, -(2**70), 2**63, 2**200, 0))


def test_torch_random_state_is_neither_used_nor_changed():
    """Draws come from their keys alone."""
    before = torch.random.get_rng_state()
    first = ids_of(torch.zeros(1, 100), Draw(Sampling(), 1, 1))
    torch.manual_seed(99)

    assert first == ids_of(torch.zeros(1, 100), Draw(Sampling(), 1, 1))
    torch.random.set_rng_state(before)


# --- penalties, bans, masks ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fields, expected",
    [
        ({"repetition_penalty": 2.0}, [1.0, -2.0, 1.0, 0.0]),
        ({"frequency_penalty": 0.5}, [1.0, -1.5, 1.0, 0.0]),
        ({"presence_penalty": 0.5}, [1.5, -1.5, 1.0, 0.0]),
        ({"repetition_penalty": 2.0, "frequency_penalty": 0.5, "presence_penalty": 0.25}, [-0.25, -2.75, 1.0, 0.0]),
        ({"frequency_penalty": -1.0}, [4.0, 0.0, 1.0, 0.0]),
    ],
)
def test_penalties_change_the_logits_of_what_came_out(fields, expected):
    """Token 0 came out twice, token 1 once; repetition first, then the two that subtract."""
    logits = logits_of([2.0, -1.0, 1.0, 0.0])

    got = sampler.adjusted(logits, draws_of([Draw(Sampling(**fields), 0, 0, output=(0, 1, 0))]), HiddenRows())

    assert got[0].tolist() == expected
    assert logits[0].tolist() == [2.0, -1.0, 1.0, 0.0]


def test_penalties_move_a_greedy_row():
    """The likeliest token steps back after it came out."""
    draw = Draw(replace(GREEDY, frequency_penalty=1.0), 0, 0)
    logits = logits_of([2.0, 1.5])

    assert ids_of(logits, draw) == [0]
    assert ids_of(logits, replace(draw, output=(0,))) == [1]


def test_banned_ids_never_come_out():
    """Greedy and drawn."""
    assert ids_of(logits_of([3.0, 2.0, 1.0]), Draw(GREEDY, 0, 0, banned=(0, 1))) == [2]
    assert ids_of(logits_of([3.0, 2.0, 1.0]), Draw(GREEDY, 0, 0, banned=(0, 99))) == [1]  # 99 cannot come out anyway
    assert set(counts([3.0, 2.0, 1.0], Sampling(), 200, banned=(0,))) == {1, 2}


@pytest.mark.parametrize("sampling", [GREEDY, *KINDS[:4]])
@pytest.mark.parametrize("allowed", [[0], [31], [32], [63, 64], [69], [5, 40, 68]])
def test_only_allowed_tokens_come_out(sampling, allowed):
    """Bit t % 32 of word t // 32, the sign bit included."""
    torch.manual_seed(1)
    logits = torch.randn(40, 70)

    ids = ids_of(logits, *(Draw(sampling, 0, i, mask=mask_of(allowed, 3)) for i in range(40)))

    assert set(ids) <= set(allowed)
    if len(allowed) > 1 and not sampling.greedy:
        assert len(set(ids)) > 1


def test_a_mask_narrower_than_the_logits_forbids_the_tail():
    """Padding rows of the embedding are no tokens."""
    logits = torch.zeros(1, 70)
    logits[0, 66] = 9.0

    assert ids_of(logits, Draw(GREEDY, 0, 0, mask=np.full(2, -1, np.int32))) == [0]


def test_a_mask_wider_than_the_logits_is_cut():
    """The last word of a mask reaches past the vocabulary."""
    assert ids_of(logits_of([0.0, 1.0]), Draw(GREEDY, 0, 0, mask=np.full(4, -1, np.int32))) == [1]


def test_a_mask_touches_its_own_row_only():
    """Masked and free rows in one batch."""
    logits = logits_of([1.0, 5.0], [1.0, 5.0])

    assert ids_of(logits, Draw(GREEDY, 0, 0, mask=mask_of([0], 1)), Draw(GREEDY, 0, 0)) == [0, 1]


# --- nothing allowed, broken logits ------------------------------------------------------------------------


@pytest.mark.parametrize("sampling", KINDS)
@pytest.mark.parametrize("logprob", [False, True])
def test_a_row_with_nothing_allowed_gives_minus_one(sampling, logprob):
    """The others in the batch are served."""
    s = replace(sampling, return_logprob=logprob)
    nothing, other = sample(logits_of([1.0, 2.0], [9.0, -9.0]), [Draw(s, 0, 0, mask=mask_of([], 1)), Draw(s, 0, 0)])

    assert (nothing.id, nothing.logprob) == (-1, -INF)
    assert other.id == 0


@pytest.mark.parametrize("sampling", KINDS)
@pytest.mark.parametrize(
    "broken, expected",
    [
        ([math.nan, 1.0, 0.0], {1, 2}),
        ([-INF, -INF, 1.0], {2}),
        ([INF, 1.0, 0.0], {0}),
        ([math.nan] * 3, {BROKEN}),
        ([-INF] * 3, {BROKEN}),
        ([math.nan, -INF, -INF], {BROKEN}),
    ],
)
def test_broken_logits_stay_in_their_row(sampling, broken, expected):
    """NaN counts as impossible, +inf as certain; neighbours and log-probabilities survive."""
    draws = [Draw(replace(sampling, return_logprob=True, top_logprobs_num=2), 0, i) for i in range(3)]

    got = sample(logits_of([9.0, -9.0, -9.0], broken, [-9.0, 9.0, -9.0]), draws)

    assert (got[0].id, got[2].id) == (0, 1)
    assert got[1].id in expected


# --- log-probabilities -----------------------------------------------------------------------------------


def test_log_probabilities_are_of_the_unmodified_softmax():
    """Temperature, penalties and masks change what is drawn, not what is reported."""
    s = Sampling(temperature=0.3, return_logprob=True, top_logprobs_num=3, frequency_penalty=1.0)

    (got,) = sample(logits_of(POWERS), [Draw(s, 0, 0, output=(0,), mask=mask_of([2], 1))])

    assert got.id == 2
    assert got.logprob == pytest.approx(math.log(0.125), abs=1e-6)
    assert [id for id, _ in got.top[:2]] == [0, 1]
    assert [p for _, p in got.top] == pytest.approx([math.log(p) for p in (0.5, 0.25, 0.125)], abs=1e-6)


def test_log_probabilities_are_left_out_unless_asked():
    """0.0 and no neighbours."""
    assert sample(logits_of(POWERS), [Draw(GREEDY, 0, 0)]) == [TokenLogprob(0, 0.0, ())]


def test_rows_that_ask_get_theirs_in_a_mixed_batch():
    """Rows keep their order."""
    asks = replace(GREEDY, return_logprob=True)
    logits = logits_of(POWERS, POWERS[::-1], POWERS)

    got = sample(logits, [Draw(GREEDY, 0, 0), Draw(asks, 0, 0), Draw(asks, 0, 0)])

    assert [token.id for token in got] == [0, 3, 0]
    assert [token.logprob for token in got] == pytest.approx([0.0, math.log(0.5), math.log(0.5)], abs=1e-6)


def test_token_logprobs_are_the_log_softmax():
    """One id a row."""
    torch.manual_seed(0)
    logits, ids = torch.randn(5, 40), [3, 0, 39, 7, 7]

    assert token_logprobs(logits, ids) == pytest.approx(logits.log_softmax(-1)[range(5), ids].tolist(), abs=1e-6)


def test_nothing_to_sample():
    """No rows, no tokens."""
    assert sample(torch.zeros(0, 10), []) == []
    assert token_logprobs(torch.zeros(0, 10), []) == []
