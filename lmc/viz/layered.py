"""Where the parts of an automaton go: states in columns from left to right, labels in the columns between them.

Every label has a place of its own, as if it were a state, and an arrow over several columns has a bend in each; so no
label lies on another or on a state. Arrows that go back are laid out the other way round. Lengths are in pixels.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from lmc.viz.fsm import Arrow, Fsm
from lmc.viz.text_table import columns_of, keep_ends

RADIUS = 14
CHAR = 7.25  # a column of the monospaced font
LINE = 20  # a line of text, with the air around it
MAX_LABEL = 30  # columns of a label
ROW_GAP = 10
MIN_GAP, MAX_GAP, STEEPNESS = 20, 72, 5  # between columns: the wider, the further its arrows go up or down
LOOP = 22  # how high a loop stands above its state
SWEEPS = 8


@dataclass(slots=True, eq=False)
class Item:
    """A state, a label or a bend: in which column, how large, and once it is placed where it is.

    above, below  how far it reaches from its middle
    loops         labels of the arrows from a state to itself, drawn above it
    slot          the width of its column
    """

    column: int
    width: float
    above: float
    below: float
    state: int | None = None
    label: str = ""
    full: str = ""
    loops: tuple[str, ...] = ()
    slot: float = 0.0
    x: float = 0.0
    y: float = 0.0
    before: list[Item] = field(default_factory=list)
    after: list[Item] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Way:
    """An arrow as a row of items from left to right; `is_back` says that its head is at the left end."""

    items: tuple[Item, ...]
    is_back: bool


@dataclass(frozen=True, slots=True)
class Picture:
    """All items with their places, and the arrows between them."""

    items: tuple[Item, ...]
    ways: tuple[Way, ...]
    width: float
    height: float


def picture(fsm: Fsm) -> Picture:
    """The layout of an automaton."""
    arrows = _with_ends(fsm)
    backward = _backward(arrows)
    ranks = _ranks(arrows, backward)
    states = {state: _state(state, rank, fsm.arrows) for state, rank in ranks.items()}
    ways = [_way(arrow, states, arrow in backward) for arrow in arrows if arrow.source != arrow.target]
    items = list(dict.fromkeys([*states.values(), *(item for way in ways for item in way.items)]))
    columns = _columns(items)
    _order(columns)
    width, height = _place(columns)
    return Picture(tuple(items), tuple(ways), width, height)


# --- columns ---------------------------------------------------------------------------------------------


def _with_ends(fsm: Fsm) -> list[Arrow]:
    """The arrows; what leads out of the picture leads to a state below zero, one for each source."""
    return [arrow if arrow.target is not None else Arrow(arrow.source, "", -1 - arrow.source) for arrow in fsm.arrows]


def _backward(arrows: Sequence[Arrow]) -> frozenset[Arrow]:
    """Arrows to a state on the way from the start to their source."""
    rows: dict[int, list[Arrow]] = defaultdict(list)
    for each in arrows:
        rows[each.source].append(each)
    found: set[Arrow] = set()
    open_states, seen = {0}, {0}
    pending = [(0, iter(rows[0]))]
    while pending:
        state, rest = pending[-1]
        if (arrow := next(rest, None)) is None:
            open_states.discard(state)
            pending.pop()
        elif arrow.target in open_states and arrow.target != state:
            found.add(arrow)
        elif arrow.target is not None and arrow.target not in seen:
            seen.add(arrow.target)
            open_states.add(arrow.target)
            pending.append((arrow.target, iter(rows[arrow.target])))
    return frozenset(found)


def _ranks(arrows: Sequence[Arrow], backward: frozenset[Arrow]) -> dict[int, int]:
    """By state the length of the longest way to it, backward arrows left out."""
    import networkx

    network = networkx.DiGraph()
    network.add_nodes_from([0, *(arrow.target for arrow in arrows)])
    forward = [arrow for arrow in arrows if arrow not in backward and arrow.source != arrow.target]
    network.add_edges_from((arrow.source, arrow.target) for arrow in forward)
    layers = networkx.topological_generations(network)
    return {state: rank for rank, layer in enumerate(layers) for state in layer}


def _state(state: int, rank: int, arrows: Iterable[Arrow]) -> Item:
    loops = tuple(keep_ends(a.label, MAX_LABEL) for a in arrows if a.source == a.target == state)
    width = max([2.0 * RADIUS, *(_text_width(label) for label in loops)])
    above = RADIUS + (LOOP + LINE * len(loops) if loops else 0)
    return Item(2 * rank, width, above, RADIUS, state=state, loops=loops)


def _way(arrow: Arrow, states: dict[int, Item], is_back: bool) -> Way:
    """The arrow from left to right, its label in the column behind the left end."""
    assert arrow.target is not None
    ends = states[arrow.source], states[arrow.target]
    left, right = ends[::-1] if is_back else ends
    text = keep_ends(arrow.label, MAX_LABEL)
    label = Item(left.column + 1, _text_width(text), LINE / 2, LINE / 2, label=text, full=arrow.label)
    bends = [Item(column, 0.0, LINE / 4, LINE / 4) for column in range(left.column + 2, right.column)]
    items = (left, label, *bends, right)
    for one, other in pairwise(items):
        one.after.append(other)
        other.before.append(one)
    return Way(items, is_back)


def _text_width(text: str) -> float:
    return columns_of(text) * CHAR + 8 if text else 0.0


def _columns(items: Iterable[Item]) -> list[list[Item]]:
    columns: dict[int, list[Item]] = defaultdict(list)
    for item in items:
        columns[item.column].append(item)
    return [columns[number] for number in sorted(columns)]


# --- rows ------------------------------------------------------------------------------------------------


def _order(columns: list[list[Item]]) -> None:
    """Sorts each column by where its neighbours are, so that few arrows cross."""
    for sweep in range(SWEEPS):
        is_right = sweep % 2 == 0
        for column, beside in pairwise(columns if is_right else columns[::-1]):
            rows = {item: row for row, item in enumerate(column)}
            places = {}
            for row, item in enumerate(beside):
                places[item] = _mean(rows, item.before if is_right else item.after, row)
            beside.sort(key=places.__getitem__)


def _mean(rows: dict[Item, int], beside: Sequence[Item], otherwise: float) -> float:
    found = [rows[item] for item in beside]
    return sum(found) / len(found) if found else otherwise


def _place(columns: list[list[Item]]) -> tuple[float, float]:
    """Gives all items their places; how wide and how high all of it is."""
    for column in columns:
        _spread(column, [0.0] * len(column))
    for sweep in range(2 * SWEEPS):
        for column in columns if sweep % 2 == 0 else columns[::-1]:
            _spread(column, [_middle(item) for item in column])
    items = [item for column in columns for item in column]
    top = min(item.y - item.above for item in items)
    for item in items:
        item.y -= top
    return _place_columns(columns), max(item.y + item.below for item in items)


def _place_columns(columns: list[list[Item]]) -> float:
    """Gives all items their places from left to right; where the last column ends."""
    at = 0.0
    for column in columns:
        slot = max(item.width for item in column)
        for item in column:
            item.slot, item.x = slot, at + slot / 2
        end = at + slot
        climb = max((abs(item.y - other.y) for item in column for other in item.after), default=0.0)
        at = end + min(MAX_GAP, max(MIN_GAP, climb / STEEPNESS))
    return end


def _middle(item: Item) -> float:
    beside = [*item.before, *item.after]
    return sum(each.y for each in beside) / len(beside) if beside else item.y


def _spread(column: list[Item], wanted: Sequence[float]) -> None:
    """Places as near to the wanted ones as can be without overlap: neighbours that push each other move as one."""
    offsets = [0.0]
    for one, other in pairwise(column):
        offsets.append(offsets[-1] + one.below + other.above + ROW_GAP)
    groups: list[tuple[float, int]] = []  # (mean of what is wanted, members)
    for want, offset in zip(wanted, offsets):
        groups.append((want - offset, 1))
        while len(groups) > 1 and groups[-2][0] > groups[-1][0]:
            (a, m), (b, n) = groups[-2:]
            groups[-2:] = [((a * m + b * n) / (m + n), m + n)]
    shifts = [shift for shift, count in groups for _ in range(count)]
    for item, shift, offset in zip(column, shifts, offsets):
        item.y = shift + offset
