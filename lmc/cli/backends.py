"""`lmc backends`: what there is to run programs on; with -v what each model behind an API can do, and where from."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from lmc.cli.compile import terminal_for
from lmc.cli.failing import reported
from lmc.cli.json_output import echo_json
from lmc.cli.listing import show, summary_of
from lmc.cli.options import width_option
from lmc.viz.text_table import GAP, Column, grid, heading, indented, reflowed, widths, wrapped

if TYPE_CHECKING:
    from lmc.backend.api.abilities import Abilities
    from lmc.viz.terminal import Terminal

CELLS = (
    "model", "continues", "rows", "stops", "temp.", "n", "logprobs", "constraints", "select", "context", "answer",
    "cache",
)  # fmt: skip
COLUMNS = [Column(title, "left", "cyan" if title == "model" else "") for title in CELLS]
FOOT = (
    "A dash: not at all. Rows: how several generations of a turn are one call, in brackets where it is to be asked for "
    "(api_fuse, docs/remote.md). A row of your own: a file in LMC_MODELS (docs/models.md). --format json has every "
    "cell, with where it is known from."
)


@click.command("backends", short_help="List the backends, and what models behind APIs can do.")
@click.option("-v", "--verbose", is_flag=True, help="Show the table of models behind APIs.")
@click.option("--backend", metavar="API", help="With -v: the models of this API alone.")
@click.option("--format", "format", type=click.Choice(("text", "json")), default="text", help="text or json.")
@width_option
@reported
def backends_command(verbose: bool, backend: str | None, format: str, width: int | None) -> None:
    """List the backends; with -v, what each model behind an API can do.

    \b
    lmc backends
    lmc backends -v --backend anthropic
    lmc backends -v --format json
    """
    from lmc.backend import BACKENDS

    if not verbose:
        rows = [(name, summary_of(*place.split(":"))) for name, place in BACKENDS.items()]
        if format == "json":
            echo_json(json.dumps([{"name": name, "summary": summary} for name, summary in rows], indent=2))
            return
        show(rows)
        return
    models = _rows_of(backend)
    if format == "json":
        echo_json(json.dumps([as_json(row) for row in models], indent=2))
        return
    click.echo(rendered(models, terminal_for(width, None)), nl=False)


def _rows_of(backend: str | None) -> list[Abilities]:
    """The rows of the table, those of one API alone where it is named."""
    from lmc.backend.api.abilities import DIALECTS, all_rows
    from lmc.errors import BackendError, did_you_mean

    if backend is not None and backend not in DIALECTS:
        help = did_you_mean(backend, DIALECTS, repr) or f"there are {', '.join(DIALECTS)}"
        raise BackendError(f"there is no API {backend!r}", help=help)
    return [row for row in all_rows() if backend in (None, row.dialect)]


def rendered(models: Sequence[Abilities], terminal: Terminal) -> str:
    """A table an API, a row a family; paragraphs where a row does not fit."""
    told = []
    for dialect in dict.fromkeys(row.dialect for row in models):
        rows = [row for row in models if row.dialect == dialect]
        told.append(heading(f"{dialect} (as of {max(row.as_of for row in rows)})", terminal))
        told.append(_table(rows, terminal) + "\n")
    return "".join(told) + reflowed(f"{FOOT}\n", terminal.width)


def _table(rows: Sequence[Abilities], terminal: Terminal) -> str:
    cells = [cells_of(row) for row in rows]
    if sum(widths(COLUMNS, cells)) + GAP * (len(COLUMNS) - 1) <= terminal.width:
        return grid(COLUMNS, cells, terminal)
    told = []
    for model, *rest in cells:
        said = ", ".join(f"{title} {cell}" for title, cell in zip(CELLS[1:], rest))
        told.append(wrapped(model, terminal.width) + indented(wrapped(said, terminal.width - GAP), " " * GAP))
    return "".join(told)


def cells_of(row: Abilities) -> list[str]:
    """A row as people read it, by CELLS."""
    cache = row.cache
    cached = "-"
    if cache is not None:
        cached = f"{cache.max_marks} marks" if cache.max_marks else str(cache.kind)
        cached += f" from {cache.min_tokens}" if cache.min_tokens else ""
    return [
        row.family,
        "-" if row.continues == "never" else row.continues,
        _rows_cell(row),
        _number(row.max_stops, "any"),
        "-" if row.temperatures is None else "{:g}..{:g}".format(*row.temperatures).removesuffix("inf"),
        _number(row.max_n, "any"),
        _number(row.max_logprobs, "-"),
        ", ".join(sorted(row.constraints)) or "-",
        ", ".join(row.select) or "-",
        _tokens(row.max_len),
        _tokens(row.max_output),
        cached,
    ]


def _rows_cell(row: Abilities) -> str:
    """By which means rows of generations are cut: where nobody asks for another, or in brackets where one must."""
    from lmc.backend.api.abilities import speculates_of

    by = speculates_of(row, True, sends_ids=False)
    if by or row.thinks == "always":
        return by or "-"
    other = speculates_of(row, "schema", sends_ids=False)
    return f"({other})" if other else "-"


def _number(number: int | None, none: str) -> str:
    return none if number is None else "-" if number == 0 else str(number)


def _tokens(number: int | None) -> str:
    if number is None:
        return "?"
    return f"{number / 1e6:.3g}M" if number >= 1_000_000 else f"{number / 1000:.0f}K"


def as_json(row: Abilities) -> dict[str, Any]:
    """A row with all its cells, by name."""
    told = {name: _plain(value) for name, value in asdict(row).items() if name != "model"}
    return {"dialect": told.pop("dialect"), "family": told.pop("family"), **told}


def _plain(value: Any) -> Any:
    """A value as JSON has it: sets in order, dates as texts, no end of a range as null."""
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, float) and value == float("inf"):
        return None
    return value.isoformat() if hasattr(value, "isoformat") else value
