"""Eviction by value: what nobody wants goes first, as LRU has it; then what is wanted, the farthest use first."""

from __future__ import annotations

import random

import numpy as np
import pytest

from lmc.backend.cache.next_uses import NextUses
from lmc.backend.cache.radix import SPARE_ENTRIES, RadixTree
from tests.backend.cache.test_radix import ids, put


def test_what_is_wanted_outlives_what_was_used_later() -> None:
    """The farther of two next uses goes before the nearer, and both behind what nobody wants."""
    tree = RadixTree()
    near = put(tree, ids(1, 2), ids(0, 1))
    far = put(tree, ids(3, 4), ids(2, 3))
    put(tree, ids(5, 6), ids(4, 5))
    tree.want("near", near, 10)
    tree.want("far", far, 20)

    assert [sorted(tree.evict(2).tolist()) for _ in range(3)] == [[4, 5], [2, 3], [0, 1]]
    tree.check()


def test_the_nearest_of_several_uses_counts() -> None:
    """And once the one that is nearest is over, the next."""
    tree = RadixTree()
    shared, other = put(tree, ids(1), ids(0)), put(tree, ids(2), ids(1))
    tree.want("a", shared, 5)
    tree.want("b", shared, 50)
    tree.want("c", other, 20)
    tree.unwant("a")
    tree.check()

    assert tree.evict(1).tolist() == [0]


def test_what_is_left_of_a_wanted_prefix_stays_wanted() -> None:
    """Its end has gone with a leaf of its own, and the rest is kept for the same use; all gone, nobody wants it."""
    tree = RadixTree()
    put(tree, ids(1, 2), ids(0, 1))
    deep = put(tree, ids(1, 2, 3, 4), ids(0, 1, 2, 3))
    tree.want("x", deep, 9)
    assert sorted(tree.evict(2).tolist()) == [2, 3]
    put(tree, ids(8, 9), ids(8, 9))

    assert sorted(tree.evict(2).tolist()) == [8, 9]
    assert sorted(tree.evict(2).tolist()) == [0, 1]
    assert tree.wanted_at("x") is None
    tree.unwant("x")
    tree.check()


Key = tuple[int, ...]


class Naive:
    """The rule by brute force over a dictionary of leaves: used when, and wanted by whom."""

    def __init__(self) -> None:
        self.used: dict[Key, int] = {}  # every resident prefix, token by token
        self.wants: dict[int, tuple[Key, float]] = {}

    def use(self, key: Key, now: int) -> None:
        for end in range(1, len(key) + 1):
            self.used[key[:end]] = now

    def evict(self) -> Key:
        leaves = [key for key in self.used if not any(other[:-1] == key for other in self.used)]
        victim = min(leaves, key=self.value)
        del self.used[victim]
        for who, (key, due) in list(self.wants.items()):
            if key == victim:
                if len(key) == 1:
                    del self.wants[who]
                else:
                    self.wants[who] = (key[:-1], due)
        return victim

    def value(self, leaf: Key) -> tuple[bool, float, int]:
        dues = [due for key, due in self.wants.values() if key == leaf]
        return (bool(dues), -min(dues, default=0), self.used[leaf])


@pytest.mark.parametrize("wants", [False, True], ids=["nobody wants anything", "wants"])
@pytest.mark.parametrize("seed", range(12))
def test_victims_are_those_of_the_rule(seed: int, wants: bool) -> None:
    """Token by token, whatever is inserted, wanted and no longer wanted in between; without wants it is LRU."""
    rng, tree, naive, slot_of = random.Random(seed), RadixTree(), Naive(), dict[int, Key]()
    for _ in range(250):
        key = tuple(rng.randrange(3) for _ in range(rng.randrange(1, 6)))
        match rng.choice(["use", "use", "want", "unwant", "evict"]):
            case "use":
                match = tree.match("", ids(*key))
                new = np.arange(match.length, len(key), dtype=np.int32) + 10 * len(slot_of) + 100
                slot_of.update({int(slot): key[: match.length + i + 1] for i, slot in enumerate(new)})
                if len(new):
                    tree.insert(match.node, ids(*key[match.length :]), new)
                naive.use(key, tree.now)
                for end in range(1, match.length + 1):  # an insertion is a tick of its own, for what it puts in
                    naive.used[key[:end]] = tree.now - bool(len(new))
            case "want" if wants and tree.peek("", ids(*key)):
                found = tree.match("", ids(*key))
                naive.use(key[: found.length], tree.now)
                who, due = rng.randrange(6), rng.randrange(1000) + rng.random()
                tree.want(who, found.node, due)
                naive.wants[who] = (key[: found.length], due)
            case "unwant":
                who = rng.randrange(6)
                tree.unwant(who)
                naive.wants.pop(who, None)
            case "evict" if naive.used:
                (slot,) = tree.evict(1).tolist()
                assert slot_of[slot] == naive.evict()
        tree.check()


def test_a_heap_of_changes_stays_as_large_as_the_tree() -> None:
    """Wants that come and go leave nothing behind."""
    tree = RadixTree()
    nodes = [put(tree, ids(i, i), ids(2 * i, 2 * i + 1)) for i in range(50)]
    for turn in range(2000):
        tree.want(turn % 7, nodes[turn % 50], turn)
        tree.unwant(turn % 7)
        assert len(tree._heap) <= 2 * len(nodes) + SPARE_ENTRIES + 1
    uses = NextUses(nodes[0])
    for turn in range(2000):
        uses.put(0, -turn)
    assert len(uses._heap) <= 16 and uses.nearest == -1999


def test_eviction_does_logarithmic_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many leaves there are; that their values have grown is noted once, by the first that looks."""
    counts = []
    for num in (200, 2000):
        tree, looked = RadixTree(), [0]
        for i in range(num):
            tree.want(i, put(tree, ids(i), ids(i)), i)
        tree.evict(1)
        nearest = NextUses.nearest.fget

        def counted(self: NextUses, looked: list[int] = looked, nearest=nearest) -> float | None:
            looked[0] += 1
            return nearest(self)

        with monkeypatch.context() as patch:
            patch.setattr(NextUses, "nearest", property(counted))
            for _ in range(100):
                tree.evict(1)
        counts.append(looked[0])
    assert counts[0] == counts[1] <= 200
