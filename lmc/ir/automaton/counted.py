"""Intersections with a count of characters, as `[a-z]+&.{1,64}`: found, so that nobody has to search through counts.

In JSON texts a character may be written in several (`\\n`), and then writings are counted. A node is made of them
where each of its texts is a row of writings; that is found part by part, from where in a writing a part begins to
where in one it may end.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from lmc.ir.automaton.nodes import RegexNode

DEAD = 0
MAX_DEPTH = 200  # parts within one another, or in a row
Places = frozenset[int]
Counts = tuple[int, int | None]


class CountedItems(NamedTuple):
    """The texts of a plain node that are rows of `low` to `high` items, each of a character or more."""

    node: RegexNode
    item: RegexNode
    low: int
    high: int | None


class Items(Protocol):
    """The automaton of rows of one item."""

    @property
    def start(self) -> int: ...

    def row(self, state: int) -> Sequence[int]: ...

    def is_accepting(self, state: int) -> bool: ...


def counted(node: RegexNode) -> CountedItems | None:
    """A plain node of which a count of items is wanted; None where an intersection is something else."""
    if node.kind != "and":
        return None
    for kept, count in (node.parts, node.parts[::-1]):
        if (
            kept.plain
            and kept.depth <= MAX_DEPTH
            and count.kind == "repeat"
            and count.plain
            and count.parts[0].nullable is False
        ):
            low, high, _ = count.bounds
            return CountedItems(kept, count.parts[0], low, high)
    return None


def most(node: RegexNode) -> int:
    """Characters within which a text of a plain node can be ended, wherever in it one is."""
    match node.kind:
        case "cat":
            found = 0
            while node.kind == "cat":
                head, node = node.parts
                found = max(found, most(head) + node.least)
            return max(found, most(node))
        case "alt":
            return max(map(most, node.parts))
        case "repeat":
            item, low = node.parts[0], node.bounds[0]
            return max(low * item.least, most(item) + max(low - 1, 0) * item.least)
        case _:
            return node.least


class ItemRows:
    """What nodes are made of one item; `one` is the automaton of a single item, over the states of `rows`."""

    def __init__(self, item: RegexNode, rows: Items, one: int) -> None:
        self._rows = rows
        self._one = one
        self._counts: dict[RegexNode, Counts | None] = {}
        self._singles = 0
        for option in item.parts if item.kind == "alt" else (item,):
            self._singles |= option.value if option.kind == "chars" and isinstance(option.value, int) else 0
        self._single: dict[RegexNode, bool] = {}
        self._found: dict[tuple[RegexNode, int], Places] = {}

    def of(self, node: RegexNode) -> bool:
        """Whether it is known that every text of a node without looks is a row of items."""
        after = self._after(node, self._rows.start)
        return DEAD not in after and all(map(self._rows.is_accepting, after))

    def least(self, node: RegexNode) -> int:
        """Items that every text of a node has, which is made of them."""
        # one, if not as many as characters, where it is not empty
        return node.least if self._is_single(node) else min(node.least, 1)

    def counts(self, node: RegexNode) -> Counts | None:
        """The least and the most items (None: no most) of some texts of a plain node, which has each number between."""
        if node not in self._counts:
            self._counts[node] = self._counted(node)
        return self._counts[node]

    def _counted(self, node: RegexNode) -> Counts | None:
        after = self._after(node, self._one)
        if DEAD not in after and all(map(self._rows.is_accepting, after)):
            return 1, 1
        match node.kind:
            case "empty":
                return 0, 0
            case "cat":
                head, tail = self.counts(node.parts[0]), self.counts(node.parts[1])
                return None if head is None or tail is None else (head[0] + tail[0], _sum(head[1], tail[1]))
            case "alt":
                found = [counts for part in node.parts if (counts := self.counts(part)) is not None]
                return _joined(found)
            case "repeat":
                low, high, _ = node.bounds
                turn = self.counts(node.parts[0])
                if turn is None:
                    return None
                # more turns leave no number out where each of them may be of one item, or of none
                return low * turn[0], _times(turn[1], high if turn[0] < 2 else low)
            case _:
                return None

    def _is_single(self, node: RegexNode) -> bool:
        """Whether each character of a node is an item by itself."""
        found = self._single.get(node)
        if found is None:
            match node.kind:
                case "chars":
                    assert isinstance(node.value, int)
                    found = node.value | self._singles == self._singles
                case "and":
                    found = any(map(self._is_single, node.parts))
                case "not":
                    found = False
                case _:
                    found = all(map(self._is_single, node.parts))
            self._single[node] = found
        return found

    def _after(self, node: RegexNode, place: int) -> Places:
        """Where the texts of a node may lead from a place; DEAD among them where one leads out of every row."""
        found = self._found.get((node, place))
        if found is None:
            found = self._found[node, place] = self._led(node, place)
        return found

    def _led(self, node: RegexNode, place: int) -> Places:
        match node.kind:
            case "chars":
                assert isinstance(node.value, int)
                row = self._rows.row(place)
                return frozenset(after for cls, after in enumerate(row) if node.value >> cls & 1)
            case "cat":
                return self._all(node.parts[1], self._after(node.parts[0], place))
            case "alt":
                return frozenset().union(*(self._after(part, place) for part in node.parts))
            case "repeat":
                return self._repeated(node.parts[0], place)
            case "empty":
                return frozenset((place,))
            case "and":
                # of what is not known, DEAD is said: a side that says so tells nothing
                sides = [found for part in node.parts if DEAD not in (found := self._after(part, place))]
                return frozenset.intersection(*sides) if sides else frozenset((DEAD,))
            case _:
                return frozenset((DEAD,))

    def _all(self, node: RegexNode, places: Places) -> Places:
        return frozenset().union(*(self._after(node, place) if place else (DEAD,) for place in places))

    def _repeated(self, item: RegexNode, place: int) -> Places:
        """After any number of turns, which is more than some repeats allow."""
        found: Places = frozenset((place,))
        while True:
            more = found | self._all(item, found)
            if more == found or DEAD in more:
                return more
            found = more


def _sum(left: int | None, right: int | None) -> int | None:
    return None if left is None or right is None else left + right


def _times(most: int | None, turns: int | None) -> int | None:
    return 0 if most == 0 or turns == 0 else None if most is None or turns is None else most * turns


def _joined(ranges: list[Counts]) -> Counts | None:
    """One range of numbers that are each in one of some ranges: the first ones that touch, without a gap."""
    if not ranges:
        return None
    first, *others = sorted(ranges, key=lambda counts: counts[0])
    low, high = first
    for begin, end in others:
        if high is not None and begin <= high + 1:
            high = None if end is None else max(high, end)
    return low, high
