"""A request whose constraint is compiled beside the steps: it waits by itself, and all ends of it are in order."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from lmc.backend.base import Event
from lmc.errors import ConstraintError
from lmc.ir.constraint import Choices, Constraint
from tests.support.fake_engine import Bench, ask, assert_as_expected, failed, gen
from tests.support.fake_model import FakeMasks, FakeMatcher

PLAIN, CONSTRAINED = ask(0, "Q: ", gen(9)), ask(1, "Q: ", gen(9, constraint=Choices(("the abc",))))


class SlowMasks(FakeMasks):
    """Compiles when it is told to."""

    def __init__(self) -> None:
        bench = Bench()
        super().__init__(bench.masks.tokenizer)  # type: ignore[attr-defined]
        self.compiling, self.go_on = threading.Event(), threading.Event()
        self.error: Exception | None = None

    def is_quick(self, constraint: Constraint) -> bool:
        return False

    def make(self, constraint: Constraint) -> FakeMatcher:
        self.compiling.set()
        assert self.go_on.wait(60)
        if self.error is not None:
            raise self.error
        return super().make(constraint)


@pytest.fixture
def bench() -> Iterator[Bench]:
    """An engine with such masks; no thread is left."""
    masks = SlowMasks()
    yield Bench(masks=masks)
    masks.go_on.set()
    until(lambda: not any(thread.name == "lmc-constraints" for thread in threading.enumerate()))


def masks_of(bench: Bench) -> SlowMasks:
    assert isinstance(bench.masks, SlowMasks)
    return bench.masks


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.001)


def begin(bench: Bench) -> list[Event]:
    """Both requests are asked for, and all but the constrained one is over."""
    bench.session.submit([PLAIN, CONSTRAINED])
    assert masks_of(bench).compiling.wait(60)
    events = bench.step()
    while bench.engine.has_work:
        events += bench.step()
    return events


def finish(bench: Bench) -> list[Event]:
    """The rest, once it has been compiled."""
    masks_of(bench).go_on.set()
    events: list[Event] = []
    while bench.engine._compiling.members or bench.engine.has_work:
        until(lambda: bench.engine.has_work)
        events += bench.step()
    return events + bench.finish()


def test_the_session_that_asked_goes_on_meanwhile(bench: Bench) -> None:
    events = begin(bench)
    assert_as_expected(events, [PLAIN])
    assert_as_expected(events + finish(bench), [PLAIN, CONSTRAINED])


def test_what_compiles_does_not_keep_the_engine_busy(bench: Bench) -> None:
    begin(bench)
    assert not bench.engine.has_work
    assert bench.session.step(0.01) == []


def test_a_step_that_waits_is_woken_when_it_has_been_compiled(bench: Bench) -> None:
    begin(bench)
    threading.Timer(0.05, masks_of(bench).go_on.set).start()
    assert bench.session.step(60) == []
    assert bench.engine.has_work
    bench.finish()


def test_a_request_alone_is_compiled_at_once() -> None:
    masks = SlowMasks()
    masks.go_on.set()
    bench = Bench(masks=masks)
    assert_as_expected(bench.run([CONSTRAINED]), [CONSTRAINED])


def test_its_error_is_its_own(bench: Bench) -> None:
    masks_of(bench).error = ConstraintError("no text at all")
    events = begin(bench)
    events += finish(bench)
    assert_as_expected([event for event in events if event.rid == PLAIN.rid], [PLAIN])
    assert failed(events, CONSTRAINED.rid).message == "no text at all"


def test_it_can_be_aborted(bench: Bench) -> None:
    begin(bench)
    bench.session.abort(CONSTRAINED.rid, "no more")
    assert failed(bench.step(), CONSTRAINED.rid).code == "aborted"
    assert not bench.engine.has_work
    masks_of(bench).go_on.set()
    until(lambda: bench.engine.has_work)
    assert bench.finish() == []


def test_its_session_can_be_closed(bench: Bench) -> None:
    begin(bench)
    bench.session.close()
    assert failed(bench.session.step(), CONSTRAINED.rid).code == "aborted"
    bench.engine.check()


def test_what_is_begun_anew_waits_as_before(bench: Bench) -> None:
    """Ctrl-C in the middle of a step of others."""
    bench.session.submit([PLAIN, CONSTRAINED])
    bench.step()
    with pytest.raises(KeyboardInterrupt), bench.engine._books():
        raise KeyboardInterrupt
    bench.engine.check()
    events = finish(bench)
    assert_as_expected([event for event in events if event.rid == CONSTRAINED.rid], [CONSTRAINED])


def test_samples_of_one_request_wait_together(bench: Bench) -> None:
    many = ask(2, "Q: ", gen(9, constraint=Choices(("the abc",)), temperature=1.0), n=3)
    bench.session.submit([PLAIN, many])
    assert_as_expected(finish(bench), [PLAIN, many])


def test_many_are_compiled_by_few_threads(bench: Bench) -> None:
    asked = [ask(number, "Q: ", gen(9, constraint=Choices((f"abc{number}",)))) for number in range(2, 12)]
    bench.session.submit([PLAIN, *asked])
    assert masks_of(bench).compiling.wait(60)
    assert sum(thread.name == "lmc-constraints" for thread in threading.enumerate()) <= 4
    assert_as_expected(finish(bench), [PLAIN, *asked])
