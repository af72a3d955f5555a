"""Ctrl-C in the middle of a step: it is raised, nothing is lost of the others, and no slot stays behind."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

import pytest

from lmc.backend.base import Event
from lmc.backend.engine.launched import Launched
from lmc.ir.constraint import Choices
from tests.support.fake_engine import Bench, ask, assert_as_expected, failed, gen
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
