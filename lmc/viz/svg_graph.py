"""svg-graph: a program's calls in waves from left to right, in the boxes of its branches, loops and forks.

    | if s["on_subject"] == "no"            |
    | #2 gen judgment   -> #6 gen verdict   |
    | #3 gen judgment_1 ->                  |

Prefixes that calls share are bands through them, as wide as they have tokens. Of a large program neighbours stand
together in boxes (nest.py). Light or dark as the reader's system is. Laid out by lmc.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from lmc.viz.figures import CallFigures, Figures, brief, tokens
from lmc.viz.graph_view import GraphView
from lmc.viz.parting import partings
from lmc.viz.placing import CHIP_HEIGHT, HEAD, PlacedItem, placed
from lmc.viz.stripes import INSET, RIBBON, STRIPES_WIDTH, Card, Ribbon, StripeRun, common, ribbons, runs
from lmc.viz.svg_frame import CHAR, COLORS, legend_of, px, rect, svg_file, text
from lmc.viz.tree import total
from lmc.viz.view import View
from lmc.viz.wording import on_one_line

if TYPE_CHECKING:
    from lmc.passes.planned import Planned
    from lmc.viz.terminal import Terminal

LEGEND = (
    ("b0", "a prefix that calls share, wide as it is long"),
    ("own", "of one call alone"),
    ("box", "branch, loop, fork or group"),
)


RUN_LEGEND = (("cached", "from the cache"), ("computed", "computed"), ("decoded", "generated"))


def render(planned: Planned, terminal: Terminal, figures: Figures | None = None) -> str:
    """The picture, one file by itself; with the figures of a run also what that came to."""
    graph = GraphView(View(planned))
    drawn = _Drawn(graph, figures)
    heading = f"{graph.view.title}: its calls in waves"
    note = total(graph.tree, graph.view) if figures is None else figures.says
    size = (drawn.placed.width, drawn.placed.height)
    legend = LEGEND if figures is None else (LEGEND[0], *RUN_LEGEND)
    return svg_file(heading, note, size, [*drawn.lines()], [*legend_of(legend)])


class _Drawn:
    """The lines of the picture; `cards` are what is shown of calls."""

    def __init__(self, graph: GraphView, figures: Figures | None) -> None:
        self.graph, self.figures = graph, figures
        self.parted = partings(graph.tree, graph.view)
        self.placed = placed(graph.whole, graph.under)
        self.spots: dict[int, PlacedItem] = {}  # by step: where it is, or the closed box around it
        self.cards: dict[PlacedItem, Card] = {}
        for spot in self.placed.spots:
            items = spot.item.steps() if spot.is_card else ()
            steps = [step.number for step in items if step.number is not None]
            self.spots |= dict.fromkeys(steps, spot)
            if spot.item.number is not None:
                self.spots[spot.item.number] = spot
            if rows := [graph.rows[step] for step in steps if step in graph.rows]:
                last = [graph.stripes.of_row[row] for row in rows]
                chain = common([stripe.chain() if stripe else () for stripe in last])
                self.cards[spot] = Card(spot.x, spot.y, spot.width, spot.height, chain)

    def lines(self) -> Iterator[str]:
        """From the ground up: boxes, ribbons, what leads where, cards, the bands on them, and titles."""
        columns = self._columns()
        for spot in self.placed.spots:
            if not spot.is_card:
                yield from _box(spot)
        yield from map(_ribbon, ribbons(columns))
        yield from self._links()
        for spot in self.placed.spots:
            if spot.is_card:
                yield from self._face(spot)
        for column in columns:
            yield from map(_run, runs(column))
        for spot in self.placed.spots:
            if not spot.is_card:
                yield from _title(spot)

    def _columns(self) -> list[list[Card]]:
        found: dict[float, list[Card]] = defaultdict(list)
        for card in self.cards.values():
            found[card.x].append(card)
        return [sorted(found[x], key=lambda card: card.y) for x in sorted(found)]

    def _links(self) -> Iterator[str]:
        """What leads from left to right, once between any two that are shown."""
        found = {
            (self.spots[source], self.spots[target]): kind
            for source, target, kind in reversed(self.graph.links)
            if source in self.spots and target in self.spots
        }
        for (source, target), kind in reversed(found.items()):
            if source.x + source.width <= target.x:
                start, end = (source.x + source.width, _port(source)), (target.x, _port(target))
                yield f'<path class="link {kind}" d="M{_at(start)}{_bend(start, end)}" marker-end="url(#arrow)"/>'

    def _face(self, spot: PlacedItem) -> Iterator[str]:
        """A card: how much of a prompt is its own, its name and place."""
        item, card = spot.item, self.cards.get(spot)
        x, y, height = spot.x, spot.y, spot.height
        kind = "host" if height == CHIP_HEIGHT else "call"
        found = self.parted.get(item.number) if item.number is not None and not item.below else None
        told = on_one_line(item.title) + (f"\n{found.sentence()}" if found else "")
        yield f"<g><title>{escape(told)}</title>"
        if item.below:
            yield rect("card", x + 3, y + 3, spot.width, height, 4)
        yield rect(f"card {kind}", x, y, spot.width, height, 4)
        if card is not None and item.number is not None and not item.below:
            start = card.chain[-1].end if card.chain else 0.0
            end = self.graph.stripes.ends[self.graph.rows[item.number]]
            yield rect("own", x + INSET + start, y + INSET, end - start, height - 2 * INSET)
        left = x + (2 * INSET + STRIPES_WIDTH if card is not None else 8)
        room = int((x + spot.width - left - 4) / CHAR)
        yield from text("", left, y + (16 if kind == "host" else 17), on_one_line(item.title), room)
        ran = self._ran(spot)
        if kind == "call":
            yield from text("note", left, y + 32, brief(ran) if ran else item.note, room)
        if ran and self.figures is not None and self.figures.most:
            yield from _bar(ran, left, y + height - 7, (x + spot.width - left - 6) / self.figures.most)
        yield "</g>"

    def _ran(self, spot: PlacedItem) -> list[CallFigures]:
        """What a call came to in the run, if there is one; a closed box says nothing of it."""
        if self.figures is None or spot.item.number is None or spot.item.below:
            return []
        return self.figures.by_step.get(spot.item.number, [])


def _bar(ran: Sequence[CallFigures], x: float, y: float, scale: float) -> Iterator[str]:
    for (kind, _), size in zip(RUN_LEGEND, tokens(ran)):
        if size:
            yield rect(f"{kind} run", x, y, size * scale, 4)
        x += size * scale


def _box(spot: PlacedItem) -> Iterator[str]:
    yield f"<g><title>{escape(on_one_line(spot.item.title))}</title>"
    yield rect("box", spot.x, spot.y, spot.width, spot.height, 6)
    yield "</g>"


def _title(spot: PlacedItem) -> Iterator[str]:
    # bands and arrows pass below it
    return text("note over", spot.x + 8, spot.y + 15, on_one_line(spot.item.title), int((spot.width - 12) / CHAR))


def _port(spot: PlacedItem) -> float:
    """Where an arrow meets a card or box at its side."""
    return spot.y + (
        HEAD / 2 if not spot.is_card else spot.height - 8 if spot.height > CHIP_HEIGHT else spot.height / 2
    )


def _ribbon(ribbon: Ribbon) -> str:
    source, target, stripe = ribbon.source, ribbon.target, ribbon.stripe
    height = (stripe.end - stripe.start) * RIBBON
    above = INSET + ribbon.above * RIBBON + height / 2
    start = (source.x + source.width, source.y + above)
    end = (target.x, target.y + above)
    path = f"M{px(source.x + INSET + stripe.start)},{px(start[1])} H{px(start[0])}{_bend(start, end)}"
    path += f" H{px(target.x + INSET + stripe.end)}"
    return f'<path class="ribbon r{stripe.prefix % COLORS}" stroke-width="{px(height)}" d="{path}"/>'


def _run(run: StripeRun) -> str:
    stripe, top, bottom = run.stripe, run.top, run.bottom
    y, width = top.y + INSET, stripe.end - stripe.start
    height = bottom.y + bottom.height - INSET - y
    return rect(f"run b{stripe.prefix % COLORS}", top.x + INSET + stripe.start, y, width, height)


def _bend(start: tuple[float, float], end: tuple[float, float]) -> str:
    """From place to place, level at both ends, up or down in the gutter before the end."""
    from_x = max(start[0], end[0] - 36)
    middle = (from_x + end[0]) / 2
    level = f" H{px(from_x)}" if from_x > start[0] else ""
    return f"{level} C{px(middle)},{px(start[1])} {px(middle)},{px(end[1])} {_at(end)}"


def _at(place: tuple[float, float]) -> str:
    return f"{px(place[0])},{px(place[1])}"
