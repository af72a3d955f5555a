"""Random programs: captured and equal to eager, or refused with a code; and most of them captured."""

from __future__ import annotations

import pytest
from fuzz import source_of, verdict

FEW = range(60)
MANY = range(1000, 4000)


@pytest.mark.parametrize("seed", FEW)
def test_random_program_is_equal_or_refused(seed: int):
    """See `fuzz.py --show` and `--shrink` for a seed that fails."""

    what, detail = verdict(source_of(seed), seed)
    assert what != "wrong", detail


def test_most_random_programs_are_captured():
    """An oracle in which everything breaks proves nothing."""

    seen = [verdict(source_of(seed), seed)[0] for seed in FEW]
    assert seen.count("equal") > 0.75 * len(seen)


@pytest.mark.slow
@pytest.mark.parametrize("first", MANY[::100])
def test_many_random_programs(first: int):
    """A hundred seeds at a time."""

    wrong = {}
    for seed in range(first, first + 100):
        what, detail = verdict(source_of(seed), seed)
        if what == "wrong":
            wrong[seed] = detail
    assert not wrong
