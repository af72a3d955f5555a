"""What people see without asking: the last line of a notebook's cell, and the frames of an error."""

from __future__ import annotations

import traceback
from contextlib import closing
from pathlib import Path
from xml.etree import ElementTree

import pytest

import lmc
from lmc.notebook import MAX_LINES, MAX_ROWS
from tests.support.end_to_end import checkpoint


@lmc.function
def long(s, topic: str):
    for number in range(60):
        s += f"{number}. <b>{topic}</b>" + lmc.gen(f"a{number}", max_tokens=2)
    return s["a0"]


def test_what_is_compiled_shows_as_a_glance() -> None:
    """Its table, its graph: text as it stands, and not more than fits on a page."""
    done = lmc.compile(long)

    for shown in (done.graph, done.plan):
        html = shown._repr_html_()
        assert html.startswith("<pre>") and html.count("\n") == MAX_LINES and "more lines: print(" in html
        assert "<b>" not in html and len(repr(shown)) < 100
    html = done._repr_html_()
    assert html.count(">#") == MAX_ROWS and "… and 48 more calls" in html and "more lines: print(" in html
    assert "<b>{topic}" not in html and "&lt;b&gt;{topic}" in html and len(repr(done)) < 100
    assert repr(done.graph) == f"<lmc graph long(topic), {len(done.graph.nodes)} nodes>"


def test_a_result_shows_as_a_table() -> None:
    """Values by name and what was returned; of a failed one the error."""
    result = long.run("x", backend="echo")
    failed = long.run_batch([{}], backend="echo")[0]

    assert f"<th>a3</th><td><pre>{result['a3']}</pre></td>" in result._repr_html_()
    assert f"<th>returned</th><td><pre>{result['a0']}</pre></td>" in result._repr_html_()
    assert "missing a required argument" in failed._repr_html_()


@pytest.mark.parametrize("thing", ["compiled", "result", "report", "failed"])
def test_a_notebook_takes_what_it_is_shown(thing: str) -> None:
    """As markup that stands by itself, as often as it is shown: no id, script, style sheet or address."""
    pytest.importorskip("IPython")
    from IPython.core.formatters import DisplayFormatter

    result = long.run("<i id=x>\"'", backend="echo")
    failed = long.run_batch([{}], backend="echo")[0]
    shown = {"compiled": lmc.compile(long), "result": result, "report": result.report, "failed": failed}[thing]
    found, _ = DisplayFormatter().format(shown)
    assert set(found) == {"text/plain", "text/html"}
    page = ElementTree.fromstring(f"<div>{found['text/html'].replace('&emsp;', ' ')}</div>")
    names = {name for node in page.iter() for name in node.attrib}
    assert names <= {"style", "title"} and "url(" not in found["text/html"]
    assert {node.tag for node in page.iter()}.isdisjoint({"script", "style", "link", "img", "i"})
    assert len(found["text/html"]) < 20_000


def tool(text: str) -> str:
    raise RuntimeError("boom")


@lmc.function
def fails(s, kind: str):
    s += lmc.gen("a", max_tokens=2)
    if kind == "tool":
        s += tool(s["a"])
    if kind == "number":
        s += 3
    if kind == "parameter":
        s += lmc.gen("b", temperature=-1)


@pytest.mark.parametrize("mode", ["auto", "eager"])
@pytest.mark.parametrize("kind", ["tool", "number", "parameter"])
def test_an_error_shows_the_frames_of_the_user(kind: str, mode: str) -> None:
    """Of ours only the call that was made, which notebooks leave out; as Python runs, the innermost is the user's."""
    with pytest.raises(Exception) as caught:
        fails.run(kind, backend="echo", mode=mode)
    trace = traceback.extract_tb(caught.value.__traceback__)

    ours = [frame.name for frame in trace if frame.filename != str(Path(__file__))]
    assert ours == ["run", "_run"]
    if mode == "eager":
        assert trace[-1].filename == str(Path(__file__))


@lmc.function
def greets(s, name: str):
    s += "A word for " + name + ": " + lmc.gen("word", max_tokens=2)


def test_a_prediction_is_right_or_left_out() -> None:
    """Prompts that come again cost a token each; where all is in the cache, nothing was predicted."""
    with closing(lmc.CpuBackend(checkpoint("llama"), dtype="fp32", num_slots=2048)) as backend:
        cold, warm = (greets.run_batch(["cats", "dogs", "cats"], backend=backend)[0].report for _ in range(2))
    assert cold is not None and warm is not None and cold.predicted is not None

    assert cold.predicted.repeats == 1
    assert cold.computed_tokens == cold.predicted.computed_tokens + 1
    assert f"predicted: {cold.computed_tokens - 1} distinct prompt tokens, and 1 of prompts" in str(cold)
    assert warm.computed_tokens < cold.computed_tokens and "predicted" not in str(warm)


def test_an_estimate_that_says_nothing_is_left_out() -> None:
    """Of prompts with holes."""
    report = long.run("x", backend="echo").report

    assert report is not None and "estimated" not in str(report) and "predicted" not in str(report)
