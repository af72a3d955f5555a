"""Awaited runs and `async def` programs: what they give, that a loop goes on meanwhile, and how they are left."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count, islice
from pathlib import Path
from typing import Any

import pytest

import lmc
from lmc.backend.base import Event
from lmc.backend.echo import EchoBackend, EchoSession
from lmc.backend.local import CpuBackend
from lmc.launch import Mode
from tests.support.end_to_end import checkpoint
from tests.test_streaming import Watched, answers, divides, forks, two_turns

MODES: tuple[Mode, ...] = ("compiled", "eager")
in_both_modes = pytest.mark.parametrize("mode", MODES)
LIMIT_S = 60
who: contextvars.ContextVar[str] = contextvars.ContextVar("who", default="nobody")


def going(body: Coroutine[Any, Any, Any]) -> Any:
    """What a coroutine gives, within a time."""

    async def limited() -> Any:
        return await asyncio.wait_for(body, LIMIT_S)

    return asyncio.run(limited())


def eventually(claim: Callable[[], bool]) -> bool:
    """What another thread makes true."""
    end = time.monotonic() + 20
    while not claim() and time.monotonic() < end:
        time.sleep(0.002)
    return claim()


@lmc.function
async def two_turns_async(s, question):
    s += lmc.user(question)
    s += lmc.assistant("Well: " + lmc.gen("first", max_tokens=40))
    await asyncio.sleep(0)
    s += lmc.user("And?")
    s += lmc.assistant(lmc.gen("second", max_tokens=40))
    return s["first"] + s["second"]


@lmc.function
async def researches(s, topics):
    """Tasks that read their own states, a tool, a context manager and an asynchronous loop."""

    class Book:
        async def __aenter__(self) -> Book:
            await asyncio.sleep(0)
            return self

        async def __aexit__(self, *raised: object) -> None:
            await asyncio.sleep(0)

        async def pages(self, topic: str) -> AsyncIterator[str]:
            for number in range(2):
                await asyncio.sleep(0.001)
                yield f"{topic}{number}"

    async def note(state: Any, topic: str) -> str:
        async with Book() as book:
            async for page in book.pages(topic):
                state += page + lmc.gen("note", max_tokens=8) + ";"
                state += str(len(state["note"]))
        return state["note"] + "!"

    s += "Topics: "
    notes = await asyncio.gather(*(note(f, t) for f, t in zip(s.fork(len(topics)), topics)))
    s += ", ".join(notes) + lmc.gen("end", max_tokens=6)
    return notes


# --- plain programs, awaited -------------------------------------------------------------------------------------


@in_both_modes
def test_an_awaited_run_is_a_run(mode: Mode) -> None:
    """Text, values, usage; the error is raised; `lmc.arun` too."""
    echo = EchoBackend(chunks=3)

    async def main() -> None:
        got, want = await two_turns.arun("Hi", backend=echo, mode=mode, seed=3), None
        want = await asyncio.to_thread(two_turns.run, "Hi", backend=echo, mode=mode, seed=3)
        assert (got.text(), got.variables(), got.usage) == (want.text(), want.variables(), want.usage)
        assert got.report is not None and got.report.requests == 2
        assert (await lmc.arun(two_turns, "Hi", backend=echo, seed=3)).text() == want.text()
        with pytest.raises(ZeroDivisionError):
            await divides.arun(0, backend=echo, mode=mode)
        with pytest.raises(lmc.ArgumentError):
            await divides.arun(backend=echo)

    going(main())


@in_both_modes
def test_runs_together_share_one_thread_and_its_session(mode: Mode) -> None:
    """A hundred awaited at once: one session, one thread, batched steps; an error is its own."""
    echo = Watched(chunks=4)

    async def main() -> list[Any]:
        runs = (divides.arun(n % 10, backend=echo, mode=mode) for n in range(100))
        found = await asyncio.gather(*runs, return_exceptions=True)
        assert sum(t.name == "lmc-hub" for t in threading.enumerate()) <= 1
        return found

    found = going(main())
    assert [isinstance(r, ZeroDivisionError) for r in found] == [n % 10 == 0 for n in range(100)]
    assert eventually(lambda: echo.is_clean) and len(echo.sessions) <= 3
    assert sum(session._counters.forward_passes for session in echo.sessions) < 200


class Slow(EchoBackend):
    """Each step takes a while of this process's time."""

    def open(self, namespace: str = "") -> EchoSession:
        session = super().open(namespace)
        step = session.step

        def stepped(timeout_s: float | None = None) -> list[Event]:
            events = step(timeout_s)
            if events:
                time.sleep(0.03)
            return events

        session.step = stepped  # type: ignore[method-assign]
        return session


@pytest.mark.parametrize("program", [two_turns, two_turns_async])
def test_the_loop_goes_on_meanwhile(program: Any) -> None:
    """No step of the model is taken on the loop's thread."""
    longest = 0.0

    async def ticks() -> None:
        nonlocal longest
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.001)
            longest = max(longest, time.monotonic() - before)

    async def main() -> int:
        watch = asyncio.create_task(ticks())
        await program.arun("warm", backend=EchoBackend())
        nonlocal longest
        longest = 0.0
        before = time.monotonic()
        await program.arun("Hi", backend=Slow(chunks=12))
        watch.cancel()
        return round((time.monotonic() - before) * 1000)

    took_ms = going(main())
    assert took_ms > 300
    assert longest < 0.2


@in_both_modes
def test_streams_are_read_by_coroutines(mode: Mode) -> None:
    """One that has not begun, and one that goes on by itself: several readers, late ones, what is known of a call."""
    echo = EchoBackend(chunks=5)

    async def read(texts: Any) -> str:
        return "".join([text async for text in texts])

    async def main() -> None:
        for stream in (
            two_turns.stream("Hi", backend=echo, mode=mode),
            await two_turns.arun("Hi", backend=echo, mode=mode, stream=True),
        ):
            whole, first, second = await asyncio.gather(
                read(stream), read(stream.text_async_iter("first")), read(stream.text_async_iter("second"))
            )
            assert whole == stream.text() == await read(stream.text_async_iter())
            assert (first, second) == (stream["first"], stream["second"])
            pairs = [pair async for pair in stream.text_async_iter("first", return_meta_data=True)]
            assert "".join(text for text, _ in pairs) == first and pairs[-1][1] == stream.get_meta_info("first")
            assert (await stream.async_result()).ret_value == first + second
            assert "".join(stream) == whole  # by plain iteration too, now that it is over

    going(main())


@in_both_modes
def test_batches_as_they_end_and_in_order(mode: Mode) -> None:
    """From a list, a generator, an asynchronous source; failed items carry their errors, the source's is the last."""
    echo = EchoBackend(chunks=3)
    items = [{"by": n} for n in (1, 0, 2, 3)]

    async def source() -> AsyncIterator[dict[str, int]]:
        for item in items:
            await asyncio.sleep(0.001)
            yield item
        raise OSError("no more")

    async def main() -> None:
        want = await asyncio.to_thread(divides.run_batch, items, backend=echo, mode=mode)
        for batch in (items, iter(items)):
            got = await divides.arun_batch(batch, backend=echo, mode=mode)
            assert [repr(r) for r in got] == [repr(r) for r in want]
        found = {i: r async for i, r in lmc.arun_batch(divides, source(), backend=echo, mode=mode)}
        assert [repr(found[i]) for i in range(4)] == [repr(r) for r in want]
        assert isinstance(found[4].error, OSError) and len(found) == 5
        with pytest.raises(lmc.ArgumentError):
            divides.arun_batch({"by": 1}, backend=echo)

    going(main())


@pytest.mark.slow
@pytest.mark.parametrize("program", [two_turns, two_turns_async])
def test_a_batch_without_an_end_is_bounded(program: Any) -> None:
    """Items are taken as others end, and forgotten; leaving it aborts the rest."""
    echo = Watched()
    taken = 0

    async def source() -> AsyncIterator[list[str]]:
        nonlocal taken
        for n in count():
            taken += 1
            yield [f"{n}"]

    async def main() -> None:
        done = 0
        results = program.arun_batch(source(), backend=echo).__aiter__()
        async for _ in results:
            done += 1
            if done == 1500:
                break
        await results.aclose()

    going(main())
    assert taken < 1500 + 1100
    assert eventually(lambda: echo.is_clean)


def test_batch_streams_are_read_by_coroutines() -> None:
    """Items by index, events, results."""

    async def main() -> None:
        batch = divides.run_batch([[1], [0], [2]], backend=EchoBackend(chunks=3), stream=True)
        third = "".join([text async for text in batch[2]])
        assert third == (await batch[2].async_result()).text()
        with pytest.raises(ZeroDivisionError):
            [text async for text in batch[1]]
        assert sorted([index async for index, _ in batch]) == [0, 1, 2]

    going(main())


@in_both_modes
def test_contexts_are_the_caller_s(mode: Mode) -> None:
    """A tool of a plain program sees what its caller's context had when the run began."""
    seen: list[str] = []

    @lmc.function
    def asks(s):
        s += lmc.gen("x", max_tokens=4)
        seen.append(who.get() + s["x"][:0])

    async def run_as(name: str) -> None:
        who.set(name)
        await asks.arun(backend=EchoBackend(chunks=2), mode=mode)

    async def main() -> None:
        await asyncio.gather(run_as("a"), run_as("b"))
        assert who.get() == "nobody"

    going(main())
    assert sorted(seen) == ["a", "b"]


@pytest.mark.parametrize("program", [two_turns, two_turns_async])
def test_cancelling_aborts_the_run(program: Any) -> None:
    """Its requests and its session; the others go on."""
    echo = Watched(script=answers(first="word", second="end"))
    echo.delay_s = lambda request: 300.0 if "slow" in echo.show(request.prompt.ids) else 0.0

    async def main() -> Any:
        task = asyncio.create_task(program.arun("slow", backend=echo))
        other = asyncio.create_task(program.arun("Hi", backend=echo))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return await other

    assert going(main())["second"] == "end"
    assert eventually(lambda: echo.is_clean)


@in_both_modes
def test_a_stream_that_is_left_is_aborted(mode: Mode) -> None:
    """By `async with`, or dropped."""
    echo = Watched(delay_s=300.0)

    async def main() -> None:
        async with await two_turns.arun("Hi", backend=echo, mode=mode, stream=True) as stream:
            async for _ in stream:
                break
        with pytest.raises(lmc.RequestError, match="closed"):
            [text async for text in stream]
        async for _ in two_turns.stream("Hi", backend=echo, mode=mode):
            break

    going(main())
    gc.collect()
    assert eventually(lambda: echo.is_clean)


def test_a_broken_backend_is_everyone_s_error() -> None:
    """Nobody waits for ever."""

    class Broken(EchoBackend):
        def open(self, namespace: str = "") -> EchoSession:
            session = super().open(namespace)

            def step(timeout_s: float | None = None) -> list[Event]:
                raise OSError("the device is gone")

            session.step = step  # type: ignore[method-assign]
            return session

    async def main() -> list[Any]:
        broken = Broken()
        runs = (program.arun("Hi", backend=broken) for program in (two_turns, two_turns_async, two_turns))
        return await asyncio.gather(*runs, return_exceptions=True)

    assert [str(error) for error in going(main())] == ["the device is gone"] * 3


@in_both_modes
def test_the_engine_awaited_is_the_engine(mode: Mode) -> None:
    """Several runs side by side on lmc's engine; cancelled ones give their slots back."""
    backend = CpuBackend(checkpoint(), dtype="fp32")

    async def main() -> list[Any]:
        runs = [asyncio.create_task(two_turns.arun(f"Q{n}", backend=backend, mode=mode)) for n in range(4)]
        await asyncio.sleep(0.05)
        runs[3].cancel()
        return await asyncio.gather(*runs, return_exceptions=True)

    found = going(main())
    want = [two_turns.run(f"Q{n}", backend=backend, mode=mode).text() for n in range(3)]
    assert [r.text() for r in found[:3]] == want
    backend.engine.check()
    backend.close()


# --- programs that are coroutines --------------------------------------------------------------------------------


def test_an_async_program_is_the_plain_one() -> None:
    """Awaited, run from plain code, streamed, and in a batch: as the plain program of the same calls."""
    echo = EchoBackend(chunks=3)
    want = two_turns.run("Hi", backend=echo, mode="eager", seed=5)

    async def main() -> lmc.Result:
        return await two_turns_async.arun("Hi", backend=echo, seed=5)

    batch = two_turns_async.run_batch([["Hi"], ["Ho"]], backend=echo, seed=5)
    assert len(batch) == 2
    for got in (going(main()), two_turns_async.run("Hi", backend=echo, seed=5), batch[0]):
        assert (got.text(), got.variables(), got.ret_value) == (want.text(), want.variables(), want.ret_value)
    stream = two_turns_async.stream("Hi", backend=echo, seed=5)
    assert "".join(stream.text_iter("second")) == want["second"]
    assert "".join(stream) == want.text() == stream.text()


def test_tasks_read_states() -> None:
    """`asyncio.gather` of coroutines with a fork each: their calls run side by side, what they read is their own."""
    echo = Watched(chunks=2, delay=3)
    result = researches.run(["a", "b", "c"], backend=echo)

    assert len(result.ret_value) == 3 and result["end"]
    assert echo.sessions[0]._counters.max_running >= 3
    one_by_one = researches.run(["a", "b", "c"], backend=EchoBackend())
    assert one_by_one.text() == result.text()


def test_an_async_program_has_no_graph() -> None:
    """Python without a word in the default mode, the usual code where a graph is asked for."""
    assert two_turns_async.run("Hi", backend=EchoBackend(), mode="auto").text()
    for options in ({"mode": "compiled"}, {"fullgraph": True}):
        with pytest.raises(lmc.CaptureError) as error:
            two_turns_async.run("Hi", backend=EchoBackend(), **options)
        assert error.value.code == "LMC-GB019"


def test_nothing_is_said_of_an_async_program(caplog: pytest.LogCaptureFixture) -> None:
    """That it runs as Python is what was written."""

    @lmc.function
    async def quiet(s):
        s += lmc.gen("x")

    with caplog.at_level(logging.INFO, logger="lmc"):
        quiet.run(backend=EchoBackend())
    assert caplog.records == []


def test_errors_of_an_async_program() -> None:
    """Its own, with its traceback; a failed call where it is read, where it may be caught; one item's is its own."""

    @lmc.function
    async def catches(s, fatal):
        s += lmc.gen("x")
        try:
            s["x"]
        except lmc.RequestError as error:
            if fatal:
                raise ValueError("fatal") from error
        return "caught"

    @lmc.function
    async def fails(s, by):
        s += lmc.gen("ok", max_tokens=3)
        await asyncio.sleep(0.001)
        return 6 / by

    no = EchoBackend(fail=lambda request: "no")
    with pytest.raises(ValueError, match="fatal"):
        catches.run(True, backend=no)
    batch = fails.run_batch([[2], [0], [3]], backend=EchoBackend())
    assert [r.ret_value if r.error is None else type(r.error) for r in batch] == [3.0, ZeroDivisionError, 2.0]


def test_contexts_are_as_asyncio_has_them() -> None:
    """A program is a task: it sees the caller's, what it sets its own tasks see, and its caller does not."""

    @lmc.function
    async def sees(s):
        async def reads() -> str:
            return who.get() + s["x"][:0]

        s += lmc.gen("x", max_tokens=2)
        before = who.get()
        who.set("program")
        token = s["x"][:0]
        return [before, who.get() + token, *await asyncio.gather(reads(), asyncio.create_task(reads()))]

    async def main() -> list[str]:
        who.set("caller")
        found = (await sees.arun(backend=EchoBackend(chunks=2))).ret_value
        return [*found, who.get()]

    assert going(main()) == ["caller", "program", "program", "program", "caller"]


def test_cancelling_unwinds_the_program() -> None:
    """`finally` blocks run, those that await too, before the cancelled task has ended; at a value that is read too."""
    left: list[str] = []

    @lmc.function
    async def waits(s, reads):
        try:
            s += lmc.gen("x", max_tokens=300)
            if reads:
                s["x"]
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.001)
            left.append("left")

    echo = Watched(delay_s=300.0)

    async def main(reads: bool) -> None:
        task = asyncio.create_task(waits.arun(reads, backend=echo))
        await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert left.pop() == "left"

    for reads in (True, False):
        going(main(reads))
    assert eventually(lambda: echo.is_clean)


def test_timeouts_and_groups_of_asyncio_work() -> None:
    """A value that does not come in time, and a TaskGroup whose one task fails."""

    @lmc.function
    async def impatient(s):
        s += lmc.gen("x")
        try:
            async with asyncio.timeout(0.02):
                s["x"]
        except TimeoutError:
            return "late"

    @lmc.function
    async def grouped(s):
        async def reads(state: Any) -> str:
            state += lmc.gen("x", max_tokens=4)
            return str(state["x"])

        a, b = s.fork(2)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(reads(a)), group.create_task(reads(b))]
        return [task.result() for task in tasks]

    assert impatient.run(backend=EchoBackend(delay_s=0.3)).ret_value == "late"
    assert len(grouped.run(backend=EchoBackend()).ret_value) == 2


def test_programs_inside_an_async_program() -> None:
    """Plain and asynchronous, called and awaited: each a prompt of its own in the same run, on the same backend."""

    @lmc.function
    def plain(s, x):
        s += f"plain {x}: " + lmc.gen("y", max_tokens=4)
        return s["y"]

    @lmc.function
    async def inner(s, x):
        await asyncio.sleep(0.001)
        s += f"inner {x}: " + lmc.gen("y")
        return s["y"]

    @lmc.function
    async def outer(s):
        s += "outer: "
        states = [plain.run(1), await plain.arun(2), await inner(3), await inner.arun(4, max_new_tokens=3)]
        states += await asyncio.gather(inner.arun(5, max_new_tokens=2), inner.arun(6, max_new_tokens=20))
        for state in states:
            s += state["y"]
        return [state["y"] for state in states]

    echo = Watched(record=True, script=lambda prompt, gen: "abcdefghijklmnopqrstuvwxyz")
    result = outer.run(backend=echo, max_new_tokens=10)
    assert [len(y) for y in result.ret_value] == [4, 4, 10, 3, 2, 20]
    assert len(echo.sessions) == 1 and len(echo.log) == 6
    stream = outer.stream(backend=echo, max_new_tokens=10)
    assert {branch.path for branch in stream.branches()} == {"", *(f"p{i}" for i in range(6))}

    @lmc.function
    def sync_outer(s):
        return inner.run(1)

    with pytest.raises(lmc.ArgumentError, match="inside a plain one"):
        sync_outer.run(backend=EchoBackend(), mode="eager")


def test_plain_code_on_a_loop_is_told_to_await() -> None:
    """`run` of an `async def` program would hold up the loop it stands on; a plain program's `run` is allowed."""

    async def main() -> None:
        for call in (two_turns_async.run, lambda q, backend: list(two_turns_async.stream(q, backend=backend))):
            with pytest.raises(lmc.ArgumentError, match="while an event loop runs"):
                call("Hi", backend=EchoBackend())
        with pytest.raises(lmc.ArgumentError, match="plain iteration on its own event loop"):
            list(await two_turns_async.arun("Hi", backend=EchoBackend(), stream=True))
        assert forks.run(backend=EchoBackend()).text()

    going(main())


def test_a_state_is_read_in_its_program() -> None:
    """Another thread cannot wait for what is not there; afterwards neither can anybody."""
    found: list[Any] = []

    @lmc.function
    async def leaks(s):
        s += lmc.gen("x", max_tokens=30)

        def reads() -> None:
            try:
                s["x"]
            except lmc.ArgumentError as error:
                found.append(error)

        await asyncio.to_thread(reads)

    leaks.run(backend=EchoBackend(delay_s=0.2))
    assert len(found) == 1


def test_many_async_programs() -> None:
    """A thousand on one loop and one thread."""
    echo = EchoBackend(chunks=2)
    results = two_turns_async.run_batch(([f"{n}"] for n in range(1000)), backend=echo)

    assert all(r.error is None for r in results) and len(results) == 1000
    assert results[7].text() == two_turns_async.run_batch([[f"{n}"] for n in range(8)], backend=echo)[7].text()


# --- batches of coroutine programs, from plain code ---------------------------------------------------------------


class Crowd:
    """A coroutine program, and how many of it were there at once."""

    def __init__(self) -> None:
        self.num = self.most = 0

    @lmc.function
    async def ask(self, s, word):
        self.num += 1
        self.most = max(self.most, self.num)
        try:
            await asyncio.sleep(LIMIT_S if word == "slow" else 0)
            s += lmc.user(word) + lmc.assistant(lmc.gen("said", max_tokens=4, temperature=1.0))
            if word == "bad":
                raise ValueError("no such word")
            return s["said"]
        finally:
            self.num -= 1


CROWD_WORDS = [f"w{i}" for i in range(60)]


@pytest.mark.parametrize(
    "options",
    [{}, {"max_in_flight": 3}, {"generator_style": True}, {"progress_bar": True}, {"timeout": LIMIT_S}, {"retry": 2}],
)
@pytest.mark.parametrize("given", [list, iter])
def test_a_batch_of_coroutines_has_what_batches_have(options: dict[str, Any], given: Callable[[Any], Any]) -> None:
    """The same results, in order; nothing waits for a limit of time that is far away."""
    want = [Crowd().ask.run_batch(CROWD_WORDS, backend="echo")[i].ret_value for i in range(60)]
    crowd, begin_s = Crowd(), time.monotonic()
    results = crowd.ask.run_batch(given(CROWD_WORDS), backend="echo", **options)
    assert [result.ret_value for result in results] == want
    assert crowd.num == 0 and crowd.most <= options.get("max_in_flight", 60)
    assert time.monotonic() - begin_s < 20


def test_a_coroutine_that_is_late_is_left() -> None:
    crowd = Crowd()
    results = crowd.ask.run_batch(["a", "slow", "bad", {"wort": 1}], backend="echo", timeout=0.2)
    assert crowd.num == 0
    codes = [getattr(result.error, "code", type(result.error).__name__) for result in results]
    assert codes == ["NoneType", "timeout", "ValueError", None]


def test_a_failed_coroutine_is_tried_again() -> None:
    left = [2]

    @lmc.function
    async def fails(s, word):
        s += word + lmc.gen("x", max_tokens=2)
        left[0] -= 1
        if left[0] >= 0:
            raise OSError("gone")
        return s["x"]

    (result,) = fails.run_batch(["a"], backend="echo", retry=lmc.Retry(items=2, wait_s=0.01, also=(OSError,)))
    assert result.error is None and left == [-1]


def test_a_batch_of_coroutines_goes_on_from_its_journal(tmp_path: Path) -> None:
    async def told(s, word):
        s += lmc.user(word) + lmc.assistant(lmc.gen("said", max_tokens=4, temperature=1.0))
        return s["said"]

    program = lmc.function(told)
    whole = program.run_batch(CROWD_WORDS, backend="echo")
    program.run_batch(CROWD_WORDS[:20], backend="echo", journal=tmp_path / "j")
    rest = program.run_batch(CROWD_WORDS, backend="echo", journal=tmp_path / "j")
    assert [result.ret_value for result in rest] == [result.ret_value for result in whole]
    assert rest[0].report is not None and rest[0].report.requests == 40


def test_leaving_the_results_of_coroutines_early_ends_them() -> None:
    crowd = Crowd()
    for result in crowd.ask.run_batch(["a", "slow", "slow"], backend="echo", generator_style=True):
        assert result.error is None
        break
    gc.collect()
    assert crowd.num == 0


def test_an_awaited_batch_is_bounded_by_max_in_flight() -> None:
    crowd = Crowd()

    async def main() -> list[lmc.Result]:
        return await crowd.ask.arun_batch(CROWD_WORDS, backend="echo", max_in_flight=3)

    assert len(going(main())) == 60 and crowd.most == 3
    with pytest.raises(lmc.ArgumentError, match="max_in_flight=0"):
        crowd.ask.arun_batch(CROWD_WORDS, backend="echo", max_in_flight=0)


# --- a run that is held, tools that block ----------------------------------------------------------------


@lmc.function
async def doubled(s: Any, x: int) -> Any:
    s += f"{x}: " + lmc.gen("a", max_tokens=4)
    await asyncio.sleep(0)
    return x * 2, s["a"]


@lmc.function
def doubled_plainly(s: Any, x: int) -> Any:
    s += f"{x}: " + lmc.gen("a", max_tokens=4)
    return x * 2, s["a"]


def failing_source() -> Iterator[int]:
    yield 1
    raise ZeroDivisionError


def held(program: Any) -> list[Any]:
    """What all that can be done with a held run gives."""
    found: list[Any] = []
    with program.open_run(backend="echo") as run:
        found.append(sorted((index, result.ret_value) for index, result in run.results(range(3))))
        for index, result in run.results([5, 6]):
            found.append((index, result.ret_value))
            break
        found.append(sorted((index, result.ret_value) for index, result in run.results(iter([7]))))
        ended = {index: result.error for index, result in run.results(failing_source())}
        found += [sorted(ended), [type(error) for _, error in sorted(ended.items())], run.is_idle]
        found.append(run.report().requests)
    with pytest.raises(lmc.ArgumentError, match="a closed run takes no items"):
        list(run.results([1]))
    return found


def test_a_coroutine_program_s_run_is_held_as_any() -> None:
    """Items as they come, also after an iteration was left; a source that fails is the last item."""
    assert held(doubled) == held(doubled_plainly)


def test_a_held_run_takes_items_as_others_end() -> None:
    """A source without an end is not listed first."""
    with doubled.open_run(backend="echo") as run:
        found = list(islice(run.results(count()), 3000))

    assert sorted(index for index, _ in found)[:1000] == list(range(1000))
    assert all(result.ret_value[0] == 2 * index for index, result in found)


def test_a_tool_that_blocks_leaves_the_loop() -> None:
    """Two of one program meet, on threads of their own, with the contexts of their tasks."""
    meeting = threading.Barrier(3, timeout=20)
    mine: contextvars.ContextVar[int] = contextvars.ContextVar("mine")

    @lmc.tool(blocking=True)
    def meets(x: int) -> tuple[int, bool]:
        meeting.wait()
        if x == 2:
            raise ZeroDivisionError(x)
        return mine.get(), threading.current_thread() is threading.main_thread()

    @lmc.function
    async def program(s: Any) -> Any:
        async def one(x: int) -> Any:
            mine.set(10 * x)
            return meets(x)

        return await asyncio.gather(*map(one, range(3)), return_exceptions=True)

    first, second, third = program.run(backend="echo").ret_value
    assert (first, second) == ((0, False), (10, False))
    assert isinstance(third, ZeroDivisionError)
    meeting = threading.Barrier(1)
    assert asyncio.run(plain_task(meets, mine)) == (7, True)  # outside of a run it is the function


async def plain_task(tool: Any, mine: contextvars.ContextVar[int]) -> Any:
    mine.set(7)
    return tool(1)


# --- runs inside of runs, on many threads ----------------------------------------------------------------


def in_a_loop(program: Any, x: int, place: EchoBackend) -> Any:
    return asyncio.run(program.arun(x, backend=place)).ret_value


def in_a_run(program: Any, x: int, place: EchoBackend) -> Any:
    return program.run(x, backend=place).ret_value


def in_a_batch(program: Any, x: int, place: EchoBackend) -> Any:
    return program.run_batch([x], backend=place)[0].ret_value


def in_a_stream(program: Any, x: int, place: EchoBackend) -> Any:
    return program.stream(x, backend=place).result().ret_value


RUNNERS = (in_a_run, in_a_loop, in_a_batch, in_a_stream)


@pytest.mark.parametrize("inner", RUNNERS)
@pytest.mark.parametrize("program", [doubled, doubled_plainly])
def test_runs_inside_of_runs_on_many_threads(inner: Callable[..., Any], program: Any) -> None:
    """A tool that runs a program on the same backend gets its own results, whoever runs the outer program."""
    place = EchoBackend()

    @lmc.tool
    def runs(x: int) -> Any:
        return inner(program, x, place)

    @lmc.function
    def nested(s: Any, x: int) -> Any:
        s += lmc.gen("c", max_tokens=3)
        return runs(x)

    want = {x: doubled_plainly.run(x, backend="echo").ret_value for x in range(6)}
    found: dict[tuple[int, str], Any] = {}

    def work(x: int) -> None:
        for outer in RUNNERS:
            found[x, outer.__name__] = outer(nested, x, place)

    threads = [threading.Thread(target=work, args=(x,), daemon=True) for x in want]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT_S)

    assert found == {(x, outer.__name__): want[x] for x in want for outer in RUNNERS}


def in_a_thread(program: Any, x: int, place: Any) -> Any:
    """On a thread of its own, which is joined."""
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(asyncio.run(program.arun(x, backend=place)).ret_value))
    thread.start()
    thread.join()
    return found[0]


POOL = ThreadPoolExecutor(2)


def in_a_pool(program: Any, x: int, place: Any) -> Any:
    """Many at once on a thread that had other work before."""

    async def several() -> list[Any]:
        return await asyncio.gather(*(program.arun(x, backend=place) for _ in range(3)))

    results = POOL.submit(lambda: asyncio.run(several())).result()
    return results[-1].ret_value


LOOPS: list[asyncio.AbstractEventLoop] = []


def on_the_loop_outside(program: Any, x: int, place: Any) -> Any:
    """On the event loop that awaits the outer run."""
    return asyncio.run_coroutine_threadsafe(program.arun(x, backend=place), LOOPS[-1]).result().ret_value


@pytest.mark.parametrize("inner", [in_a_thread, in_a_pool, on_the_loop_outside])
@pytest.mark.parametrize("program", [doubled, doubled_plainly])
def test_a_tool_waits_for_runs_of_other_threads(inner: Callable[..., Any], program: Any) -> None:
    """On the same backend, though what steps it waits too: they have a thread of their own that does."""
    place = EchoBackend()

    @lmc.function
    def nested(s: Any, x: int) -> Any:
        s += lmc.gen("c", max_tokens=3)
        return [inner(program, x, place), inner(program, x, place)]

    async def main() -> list[Any]:
        LOOPS.append(asyncio.get_running_loop())
        return await asyncio.gather(*(nested.arun(x, backend=place) for x in range(3)))

    want = [doubled_plainly.run(x, backend="echo").ret_value for x in range(3)]
    assert [result.ret_value for result in going(main())] == [[each, each] for each in want]
    assert eventually(lambda: not any(thread.name == "lmc-hub" for thread in threading.enumerate()))
