"""The prefix tree of rows, against one made by trying every beginning."""

from __future__ import annotations

import time
from random import Random

import pytest

from lmc.common_prefix import common_len
from lmc.ir.plan import Plan
from lmc.parser.irtext.parse import parse_graph
from lmc.passes import PIPELINE, Inputs, Report, measure, run_pipeline, shared_tokens
from lmc.passes.prefix_tree import Row, Stretch, shared_stretches
from tests.passes.case import decode_words, encode_words


def random_rows(seed: int) -> list[Row]:
    rng = Random(seed)
    return [tuple(rng.choices((-1, 0, 1), k=rng.randrange(6))) for _ in range(rng.randrange(9))]


def through(rows: list[Row]) -> dict[Row, tuple[int, ...]]:
    """For each beginning that two or more rows share, which rows: the tree by brute force."""
    found: dict[Row, list[int]] = {}
    for i, row in enumerate(rows):
        for end in range(1, len(row) + 1):
            found.setdefault(row[:end], []).append(i)
    return {beginning: tuple(users) for beginning, users in found.items() if len(users) > 1}


@pytest.mark.parametrize("seed", range(200))
def test_stretches_are_all_shared_beginnings_and_no_more(seed: int):
    """Every shared beginning lies in exactly one stretch, with exactly its rows; stretches are as long as can be."""
    rows = random_rows(seed)
    stretches = shared_stretches(rows)
    spelled = {rows[s.rows[0]][:end]: s.rows for s in stretches for end in range(s.start + 1, s.end + 1)}

    assert spelled == through(rows)
    assert sum(s.end - s.start for s in stretches) == len(spelled)
    for stretch in stretches:
        above = None if stretch.parent is None else stretches[stretch.parent]
        assert stretch.start == (above.end if above else 0)
        assert above is None or set(stretch.rows) < set(above.rows)


def test_equal_rows_share_all_of_themselves():
    """Two calls with one prompt: the prefix is the whole prompt."""

    assert shared_stretches([(1, 2), (1, 2)]) == (Stretch(None, 0, 2, (0, 1)),)


@pytest.mark.parametrize("rows", [[], [()], [(1, 2)], [(), ()], [(1,), (2,)]])
def test_nothing_in_common_is_no_stretch(rows: list[Row]):
    """Empty and single rows are rows too."""

    assert shared_stretches(rows) == ()


@pytest.mark.parametrize("length", [0, 1, 2, 7, 8, 9])
def test_common_len_finds_the_first_difference(length: int):
    """At every place, and where one row ends."""
    row = tuple(range(length))

    assert common_len(row, row) == length
    assert common_len(row, (*row, 1)) == length
    assert common_len((*row, 1, 5), (*row, 2, 5)) == length


TEXT = """program p(%doc: str) {
  %s0 = begin
  %s1 = append %s0, "Read this. ", %doc
  %p, %a, %b = fork %s1 {n=2}
  %a1 = append %a, " Who?"
  %a2, %x = gen %a1
  %b1 = append %b, " Why?"
  %b2, %y = gen %b1
  %j = join %p, %a2, %b2 {mode="gather_variable"}
  return %j, none
}
"""


def plan_of(inputs: Inputs) -> tuple[Plan, Report]:
    planned = run_pipeline(parse_graph(TEXT), PIPELINE, inputs)
    plan, reports = planned.plan, planned.reports
    return plan, next(report for report in reports if report.name == "hoist_prefix")


def test_what_the_prefixes_save_is_what_the_report_says():
    """Tokens of all prompts = tokens computed + tokens saved, counted two ways."""
    batch = tuple({("doc",): f"{'cats ' * 50}{i % 3}"} for i in range(6))
    inputs = Inputs(encode=encode_words, begin_ids=(1,), batch=batch)
    plan, report = plan_of(inputs)
    sharing = measure(plan, inputs)

    assert sharing.is_exact
    assert shared_tokens(plan) == sharing.saved_tokens == report.count("saved tokens")
    assert sharing.prompt_tokens == sharing.computed_tokens + sharing.saved_tokens
    assert sharing.calls == 12


def test_a_hole_makes_the_prediction_inexact():
    """Without the argument only what stands before it is known."""
    sharing = measure(plan_of(Inputs(encode=encode_words))[0], Inputs(encode=encode_words))

    assert not sharing.is_exact


def test_a_batch_of_a_thousand_is_quick():
    """2,000 prompts of 400 tokens: sorted, not put into a trie of 800,000 objects."""
    document = "word " * 200
    batch = tuple({("doc",): f"{document}{i} {document}"} for i in range(1_000))
    began = time.perf_counter()
    plan, report = plan_of(Inputs(encode=encode_words, decode=decode_words, batch=batch))

    assert time.perf_counter() - began < 20  # 1 s on a quiet machine
    assert plan.prefixes[0].calls == 2_000
    assert report.count("prompt tokens") > 800_000


def test_a_long_program_does_not_reach_pythons_recursion_limit():
    """Eight hundred calls in a row, each beginning with all before it."""
    lines = [f'  %s{i + 1}, %x{i} = gen %t{i}\n  %t{i + 1} = append %s{i + 1}, "."' for i in range(800)]
    text = "\n".join(
        ["program p() {", "  %s0 = begin", '  %t0 = append %s0, "Go."', *lines, "  return %t800, none\n}\n"]
    )
    plan = run_pipeline(parse_graph(text), PIPELINE).plan

    assert plan.steps[-1].wave == 799
    assert len(plan.prefixes) == 799
