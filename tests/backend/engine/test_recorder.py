"""The record of forward passes: what its rows say is what was counted, whoever else sits in the passes."""

from __future__ import annotations

import random
from collections import Counter

from lmc.backend.base import Event, Finished, ForwardPass, Request
from lmc.backend.pass_log import PassLog
from tests.support.fake_engine import Bench, ask, finished, gen

LONG = "A long beginning that many of them share, word by word by word. " * 4


def requests(seed: int, count: int = 12, first: int = 0) -> list[Request]:
    rng = random.Random(seed)
    prompts = [LONG[: rng.choice((20, 90, 200))] + f"Q{rng.randrange(4)}" for _ in range(count)]
    return [ask(first + i, text, gen(rng.randrange(2, 12)), n=rng.choice((1, 2))) for i, text in enumerate(prompts)]


def costs(passes: list[ForwardPass]) -> dict[tuple[int, int], Counter[str]]:
    found: dict[tuple[int, int], Counter[str]] = {}
    for row in (row for each in passes for row in each.rows):
        one = Counter(cached=row.cached_tokens, computed=row.computed_tokens, output=row.output_tokens)
        found[row.rid, row.sample] = found.get((row.rid, row.sample), Counter()) + one
    return found


def used(events: list[Event]) -> dict[tuple[int, int], Counter[str]]:
    ends = [event for event in events if isinstance(event, Finished)]
    return {
        (e.rid, e.sample): Counter(
            cached=e.usage.cached_tokens, computed=e.usage.computed_tokens, output=e.usage.output_tokens
        )
        for e in ends
    }


def test_rows_sum_up_to_the_usage_of_each_sample_though_slots_are_taken_back() -> None:
    """A pool that is too small: samples are retracted, and what is computed again is in `num_tokens` alone."""
    bench = Bench(num_slots=330, chunk_len=32)
    bench.session.record_passes(10_000)
    rng = random.Random(1)
    bench.session.submit(requests(1))
    events: list[Event] = []
    while bench.engine.has_work:
        events += bench.step()
        if rng.random() < 0.3:
            bench.retract(rng.choice)
    events += bench.step()
    passes, counters = bench.session.take_passes(), bench.session.counters()

    assert counters.retractions > 0
    assert costs(passes) == used(events)
    assert len(passes) == counters.forward_passes
    assert sum(each.num_tokens for each in passes) > counters.computed_tokens
    assert all(each.held_tokens <= each.max_tokens == 330 for each in passes)


def test_each_session_reads_of_its_own_rows_only() -> None:
    """Two sessions in the same passes, of which one began its record when the other's requests were under way."""
    bench = Bench()
    other = bench.open()
    bench.session.record_passes(10_000)
    bench.session.submit(requests(2))
    events = [event for _ in range(4) for event in bench.step()]
    other.submit(requests(3, first=100))
    began = other.step(0)
    other.record_passes(10_000)
    while bench.engine.has_work:
        events += bench.step()
    events += bench.step()
    theirs = began + other.step(0)
    own, of_other = bench.session.take_passes(), other.take_passes()

    assert costs(own) == used(events)
    assert {rid for rid, _ in costs(of_other)} <= set(range(100, 112))
    assert any(each.num_rows > len(each.rows) for each in own)
    computed = sum(count["computed"] for count in costs(of_other).values())
    assert computed <= sum(count["computed"] for count in used(theirs).values())


def test_a_session_that_has_closed_gives_what_was_recorded() -> None:
    """A run's report is made when it is over."""
    bench = Bench()
    bench.session.record_passes(100)
    events = bench.run([ask(0, "abc", gen(3))])
    bench.session.close()
    assert costs(bench.session.take_passes())[0, 0]["output"] == finished(events, 0).usage.output_tokens
    assert bench.session.take_passes() == []


def test_what_nobody_fetches_is_bounded_and_its_numbers_say_what_is_gone() -> None:
    """The last passes stay; the first number tells how many there were before."""
    bench = Bench()
    bench.session.record_passes(10)
    bench.run([ask(rid, f"{rid}: abc", gen(9, ignore_eos=True)) for rid in range(3)])
    passes = bench.session.take_passes()
    assert 0 < sum(len(each.rows) for each in passes) <= 10
    assert passes[0].number > 0
    assert [each.number for each in passes] == list(range(passes[0].number, bench.session.counters().forward_passes))


def test_one_pass_with_more_rows_than_there_is_room_for_is_kept() -> None:
    """It is the last one: without it nothing would be known."""
    log = PassLog(1)
    bench = Bench()
    bench.session.record_passes(100)
    bench.run([ask(rid, f"{rid}: abc", gen(2)) for rid in range(5)])
    wide = max(bench.session.take_passes(), key=lambda each: len(each.rows))
    log.add(wide)
    assert len(wide.rows) > 1
    assert log.take() == [wide]
