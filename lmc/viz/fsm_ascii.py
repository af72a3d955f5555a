"""ascii: an automaton as lines, one an arrow, for a terminal; `(3)` is a state where a text may end.

 0   "Harry "        -> 1
 1   [A-Z] "otter"   -> 2
     "Hagrid"        -> 2
(2)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmc.viz.text_table import columns_of, heading, keep_ends

if TYPE_CHECKING:
    from lmc.viz.fsm import Arrow, Fsm
    from lmc.viz.terminal import Terminal

MIN_LABEL = 12  # columns that a label keeps, however narrow the terminal is
LEGEND = "(n): a text may end there"


def render(fsm: Fsm, terminal: Terminal) -> str:
    """The automaton under its title."""
    digits = len(str(max(0, fsm.num_drawn - 1)))
    rows = _rows(fsm)
    room = max(MIN_LABEL, terminal.width - 2 * digits - len("()    -> "))
    labels = [keep_ends(arrow.label, room) if arrow else "" for _, arrow in rows]
    width = max(map(columns_of, labels), default=0)
    lines = [_line(name, arrow, label, digits, width) for (name, arrow), label in zip(rows, labels)]
    return heading(fsm.heading, terminal) + "".join(f"{line.rstrip()}\n" for line in (*lines, LEGEND))


def _rows(fsm: Fsm) -> list[tuple[str, Arrow | None]]:
    """(state, arrow), the state beside its first arrow only; a state without arrows has a row of its own."""
    rows: list[tuple[str, Arrow | None]] = []
    for state in range(fsm.num_drawn):
        name = f"({state})" if state in fsm.accepting else f" {state} "
        arrows = [arrow for arrow in fsm.arrows if arrow.source == state]
        rows += [(name if at == 0 else "", arrow) for at, arrow in enumerate(arrows)] or [(name, None)]
    return rows


def _line(name: str, arrow: Arrow | None, label: str, digits: int, width: int) -> str:
    if arrow is None:
        return f"{name:>{digits + 2}}"
    to = "" if arrow.target is None else f"{' ' * (width - columns_of(label))}  -> {arrow.target}"
    return f"{name:>{digits + 2}}  {label}{to}"
