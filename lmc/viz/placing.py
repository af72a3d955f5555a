"""Where the boxes of the graph view go: calls in columns by wave, each as high as what it stands under allows.

Which neighbours stand over one another is decided once, whatever is open (`stacked`); so a page that opens and closes
boxes needs to add up heights only, as `placed` does here and `page/graph.js` there. Lengths are in pixels.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lmc.viz.nest import GraphItem

CARD_WIDTH, CARD_HEIGHT, CHIP_HEIGHT = 208, 44, 24  # of a call or closed box, and of what calls no model
GAP, GUTTER, PAD, HEAD = 10, 44, 9, 22  # between cards, between columns, inside a box, its title


@dataclass(frozen=True, slots=True, eq=False)
class PlacedItem:
    """An item that is shown, and where; `depth` in how many boxes."""

    item: GraphItem
    depth: int
    x: float
    y: float
    width: float
    height: float

    @property
    def is_card(self) -> bool:
        """Whether nothing in it is shown."""
        return not is_opened(self.item)


@dataclass(frozen=True, slots=True)
class Placed:
    """All that is shown, a box before what is in it."""

    spots: tuple[PlacedItem, ...]
    width: float
    height: float


def is_opened(item: GraphItem) -> bool:
    """Whether what is in it is shown."""
    return item.is_box and item.is_open and bool(item.below)


def stacked(whole: GraphItem, rank: Mapping[int, int]) -> dict[GraphItem, tuple[GraphItem, ...]]:
    """For each item those of its box that it stands right under; `rank` is where a call stands in the sharing tree."""
    found: dict[GraphItem, tuple[GraphItem, ...]] = {}
    todo = [whole]
    while todo:
        box = todo.pop()
        lowest: dict[int, GraphItem] = {}
        for item in _by_rank(box.below, rank):
            columns = range(item.first, item.last + 1)
            found[item] = tuple(dict.fromkeys(lowest[column] for column in columns if column in lowest))
            lowest.update(dict.fromkeys(columns, item))
        todo += box.below
    return found


def _by_rank(items: Sequence[GraphItem], rank: Mapping[int, int]) -> list[GraphItem]:
    """So that calls that share stand together; what calls no model stays behind what it followed."""
    keys: list[tuple[int, int]] = []
    last = -1
    for number, item in enumerate(items):
        last = min((rank[id] for id in _calls(item) if id in rank), default=last)
        keys.append((last, number))
    return [items[number] for _, number in sorted(keys)]


def _calls(item: GraphItem) -> list[int]:
    return [step.number for step in item.steps() if step.kind == "call" and step.number is not None]


def placed(whole: GraphItem, under: Mapping[GraphItem, Sequence[GraphItem]]) -> Placed:
    """Where everything goes that is shown."""
    return _Placer(under).all(whole)


class _Placer:
    def __init__(self, under: Mapping[GraphItem, Sequence[GraphItem]]) -> None:
        self.under = under
        self.places = {item: place for place, item in enumerate(under)}  # over before under
        self.tops: dict[GraphItem, float] = {}  # from the top of the box around it
        self.heights: dict[GraphItem, float] = {}
        self.sides: dict[GraphItem, tuple[int, int, int]] = {}  # boxes that begin with it, end with it; its last column
        self.pads: tuple[dict[int, int], dict[int, int]] = (defaultdict(int), defaultdict(int))
        self.columns: set[int] = set()

    def all(self, whole: GraphItem) -> Placed:
        self._measure(whole)
        lefts, width = self._lefts()
        spots: list[PlacedItem] = []
        todo = [(item, 0, 0.0) for item in reversed(whole.below)]
        while todo:
            item, depth, y = todo.pop()
            y += self.tops[item]
            before, behind, last = self.sides[item]
            x, end = lefts[item.first] - before * PAD, lefts[last] + CARD_WIDTH + behind * PAD
            spots.append(PlacedItem(item, depth, x, y, end - x, self.heights[item]))
            if is_opened(item):
                todo += [(each, depth + 1, y) for each in reversed(item.below)]
        return Placed(tuple(spots), width, self.heights[whole])

    def _measure(self, whole: GraphItem) -> None:
        """Heights, and what stands at the sides of a box, from the inside out."""
        order, todo = [], [whole]
        while todo:
            item = todo.pop()
            order.append(item)
            todo += item.below if is_opened(item) or item is whole else []
        for item in reversed(order):
            if is_opened(item) or item is whole:
                self._measure_box(item, is_whole=item is whole)
            else:
                self.heights[item] = CARD_HEIGHT if item.kind == "call" or item.below else CHIP_HEIGHT
                self.sides[item] = (0, 0, item.first)
                self.columns.add(item.first)

    def _measure_box(self, box: GraphItem, *, is_whole: bool) -> None:
        head = 0 if is_whole else HEAD
        bottom = 0.0
        for item in sorted(box.below, key=self.places.__getitem__):
            over = [self.tops[each] + self.heights[each] + GAP for each in self.under[item]]
            self.tops[item] = max(over, default=head)
            bottom = max(bottom, self.tops[item] + self.heights[item])
        self.heights[box] = bottom + (0 if is_whole else PAD)
        last = max((self.sides[item][2] for item in box.below), default=0)
        before = 1 + max((self.sides[item][0] for item in box.below if item.first == box.first), default=0)
        behind = 1 + max((self.sides[item][1] for item in box.below if self.sides[item][2] == last), default=0)
        self.sides[box] = (before, behind, last)
        if not is_whole:
            self.pads[0][box.first] = max(self.pads[0][box.first], before)
            self.pads[1][last] = max(self.pads[1][last], behind)

    def _lefts(self) -> tuple[dict[int, float], float]:
        """Where the cards of each column begin, and where the last one ends."""
        lefts, at = {}, 0.0
        for column in sorted(self.columns):
            lefts[column] = at + self.pads[0][column] * PAD
            at = lefts[column] + CARD_WIDTH + self.pads[1][column] * PAD + GUTTER
        return lefts, max(0.0, at - GUTTER)
