"""`timeline=True`: the forward passes of a run, joined to its calls."""

from __future__ import annotations

import asyncio
import json
import pickle
from collections import Counter

import pytest

import lmc
from lmc.backend.echo import EchoBackend
from lmc.observe.timeline import Timeline
from lmc.result import Result
from tests.support.end_to_end import one_thread  # noqa: F401


@lmc.function
def tips(s, topic: str):
    s += f"Topic: {topic}. "
    a, b = s.fork(2)
    a += "Give one tip. For beginners: " + lmc.gen("easy", max_tokens=5)
    b += "Give one tip. For experts: " + lmc.gen("hard", max_tokens=5)
    s += f"Easy: {a['easy']} Hard: {b['hard']} Best: "
    s += lmc.select("best", ["easy", "hard"])
    return s["best"]


@lmc.function
def form(s):
    s += "A form. Name: " + lmc.gen("name", max_tokens=4, regex="[a-z]{1,4}", temperature=0) + ", colour: "
    s += (
        lmc.select("colour", ["red", "blue"])
        + ", age: "
        + lmc.gen("age", max_tokens=2, regex="[0-9]{1,2}", temperature=0)
    )


def timeline(result: Result) -> Timeline:
    assert result.report is not None and result.report.timeline is not None
    return result.report.timeline


def outputs(results: list[Result]) -> dict[tuple[int, tuple[int, ...]], int]:
    """Output tokens by item and calls, as the calls of the results have them."""
    found: Counter[tuple[int, int]] = Counter()
    numbers: dict[tuple[int, int], list[int]] = {}
    for call in (call for result in results for call in result.calls):
        found[call.item, call.request] += call.output_tokens
        numbers.setdefault((call.item, call.request), []).append(call.number)
    return {(item, tuple(numbers[item, request])): num for (item, request), num in found.items()}


def passed(line: Timeline) -> dict[tuple[int, tuple[int, ...]], int]:
    """The same, as the passes have them."""
    found: Counter[tuple[int, tuple[int, ...]]] = Counter()
    for row in (row for each in line.passes for row in each.rows):
        asked = line.asked[row.rid]
        found[asked.item, asked.calls] += row.output_tokens
    return dict(found)


@pytest.mark.parametrize("mode", ["compiled", "eager"])
@pytest.mark.parametrize("backend", ["cpu", "echo"])
def test_the_passes_of_a_run_name_its_calls(backend: str, mode: str) -> None:
    """Each row belongs to calls, and their output tokens are those of the calls."""
    result = tips.run(topic="cats", backend=backend, mode=mode, timeline=True)
    line = timeline(result)
    assert result.report is not None

    assert passed(line) == outputs([result])
    assert {numbers for _, numbers in passed(line)} == {(0,), (1,), (2,)}
    assert len(line.passes) == result.report.forward_passes
    assert line.num_dropped == 0
    for call in result.calls:
        own = [each for each in line.passes if any(line.asked[row.rid].calls == (call.number,) for row in each.rows)]
        assert call.end_s is not None
        assert call.begin_s <= own[0].begin_s
        assert own[-1].begin_s + own[-1].seconds <= call.end_s


def test_a_fused_form_is_one_row_of_several_calls() -> None:
    """What went as one request sits in the passes as one, under the numbers of all its calls."""
    result = form.run(backend="cpu", opt_level=3, timeline=True)
    line = timeline(result)
    assert {asked.calls for asked in line.asked.values()} == {(0, 1, 2)}
    rows = [row for each in line.passes for row in each.rows]
    assert sum(row.computed_tokens + row.cached_tokens for row in rows) == result.usage.prompt_tokens


def test_the_items_of_a_batch_share_passes_and_one_timeline() -> None:
    """Rows say which item they belong to."""
    results = tips.run_batch([{"topic": word} for word in ("cats", "dogs", "tea")], backend="cpu", timeline=True)
    line = timeline(results[1])
    assert line is results[0].report.timeline  # type: ignore[union-attr]
    assert passed(line) == outputs(results)
    assert max(len({line.asked[row.rid].item for row in each.rows}) for each in line.passes) == 3


def test_a_call_that_was_asked_again_is_in_the_passes_of_all_its_requests() -> None:
    """A retried call has several requests, and one number."""
    failures = iter(["not now", None, None, None, None])
    backend = EchoBackend(fail=lambda request: next(failures), fail_retryable=True)
    result = tips.run(topic="cats", backend=backend, timeline=True, retry=lmc.Retry(calls=2, wait_s=0))
    line = timeline(result)
    assert [call.num_asked for call in result.calls] == [2, 1, 1]
    asked = Counter(line.asked[row.rid].calls for each in line.passes for row in each.rows)
    assert asked == {(0,): 2, (1,): 1, (2,): 1}


def test_an_attempt_that_was_run_again_whole_is_known_by_nobody() -> None:
    """Its calls are in no result; its rows stay, as the passes did compute them."""
    failures = iter(["not now", *[None] * 8])
    backend = EchoBackend(fail=lambda request: next(failures), fail_retryable=True)
    (result,) = tips.run_batch([{"topic": "cats"}], backend=backend, timeline=True, retry=lmc.Retry(items=1, wait_s=0))
    line = timeline(result)
    known = Counter(line.asked[row.rid].calls for each in line.passes for row in each.rows if row.rid in line.asked)
    assert known == {(0,): 2, (1,): 2, (2,): 1}


def test_runs_that_are_awaited_together_have_their_own_rows() -> None:
    """Many runs on one session: each timeline has its own calls, in passes that hold those of others too."""

    async def all_of_them() -> list[Result]:
        return list(await asyncio.gather(*[tips.arun(topic=t, backend="cpu", timeline=True) for t in ("a", "bb", "c")]))

    results = asyncio.run(all_of_them())
    for result in results:
        assert passed(timeline(result)) == outputs([result])
    assert any(each.num_rows > len(each.rows) for result in results for each in timeline(result).passes)


def test_nothing_is_kept_unless_it_is_asked_for() -> None:
    """A report has no timeline by itself; it comes along in a pickle where it has one."""
    assert tips.run(topic="cats", backend="echo").report.timeline is None  # type: ignore[union-attr]
    result = tips.run(topic="cats", backend="echo", timeline=True)
    assert pickle.loads(pickle.dumps(result.report)).timeline == timeline(result)
    told = json.loads(json.dumps(timeline(result).as_dict()))
    assert [row["calls"] for each in told["passes"] for row in each["rows"]] == [[0], [1], [2]]


def test_an_argument_of_that_name_is_the_programs() -> None:
    """As with every option of a run."""

    @lmc.function
    def own(s, timeline):
        s += f"{timeline} "
        return timeline

    result = own.run(timeline=3, backend="echo")
    assert result.ret_value == 3
    assert result.report is not None and result.report.timeline is None
