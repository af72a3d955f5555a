"""dot: the dataflow as a Graphviz digraph; branches, loops and the like are clusters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from lmc.viz.flow import Box, FlowEdge, flow
from lmc.viz.parting import Parting, partings_by_box
from lmc.viz.view import View

if TYPE_CHECKING:
    from lmc.passes.planned import Planned
    from lmc.viz.terminal import Terminal

_SHAPES = {
    "arg": 'shape=ellipse, style="filled", fillcolor="#f3f3f3"',
    "model": 'shape=box, style="rounded,filled", fillcolor="#dbe9ff"',
    "call": 'shape=box, style="filled", fillcolor="#ffe9d6"',
    "if": 'shape=diamond, style="filled", fillcolor="#fff7cc"',
    "try": 'shape=octagon, style="filled", fillcolor="#fff7cc"',
    "loop": 'shape=hexagon, style="filled", fillcolor="#fff7cc"',
    "function": 'shape=component, style="filled", fillcolor="#fff7cc"',
    "end": 'shape=ellipse, style="filled", fillcolor="#f3f3f3"',
}
_LINES = {
    "state": "penwidth=2",
    "data": "",
    "order": "style=dashed, color=gray40",
    "arm": "style=dotted",
    "again": "style=dotted, constraint=false",
}


def render(planned: Planned, terminal: Terminal) -> str:
    """The program as a digraph. Thick: a prompt goes on; thin: a value; dashed: order of effects; dotted: control.

    Boxes with a thick line are the critical path. A call that does not go on from the one above it in the sharing tree
    says why, and hovering over it where.
    """
    view = View(planned)
    drawn, parted = flow(view), partings_by_box(view)
    lines = [
        f"digraph {quoted(view.plan.graph.name)} {{",
        f"  label={quoted(view.title)}; labelloc=t; rankdir=TB;",
        '  node [fontname="Helvetica", fontsize=11]; edge [fontname="Helvetica", fontsize=9];',
        *_boxes(drawn.boxes, drawn.critical, parted, "  "),
        *(f"  {_edge(edge)}" for edge in drawn.edges),
    ]
    return "\n".join(lines) + "\n}\n"


def _boxes(boxes: tuple[Box, ...], critical: frozenset[str], parted: Mapping[str, Parting], pad: str) -> Iterator[str]:
    for box in boxes:
        found = parted.get(box.id)
        lines, hover = (box.lines, "") if found is None else ((*box.lines, found.short), found.sentence())
        width = ", penwidth=2.5" if box.id in critical else ""
        tooltip = f", tooltip={quoted(hover)}" if hover else ""
        node = f"{box.id} [label={quoted(*filter(None, lines))}, {_SHAPES[box.kind]}{width}{tooltip}];"
        if box.kind not in ("if", "try", "loop", "function"):
            yield pad + node
            continue
        yield f"{pad}subgraph cluster_{box.id} {{"
        yield f"{pad}  label={quoted(f'{box.kind} #{box.id[1:]}')}; style=rounded; color=gray60;"
        yield f"{pad}  {node}"
        yield from _boxes(box.inside, critical, parted, pad + "  ")
        yield pad + "}"


def _edge(edge: FlowEdge) -> str:
    label = [f"label={quoted(edge.label)}"] if edge.label else []
    attrs = ", ".join([*label, *([_LINES[edge.kind]] if _LINES[edge.kind] else [])])
    return f"{edge.start} -> {edge.end}" + (f" [{attrs}];" if attrs else ";")


def quoted(*lines: str) -> str:
    """Lines as one string of the DOT language; a backslash of theirs stays one."""
    texts = ("".join(_ESCAPES.get(char, char) for char in line) for line in lines)
    return '"' + "\\n".join(texts) + '"'


_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": " ", "\r": " ", "\0": ""}
