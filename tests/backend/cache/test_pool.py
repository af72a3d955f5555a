"""The pool: whose is each slot, and when is it free again."""

from __future__ import annotations

import random

import numpy as np
import pytest

from lmc.backend.cache.pool import KVPool, SlotState


def test_slots_come_in_one_run_where_they_can() -> None:
    """First fit, and behind the slot asked for."""
    pool = KVPool(100)
    first = pool.alloc(10)
    second = pool.alloc(20)
    assert first is not None and second is not None

    assert first.tolist() == list(range(10))
    pool.release(first, SlotState.LEASED)
    more = pool.alloc(5, after=int(second[-1]))
    assert more is not None and more.tolist() == list(range(30, 35))
    pool.check()


def test_scattered_room_is_still_room() -> None:
    """Where no run is long enough, several are taken."""
    pool = KVPool(40)
    taken = [pool.alloc(4) for _ in range(10)]
    for slots in taken[::2]:
        assert slots is not None
        pool.release(slots, SlotState.LEASED)
    got = pool.alloc(18)

    assert got is not None and len(set(got.tolist())) == 18
    assert pool.alloc(3) is None and pool.num_free == 2
    pool.check()


def test_released_slots_wait_for_the_steps_begun_before() -> None:
    """Limbo ends when the last of them does, in whatever order they end."""
    pool = KVPool(8)
    slots = pool.alloc(8)
    assert slots is not None
    one, two = pool.begin_step(), pool.begin_step()
    pool.release(slots[:4], SlotState.LEASED)
    three = pool.begin_step()
    pool.release(slots[4:], SlotState.LEASED)
    free = []
    for step in (two, one, three):
        pool.check()
        pool.end_step(step)
        free.append(pool.num_free)

    assert free == [0, 4, 8]


def test_pages_are_handed_out_whole_and_aligned() -> None:
    """The rest of the last page is never used."""
    pool = KVPool(50, page_size=16)
    slots = pool.alloc(32)
    assert slots is not None

    assert pool.num_slots == 48
    assert all(slots[i] % 16 == 0 for i in (0, 16))
    assert pool.alloc(32) is None


def test_wrong_moves_are_caught() -> None:
    """A slot cannot be released twice, nor by who does not own it."""
    pool = KVPool(4)
    slots = pool.alloc(2)
    assert slots is not None
    pool.release(slots, SlotState.LEASED)

    with pytest.raises(AssertionError):
        pool.release(slots, SlotState.LEASED)


@pytest.mark.parametrize("page_size", [1, 8])
def test_random_traffic_keeps_the_books(page_size: int) -> None:
    """Alloc and release in any order: no slot twice, none lost."""
    rng = random.Random(page_size)
    pool = KVPool(512, page_size)
    held: list[np.ndarray] = []
    for _ in range(600):
        if rng.random() < 0.55:
            slots = pool.alloc(page_size * rng.randrange(1, 12), after=int(held[-1][-1]) if held else None)
            held += [slots] if slots is not None else []
        elif held:
            pool.release(held.pop(rng.randrange(len(held))), SlotState.LEASED)
        pool.check()
    for slots in held:
        pool.release(slots, SlotState.LEASED)
    whole = pool.alloc(512)

    assert whole is not None and whole.tolist() == list(range(512))
