"""html: the picture of what prompts share, to be looked into: point at a band to read it, click it to look closer.

One file by itself, that asks nothing of a network. The page is `page.html`; what is drawn is the bands of `bands`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from html import escape
from importlib.resources import files
from itertools import pairwise
from typing import TYPE_CHECKING

from lmc.passes.divergence import Divergence, Divergences
from lmc.passes.reasons import SAYS
from lmc.viz.bands import Bands, bands
from lmc.viz.sharing import sharing
from lmc.viz.svg import STYLE, color_of, says
from lmc.viz.tree import total
from lmc.viz.view import View

if TYPE_CHECKING:
    from lmc.passes.planned import Planned
    from lmc.viz.terminal import Terminal

MAX_WHY = 500  # calls of a program that are each held against the one above it


def render(planned: Planned, terminal: Terminal) -> str:
    """The page."""
    view = View(planned)
    tree = sharing(view)
    placed = bands(tree, view)
    page = files("lmc.viz").joinpath("page.html").read_text(encoding="utf-8")
    data = json.dumps(_data(placed, view, tree.unit), ensure_ascii=False, separators=(",", ":"))
    texts = {
        "{title}": escape(f"{view.title}: what its prompts share"),
        "{total}": escape(total(tree, view)),
        "{style}": STYLE,
        "{data}": data.replace("<", "\\u003c"),  # so that no text ends the script
    }
    head, *rest = page.split("{data}")
    for name in ("{title}", "{total}", "{style}"):
        head = head.replace(name, texts[name])
    return head + texts["{data}"] + "".join(rest)


def _data(placed: Bands, view: View, unit: str) -> dict[str, object]:
    why = dict(_why(placed, view, unit))
    return {
        "width": round(placed.width, 2),
        "rows": [{"name": row.name, "line": row.line, "why": why.get(row.step, "")} for row in placed.rows],
        "bands": [
            {
                "start": round(band.start, 2),
                "end": round(band.end, 2),
                "top": band.top,
                "bottom": band.bottom,
                "color": color_of(band),
                "says": says(band, unit),
                "parts": [(part.kind, round(part.start, 2), round(part.end, 2), part.text) for part in band.parts],
            }
            for band in placed.bands
        ],
    }


def _why(placed: Bands, view: View, unit: str) -> Iterator[tuple[int | None, str]]:
    """For each call where its prompt parts from that of the row above."""
    if len(placed.rows) > MAX_WHY:
        return
    nodes = {step_view.step.id: step_view.node for step_view in view.calls}
    divergences = Divergences(view.plan.graph, view.planned.inputs, view.prompts)
    for above, row in pairwise(placed.rows):
        if above.step is not None and row.step is not None:
            yield row.step, _sentence(divergences.of(nodes[above.step], nodes[row.step]), above.step, unit)


def _sentence(found: Divergence, above: int, unit: str) -> str:
    if found.reason is None:
        return f"begins with all of #{above}'s prompt" if found.b.rest else f"is all of what #{above} begins with"
    places = " and ".join(dict.fromkeys(side.span.place for side in (found.a, found.b) if side.span))
    where = f" ({places})" if places else ""
    return f"parts from #{above} after {found.shared} {unit}{where}: {found.reason}: {SAYS[found.reason]}"
