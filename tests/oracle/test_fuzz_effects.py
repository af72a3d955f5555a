"""Random programs of effects that nobody announces: captured and equal to eager, or refused with a code."""

from __future__ import annotations

from functools import lru_cache

import pytest

from tests.oracle.fuzz import SOME, Verdict, verdict
from tests.oracle.fuzz_effects import source_of_effects

FEW = range(10)
MANY = range(2000)
CHUNK = 200


@lru_cache(maxsize=len(FEW))
def judged(seed: int) -> Verdict:
    """How the program of a seed compares; see `fuzz_effects.py --show`."""
    return verdict(source_of_effects(seed), seed, SOME[:2])


@pytest.mark.parametrize("seed", FEW)
def test_random_program_of_effects_is_equal_or_refused(seed: int):
    """Results, text, and the log, which ends with what the module holds; an error that both raise is equal too."""

    what, detail = judged(seed)
    assert what != "wrong", detail


def test_many_random_programs_of_effects_are_captured():
    """An oracle in which everything breaks, or raises, proves nothing."""

    seen = [judged(seed)[0] for seed in FEW]
    assert seen.count("equal") > 0.3 * len(seen)


@pytest.mark.slow
@pytest.mark.parametrize("first", MANY[::CHUNK])
def test_more_random_programs_of_effects(first: int):
    """Two hundred seeds at a time, at both levels and traced in every way."""

    verdicts = {seed: verdict(source_of_effects(seed), seed, SOME) for seed in range(first, first + CHUNK)}
    assert {seed: detail for seed, (what, detail) in verdicts.items() if what == "wrong"} == {}
