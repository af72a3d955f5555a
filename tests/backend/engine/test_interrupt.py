"""Ctrl-C in the middle of a step: it is raised, nothing is lost of the others, and no slot stays behind."""

from __future__ import annotations

import os
import random
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from lmc.backend import cache, engine
from lmc.backend.base import Event, Finished, Request, Score
from lmc.backend.engine.launched import Launched
from lmc.ir.constraint import Choices
from tests.support.fake_engine import Bench, ask, assert_as_expected, end_of, expect, failed, gen, said
from tests.support.fake_model import FakeMatcher

PHRASES = Choices(("the answer is: yes, and that is a long way", "the answer is: no! stop"))


def once(number: int) -> Callable[[object], bool]:
    """Raises KeyboardInterrupt at the call of that number, and is False else."""
    calls = 0

    def interrupt(_: object) -> bool:
        nonlocal calls
        calls += 1
        if calls == number:
            raise KeyboardInterrupt
        return False

    return interrupt


def interrupted(bench: Bench) -> list[Event]:
    """Step until Ctrl-C has come; the books are in order behind it."""
    events: list[Event] = []
    with pytest.raises(KeyboardInterrupt):
        for _ in range(100):
            events += bench.step()
    bench.engine.check()
    return events


@pytest.mark.parametrize("where", ["__init__", "ask", "land"])
@pytest.mark.parametrize("number", [1, 2, 5, 9])
def test_what_was_under_way_is_computed_again(where: str, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a pass is launched, asked or landed: all requests say what they say without it."""
    interrupt, method = once(number), getattr(Launched, where)

    def do_or_stop(flight: Launched, *args: Any) -> None:
        interrupt(flight)
        method(flight, *args)

    bench = Bench(num_slots=512)
    requests = [ask(i, f"A question, number {i}. ", gen(12, ignore_eos=True)) for i in range(6)]
    monkeypatch.setattr(Launched, where, do_or_stop)
    bench.session.submit(requests)
    events = interrupted(bench)

    assert_as_expected(events + bench.finish(), requests)


def test_no_slot_stays_behind_when_the_session_is_closed() -> None:
    """An engine outlives the run that was interrupted: the next one finds all of its slots."""
    bench = Bench(num_slots=256)
    bench.runner.fail_when = once(3)
    bench.session.submit([ask(i, f"A question, number {i}. ", gen(12)) for i in range(6)])
    interrupted(bench)
    bench.session.close()
    bench.check_idle()

    bench.session = bench.open()
    requests = [ask(i, f"Another one, {i}. ", gen(12)) for i in range(30)]
    assert_as_expected(bench.run(requests), requests)


def test_a_request_that_took_in_half_of_a_token_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its matcher may be a token ahead of its text; the others go on."""
    bench = Bench()
    interrupt, accept = once(3), FakeMatcher.accept

    def accept_or_stop(matcher: Any, id: int) -> bool:
        return interrupt(id) or accept(matcher, id)

    monkeypatch.setattr(FakeMatcher, "accept", accept_or_stop)
    free = [ask(i, f"A question, number {i}. ", gen(12)) for i in range(1, 4)]
    bench.session.submit([ask(0, "What? ", gen(40, constraint=PHRASES)), *free])
    events = interrupted(bench) + bench.finish()

    assert failed(events, 0).code == "engine_error" and failed(events, 0).retryable
    assert_as_expected([event for event in events if event.rid != 0], free)


def test_ctrl_c_waits_for_the_end_of_a_step() -> None:
    """It is raised once what was computed has been taken in; a second one is raised at once."""
    bench = Bench()

    def press(_: object) -> bool:
        signal.raise_signal(signal.SIGINT)
        return False

    bench.runner.fail_when = press
    bench.session.submit([ask(0, "What? ", gen(4, ignore_eos=True))])
    with pytest.raises(KeyboardInterrupt):
        bench.session.step(0)
    assert bench.runner.passes == 1 and len(bench.engine._flights) == bench.depth - 1

    bench.engine.check()
    bench.runner.fail_when = lambda row: press(row) or press(row)
    with pytest.raises(KeyboardInterrupt):
        bench.session.step(0)
    bench.engine.check()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


ROOMS = (str(Path(cache.__file__).parent), str(Path(engine.__file__).parent))
# what holds Ctrl-C back, and what puts the books in order: a second one is for these
HELD = ("books.py", "interrupts.py", "turns.py")
BEHIND = ("_books", "_begin_anew", "_drop_flights", "begin_anew", "queue_again", "emptied", "_has_ended")


class AtLine:
    """Raises KeyboardInterrupt in the engine's rooms at the line of that number, and counts them."""

    def __init__(self, number: int) -> None:
        self.number, self.seen, self.where = number, 0, ""

    def __enter__(self) -> AtLine:
        self._before = sys.gettrace()
        sys.settrace(self._called)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(self._before)

    def _called(self, frame: FrameType, event: str, arg: object) -> Callable[..., Any] | None:
        code = frame.f_code
        is_ours = code.co_filename.startswith(ROOMS) and not code.co_filename.endswith(HELD)
        return self._line if is_ours and code.co_name not in BEHIND else None

    def _line(self, frame: FrameType, event: str, arg: object) -> Callable[..., Any]:
        if event == "line":
            self.seen += 1
            if self.seen == self.number:
                self.where = f"{frame.f_code.co_filename}:{frame.f_lineno}"
                raise KeyboardInterrupt
        return self._line


def batch(first: int) -> list[Request]:
    """Requests that share prefixes, fork, are cut, scored and forced, more than the pool holds at once."""
    some = [ask(first + i, f"Shared by all of them, number {i % 3}. ", gen(9, ignore_eos=True), n=2) for i in range(4)]
    some.append(ask(first + 4, "Shared by all", gen(12, stop=("a", "e")), Score(None, (" yes", " no")), gen(3)))
    return [*some, ask(first + 5, "What? ", gen(40, constraint=PHRASES))]


def broken_off(number: int) -> AtLine:
    """A run that is interrupted at a line, beside another session's, and what both sessions and a later one hear."""
    bench = Bench(num_slots=192, page_size=2)
    requests, others = batch(0), batch(10)
    beside = bench.open()
    beside.submit(others)
    with AtLine(number) as at, suppress(KeyboardInterrupt):
        bench.session.submit(requests)
        for _ in range(200):
            bench.session.step(0)
            if not bench.engine.has_work:
                break
    bench.session.close()
    heard = beside.step(0)
    while bench.engine.has_work:
        heard += beside.step(0)
        bench.engine.check()
    heard += beside.step(0)
    bench.check_idle()
    for request in others:
        for sample in range(request.n):
            end = end_of(heard, request.rid, sample)
            assert isinstance(end, Finished) or end.retryable, at.where
            if isinstance(end, Finished):
                assert said(heard, request.rid, sample) == expect(request, sample), at.where

    bench.session = bench.open()
    assert_as_expected(bench.run(requests), requests)
    return at


@pytest.mark.parametrize("part", range(4))
def test_ctrl_c_at_any_line_leaves_an_engine_that_is_sound(part: int) -> None:
    """Others hear the end of each of their requests once, and the next run finds all slots."""
    total = broken_off(-1).seen
    rng = random.Random(part)
    for number in rng.sample(range(1, total), int(os.environ.get("LMC_INTERRUPTS", "12"))):
        assert broken_off(number).where
