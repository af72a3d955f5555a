"""Random programs of `try`, `with`, `match` and the like: captured and equal to eager, or refused with a code."""

from __future__ import annotations

from functools import lru_cache

import pytest

from tests.oracle.fuzz import FULL, Verdict
from tests.oracle.fuzz_statements import source_of, verdict

FEW = range(4)
MANY = range(1200)
CHUNK = 100


@lru_cache(maxsize=len(FEW))
def judged(seed: int) -> Verdict:
    """How the program of a seed compares; see `fuzz_statements.py --show` and `--shrink`."""
    return verdict(source_of(seed), seed)


@pytest.mark.parametrize("seed", FEW)
def test_random_statements_are_equal_or_refused(seed: int):
    """Results, effects and calls; an error that both raise is equal too."""

    what, detail = judged(seed)
    assert what != "wrong", detail


def test_most_random_statements_are_captured():
    """An oracle in which everything breaks, or raises, proves nothing."""

    seen = [judged(seed)[0] for seed in FEW]
    assert seen.count("equal") + seen.count("error") > 0.8 * len(seen)
    assert seen.count("equal") > 0.2 * len(seen)


@pytest.mark.slow
@pytest.mark.parametrize("first", MANY[::CHUNK])
def test_many_random_statements(first: int):
    """A hundred seeds at a time, at both levels and traced in every way."""

    verdicts = {seed: verdict(source_of(seed), seed, FULL) for seed in range(first, first + CHUNK)}
    assert {seed: detail for seed, (what, detail) in verdicts.items() if what == "wrong"} == {}
