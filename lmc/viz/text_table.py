"""Rows of cells as aligned text, in terminal columns: wide characters count two, what does not fit is cut.

The one place that knows rich; it is imported on use, as it takes a good part of a short command's time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from io import StringIO
from typing import TYPE_CHECKING, Literal

from lmc.viz.terminal import Terminal

if TYPE_CHECKING:
    from rich.text import Text

GAP = 2  # columns between cells
ELLIPSIS = "…"
MIN_SENTENCE = 40  # columns of a sentence beside the names that it is about


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table; `style` is rich's, used on a terminal only."""

    title: str
    align: Literal["left", "right"] = "left"
    style: str = ""


def grid(columns: Sequence[Column], rows: Sequence[Sequence[str]], terminal: Terminal) -> str:
    """The rows under their titles, one line a row. Cells are not cut: the caller made them fit."""
    # rich takes a millisecond a row
    if not terminal.color and all(cell.isprintable() for row in rows for cell in row):
        return _plain_grid(columns, rows)
    return _rich_grid(columns, rows, terminal)


def _plain_grid(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> str:
    sizes = widths(columns, rows)
    return "".join(_plain_line(columns, row, sizes) for row in ([column.title for column in columns], *rows))


def _plain_line(columns: Sequence[Column], row: Sequence[str], sizes: Sequence[int]) -> str:
    cells = []
    for column, cell, size in zip(columns, row, sizes):
        is_right = column.align == "right"
        cell = cell.rstrip() if is_right else cell
        blank = " " * (size - columns_of(cell))
        cells.append(blank + cell if is_right else cell + blank)
    return (" " * GAP).join(cells).rstrip() + "\n"


def _rich_grid(columns: Sequence[Column], rows: Sequence[Sequence[str]], terminal: Terminal) -> str:
    from rich.table import Table

    table = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column.title, justify=column.align, style=column.style, no_wrap=True, overflow="crop")
    for row in rows:
        table.add_row(*map(_literal, row))
    return _printed(table, terminal, max(terminal.width, sum(widths(columns, rows)) + GAP * len(columns)))


def heading(text: str, terminal: Terminal) -> str:
    """A title, bold on a terminal."""
    from rich.text import Text

    return "".join(
        _printed(Text(line, style="bold"), terminal, max(terminal.width, columns_of(line)))
        for line in wrapped(text, terminal.width).splitlines()
    )


def wrapped(text: str, width: int) -> str:
    """A sentence in lines of at most `width` characters where that can be, all but the first indented."""
    from textwrap import wrap

    lines = wrap(text, width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
    return "".join(f"{line}\n" for line in lines)


def reflowed(text: str, width: int) -> str:
    """A text whose lines are broken where they are too long; what goes on in the next line is indented deeper."""
    return "".join(map(partial(_broken, width=width), text.splitlines(keepends=True)))


def _broken(line: str, width: int) -> str:
    if columns_of(line.rstrip("\n")) <= width:
        return line
    indent = " " * (len(line) - len(line.lstrip()))
    return indented(wrapped(line.strip(), width - len(indent)), indent)


def indented(text: str, indent: str) -> str:
    """A text with the same before each of its lines."""
    return "".join(f"{indent}{line}".rstrip() + "\n" for line in text.splitlines())


def listed(rows: Sequence[Sequence[str]], width: int) -> str:
    """Names and what is said of each: the last cell is a sentence, which is broken; on a narrow terminal below them."""
    *sizes, longest = widths([Column("")] * len(rows[0]), rows)
    margin = sum(sizes) + GAP * len(sizes)
    is_beside = width - margin >= min(MIN_SENTENCE, longest)
    return "".join(_beside(row, sizes, width - margin) if is_beside else _below(row, width) for row in rows)


def _beside(row: Sequence[str], sizes: Sequence[int], room: int) -> str:
    *cells, sentence = row
    head = "".join(cell + " " * (size - columns_of(cell) + GAP) for cell, size in zip(cells, sizes))
    first, *rest = (line.strip() for line in wrapped(sentence, room).splitlines() or [""])
    return f"{head}{first}".rstrip() + "\n" + indented("\n".join(rest), " " * columns_of(head))


def _below(row: Sequence[str], width: int) -> str:
    *cells, sentence = row
    head = (" " * GAP).join(cell.strip() for cell in cells if cell.strip())
    return reflowed(f"{head}\n", width) + indented(wrapped(sentence, width - GAP), " " * GAP)


def widths(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> list[int]:
    """How many terminal columns each column takes."""
    cells = zip(*rows) if rows else ((),) * len(columns)
    return [max(map(columns_of, (column.title, *texts))) for column, texts in zip(columns, cells)]


def columns_of(text: str) -> int:
    """How many terminal columns a text takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def keep_end(text: str, room: int) -> str:
    """The last part of a text that fits, an ellipsis before it where something is left out."""
    return text if columns_of(text) <= room else ELLIPSIS + _cut(text[::-1], room - 1)[::-1]


def keep_ends(text: str, room: int) -> str:
    """The beginning and the end of a text, an ellipsis between them where something is left out."""
    if columns_of(text) <= room:
        return text
    head = _cut(text, (room - 1) // 2)
    return head + ELLIPSIS + _cut(text[::-1], room - 1 - columns_of(head))[::-1]


def keep_start(text: str, room: int) -> str:
    """The first part of a text that fits, an ellipsis behind it where something is left out."""
    return text if columns_of(text) <= room else _cut(text, room - 1) + ELLIPSIS


def _cut(text: str, room: int) -> str:
    text = text[: max(0, room)]
    while columns_of(text) > room:
        text = text[:-1]
    return text


def _literal(text: str) -> Text:
    from rich.text import Text

    return Text(text)  # no markup: a prompt may hold [bold]


def _printed(thing: object, terminal: Terminal, width: int) -> str:
    from rich.console import Console

    out = StringIO()
    console = Console(
        file=out,
        width=width,
        force_terminal=terminal.color,
        color_system="standard" if terminal.color else None,
        no_color=not terminal.color,
        highlight=False,
        legacy_windows=False,
    )
    console.print(thing, soft_wrap=False)
    return "".join(f"{line.rstrip()}\n" for line in out.getvalue().splitlines())
