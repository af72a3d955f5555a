"""A Chrome trace of a run: what Perfetto needs to draw it holds, and it says what the calls and passes say."""

from __future__ import annotations

import inspect
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import lmc
from lmc.cli import main
from lmc.errors import ArgumentError
from lmc.observe.chrome_trace import ENGINE, chrome_trace, feeds
from tests.support.end_to_end import one_thread  # noqa: F401


@lmc.function
def tips(s, topic: str = "cats"):
    s += f"Topic: {topic}. "
    a, b = s.fork(2)
    a += "Give one tip. For beginners: " + lmc.gen("easy", max_tokens=5)
    b += "Give one tip. For experts: " + lmc.gen("hard", max_tokens=5)
    s += f"Easy: {a['easy']} Hard: {b['hard']} Best: "
    s += lmc.select("best", ["easy", "hard"])
    return s["best"]


SOURCE = f"import lmc\n\n\n{inspect.getsource(tips.func)}"


@lmc.function
def turns(s, n: int = 2):
    s += "Say a word: " + lmc.gen("first", max_tokens=2)
    for _ in range(n):
        s += " And one more: " + lmc.gen("more", max_tokens=2)
        s += " Is it good? " + lmc.select("good", ["yes", "no"])


def check_trace(trace: dict[str, Any]) -> None:
    """The rules of the format that a drawing depends on."""
    named, slices, flows = set(), defaultdict(list), defaultdict(list)
    for event in trace["traceEvents"]:
        assert event["ph"] in ("M", "X", "C", "s", "f"), event
        assert type(event["pid"]) is int and type(event["tid"]) is int
        if event["ph"] == "M":
            named.add((event["name"], event["pid"], event["tid"]))
            continue
        assert event["ts"] >= 0
        if event["ph"] == "X":
            assert event["dur"] >= 0
            slices[event["pid"], event["tid"]].append((event["ts"], event["ts"] + event["dur"], event["name"]))
        elif event["ph"] == "C":
            assert event["args"] and all(value >= 0 for value in event["args"].values())
        else:
            flows[event["id"]].append(event)
    for (pid, tid), found in slices.items():
        assert ("process_name", pid, 0) in named and ("thread_name", pid, tid) in named
        check_nesting(found)
    for start, end in flows.values():
        assert (start["ph"], end["ph"], end["bp"]) == ("s", "f", "e")
        assert start["ts"] <= end["ts"]
        for event in (start, end):
            on = slices[event["pid"], event["tid"]]
            assert any(begin <= event["ts"] <= stop for begin, stop, _ in on), "an arrow binds to a slice"


def check_nesting(slices: list[tuple[float, float, str]]) -> None:
    """Slices of a track lie one behind the other, or one inside the other."""
    open_until: list[float] = []
    for begin, end, name in sorted(slices, key=lambda each: (each[0], -each[1])):
        while open_until and open_until[-1] <= begin + 0.002:
            open_until.pop()
        assert not open_until or end <= open_until[-1] + 0.002, name
        open_until.append(end)


def named_slices(trace: dict[str, Any], pid: int) -> list[str]:
    return [each["name"] for each in trace["traceEvents"] if each["ph"] == "X" and each["pid"] == pid]


@pytest.mark.parametrize("mode", ["compiled", "eager"])
def test_a_run_has_calls_phases_passes_and_arrows(mode: str) -> None:
    """Two calls side by side feed a third one."""
    result = tips.run(backend="cpu", mode=mode, timeline=True)
    assert result.report is not None
    trace = json.loads(json.dumps(chrome_trace([result], result.report, "tips")))
    check_trace(trace)
    own = named_slices(trace, ENGINE + 1)
    assert [name for name in own if name.startswith("#")] == ["#0 gen easy", "#1 gen hard", "#2 select best"]
    assert {"waiting", "prefill", "decode", "scoring"} <= set(own)
    assert len(named_slices(trace, ENGINE)) == result.report.forward_passes
    assert {e["id"] for e in trace["traceEvents"] if e["ph"] == "s"} == {"2.0.2", "2.1.2"}
    tracks = {e["tid"] for e in trace["traceEvents"] if e["ph"] == "X" and e["pid"] == ENGINE + 1}
    assert tracks == {0, 1}
    last = [e["args"] for e in trace["traceEvents"] if e["name"] == "prompt tokens"][-1]
    assert last == {"cached": result.report.cached_tokens, "computed": result.report.computed_tokens}


def test_calls_of_a_loop_wait_for_those_of_their_turn_and_of_before_it() -> None:
    """Each turn's second call waits for its first one, not for another turn's."""
    result = turns.run(backend="echo", timeline=True)
    assert result.report is not None and result.report.timeline is not None
    found = feeds(result, result.report.timeline)
    assert {(1, 2), (3, 4)} <= set(found)
    assert not {(1, 4), (3, 2)} & set(found)


def test_items_are_processes_and_share_the_passes() -> None:
    """A batch: every item with its calls, and one engine."""
    results = tips.run_batch([{"topic": word} for word in ("cats", "tea")], backend="cpu", timeline=True)
    trace = chrome_trace(results, results[0].report, "tips")
    check_trace(trace)
    names = {e["args"]["name"] for e in trace["traceEvents"] if e["name"] == "process_name"}
    assert names == {"engine: cpu", "tips, item 0", "tips, item 1"}
    rows = [row for e in trace["traceEvents"] if e["ph"] == "X" and e["pid"] == ENGINE for row in e["args"]["rows"]]
    assert {row.partition(" #")[0] for row in rows} == {"item 0", "item 1"}


def test_a_fused_form_is_one_slice() -> None:
    """Calls that went as one request were one thing."""

    @lmc.function
    def form(s):
        s += "Name: " + lmc.gen("name", max_tokens=4, regex="[a-z]{1,4}", temperature=0) + ", age: "
        s += lmc.gen("age", max_tokens=2, regex="[0-9]{1,2}", temperature=0)

    result = form.run(backend="cpu", opt_level=3, timeline=True)
    trace = chrome_trace([result], result.report, "form")
    check_trace(trace)
    assert [name for name in named_slices(trace, ENGINE + 1) if name.startswith("#")] == ["#0 gen name, #1 gen age"]


def test_a_run_without_a_timeline_is_refused() -> None:
    """The message says what to give."""
    result = tips.run(backend="echo")
    with pytest.raises(ArgumentError, match="kept no timeline"):
        chrome_trace([result], result.report, "tips")


@pytest.mark.parametrize("rows", [False, True])
def test_the_command_writes_it(tmp_path: Path, rows: bool) -> None:
    """`lmc run --trace FILE`, of a run and of a batch; the JSON that is printed stays small."""
    program, file, table = tmp_path / "tips.py", tmp_path / "run.json", tmp_path / "rows.jsonl"
    program.write_text(SOURCE)
    table.write_text('{"topic": "tea"}\n{"topic": "dogs"}\n')
    more = ["--args-file", str(table)] if rows else []
    done = CliRunner().invoke(main, ["run", str(program), "--backend", "echo", "--json", "--trace", str(file), *more])
    assert done.exit_code == 0, done.output
    check_trace(json.loads(file.read_text()))
    assert json.loads(done.stdout)["report"]["timeline"] is None


def test_a_run_that_fails_leaves_its_trace(tmp_path: Path) -> None:
    """The trace may tell why."""
    program, file = tmp_path / "tips.py", tmp_path / "run.json"
    program.write_text(SOURCE.replace("return s", "return 1 // len(''), s"))
    done = CliRunner().invoke(main, ["run", str(program), "--backend", "echo", "--trace", str(file)])
    assert done.exit_code == 1
    trace = json.loads(file.read_text())
    check_trace(trace)
    assert "#1 gen hard" in named_slices(trace, ENGINE + 1)


def test_what_has_no_end_of_its_own_is_refused() -> None:
    """With a stream or rows that are written out, the calls are not kept."""
    for more in (["--stream"], ["--args-file", "a.jsonl", "-o", "b.jsonl"]):
        done = CliRunner().invoke(main, ["run", "x.py", "--trace", "t.json", *more])
        assert done.exit_code == 2 and "--trace keeps the run until its end" in done.output
