"""The prefix tree of many rows of integers, found by sorting: no trie of one object a token is ever built.

Not a pass, and knows nothing of prompts: `hoist_prefix` says what the integers are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from lmc.common_prefix import common_len

Row = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Stretch:
    """A node of the tree: what two or more rows have in common beyond the node above.

    [start, end)  where it lies in each of them
    rows          numbers of the rows that go through it, ascending
    parent        the stretch above, by its place in the list, None at the top
    """

    parent: int | None
    start: int
    end: int
    rows: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SortedRows:
    """Rows in lexicographic order. common[i]: how long a beginning `order[i]` shares with the row before it."""

    order: tuple[int, ...]
    common: tuple[int, ...]


def sort_rows(rows: Sequence[Row]) -> SortedRows:
    """Sorts rows, and says what neighbours share."""
    order = sorted(range(len(rows)), key=lambda i: (rows[i], i))
    common = [common_len(rows[a], rows[b]) for a, b in pairwise(order)]
    return SortedRows(tuple(order), (0, *common) if order else ())


def shared_stretches(rows: Sequence[Row]) -> tuple[Stretch, ...]:
    """Every stretch that two or more rows begin with; parents before children, siblings by their first row."""
    done: list[Stretch] = []
    ordered = sort_rows(rows)
    todo: list[tuple[int | None, int, int, int]] = [(None, 0, 0, len(rows))]  # parent, depth, [low, high) of order
    while todo:
        parent, depth, low, high = todo.pop()
        if high - low < 2:
            continue
        end = min(ordered.common[low + 1 : high])
        if end > depth:
            done.append(Stretch(parent, depth, end, tuple(sorted(ordered.order[low:high]))))
            parent = len(done) - 1
        cuts = [low, *(i for i in range(low + 1, high) if ordered.common[i] == end), high]
        parts = sorted(pairwise(cuts), key=lambda part: min(ordered.order[part[0] : part[1]]))
        todo += [(parent, end, *part) for part in reversed(parts)]
    return tuple(done)
