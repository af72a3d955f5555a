"""All that the graph view is drawn from: boxes, who stands under whom, bands as stripes, and what leads where."""

from __future__ import annotations

from lmc.viz.bands import Bands, bands
from lmc.viz.flow import flow
from lmc.viz.nest import nest
from lmc.viz.placing import stacked
from lmc.viz.sharing import Sharing, sharing
from lmc.viz.stripes import stripes
from lmc.viz.view import View

LINKS = ("state", "data", "order")  # which ways of the dataflow are drawn


class GraphView:
    """Of one program; `rows` are the places of calls in the sharing view, by step."""

    def __init__(self, view: View, tree: Sharing | None = None, found: Bands | None = None) -> None:
        self.view = view
        self.tree = tree or sharing(view)
        self.bands = found or bands(self.tree, view)
        self.rows = {row.step: place for place, row in enumerate(self.bands.rows) if row.step is not None}
        self.whole = nest(view)
        self.under = stacked(self.whole, self.rows)
        self.stripes = stripes(self.bands)

    @property
    def links(self) -> list[tuple[int, int, str]]:
        """From step to step, and as what."""
        edges = [edge for edge in flow(self.view).edges if edge.kind in LINKS]
        return [(int(e.start[1:]), int(e.end[1:]), e.kind) for e in edges if e.start[0] == "s" == e.end[0]]
