"""Tables without colour are written line by line: what rich writes, in a fiftieth of the time."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lmc.viz.terminal import PLAIN, Terminal
from lmc.viz.text_table import Column, _plain_grid, _rich_grid, grid

ODD = ("a", "b ", " c", "漢字", "é", "e\u0301", "…", "[bold]", "  ", "│  ├─ ", "🙂", "12+", "x" * 40)
COLUMNS = st.lists(
    st.builds(Column, st.sampled_from(("#", "prompt", "")), st.sampled_from(("left", "right"))), min_size=1, max_size=5
)


CELL = st.lists(st.sampled_from(ODD), max_size=4).map("".join)
TABLES = COLUMNS.flatmap(lambda columns: st.tuples(st.just(columns), _rows(len(columns))))


def _rows(num: int) -> st.SearchStrategy[list[list[str]]]:
    return st.lists(st.lists(CELL, min_size=num, max_size=num), max_size=4)


# rich is imported by the first example, and a busy machine draws slowly: neither says anything of the tables
@settings(deadline=None, suppress_health_check=(HealthCheck.too_slow,))
@given(TABLES)
def test_lines_are_those_that_rich_writes(table: tuple[list[Column], list[list[str]]]) -> None:
    """Wide characters, spaces at the ends of cells, empty cells and columns among them."""
    columns, rows = table

    assert _plain_grid(columns, rows) == _rich_grid(columns, rows, PLAIN)


def test_what_does_not_print_and_what_is_coloured_is_left_to_rich() -> None:
    """A control character would move the terminal's cursor."""
    columns = (Column("a", style="cyan"), Column("b"))
    assert grid(columns, [["x\ay", "z"]], PLAIN) == "a   b\nxy  z\n"
    assert "\x1b[36m" in grid(columns, [["x", "z"]], Terminal(color=True))
