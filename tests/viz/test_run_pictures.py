"""What a run came to, joined to the plan that is drawn: each call at its step, each pass with its calls."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner

import lmc
from lmc.cli import main
from lmc.errors import ArgumentError
from lmc.viz import emit
from lmc.viz.figures import CallFigures, Figures, tokens
from tests.viz.pictured import pictured
from tests.viz.test_views_golden import data_of


@lmc.function
def looped(s, words: list):
    """Forks that end in another order than they begin, a loop of some turns, and a choice."""
    a, b = s.fork(2)
    b += "B: " + lmc.gen("b", max_tokens=2)
    a += "A: " + lmc.gen("a", max_tokens=9)
    for word in words:
        s += f"{word}: " + lmc.gen("each", max_tokens=3)
    s += a["a"] + b["b"] + lmc.select("best", ["yes", "no"])
    return s["best"]


@pytest.mark.parametrize("mode", ["compiled", "eager"])
def test_calls_stand_at_their_steps(mode: str) -> None:
    """Whichever way it ran: by name, so many turns, with the tokens that the calls' records have."""
    result = looped.run(["x", "y", "z"], backend="echo", record=True, timeline=True, mode=mode)
    figures = result.figures
    assert figures is not None
    nodes = {step.id: result.plan.graph.nodes[step.node] for step in result.plan.steps}
    found = Counter(str(nodes[call.step].attr("name")) for call in figures.calls)
    assert found == {"a": 1, "b": 1, "each": 3, "best": 1}
    for call, record in zip(figures.calls, result.calls, strict=True):
        assert nodes[call.step].attr("name") == record.name
        assert (call.cached + call.computed, call.output) == (record.prompt_tokens, record.output_tokens)
        assert call.came == record.output
    assert tokens(figures.calls) == (
        result.report.cached_tokens, result.report.computed_tokens, result.report.output_tokens
    )  # fmt: skip


def test_passes_name_the_calls_that_sat_in_them() -> None:
    """Their rows come to what the calls came to; of a batch those of other items go without a name."""
    first, second = looped.run_batch([{"words": ["x"]}, {"words": []}], backend="echo", record=True, timeline=True)
    for result, num in ((first, 4), (second, 3)):
        figures = result.figures
        assert figures is not None and len(figures.calls) == num
        rows = [row for each in figures.passes for row in each.rows]
        assert any(row.call is None for row in rows)
        for place, call in enumerate(figures.calls):
            own = [row for row in rows if row.call == place]
            assert (sum(r.computed for r in own), sum(r.output for r in own)) == (call.computed, call.output)


def test_a_page_of_a_run_has_it_all() -> None:
    """Calls in program order at their rows, and the passes; without a timeline no passes, but the calls."""
    result = pictured.run("a b", backend="echo", record=True, timeline=True)
    run = data_of(result.picture())["run"]
    assert len(run["calls"]) == len(result.calls) and len(run["passes"]) == result.report.forward_passes  # type: ignore[index]
    rows = data_of(result.picture())["rows"]
    for call, record in zip(run["calls"], result.calls, strict=True):  # type: ignore[index]
        assert f" {record.kind} {record.name}" in rows[call["row"]]["name"]  # type: ignore[index]
    plain = pictured.run("a b", backend="echo", record=True)
    assert data_of(plain.picture())["run"]["passes"] == []  # type: ignore[index]


def test_what_was_not_kept_is_not_drawn() -> None:
    """A batch that kept no calls draws the plan; a run of Python that was not recorded has none, and says so."""
    [result] = pictured.run_batch([{"topic": "x"}], backend="echo", record=True)
    assert result.figures is None and data_of(result.picture())["run"] is None
    [unknown] = pictured.run_batch([{"topic": "x"}], backend="echo", mode="eager")
    with pytest.raises(ArgumentError, match="record=True"):
        unknown.picture()


def test_a_failed_run_is_drawn_as_far_as_it_went() -> None:
    @lmc.function
    def fails(s, text: str):
        s += lmc.gen("a", max_tokens=2)
        s += str(1 / len(text)) + lmc.gen("b", max_tokens=2)

    [result] = fails.run_batch([{"text": ""}], backend="echo", record=True, calls=True)
    assert isinstance(result.error, ZeroDivisionError)
    rows = data_of(result.picture())["rows"]
    assert [row["brief"] == "not run" for row in rows] == [False, True]  # type: ignore[attr-defined,index]


def test_lmc_run_writes_the_picture(tmp_path: Path) -> None:
    """The values are printed as ever."""
    file, page = Path(__file__).with_name("pictured.py"), tmp_path / "run.html"
    done = CliRunner().invoke(
        main, ["run", str(file), "--arg", "topic=a b", "--backend", "echo", "--emit-graph=html", "-o", str(page)]
    )
    assert done.exit_code == 0 and "<html" not in done.output and "best" in done.output
    assert data_of(page.read_text())["run"]["passes"]  # type: ignore[index]
    refused = CliRunner().invoke(main, ["run", str(file), "--backend", "echo", "-o", str(page)])
    assert refused.exit_code == 2 and "-o" in refused.output


@lmc.function
def clocked(s, question: str):
    s += f"It is {time.time()}. You are careful, and you say so where you do not know.\n"
    s += question + lmc.gen("answer", max_tokens=2)
    return s["answer"]


def test_a_page_says_what_to_change_and_what_was_missed() -> None:
    """The fix-it at its call with its place and gain; of a run, what the cache might have had."""
    planned = lmc.compile(clocked).planned
    missed = Figures(
        (CallFigures(planned.plan.steps[-1].id, 0, 40, 2, 0.0, 0.1, 0.2, "x", "40 tokens: evicted: no room"),)
    )
    [row] = data_of(emit(planned, "html", figures=missed))["rows"]  # type: ignore[misc]
    line = clocked.func.__code__.co_firstlineno + 2
    assert f"say it behind the text that is the same in every run (test_run_pictures.py:{line}; at most " in row["fix"]
    assert row["missed"] == "40 tokens: evicted: no room"


@lmc.function
def one_call(s):
    s += "A" + lmc.gen("x", max_tokens=1)


@lmc.function
def no_calls(s):
    s += "A"


@pytest.mark.parametrize(
    ("program", "said"), [(one_call, "this run: 1 call, "), (no_calls, "no model calls; this run: 0 calls")]
)
def test_one_call_is_one_call_and_none_is_none(program: lmc.Program, said: str) -> None:
    page = program.run(backend="echo", record=True, timeline=True).picture()

    assert said in page
    assert "1 calls" not in page and "0 prompts have" not in page
