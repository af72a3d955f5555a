"""The radix tree against a dictionary of prefixes."""

from __future__ import annotations

import random

import numpy as np
import pytest

from lmc.backend.cache.radix import RadixNode, RadixTree


def ids(*tokens: int) -> np.ndarray:
    return np.array(tokens, np.int32)


def put(tree: RadixTree, tokens: np.ndarray, slots: np.ndarray, namespace: str = "") -> RadixNode:
    """Insert from the root."""
    root = tree.match(namespace, tokens[:0]).node
    return tree.insert(root, tokens, slots).node


def test_match_ends_in_the_middle_of_a_node_and_splits_it() -> None:
    """The handle to the deeper node stays right."""
    tree = RadixTree()
    deep = put(tree, ids(1, 2, 3, 4), ids(10, 11, 12, 13))
    tree.lock(deep)
    match = tree.match("", ids(1, 2, 9))

    assert (match.length, match.slots.tolist(), match.node.depth) == (2, [10, 11], 2)
    assert deep.key.tolist() == [3, 4] and deep.depth == 4 and deep.parent is match.node
    tree.check([deep])
    tree.unlock(deep)
    tree.check()
    assert tree.num_locked == 0


def test_insert_keeps_the_slots_that_are_there() -> None:
    """And says how many tokens it found."""
    tree = RadixTree()
    put(tree, ids(1, 2, 3), ids(10, 11, 12))
    done = tree.insert(tree.match("", ids()).node, ids(1, 2, 7), ids(20, 21, 22))

    assert (done.found, done.slots.tolist()) == (2, [10, 11, 22])


def test_eviction_takes_the_oldest_leaf_from_its_end() -> None:
    """As much as is asked for, and no more."""
    tree = RadixTree()
    put(tree, ids(1, 2, 3, 4), ids(0, 1, 2, 3))
    put(tree, ids(5, 6, 7, 8), ids(4, 5, 6, 7))
    tree.match("", ids(1, 2, 3, 4))

    assert tree.evict(2).tolist() == [6, 7]
    assert sorted(tree.evict(3).tolist()) == [3, 4, 5]
    tree.check()
    assert tree.peek("", ids(1, 2, 3, 4)) == 3


def test_evict_never_frees_a_locked_prefix() -> None:
    """A prefix in use survives any amount of pressure; what hangs below it does not."""
    tree = RadixTree()
    put(tree, ids(1, 2, 3, 4), ids(0, 1, 2, 3))
    node = tree.match("", ids(1, 2)).node
    tree.lock(node)

    assert sorted(tree.evict(100).tolist()) == [2, 3]
    assert tree.match("", ids(1, 2, 3)).length == 2
    tree.check([node])


def test_namespaces_are_separate() -> None:
    """Equal tokens, other tree; one eviction order over all."""
    tree = RadixTree()
    put(tree, ids(1, 2), ids(0, 1), "a")

    assert tree.peek("b", ids(1, 2)) == 0
    assert sorted(tree.evict(9).tolist()) == [0, 1]


def test_match_is_cut_to_whole_pages() -> None:
    """Nothing shorter than a page is shared."""
    tree = RadixTree(page_size=4)
    put(tree, np.arange(8, dtype=np.int32), np.arange(8, dtype=np.int32))

    assert [tree.peek("", np.arange(n, dtype=np.int32)) for n in (3, 4, 7, 8, 9)] == [0, 4, 4, 8, 8]
    assert tree.match("", ids(0, 1, 2, 3, 4, 5, 9, 9)).length == 4
    assert tree.match("", ids(0, 1, 9, 3)).length == 0


@pytest.mark.parametrize("page_size, seed", [(1, 0), (1, 1), (3, 0), (4, 1)])
def test_tree_agrees_with_a_dictionary(page_size: int, seed: int) -> None:
    """Insert, match, lock, unlock and evict at random: the tree is a dictionary from whole-page prefixes to slots."""
    rng = random.Random(seed)
    tree, resident = RadixTree(page_size), Prefixes(page_size)
    handles: list[tuple[str, Ids, RadixNode]] = []
    fresh = iter(range(10**6))
    for _ in range(700):
        space = rng.choice("ab")
        tokens = tuple(rng.choices(range(3), k=rng.randrange(0, 18)))
        whole = tokens[: len(tokens) - len(tokens) % page_size]
        match rng.randrange(5):
            case 0:
                slots = [next(fresh) for _ in whole]
                done = tree.insert(tree.match(space, ids()).node, ids(*whole), ids(*slots))
                resident.put(space, whole, slots)
                assert done.slots.tolist() == resident.get(space, whole)
            case 1:
                found = tree.match(space, ids(*tokens))
                assert found.slots.tolist() == resident.get(space, whole)
                if rng.random() < 0.5:
                    tree.lock(found.node)
                    handles.append((space, whole[: found.length], found.node))
            case 2 if handles:
                tree.unlock(handles.pop(rng.randrange(len(handles)))[2])
            case 3:
                resident.drop(tree.evict(rng.randrange(1, 12)).tolist())
                assert all(len(resident.get(space, prefix)) == len(prefix) for space, prefix, _ in handles)
            case _:
                assert tree.peek(space, ids(*tokens)) == len(resident.get(space, whole))
        tree.check([node for _, _, node in handles])
        assert tree.num_tokens == page_size * len(resident.pages)


Ids = tuple[int, ...]


class Prefixes:
    """The oracle: (namespace, tokens up to the end of a page) -> that page's slots."""

    def __init__(self, page_size: int) -> None:
        self.page_size = page_size
        self.pages: dict[tuple[str, Ids], list[int]] = {}

    def put(self, space: str, tokens: Ids, slots: list[int]) -> None:
        for end in range(self.page_size, len(tokens) + 1, self.page_size):
            self.pages.setdefault((space, tokens[:end]), slots[end - self.page_size : end])

    def get(self, space: str, tokens: Ids) -> list[int]:
        """Slots of the longest prefix that is there."""
        slots: list[int] = []
        for end in range(self.page_size, len(tokens) + 1, self.page_size):
            page = self.pages.get((space, tokens[:end]))
            if page is None:
                break
            slots += page
        return slots

    def drop(self, slots: list[int]) -> None:
        """Pages go whole, and never before those behind them."""
        gone = set(slots)
        self.pages = {key: page for key, page in self.pages.items() if not gone & set(page)}
        for space, tokens in self.pages:
            assert len(self.get(space, tokens)) == len(tokens)
