"""The order of rows and the runs they share, against the radix tree read row by row."""

from __future__ import annotations

import random
from itertools import combinations

import numpy as np
import pytest

from lmc.backend.cache.radix import RadixNode, RadixTree
from lmc.backend.engine.tree import Arrangement, arrange
from lmc.backend.runner.batch import SharedRun


def leaf(tree: RadixTree, ids: list[int], namespace: str = "") -> RadixNode:
    """The node that holds all of `ids`, put in if need be."""
    tokens = np.array(ids, np.int32)
    found = tree.match(namespace, tokens)
    return tree.insert(found.node, tokens[found.length :], np.arange(len(ids) - found.length, dtype=np.int32)).node


def shared_by(runs: tuple[SharedRun, ...], a: int, b: int) -> int:
    """How many tokens two rows share, as runs say."""
    return max((run.high for run in runs if run.first <= a < run.end and run.first <= b < run.end), default=0)


def depth_of_both(a: RadixNode, b: RadixNode) -> int:
    """How many tokens two nodes share, read off the tree."""
    above = set(a.path())
    return next((node.depth for node in b.path() if node in above), 0)


def check(arranged: Arrangement, nodes: list[RadixNode | None]) -> None:
    """Every pair of rows shares what the tree says, and runs are nested."""
    order, runs = arranged
    assert sorted(order) == list(range(len(nodes)))
    for a, b in combinations(range(len(nodes)), 2):
        left, right = nodes[order[a]], nodes[order[b]]
        expected = depth_of_both(left, right) if left is not None and right is not None else 0
        assert shared_by(runs, a, b) == expected
    for run, other in combinations(runs, 2):
        assert other.first >= run.end or (run.first <= other.first and other.end <= run.end and other.low >= run.high)


@pytest.mark.parametrize("seed", range(30))
def test_rows_share_what_the_tree_says(seed: int) -> None:
    """Random prompts over two letters, some of another namespace, some without a tree."""
    rng = random.Random(seed)
    tree = RadixTree()
    nodes: list[RadixNode | None] = []
    for _ in range(rng.randrange(1, 14)):
        ids = rng.choices([1, 2], k=rng.randrange(1, 9))
        nodes.append(None if rng.random() < 0.1 else leaf(tree, ids, rng.choice(["", "", "other"])))

    check(arrange(nodes), nodes)


def test_runs_are_nested() -> None:
    """Four rows behind three tokens, of which two go on together for two more: each stretch is in one run."""
    tree = RadixTree()
    for ids in ([1, 2, 3, 4, 5, 6], [1, 2, 3, 7], [1, 2, 3, 4, 5, 8], [1, 2, 3, 9], [5]):
        leaf(tree, ids)
    prompts = ([1, 2, 3, 7], [5], [1, 2, 3, 4, 5, 6], [1, 2, 3, 9], [1, 2, 3, 4, 5, 8])
    nodes = [leaf(tree, ids) for ids in prompts]
    order, runs = arrange(nodes)

    assert [(run.num_rows, run.low, run.high) for run in runs] == [(4, 0, 3), (2, 3, 5)]
    first = runs[1].first
    assert {order[first], order[first + 1]} == {2, 4}


def test_branches_of_choices_share_all_before_the_last_token() -> None:
    """A work of three rows behind two tokens of a tree that another row reads as well."""
    tree = RadixTree()
    common = leaf(tree, [1, 2])
    order, runs = arrange([common, common], [(1, 3, 4)])

    assert order == [0, 1]
    assert runs == (SharedRun(0, 4, 0, 2), SharedRun(1, 4, 2, 4))
