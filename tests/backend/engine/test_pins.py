"""Pinned prefixes: resident while others need room they can find elsewhere, given up before anybody waits for them."""

from __future__ import annotations

import random

import numpy as np

from lmc.backend.base import PrefixHint
from lmc.backend.engine.session import EngineSession
from tests.support.fake_engine import TOKENIZER, Bench, ask, assert_as_expected, gen

DOC = TOKENIZER.encode("Doc: " + "wxyz" * 15)


def resident(bench: Bench, ids: list[int], namespace: str = "") -> int:
    """How many of these tokens could be read from the cache."""
    return bench.engine.cache.peek(namespace, np.asarray(ids, np.int32))


def pinned(bench: Bench, ttl_s: float | None = 60.0) -> Bench:
    """The bench, with the document computed and pinned."""
    bench.run([ask(0, DOC, gen(1))])
    bench.session.hint(PrefixHint("pin", tuple(DOC), ttl_s))
    bench.engine.check()
    return bench


def crowd(bench: Bench, first: int = 100) -> None:
    """More other prompts than the pool holds, one after another, then what they leave is checked."""
    for i in range(8):
        bench.session.submit([ask(first + i, f"{i}" * 60, gen(4))])
        while bench.engine.has_work:
            bench.session.step(0)
            bench.engine.check()


def test_a_pinned_prefix_outlives_what_was_used_later() -> None:
    """Without the pin it is the first to go; with it, all of it is there, and once released it goes as any other."""
    free, held = Bench(num_slots=200), pinned(Bench(num_slots=200))
    free.run([ask(0, DOC, gen(1))])
    crowd(free)
    crowd(held)

    assert resident(free, DOC) == 0
    assert resident(held, DOC) == len(DOC)

    held.session.hint(PrefixHint("release", tuple(DOC)))
    crowd(held, 200)
    assert resident(held, DOC) == 0
    held.check_idle()


def test_nobody_waits_for_a_pin() -> None:
    """A request that needs the whole pool gets it in its first step, and says what it would say."""
    bench = pinned(Bench(num_slots=120))
    request = ask(1, "z" * 100, gen(15, ignore_eos=True))
    bench.session.submit([request])
    events = bench.session.step(0)

    assert len(bench.engine.scheduler.running) == 1
    events += bench.finish()
    assert_as_expected(events, [request])
    assert resident(bench, DOC) < len(DOC)


def test_a_pin_is_given_up_before_a_sequence_is_retracted() -> None:
    """Those that run need more than is free: what is pinned goes first."""
    bench = pinned(Bench(num_slots=140))
    bench.run([ask(i, f"{i}" * 12, gen(40, ignore_eos=True, stop=("zzzz",))) for i in range(1, 3)])

    assert resident(bench, DOC) < len(DOC)
    assert bench.session.counters().retractions == 0


def test_a_pin_ends_after_its_time_to_live() -> None:
    """On the engine's clock, which a later pin sets anew."""
    now = [0.0]
    bench = pinned(Bench(num_slots=200, clock=lambda: now[0]), ttl_s=5.0)
    now[0] = 4.0
    bench.session.hint(PrefixHint("pin", tuple(DOC), 5.0))
    now[0] = 8.0
    bench.engine.pins.expire()
    assert len(bench.engine.pins) == 1

    now[0] = 9.0
    crowd(bench)
    assert not len(bench.engine.pins) and resident(bench, DOC) == 0


def test_as_many_releases_as_pins() -> None:
    """Two items may hold one prefix; a release too many is nothing."""
    bench = pinned(Bench(num_slots=200))
    bench.session.hint(PrefixHint("pin", tuple(DOC), 60.0))
    bench.session.hint(PrefixHint("release", tuple(DOC)))
    crowd(bench)
    assert resident(bench, DOC) == len(DOC)

    bench.session.hint(PrefixHint("release", tuple(DOC)))
    bench.session.hint(PrefixHint("release", tuple(DOC)))
    crowd(bench, 200)
    assert resident(bench, DOC) == 0
    bench.check_idle()


def test_a_session_gives_back_its_pins() -> None:
    """When it is closed, and no other's; a closed one sets none."""
    bench = pinned(Bench())
    other = EngineSession(bench.engine)
    other.hint(PrefixHint("pin", tuple(DOC[:10]), 60.0))
    bench.session.close()
    assert len(bench.engine.pins) == 1

    bench.session.hint(PrefixHint("pin", tuple(DOC), 60.0))
    assert len(bench.engine.pins) == 1
    other.close()
    assert not len(bench.engine.pins)
    bench.check_idle()


def test_a_pin_holds_what_is_there() -> None:
    """Of a prefix that goes on beyond what is resident the resident part, of another namespace's nothing."""
    bench = pinned(Bench(num_slots=200))
    bench.session.hint(PrefixHint("release", tuple(DOC)))
    stranger = EngineSession(bench.engine, "other")
    stranger.hint(PrefixHint("pin", tuple(DOC), 60.0))
    assert not len(bench.engine.pins)

    bench.session.hint(PrefixHint("pin", (*DOC, 1, 2, 3, 4, 5), 60.0))
    crowd(bench)
    assert resident(bench, DOC) == len(DOC)
    bench.session.close()
    bench.check_idle()


def test_without_a_cache_there_is_nothing_to_pin() -> None:
    """And nothing fails."""
    bench = pinned(Bench(cache=False))
    assert not len(bench.engine.pins)


def test_pins_at_random_change_nothing() -> None:
    """Any mixture of pins, releases and requests in a small pool, audited after every step."""
    for seed in range(6):
        rng = random.Random(seed)
        bench = Bench(num_slots=160, page_size=rng.choice([1, 4]))
        requests = [
            ask(i, DOC[: rng.randrange(20, 60)] + TOKENIZER.encode(f"{i}"), gen(rng.randrange(1, 9))) for i in range(12)
        ]
        events = []
        for request in requests:
            bench.session.submit([request])
            for _ in range(rng.randrange(4)):
                kind = rng.choice(["pin", "pin", "release"])
                bench.session.hint(PrefixHint(kind, tuple(DOC[: rng.randrange(1, 60)]), rng.choice([None, 60.0])))
                events += bench.step()
        while bench.engine.has_work:
            events += bench.step()
        events += bench.step()
        assert_as_expected(events, requests)
        bench.session.close()
        bench.check_idle()
