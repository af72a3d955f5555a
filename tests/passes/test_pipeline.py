"""Pipelines of passes: names, order, verification, reports."""

from __future__ import annotations

from dataclasses import replace

import pytest

import lmc
from lmc import knobs
from lmc.errors import ArgumentError, ChatTemplateError, VerifyError
from lmc.ir.chat import ChatTemplate
from lmc.ir.graph import Graph
from lmc.ir.plan import Plan
from lmc.parser.irtext.parse import parse_graph
from lmc.passes import (
    LEVELS,
    PIPELINE,
    Inputs,
    Pass,
    Report,
    parse_pipeline,
    pipeline,
    run_passes,
    run_pipeline,
)

GRAPH = parse_graph(
    """program p() {
  %s = begin
  %a = append %s, "x"
  %b = append %s, "x"
  %c, %x = gen %b
  return %c, %x
}
""",
    file="p.py",
)


def names_of(passes: tuple[Pass, ...]) -> str:
    """A pipeline as it is written."""
    return ",".join(each.name for each in passes)


def test_the_highest_level_runs_the_whole_pipeline():
    """-O3 is everything, in the order written down."""

    assert parse_pipeline(LEVELS[max(LEVELS)]) == PIPELINE


@pytest.mark.parametrize("text", LEVELS.values())
def test_a_pipeline_is_what_is_written(text: str):
    """A list of names, in order."""

    assert names_of(parse_pipeline(text)) == text


def test_spaces_and_empty_names_do_not_matter():
    """What people type on a command line."""

    assert names_of(parse_pipeline(" cse, dce,")) == "cse,dce"
    assert parse_pipeline("") == ()


def test_an_unknown_pass_is_refused_with_the_nearest_name():
    """A typing mistake is answered by what was meant."""
    with pytest.raises(ArgumentError) as caught:
        parse_pipeline("cse,fold_txt")

    assert caught.value.render() == "ArgumentError: there is no pass `fold_txt`\n  help: did you mean `fold_text`?"


def test_an_unlike_name_is_answered_by_the_list():
    """Nothing near: all names."""
    names = "the passes are dce, cse, fold_text, chat_template, lint, fuse_constraints, schedule"
    with pytest.raises(ArgumentError, match=names):
        parse_pipeline("zzz")


@pytest.mark.parametrize("text", ["hoist_prefix", "schedule,cse", "schedule,schedule"])
def test_a_pass_on_the_wrong_level_is_refused(text: str):
    """Plan passes need a plan, graph passes a graph."""
    with pytest.raises(ArgumentError, match="works on a"):
        run_passes(GRAPH, parse_pipeline(text))


def test_a_plan_comes_out_of_graph_passes_alone():
    """`schedule` is put where it is missing."""
    planned = run_pipeline(GRAPH, parse_pipeline("cse"))
    plan, reports = planned.plan, planned.reports

    assert [step.op for step in plan.steps] == ["gen"]
    assert [report.name for report in reports] == ["cse", "schedule"]


def test_a_plan_pass_gets_its_schedule():
    """Also in the middle of a pipeline."""
    reports = run_pipeline(GRAPH, parse_pipeline("cse,hoist_prefix")).reports

    assert [report.name for report in reports] == ["cse", "schedule", "hoist_prefix"]


def test_only_changes_are_told():
    """on_change hears of passes that changed something, with what they made."""
    heard: list[str] = []
    run_pipeline(GRAPH, PIPELINE, on_change=lambda each, ir: heard.append(f"{each.name}: {type(ir).__name__}"))

    assert heard == ["dce: Graph", "schedule: Plan"]


def test_every_report_has_its_time():
    """--time-passes reads it from there."""
    reports = run_pipeline(GRAPH, PIPELINE).reports

    assert [report.name for report in reports] == [each.name for each in PIPELINE]
    assert all(report.seconds > 0 for report in reports)


def test_reports_say_where():
    """Sentences carry the place in the user's file."""
    reports = run_pipeline(GRAPH, parse_pipeline("cse")).reports

    assert str(reports[0]) == "cse: nodes merged 1\n  merged append %b (p.py:4) into append %a (p.py:3)"


# --- verification ----------------------------------------------------------------------------------------


@pytest.fixture
def verified(monkeypatch: pytest.MonkeyPatch) -> list[Graph | Plan]:
    """What was verified, in order, with LMC_DEBUG unset."""
    seen: list[Graph | Plan] = []

    def verify(ir: Graph | Plan) -> None:
        seen.append(ir)
        inner(ir)

    inner = pipeline._verify
    monkeypatch.setattr(pipeline, "_verify", verify)
    monkeypatch.delenv("LMC_DEBUG")
    return seen


def _without_append(graph: Graph) -> Graph:
    nodes = tuple(node for node in graph.body.nodes if node.op != "append")
    return replace(graph, body=replace(graph.body, nodes=nodes))


BREAKER = Pass("breaker", "graph", lambda graph, inputs: (_without_append(graph), Report("breaker")))


@pytest.mark.parametrize("verify_each", [True, False])
@pytest.mark.parametrize("passes", [(BREAKER,), (*PIPELINE[:2], BREAKER, *PIPELINE[2:])])
def test_a_pass_that_breaks_the_graph_is_named(passes: tuple[Pass, ...], verify_each: bool, verified):
    """Our own bug says whose it is, whether each result is verified or only the last."""
    with pytest.raises(VerifyError, match="pass `breaker` made it"):
        run_pipeline(GRAPH, passes, verify_each=verify_each)


def test_a_pass_that_fails_on_what_another_broke_is_not_blamed(verified):
    """The verifier never got to the end of it; a second run finds the first pass that broke a rule."""

    def fail(graph: Graph, inputs: Inputs) -> tuple[Graph, Report]:
        if graph != GRAPH:
            raise KeyError("a")
        return graph, Report("victim")

    victim = Pass("victim", "graph", fail)
    with pytest.raises(VerifyError, match="pass `breaker` made it"):
        run_pipeline(GRAPH, (BREAKER, victim), verify_each=False)


def test_a_pass_that_fails_by_itself_fails_as_it_did(verified):
    """The second run finds nothing wrong with what it was given."""

    def fail(graph: Graph, inputs: Inputs) -> tuple[Graph, Report]:
        raise KeyError("a")

    with pytest.raises(KeyError, match="a"):
        run_pipeline(GRAPH, (Pass("failing", "graph", fail),), verify_each=False)


def test_what_was_broken_before_is_no_fault_of_a_pass(verified):
    """A graph that goes in is verified too, and the first pass is not named for it."""
    for verify_each in (True, False):
        with pytest.raises(VerifyError, match="used before it is defined") as caught:
            run_pipeline(_without_append(GRAPH), PIPELINE, verify_each=verify_each)

        assert "made it" not in str(caught.value)


def test_only_the_last_result_is_verified_where_nobody_looks(verified):
    """The verifier costs more than the passes do."""
    plan = run_pipeline(GRAPH, PIPELINE, verify_each=False).plan

    assert verified == [plan]


def test_each_change_is_verified(verified):
    """What goes in, and after that whatever is not the very thing that went in."""
    same = Pass("same", "graph", lambda graph, inputs: (graph, Report("same")))
    after_dce, _ = run_passes(GRAPH, PIPELINE[:1], verify_each=False)
    del verified[:]
    plan = run_pipeline(GRAPH, (same, PIPELINE[0], same)).plan

    assert verified == [GRAPH, after_dce, plan]


@pytest.mark.parametrize("value", ["1", "verify"])
def test_debugging_verifies_each_change(value: str, verified, monkeypatch: pytest.MonkeyPatch):
    """LMC_DEBUG, as all tests have it."""
    monkeypatch.setenv("LMC_DEBUG", value)
    run_pipeline(GRAPH, PIPELINE, verify_each=False)

    assert len(verified) > 2


def test_who_is_told_of_changes_is_told_of_sound_ones(verified):
    """--print-ir-after-change names the pass that broke a rule before it prints the next."""
    heard: list[str] = []
    with pytest.raises(VerifyError, match="pass `breaker` made it"):
        run_pipeline(GRAPH, (BREAKER,), on_change=lambda each, ir: heard.append(each.name), verify_each=False)

    assert heard == []


@lmc.function
def program(s):
    s += "x" + lmc.gen("x")


def test_a_level_is_verified_once_and_a_pipeline_by_hand_after_each_pass(verified):
    """`opt_level=2` is what thousands of runs take; `opt_level="dce,..."` is somebody at work."""
    counts = []
    for opt_level in (2, "dce,cse,schedule", LEVELS[2]):
        lmc.Program(program.func).compile(opt_level=opt_level)
        counts.append(len(verified))
        del verified[:]

    assert (counts[0], counts[2]) == (1, 1) and counts[1] > 1


def test_every_test_verifies_after_each_pass():
    """conftest.py sees to it."""

    assert knobs.verifies_each_pass()


def test_passes_describe_themselves():
    """Each has a first line that a list of passes can show."""

    assert all(each.summary and not each.summary.startswith(each.name) for each in PIPELINE)


ROLES = parse_graph(
    """program p() {
  %a = begin
  %b = role_begin %a {role="system"}
  %c = role_end %b {role="system"}
  return %c, none
}
""",
    file="p.py",
)


def test_a_refused_role_is_an_error_with_its_place():
    """A template without a system role says so at compile time."""
    template = ChatTemplate("plain", begins=((("", "user"), "U:"),), ends=(("user", ""),))
    with pytest.raises(ChatTemplateError) as caught:
        run_pipeline(ROLES, PIPELINE, Inputs(chat=template))

    assert caught.value.message == "the chat template 'plain' refuses the system turn at the beginning"
    assert caught.value.help == "its roles are 'user'"
    assert caught.value.span is not None and caught.value.span.place == "p.py:3"


def test_a_role_that_cannot_be_closed_is_refused_too():
    """A template may open what it cannot close."""
    template = ChatTemplate("odd", begins=((("", "system"), "S:"),))
    with pytest.raises(ChatTemplateError, match="refuses the system turn"):
        run_pipeline(ROLES, PIPELINE, Inputs(chat=template))
