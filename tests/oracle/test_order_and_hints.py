"""A plan's order and its hints decide what is submitted first and what is kept, and never what comes out.

The same plan without hints, with its steps shuffled, and with hints at random: the corpus on the echo backend, and a
few programs on the engine with a pool so small that it evicts.
"""

from __future__ import annotations

import contextlib
import copy
import io
import random
from collections import Counter
from typing import Any

import pytest

import lmc
from lmc import arguments as arguments_of
from lmc import compiler
from lmc.executor import Executor, Outcome, PlanItem
from lmc.executor.runnable import compile_plan
from lmc.ir.plan import Plan
from lmc.parser.constraints import parse_constraint
from lmc.program import Program
from tests.oracle.compiled import backend as echo_of
from tests.oracle.compiled import by_name, described, plain
from tests.oracle.programs import all_cases
from tests.oracle.programs.case import Case
from tests.support.fake_engine import Bench
from tests.support.plan_variants import shuffled, with_random_hints, without_hints
from tests.support.sampled import one_in

# what raises may do so before there is a plan
CASES = [case for case in all_cases() if case.expects == "equal" and case.runs and not case.raises]


def planned(program: Program, arguments: dict[str, Any], tokenizer: Any) -> tuple[Plan, dict[Any, object], Any]:
    """The plan for these arguments, as no backend has looked at it; where the arguments' leaves are; the externs."""
    bound = arguments_of.bind(program.func, {}, (), arguments)
    shapes = {name: arguments_of.shape_of(value) for name, value in bound.items()}
    made = program._cache.trace_for(program.func, shapes, bound)
    done = compiler.compile_trace(program._cache, made, compiler.pipeline_of(2), tokenizer)
    return done.plan, {p.path: arguments_of.value_at(bound, p.path) for p in made.graph.params}, made.externs


def shown(outcome: Outcome) -> object:
    """What a user can see of a run."""
    if outcome.error is not None:
        return described(outcome.error)
    assert outcome.state is not None
    return by_name(dict(outcome.state.names.values)), outcome.state.text(), plain(outcome.ret)


def on_echo(case: Case, plan: Plan, leaves: Any, externs: Any) -> tuple[object, object, Counter[Any]]:
    """What a run shows, its effects and its calls."""
    case.prepare()
    echo, printed = echo_of(0), io.StringIO()
    with contextlib.redirect_stdout(printed):
        executor = Executor(echo.open(), parse_constraint=parse_constraint)
        [outcome] = executor.run_items([PlanItem(compile_plan(plan), copy.deepcopy(leaves), externs)])
    effects = plain([list(case.log or ()), printed.getvalue()])
    calls = Counter((r.prompt.ids, r.out, r.n) for r in echo.log)
    return shown(outcome), effects, calls if outcome.error is None else Counter()


@pytest.mark.parametrize("case", one_in(18, CASES))
def test_order_and_hints_change_nothing_on_echo(case: Case) -> None:
    """Results, effects and the calls that were made."""
    rng = random.Random(str(case))
    args = case.args[0]
    plan, leaves, externs = planned(Program(case.fn), copy.deepcopy(args), echo_of(0).tokenizer)
    want = on_echo(case, without_hints(plan), leaves, externs)

    for variant in (plan, shuffled(plan, rng), with_random_hints(shuffled(plan, rng), rng)):
        assert on_echo(case, variant, leaves, externs) == want


@lmc.function
def fans_out(s, topic):
    s += f"All about {topic}, at length and in detail. "
    forks = s.fork(3)
    for number, f in enumerate(forks):
        f += f"Way {number}: "
        f += lmc.gen("way", max_tokens=6, temperature=0.7)
    aside = lmc.gen("aside", max_tokens=5)
    s += "Between: "
    s += aside
    forks.join()
    s += " | ".join(s["way"])
    s += lmc.select("pick", ["yes", "no", "maybe"])


@lmc.function
def goes_on(s, topic):
    s += f"A talk on {topic}. "
    for turn in range(4):
        s += f"Turn {turn}: "
        s += lmc.gen("said", max_tokens=4)
    return s["said"]


def on_engine(plan: Plan, leaves: Any, externs: Any, num_slots: int, *, by_value: bool = True) -> list[object]:
    """Six items on the fake engine, which is audited after every step; nothing is held once its session is closed."""
    bench = Bench(num_slots=num_slots, max_len=200, by_value=by_value)
    session = bench.session
    step = session.step

    def audited(timeout_s: float | None = None) -> Any:
        events = step(timeout_s)
        bench.engine.check()
        return events

    session.step = audited  # type: ignore[method-assign]
    items = [{path: f"{value}{i}" for path, value in leaves.items()} for i in range(6)]
    outcomes = Executor(session).run_items(
        [PlanItem(compile_plan(plan), item, externs, i) for i, item in enumerate(items)]
    )
    session.close()
    bench.check_idle()
    assert all(outcome.error is None for outcome in outcomes)
    return [shown(outcome) for outcome in outcomes]


@pytest.mark.parametrize("num_slots", [240, 4096])
@pytest.mark.parametrize("program", [fans_out, goes_on], ids=["fans_out", "goes_on"])
def test_order_and_hints_change_nothing_on_the_engine(program: Program, num_slots: int) -> None:
    """With room for everything, and with room for little more than one request."""
    rng = random.Random(7)
    plan, leaves, externs = planned(program, {"topic": "whales"}, Bench().engine.tokenizer)
    assert any(step.hints for step in plan.steps)
    want = on_engine(without_hints(plan), leaves, externs, 4096)

    for _ in range(3):
        for variant in (plan, shuffled(plan, rng), with_random_hints(shuffled(plan, rng), rng)):
            assert on_engine(variant, leaves, externs, num_slots) == want
    for by_value in (True, False):
        for variant in (plan, without_hints(plan)):
            assert on_engine(variant, leaves, externs, num_slots, by_value=by_value) == want
