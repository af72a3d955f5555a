"""What a prompt could have had from the cache, and why it had not."""

from __future__ import annotations

import random

from lmc.backend.base import Missed
from lmc.backend.engine.history import History
from lmc.backend.engine.tokens import Int32
from tests.support.fake_engine import TOKENIZER, Bench, ask, finished, gen

RULES = "Rules that every prompt of the house begins with. "
OTHER = "Something else that takes all of the room there is"


def ids(text: str) -> Int32:
    import numpy as np

    return np.array(TOKENIZER.encode(text), np.int32)


def common(a: str, b: str) -> int:
    """Tokens that two texts begin with, short of the last one of the second, which is computed anyway."""
    x, y = list(ids(a)), list(ids(b))[:-1]
    return next((i for i, (p, q) in enumerate(zip(x, y)) if p != q), min(len(x), len(y)))


SHARED = common(RULES + "Q1", RULES + "Q2")


def missed(bench: Bench, rid: int, text: str) -> Missed | None:
    """What one more prompt missed."""
    return finished(bench.run([ask(rid, text, gen(2))]), rid).missed


def test_nothing_is_missed_where_the_cache_has_all_or_nobody_asked() -> None:
    """Nor by one that is asked again: its last token is computed anyway."""
    bench = Bench()

    assert missed(bench, 0, RULES + "Q1") is None
    assert missed(bench, 1, RULES + "Q2") is None
    assert missed(bench, 2, RULES + "Q2") is None


def test_what_was_there_and_is_not_was_evicted() -> None:
    """To the token: what the prompt shares with the longest one, its answer included, less what was left of it."""
    bench = Bench(num_slots=SHARED + 20)
    assert missed(bench, 0, RULES + "Q1") is None
    assert missed(bench, 1, OTHER) is None
    left = bench.engine.cache.peek("", ids(RULES + "Q2"))
    usage = finished(bench.run([ask(2, RULES + "Q2", gen(2))]), 2)

    assert left < SHARED
    assert usage.missed == Missed("evicted", SHARED - left)
    assert usage.usage.cached_tokens == left


def test_what_was_flushed_is_missed_by_nobody() -> None:
    """Who asked for that knows it."""
    bench = Bench()
    missed(bench, 0, RULES)
    bench.engine.flush_cache()

    assert missed(bench, 1, RULES + "Q") is None


def test_without_a_cache_nothing_is_ever_inserted() -> None:
    """The second prompt is told so."""
    bench = Bench(cache=False)
    assert missed(bench, 0, RULES + "Q1") is None
    assert missed(bench, 1, RULES + "Q2") == Missed("never-inserted", SHARED)


def test_the_end_of_a_page_is_never_inserted() -> None:
    """Whole pages are shared: what both have of the next one is computed."""
    bench = Bench(page_size=30)
    missed(bench, 0, RULES + "Q1")

    assert missed(bench, 1, RULES + "Q2") == Missed("never-inserted", SHARED % 30)


def test_another_namespace_has_it() -> None:
    """Whatever else it has in common with its own."""
    bench = Bench()
    missed(bench, 0, RULES + "Q1")
    bench.session = bench.open("tenant")

    assert missed(bench, 0, RULES + "Q2") == Missed("namespace", SHARED)
    assert missed(bench, 1, RULES + "Q3") is None


def test_another_model_has_it() -> None:
    """Of an engine that is named otherwise and reads texts as the same tokens; one without a name is not looked at."""
    first, second, same, unnamed = (Bench(model=name) for name in ("a", "b", "a", ""))
    begin = f"{Bench.depth}: " + RULES  # other tests' engines may be there still
    missed(first, 0, begin + "Q1")

    assert missed(unnamed, 0, begin + "Q2") is None
    assert missed(same, 0, begin + "Q2") is None
    assert missed(second, 0, begin + "Q2") == Missed("model", common(begin + "Q1", begin + "Q2"))


def test_a_prompt_that_lost_its_slots_is_not_its_own_predecessor() -> None:
    """It was asked once."""
    bench = Bench()
    bench.session.submit([ask(0, RULES, gen(8))])
    bench.step()
    bench.step()
    bench.retract(lambda running: running[0])

    assert finished(bench.finish(), 0).missed is None


def test_what_is_missed_is_what_is_computed_again() -> None:
    """Over many prompts and a small pool: no more than the tokens that were computed, and never of a whole hit."""
    rng = random.Random(3)
    bench = Bench(num_slots=160)
    asked: list[str] = []
    for rid in range(60):
        text = RULES[: rng.choice((10, 30, 50))] + rng.choice("abc") * rng.randrange(1, 30)
        end = finished(bench.run([ask(rid, text, gen(3))]), rid)
        longest = max((common(other, text) for other in asked), default=0)
        found = end.missed.tokens if end.missed else 0
        assert found <= end.usage.computed_tokens
        # an answer may have gone on as the prompt does
        assert end.usage.cached_tokens + found >= longest
        assert end.missed is None or end.missed.reason == "evicted"
        asked.append(text)


def test_what_is_remembered_is_bounded() -> None:
    """The oldest is forgotten, and then nothing is said of it."""
    history = History(max_tokens=100)
    for i in range(50):
        history.note_left_out("", ids(f"{i:02d} " + "x" * 37))
    assert history._left_out.num_tokens <= 100
    assert history.missed(None, "", ids("00 " + "x" * 37), 0) is None
    assert history.missed(None, "", ids("49 " + "x" * 37), 0) == Missed("never-inserted", len(ids("49 " + "x" * 37)))
