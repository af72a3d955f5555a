"""Rows of generations on an API, with api_fuse on and off: the same values, or the same distribution of drawn ones.

The model behind the API is one of a few words that may be cut into tokens in several ways, so that a token often lies
across the end of a text. Its draws are seeded, by call.
"""

from __future__ import annotations

import random
from collections import Counter
from math import sqrt

import pytest

import lmc
from lmc.backend.default_model import folder_of
from tests.oracle.random_rows import Row, random_brain, random_row
from tests.support.api_fakes import Fake, TinyBrain
from tests.support.api_fakes.brains.engine import EngineBrain


def run(row: Row, brain: TinyBrain, num: int, *, fuse: bool, is_chat: bool = True, **given) -> tuple[list, dict, int]:
    """The results of so many items, what the ledger says, and how many calls came to the server."""
    with Fake.vllm(brain) as server:
        remote = lmc.Remote(server.url, dialect="vllm", model="tiny", api_fuse=fuse)
        results = row.program(is_chat=is_chat).run_batch([{}] * num, backend=remote, **given)
        return results, dict(results[0].report.extra), len(server.posts)


def chi_square(one: Counter, other: Counter) -> tuple[float, int]:
    """The statistic of two samples of one size, values seen seldom put together, and its degrees of freedom."""
    rare = [value for value in one | other if one[value] + other[value] < 10]
    cells = [(one[value], other[value]) for value in one | other if value not in rare]
    if sum(one[value] + other[value] for value in rare) >= 10:
        cells.append((sum(one[value] for value in rare), sum(other[value] for value in rare)))
    return sum((a - b) ** 2 / (a + b) for a, b in cells), max(0, len(cells) - 1)


def kinds_of(result, row: Row) -> tuple[tuple[str, str], ...]:
    """What each value begins with, and why it ended: coarse enough to be counted."""
    return tuple((result[name][:2], reason(result, name)) for name in row.names)


def assert_same_distribution(seed: int, num_rows: int, num_items: int) -> tuple[int, int]:
    """Of what each value is like together with the one before it; the calls that came with fusing and without."""
    rng, statistic, freedom, calls = random.Random(seed), 0.0, 0, [0, 0]
    for number in range(num_rows):
        row = random_row(rng)
        brain = random_brain(rng, row)
        samples = []
        for fuse in (True, False):
            is_chat = number % 2 == 0
            results, _, num = run(row, brain, num_items, fuse=fuse, is_chat=is_chat, seed=2 * number + fuse)
            calls[fuse] += num
            samples.append([kinds_of(result, row) for result in results])
        for at in range(len(row.gens)):
            fused, alone = (Counter(kinds[max(0, at - 1) : at + 1] for kinds in sample) for sample in samples)
            x, df = chi_square(fused, alone)
            statistic, freedom = statistic + x, freedom + df
    assert freedom > num_rows
    # a sum over values that hang together is wider than one statistic: five of its deviations, and half as much again
    assert statistic < freedom + 7.5 * sqrt(2 * freedom), (statistic, freedom)
    return calls[True], calls[False]


def test_values_are_drawn_as_by_calls_of_their_own() -> None:
    """A small sample of the sweep below."""
    fused, alone = assert_same_distribution(1, 2, 30)
    assert fused < 0.9 * alone


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_values_of_2000_rows_are_drawn_as_by_calls_of_their_own(seed: int) -> None:
    """Twenty rows of twenty kinds, a hundred items each."""
    fused, alone = assert_same_distribution(seed + 10, 20, 100)
    assert fused < alone


@pytest.mark.parametrize("is_chat", [True, False])
def test_greedy_text_is_the_same_fused_and_alone(is_chat: bool) -> None:
    """Text, values and why each ended, whatever the stop texts, limits and texts between."""
    rng, saved = random.Random(7), 0
    for _ in range(12):
        row = random_row(rng)
        brain = random_brain(rng, row)
        (fused,), extra, _ = run(row, brain, 1, fuse=True, is_chat=is_chat, temperature=0)
        (alone,), _, _ = run(row, brain, 1, fuse=False, is_chat=is_chat, temperature=0)
        assert fused.text() == alone.text(), row
        for name in row.names:
            assert fused[name] == alone[name]
            assert reason(fused, name) == reason(alone, name), (row, name)
        saved += int(extra.get("saved_calls", 0))
    assert saved > 1


def reason(result, name: str) -> str:
    return result.get_meta_info(name)["finish_reason"]


@lmc.function
def record(s, note: str = "Lena Sato is a 34-year-old pilot. She lives in Oslo.") -> None:
    s += lmc.user(f"{note}\nExtract name, age and city as JSON.")
    s += lmc.assistant_begin()
    s += '{"name": "' + lmc.gen("name", stop='"', max_tokens=12)
    s += '", "age": ' + lmc.gen("age", stop=",", max_tokens=6)
    s += ', "city": "' + lmc.gen("city", stop='"', max_tokens=12) + '"}'
    s += lmc.assistant_end()


@pytest.mark.slow
@pytest.mark.parametrize("folder", [None, "lmc-tiny"])
def test_a_real_model_says_the_same_in_fewer_calls(folder: str | None) -> None:
    """lmc's own engine behind an API: by texts, and by token ids, which are the same too."""
    tokenizer = None if folder is None else folder_of(folder)
    ran = []
    for fuse in (True, False):
        with Fake.vllm(EngineBrain()) as server:
            remote = lmc.Remote(server.url, dialect="vllm", model="tiny", api_fuse=fuse, tokenizer=tokenizer)
            ran.append((record.run(backend=remote, temperature=0), len(server.posts)))
    (fused, num_fused), (alone, num_alone) = ran
    assert fused.variables() == alone.variables() == {"name": "Lena Sato", "age": "34", "city": "Oslo"}
    assert fused.text() == alone.text() and num_fused < num_alone == 3
    assert fused.state.final.tokens == alone.state.final.tokens
