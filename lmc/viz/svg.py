"""svg: what a program's prompts share, as one picture: a row for each call, bands through the rows that share a prefix.

    | {system:}You are a judge... {essay} | Judge its clarity   | #2 gen judgment
    |            (one band)               | Judge its depth     | #3 gen judgment_1

Wide as the prompt is long, holes hatched. Light or dark as the reader's system is. Laid out by lmc.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from lmc.viz.bands import Band, Bands, CallRow, Part, bands
from lmc.viz.figures import Figures, brief
from lmc.viz.parting import Parting, partings
from lmc.viz.sharing import sharing
from lmc.viz.svg_frame import CHAR, COLORS, legend_of, rect, svg_file, text
from lmc.viz.text_table import columns_of
from lmc.viz.tree import total
from lmc.viz.view import View

if TYPE_CHECKING:
    from lmc.passes.planned import Planned
    from lmc.viz.terminal import Terminal

ROW = 24  # pixels of a row
WIDTH, LABELS = 1166, 56  # pixels of bands and labels; columns of a row's label, at most
LEGEND = (("b0", "computed once for all its rows"), ("own", "of one call"), ("hole", "known only when it runs"))


def render(planned: Planned, terminal: Terminal, figures: Figures | None = None) -> str:
    """The picture, one file by itself; with the figures of a run also what that came to."""
    view = View(planned)
    tree = sharing(view)
    placed, parted = bands(tree, view), partings(tree, view)
    names = [_name(row, figures) for row in placed.rows]
    labels = min(LABELS, max(map(columns_of, names), default=0) + 2)
    room = WIDTH - labels * CHAR
    body = [
        *(line for band in placed.bands for line in _band(band, placed, tree.unit, room)),
        *(
            line
            for number, (row, name) in enumerate(zip(placed.rows, names))
            for line in _label(number, row, parted, name, room, labels)
        ),
    ]
    note = total(tree, view) if figures is None else figures.says
    size = (WIDTH, ROW * len(placed.rows))
    return svg_file(f"{view.title}: what its prompts share", note, size, body, [*legend_of(LEGEND)])


def color_of(band: Band) -> str:
    """The class of a band's colour."""
    return "own" if band.prefix is None else f"b{band.prefix % COLORS}"


def says(band: Band, unit: str) -> str:
    """What there is to say of a band, in a sentence."""
    size = f"{band.size}{'' if band.is_exact else '+'} {unit}"
    if band.prefix is None:
        return f"{size}, of this call alone"
    return f"p{band.prefix}: {size}, computed once for {band.calls} calls: {band.saved} saved"


def _band(band: Band, placed: Bands, unit: str, room: float) -> Iterator[str]:
    scale = room / (placed.width or 1)
    x, y = band.start * scale, band.top * ROW
    width, height = (band.end - band.start) * scale, (band.bottom - band.top) * ROW
    yield f"<g><title>{escape(says(band, unit))}\n{escape(band.text)}</title>"
    yield rect(f"band {color_of(band)}", x, y, width, height, 2)
    for part in band.parts:
        yield from _part(part, scale, y, height)
    yield "</g>"


def _part(part: Part, scale: float, y: int, height: int) -> Iterator[str]:
    """Its ground where it is no text, and as much of it as there is room for."""
    x, width = part.start * scale, (part.end - part.start) * scale
    if part.kind != "text":
        yield rect(part.kind, x, y, width, height)
    yield from text(f"in-{part.kind}", x + 4, y + 16, part.text, int((width - 6) / CHAR))


def _name(row: CallRow, figures: Figures | None) -> str:
    """What stands beside a row: the call, and what it came to."""
    ran = figures.by_step.get(row.step) if figures is not None and row.step is not None else None
    return f"{row.name}: {brief(ran)}" if ran else row.name


def _label(
    number: int, row: CallRow, parted: Mapping[int, Parting], name: str, room: float, columns: int
) -> Iterator[str]:
    found = parted.get(row.step) if row.step is not None else None
    told = "\n".join(filter(None, (row.line, found.sentence() if found else "")))
    title = f"<title>{escape(told)}</title>" if told else ""
    for line in text("", room + 10, number * ROW + 16, name, columns):
        yield line.replace(">", f">{title}", 1)
