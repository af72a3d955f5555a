"""What a batch may be: lists and generators of items, and tables (DataFrames, csv.DictReader), whose rows are items.

A table is known by what it can do: no library of tables is imported here.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from typing import Any

from lmc.errors import ArgumentError

Row = dict[str, Any]
Takes = Callable[[object], bool]  # whether the program has an argument of that name


def rows_of(batch: Iterable[Any], takes: Takes, program: str) -> tuple[Iterable[Any], int | None]:
    """The items of a batch, and how many there are where that is known.

    Columns of a table that are no arguments are left out, which is said once through the logger "lmc"; a cell that is
    missing leaves its argument to the default. Raises ArgumentError for a table with two columns of one name.
    """
    if hasattr(batch, "iter_rows") and hasattr(batch, "columns"):  # polars
        kept = _kept(list(batch.columns), takes, program)
        return ({name: row[name] for name in kept} for row in batch.iter_rows(named=True)), len(batch)  # type: ignore[arg-type]
    if hasattr(batch, "to_dict") and hasattr(batch, "columns"):  # pandas
        return _of_pandas(batch, takes, program), len(batch)  # type: ignore[arg-type]
    if hasattr(batch, "to_batches") and hasattr(batch, "column_names"):  # pyarrow
        kept = _kept(list(batch.column_names), takes, program)
        return _of_pyarrow(batch, kept), len(batch)  # type: ignore[arg-type]
    if _is_dict_reader(batch):
        kept = _kept(list(batch.fieldnames or ()), takes, program)  # type: ignore[attr-defined]
        return (_of_cells(row, kept) for row in batch), None
    if hasattr(batch, "tolist") and hasattr(batch, "index"):  # a Series: its values, as Python has them
        batch = batch.tolist()
    return batch, len(batch) if isinstance(batch, Sized) else None


def _is_dict_reader(batch: object) -> bool:
    csv = sys.modules.get("csv")
    return csv is not None and isinstance(batch, csv.DictReader)


def _kept(columns: list[Any], takes: Takes, program: str) -> list[Any]:
    twice = next((name for i, name in enumerate(columns) if name in columns[:i]), None)
    if twice is not None:
        raise ArgumentError(f"the table has two columns {twice!r}", help="rename one of them")
    kept = [name for name in columns if takes(name)]
    if len(kept) < len(columns):
        left = ", ".join(f"`{name}`" for name in columns if name not in kept)
        logging.getLogger("lmc").warning("lmc: columns that `%s` has no argument for are left out: %s", program, left)
    return kept


def _of_pandas(table: Any, takes: Takes, program: str) -> Iterator[Row]:
    kept = _kept(list(table.columns), takes, program)
    cells = [zip(table[name].tolist(), table[name].isna().tolist()) for name in kept]
    if not cells:
        return ({} for _ in range(len(table)))
    return ({name: cell for name, (cell, is_missing) in zip(kept, row) if not is_missing} for row in zip(*cells))


def _of_pyarrow(table: Any, kept: list[Any]) -> Iterator[Row]:
    for part in table.select(kept).to_batches():
        yield from part.to_pylist() if kept else ({} for _ in range(part.num_rows))


def _of_cells(row: Mapping[Any, Any], kept: list[str]) -> Row | BadItem:
    if None in row:
        return BadItem(ArgumentError(f"a row has more cells than there are columns: {row[None]!r} too many"))
    return {name: row[name] for name in kept if row[name] is not None}


class BadItem:
    """An item that could not be made, in its place in a batch: it fails with this error, and the others run."""

    def __init__(self, error: Exception) -> None:
        self.error = error
