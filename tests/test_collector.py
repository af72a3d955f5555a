"""The collector is paused while a program is compiled, and is afterwards what the user had it be."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator

import pytest

import lmc
from lmc import passes
from lmc.collector import collector_paused
from lmc.parser.capture import trace as tracing


@pytest.fixture(autouse=True)
def collector_is_on() -> Iterator[None]:
    gc.enable()
    yield
    gc.enable()


def test_it_is_off_inside_and_on_behind_the_last_of_several() -> None:
    """Of pauses in pauses the first one to end changes nothing."""
    with collector_paused():
        with collector_paused():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


def test_an_error_ends_the_pause() -> None:
    """And is raised."""
    with pytest.raises(ZeroDivisionError), collector_paused():
        raise ZeroDivisionError
    assert gc.isenabled()


def test_a_collector_that_the_user_has_turned_off_stays_off() -> None:
    """Behind the pause too."""
    gc.disable()
    with collector_paused():
        assert not gc.isenabled()
    assert not gc.isenabled()


def test_pauses_of_two_threads_overlap() -> None:
    """One that ends earlier than it began last, in whatever order, leaves it off for the other."""
    entered, leave = threading.Event(), threading.Event()

    def other() -> None:
        with collector_paused():
            entered.set()
            leave.wait(10)

    thread = threading.Thread(target=other)
    with collector_paused():
        thread.start()
        assert entered.wait(10)
    assert not gc.isenabled()
    leave.set()
    thread.join()
    assert gc.isenabled()


def test_it_is_off_while_a_program_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """While it is traced, and through the passes; it is on behind a capture that failed."""
    seen: list[bool] = []

    def watched(real: Callable[..., object]) -> Callable[..., object]:
        def run(*args: object, **kwargs: object) -> object:
            seen.append(gc.isenabled())
            return real(*args, **kwargs)

        return run

    monkeypatch.setattr(tracing, "trace", watched(tracing.trace))
    monkeypatch.setattr(passes, "run_pipeline", watched(passes.run_pipeline))

    @lmc.function
    def good(s):  # type: ignore[no-untyped-def]
        s += lmc.gen("a")

    @lmc.function
    def bad(s):  # type: ignore[no-untyped-def]
        s.fork(-1)

    good.compile()
    with pytest.raises(lmc.ArgumentError):
        bad.compile()
    assert seen == [False] * 3
    assert gc.isenabled()
