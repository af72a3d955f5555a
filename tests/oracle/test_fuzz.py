"""Random programs, compiled and eager: equal, or an honest graph break; most of them must be captured."""

from __future__ import annotations

import pytest
from fuzz import FULL, SOME, source_of, verdict

FEW = range(60)
MANY = range(60, 1500)


def judged(seed: int, plans) -> str:
    """How a program compares (error: both raise alike); a wrong answer fails."""
    what, detail = verdict(source_of(seed), seed, plans)
    assert what != "wrong", f"seed {seed}: {what}\n{detail}"
    return what


def test_random_programs_are_equal_or_break():
    """Sixty programs; more than half of them are captured, or the comparison would prove nothing."""
    verdicts = [judged(seed, SOME) for seed in FEW]
    assert verdicts.count("equal") + verdicts.count("error") > len(verdicts) / 2


@pytest.mark.slow
@pytest.mark.parametrize("seed", MANY)
def test_more_random_programs_are_equal_or_break(seed: int):
    """The same, at both levels and traced in every way."""
    judged(seed, FULL)
