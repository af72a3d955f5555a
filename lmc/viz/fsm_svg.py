"""svg: an automaton as a picture for a browser or a document, laid out by lmc; a double circle may end a text.

A label that is cut says all of it where the pointer rests on it.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import sqrt
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

from lmc.viz.layered import CHAR, LINE, LOOP, RADIUS, Item, Picture, Way, picture
from lmc.viz.text_table import columns_of

if TYPE_CHECKING:
    from lmc.viz.fsm import Fsm
    from lmc.viz.terminal import Terminal

MARGIN = 16
BACK = 7  # how far below the middle of a state an arrow meets it that goes back
ENTRY = 22  # length of the arrow to the first state
TITLE = 26  # height of the title's line
FONT = "ui-monospace, 'DejaVu Sans Mono', 'Liberation Mono', Menlo, Consolas, monospace"
STYLE = (
    f"text{{font:12px {FONT};fill:#1a1a1a}} .title{{font-weight:bold}} .state{{fill:#dbe9ff;stroke:#33527a}}"
    " .end{fill:none;stroke:#33527a} .way{fill:none;stroke:#666} .back{stroke:#b0641e} .middle{text-anchor:middle}"
)
HEADS = (
    '<marker id="head" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8"'
    ' orient="auto-start-reverse">'
    '<path d="M0,1 L8,4 L0,7 z" fill="#666"/></marker>'
)


def render(fsm: Fsm, terminal: Terminal) -> str:
    """The automaton under its title."""
    drawn = picture(fsm)
    width = max(drawn.width + ENTRY, columns_of(fsm.heading) * CHAR) + 2 * MARGIN
    height = drawn.height + TITLE + 2 * MARGIN
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_n(width)}" height="{_n(height)}"'
        f' viewBox="0 0 {_n(width)} {_n(height)}" role="img" aria-label={quoteattr(fsm.heading)}>',
        f"<style>{STYLE}</style><defs>{HEADS}</defs>",
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        f'<text class="title" x="{MARGIN}" y="{MARGIN + 10}">{escape(fsm.heading)}</text>',
        f'<g transform="translate({MARGIN + ENTRY} {MARGIN + TITLE})">',
        *_entry(drawn),
        *(line for way in drawn.ways for line in _way(way)),
        *(line for item in drawn.items for line in _item(item, fsm)),
        "</g>",
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _entry(drawn: Picture) -> Iterator[str]:
    first = next(item for item in drawn.items if item.state == 0)
    yield _line(f"M{_n(-ENTRY)},{_n(first.y)} H{_n(first.x - RADIUS)}", "", "end")


def _way(way: Way) -> Iterator[str]:
    """The lines of an arrow, left out where its label stands. They climb between columns only, so cross no label."""
    kind = " back" if way.is_back else ""
    parts = _parts(way)
    for number, path in enumerate(parts):
        is_head = number == (0 if way.is_back else len(parts) - 1)
        yield _line(path, kind, ("start" if way.is_back else "end") if is_head else "")


def _parts(way: Way) -> list[str]:
    """The pieces of line from the left end to the label, and from the label to the right end."""
    first, last = way.items[0], way.items[-1]
    parts: list[str] = []
    path, at = "", (0.0, 0.0)
    for item in way.items:
        y = item.y + (BACK if way.is_back and item.state is not None else 0)
        left, right = item.x - item.slot / 2, item.x + item.slot / 2
        half = _half(item, way.is_back)
        if item is not first:
            path += _curve(at, (left, y)) + f" H{_n(item.x - half)}"
        if item.label or item is last:
            parts.append(path)
        if item.label or item is first:
            path = f"M{_n(item.x + half)},{_n(y)}"
        path, at = path + f" H{_n(right)}", (right, y)
    return parts


def _half(item: Item, is_back: bool) -> float:
    """From the middle of an item to where a line meets it."""
    if item.state is None:
        return item.width / 2
    return sqrt(RADIUS**2 - BACK**2) if is_back else RADIUS


def _curve(start: tuple[float, float], end: tuple[float, float]) -> str:
    """From point to point, level at both ends."""
    middle = _n((start[0] + end[0]) / 2)
    return f" C{middle},{_n(start[1])} {middle},{_n(end[1])} {_n(end[0])},{_n(end[1])}"


def _line(path: str, kind: str, head: str) -> str:
    marker = f' marker-{head}="url(#head)"' if head else ""
    return f'<path class="way{kind}" d="{path}"{marker}/>'


def _item(item: Item, fsm: Fsm) -> Iterator[str]:
    if item.label:
        yield _text(item.x, item.y, item.label, item.full)
    if item.state is None:
        return
    if item.state < 0:
        yield _text(item.x, item.y, "…", f"{fsm.num_hidden} states are not drawn")
        return
    yield f'<circle class="state" cx="{_n(item.x)}" cy="{_n(item.y)}" r="{RADIUS}"/>'
    if item.state in fsm.accepting:
        yield f'<circle class="end" cx="{_n(item.x)}" cy="{_n(item.y)}" r="{RADIUS - 3}"/>'
    yield _text(item.x, item.y, str(item.state))
    if item.loops:
        yield from _loops(item)


def _loops(item: Item) -> Iterator[str]:
    """One loop above a state for all arrows to itself, their labels above it."""
    x, y = item.x, item.y - RADIUS
    half, top = 6, y - LOOP
    path = f"M{_n(x - half)},{_n(y + 1.5)} C{_n(x - 16)},{_n(top)} {_n(x + 16)},{_n(top)} {_n(x + half)},{_n(y + 1.5)}"
    yield _line(path, "", "end")
    for row, label in enumerate(reversed(item.loops)):
        yield _text(x, top - LINE * row - 2, label)


def _text(x: float, y: float, text: str, full: str = "") -> str:
    hover = f"<title>{escape(full)}</title>" if full and full != text else ""
    return f'<text class="middle" x="{_n(x)}" y="{_n(y + 4)}" xml:space="preserve">{escape(text)}{hover}</text>'


def _n(number: float) -> str:
    """A coordinate with one decimal at most."""
    return f"{round(number, 1):g}" if abs(number) < 1e5 else f"{number:.0f}"
