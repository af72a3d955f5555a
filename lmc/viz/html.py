"""html: pictures to be looked into, the sharing view and the graph view: point at anything to read it, click to go on.

One file by itself, that asks nothing of a network. The folder `page` has the page and what draws in it; what is drawn,
and where, is made here.
"""

from __future__ import annotations

import json
import re
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING

from lmc.viz.page_data import page_data
from lmc.viz.svg_frame import ARROW, HATCH, STYLE
from lmc.viz.tree import total
from lmc.viz.view import View
from lmc.viz.wording import on_one_line

if TYPE_CHECKING:
    from lmc.passes.planned import Planned
    from lmc.viz.figures import Figures
    from lmc.viz.terminal import Terminal

SCRIPTS = ("frame.js", "sharing.js", "graph.js", "passes.js")


def render(planned: Planned, terminal: Terminal, figures: Figures | None = None) -> str:
    """The page; with the figures of a run also what that came to."""
    view = View(planned)
    tree, data = page_data(view, figures)
    words = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    texts = {
        "title": escape(on_one_line(view.title)),
        "total": escape(total(tree, view) + (f"; {figures.says}" if figures is not None else "")),
        "style": STYLE + _file("page.css"),
        "defs": HATCH + ARROW,
        "data": words.replace("<", "\\u003c"),  # so that no text ends the script
        "script": "".join(map(_file, SCRIPTS)) + "begin();",
    }
    return _filled(_file("page.html"), texts)


def _file(name: str) -> str:
    return files("lmc.viz").joinpath("page", name).read_text(encoding="utf-8")


def _filled(page: str, texts: dict[str, str]) -> str:
    """The page with each text in its place; what looks like a place in a text stays as it is."""
    return re.sub(r"\{(title|total|style|defs|data|script)\}", lambda place: texts[place[1]], page)
