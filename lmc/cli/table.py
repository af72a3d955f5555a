"""`lmc run --args-file`: a program over a table. Rows that fail are told with their line; the others are there.

With an output file there is a journal beside it: whatever cuts the run off, `--resume` goes on where it was.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from lmc.cli.failing import INTERRUPTED, told
from lmc.cli.json_output import echo_json
from lmc.cli.read_rows import Row, RowReader, import_parquet, kind_of, name_of
from lmc.cli.streams import is_of_output
from lmc.cli.write_rows import Record, line_of, plain, record_of, write_table
from lmc.errors import ArgumentError, did_you_mean

if TYPE_CHECKING:
    from lmc.batch import BatchRun
    from lmc.observe.report import RunReport
    from lmc.program import Program
    from lmc.result import Result

MOST_TOLD = 20  # failed rows that are told one by one

Show = Callable[["Result"], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Where rows come from and go to.

    given    arguments for rows that lack them
    options  of `run_batch`
    show     called with each result
    """

    program: Program
    source: str
    output: str | None
    resume: bool
    given: Mapping[str, Any]
    options: Mapping[str, Any]
    show: Show | None = None

    @property
    def journal(self) -> Path | None:
        """The file beside the output; none beside stdout."""
        return None if self.output in (None, "-") else Path(f"{self.output}.journal")

    def results(self) -> tuple[list[Result], RunReport, KeyboardInterrupt | None, dict[int, Any]]:
        """All results, to be shown; after Ctrl-C those there are, and what cut it off. Nothing is written.

        The last are the items, by number.

        Raises ArgumentError where there is no row.
        """
        results = []
        rows, reader, run = self._opened(carries=False)
        try:
            with run:
                for result in run:
                    results.append(result)
                    if self.show is not None:
                        self.show(result)
        except KeyboardInterrupt as stop:
            return [*results, *run.untaken()], run.report, stop, _items(rows)
        if not results:
            raise _no_rows(self.source)
        if reader.others:
            click.echo(self._about_others(list(reader.others)), err=True)
        return results, run.report, None, _items(rows)

    def write(self) -> None:
        """Run, and write what came of it. Exits with 1 where a row failed, with 130 after Ctrl-C."""
        assert self.output is not None
        if kind_of(self.output) == "parquet":
            import_parquet(self.output)  # what it lacks is said before anything runs
        if self.journal is not None and not self.journal.parent.is_dir():
            raise ArgumentError(f"there is no folder `{self.journal.parent}` for `{self.output}`", help="make it first")
        if os.path.isdir(self.output):
            raise ArgumentError(f"`{self.output}` is a folder", help="name a file")
        with self._told_of_disk():
            self._check_journal()
            self._run()

    def _run(self) -> None:
        assert self.output is not None
        rows, reader, run = self._opened(carries=True)
        failed: list[str] = []
        num_rows, records, out = 0, list[Record](), sys.stdout
        with _resumable(self.journal), self._last_rows(rows, run, out), run, self._quiet():
            for record, error in self._records(rows, run):
                num_rows += 1
                failed += [] if error is None else [error]
                if self.output == "-":
                    echo_json(line_of(record), nl=False, file=out)
                else:
                    records.append(record)  # which columns a table has is known when all rows are there
        if not num_rows:
            raise _no_rows(self.source)
        if self.output != "-":
            write_table(self.output, records)
        self._tell(reader, run.report, num_rows, failed)

    @contextlib.contextmanager
    def _told_of_disk(self) -> Iterator[None]:
        """Where the output or its journal cannot be written, say so, and what there is."""
        try:
            yield
        except OSError as error:
            journal = self.journal
            if journal is None or is_of_output(error):
                raise
            kept = f"what has ended is in `{journal}`, and --resume goes on with it" if _has_results(journal) else None
            raise ArgumentError(f"`{self.output}` cannot be written: {error.strerror}", help=kept) from None

    @contextlib.contextmanager
    def _last_rows(self, rows: dict[int, Row], run: BatchRun, out: IO[str]) -> Iterator[None]:
        """After Ctrl-C, the rows that had ended behind one that had not, where no journal has them."""
        try:
            yield
        except KeyboardInterrupt:
            for record, _ in self._records(rows, run.untaken()) if self.journal is None else ():
                echo_json(line_of(record), nl=False, file=out)
            raise

    def _quiet(self) -> contextlib.AbstractContextManager[object]:
        """What a program prints stays out of the rows."""
        return contextlib.redirect_stdout(sys.stderr) if self.output == "-" else contextlib.nullcontext()

    # --- running -------------------------------------------------------------------------------------------------

    def _opened(self, *, carries: bool) -> tuple[dict[int, Row], RowReader, BatchRun]:
        """The rows that were taken and have no result yet, by number, what reads them, and the run."""
        reader = RowReader(self.program, self.given, carries=carries)
        taken: dict[int, Row] = {}
        rows = reader.rows(self.source)

        def items() -> Iterator[Any]:
            for number, row in enumerate(rows):
                taken[number] = row
                yield row.item

        # a file is read whole, so that how far the run is can be told; what comes in by a pipe is not waited for
        batch = items() if self.source == "-" else list(items())
        run = self.program.run_batch(batch, generator_style=True, journal=self.journal, **self.options)
        return taken, reader, run

    def _records(self, rows: dict[int, Row], results: Iterable[Result]) -> Iterator[tuple[Record, str | None]]:
        for result in results:
            row = rows.pop(result.item, Row(self.source))  # a source that breaks off has a result and no row
            if self.show is not None:
                self.show(result)
            if result.error is not None:
                said = told(result.error)
                yield record_of(row.cells, {}, None, said), said if row.place in said else f"{row.place}: {said}"
            else:
                yield record_of(row.cells, *_values(result), None), None

    def _check_journal(self) -> None:
        """Refuse to begin anew where an unfinished run has left results; forget those of a finished one."""
        journal = self.journal
        if self.resume and journal is None:
            raise ArgumentError("--resume goes on with an output file, and stdout is none", help="write to -o FILE")
        if journal is None or self.resume or not journal.exists():
            return
        output = Path(str(self.output))
        # the output is written when the journal is complete
        is_older = not output.exists() or os.stat(output).st_mtime_ns < os.stat(journal).st_mtime_ns
        if is_older and _has_results(journal):
            raise ArgumentError(
                f"`{journal}` has the results of a run that was cut off",
                help="--resume goes on with it; delete it to begin anew",
            )
        journal.unlink()

    # --- telling -------------------------------------------------------------------------------------------------

    def _tell(self, reader: RowReader, report: RunReport, num_rows: int, failed: list[str]) -> None:
        for error in failed[:MOST_TOLD]:
            click.echo(error, err=True)
        if len(failed) > MOST_TOLD:
            click.echo(f"... and {len(failed) - MOST_TOLD} more, each in its row", err=True)
        if reader.others:
            click.echo(self._about_others(list(reader.others)), err=True)
        click.echo(str(report), err=self.output == "-")
        if failed:
            click.echo(f"{len(failed)} of {num_rows} items failed", err=True)
            raise click.exceptions.Exit(1)

    def _about_others(self, others: list[str]) -> str:
        """That there are columns which the program does not take, and what one may have been meant to be."""
        name = self.program.func.__name__
        done = "carried to the output" if self.output is not None else "left out"
        said = f"{done}, as `{name}` has no such argument: {', '.join(others)}"
        near = (did_you_mean(other, self.program.arg_names) for other in others)
        return "\n  help: ".join([said, *(each for each in near if each)])


def _has_results(journal: Path) -> bool:
    """Whether there is anything behind the line that a journal begins with."""
    try:
        with journal.open("rb") as file:
            return bool(file.readline() and file.readline())
    except OSError:
        return False


def _items(rows: Mapping[int, Row]) -> dict[int, Any]:
    return {number: row.item for number, row in rows.items()}


def _values(result: Result) -> tuple[dict[str, Any], Any]:
    """The values by name, and what was returned; the text of a program that gives neither."""
    values = {name: plain(value) for name, value in result.variables().items()}
    returned = plain(result.ret_value)
    return (values or ({} if returned is not None else {"text": result.text()})), returned


@contextlib.contextmanager
def _resumable(journal: Path | None) -> Iterator[None]:
    """After Ctrl-C, say how to go on."""
    try:
        yield
    except KeyboardInterrupt:
        where = "" if journal is None else f"; what has ended is in `{journal}`, and --resume goes on with it"
        click.echo(f"\nstopped by Ctrl-C{where}", err=True)
        sys.exit(INTERRUPTED)


def _no_rows(source: str) -> ArgumentError:
    return ArgumentError(
        f"`{name_of(source)}` has no items", help="one JSON object a line, or a table with a row an item"
    )
