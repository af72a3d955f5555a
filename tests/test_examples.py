"""Every example runs: its graph is as reviewed, and no way of running it changes what comes out.

On the echo backend with several seeds, and on the engine with a tiny checkpoint of random weights. Runs are compared by
token ids: prompts, what was asked for, and what was answered.
"""

from __future__ import annotations

import importlib.util
import runpy
from collections import Counter
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import lmc
from lmc.backend.base import Event, Request, SegmentEnd
from lmc.backend.local import CpuBackend
from lmc.compiler import inputs_of
from lmc.ir.graph import Graph
from lmc.ir.plan import Plan
from lmc.parser.irtext.parse import parse_graph, parse_plan
from lmc.passes import PIPELINE, Inputs, run_passes
from lmc.program import Program
from lmc.result import Result
from scripts.support.checkpoint import tiny_checkpoint
from tests.oracle.eager import EagerResult, run_eager

EXAMPLES = Path(__file__).parents[1] / "examples"
NAMES = sorted(path.stem for path in EXAMPLES.glob("*.py"))
ON_ECHO = [name for name in NAMES if name != "tool_calls"]  # echo follows no grammar
SEEDS = range(6)

Run = tuple[Result, Counter[Any]]


@cache
def example(name: str) -> Program:
    """The program of that name in the file of that name."""
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, name)


# --- calls, recorded at the waist ------------------------------------------------------------------------


class Recording:
    """A backend that counts (prompt ids, what was asked, answered ids) of every call, whatever their order."""

    def __init__(self, backend: Any) -> None:
        self.backend, self.calls = backend, Counter[Any]()
        self.name, self.caps, self.tokenizer = backend.name, backend.caps, backend.tokenizer

    def open(self, namespace: str = "") -> Any:
        """A session that is listened to; everything but submitting and stepping goes straight through."""
        session = self.backend.open(namespace)
        asked: dict[int, Request] = {}

        def submit(requests: list[Request]) -> None:
            asked.update((request.rid, request) for request in requests)
            session.submit(requests)

        def step(timeout_s: float | None = None) -> list[Event]:
            events = session.step(timeout_s)
            for event in events:
                if isinstance(event, SegmentEnd):
                    request = asked[event.rid]
                    self.calls[request.prompt.ids, request.out[event.segment], event.ids] += 1
            return events

        rest = {name: getattr(session, name) for name in ("tokenizer", "counters", "abort", "hint", "wake", "close")}
        return SimpleNamespace(**rest, submit=submit, step=step)


def run_on(backend: Any, name: str, **options: Any) -> Run:
    recording = Recording(backend)
    return example(name).run(backend=recording, **options), recording.calls


def run_eagerly(backend: Any, name: str, *, seed: int = 0) -> tuple[EagerResult, Counter[Any]]:
    """The unmodified function, one call after another."""
    recording = Recording(backend)
    program = example(name)
    result = run_eager(program.func, (), {}, recording.open(), seed=seed)
    assert result.error is None
    return result, recording.calls


def seen(result: Result) -> tuple[Any, ...]:
    return result.variables(), result.text(), result.messages(), result.ret_value


def assert_same(one: Run, other: Run) -> None:
    assert one[1] == other[1]
    assert seen(one[0]) == seen(other[0])


def assert_equals_eager(run: Run, eager: tuple[EagerResult, Counter[Any]]) -> None:
    assert run[1] == eager[1]
    assert seen(run[0]) == (eager[0].vars, eager[0].text, eager[0].messages, eager[0].ret_value)


# --- the printed program ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_graph_is_as_reviewed(name: str, golden: Any):
    """What was captured, before any pass."""

    golden(f"examples/{name}.lmir", str(lmc.compile(example(name)).graph))


@pytest.mark.parametrize("name", NAMES)
def test_plan_is_as_reviewed(name: str, golden: Any):
    """What runs at -O2."""

    golden(f"examples/{name}.plan", str(lmc.compile(example(name)).plan))


@pytest.mark.parametrize("inputs", [Inputs(), inputs_of(lmc.EchoBackend().tokenizer)], ids=["no-tokenizer", "bytes"])
@pytest.mark.parametrize("name", NAMES)
def test_text_parses_back_after_every_pass(name: str, inputs: Inputs):
    """Graphs and plans print, parse and print the same, from capture to the end of the pipeline."""

    ir: Graph | Plan = lmc.compile(example(name)).graph
    for each in (None, *PIPELINE):
        if each is not None:
            ir, _ = run_passes(ir, (each,), inputs)
        parsed = parse_graph(str(ir)) if isinstance(ir, Graph) else parse_plan(str(ir))
        assert parsed == ir
        assert str(parsed) == str(ir)


# --- on echo ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ON_ECHO)
def test_same_seed_gives_same_run(name: str):
    """Nothing but the seed decides, not even the order in which calls complete."""

    for seed in SEEDS:
        first = run_on(lmc.EchoBackend(seed), name)
        assert_same(first, run_on(lmc.EchoBackend(seed), name))
        assert_same(first, run_on(lmc.EchoBackend(seed, shuffle=seed), name))


@pytest.mark.parametrize("name", ON_ECHO)
def test_optimiser_changes_nothing_on_echo(name: str):
    """-O0, -O1 and -O2 make the same calls."""

    for seed in SEEDS:
        plain = run_on(lmc.EchoBackend(seed), name, opt_level=0)
        assert_same(plain, run_on(lmc.EchoBackend(seed), name, opt_level=1))
        assert_same(plain, run_on(lmc.EchoBackend(seed), name, opt_level=2))


@pytest.mark.parametrize("name", ON_ECHO)
def test_compiled_equals_eager_on_echo(name: str):
    """The graph does what Python does."""

    for seed in SEEDS:
        eager = run_eagerly(lmc.EchoBackend(seed), name)
        assert_equals_eager(run_on(lmc.EchoBackend(seed), name), eager)


def test_seeds_reach_every_arm():
    """The seeds of these tests take both ways where an example branches."""

    judged = {run_on(lmc.EchoBackend(seed), "essay_judge")[0]["on_subject"] for seed in range(20)}
    tools = {run_on(lmc.EchoBackend(seed), "tool_use")[0]["tool"] for seed in range(20)}
    assert (judged, tools) == ({"yes", "no"}, {"add", "weather", "none"})


def test_independent_calls_go_out_together():
    """Three judges are one wave, and so are the points of an outline whose number the model chose."""

    report = run_on(lmc.EchoBackend(), "essay_judge")[0].report
    assert report is not None
    assert (report.requests, report.forward_passes) == (5, 3)
    result = run_on(lmc.EchoBackend(), "skeleton_of_thought")[0]
    assert result.report is not None
    assert (result.report.requests, result.report.forward_passes) == (1 + int(result["count"]), 2)


def test_csv_batch_goes_on_from_its_journal(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """The example as people start it: rows with answers behind; a second run asks nothing and writes the same."""

    main = runpy.run_path(str(EXAMPLES / "csv_batch.py"))["main"]
    (tmp_path / "in.csv").write_text('id,customer,ticket\n1,Ann,It broke.\n2,Bo,"Where, please?"\n')
    written = []
    for _ in range(2):
        main(str(tmp_path / "in.csv"), str(tmp_path / "out.csv"), "echo")
        written.append((capsys.readouterr().out, (tmp_path / "out.csv.journal").read_bytes()))
    assert written[0] == written[1]
    head, *rows = written[0][0].splitlines()
    assert head == "id,customer,ticket,topic,due,error" and len(rows) == 2
    assert rows[1].startswith('2,Bo,"Where, please?",') and rows[1].endswith(",")


def test_table_is_printed(capsys: pytest.CaptureFixture[str]):
    """The batch example as people start it: a line a row, then the report."""

    runpy.run_path(str(EXAMPLES / "table_batch.py"))["main"]("echo")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["review", "stars", "topic", "answer"]
    assert [line.split()[-1] in ("yes", "no") for line in lines[1:7]] == [True] * 6
    assert lines[8].startswith("echo: 12 calls, 2 forward passes")


# --- on the engine ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_checkpoint(tmp_path_factory.mktemp("examples") / "model", "qwen3")


@pytest.fixture(scope="module")
def engine(checkpoint: Path) -> CpuBackend:
    """The engine with its cache; it stays warm from test to test, as it would in use."""
    return CpuBackend(checkpoint, dtype="fp32")


@pytest.fixture(scope="module")
def engine_without_cache(checkpoint: Path) -> CpuBackend:
    return CpuBackend(checkpoint, dtype="fp32", cache=False)


@pytest.mark.parametrize("name", NAMES)
def test_cache_changes_nothing(name: str, engine: CpuBackend, engine_without_cache: CpuBackend):
    """Cold, warm and off: the same token ids."""

    off = run_on(engine_without_cache, name)
    assert_same(off, run_on(engine, name))
    assert_same(off, run_on(engine, name))
    assert engine_without_cache.caps.prefix_cache is False
    assert off[0].usage.cached_tokens == 0


@pytest.mark.parametrize("name", NAMES)
def test_optimiser_changes_nothing_on_the_engine(name: str, engine: CpuBackend):
    """-O0 and -O2: the same token ids."""

    assert_same(run_on(engine, name, opt_level=0), run_on(engine, name, opt_level=2))


@pytest.mark.parametrize("name", NAMES)
def test_compiled_equals_eager_on_the_engine(name: str, engine: CpuBackend):
    """One call at a time, or all that are ready in one batch: the same token ids."""

    assert_equals_eager(run_on(engine, name), run_eagerly(engine, name))


def test_a_tool_call_is_done(engine: CpuBackend):
    """Whatever random weights write is a call that Python can make."""

    result, _ = run_on(engine, "tool_calls")
    (said,) = [m["content"] for m in result.messages() if m["content"].startswith("The tool says")]
    assert result["call"].startswith('<tool_call>\n{"name": "')
    assert said.split(": ")[1] in ("rain", "snow", "error") or said.split(": ")[1].lstrip("-").isdigit()


def test_table_is_computed_once(checkpoint: Path):
    """What the compiler counts, plus what only the run can know (the topics), plus at most one token a request."""

    rows = runpy.run_path(str(EXAMPLES / "table_batch.py"))["ROWS"]
    results = example("table_batch").run_batch(rows, backend=CpuBackend(checkpoint, dtype="fp32"))
    report = results[0].report
    assert report is not None and report.predicted is not None and not report.predicted.is_exact
    unknown = report.prompt_tokens - report.predicted.prompt_tokens
    assert report.prompt_tokens == report.cached_tokens + report.computed_tokens
    assert 0 <= report.computed_tokens - report.predicted.computed_tokens - unknown <= report.requests
    assert report.cached_tokens > report.computed_tokens


def test_shots_of_many_questions_are_computed_once(checkpoint: Path):
    """64 questions after the same examples: the distinct tokens of all prompts, plus at most one a request."""

    rows = [{"question": f"Who lives in house {number}?"} for number in range(64)]
    results = example("few_shot_qa").run_batch(rows, backend=CpuBackend(checkpoint, dtype="fp32"))
    report = results[0].report
    assert report is not None and report.predicted is not None and report.predicted.is_exact
    assert (report.requests, report.prompt_tokens) == (64, report.predicted.prompt_tokens)
    assert 0 <= report.computed_tokens - report.predicted.computed_tokens <= 64
    assert f"predicted: {report.predicted.computed_tokens} distinct prompt tokens" in str(report)
