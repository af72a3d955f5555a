"""What a program's prompts share, small: the first rows of the sharing view as markup for a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmc.notebook import ALL, CUT, FONT, HUES, LABELS, MAX_ROWS, ROW, SHARED, escape
from lmc.viz.bands import Band, Bands, bands
from lmc.viz.sharing import sharing
from lmc.viz.svg import says
from lmc.viz.tree import total
from lmc.viz.view import View
from lmc.viz.wording import short

if TYPE_CHECKING:
    from lmc.passes.planned import Planned

MAX_TITLE = 300  # characters of a prompt that a band shows where the pointer rests


def glance(planned: Planned) -> str:
    """The picture under its title."""
    view = View(planned)
    tree = sharing(view)
    found = bands(tree, view)
    rows = found.rows[:MAX_ROWS]
    shown = "".join(_band(band, found, tree.unit) for band in found.bands if band.top < len(rows))
    labels = "".join(_label(place, row.name) for place, row in enumerate(rows))
    more = f"<div>… and {len(found.rows) - MAX_ROWS} more calls</div>" if len(found.rows) > MAX_ROWS else ""
    head = f'<b>{escape(view.title)}</b><div style="opacity:.8">{escape(total(tree, view))}</div>'
    body = f'<div style="position:relative;height:{ROW * len(rows)}px;margin:4px 0">{shown}{labels}</div>'
    return f'<div style="{FONT};max-width:{ALL}px">{head}{body}{more}</div>'


def _label(place: int, name: str) -> str:
    style = f"position:absolute;left:{100 - LABELS + 1}%;right:0;top:{ROW * place}px;{CUT}"
    return f'<div style="{style}">{escape(name)}</div>'


def _band(band: Band, found: Bands, unit: str) -> str:
    bottom = min(band.bottom, MAX_ROWS)
    share = (100 - LABELS) / (found.width or 1)
    left, width, height = band.start * share, (band.end - band.start) * share, ROW * (bottom - band.top)
    hue = HUES["own"] if band.prefix is None else f"rgba({SHARED[band.prefix % len(SHARED)]},.3)"
    title = escape(f"{says(band, unit)}\n{short(band.text, MAX_TITLE)}").replace('"', "&quot;")
    place = f"position:absolute;box-sizing:border-box;left:{left:.2f}%;width:{width:.2f}%"
    box = f"top:{ROW * band.top}px;height:{height}px;background:{hue};border:1px solid rgba(128,128,128,.6)"
    holes = "".join(_hole(part.start, part.end, band) for part in band.parts if part.kind == "hole")
    text = f'<span style="position:relative">{escape(short(band.text, MAX_TITLE))}</span>'
    return f'<div title="{title}" style="{place};{box};padding:0 3px;{CUT}">{holes}{text}</div>'


def _hole(start: float, end: float, band: Band) -> str:
    size = band.end - band.start
    left, width = 100 * (start - band.start) / size, 100 * (end - start) / size
    style = f"position:absolute;top:0;bottom:0;left:{left:.2f}%;width:{width:.2f}%;background:{HUES['hole']}"
    return f'<span style="{style}"></span>'
