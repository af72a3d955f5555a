"""Batches for work: tables, order, bounds, second attempts, time limits, and what is left after Ctrl-C."""

from __future__ import annotations

import csv
import errno
import io
import json
import logging
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

import lmc
from lmc.backend.base import Request
from lmc.backend.echo import EchoBackend
from lmc.batch import MAX_AHEAD
from lmc.observe.progress import BatchProgress
from lmc.observe.report import RunReport


@lmc.function
def one(s, number):
    s += f"Item {number}:"
    s += lmc.gen("x", max_tokens=8)
    return number


@lmc.function
def late_first(s, number):
    for _ in range(20 if number == 0 else 1):
        s += f"Item {number}:"
        s += lmc.gen("x", max_tokens=1)
        s.sync()
    return number


@lmc.function
def typed(s, word: str, times: int = 2):
    s += f"{word}*{times}:"
    s += lmc.gen("x", max_tokens=4)
    return word, times


def answers(results: Any) -> list[Any]:
    return [result.ret_value for result in results]


class Flaky:
    """Fails each prompt its first `times` times; counts what it was asked."""

    def __init__(self, times: int) -> None:
        self.times, self.asked = times, dict[tuple[int, ...], int]()

    def __call__(self, request: Request) -> str | None:
        ids = request.prompt.ids
        self.asked[ids] = self.asked.get(ids, 0) + 1
        return "the line is busy" if self.asked[ids] <= self.times else None


# --- what a batch may be ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "batch",
    [["a", "b"], ("a", "b"), iter(["a", "b"]), {"a": 1, "b": 2}.keys()],
    ids=["list", "tuple", "iterator", "keys"],
)
def test_an_item_may_be_the_one_argument(batch: Any) -> None:
    """Of several, the one that must be given."""
    assert answers(typed.run_batch(batch, backend="echo")) == [("a", 2), ("b", 2)]


def test_a_bound_argument_is_not_counted() -> None:
    """What is left is the one."""
    assert answers(typed.bind(word="w").run_batch([3, 4], backend="echo")) == [("w", 3), ("w", 4)]


@pytest.mark.parametrize("batch", ["text", b"bytes", {"word": "a"}, 7, None])
def test_one_item_is_no_batch(batch: Any) -> None:
    """A text would be its letters."""
    with pytest.raises(lmc.ArgumentError, match="takes a list of items"):
        typed.run_batch(batch, backend="echo")


def test_a_csv_reader_is_a_batch(caplog: pytest.LogCaptureFixture) -> None:
    """Cells are text; a cell that is missing is left to the default, one too many is that row's error."""
    table = "id,word,times\n1,a,3\n2,b\n3,c,4,5\n4,d,6\n"
    with caplog.at_level(logging.WARNING, "lmc"):
        results = typed.run_batch(csv.DictReader(io.StringIO(table)), backend="echo")

    assert [r.error or r.ret_value for r in results[:2]] == [("a", "3"), ("b", 2)]
    assert "more cells" in str(results[2].error) and results[3].ret_value == ("d", "6")
    assert "left out: `id`" in caplog.text


class Column:
    """As much of a pandas Series as is asked of it."""

    def __init__(self, cells: list[Any]) -> None:
        self.cells, self.index = cells, range(len(cells))

    def tolist(self) -> list[Any]:
        return self.cells

    def isna(self) -> Column:
        return Column([cell != cell or cell is None for cell in self.cells])

    def __iter__(self) -> Iterator[Any]:
        raise AssertionError("cells come from tolist, as Python has them")


class Frame:
    """As much of a pandas DataFrame."""

    def __init__(self, **columns: list[Any]) -> None:
        self.columns = list(columns)
        self._columns = {name: Column(cells) for name, cells in columns.items()}

    def __getitem__(self, name: str) -> Column:
        return self._columns[name]

    def __len__(self) -> int:
        return len(next(iter(self._columns.values())).cells)

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def to_dict(self) -> None: ...


def test_a_data_frame_is_a_batch(caplog: pytest.LogCaptureFixture) -> None:
    """Its rows are items; what is missing is left to the default, or is that row's error."""
    frame = Frame(id=[1, 2, 3], word=["a", "b", None], times=[3, float("nan"), 5])
    with caplog.at_level(logging.WARNING, "lmc"):
        results = typed.run_batch(frame, backend="echo")

    assert answers(results[:2]) == [("a", 3), ("b", 2)]
    assert "missing a required argument: 'word'" in str(results[2].error)
    assert "left out: `id`" in caplog.text
    assert answers(typed.run_batch(Column(["p", "q"]), backend="echo")) == [("p", 2), ("q", 2)]


def test_real_tables_are_batches() -> None:
    """Where the libraries are installed."""
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"word": ["a", "b"], "times": [3, 4]})

    assert answers(typed.run_batch(frame, backend="echo")) == [("a", 3), ("b", 4)]
    assert answers(typed.run_batch(frame["word"], backend="echo")) == [("a", 2), ("b", 2)]
    assert [type(times) for _, times in answers(typed.run_batch(frame, backend="echo"))] == [int, int]


# --- one by one ------------------------------------------------------------------------------------------


def test_results_come_in_the_order_of_the_items() -> None:
    """Or as they end; each says which it is, and nothing is lost."""
    backend = EchoBackend(delay=lambda request: 9 - request.rid % 10)
    in_order = list(one.run_batch(range(40), backend=backend, generator_style=True))
    as_they_end = list(one.run_batch(range(40), backend=backend, generator_style=True, ordered=False))

    assert answers(in_order) == [r.item for r in in_order] == list(range(40))
    assert answers(as_they_end) == [r.item for r in as_they_end] != list(range(40))
    assert sorted(answers(as_they_end)) == list(range(40))


def test_the_first_result_is_there_before_the_source_ends() -> None:
    """An endless one, too."""
    numbers = iter(range(10**9))
    run = one.run_batch(numbers, backend=EchoBackend(), generator_style=True, max_in_flight=4)

    assert [next(run).ret_value for _ in range(6)] == list(range(6))
    run.close()
    assert next(numbers) < 20
    with pytest.raises(StopIteration):
        next(run)


def test_an_iterator_that_nobody_holds_ends_its_batch() -> None:
    """Its requests are given up."""
    backend = EchoBackend(delay=5)
    sessions = []
    backend.open = lambda namespace="", open=backend.open: sessions.append(open()) or sessions[-1]  # type: ignore[method-assign]
    for result in one.run_batch(range(50), backend=backend, generator_style=True):
        assert result.item == 0
        break

    assert sessions[0]._is_closed


def test_wrong_options_are_refused_before_anything_runs() -> None:
    """By name, generator or not."""
    for wrong in (
        {"retry": -1}, {"retry": True}, {"retry": "2"}, {"timeout": 0}, {"timeout": "1"}, {"timeout": float("nan")},
        {"max_in_flight": 0}, {"max_in_flight": 2.0}, {"max_in_fligth": 2},
    ):  # fmt: skip
        for style in (False, True):
            with pytest.raises(lmc.ArgumentError, match=next(iter(wrong))):
                one.run_batch([], backend="echo", generator_style=style, **wrong)
    with pytest.raises(lmc.ArgumentError, match="max_in_flight"):
        one.run_batch([], backend="echo", max_in_fligth=2)


@pytest.mark.parametrize("most", [1, 3])
def test_no_more_run_at_once(most: int) -> None:
    """Whatever the batch is."""
    for batch in (range(20), iter(range(20))):
        backend = EchoBackend(delay=2)
        results = one.run_batch(batch, backend=backend, max_in_flight=most)
        assert answers(results) == list(range(20))
        assert results[0].report.forward_passes >= 20 / most


@pytest.mark.slow
def test_one_that_is_late_holds_up_a_bounded_number() -> None:
    """In order, what ends behind it is kept, and the source asked for no more."""
    numbers = iter(range(10**9))
    backend = EchoBackend(delay=lambda request: 10**6 * (request.rid == 0))
    run = one.run_batch(numbers, backend=backend, generator_style=True, timeout=5.0)
    assert isinstance(next(run).error, lmc.RequestError)
    run.close()
    assert next(numbers) <= 2 * MAX_AHEAD


# --- second attempts -------------------------------------------------------------------------------------

QUICK = {"wait_s": 0.001}


def test_an_item_is_run_again_only_where_that_was_asked_for() -> None:
    """And the error may pass."""
    for retry, retryable, is_well in [(None, True, False), (1, True, True), (1, False, False), (0, True, False)]:
        backend = EchoBackend(fail=Flaky(1), fail_retryable=retryable)
        given = lmc.Retry(items=retry, **QUICK) if retry else retry
        (result,) = one.run_batch([7], backend=backend, retry=given)
        assert (result.error is None) == is_well, (retry, retryable)


def test_a_second_attempt_has_the_same_draws() -> None:
    """As if the first had not been."""
    plain = one.run_batch(range(5), backend=EchoBackend(), temperature=1.0, seed=3)
    tried = one.run_batch(
        range(5), backend=EchoBackend(fail=Flaky(2), fail_retryable=True), temperature=1.0, seed=3,
        retry=lmc.Retry(items=2, **QUICK),
    )  # fmt: skip

    assert [r["x"] for r in tried] == [r["x"] for r in plain]


def test_a_whole_item_runs_again_and_a_call_by_itself_does_not_repeat_the_program() -> None:
    """What the program did before, it does again: that is why it must be asked for."""
    done = []

    @lmc.function
    def effects(s, number):
        done.append(number)
        s += f"{number}"
        s += lmc.gen("x", max_tokens=4)
        return s["x"]

    for mode in ("compiled", "eager"):
        found = {}
        for retry in (lmc.Retry(items=3, **QUICK), lmc.Retry(calls=3, **QUICK)):
            done.clear()
            backend = EchoBackend(fail=Flaky(3), fail_retryable=True)
            results = effects.run_batch([1, 2], backend=backend, retry=retry, mode=mode, calls=True)
            found[retry.items] = answers(results), sorted(done), [call.num_asked for r in results for call in r.calls]
        assert found[3][1:] == ([1] * 4 + [2] * 4, [1, 1])
        assert found[0][1:] == ([1, 2], [4, 4])
        assert found[3][0] == found[0][0] == answers(effects.run_batch([1, 2], backend="echo", mode=mode))


def test_attempts_are_counted() -> None:
    """One more failure than attempts is the item's error."""
    for retry in (lmc.Retry(items=2, **QUICK), lmc.Retry(calls=2, **QUICK)):
        for times, is_well in [(2, True), (3, False)]:
            flaky = Flaky(times)
            (result,) = one.run_batch([7], backend=EchoBackend(fail=flaky, fail_retryable=True), retry=retry)
            assert (result.error is None) == is_well
            assert list(flaky.asked.values()) == [3]


def test_errors_of_the_program_are_tried_again_where_they_are_named() -> None:
    """The program's own exceptions never are, otherwise."""
    tries = []

    @lmc.function
    def picky(s, number):
        s += lmc.gen("x", max_tokens=4)
        tries.append(number)
        if tries.count(number) < 3:
            raise ValueError(s["x"])
        return number

    for retry, is_well in [(2, False), (lmc.Retry(items=2, also=ValueError, **QUICK), True)]:
        tries.clear()
        results = picky.run_batch([1, 2], backend="echo", retry=retry, mode="eager")
        assert [r.error is None for r in results] == [is_well] * 2


@pytest.mark.parametrize("options", [{"stream": True}, {"on_event": print}], ids=["stream", "on_event"])
def test_what_was_told_cannot_be_taken_back(options: Any) -> None:
    """So a second attempt and somebody who hears of the first do not go together."""
    with pytest.raises(lmc.ArgumentError, match="`retry` does not go with"):
        one.run_batch([1], backend="echo", retry=1, **options)


def test_waits_grow() -> None:
    """Up to a bound, without end."""
    backoff = lmc.Retry(items=9, wait_s=0.5, factor=3, most_s=10).backoff

    assert [backoff.before(n) for n in (1, 2, 3, 4, 5, 10_000)] == [0.5, 1.5, 4.5, 10, 10, 10]


def test_others_go_on_while_one_waits_for_its_next_attempt() -> None:
    """And the place that it has left is used."""
    flaky = Flaky(1)
    backend = EchoBackend(fail=lambda r: flaky(r) if r.rid == 0 else None, fail_retryable=True)
    run = one.run_batch(
        range(6), backend=backend, retry=lmc.Retry(items=1, wait_s=0.2), max_in_flight=1, generator_style=True,
        ordered=False,
    )  # fmt: skip

    assert [r.item for r in run] == [1, 2, 3, 4, 5, 0]


# --- limits of time --------------------------------------------------------------------------------------


def slow(request: Request) -> float:
    return 30.0 if 77 in request.prompt.ids else 0.0  # byte tokens: a prompt with an M


@pytest.mark.parametrize("limit", [lmc.Timeout(item=0.2), lmc.Timeout(call=0.2), 0.2], ids=str)
@pytest.mark.parametrize("mode", ["compiled", "eager"])
def test_what_takes_too_long_is_given_up(limit: Any, mode: Any) -> None:
    """It alone; its error says so, and may be tried again."""
    begin = time.monotonic()
    results = one.run_batch(["a", "M", "b"], backend=EchoBackend(delay_s=slow), timeout=limit, mode=mode)

    assert time.monotonic() - begin < 10
    assert [r.error is None for r in results] == [True, False, True]
    error = results[1].error
    assert isinstance(error, lmc.RequestError) and (error.code, error.retryable) == ("timeout", True)
    assert "0.2 s" in error.message


def test_a_call_that_was_too_late_is_asked_again() -> None:
    """By itself, as often as was said."""
    waits = iter([30.0, 30.0, 0.0])
    backend = EchoBackend(delay_s=lambda request: next(waits))
    (result,) = one.run_batch(
        ["a"], backend=backend, timeout=lmc.Timeout(call=0.1), retry=lmc.Retry(calls=2, **QUICK), calls=True
    )

    assert result.error is None and result.calls[0].num_asked == 3


def test_a_program_that_catches_a_timeout_goes_on() -> None:
    """As Python."""

    @lmc.function
    def careful(s, word):
        (fork,) = s.fork(1)
        fork += word + lmc.gen("x", max_tokens=4)
        try:
            return fork["x"]
        except lmc.RequestError as error:
            return error.code

    limit = lmc.Timeout(call=0.2)
    results = careful.run_batch(["M"], backend=EchoBackend(delay_s=slow), timeout=limit, mode="eager")
    assert answers(results) == ["timeout"]


# --- Ctrl-C ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, MemoryError])
def test_what_ends_a_batch_has_the_results_so_far(error: Any) -> None:
    """Each with the number of its item."""

    def fail(request: Request) -> str | None:
        if request.rid == 6:
            raise error
        return None

    with pytest.raises(error) as caught:
        one.run_batch(range(10), backend=EchoBackend(fail=fail), max_in_flight=2)

    results = caught.value.results
    assert len(results) >= 4 and all(r.error is None and r.ret_value == r.item for r in results)
    assert f"{len(results)} of 10 items had ended" in caught.value.__notes__[0]


@pytest.mark.parametrize("ordered", [True, False])
def test_what_ends_an_iteration_has_what_it_had_not_come_to(ordered: bool) -> None:
    """Nothing that had ended is lost: it was given, or it is in `results`."""

    def fail(request: Request) -> str | None:
        if request.rid == 8:
            raise KeyboardInterrupt
        return None

    taken = []
    run = late_first.run_batch(
        range(10), generator_style=True, ordered=ordered, backend=EchoBackend(fail=fail), max_in_flight=4
    )
    with pytest.raises(KeyboardInterrupt) as caught:
        for result in run:
            taken.append(result.item)

    left = [result.item for result in caught.value.results]
    assert left == [result.item for result in run.untaken()] and not set(left) & set(taken)
    assert len(left) + len(taken) >= 4 and (not ordered or (0 not in taken and left))
    assert all(result.ret_value == result.item for result in caught.value.results)


# --- progress --------------------------------------------------------------------------------------------


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_file_gets_a_line_now_and_then() -> None:
    """Items, rates, hits, errors, time to go; a last line at the end."""
    clock, stream = Clock(), io.StringIO()
    progress = BatchProgress(400, lambda: RunReport("echo", 50, 1000, 250, 750, 80, 10), stream, clock)
    for second in range(41):
        clock.now = float(second)
        progress.ended(second % 10 == 0, second < 5)
        progress.tick()
    progress.close()
    progress.close()

    assert stream.getvalue().splitlines() == [
        "lmc: 31 of 400 items, 1.7 calls/s, 3 tokens/s, 25 % cached, 5 from the journal, 4 failed, 7 min 06 s left",
        "lmc: 41 of 400 items, 1.2 calls/s, 2 tokens/s, 25 % cached, 5 from the journal, 5 failed, 6 min 39 s left",
    ]


def test_a_terminal_gets_a_bar() -> None:
    """Drawn over itself; nothing in it is read as markup."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream = Terminal()
    progress = BatchProgress(3, lambda: RunReport("echo", 3, 0, 0, 0, 6, 1), stream)
    for _ in range(3):
        progress.ended(False)
    progress.close()

    assert "━━━" in stream.getvalue() and "3 of 3 items" in stream.getvalue()


def test_progress_is_said_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    """One line for a short batch; none where nobody asked."""
    one.run_batch(range(3), backend="echo")
    assert capsys.readouterr() == ("", "")
    one.run_batch(range(3), backend="echo", progress_bar=True)
    said = capsys.readouterr()

    assert said.out == "" and len(said.err.splitlines()) == 1 and "3 of 3 items" in said.err


def closed() -> io.StringIO:
    stream = io.StringIO()
    stream.close()
    return stream


class Full(io.StringIO):
    def write(self, text: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("stream", [None, Full(), closed()])
def test_progress_that_cannot_be_shown_does_not_end_a_batch(stream, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python has no stderr where it was closed before."""
    monkeypatch.setattr("sys.stderr", stream)
    results = one.run_batch(range(3), backend="echo", progress_bar=True)

    assert [result.error for result in results] == [None] * 3


# --- calls -----------------------------------------------------------------------------------------------


@lmc.function
def judged(s, essay):
    s += lmc.user(f"Essay: {essay}")
    forks = s.fork(2)
    for fork, side in zip(forks, ("for", "against")):
        fork += lmc.assistant(side + lmc.gen("point", max_tokens=6, return_logprob=True, top_logprobs_num=2))
    s += lmc.assistant("Verdict: " + lmc.select("verdict", ["good", "bad"]))
    s += lmc.gen("more", n=2, max_tokens=3)
    return forks[0]["point"], forks[1]["point"], s["verdict"]


@pytest.mark.parametrize("mode", ["compiled", "eager"])
def test_calls_are_told_in_program_order(mode: Any) -> None:
    """What was asked, what came back, where it stands; fit for JSON."""
    result = judged.run(essay="x", backend=EchoBackend(3), mode=mode)
    calls = result.calls

    assert [(c.number, c.item, c.kind, c.name) for c in calls] == [
        (0, 0, "gen", "point"), (1, 0, "gen", "point"), (2, 0, "select", "verdict"), (3, 0, "gen", "more"),
    ]  # fmt: skip
    assert [c.output for c in calls[:3]] == list(result.ret_value)
    assert calls[3].output == result["more"] and len(calls[3].output) == len(calls[3].finish_reason) == 2
    assert calls[0].branch != calls[1].branch and 0 not in (calls[0].branch, calls[1].branch)
    assert calls[2].branch == calls[3].branch == 0
    assert calls[0].prompt.endswith("for") and calls[1].prompt.endswith("against")
    assert calls[2].prompt.endswith("Verdict: ") and result.text().startswith(calls[2].prompt)
    assert sum(c.prompt_tokens for c in calls) + calls[3].prompt_tokens == result.usage.prompt_tokens
    assert sum(c.output_tokens for c in calls) == result.usage.output_tokens
    assert set(calls[2].scores) == {"good", "bad"} and sum(calls[2].distribution.values()) == pytest.approx(1)
    assert [len(c.logprobs or ()) for c in calls] == [calls[0].output_tokens, calls[1].output_tokens, 0, 0]
    assert "".join(token["text"] for token in calls[0].logprobs) == calls[0].output and "top" in calls[0].logprobs[0]
    assert all(__file__ in c.place for c in calls)
    assert all(c.begin_s <= c.first_token_s <= c.end_s for c in calls)
    as_json = json.loads(json.dumps([c.as_dict() for c in calls]))
    assert [type(calls[0]).of_dict(each) for each in as_json] == calls


def test_calls_of_both_ways_of_running_agree() -> None:
    """But for the numbers of requests and the time it took."""
    found = []
    for mode in ("compiled", "eager"):
        result = judged.run(essay="x", backend=EchoBackend(3), mode=mode)
        calls = [c.as_dict() for c in result.calls]
        for call in calls:
            del call["begin_s"], call["first_token_s"], call["end_s"], call["request"]
        found.append(calls)

    assert found[0] == found[1]


def test_a_fused_request_is_as_many_calls() -> None:
    """Each with the text before it."""

    @lmc.function
    def form(s):
        s += "Name: " + lmc.gen("name", max_tokens=4, regex="[a-z]+") + ", age: "
        s += lmc.gen("age", regex="[0-9]{2}") + "."

    calls = form.run(backend="echo", opt_level=3).calls

    assert [c.name for c in calls] == ["name", "age"] and calls[0].request == calls[1].request
    assert calls[0].prompt == "Name: " and calls[1].prompt == f"Name: {calls[0].output}, age: "


def test_an_output_of_a_type_is_told_as_text() -> None:
    """Of one that cannot be read as its type, too."""

    @lmc.function
    def count(s, words):
        s += "How many?" + lmc.gen("n", dtype="int", max_tokens=8)
        return s["n"]

    wrong = EchoBackend(script=lambda prompt, gen: "some")
    for backend, is_well in [(EchoBackend(), True), (wrong, False)]:
        (result,) = count.run_batch(["x"], backend=backend, calls=True)
        (call,) = result.calls
        assert (result.error is None) == is_well and isinstance(call.output, str)
        assert int(call.output) == result.ret_value if is_well else (call.output, bool(call.error)) == ("some", True)


def test_calls_of_a_failed_run_are_told() -> None:
    """What failed says so, and what was cut off."""
    backend = EchoBackend(fail=lambda request: "no" if 77 in request.prompt.ids else None)
    result = one.run_batch(["M"], backend=backend, calls=True)[0]

    assert result.error is not None
    (call,) = result.calls
    assert (call.output, call.finish_reason, call.error) == (None, None, "RequestError: no")


def test_calls_are_kept_where_that_was_asked_for() -> None:
    """A batch does not pay for what nobody looks at."""
    (result,) = one.run_batch([1], backend="echo")
    with pytest.raises(lmc.ArgumentError, match="calls=True"):
        result.calls  # noqa: B018
    with one.open_run(backend="echo", calls=True) as run:
        assert [(r.item, r.calls[0].item) for _, r in run.results(range(3))] == [(0, 0), (1, 1), (2, 2)]


def test_a_report_counts_in_english() -> None:
    """One call, two calls."""
    said = str(one.run(number=1, backend="echo", max_new_tokens=1).report)
    assert said.startswith("echo: 1 call, 1 forward pass, ")
    assert str(RunReport("cpu", 2, 3, 0, 3, 1, 2)).startswith("cpu: 2 calls, 2 forward passes, 1 token generated")


@lmc.tool(blocking=True)
def waits_a_little(text: str) -> str:
    time.sleep(0.02)
    THREADS.add(threading.current_thread().name)
    return text


THREADS: set[str] = set()


@lmc.function
def uses_a_tool(s, word: str):
    s += word + lmc.gen("a", max_tokens=2)
    return waits_a_little(s["a"])


@pytest.mark.parametrize("num_threads", [1, 3])
@pytest.mark.parametrize("mode", ["compiled", "eager"])
def test_num_threads_is_how_many_threads_tools_have(num_threads: int, mode: Any) -> None:
    """Of those that block, all items together."""
    THREADS.clear()
    uses_a_tool.run_batch(list("abcdefgh"), backend="echo", num_threads=num_threads, mode=mode)

    assert 1 <= len(THREADS) <= num_threads
    assert num_threads == 1 or len(THREADS) > 1


@pytest.mark.parametrize("given", [0, -1, True, "two", 1.5])
def test_a_number_of_threads_that_is_none(given: Any) -> None:
    """Is told at once."""
    with pytest.raises(lmc.ArgumentError, match="a whole number from 1 on is needed"):
        uses_a_tool.run_batch(["a"], backend="echo", num_threads=given)
