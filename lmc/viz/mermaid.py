"""mermaid: the dataflow as a Mermaid flowchart, for Markdown; branches, loops and the like are subgraphs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from lmc.viz.flow import Box, FlowEdge, box_number, flow
from lmc.viz.parting import Parting, partings_by_box
from lmc.viz.view import View

if TYPE_CHECKING:
    from lmc.passes.planned import Planned
    from lmc.viz.terminal import Terminal

_SHAPES = {
    "arg": ("([", "])"),
    "model": ("(", ")"),
    "call": ("[", "]"),
    "if": ("{", "}"),
    "try": ("[[", "]]"),
    "loop": ("{{", "}}"),
    "function": ("[[", "]]"),
    "end": ("([", "])"),
}
_ARROWS = {"state": "==>", "data": "-->", "order": "-.->", "arm": "-.->", "again": "-.->"}
_LABELS = {"order": "after", "again": "again"}


def render(planned: Planned, terminal: Terminal) -> str:
    """The program as a flowchart. Thick: a prompt goes on; thin: a value; dotted: control, and order of effects.

    Boxes with a thick line are the critical path. A call that does not go on from the one above it in the sharing tree
    says why.
    """
    view = View(planned)
    drawn, parted = flow(view), partings_by_box(view)
    lines = ["flowchart TD", *_boxes(drawn.boxes, parted, "  "), *(f"  {_edge(edge)}" for edge in drawn.edges)]
    lines += [f"  style {_id(id)} stroke-width:3px" for id in sorted(drawn.critical, key=box_number)]
    return "\n".join(lines) + "\n"


def _boxes(boxes: tuple[Box, ...], parted: Mapping[str, Parting], pad: str) -> Iterator[str]:
    for box in boxes:
        opening, closing = _SHAPES[box.kind]
        why = (parted[box.id].short,) if box.id in parted else ()
        node = f"{_id(box.id)}{opening}{quoted(*box.lines, *filter(None, why))}{closing}"
        if box.kind not in ("if", "try", "loop", "function"):
            yield pad + node
            continue
        yield f"{pad}subgraph region_{box.id} [{quoted(f'{box.kind} {_number(box)}')}]"
        yield f"{pad}  {node}"
        yield from _boxes(box.inside, parted, pad + "  ")
        yield f"{pad}end"


def _number(box: Box) -> str:
    return f"#{box.id[1:]}"


def _edge(edge: FlowEdge) -> str:
    label = edge.label or _LABELS.get(edge.kind, "")
    words = f"|{quoted(label)}|" if label else ""
    return f"{_id(edge.start)} {_ARROWS[edge.kind]}{words} {_id(edge.end)}"


def _id(id: str) -> str:
    return "finish" if id == "end" else id  # `end` closes a subgraph


def quoted(*lines: str) -> str:
    """Lines as one string of Mermaid: what it or HTML could read as more than text goes by its code."""
    texts = ("".join(_ESCAPES.get(char, char) for char in line) for line in lines)
    return '"' + "<br/>".join(texts) + '"'


# `#35;` is Mermaid's own spelling of an entity; a backquote or `_` would begin Markdown in some versions
_ESCAPES = {c: f"#{ord(c)};" for c in '#"&<>`\\*~$%'} | {"\n": " ", "\r": " ", "\0": ""}
