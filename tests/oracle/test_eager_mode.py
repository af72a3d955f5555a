"""`mode="eager"` over the whole corpus: what the oracle's eager run of the same function says, asks and raises.

The compiled program at -O0 is held against the same oracle in test_compiled_equals_eager.py, so the three are equal:
text, values, prompts, seeds, errors. Programs that capture refuses are here too; none is left out.
"""

from __future__ import annotations

import pytest

from tests.oracle.compiled import difference, see_batch, see_eager, see_eager_mode
from tests.oracle.fuzz import ARGUMENTS, loaded, source_of
from tests.oracle.programs import all_cases
from tests.oracle.programs.case import Case
from tests.oracle.test_compiled_equals_eager import LIMIT_S, at_most, check_calls
from tests.support.sampled import one_in

CASES = [case for case in all_cases() if case.runs]
RUNS = [pytest.param(case, i, id=f"{case}-{i}") for case in CASES for i in range(len(case.args))]
SEEDS = range(4)


@pytest.mark.parametrize("case, arg_number", one_in(9, RUNS))
def test_eager_mode_equals_the_eager_oracle(case: Case, arg_number: int):
    """Four seeds; a run that fails asks nothing that the oracle does not ask."""

    for seed in SEEDS:
        want = see_eager(case, case.args[arg_number], seed)
        with at_most(LIMIT_S):
            got = see_eager_mode(case, case.args[arg_number], seed)
        assert not (wrong := difference(got, want)), f"seed {seed}\n{wrong}"
        check_calls(got.calls, want.calls, 0 if want.error is None else 2)


@pytest.mark.parametrize("case", [c for c in CASES if not c.has_effects], ids=str)
def test_eager_batch_equals_eager_runs_of_its_items(case: Case):
    """Items of one stream of requests, each with random numbers of its own."""

    with at_most(LIMIT_S):
        seen = see_batch(case, 0, 0, "eager")
    for i, (got, args) in enumerate(zip(seen, [*case.args, *case.args], strict=True)):
        want = see_eager(case, args, 0, item=i)
        want.effects = None
        assert not (wrong := difference(got, want)), f"item {i}\n{wrong}"


@pytest.mark.parametrize("seed", range(60))
def test_random_program_equals_the_eager_oracle(seed: int):
    """Programs of the fuzzer's grammar, those that capture refuses too."""

    arguments = ARGUMENTS[seed % len(ARGUMENTS)]
    with loaded(source_of(seed)) as names:
        case = Case(names["program"], (arguments,), log=names["LOG"])
        with at_most(LIMIT_S):
            want, got = see_eager(case, arguments, seed), see_eager_mode(case, arguments, seed)
    assert not (wrong := difference(got, want)), wrong
    check_calls(got.calls, want.calls, 0 if want.error is None else 2)
