"""Which rows of a pass read the same long prefix, from where their leases hang in the tree."""

from __future__ import annotations

from collections.abc import Sequence as Seq

from lmc.backend.cache.radix import RadixNode

LEAST_SHARED = 32  # tokens; below that, reading them twice costs less than a merge

Shared = tuple[tuple[int, ...], int]  # (indices, tokens they share)


class SharedPrefixes:
    """Disjoint groups of nodes by shared prefix; remembers the last answer, for decode steps ask the same again."""

    def __init__(self) -> None:
        self._nodes: list[RadixNode | None] = []
        self._groups: list[Shared] = []

    def find(self, nodes: list[RadixNode | None]) -> list[Shared]:
        """Groups of indices into `nodes`, those first that save the most reading."""
        if nodes != self._nodes:  # nodes compare by identity
            self._nodes = nodes
            self._groups = _group(nodes)
        return self._groups


def _group(nodes: Seq[RadixNode | None]) -> list[Shared]:
    through: dict[RadixNode, list[int]] = {}
    for index, node in enumerate(nodes):
        for above in node.path() if node is not None else ():
            if above.depth < LEAST_SHARED:
                break
            through.setdefault(above, []).append(index)
    # a node that has as many rows as a deeper one on its path saves less, so the deeper one comes first
    ordered = sorted(through.items(), key=lambda item: (1 - len(item[1])) * item[0].depth)
    groups, free = [], set(range(len(nodes)))
    for node, indices in ordered:
        rows = tuple(index for index in indices if index in free)
        if len(rows) > 1:
            groups.append((rows, node.depth))
            free.difference_update(rows)
    return groups
