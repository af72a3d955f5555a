"""What is foretold of a program holds of its runs: the engine's own counts lie between the bounds, every time."""

from __future__ import annotations

import contextlib
import copy
import io
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from lmc import arguments as arguments_of
from lmc.backend.local import CpuBackend
from lmc.observe.analysis import analysis_of
from lmc.passes.cost import COUNTS, ProgramCost, cost_of
from lmc.program import Program
from lmc.result import Result
from lmc.sglang_names import flush_cache
from tests.oracle.programs import all_cases
from tests.oracle.programs.case import Case

# branches, loops, forks, constraints, tools, programs in programs, and what gets in their way
NAMES = (
    "branches.if_else", "branches.elif_chain", "roles.chat_until", "nested_programs.calls_in_loop",
    "selects.drawn_while", "state_lists.appended_list", "loops.for_over_generated_count", "loops.while_not_done",
    "loops.carried_strings_and_counters", "loops.nested_loops", "exits.return_in_nested_loops_without_else",
    "exits.return_in_loop_in_role_block", "tries.retry_with_helper", "tries.retry_while",
    "statements.while_of_many_turns", "statements.while_with_effects", "forks.sampled_forks_differ",
    "forks.expand_tips", "forks.concatenate", "forks.fork_of_fork", "forks.fork_in_loop", "forks.vote",
    "forks.tree_of_thought", "recursion.two_calls_on_forks", "hosts.dict_built_from_generations",
    "effects.tool_in_loop", "effects.tool_in_forks", "nasty.long_chain", "sglang_compat.decode_int",
    "sglang_compat.react", "objects.react_loop", "objects.loop_until_the_agent_is_done", "structure.tree_of_thought",
    "structure.debate", "structure.flag_decides", "straight_line.constrained", "straight_line.nothing_generated",
    "walked.work_list", "walked.removes_by_the_run", "loops_in_loops.flags",
)  # fmt: skip
QUICK = (
    "branches.if_else", "loops.nested_loops", "forks.expand_tips", "effects.tool_in_loop", "straight_line.constrained",
    "walked.work_list",
)  # fmt: skip
WORDS = ("cats", "a long road", "Ünïcödé 🦊", "", "red, green and blue", "12", "What is it?\n", "yes")


@pytest.fixture(scope="module")
def backend() -> Iterator[CpuBackend]:
    with contextlib.closing(CpuBackend("lmc-tiny", dtype="fp32", disk_cache=False)) as opened:
        yield opened


def cases() -> dict[str, Case]:
    return {str(case): case for case in all_cases()}


def test_there_are_forty_programs():
    assert len(set(NAMES)) == 40
    assert set(NAMES) <= set(cases())
    assert set(QUICK) <= set(NAMES)


@pytest.mark.parametrize("name", QUICK)
def test_a_run_costs_what_is_foretold(name: str, backend: CpuBackend):
    """Of one random input; the arguments known, and nothing of them."""
    check(cases()[name], Random(name), backend)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_every_run_costs_what_is_foretold(name: str, backend: CpuBackend):
    """Of five."""
    random = Random(f"{name} again")
    for _ in range(5):
        check(cases()[name], random, backend)


@pytest.mark.slow
def test_every_run_of_the_corpus_costs_what_is_foretold(backend: CpuBackend):
    """Of each program that is captured and ends well, with its own arguments."""
    seen = 0
    for case in cases().values():
        for args in case.args[:2] if case.runs and not case.raises else ():
            result = run(case, args, 1, backend)
            if result.error is None and result.has_graph:
                compare(case, args, result)
                seen += 1
    assert seen > 400


def check(case: Case, random: Random, backend: CpuBackend) -> None:
    for _ in range(20):
        args = {name: drawn(value, random) for name, value in random.choice(case.args).items()}
        result = run(case, args, random.randrange(1000), backend)
        if result.error is None and result.has_graph:
            return compare(case, args, result)
    result = run(case, case.args[0], 0, backend)
    assert result.error is None
    compare(case, case.args[0], result)


def drawn(value: Any, random: Random) -> Any:
    """Another value of the same shape."""
    if isinstance(value, str):
        return random.choice((*WORDS, value))
    if isinstance(value, bool):
        return random.random() < 0.5
    if isinstance(value, int):
        return random.choice((value, random.randrange(5)))
    if isinstance(value, list):
        return [drawn(each, random) for each in value]
    return copy.deepcopy(value)


def run(case: Case, args: dict[str, Any], seed: int, backend: CpuBackend) -> Result:
    """A run with nothing in the cache."""
    case.prepare()
    assert flush_cache(backend)
    settings: dict[str, Any] = {"seed": seed, "mode": "compiled", "record": True, "calls": True}
    with contextlib.redirect_stdout(io.StringIO()):
        [result] = Program(case.fn).run_batch([copy.deepcopy(args)], backend=backend, **settings)
    return result


def compare(case: Case, args: dict[str, Any], result: Result) -> None:
    compiled = result.compiled
    bound = arguments_of.bind(case.fn, {}, (), copy.deepcopy(args))
    leaves = {param.path: arguments_of.value_at(bound, param.path) for param in compiled.graph.params}
    for known in (leaves, {}):
        cost = cost_of(compiled.plan, compiled.planned.inputs, items=[known])
        assert_within(cost, result, f"{case} {args}, {'all' if known else 'nothing'} known")


def assert_within(cost: ProgramCost, result: Result, what: str) -> None:
    """The sums, and of each call what does not depend on who came first."""
    analysis = analysis_of([result], result.report, cost)
    for name in COUNTS:
        interval, counted = getattr(cost.total, name), getattr(analysis.total, name)
        assert interval.holds(counted), f"{what}: {name} {counted} is not in {interval}"
        assert interval.least <= interval.expected, what
    for step, actual in analysis.steps.items():
        if step is not None:
            for name in ("calls", "prompt", "output"):
                interval, counted = getattr(cost.steps[step], name), getattr(actual, name)
                assert interval.holds(counted), f"{what}: #{step} {name} {counted} is not in {interval}"
