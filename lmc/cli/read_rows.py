"""Items of a batch from a file: JSONL, a JSON array, CSV, TSV or parquet; `-` is stdin, JSON or CSV as it begins.

A row that cannot be an item is one that fails, in its place and with its line; the others run. Columns that the
program does not take are not given to it.
"""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from lmc.arguments import takes
from lmc.cli.cells import MISSING, Converter
from lmc.errors import ArgumentError, did_you_mean
from lmc.observe.report import counted
from lmc.tables import BadItem

if TYPE_CHECKING:
    from lmc.program import Program

Cells = dict[str, Any]

KINDS = {"jsonl": "json", "ndjson": "json", "json": "json", "csv": "csv", "tsv": "csv", "parquet": "parquet"}
STDIN = "stdin"
ONE_A_LINE = "one JSON object a line, with the arguments by name"
ON_STDIN = f"{ONE_A_LINE}; or CSV, whose first line has the names of arguments"


@dataclass(slots=True)
class Row:
    """A row of a table.

    place  file:line
    cells  as they were read, by column
    item   the arguments for the program, or why there are none
    """

    place: str
    cells: Cells = field(default_factory=dict)
    item: Cells | BadItem = field(default_factory=dict)


def kind_of(path: str) -> str:
    """json, csv or parquet, told by the end of its name. Raises ArgumentError for another."""
    end = Path(path).suffix.lower().removeprefix(".")
    if path == "-":
        return "json"
    if end not in KINDS:
        help = f"{', '.join(f'.{each}' for each in KINDS)}, or - for JSON lines on stdin and stdout"
        raise ArgumentError(f"`{path}`: the end of its name does not say what it holds", help=help)
    return KINDS[end]


def name_of(path: str) -> str:
    """What a source is called in messages."""
    return STDIN if path == "-" else path


class RowReader:
    """Reads the rows of a file for a program, one after another.

    given    arguments for the rows that lack them
    others   columns met so far that are no arguments of the program
    carries  whether such columns go to an output; a key of a JSON object that goes nowhere is a mistake

    Raises ArgumentError for a file that cannot be read, or with which no row could run.
    """

    def __init__(self, program: Program, given: Mapping[str, Any], *, carries: bool) -> None:
        self.others: dict[str, None] = {}
        self._program, self._given, self._carries = program, given, carries
        self._converter = Converter(program.func)

    def rows(self, path: str) -> Iterator[Row]:
        """All rows. What is wrong with the file as a whole is raised at once."""
        match kind_of(path):
            case "csv":
                delimiter = "\t" if path.lower().endswith(".tsv") else ","
                return self._of_csv(_lines(_opened(path, newline=""), path), path, delimiter)
            case "parquet":
                return self._of_parquet(path)
        if path != "-":
            return self._of_json(_lines(_opened(path), path), path)
        return self._of_stdin(io.TextIOWrapper(sys.stdin.buffer, "utf-8-sig", newline=""))

    def _row(self, place: str, cells: Cells, *, is_text: bool = False) -> Row:
        """A row with its cells handed out: to the program what it takes. `is_text`: a cell is text, whatever it is."""
        item = dict(self._given)
        for name, cell in cells.items():
            if not takes(self._program.func, name) and (self._carries or is_text):
                self.others.setdefault(name)
                continue
            try:
                value = self._converter.value(name, cell) if is_text else cell
            except ValueError as error:
                return Row(place, cells, BadItem(ArgumentError(f"{place}, column `{name}`: {error}")))
            if value is not MISSING:
                item[name] = value
        return Row(place, cells, item)

    def _of_stdin(self, file: IO[str]) -> Iterator[Row]:
        """JSON, or a table where the first line names an argument of the program; it is all that tells them apart."""
        lines = _lines(file, STDIN)
        blank: list[str] = []
        for line in lines:
            if line.strip():
                break
            blank.append(line)
        else:
            return iter(())
        again = chain(blank, [line], lines)
        for delimiter in "" if line.lstrip().startswith(("{", "[")) else ",\t":
            header = next(csv.reader([line.strip("\r\n")], delimiter=delimiter))
            if any(takes(self._program.func, name) for name in header):
                return self._of_csv(again, STDIN, delimiter)
        return self._of_json(again, STDIN)

    # --- JSON ------------------------------------------------------------------------------------------------

    def _of_json(self, lines: Iterator[str], name: str) -> Iterator[Row]:
        before: list[str] = []
        for line in lines:
            before.append(line)
            if line.strip():
                break
        if before and before[-1].lstrip().startswith("["):
            return self._of_array("".join(chain(before, lines)), name)
        return self._of_lines(chain(before, lines), name)

    def _of_array(self, text: str, name: str) -> Iterator[Row]:
        """A file that is one JSON array; lines that begin with a bracket are lines all the same."""
        try:
            items = json.loads(text)
        except ValueError as error:
            if text.lstrip().partition("\n")[0].rstrip().endswith("]"):
                return self._of_lines(text.split("\n"), name)
            raise ArgumentError(f"{name} is not JSON: {error}") from None
        return (self._of_value(f"{name}, item {number}", item, name) for number, item in enumerate(items))

    def _of_lines(self, lines: Iterable[str], name: str) -> Iterator[Row]:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            place = f"{name}:{number}"
            try:
                value = json.loads(line)
            except (ValueError, RecursionError) as error:
                yield Row(place, {}, BadItem(ArgumentError(f"{place} is not JSON: {error}", help=_lines_of(name))))
                continue
            yield self._of_value(place, value, name)

    def _of_value(self, place: str, value: object, name: str) -> Row:
        if isinstance(value, dict):
            return self._row(place, value)
        what = f"{place} is not a JSON object, but {type(value).__name__}"
        return Row(place, {}, BadItem(ArgumentError(what, help=_lines_of(name))))

    # --- CSV -------------------------------------------------------------------------------------------------

    def _of_csv(self, lines: Iterator[str], path: str, delimiter: str) -> Iterator[Row]:
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
        header = next(_records(reader, path), (1, []))[1]
        if not isinstance(header, list) or not header:
            raise ArgumentError(f"`{path}` has no columns", help="its first line names them")
        self._check_columns(path, header)
        return self._of_records(reader, path, header)

    def _of_records(self, reader: Any, path: str, header: list[str]) -> Iterator[Row]:
        for line, record in _records(reader, path):
            place = f"{path}:{line}"
            if isinstance(record, Exception):
                yield Row(place, {}, BadItem(ArgumentError(f"{place} is not CSV: {record}")))
                continue
            cells = dict(zip(header, record))
            if len(record) == len(header):
                yield self._row(place, cells, is_text=True)
                continue
            what = f"{place} has {counted(len(record), 'cell')}, and the first line {counted(len(header), 'column')}"
            yield Row(place, cells, BadItem(ArgumentError(what)))

    def _check_columns(self, path: str, columns: list[str]) -> None:
        """Raises ArgumentError where two have one name, or an argument that every row needs has none."""
        twice = next((name for i, name in enumerate(columns) if name in columns[:i]), None)
        if twice is not None:
            raise ArgumentError(f"`{path}` has two columns `{twice}`", help="rename one of them")
        for name in self._converter.needed:
            if name not in columns and name not in self._given and name not in self._program.bound:
                near = did_you_mean(name, [each for each in columns if not takes(self._program.func, each)])
                help = f"{near} if so, rename the column" if near else f"its columns are {', '.join(columns)}"
                raise ArgumentError(
                    f"`{path}` has no column `{name}`, which `{self._program.func.__name__}` needs", help=help
                )

    # --- parquet ---------------------------------------------------------------------------------------------

    def _of_parquet(self, path: str) -> Iterator[Row]:
        parquet = import_parquet(path)
        try:
            file = parquet.ParquetFile(path)
        except (OSError, ValueError) as error:
            raise ArgumentError(f"`{path}` cannot be read: {error}") from None
        self._check_columns(path, list(file.schema_arrow.names))
        rows = (row for batch in file.iter_batches() for row in batch.to_pylist())
        return (self._of_parquet_row(f"{path}, row {number}", row) for number, row in enumerate(rows))

    def _of_parquet_row(self, place: str, cells: Cells) -> Row:
        """A null is a cell that is missing."""
        there = {name: cell for name, cell in cells.items() if cell is not None and takes(self._program.func, name)}
        row = self._row(place, there)
        self.others |= dict.fromkeys(name for name in cells if not takes(self._program.func, name))
        row.cells = cells
        return row


def import_parquet(path: str) -> Any:
    """pyarrow's reader and writer of parquet. Raises ArgumentError where it is not installed."""
    try:
        import pyarrow.parquet
    except ImportError:
        raise ArgumentError(
            f"`{path}`: parquet needs pyarrow, which is not installed",
            help="pip install pyarrow, or use .jsonl or .csv",
        ) from None
    return pyarrow.parquet


def _lines_of(name: str) -> str:
    """What a source of JSON should hold."""
    return ON_STDIN if name == STDIN else ONE_A_LINE


def _opened(path: str, newline: str | None = None) -> IO[str]:
    try:
        return open(path, encoding="utf-8-sig", newline=newline)
    except OSError as error:
        raise ArgumentError(f"`{path}` cannot be read: {error.strerror}") from None


def _lines(file: IO[str], name: str) -> Iterator[str]:
    """The lines of a file. Raises ArgumentError where it is not text."""
    try:
        while line := file.readline():
            yield line
    except UnicodeError as error:
        raise ArgumentError(f"`{name}` cannot be read: {error}", help="UTF-8 is needed") from None


def _records(reader: Any, path: str) -> Iterator[tuple[int, list[str] | Exception]]:
    """(the line it begins at, cells) of each record, or what is wrong with it; empty lines are passed over."""
    while True:
        line = reader.line_num + 1
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield line, error
            continue
        if record:
            yield line, record
