"""What a batch gave, as a table: the input's columns, the program's values, what it returned, its error.

A file is written whole and put in its place at the end, so that there is never half a table; `-` gets a line as each
row is there.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterable
from dataclasses import asdict, is_dataclass
from enum import Enum
from pathlib import Path
from typing import IO, Any

from lmc.cli.read_rows import Cells, import_parquet, kind_of

Record = dict[str, Any]
CARRIED = "input.{}"  # how a column of the input is called where the program sets that name


def record_of(cells: Cells, values: Cells, returned: object, error: str | None) -> Record:
    """One row of the table; only what is there."""
    record = {CARRIED.format(name) if name in values else name: cell for name, cell in cells.items()}
    record |= values
    if returned is not None:
        record[_free("returned", record)] = returned
    if error is not None:
        record[_free("error", record)] = error
    return record


def _free(name: str, record: Record) -> str:
    """The name, unless a column has it."""
    while name in record:
        name += "_"
    return name


def plain(value: object) -> object:
    """A value for printing: a program state that was returned is its values and its text."""
    from lmc.result import Result

    if isinstance(value, Result):
        return {"values": {name: plain(v) for name, v in value.variables().items()}, "text": value.text()}
    return [plain(v) for v in value] if isinstance(value, list | tuple) else value


def jsonable(value: Any) -> object:
    """What JSON writes for a value that it does not know."""
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return value.value if isinstance(value, Enum) else repr(value)


def line_of(record: Record) -> str:
    """The record as one line of JSON."""
    return json.dumps(record, ensure_ascii=False, default=jsonable) + "\n"


def write_table(path: str, records: Iterable[Record]) -> None:
    """Write a table in the format that its name's end says."""
    _WRITERS[kind_of(path)](path, records)


def _write_json(path: str, records: Iterable[Record]) -> None:
    def write(file: IO[str]) -> None:
        if path.lower().endswith(".json"):
            json.dump(list(records), file, ensure_ascii=False, indent=1, default=jsonable)
        else:
            file.writelines(map(line_of, records))

    _replace(path, write)


def _write_csv(path: str, records: Iterable[Record]) -> None:
    rows = list(records)
    columns = _columns(rows)

    def write(file: IO[str]) -> None:
        table = csv.writer(file, delimiter="\t" if path.lower().endswith(".tsv") else ",", lineterminator="\n")
        table.writerow(columns)
        table.writerows([_cell(row.get(name)) for name in columns] for row in rows)

    _replace(path, write)


def _write_parquet(path: str, records: Iterable[Record]) -> None:
    parquet = import_parquet(path)
    import pyarrow

    rows = list(records)
    columns = {name: _column(pyarrow, [row.get(name) for row in rows]) for name in _columns(rows)}
    beside = f"{path}.part"
    parquet.write_table(pyarrow.table(columns), beside)
    os.replace(beside, path)


def _column(pyarrow: Any, cells: list[Any]) -> Any:
    """Cells of one type as they are, others as text."""
    try:
        return pyarrow.array(cells)
    except (pyarrow.ArrowInvalid, pyarrow.ArrowTypeError, pyarrow.ArrowNotImplementedError):
        return pyarrow.array([None if cell is None else _cell(cell) for cell in cells], pyarrow.string())


_WRITERS: dict[str, Callable[[str, Iterable[Record]], None]] = {
    "json": _write_json,
    "csv": _write_csv,
    "parquet": _write_parquet,
}


def _columns(rows: list[Record]) -> list[str]:
    """All columns, as they first come; the error's last."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    return sorted(names, key=lambda name: name == "error")


def _cell(value: object) -> str:
    """A value as text: what is no text or number is JSON, so that it can be read back."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=jsonable)


def _replace(path: str, write: Callable[[IO[str]], None]) -> None:
    beside = Path(f"{path}.part")
    try:
        with open(beside, "w", encoding="utf-8", errors="backslashreplace", newline="") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
