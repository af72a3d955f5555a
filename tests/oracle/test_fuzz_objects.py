"""Random programs of objects, tables and sorted lists: captured and equal to eager, or refused with a code."""

from __future__ import annotations

from functools import lru_cache

import pytest

from tests.oracle.fuzz import FULL, Verdict, verdict
from tests.oracle.fuzz_objects import source_of_objects

FEW = range(6)
MANY = range(1000)
CHUNK = 100


@lru_cache(maxsize=len(FEW))
def judged(seed: int) -> Verdict:
    """How the program of a seed compares; see `fuzz_objects.py --show`."""
    return verdict(source_of_objects(seed), seed)


@pytest.mark.parametrize("seed", FEW)
def test_random_program_of_objects_is_equal_or_refused(seed: int):
    """Results, effects and calls; an error that both raise is equal too."""

    what, detail = judged(seed)
    assert what != "wrong", detail


def test_most_random_programs_of_objects_are_captured():
    """An oracle in which everything breaks, or raises, proves nothing."""

    seen = [judged(seed)[0] for seed in FEW]
    assert seen.count("equal") > 0.6 * len(seen)


@pytest.mark.slow
@pytest.mark.parametrize("first", MANY[::CHUNK])
def test_many_random_programs_of_objects(first: int):
    """A hundred seeds at a time, at both levels and traced in every way."""

    verdicts = {seed: verdict(source_of_objects(seed), seed, FULL) for seed in range(first, first + CHUNK)}
    assert {seed: detail for seed, (what, detail) in verdicts.items() if what == "wrong"} == {}
