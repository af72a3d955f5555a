"""Compiled equals eager, over the whole corpus: results, effects, errors, and the calls that were made.

Each program is traced in every way, run at -O0 and -O2 with completions in shuffled order, and compared with the
unmodified function run by `eager`. A program that cannot be captured must say so with a code and a place.
"""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import pytest

from lmc.errors import CaptureError
from tests.oracle.compiled import WAYS, Seen, Way, break_of, difference, see_batch, see_compiled, see_eager
from tests.oracle.programs import all_cases
from tests.oracle.programs.case import Case
from tests.support.sampled import one_in

CASES = all_cases()
RUNS = [pytest.param(case, i, id=f"{case}-{i}") for case in CASES if case.runs for i in range(len(case.args))]
FEW_SEEDS = range(2)
MANY_SEEDS = range(2, 12)
LIMIT_S = 20.0


@lru_cache(maxsize=4096)
def expected(case_number: int, arg_number: int, seed: int) -> Seen:
    """The eager run, made once for all the compiled ones."""
    case = CASES[case_number]
    return see_eager(case, case.args[arg_number], seed)


@contextmanager
def at_most(limit_s: float) -> Iterator[None]:
    """A run that hangs fails; where there is no alarm it hangs."""

    def fail(*_: object) -> None:
        raise TimeoutError(f"the run did not end in {limit_s} seconds")

    before = signal.signal(signal.SIGALRM, fail)
    signal.setitimer(signal.ITIMER_REAL, limit_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def check(case: Case, arg_number: int, seed: int, opt_level: int, way: Way) -> None:
    """One compiled run against its eager one."""
    want = expected(CASES.index(case), arg_number, seed)
    try:
        with at_most(LIMIT_S):
            got = see_compiled(case, case.args[arg_number], seed, opt_level, way)
    except CaptureError as error:
        assert case.expects != "equal" or (way == "untyped" and case.needs_structure), f"seed {seed}: {error.render()}"
        check_break(case, error)
        return
    assert not (wrong := difference(got, want)), f"seed {seed}, -O{opt_level}, {way}\n{wrong}"
    if want.error is None:
        check_calls(got.calls, want.calls, opt_level)


def check_calls(got: Counter[Any], want: Counter[Any], opt_level: int) -> None:
    """At -O0 the same calls; above it none that eager does not make, merges and drops are fewer."""
    assert not got - want, "a call that the eager run does not make"
    if opt_level == 0:
        assert not want - got, "a call of the eager run is missing"


def check_break(case: Case, error: CaptureError) -> None:
    """A break names its code and a line of the program's file."""
    assert error.code and error.code.startswith("LMC-GB"), error.render()
    assert case.code in (None, error.code), error.render()
    assert error.span is not None and error.span.file == case.fn.__code__.co_filename, error.render()
    assert error.help, error.render()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("opt_level", [0, 2])
@pytest.mark.parametrize("case, arg_number", one_in(60, RUNS))
def test_compiled_run_equals_eager_run(case: Case, arg_number: int, opt_level: int, way: Way):
    """Two seeds: other answers, other branches, another order of completion."""

    for seed in FEW_SEEDS:
        check(case, arg_number, seed, opt_level, way)


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("opt_level", [0, 2])
@pytest.mark.parametrize("case, arg_number", RUNS)
def test_compiled_run_equals_eager_run_for_more_seeds(case: Case, arg_number: int, opt_level: int, way: Way):
    """Ten seeds more."""

    for seed in MANY_SEEDS:
        check(case, arg_number, seed, opt_level, way)


@pytest.mark.parametrize("opt_level", [0, 2])
@pytest.mark.parametrize("case", one_in(36, [c for c in CASES if c.expects == "equal" and not c.has_effects]))
def test_batch_equals_eager_runs_of_its_items(case: Case, opt_level: int):
    """Items of one stream of requests, each with random numbers of its own."""

    items = [*case.args, *case.args]
    with at_most(LIMIT_S):
        seen = see_batch(case, 0, opt_level)
    for i, (got, args) in enumerate(zip(seen, items, strict=True)):
        want = see_eager(case, args, 0, item=i)
        want.effects = None
        assert not (wrong := difference(got, want)), f"item {i}, -O{opt_level}\n{wrong}"


@pytest.mark.parametrize("case", [c for c in CASES if c.expects == "break"], ids=str)
def test_break_has_a_code_and_a_place(case: Case):
    """What capture does not follow is refused by name, never guessed."""

    error = break_of(case, case.args[0])
    assert error is not None, "captured after all: expects='equal'?"
    check_break(case, error)


@pytest.mark.parametrize("case", one_in(36, [c for c in CASES if c.expects == "equal"]))
def test_whole_program_is_captured(case: Case):
    """No break in what the language promises, whatever the arguments."""

    for args in case.args:
        error = break_of(case, args)
        assert error is None, error.render() if error else ""


def test_most_compared_runs_end_without_an_error():
    """An oracle in which everything raises proves nothing."""

    seen = [expected(CASES.index(p.values[0]), p.values[1], seed) for p in RUNS[::7] for seed in FEW_SEEDS]
    assert sum(s.error is None for s in seen) > 0.8 * len(seen)
