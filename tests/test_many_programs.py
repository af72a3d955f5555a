"""Ten thousand programs at once: no thread each, nothing lost, nothing mixed up. Rates are bounded very generously."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

import lmc
from lmc.backend.base import Event, Request
from lmc.backend.echo import EchoBackend, EchoSession
from tests.support.end_to_end import alarm  # noqa: F401

LEAST_RATE = 1000  # programs a second of the time of this process, whatever else the machine does


class Watching(EchoBackend):
    """An echo backend that looks at the threads in every step."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.most_threads = 0

    def open(self, namespace: str = "") -> WatchingSession:
        return WatchingSession(self)


class WatchingSession(EchoSession):
    def __init__(self, backend: Watching) -> None:
        super().__init__(backend)
        self.watching = backend

    def step(self, timeout_s: float | None = None) -> list[Event]:
        self.watching.most_threads = max(self.watching.most_threads, threading.active_count())
        return super().step(timeout_s)


def said(prompt: str, gen: object) -> str:
    """The answer names the question, so that a mix-up shows."""
    return f"<{prompt[-12:]}>"


@lmc.function
def one(s, number):
    s += f"Item {number:06}:"
    s += lmc.gen("x", max_tokens=20)


@lmc.function
def four(s, number):
    s += f"Item {number:06}:"
    forks = s.fork(4)
    for i, f in enumerate(forks):
        f += f"{i}:"
        f += lmc.gen("x", max_tokens=20)
    forks.join()
    s += "".join(s["x"])
    s += lmc.gen("y", max_tokens=20)
    return s["x"]


ORDER: list[int] = []
SEEN: set[int] = set()


def look_up(number: int) -> str:
    """An effect: it must happen once for each item, and may wait."""
    SEEN.add(threading.get_ident())
    ORDER.append(number)
    time.sleep(0.0005)
    return f"found {number:06}"


@lmc.function
def ordered(s, number):
    s += f"Item {number:06}:"
    s += lmc.gen("x", max_tokens=20)
    s += look_up(number)
    s += lmc.gen("y", max_tokens=20)


@pytest.fixture(autouse=True)
def quiet() -> None:
    """Threads of other tests' pools are on their way out: wait for them."""
    ORDER.clear()
    SEEN.clear()
    end = time.monotonic() + 5
    while time.monotonic() < end and any(t.name.startswith("lmc-host") for t in threading.enumerate()):
        time.sleep(0.01)


def in_time(count: int, run: Callable[[], list[lmc.Result]]) -> list[lmc.Result]:
    begin = time.process_time()
    results = run()
    seconds = time.process_time() - begin
    assert len(results) == count
    assert count / seconds >= LEAST_RATE, f"{count / seconds:.0f} programs/s"
    return results


@pytest.mark.parametrize("shuffle", [None, pytest.param(1, marks=pytest.mark.slow)])
def test_ten_thousand_programs_need_no_thread(shuffle: int | None) -> None:
    """Every result in its place, one thread, in whatever order the answers come."""
    backend, before = Watching(script=said, shuffle=shuffle), threading.active_count()
    items = [{"number": i} for i in range(10_000)]

    results = in_time(10_000, lambda: lmc.run_batch(one, items, backend=backend))

    assert backend.most_threads == threading.active_count() == before
    for i, result in enumerate(results):
        assert result["x"] == f"<Item {i:06}:>"
    assert results[0].report is not None and results[0].report.requests == 10_000


@pytest.mark.slow
def test_ten_thousand_programs_of_which_every_tenth_fails() -> None:
    """A thousand failures touch none of the others."""

    def fail(request: Request) -> str | None:
        return "It failed" if bytes(request.prompt.ids).endswith(b"7:") else None

    results = lmc.run_batch(one, [{"number": i} for i in range(10_000)], backend=Watching(script=said, fail=fail))
    for i, result in enumerate(results):
        if i % 10 == 7:
            assert isinstance(result.error, lmc.RequestError)
        else:
            assert result["x"] == f"<Item {i:06}:>"


@pytest.mark.slow
def test_a_thousand_programs_that_fork() -> None:
    """4,000 branches and 1,000 ends, without a thread."""
    backend, before = Watching(script=said, shuffle=2), threading.active_count()
    begin = time.process_time()
    results = lmc.run_batch(four, [{"number": i} for i in range(1000)], backend=backend)
    assert 5000 / (time.process_time() - begin) >= LEAST_RATE
    assert backend.most_threads == before
    for i, result in enumerate(results):
        assert result.ret_value == result["x"] == [f"<em {i:06}:{k}:>" for k in range(4)]
        assert result["y"] == f"<{''.join(result['x'])[-12:]}>"


def test_host_calls_with_an_effect_run_on_this_thread() -> None:
    """500 of them: each once, and no thread is started."""
    backend, before = Watching(script=said), threading.active_count()
    results = lmc.run_batch(ordered, [{"number": i} for i in range(500)], backend=backend)
    assert backend.most_threads == before
    assert {threading.get_ident()} == SEEN
    assert sorted(ORDER) == list(range(500))
    for i, result in enumerate(results):
        assert result.text() == f"Item {i:06}:<Item {i:06}:>found {i:06}<found {i:06}>"


def test_num_threads_is_accepted_and_starts_none() -> None:
    """SGLang's parameter."""
    backend, before = Watching(script=said), threading.active_count()
    lmc.run_batch(one, [{"number": i} for i in range(200)], backend=backend, num_threads=64, progress_bar=False)
    assert backend.most_threads == before
