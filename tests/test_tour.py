"""The whole product on one page, on the echo backend: the first file to read, the first to run."""

from __future__ import annotations

import pytest

import lmc
from lmc.parser.irtext.parse import parse_graph


@lmc.function
def tips(s, topic: str):
    s += lmc.system("You give advice.")
    s += lmc.user(f"Topic: {topic}.")
    s += lmc.assistant(lmc.select("known", ["yes", "no"]))
    if s["known"] == "no":
        return None
    forks = s.fork(2)
    for f, who in zip(forks, ("beginners", "experts")):
        f += lmc.user(f"One tip for {who}.")
        f += lmc.assistant(lmc.gen("tip", max_tokens=8))
        f += lmc.gen("unread", max_tokens=8)
    easy, hard = (f["tip"] for f in forks)
    s += lmc.user(f"Easy: {easy}\nHard: {hard}\nHow many more?")
    s += lmc.assistant(lmc.gen("more", regex="[1-3]"))
    return int(s["more"]) * [easy]


def knowing() -> lmc.EchoBackend:
    """A backend whose seed makes it answer "yes" to the topic of these tests."""
    return next(b for b in map(lmc.EchoBackend, range(20)) if tips.run("cats", backend=b)["known"] == "yes")


def test_program_becomes_a_graph_that_reads_back():
    """Tracing runs nothing; text is the graph, and the graph is the text."""

    graph = lmc.compile(tips).graph
    assert str(graph).startswith("program tips(%topic: str) {\n")
    assert '%s5 = append %s4, "Topic: ", %topic, "."' in str(graph)
    assert parse_graph(str(graph)) == graph


def test_passes_make_a_plan_and_say_what_they_did():
    """A call that nothing reads is dropped, and reported."""

    plain, optimised = lmc.compile(tips, opt_level=0), lmc.compile(tips)
    calls = [[step for step in compiled.plan.steps if step.op == "gen"] for compiled in (plain, optimised)]
    assert [len(gens) for gens in calls] == [5, 3]
    assert "dropped gen %unread (test_tour.py:" in optimised.explain()


def test_prompts_that_begin_alike_are_seen():
    """The tree of prompts: all calls share the system turn, the two tips share more."""

    shared = [line for line in str(lmc.compile(tips).plan).splitlines() if line.startswith("  p")]
    assert [line.split(" steps ")[0] for line in shared] == ["  p0 calls 4", "  p1 under p0 calls 3"]


def test_run_gives_values_text_and_turns():
    """Everything that a program said can be read from its result."""

    result = tips.run("cats", backend=knowing())
    assert result["known"] == "yes"
    assert result["more"] in "123"
    assert len(result.ret_value) == int(result["more"])
    assert [turn["role"] for turn in result.messages()] == ["system", "user", "assistant", "user", "assistant"]
    assert "Topic: cats." in result.text()


def test_independent_calls_go_out_together():
    """Four calls in three rounds: select, both tips, the number."""

    report = tips.run("cats", backend=knowing()).report
    assert (report.requests, report.forward_passes) == (4, 3)


def test_optimiser_does_not_change_what_is_said():
    """With the passes off: the same values."""

    plain, optimised = (tips.run("cats", backend=knowing(), opt_level=level) for level in (0, 2))
    assert plain.variables() == optimised.variables()
    assert plain.ret_value == optimised.ret_value


def test_batch_gives_one_result_an_item():
    """In order; a failed item carries its error, the others complete."""

    results = tips.run_batch([{"topic": "cats"}, {"subject": "dogs"}, {"topic": "birds"}], backend="echo")
    assert [type(r.error).__name__ for r in results] == ["NoneType", "ArgumentError", "NoneType"]
    assert "birds" in results[2].text()


def test_mistakes_say_where_and_what_to_do():
    """What cannot be captured has a code, a place and a way out."""

    @lmc.function
    def unmatched(s):
        s += lmc.select("mood", ["good", "bad"])
        if s["mood"] == "good":
            s += lmc.user_begin()
        s += lmc.gen("more", max_tokens=8)

    with pytest.raises(lmc.CaptureError) as caught:
        lmc.compile(unmatched)
    assert caught.value.code == "LMC-GB014"
    assert caught.value.span is not None and caught.value.span.file == __file__
    assert caught.value.help == "open and close a role in the same arm"
