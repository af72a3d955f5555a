"""The prefix tree of many keys of integers, found by sorting: no trie of one object a token is ever built.

Not a pass, and knows nothing of prompts: `hoist_prefix` says what the integers are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from lmc.common_prefix import common_len

Key = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PrefixNode:
    """A node of the tree: what two or more keys have in common beyond the node above.

    [start, end)  where it lies in each of them
    keys          numbers of the keys that go through it, ascending
    parent        the node above, by its place in the list, None at the top
    """

    parent: int | None
    start: int
    end: int
    keys: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SortedKeys:
    """Keys in lexicographic order. common[i]: how long a beginning `order[i]` shares with the key before it."""

    order: tuple[int, ...]
    common: tuple[int, ...]


def sort_keys(keys: Sequence[Key]) -> SortedKeys:
    """Sorts keys, and says what neighbours share."""
    order = sorted(range(len(keys)), key=lambda i: (keys[i], i))
    common = [common_len(keys[a], keys[b]) for a, b in pairwise(order)]
    return SortedKeys(tuple(order), (0, *common) if order else ())


def prefix_nodes(keys: Sequence[Key]) -> tuple[PrefixNode, ...]:
    """Every node that two or more keys begin with; parents before children, siblings by their first row."""
    done: list[PrefixNode] = []
    ordered = sort_keys(keys)
    todo: list[tuple[int | None, int, int, int]] = [(None, 0, 0, len(keys))]  # parent, depth, [low, high) of order
    while todo:
        parent, depth, low, high = todo.pop()
        if high - low < 2:
            continue
        end = min(ordered.common[low + 1 : high])
        if end > depth:
            done.append(PrefixNode(parent, depth, end, tuple(sorted(ordered.order[low:high]))))
            parent = len(done) - 1
        cuts = [low, *(i for i in range(low + 1, high) if ordered.common[i] == end), high]
        parts = sorted(pairwise(cuts), key=lambda part: min(ordered.order[part[0] : part[1]]))
        todo += [(parent, end, *part) for part in reversed(parts)]
    return tuple(done)
