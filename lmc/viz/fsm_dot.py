"""dot: an automaton as a Graphviz digraph; a double circle is a state where a text may end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lmc.viz.dot import quoted
from lmc.viz.text_table import keep_ends

if TYPE_CHECKING:
    from lmc.viz.fsm import Arrow, Fsm
    from lmc.viz.terminal import Terminal

MAX_LABEL = 40  # columns


def render(fsm: Fsm, terminal: Terminal) -> str:
    """The automaton, from left to right."""
    lines = [
        f"digraph {quoted(fsm.title)} {{",
        f"  label={quoted(fsm.heading)}; labelloc=t; rankdir=LR;",
        '  node [fontname="Helvetica", fontsize=11, shape=circle]; edge [fontname="Courier", fontsize=10];',
        '  begin [shape=point, label=""];',
        *(f"  {state} [shape=doublecircle];" for state in sorted(fsm.accepting)),
        "  begin -> 0;",
        *(f"  {line}" for arrow in fsm.arrows for line in _arrow(arrow)),
    ]
    return "\n".join(lines) + "\n}\n"


def _arrow(arrow: Arrow) -> Iterator[str]:
    if arrow.target is None:
        yield f'more{arrow.source} [shape=plaintext, label="…"];'
        yield f"{arrow.source} -> more{arrow.source};"
    else:
        yield f"{arrow.source} -> {arrow.target} [label={quoted(keep_ends(arrow.label, MAX_LABEL))}];"
