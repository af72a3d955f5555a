"""The collector is paused in a compile and paced in a batch, and is afterwards what the user had it be."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import threading
from collections.abc import Callable, Iterator

import pytest

import lmc
from lmc import passes
from lmc.collector import PACE, collector_paced, collector_paused
from lmc.parser.capture import trace as tracing

USUAL = (700, 10, 10)


@pytest.fixture(autouse=True)
def collector_is_on() -> Iterator[None]:
    before = gc.get_threshold()
    gc.enable()
    gc.set_threshold(*USUAL)
    yield
    gc.enable()
    gc.set_threshold(*before)


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


def test_a_pace_ends_with_the_last_of_several() -> None:
    """An error ends it too."""
    with pytest.raises(ZeroDivisionError), collector_paced():
        with collector_paced():
            assert gc.get_threshold() > USUAL
        assert gc.get_threshold() > USUAL
        raise ZeroDivisionError
    assert gc.get_threshold() == USUAL


def test_what_is_looked_at_in_one_go_is_never_much() -> None:
    """All stands still meanwhile."""
    objects_a_look, looks, _ = PACE
    assert objects_a_look * looks <= 100_000


@pytest.mark.parametrize("own", [(0, 10, 10), (1_000_000, 500, 600)])
def test_a_pace_changes_no_wider_one(own: tuple[int, int, int]) -> None:
    """Neither a collector that is off, nor one that looks seldom."""
    gc.set_threshold(*own)
    with collector_paced():
        assert gc.get_threshold() == own
    assert gc.get_threshold() == own


def test_a_threshold_that_is_set_inside_stays() -> None:
    """It is the program's own."""
    with collector_paced():
        gc.set_threshold(5000, 10, 10)
    assert gc.get_threshold() == (5000, 10, 10)


def ended_by(end: str, gathered: list[tuple[int, ...]]) -> lmc.Program:
    """A program that notes how often the collector looks, and may end its batch."""

    @lmc.function
    def noting(s, x):  # type: ignore[no-untyped-def]
        s += f"{x}" + lmc.gen("a", max_tokens=2)
        gathered.append(gc.get_threshold())
        if end == "error":
            raise ValueError
        if end == "interrupt":
            raise KeyboardInterrupt

    return noting


@pytest.mark.parametrize("end", ["", "error", "interrupt"])
def test_a_batch_is_paced_however_it_ends(end: str) -> None:
    """Whole, by items that fail, by Ctrl-C; and one that is read result by result and left."""
    seen: list[tuple[int, ...]] = []
    with pytest.raises(KeyboardInterrupt) if end == "interrupt" else contextlib.nullcontext():
        ended_by(end, seen).run_batch([{"x": i} for i in range(3)], backend="echo", mode="eager")
    assert seen and set(seen) == {PACE}
    assert gc.get_threshold() == USUAL


def test_a_batch_that_is_left_is_paced_no_more() -> None:
    """With the results that were not asked for."""
    seen: list[tuple[int, ...]] = []
    batch = ended_by("", seen).run_batch(({"x": i} for i in range(9)), backend="echo", generator_style=True)
    next(batch)
    assert gc.get_threshold() == PACE
    batch.close()
    assert gc.get_threshold() == USUAL


def test_a_batch_that_is_awaited_is_paced() -> None:
    """And nothing behind it."""
    seen: list[tuple[int, ...]] = []

    async def wait() -> None:
        await ended_by("", seen).arun_batch([{"x": i} for i in range(3)], backend="echo", mode="eager")

    asyncio.run(wait())
    assert set(seen) == {PACE}
    assert gc.get_threshold() == USUAL


def test_what_stays_of_a_batch_is_hardly_looked_at_again() -> None:
    """However many items there are: looks at older generations would go with what there is by then."""

    @lmc.function
    def program(s, x):  # type: ignore[no-untyped-def]
        s += f"{x}" + lmc.gen("a", max_tokens=2)

    def looks(number: int) -> int:
        before = [generation["collections"] for generation in gc.get_stats()]
        program.run_batch([{"x": f"item {i}"} for i in range(number)], backend="echo")
        after = [generation["collections"] for generation in gc.get_stats()]
        return sum(after[1:]) - sum(before[1:])

    looks(10)
    assert looks(2000) - looks(10) <= 3
