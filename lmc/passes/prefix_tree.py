"""The prefix tree of many keys of integers: put in once each, from where a beginning that is known already ends.

Not a pass, and knows nothing of prompts: `hoist_prefix` says what the integers are. A node holds a stretch of integers,
so there is never one object a token; a key that goes on from another one is put in without reading that one again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lmc.common_prefix import common_len

Key = tuple[int, ...]


class TreeNode:
    """A stretch of integers behind those of the node above.

    end        how many integers it is from the top to its end
    num_known  how many of those are not negative
    source     what was being put in when it was made
    num_keys   of those that go through it, or end in it
    """

    __slots__ = ("above", "below", "end", "ids", "num_keys", "num_known", "source")

    def __init__(self, above: TreeNode | None, ids: Key, num_known: int, source: object) -> None:
        self.above = above
        self.ids = ids
        self.end: int = (above.end if above else 0) + len(ids)
        self.num_known: int = (above.num_known if above else 0) + num_known
        self.source = source
        self.num_keys = 0
        self.below: dict[int, TreeNode] = {}  # by their first integer, in the order of their first keys

    @property
    def start(self) -> int:
        """How many integers stand before it."""
        return self.end - len(self.ids)


def num_known(ids: Key) -> int:
    """How many integers are token ids."""
    if not ids or min(ids) >= 0:  # of a long text all are, and that is soon seen
        return len(ids)
    return sum(id >= 0 for id in ids)


@dataclass(frozen=True, slots=True, eq=False)
class SharedNode:
    """What two or more keys have in common beyond the shared node above; one or several tree nodes.

    number  its place in the list: parents before children, siblings by their first key
    start   integers before it
    node    the tree node that it ends with
    """

    number: int
    parent: SharedNode | None
    start: int
    node: TreeNode

    @property
    def end(self) -> int:
        """Integers up to its end."""
        return self.node.end

    @property
    def num_known(self) -> int:
        """Of its own integers those that are token ids."""
        return self.node.num_known - (self.parent.node.num_known if self.parent else 0)


class PrefixTree:
    """Keys, each as the tree node that it ends with."""

    def __init__(self) -> None:
        self.root = TreeNode(None, (), 0, None)
        self.num_distinct = 0  # integers that are token ids, each node's once

    def put(self, at: TreeNode, ids: Key, source: object = None) -> TreeNode:
        """The node that ends with `ids` behind `at`; `source` stays with what is new. Nodes that were given stay."""
        start = 0
        while start < len(ids):
            below = at.below.get(ids[start])
            if below is None:
                rest = ids[start:]
                num = num_known(rest)  # once: a batch may have millions
                self.num_distinct += num
                at.below[rest[0]] = at = TreeNode(at, rest, num, source)
                break
            num_common = common_len(below.ids, ids[start : start + len(below.ids)])
            at = below if num_common == len(below.ids) else _split(below, num_common)
            start += num_common
        return at

    def shared(self, ends: Sequence[TreeNode]) -> tuple[list[SharedNode], list[SharedNode | None]]:
        """Every node that two or more keys begin with, and for each key the deepest of those; `ends` are all keys."""
        nodes = list(self._nodes())
        for end in ends:
            end.num_keys += 1
        for node in reversed(nodes):
            if node.above is not None:
                node.above.num_keys += node.num_keys
        found: list[SharedNode] = []
        deepest: dict[int, SharedNode | None] = {}
        for node in nodes:
            above = deepest[id(node.above)] if node.above is not None else None
            if _is_shared(node):
                above = SharedNode(len(found), above, above.end if above else 0, node)
                found.append(above)
            deepest[id(node)] = above
        return found, [deepest[id(end)] for end in ends]

    def _nodes(self) -> Iterator[TreeNode]:
        """All nodes, parents before children."""
        todo = [self.root]
        while todo:
            node = todo.pop()
            yield node
            todo += reversed(node.below.values())


def _is_shared(node: TreeNode) -> bool:
    """Whether two or more keys go through a node, and not all of them on through one below it."""
    return node.num_keys > 1 and node.end > 0 and all(n.num_keys < node.num_keys for n in node.below.values())


def _split(node: TreeNode, length: int) -> TreeNode:
    """Makes the first `length` integers of a node one of their own, and gives that one."""
    assert node.above is not None and 0 < length < len(node.ids)
    upper = TreeNode(node.above, node.ids[:length], num_known(node.ids[:length]), node.source)
    node.above.below[node.ids[0]] = upper
    node.ids, node.above = node.ids[length:], upper
    upper.below[node.ids[0]] = node
    return upper
