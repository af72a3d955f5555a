"""Accounts: what one session is told of an engine that many use."""

from __future__ import annotations

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
