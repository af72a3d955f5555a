"""Running ahead: what may, what stays in step, and what becomes of passes that nobody needs any more."""

from __future__ import annotations

import pytest

from lmc.backend.base import Delta, Request, Score
from lmc.ir.constraint import Choices
from tests.support.fake_engine import Bench, Said, ask, assert_as_expected, failed, gen, said
from tests.support.late_device import LateDevice

LONG = "The house by the road has a long answer to all that is asked of it. " * 3
PHRASES = Choices(("the answer is: yes, and that is a long way", "the answer is: no! stop"))


def num_fed(bench: Bench) -> int:
    """Rows that were launched before their token was known."""
    return bench.device.num_fed if isinstance(bench.device, LateDevice) else 0


def test_plain_rows_run_ahead(depth: int) -> None:
    """All tokens but the first and the last of each row are fed on the device; the last passes are not launched."""
    bench = Bench()
    requests = [ask(i, LONG + str(i), gen(20, ignore_eos=True)) for i in range(4)]

    assert_as_expected(bench.run(requests), requests)
    assert num_fed(bench) == (0 if depth == 1 else 4 * 19)
    assert bench.runner.computed == bench.session.counters().computed_tokens + 4 * 19


def test_end_that_was_not_foreseen_costs_one_row(depth: int) -> None:
    """A stop is found when the next pass is under way: that row of it is void, and nothing of it is seen."""
    bench = Bench()
    requests = [ask(i, f"s{i}", gen(60, temperature=1.0, seed=i, stop=("ng", "e", "\n", "st"))) for i in range(12)]
    events = bench.run(requests)

    assert_as_expected(events, requests)
    needed = sum(len(said(events, i)[0][1]) for i in range(12))
    assert bench.runner.computed <= needed + sum(len(r.prompt.ids) for r in requests) + 12 * depth


def at_both_depths(requests: list[Request], **options: object) -> list[list[list[Said]]]:
    """What is said at depth 1, and at depth 2, where most rows have been fed."""
    seen = []
    for depth in (1, 2):
        Bench.depth = depth
        bench = Bench(**options)  # type: ignore[arg-type]
        events = bench.run(requests)
        seen.append([said(events, request.rid, sample) for request in requests for sample in range(request.n)])
        output = bench.session.counters().output_tokens
        assert num_fed(bench) >= (0 if depth == 1 else output // 2)
    return seen


@pytest.mark.parametrize("out", [gen(60, constraint=PHRASES), Score(None, ("ab", "abc", "zz"))], ids=["jump", "score"])
def test_rows_in_step_take_no_pass_more(out: object, depth: int) -> None:
    """What may be forced or is scored is read before anything is planned: no row is fed, no pass is wasted."""
    bench = Bench()
    requests = [ask(i, LONG, out, n=1) for i in range(3)]  # type: ignore[arg-type]
    events = bench.run(requests)

    assert_as_expected(events, requests)
    assert num_fed(bench) == 0
    assert bench.runner.passes <= 4


@pytest.mark.depth1("runs at both by itself, to compare")
def test_constraint_without_jumps_runs_ahead() -> None:
    """Its mask is made when the token before is known, while the pass is under way."""
    requests = [ask(i, LONG[:50] + str(i), gen(60, constraint=PHRASES, temperature=1.0, seed=i)) for i in range(6)]
    here, ahead = at_both_depths(requests, jumps=False)

    assert here == ahead
    assert {text for ((text, _, _),) in here} <= set(PHRASES.options)


def test_penalties_see_every_token_before(depth: int) -> None:
    """The pass is under way before the last token is known, its draw is not."""
    bench = Bench()
    requests = [ask(i, LONG[:40], gen(40, frequency_penalty=1.5, temperature=1.0, seed=i)) for i in range(4)]

    assert_as_expected(bench.run(requests), requests)


def test_nothing_is_retracted_while_a_pass_is_under_way(monkeypatch: pytest.MonkeyPatch, depth: int) -> None:
    """A pool too small for all: what is under way is landed first."""
    bench = Bench(num_slots=400)
    real, under_way = bench.engine.scheduler.retract, []

    def retract(seq: object) -> None:
        under_way.append(len(bench.engine.cache.pool.open_steps))
        real(seq)  # type: ignore[arg-type]

    monkeypatch.setattr(bench.engine.scheduler, "retract", retract)
    requests = [ask(i, LONG[:60] + f"#{i}", gen(120, ignore_eos=True)) for i in range(8)]

    assert_as_expected(bench.run(requests), requests)
    assert under_way and not any(under_way)


def test_abort_of_what_is_under_way_is_the_last_that_is_heard_of_it(depth: int) -> None:
    """The pass goes on, its token is dropped, its slots come back when it has landed."""
    bench = Bench()
    bench.session.submit([ask(0, LONG, gen(50, ignore_eos=True)), ask(1, LONG + "b", gen(30, ignore_eos=True))])
    events = [event for _ in range(6) for event in bench.step()]
    bench.session.abort(0, "enough")
    bench.engine.check()
    events += bench.finish()

    assert failed(events, 0).code == "aborted"
    last = max(i for i, event in enumerate(events) if event.rid == 0)
    assert not isinstance(events[last], Delta)
    assert_as_expected([e for e in events if e.rid], [ask(1, LONG + "b", gen(30, ignore_eos=True))])


def test_error_of_the_device_has_no_culprit(depth: int) -> None:
    """All samples of the pass fail and may be tried again; the engine goes on, with whoever was not in it."""
    bench = Bench(max_running=2)
    requests = [ask(i, LONG[:50] + str(i), gen(8, ignore_eos=True)) for i in range(4)]
    bench.runner.fail_results = lambda number: number == 5
    events = bench.run(requests)

    assert [failed(events, i).retryable for i in range(2)] == [True, True]
    assert all("injected failure of the device" in failed(events, i).message for i in range(2))
    assert_as_expected([e for e in events if e.rid > 1], requests[2:])


def test_failing_launch_loses_nothing_that_is_under_way(depth: int) -> None:
    """A pass that fails once when it is launched is tried row by row, after the one before has been landed."""
    bench = Bench()
    requests = [ask(i, LONG[:50] + str(i), gen(20, ignore_eos=True)) for i in range(4)]
    bench.runner.fail_when = lambda row: bench.runner.passes in (6, 17)

    assert_as_expected(bench.run(requests), requests)


@pytest.mark.depth1("runs at both by itself, to compare")
def test_seeded_results_are_the_same_at_both_depths() -> None:
    """The noise is keyed by seed and position."""
    requests = [ask(i, LONG, gen(25, temperature=1.0, seed=i, stop=("t",)), n=2) for i in range(5)]
    here, ahead = at_both_depths(requests, chunk_len=16)

    assert here == ahead


@pytest.mark.depth1("runs late by itself: at depth 1 nothing is under way between two steps")
@pytest.mark.parametrize("break_it", ["ahead", "launched", "committed", "seat"])
def test_audit_sees_what_does_not_agree(break_it: str) -> None:
    """Who waits for a pass, which slots it writes, what has been committed, whose seat it is."""
    Bench.depth = 2
    bench = Bench()
    bench.session.submit([ask(i, LONG + str(i), gen(9, ignore_eos=True)) for i in range(2)])
    for _ in range(4):
        bench.step()
    first, second = bench.engine.scheduler.running
    assert first.lease is not None
    bench.engine.check()
    match break_it:
        case "ahead":
            first.ahead = None
        case "launched":
            first.lease.launched = 0
        case "committed":
            first.lease.committed -= 1
        case "seat":
            first.seat = second.seat
    with pytest.raises(AssertionError):
        bench.engine.check()
