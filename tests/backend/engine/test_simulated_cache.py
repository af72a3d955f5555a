"""Programs that come back to what they have said, simulated: near Belady, no worse than LRU, the same text."""

from __future__ import annotations

from dataclasses import replace

import pytest

from scripts.support.cache_belady import Replay, Trace, Use
from scripts.support.cache_simulator import Seen, Workflow, simulate
from scripts.support.cache_workflows import WORKFLOWS, talks, tasks

SHARES = (25, 50, 75)


def least_recently_used(workflow: Workflow, num_slots: int) -> Seen:
    """Without hints, and by recency alone."""
    return simulate(workflow, num_slots, follows=False, by_value=False)


def few(name: str, num: int = 8) -> Workflow:
    """A workflow with fewer items."""
    whole = WORKFLOWS[name]
    return replace(whole, items=whole.items[:num], max_running=4)


def test_agents_in_a_ring_compute_far_less_than_under_lru() -> None:
    """At half of their working set LRU finds nothing: each prompt goes just before it is used again."""
    workflow = WORKFLOWS["cyclic agents"]
    num_slots = simulate(workflow, 1 << 16).trace.working_set // 2
    kept, lru = simulate(workflow, num_slots), least_recently_used(workflow, num_slots)

    assert lru.trace.hits == 0 and lru.computed >= 1.8 * kept.computed
    assert kept.texts == lru.texts
    assert kept.trace.hits >= 0.95 * Replay(kept.trace, num_slots).hits("belady")


@pytest.mark.parametrize("name", ["loop", "tool pause"])
def test_hints_and_eviction_change_no_text(name: str) -> None:
    """On and off, each by itself, and the same run twice is the same."""
    workflow = few(name, 6)
    want = simulate(workflow, 1 << 16)
    num_slots = want.trace.working_set // 2
    ways = [{}, {"follows": False}, {"by_value": False}, {"cache": False}]
    seen = [simulate(workflow, num_slots, **way) for way in ways]  # type: ignore[arg-type]

    assert all(each.texts == want.texts for each in seen)
    again = simulate(workflow, num_slots)
    assert (again.trace, again.computed, again.seconds) == (seen[0].trace, seen[0].computed, seen[0].seconds)


@pytest.mark.slow
@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("name", WORKFLOWS)
def test_nearly_all_that_belady_would_find(name: str, share: int) -> None:
    """At a quarter, a half and three quarters of the working set; and never a point less than LRU."""
    workflow = WORKFLOWS[name]
    whole = simulate(workflow, 1 << 17)
    num_slots = whole.trace.working_set * share // 100
    kept, lru = simulate(workflow, num_slots), least_recently_used(workflow, num_slots)
    best = Replay(kept.trace, num_slots).hits("belady")

    assert kept.texts == lru.texts == whole.texts
    assert kept.trace.hits >= LEAST.get((name, share), 0.95) * best
    assert kept.hit_rate >= lru.hit_rate - 0.01


# how long a tool takes is not known to a plan: of those that pause, the one that comes back first is a guess
LEAST = {("tool pause", 25): 0.90}


@pytest.mark.slow
@pytest.mark.parametrize("batch", [400, 50])
def test_a_batch_of_conversations_reaches_its_hit_rate_whatever_its_size(batch: int) -> None:
    """Four turns each, on a pool for a tenth of them: as many are under way as it holds."""
    items = [{"topic": topic} for topic in tasks("many", 400)]
    seen = [
        simulate(Workflow(talks, items[at : at + batch], max_running=256), 16_000) for at in range(0, len(items), batch)
    ]
    hits, prompts = sum(each.trace.hits for each in seen), sum(each.trace.prompt_tokens for each in seen)

    assert hits >= 0.70 * prompts


def test_belady_and_lru_on_a_trace_that_can_be_checked_by_hand() -> None:
    """Three prompts in a ring, room for two: LRU finds none again, Belady every second one."""
    trace = Trace()
    for turn in range(9):
        ids = tuple(range(100 * (turn % 3), 100 * (turn % 3) + 10))
        use = Use(10, ids, trace.tick())
        use.ended = trace.tick()
        trace.uses.append(use)

    assert trace.working_set == 30
    assert Replay(trace, 20).hits("lru") == 0
    assert Replay(trace, 20).hits("belady") == 30
    assert Replay(trace, 30).hits("lru") == 60
