"""Tables without colour are written line by line: what rich writes, in a fiftieth of the time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lmc.viz.terminal import PLAIN, Terminal
from lmc.viz.text_table import Column, _plain_grid, _rich_grid, grid

ODD = ("a", "b ", " c", "漢字", "é", "e\u0301", "…", "[bold]", "  ", "│  ├─ ", "🙂", "12+", "x" * 40)
COLUMNS = st.lists(
    st.builds(Column, st.sampled_from(("#", "prompt", "")), st.sampled_from(("left", "right"))), min_size=1
)


@given(st.data())
def test_lines_are_those_that_rich_writes(data: st.DataObject) -> None:
    """Wide characters, spaces at the ends of cells, empty cells and columns among them."""
    columns = data.draw(COLUMNS)
    cell = st.lists(st.sampled_from(ODD), max_size=4).map("".join)
    rows = data.draw(st.lists(st.lists(cell, min_size=len(columns), max_size=len(columns)), max_size=4))

    assert _plain_grid(columns, rows) == _rich_grid(columns, rows, PLAIN)


def test_what_does_not_print_and_what_is_coloured_is_left_to_rich() -> None:
    """A control character would move the terminal's cursor."""
    columns = (Column("a", style="cyan"), Column("b"))
    assert grid(columns, [["x\ay", "z"]], PLAIN) == "a   b\nxy  z\n"
    assert "\x1b[36m" in grid(columns, [["x", "z"]], Terminal(color=True))
