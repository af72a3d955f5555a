"""The scheduler under pressure: order, fairness, retraction, failing allocations, random traffic."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from lmc.backend.base import Event, Failed, Finished, Request, Score, Segment
from lmc.backend.cache.pool import KVPool
from lmc.backend.engine.waiting import MAX_OVERTAKEN, WINDOW
from tests.support.fake_engine import (
    TOKENIZER,
    Bench,
    ask,
    assert_as_expected,
    check_events,
    expect,
    failed,
    finished,
    gen,
    said,
)
from tests.support.rows import rows_of

LONG = "The long road goes on and on, stop by stop, to the answer. " * 6


def first_seen(events: list[Event]) -> list[int]:
    """Request numbers in the order of their ends."""
    return [e.rid for e in events if isinstance(e, Finished | Failed)]


# --- order ---------------------------------------------------------------------------------------------------


def test_longest_resident_prefix_goes_first() -> None:
    """Among those that wait, the one with the most in the tree."""
    bench = Bench(max_running=1)
    bench.run([ask(0, LONG, gen(1))])
    events = bench.run([ask(1, "zzz" * 30, gen(1)), ask(2, LONG[:100], gen(1)), ask(3, LONG + "?", gen(1))])

    assert first_seen(events) == [3, 2, 1]


def test_priority_goes_before_the_cache() -> None:
    """A higher one is admitted first."""
    bench = Bench(max_running=1)
    bench.run([ask(0, LONG, gen(1))])
    events = bench.run([ask(1, LONG + "?", gen(1)), ask(2, "zzz", gen(1), priority=1)])

    assert first_seen(events) == [2, 1]


def test_gang_is_scheduled_together() -> None:
    """Members follow their first, whatever came in between."""
    bench = Bench(max_running=1)
    requests = [ask(i, f"{'ab'[i % 2] * 40}{i}", gen(1), gang=i % 2) for i in range(8)]

    assert first_seen(bench.run(requests)) == [0, 2, 4, 6, 1, 3, 5, 7]


@pytest.mark.parametrize("max_running", [1, 4])
def test_hot_traffic_cannot_starve_a_cold_request(max_running: int) -> None:
    """Steady traffic on a resident prefix overtakes a request of another prefix a bounded number of times."""
    bench = Bench(max_running=max_running)
    bench.run([ask(0, LONG, gen(1))])
    bench.session.submit([ask(i, LONG + f"{i}", gen(2)) for i in range(1, 10)])
    bench.session.submit([ask(5000, "cold " * 20, gen(1))])
    events: list[Event] = []
    rid = 10
    while 5000 not in first_seen(events):
        bench.session.submit([ask(rid + i, LONG + f"{rid + i}", gen(2)) for i in range(max_running)])
        rid += max_running
        events += bench.step()
        assert rid < 2000
    later = [rid for rid in first_seen(events) if 10 <= rid < 5000]

    assert 0 < len(later) < MAX_OVERTAKEN + 2 * max_running


def test_long_queue_is_served_whole() -> None:
    """More than one window, cache-aware inside it, nobody lost."""
    bench = Bench(max_running=8)
    requests = [ask(i, ("even " if i % 2 else "odd! ") * 12 + str(i), gen(2)) for i in range(3 * WINDOW)]

    assert_as_expected(bench.run(requests), requests)


@pytest.mark.depth1("counts steps: running ahead, one more goes by before the first token is read")
def test_decode_goes_on_beside_a_long_prefill() -> None:
    """A running sequence gets a token in every step, however long a prompt comes in."""
    bench = Bench(chunk_len=32, token_budget=33, max_running=8)
    bench.session.submit([ask(0, "short", gen(12, ignore_eos=True))])
    bench.step()
    bench.session.submit([ask(1, LONG, gen(1))])
    steps = 1
    events: list[Event] = []
    while 0 not in first_seen(events):
        events += bench.step()
        steps += 1

    assert steps == 12
    assert max(bench.runner.row_counts) == 2
    bench.finish()


def test_step_computes_no_more_than_its_budget() -> None:
    """Decode rows, extends and chunks together."""
    bench = Bench(chunk_len=50, token_budget=64, max_running=16)
    bench.session.submit([ask(i, LONG[i:] + str(i), gen(6)) for i in range(12)])
    before = 0
    while bench.engine.has_work:
        bench.step()
        assert bench.runner.computed - before <= 64
        before = bench.runner.computed


def test_rows_that_share_are_grouped() -> None:
    """Decode rows behind one prefix come with a run over it (the fake model checks that its slots are equal)."""
    bench = Bench()
    bench.session.submit([ask(i, LONG + f"Q{i}", gen(8, ignore_eos=True)) for i in range(4)])
    for _ in range(4):
        bench.step()

    assert bench.runner.last is not None
    assert bench.runner.last.runs == ((0, 4, 0, len(TOKENIZER.encode(LONG)) + 1),)


def test_scoring_is_one_pass_over_the_shared_prompt() -> None:
    """With the prompt resident: one row a branch of the token tree, one run, one pass."""
    bench = Bench()
    bench.run([ask(0, LONG, gen(1))])
    passes = bench.runner.passes
    events = bench.run([ask(1, LONG, Score(None, ("only", "on", "off", "a", "b"), "token_length_normalized"))])

    assert bench.runner.passes == passes + 1
    assert bench.runner.last is not None
    # behind the prompt's last token `of`, and `nl` behind its `o`; `o` and nothing are among them
    assert [len(row.tokens) for row in rows_of(bench.runner.last)] == [3, 2]
    assert bench.runner.last.runs == ((0, 2, 0, len(TOKENIZER.encode(LONG)) - 1),)
    assert said(events, 1) == expect(ask(1, LONG, Score(None, ("only", "on", "off", "a", "b"))))


# --- pressure ------------------------------------------------------------------------------------------------


def test_oldest_is_never_retracted() -> None:
    """The first of the running ones always goes on: it gets one token in each step."""
    bench = Bench(num_slots=300)
    bench.session.submit([ask(i, LONG[:100] + f"{i}", gen(150, ignore_eos=True)) for i in range(6)])
    events: list[Event] = []
    while 0 not in first_seen(events):
        events += bench.step()

    assert bench.runner.passes <= 151
    assert bench.session.counters().retractions > 0
    check_events(events + bench.finish(), [ask(i, "", n=1) for i in range(6)])


def test_known_lengths_admit_what_fits() -> None:
    """A bound that the compiler knows lets more run at once than max_tokens would, and nothing is retracted."""
    requests = [ask(i, f"{i}" * 20, gen(200, stop=("zzzz",)), most_tokens=4) for i in range(8)]
    bench = Bench(num_slots=260)
    bench.session.submit(requests)
    bench.step()

    assert len(bench.engine.scheduler.running) == 8


@pytest.mark.parametrize("every", [1, 2, 5])
def test_retraction_at_any_time_changes_nothing(every: int) -> None:
    """Forced on a random running sequence every few steps."""
    rng = random.Random(every)
    requests = [
        ask(i, LONG[: 90 + 40 * (i % 3)] + f"{i}", gen(9, stop=("e",)), Score(None, ("ab", "x")), gen(4))
        for i in range(6)
    ]
    bench = Bench(chunk_len=40)
    bench.session.submit(requests)
    events: list[Event] = []
    for step in range(3000):
        events += bench.step()
        if step % every == 0 and rng.random() < 0.7:
            bench.retract(rng.choice)
        if not bench.engine.has_work:
            break

    assert_as_expected(events + bench.finish(), requests)


@pytest.mark.slow
def test_allocation_may_fail_at_any_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The k-th one, for all k: everything still ends as it must."""
    requests = [
        ask(0, LONG[:70], gen(5, ignore_eos=True), Score(None, ("ab", "zz")), gen(2)),
        ask(1, LONG[:70] + "b", gen(70, ignore_eos=True)),
        ask(2, "other" * 20, gen(3), n=2),
    ]
    count = _count_allocs(monkeypatch, requests)
    for k in range(count + 2):
        bench = Bench(num_slots=260, chunk_len=40)
        monkeypatch.setattr(KVPool, "alloc", _failing({k}.__contains__))
        assert_as_expected(bench.run(requests), requests)
        monkeypatch.undo()


def test_pool_that_never_gives_does_not_hang(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests are given up one by one, and may be tried again."""
    monkeypatch.setattr(KVPool, "alloc", _failing(lambda n: n >= 3))
    bench = Bench()
    events = bench.run([ask(i, LONG + str(i), gen(300, ignore_eos=True)) for i in range(3)])

    assert all(failed(events, i).retryable for i in range(3))


def _count_allocs(monkeypatch: pytest.MonkeyPatch, requests: list[Request]) -> int:
    calls = 0

    def count(n: int) -> bool:
        nonlocal calls
        calls = n
        return False

    monkeypatch.setattr(KVPool, "alloc", _failing(count))
    Bench(num_slots=260, chunk_len=40).run(requests)
    monkeypatch.undo()
    return calls


def _failing(fails: Callable[[int], bool]) -> Callable[..., object]:
    real, calls = KVPool.alloc, iter(range(10**9))

    def alloc(self: KVPool, num: int, after: int | None = None) -> object:
        return None if fails(next(calls)) else real(self, num, after)

    return alloc


# --- named regressions ---------------------------------------------------------------------------------------


def test_two_prefills_of_one_prompt_keep_one_copy() -> None:
    """Where the claim does not help (a prompt generated by another meanwhile), the second adopts the first's slots."""
    bench = Bench(chunk_len=16)
    first = ask(0, LONG[:60], gen(60, ignore_eos=True))
    text = expect(first)[0][1]
    second = ask(1, [*TOKENIZER.encode(LONG[:60]), *text[:50]], gen(30, ignore_eos=True))
    bench.session.submit([first])
    events = [event for _ in range(40) for event in bench.step()]
    bench.session.submit([second])
    events += bench.finish()

    assert_as_expected(events, [first, second])
    tree = bench.engine.cache.tree
    prompts = [[*TOKENIZER.encode(LONG[:60]), *text[:-1]], [*second.prompt.ids, *expect(second)[0][1][:-1]]]
    assert tree is not None
    assert tree.num_tokens == len({tuple(p[: n + 1]) for p in prompts for n in range(len(p))})


@pytest.mark.depth1("counts what is published after two steps: running ahead, the second is under way")
def test_abort_of_the_chunked_request_lets_a_waiter_take_over() -> None:
    """What it had published stays, the rest is computed by who waited."""
    bench = Bench(chunk_len=50)
    requests = [ask(i, LONG + str(i), gen(3)) for i in range(3)]
    bench.session.submit(requests)
    events = bench.step() + bench.step()
    bench.session.abort(0, "")
    events += bench.finish()

    assert failed(events, 0).code == "aborted"
    assert_as_expected([e for e in events if e.rid], requests[1:])
    assert finished(events, 1).usage.cached_tokens >= 100


def test_failing_owner_lets_a_waiter_take_over() -> None:
    """Its error is its own."""
    bench = Bench(chunk_len=50)
    requests = [ask(i, LONG + str(i), gen(3)) for i in range(3)]
    bench.runner.fail_when = lambda row: bench.runner.passes == 2
    events = bench.run(requests)

    assert failed(events, 0).code == "engine_error"
    assert_as_expected([e for e in events if e.rid], requests[1:])


def test_cold_tree_is_evicted_for_new_requests() -> None:
    """A full pool of old prefixes is no obstacle, and the oldest go first."""
    bench = Bench(num_slots=500)
    for i in range(8):
        bench.run([ask(i, f"{i}" * 100, gen(3))])
    recent = bench.run([ask(8, "7" * 100 + "?", gen(1))])
    oldest = bench.run([ask(9, "0" * 100 + "?", gen(1))])

    assert finished(recent, 8).usage.cached_tokens == 100
    assert finished(oldest, 9).usage.cached_tokens == 0
    assert bench.session.counters().evicted_tokens > 0


# --- random traffic ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(n, marks=pytest.mark.slow) for n in range(2, 6))])
def test_random_traffic_ends_as_it_must(seed: int) -> None:
    """Arrivals, aborts and lengths at random, on pools from tiny to roomy, audited after every step."""
    rng = random.Random(seed)
    page_size = rng.choice([1, 1, 4])
    bench = Bench(
        num_slots=rng.choice([160, 256, 600]),
        page_size=page_size,
        chunk_len=rng.choice([5, 30, 512]),
        token_budget=rng.choice([16, 64, 512]),
        max_running=rng.choice([3, 16]),
    )
    requests: list[Request] = []
    aborted: set[int] = set()
    events: list[Event] = []
    for _ in range(120):
        if rng.random() < 0.4:
            new = [_random_request(rng, len(requests) + i) for i in range(rng.randrange(1, 4))]
            requests += new
            bench.session.submit(new)
        if requests and rng.random() < 0.1:
            rid = rng.randrange(len(requests))
            aborted.add(rid)
            bench.session.abort(rid, "test")
        events += bench.step()
    events += bench.finish()

    check_events(events, requests)
    for request in requests:
        for sample in range(request.n):
            end = next(
                e for e in events if isinstance(e, Finished | Failed) and (e.rid, e.sample) == (request.rid, sample)
            )
            if isinstance(end, Finished):
                assert said(events, request.rid, sample) == expect(request, sample)
                assert end.usage.prompt_tokens == len(request.prompt.ids)
            else:
                assert (end.code == "aborted" and end.rid in aborted) or end.code == "pool_too_small"


def _random_request(rng: random.Random, rid: int) -> Request:
    prompt = LONG[: rng.choice([10, 60, 110])] + "".join(rng.choices("ab", k=rng.randrange(5)))
    sampled = gen(rng.randrange(1, 40), temperature=1.0, seed=rng.randrange(9), stop=rng.choice([(), ("t", "ing")]))
    score = Score(None, tuple(rng.sample(["ab", "abc", "yes", "the one", "x"], k=3)))
    rows: list[tuple[Segment, ...]] = [
        (sampled,),
        (score,),
        (sampled, score, gen(3)),
        (gen(12), sampled),
        (score, sampled),
    ]
    out = rng.choice(rows)
    return ask(rid, prompt, *out, n=rng.choice([1, 1, 2]), priority=rng.choice([0, 0, 1]))
