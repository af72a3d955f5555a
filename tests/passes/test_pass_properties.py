"""Passes on random programs: they keep the rules of the IR, and what a program does."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from lmc.ir.graph import Graph, Lit
from lmc.ir.ops import OPS
from lmc.ir.plan import Plan
from lmc.ir.verify import verify, verify_plan
from lmc.passes import PASSES, Inputs, measure, parse_pipeline, run_passes, run_pipeline
from lmc.passes.base import Pass
from lmc.passes.hoist_prefix import prompts_of
from tests.passes.case import decode_bytes, encode_bytes, parse_ir
from tests.passes.reference import Outcome, run_graph
from tests.support import random_graph as random_graphs

SEEDS = range(40)
GRAPH_PASSES = [each for each in PASSES.values() if each.level == "graph"]
LEVEL_2 = "dce,cse,fold_text,chat_template,schedule,hoist_prefix"


def graph_of(seed: int) -> Graph:
    return random_graphs.random_graph(seed, may_raise=seed % 2 == 1)


def outcome_of(graph: Graph) -> Outcome:
    effects: list[object] = []
    return run_graph(graph, dict(random_graphs.ARGUMENTS), random_graphs.functions(effects), effects)


def batch_of(graph: Graph, *changes: Mapping[str, object]) -> tuple[Mapping[tuple[str | int, ...], object], ...]:
    items = [{**random_graphs.ARGUMENTS, **change} for change in changes]
    return tuple({param.path: item[param.value.name] for param in graph.params} for item in items)


@pytest.mark.parametrize("each", PASSES.values(), ids=list(PASSES))
def test_a_pass_keeps_the_rules_of_the_ir(each: Pass):
    """Its result is well formed, and prints and parses to itself; so did what it was given."""
    for seed in SEEDS:
        ir: Graph | Plan = graph_of(seed)
        if each.takes == "plan":
            ir, _ = run_passes(ir, parse_pipeline("schedule"))
        after, _ = each.run(ir, Inputs(encode=encode_bytes))
        verify(after) if isinstance(after, Graph) else verify_plan(after)

        assert parse_ir(str(ir)) == ir
        assert parse_ir(str(after)) == after


@pytest.mark.parametrize("each", GRAPH_PASSES, ids=lambda each: each.name)
def test_a_graph_pass_twice_is_the_pass_once(each: Pass):
    """Nothing is left for a second run, which gives back the very graph: it need not be verified again."""
    for seed in SEEDS:
        once, _ = each.run(graph_of(seed), Inputs())

        assert each.run(once, Inputs())[0] is once, f"seed {seed}"


@pytest.mark.parametrize("names", ["dce", "cse", "fold_text", "dce,cse,fold_text", "fold_text,cse,dce,cse,fold_text"])
def test_passes_keep_what_a_program_does(names: str):
    """Same text, names, value, error and effects; the same model calls, or fewer where dce dropped some."""
    for seed in range(3 * len(SEEDS)):
        graph = graph_of(seed)
        before = outcome_of(graph)
        after, reports = run_passes(graph, parse_pipeline(names))
        assert isinstance(after, Graph)
        again = outcome_of(after)

        assert again.seen == before.seen, f"seed {seed}"
        assert again.calls <= before.calls, f"seed {seed}"
        if not any(report.count("calls dropped") for report in reports):
            assert again.calls == before.calls, f"seed {seed}"


def test_a_step_comes_after_all_it_waits_for():
    """A step's wave is no earlier than that of a step it waits for, and later where that is a model call."""
    for seed in SEEDS:
        plan = run_pipeline(graph_of(seed), parse_pipeline("schedule")).plan
        steps = {step.id: step for step in plan.steps}
        for step in plan.steps:
            for id in step.after:
                assert step.wave >= steps[id].wave + (OPS[steps[id].op].kind == "model")


def test_every_call_begins_with_its_prefixes():
    """The text of a prefix and of those above it begins the prompt of every call that it names."""
    for seed in SEEDS:
        graph = graph_of(seed)
        inputs = Inputs(encode_bytes, decode_bytes, batch=batch_of(graph, {}, {"topic": "cars"}))
        plan = run_pipeline(graph, parse_pipeline(LEVEL_2), inputs).plan
        builder, rows = prompts_of(plan, inputs)
        whole: dict[int | None, list[object]] = {None: []}
        for prefix in plan.prefixes:
            whole[prefix.id] = _spelled(whole[prefix.parent], prefix.pieces)
            for step in prefix.steps:
                calls = [row for row in rows if row.step == step]
                prompts = [_spelled([], builder.atoms(row.fragments, 0, len(row.ids))) for row in calls]
                assert any(_begins(prompt, whole[prefix.id]) for prompt in prompts), (seed, prefix)


def test_computed_tokens_are_the_distinct_beginnings_of_all_prompts():
    """Counted by brute force: as many tokens are computed as there are different beginnings that end in a token."""
    for seed in SEEDS:
        graph = graph_of(seed)
        inputs = Inputs(encode=encode_bytes, begin_ids=(256,), batch=batch_of(graph, {}, {}, {"topic": "cars"}))
        plan = run_pipeline(graph, parse_pipeline(LEVEL_2), inputs).plan
        ids = [row.ids for row in prompts_of(plan, inputs)[1]]
        beginnings = {row[: end + 1] for row in ids for end, id in enumerate(row) if id >= 0}
        sharing = measure(plan, inputs)

        assert sharing.computed_tokens == len(beginnings)
        assert sharing.prompt_tokens == sum(id >= 0 for row in ids for id in row)


def _spelled(before: list[object], atoms) -> list[object]:
    """Characters and holes, one after another."""
    return [*before, *(part for atom in atoms for part in (atom.value if isinstance(atom, Lit) else (atom,)))]


def _begins(prompt: list[object], prefix: list[object]) -> bool:
    return prompt[: len(prefix)] == prefix
