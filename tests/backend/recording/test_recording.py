"""Runs written down and played again: the same results without a model, and a plain word where a call is not there."""

from __future__ import annotations

import asyncio
import copy
import json
from pathlib import Path
from typing import Any

import pytest

import lmc
from lmc.backend.echo import EchoBackend
from lmc.errors import ArgumentError, BackendError, LMError
from tests.corpus.test_corpus import LIMIT_S, RUNS
from tests.oracle.compiled import plain
from tests.oracle.test_compiled_equals_eager import at_most
from tests.support.sampled import one_in


@lmc.function
def survey(s, topic="cats"):
    s += lmc.system("You are brief.")
    s += lmc.user(f"Tell me about {topic}.")
    s += lmc.assistant(lmc.gen("answer", max_tokens=12, temperature=0.7))
    forks = s.fork(2)
    for fork, word in zip(forks, ("true", "kind")):
        fork += lmc.user(f"Is that {word}?")
        fork += lmc.assistant(lmc.select("verdict", ["yes", "no", "unsure"]))
    s += lmc.user("Sum up: " + ", ".join(fork["verdict"] for fork in forks))
    s += lmc.assistant(lmc.gen("drafts", regex="[a-z]+ [a-z]+", max_tokens=20, n=3))
    return s["drafts"]


@lmc.function
def looked_at(s):
    told = {"return_logprob": True, "top_logprobs_num": 2, "return_text_in_logprobs": True}
    s += "The sky is" + lmc.gen("word", max_tokens=3, **told)
    return s.get_meta_info("word")["output_top_logprobs"]


@lmc.function
def form(s):
    s += "Name: " + lmc.gen("name", regex="[A-Z][a-z]{1,5}") + ", age: " + lmc.gen("age", regex="[0-9]{1,2}") + "."
    s += " Good: " + lmc.select("good", ["yes", "no"])


def seen(result: lmc.Result) -> Any:
    return plain(result.ret_value), result.text(), result.messages(), plain(result.variables()), result.usage


@pytest.mark.parametrize("backend", [EchoBackend(seed=3), "cpu"], ids=["echo", "cpu"])
@pytest.mark.parametrize("prog, level", [(survey, 2), (looked_at, 2), (form, 2), (form, 3)])
def test_a_record_gives_the_same_results(tmp_path: Path, backend: Any, prog: lmc.Program, level: int):
    file = tmp_path / "calls.jsonl"
    with lmc.record(file):
        expected = lmc.run(prog, backend=backend, opt_level=level)
    got = lmc.run(prog, backend=f"replay:{file}", opt_level=level)
    assert seen(got) == seen(expected)
    assert got.report.requests == expected.report.requests


def test_a_stream_is_told_in_the_same_pieces(tmp_path: Path):
    file = tmp_path / "calls.jsonl"
    with lmc.record(file):
        expected = list(survey.run(backend=EchoBackend(chunks=4), stream=True).text_iter("answer"))
    assert len(expected) > 1
    assert list(survey.run(backend=f"replay:{file}", stream=True).text_iter("answer")) == expected


def test_calls_may_come_in_another_order_and_at_once(tmp_path: Path):
    file, topics = tmp_path / "calls.jsonl", [f"thing {i % 7}" for i in range(30)]
    items = [{"topic": topic} for topic in topics]
    with lmc.record(file):
        expected = [result.text() for result in survey.run_batch(items, backend=EchoBackend(delay=3, shuffle=1))]
    got = survey.run_batch(items, backend=f"replay:{file}")
    assert [result.text() for result in got] == expected


def test_runs_on_an_event_loop_are_recorded_and_played(tmp_path: Path):
    async def all_at_once(backend: Any) -> list[str]:
        runs = [survey.arun(f"thing {i}", backend=backend) for i in range(5)]
        return [result.text() for result in await asyncio.gather(*runs)]

    file = tmp_path / "calls.jsonl"
    with lmc.record(file):
        expected = asyncio.run(all_at_once(EchoBackend()))
    assert asyncio.run(all_at_once(f"replay:{file}")) == expected


def test_the_call_that_differs_is_named_with_what_differs(tmp_path: Path):
    file = tmp_path / "calls.jsonl"
    with lmc.record(file):
        survey.run("cats", backend="echo")
    what = r"(?s)call 1 .*line 3.*- Tell me about cats.*\+ Tell me about dogs"
    with pytest.raises(lmc.RequestError, match=what) as told:
        survey.run("dogs", backend=f"replay:{file}")
    assert told.value.code == "not-recorded" and told.value.span is not None
    with pytest.raises(lmc.RequestError, match=r"max_tokens: 12 then, 5 now|seed: \d+ then, \d+ now"):
        survey.run("cats", backend=f"replay:{file}", seed=9)


def test_an_answer_is_given_once_in_a_run_and_anew_in_the_next(tmp_path: Path):
    @lmc.function
    def asks(s, times):
        for _ in range(times):
            fork = s.copy()
            fork += "Say" + lmc.gen("word", max_tokens=4, seed=1, return_logprob=True)

    file = tmp_path / "calls.jsonl"
    with lmc.record(file):
        asks.run(2, backend="echo", mode="eager")
    for _ in range(3):
        asks.run(2, backend=f"replay:{file}", mode="eager")
    with pytest.raises(lmc.RequestError, match="made 2 times when it"):
        asks.run(3, backend=f"replay:{file}", mode="eager")


def test_failures_are_played_too(tmp_path: Path):
    file = tmp_path / "calls.jsonl"
    failing = EchoBackend(fail=lambda request: "no luck" if request.rid == 0 else None, fail_retryable=True)
    with lmc.record(file):
        expected = survey.run(backend=failing, retry=2)
    assert "no luck" in file.read_text()
    got = survey.run(backend=f"replay:{file}", retry=2)
    assert got.text() == expected.text()


def test_what_was_given_up_is_given_up_again(tmp_path: Path):
    file = tmp_path / "calls.jsonl"
    slow = EchoBackend(delay_s=lambda request: 30.0 if request.rid == 0 else 0.0)
    with lmc.record(file), pytest.raises(LMError):
        survey.run(backend=slow, timeout=0.2)
    assert '"aborted"' in file.read_text()
    with pytest.raises(LMError):
        survey.run(backend=f"replay:{file}", timeout=5.0)


def test_a_record_is_found_out_that_is_none(tmp_path: Path):
    file = tmp_path / "notes.txt"
    file.write_text("my notes\n")
    with pytest.raises(ArgumentError, match="is no record"):
        lmc.record(file)
    assert file.read_text() == "my notes\n"
    with pytest.raises(BackendError, match="is no record"):
        survey.run(backend=f"replay:{file}")
    with pytest.raises(BackendError, match="cannot be read"):
        survey.run(backend=f"replay:{tmp_path / 'none'}")
    with lmc.record(tmp_path / "empty"):
        pass
    with pytest.raises(BackendError, match="no call is recorded"):
        survey.run(backend=f"replay:{tmp_path / 'empty'}")


def test_a_torn_line_at_the_end_is_left_out(tmp_path: Path):
    file = tmp_path / "calls.jsonl"
    with lmc.record(file):
        expected = survey.run(backend="echo")
    with open(file, "a") as end:
        end.write('{"call": 99, "asked": {"pro')
    assert survey.run(backend=f"replay:{file}").text() == expected.text()
    lines = file.read_text().splitlines()
    broken = json.loads(lines[2])
    broken["answer"] = [["nonsense"]]
    file.write_text("\n".join([lines[0], lines[1], json.dumps(broken), *lines[3:-1]]) + "\n")
    with pytest.raises(lmc.RequestError, match=r"line 3 .* holds no answer"):
        survey.run(backend=f"replay:{file}")


def test_calls_of_two_backends_are_not_mixed(tmp_path: Path):
    file = tmp_path / "calls.jsonl"
    with lmc.record(file):
        survey.run(backend=EchoBackend(seed=1))
        survey.run(backend=EchoBackend(seed=2))
    with pytest.raises(BackendError, match="several backends"):
        survey.run(backend=f"replay:{file}")


def test_nothing_is_written_behind_the_end(tmp_path: Path):
    file = tmp_path / "calls.jsonl"
    with lmc.record(file) as record:
        survey.run(backend="echo")
    size = file.stat().st_size
    assert record.is_closed
    survey.run(backend="echo")
    assert file.stat().st_size == size


@pytest.mark.parametrize("fn, arguments", one_in(40, RUNS))
def test_programs_of_the_corpus_play_as_they_ran(tmp_path: Path, fn: Any, arguments: dict[str, Any]):
    file = tmp_path / "calls.jsonl"
    with lmc.record(file):
        expected = shown(fn, arguments, EchoBackend())
    if '"call":' in file.read_text():
        assert shown(fn, arguments, f"replay:{file}") == expected


def shown(fn: Any, arguments: dict[str, Any], backend: Any) -> Any:
    try:
        with at_most(LIMIT_S):
            result = lmc.Program(fn).run(backend=backend, **copy.deepcopy(arguments))
    except TimeoutError:
        raise
    except Exception as error:
        return type(error).__name__, getattr(error, "message", str(error))
    return plain(result.ret_value), result.text(), result.messages(), plain(result.variables())
