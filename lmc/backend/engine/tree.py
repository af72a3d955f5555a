"""The order of a pass's rows, and the tree of what they share, from where their leases hang in the radix tree."""

from __future__ import annotations

from collections.abc import Sequence as Seq
from typing import NamedTuple

from lmc.backend.cache.radix import RadixNode
from lmc.backend.engine.work import Work
from lmc.backend.runner.batch import SharedRun


class Arrangement(NamedTuple):
    """The order of the works, as indices, and the runs over their rows in that order."""

    order: list[int]
    runs: tuple[SharedRun, ...]


class PrefixOrder:
    """Arranges works; remembers the last answer, for decode steps ask the same again."""

    def __init__(self) -> None:
        self._nodes: list[RadixNode | None] = []
        self._branches: list[tuple[int, int, int]] = []
        self._last = Arrangement([], ())

    def of(self, works: Seq[Work]) -> Arrangement:
        """Works behind one prefix side by side, and what their rows share."""
        nodes = [work.lease.node for work in works]
        branches = [(i, len(work.own), work.start) for i, work in enumerate(works) if work.plan is not None]
        if nodes != self._nodes or branches != self._branches:  # nodes compare by identity
            self._nodes, self._branches = nodes, branches
            self._last = arrange(nodes, branches)
        return self._last


def arrange(nodes: Seq[RadixNode | None], branches: Seq[tuple[int, int, int]] = ()) -> Arrangement:
    """Works by the node each hangs from; `branches` are those of several rows, and the tokens that they share."""
    several = {index: (num_rows, length) for index, num_rows, length in branches}
    paths = [_path(node) for node in nodes]
    order = sorted(range(len(nodes)), key=lambda index: [node.serial for node in paths[index]])
    opened: list[tuple[RadixNode, int]] = []  # the path of the work before, with the first row below each of its nodes
    found: dict[tuple[int, int], int] = {}  # (first row, end) -> the most tokens that all of them share
    row = 0
    for index in order:
        path, (num_rows, length) = paths[index], several.get(index, (1, 0))
        same = _num_same(opened, path)
        _close(opened, same, row, found)
        opened += [(node, row) for node in path[same:]]
        if num_rows > 1 and length:
            found[row, row + num_rows] = length
        row += num_rows
    _close(opened, 0, row, found)
    return Arrangement(order, _nested(found))


def _path(node: RadixNode | None) -> list[RadixNode]:
    """From the first node below the root to `node`."""
    return [above for above in node.path() if above.depth][::-1] if node is not None else []


def _num_same(opened: list[tuple[RadixNode, int]], path: list[RadixNode]) -> int:
    num = 0
    while num < len(opened) and num < len(path) and opened[num][0] is path[num]:
        num += 1
    return num


def _close(opened: list[tuple[RadixNode, int]], keep: int, row: int, found: dict[tuple[int, int], int]) -> None:
    """All but the first `keep` nodes end before `row`; those with more than one row are runs."""
    while len(opened) > keep:
        node, first = opened.pop()
        if row - first > 1:
            found[first, row] = max(node.depth, found.get((first, row), 0))


def _nested(found: dict[tuple[int, int], int]) -> tuple[SharedRun, ...]:
    """Outer runs before inner ones, each from where the one around it ends."""
    runs: list[SharedRun] = []
    around: list[SharedRun] = []
    for (first, end), high in sorted(found.items(), key=lambda item: (item[0][0], -item[0][1])):
        while around and around[-1].end <= first:
            around.pop()
        low = around[-1].high if around else 0
        if high > low:
            around.append(SharedRun(first, end, low, high))
            runs.append(around[-1])
    return tuple(runs)
