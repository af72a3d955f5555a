"""Accounts: what one session is told of an engine that many use."""

from __future__ import annotations

from lmc.backend.base import Delta, Event, Finished, Usage
from lmc.backend.engine.account import MAX_EVENTS, Account
from tests.support.fake_engine import Bench, ask, gen


def test_counters_are_given_by_value() -> None:
    """What was read stays as it was read, its free entries too."""
    bench = Bench(num_slots=400)
    before = bench.session.counters()
    bench.run([ask(i, f"{i}" * 60, gen(120, ignore_eos=True)) for i in range(8)])
    after = bench.session.counters()
    bench.run([ask(9, "x", gen(1))])

    assert before.requests == 0 and not before.extra
    assert after.requests == 8 and after.extra["recomputed_tokens"] > 0
    assert bench.session.counters().requests == 9


def test_counters_are_those_of_one_session() -> None:
    """However many share the engine and step it."""
    bench = Bench()
    other = bench.open()
    other.submit([ask(0, "two", gen(3, ignore_eos=True))])
    bench.run([ask(0, "one", gen(5, ignore_eos=True))])

    assert (bench.session.counters().output_tokens, other.counters().output_tokens) == (5, 3)


def test_what_nobody_fetches_is_put_together() -> None:
    """Each sample's rows of text, in their places between its other events; what is fetched in time is as it came."""
    account, slow = Account(), Account()
    told: list[Event] = []
    for number in range(3 * MAX_EVENTS):
        rid, segment = number % 7, number // (MAX_EVENTS + 5)
        told.append(Delta(rid, 0, segment, f"{number} ", (number,), forced=number % 1000 > 900))
        if number % 5000 == 0:
            told.append(Finished(rid, 1, "stop", Usage(1, 0, 1)))
    heard: list[Event] = []
    for number, event in enumerate(told):
        account.add(event)
        slow.add(event)
        if number % 100 == 0:
            heard += account.take_events()
    assert heard + account.take_events() == told

    assert len(slow.events) <= 2 * MAX_EVENTS
    late = slow.take_events()
    for rid in range(7):
        for forced in (False, True):
            for segment in range(3):
                assert text_of(late, rid, segment, forced) == text_of(told, rid, segment, forced)
    assert [event for event in late if isinstance(event, Finished)] == [e for e in told if isinstance(e, Finished)]


def text_of(events: list[Event], rid: int, segment: int, forced: bool) -> tuple[str, tuple[int, ...]]:
    deltas = [event for event in events if isinstance(event, Delta) and event.rid == rid]
    deltas = [delta for delta in deltas if (delta.segment, delta.forced) == (segment, forced)]
    return "".join(delta.text for delta in deltas), tuple(id for delta in deltas for id in delta.ids)
