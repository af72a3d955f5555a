"""Programs are the unit of the queue: what has begun goes on first, and no more begin than the pool can hold."""

from __future__ import annotations

import numpy as np
import pytest

from lmc.backend.base import Event, Finished, PrefixHint, Request, SegmentEnd
from lmc.backend.engine import waiting
from lmc.backend.engine.open_items import AGAIN_S, PAUSE_STEPS
from lmc.backend.engine.waiting import MAX_OVERTAKEN
from tests.support.fake_engine import TOKENIZER, Bench, ask, assert_as_expected, gen


def call(rid: int, item: int, text: str, *, left: int = 0, again: int | None = None, num: int = 4) -> Request:
    """A call of an item."""
    out = gen(num, ignore_eos=True, stop=("zzzz",))
    return ask(rid, text, out, item=item, calls_left=left, again_in=again)


def ended(events: list[Event]) -> list[int]:
    """The requests that have, in order."""
    return [event.rid for event in events if isinstance(event, Finished)]


def over(bench: Bench, item: int) -> None:
    """The item's program has returned."""
    bench.session.hint(PrefixHint("over", (), item=item))
    bench.engine.check()


def test_what_has_begun_goes_before_what_came_earlier() -> None:
    """The second call of an item is admitted before first calls that have waited since long before it was asked."""
    bench = Bench(max_running=1)
    requests = [call(item, item, f"{item}" * 10, left=1) for item in range(4)]
    bench.session.submit(requests)
    events = bench.step()
    while not ended(events):
        events += bench.step()
    second = call(10, 0, "0" * 10 + "and?")
    bench.session.submit([second])
    events += bench.finish()

    assert ended(events)[:2] == [0, 10] or ended(events)[:3] == [0, 1, 10]  # one may be under way already
    assert_as_expected(events, [*requests, second])


def test_no_more_begin_than_the_pool_can_hold_to_their_ends() -> None:
    """Though the first calls of all would fit at once; without a word on what follows they do run at once."""
    for left, most in ((3, 2), (0, 8)):
        bench = Bench(num_slots=400, max_running=16)
        requests = [call(item, item, f"{item}" * 20, left=left, num=40) for item in range(8)]
        bench.session.submit(requests)
        events = bench.step() + bench.step()
        assert bench.session.counters().max_running == most

        # none of them says that it is over: they are done one after another all the same
        assert_as_expected(events + bench.finish(), requests)


def test_an_item_that_is_over_makes_room() -> None:
    """And what it came to is what the next ones are taken to need."""
    bench = Bench(num_slots=400, max_running=16)
    items = bench.engine.items
    bench.run([call(0, 0, "0" * 20, left=3)])
    assert items.room > 0 and len(items) == 1

    over(bench, 0)
    assert items.room == 0 and not len(items)
    bench.session.submit([call(1, 1, "1" * 20, left=3)])
    bench.step()
    assert items.room == 24
    over(bench, 1)
    bench.finish()


def test_an_item_that_waits_for_a_tool_holds_nobody_up() -> None:
    """After some steps without a call its room is counted no more; when it goes on, it is."""
    bench = Bench(num_slots=400)
    bench.run([call(0, 0, "0" * 20, left=3)])
    room = bench.engine.items.room
    for rid in range(1, 3):
        bench.run([ask(rid, f"{rid}" * 9, gen(PAUSE_STEPS, ignore_eos=True, stop=("zzzz",)))])
    assert room and not bench.engine.items.room

    bench.session.submit([call(9, 0, "0" * 20 + "and", left=2)])
    assert bench.engine.items.room == room
    bench.finish()


def test_an_item_of_which_nothing_is_heard_is_forgotten() -> None:
    """Its program may have died: nothing is kept for it for good."""
    now = [0.0]
    bench = Bench(clock=lambda: now[0])
    bench.run([call(0, 0, "0" * 20, again=1)])
    now[0] = AGAIN_S + 1
    bench.run([ask(1, "else", gen(1))])

    assert not len(bench.engine.items)


def test_a_session_that_is_closed_leaves_no_item() -> None:
    """Those under way are aborted; another session's stay."""
    bench = Bench()
    other = bench.open()
    bench.session.submit([call(0, 0, "0" * 20, left=2, again=1, num=50)])
    other.submit([call(0, 0, "1" * 20, left=2, num=50)])
    bench.step()
    bench.session.close()
    bench.engine.check()

    assert len(bench.engine.items) == 1
    other.close()
    bench.session.step(0)
    assert not len(bench.engine.items) and not bench.engine.items.room


def test_what_a_call_leaves_is_kept_until_its_item_goes_on() -> None:
    """Prompt and answer, while others fill the pool; then, or when the item is over, it goes as any other."""
    for goes_on in (True, False):
        bench = Bench(num_slots=200)
        first = call(0, 0, "Doc: " + "wxyz" * 8, again=1, num=10)
        events = bench.run([first])
        said = [*first.prompt.ids, *(id for event in events if isinstance(event, SegmentEnd) for id in event.ids)]
        for rid in range(1, 8):
            bench.run([ask(rid, f"{rid}" * 60, gen(4))])
        assert bench.engine.cache.peek("", np.asarray(said, np.int32)) >= len(said) - 1
        if goes_on:
            bench.run([ask(50, said + TOKENIZER.encode("More"), gen(1), item=0)])
        over(bench, 0)
        for rid in range(60, 68):
            bench.run([ask(rid, f"{rid}" * 40, gen(4))])
        assert bench.engine.cache.peek("", np.asarray(said, np.int32)) == 0
        bench.check_idle()


def test_another_session_is_overtaken_a_bounded_number_of_times() -> None:
    """By an item that goes on and on: its calls are later than the request, and each counts."""
    bench = Bench(max_running=1)
    other = bench.open()
    bench.session.submit([call(0, 0, "on", left=9), call(1, 1, "on and on", left=9)])
    bench.step()
    other.submit([ask(0, "cold " * 4, gen(1))])
    heard: list[Event] = []
    num = 0
    while not ended(heard):
        num += 1
        assert num < 400
        bench.session.submit([call(100 + num, 0, "on" * (num % 9 + 1), left=9, num=1)])
        heard += bench.step(other)

    assert num <= 3 * (MAX_OVERTAKEN + 2)
    bench.finish()


def test_an_endless_item_does_not_hold_up_its_own_session_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """After so many calls it has no privilege any more, and who waits is first after as many again as any is."""
    monkeypatch.setattr(waiting, "MAX_CALLS", 10)
    bench = Bench(max_running=1)
    bench.session.submit([call(0, 0, "on", left=9), call(1, 1, "cold " * 4)])
    events = bench.step()
    num = 0
    while 1 not in ended(events):
        num += 1
        assert num < 600
        bench.session.submit([call(100 + num, 0, "on" * (num % 9 + 1), left=9, num=1)])
        events += bench.step()

    assert sum(rid >= 100 for rid in ended(events)) <= 10 + MAX_OVERTAKEN + 2
    bench.finish()
