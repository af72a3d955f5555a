"""What a page is drawn from, as JSON: calls with all there is to say of them, bands, boxes, and what leads where."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lmc.passes.fixits import fixits
from lmc.viz import placing, stripes
from lmc.viz.bands import MAX_TEXT, Band, Bands
from lmc.viz.figures import CallFigures, Figures, brief, seconds, tokens
from lmc.viz.graph_view import GraphView
from lmc.viz.nest import GraphItem
from lmc.viz.parting import Parting, partings
from lmc.viz.sharing import Sharing
from lmc.viz.svg import color_of, says
from lmc.viz.svg_frame import COLORS
from lmc.viz.wording import on_one_line, options, visible

if TYPE_CHECKING:
    from lmc.viz.view import StepView, View

Json = dict[str, Any]  # Any: what json.dumps takes
MAX_FIXED, MAX_PIECES = 500, 50_000  # calls, and pieces of all prompts, that fix-its are looked for in
MAX_CAME, MAX_TURNS = 500, 20  # characters of an answer, and answers of one step
SIZES = {
    "card": [placing.CARD_WIDTH, placing.CARD_HEIGHT],
    "chip": placing.CHIP_HEIGHT,
    "gap": placing.GAP,
    "gutter": placing.GUTTER,
    "pad": placing.PAD,
    "head": placing.HEAD,
    "stripe": stripes.STRIPES_WIDTH,
    "inset": stripes.INSET,
    "ribbon": stripes.RIBBON,
}


def page_data(view: View, figures: Figures | None = None) -> tuple[Sharing, Json]:
    """The sharing tree, and all that the page needs."""
    graph = GraphView(view)
    tree, found = graph.tree, graph.bands
    data = {
        "unit": tree.unit,
        "width": round(found.width, 2),
        "rows": list(_rows(graph, figures)),
        "bands": [_band(band, up, tree.unit) for band, up in zip(found.bands, _ups(found))],
        "graph": _graph(graph),
        "run": None if figures is None else _run(figures, graph),
    }
    return tree, data


def _rows(graph: GraphView, figures: Figures | None) -> Iterator[Json]:
    calls = {step_view.step.id: step_view for step_view in graph.view.calls}
    parted, fixes = partings(graph.tree, graph.view), _fixes(graph.view)
    last = {band.top: number for number, band in enumerate(graph.bands.bands) if band.bottom - band.top == 1}
    is_exact = _exact(graph.bands)
    for place, row in enumerate(graph.bands.rows):
        stripe, band = graph.stripes.of_row[place], last.get(place, -1)
        told: Json = {"name": row.name, "line": row.line, "band": band, "size": "", "shared": ""}
        told |= {"stripe": -1 if stripe is None else stripe.number, "end": round(graph.stripes.ends[place], 2)}
        if row.step is not None:
            told |= _sizes(row.step, graph.tree, is_exact=band >= 0 and is_exact[band])
            told |= _words(calls[row.step], graph.view, parted.get(row.step), fixes)
            told |= _ran(figures.by_step.get(row.step, []), figures) if figures is not None else {}
        yield told


def _sizes(step: int, tree: Sharing, *, is_exact: bool) -> Json:
    size = tree.sizes[step]
    return {"size": f"{size}{'' if is_exact else '+'}", "shared": f"{size - tree.leaves[step].size}"}


def _words(call: StepView, view: View, parted: Parting | None, fixes: Mapping[int, list[str]]) -> Json:
    """What there is to say of a call; what there is not is left out."""
    told = {"options": on_one_line(options(call.node, view))[:MAX_TEXT], "hints": call.hints}
    advice = fixes.get(call.step.id, [])
    if parted is not None:
        told["why"] = parted.sentence()
        advice = [*advice, *([parted.advice] if parted.advice else [])]
    told["fix"] = "\n".join(advice)
    return {name: text for name, text in told.items() if text}


def _fixes(view: View) -> dict[int, list[str]]:
    """What to change at each call; of very long programs it is not looked for, as each prompt is read anew for that."""
    calls = view.calls
    if len(calls) > MAX_FIXED or sum(len(call.pieces) for call in calls) > MAX_PIECES:
        return {}
    steps = {id(call.node): call.step.id for call in calls}
    unit = "characters" if view.planned.inputs.encode is None else "tokens"
    found: dict[int, list[str]] = {}
    for fix in fixits(view.plan.graph, view.planned.inputs):
        runs = "in each further run" if fix.is_of_runs else "in each run"
        said = f"{fix.says} ({fix.span.place}; at most {fix.behind} {unit} {runs}; {fix.keeps})"
        found.setdefault(steps[id(fix.call)], []).append(said)
    return found


def _ran(calls: Sequence[CallFigures], figures: Figures) -> Json:
    """What a step came to in a run."""
    if not calls:
        return {"ran": [("not run", "")], "brief": "not run"}
    cached, computed, output = tokens(calls)
    firsts = [call.first_s - call.begin_s for call in calls if call.first_s is not None]
    ran: list[tuple[str, int | str]] = [("times in this run", len(calls))] if len(calls) > 1 else []
    ran += [("from the cache", cached), ("computed", computed), ("generated", output)]
    ran += [("seconds", f"{seconds(calls):.3f}")]
    ran += [("first text after", f"{max(firsts):.3f}")] if firsts else []
    missed = [call.missed for call in calls if call.missed]
    came = "\n".join(visible(call.came[:MAX_CAME]) for call in calls[:MAX_TURNS])
    widths = [round(each / figures.most, 3) for each in (cached, computed, output)] if figures.most else []
    return {"ran": ran, "brief": brief(calls), "came": came, "bar": widths} | (
        {"missed": "\n".join(missed)} if missed else {}
    )


def _run(figures: Figures, graph: GraphView) -> Json:
    """The calls and passes of a run; passes name calls by their place."""
    order = [place for place, call in enumerate(figures.calls) if call.step in graph.rows]
    places = {call: place for place, call in enumerate(order)}
    ends = [call.end_s for call in figures.calls if call.end_s is not None]
    last = max(ends, default=0.0)
    return {
        "calls": [
            {
                "row": graph.rows[call.step],
                "begin": round(call.begin_s, 6),
                "end": round(last if call.end_s is None else call.end_s, 6),
            }
            for call in (figures.calls[place] for place in order)
        ],
        "passes": [
            {
                "begin": round(each.begin_s, 6),
                "seconds": round(each.seconds, 6),
                "tokens": each.num_tokens,
                "rows": [
                    (-1 if row.call is None else places.get(row.call, -1), row.cached, row.computed, row.output)
                    for row in each.rows
                ],
            }
            for each in figures.passes
        ],
    }


def _ups(found: Bands) -> list[int]:
    """For each band the one before it."""
    ups: list[int] = []
    last = [-1]  # by depth, of the bands around the one that comes next
    for number, band in enumerate(found.bands):
        del last[band.depth + 1 :]
        ups.append(last[-1])
        last.append(number)
    return ups


def _exact(found: Bands) -> list[bool]:
    """For each band whether no hole is in the prompt up to its end."""
    exact: list[bool] = []
    for band, up in zip(found.bands, _ups(found)):
        exact.append(band.is_exact and (up < 0 or exact[up]))
    return exact


def _band(band: Band, up: int, unit: str) -> Json:
    return {
        "up": up,
        "start": round(band.start, 2),
        "end": round(band.end, 2),
        "top": band.top,
        "bottom": band.bottom,
        "color": color_of(band),
        "says": says(band, unit),
        "parts": [(part.kind, round(part.start, 2), round(part.end, 2), part.text) for part in band.parts],
    }


# --- the graph view -----------------------------------------------------------------------------------------


def _graph(graph: GraphView) -> Json:
    items = _flat(graph.whole)
    numbers = {item: number for number, item in enumerate(items)}
    ups = {below: numbers[item] for item in items for below in item.below}
    places = {item: place for place, item in enumerate(graph.under)}
    steps = {item.number: numbers[item] for item in items if item.number is not None}
    prefixes = {band.prefix: number for number, band in enumerate(graph.bands.bands) if band.prefix is not None}
    return {
        "items": [
            {
                "kind": item.kind,
                "title": on_one_line(item.title),
                "note": item.note,
                "line": _line(item),
                "row": graph.rows.get(item.number, -1) if item.number is not None else -1,
                "up": ups.get(item, -1),
                "first": item.first,
                "place": places.get(item, 0),
                "under": [numbers[each] for each in graph.under.get(item, ())],
                "open": item.is_open,
            }
            for item in items
        ],
        "stripes": [
            {
                "up": -1 if stripe.parent is None else stripe.parent.number,
                "start": round(stripe.start, 2),
                "end": round(stripe.end, 2),
                "color": stripe.prefix % COLORS,
                "band": prefixes[stripe.prefix],
            }
            for stripe in graph.stripes.all
        ],
        "links": [(steps[source], steps[target], kind) for source, target, kind in graph.links],
        "sizes": SIZES,
    }


def _flat(whole: GraphItem) -> list[GraphItem]:
    """All items, a box before what is in it."""
    found, todo = [], [whole]
    while todo:
        item = todo.pop()
        found.append(item)
        todo += reversed(item.below)
    return found


def _line(item: GraphItem) -> str:
    span = item.step_view.node.span if item.step_view is not None else None
    return on_one_line(span.text().strip()[:MAX_TEXT]) if span is not None and item.kind != "call" else ""
