"""Leases: how slots move, what is claimed, and that nothing is ever lost."""

from __future__ import annotations

import random

import numpy as np
import pytest

from lmc.backend.cache.lease import EXTENT, KVCache, Lease
from lmc.backend.cache.pool import SlotState
from lmc.backend.cache.radix import Claim


def ids(*tokens: int) -> np.ndarray:
    return np.array(tokens, np.int32)


def opened(cache: KVCache, tokens: np.ndarray, namespace: str = "") -> Lease:
    """A lease that must not have to wait."""
    lease = cache.open(namespace, tokens)
    assert isinstance(lease, Lease)
    return lease


def compute(lease: Lease, tokens: np.ndarray, upto: int | None = None) -> None:
    """Grow, compute and publish."""
    length = len(tokens) if upto is None else upto
    assert lease.grow(length)
    lease.commit(length)
    lease.publish(tokens)
    lease.cache.check()


def test_published_tokens_are_found_by_the_next() -> None:
    """Short of the last one, whose logits are wanted."""
    cache = KVCache(64)
    tokens = ids(1, 2, 3, 4, 5)
    lease = opened(cache, tokens)
    compute(lease, tokens)
    slots = lease.slots(5).tolist()
    lease.release()
    again = opened(cache, tokens)

    assert (again.published, again.slots(4).tolist()) == (4, slots[:4])
    assert again.claim is None


def test_second_lease_adopts_what_the_first_published() -> None:
    """Duplicates go to limbo while a step runs; the lease reads the tree's slots from then on."""
    cache = KVCache(256)
    tokens = np.arange(20, dtype=np.int32)
    first = opened(cache, tokens)
    compute(first, tokens)
    second = opened(cache, tokens)
    assert second.grow(20)
    step = cache.pool.begin_step()
    own = int(second.slots(20)[19])
    second.commit(20)
    second.publish(tokens)

    assert second.slots(20).tolist() == first.slots(20).tolist()
    assert cache.pool.state[own] == SlotState.LIMBO
    cache.check()
    cache.pool.end_step(step)
    assert cache.pool.state[own] == SlotState.FREE


def test_grow_is_all_or_nothing() -> None:
    """A lease that cannot have all gets no slot, and no prefix is evicted for nothing."""
    cache = KVCache(32)
    old = opened(cache, ids(9, 9, 9, 9))
    compute(old, ids(9, 9, 9, 9))
    old.release()
    lease = opened(cache, ids(1, 2))

    assert not lease.grow(33)
    assert (lease.reserved, cache.num_evicted, cache.peek("", ids(9, 9, 9, 9))) == (0, 0, 4)
    assert lease.grow(32)
    assert cache.num_evicted == 4


def test_extents_shrink_when_the_pool_is_tight() -> None:
    """64 slots ahead while there is room, the bare need after that; spare ones come back."""
    cache = KVCache(EXTENT * 2)
    first, second = opened(cache, ids(1, 2)), opened(cache, ids(3, 4))
    assert first.grow(1) and second.grow(1)

    assert (first.reserved, second.reserved) == (EXTENT, 1)
    assert first.shrink() and not first.shrink()
    assert first.reserved == 1
    cache.check()


def test_waiters_wake_when_the_owner_publishes() -> None:
    """A claim moves with the owner, chunk by chunk."""
    cache = KVCache(64)
    tokens = np.arange(9, dtype=np.int32)
    owner = opened(cache, tokens)
    claim = cache.open("", tokens)
    assert isinstance(claim, Claim)
    woken: list[int] = []
    claim.waiters.append(lambda: woken.append(1))
    compute(owner, tokens, 4)

    assert woken == [1]
    assert isinstance(cache.open("", tokens), Claim)
    other = opened(cache, ids(0, 1, 2, 3, 77, 78))
    assert other.published == 4


def test_release_wakes_and_one_takes_over() -> None:
    """An owner that gives up leaves the tokens to be claimed again; other namespaces never wait."""
    cache = KVCache(64)
    tokens = np.arange(9, dtype=np.int32)
    owner = opened(cache, tokens)
    claim = cache.open("", tokens)
    assert isinstance(claim, Claim)
    woken: list[int] = []
    claim.waiters.append(lambda: woken.append(1))
    opened(cache, tokens, "salt")
    owner.release()

    assert woken == [1]
    assert opened(cache, tokens).claim is not None
    assert isinstance(cache.open("", tokens), Claim)


def test_truncate_stops_at_what_is_published() -> None:
    """Shared tokens are not one lease's to forget."""
    cache = KVCache(64)
    lease = opened(cache, ids(1, 2, 3))
    compute(lease, ids(1, 2, 3))
    assert lease.grow(6)
    lease.commit(6)
    lease.truncate(4)

    assert lease.committed == 4
    with pytest.raises(AssertionError):
        lease.truncate(2)


def test_cache_off_shares_nothing() -> None:
    """No tree, no claims; everything comes back."""
    cache = KVCache(64, cache=False)
    one, other = opened(cache, ids(1, 2, 3)), opened(cache, ids(1, 2, 3))
    compute(one, ids(1, 2, 3))
    compute(other, ids(1, 2, 3))
    one.release()
    other.release()

    assert cache.pool.num_free == 64


@pytest.mark.parametrize("page_size, seed", [(1, 0), (1, 1), (1, 2), (4, 0), (4, 1)])
def test_random_leases_keep_every_invariant(page_size: int, seed: int) -> None:
    """Open, grow, commit, publish, truncate, shrink, borrow, release, steps: an audit and a tag check after each."""
    rng = random.Random(seed)
    cache = KVCache(160, page_size=page_size)
    tags: dict[int, tuple[int, ...]] = {}  # slot -> the prefix whose KV it holds

    def forget(slots: np.ndarray) -> None:
        for slot in slots.tolist():
            tags.pop(slot, None)

    cache.pool.on_free = forget
    live: list[tuple[Lease, np.ndarray]] = []
    steps: list[int] = []
    for _ in range(900):
        action = rng.choice(
            ["open", "compute", "compute", "publish", "truncate", "shrink", "borrow", "release", "step"]
        )
        if action == "open" and len(live) < 8:
            tokens = np.array(rng.choices(range(2), k=rng.randrange(2, 40)), np.int32)
            lease = cache.open("", tokens)
            if isinstance(lease, Lease):
                live.append((lease, tokens))
        elif action == "step":
            if steps and rng.random() < 0.6:
                cache.pool.end_step(steps.pop(rng.randrange(len(steps))))
            else:
                steps.append(cache.pool.begin_step())
        elif live:
            _act(rng, action, live, tags)
        cache.check()
        for lease, tokens in live:
            known = tuple(tokens.tolist())
            for at, slot in enumerate(lease.slots(lease.committed).tolist()):
                assert tags[slot] == known[: at + 1], "a committed slot holds its prefix"
    for lease, _ in live:
        lease.release()
    for step in steps:
        cache.pool.end_step(step)
    cache.clear()
    cache.check()
    assert cache.pool.num_free == cache.pool.num_slots


def _act(
    rng: random.Random, action: str, live: list[tuple[Lease, np.ndarray]], tags: dict[int, tuple[int, ...]]
) -> None:
    at = rng.randrange(len(live))
    lease, tokens = live[at]
    if action == "compute":
        upto = rng.randrange(lease.committed, len(tokens) + 1)
        if lease.grow(upto):
            for i in range(lease.committed, upto):
                tags[int(lease.slots(upto)[i])] = tuple(tokens[: i + 1].tolist())
            lease.commit(upto)
    elif action == "publish":
        lease.publish(tokens)
    elif action == "truncate":
        lease.truncate(rng.randrange(lease.published, lease.committed + 1))
    elif action == "shrink":
        lease.shrink()
    elif action == "borrow":
        lease.give_back()
        lease.borrow(rng.randrange(1, 30))
    else:
        lease.release()
        live.pop(at)
