"""`lmc cost`: what a program will cost on a model behind an API, in calls, tokens and money. Asks nobody."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from lmc.cli.compile import terminal_for
from lmc.cli.failing import reported
from lmc.cli.forecast import learn_option
from lmc.cli.json_output import echo_json
from lmc.cli.options import ProgramCommand, arguments_option, closed_option, level_option, limit_option, width_option
from lmc.cli.remote import DIALECTS, api_fuse_option, fallback_option, fuse_of, model_of

if TYPE_CHECKING:
    from lmc.cli.api_bill import ApiBill, BilledWay
    from lmc.viz.terminal import Terminal


@click.command("cost", short_help="Say what a program will cost on a model behind an API.", cls=ProgramCommand)
@click.argument("program", metavar="PROG.PY[:FN]")
@click.option("--model", required=True, metavar="NAME", help="The model, as its API calls it.")
@click.option(
    "--backend", type=click.Choice(DIALECTS), metavar="API",
    help=f"Its API, where the table of models has it not: {', '.join(DIALECTS)}.",
)  # fmt: skip
@click.option("--args-file", metavar="FILE", help="The rows of a batch: JSONL, JSON, CSV, TSV or parquet.")
@click.option("--tokenizer", metavar="DIR", help="A folder whose tokenizer counts tokens; else they are estimated.")
@click.option(
    "--prices", metavar="FILE", help="Prices: a table as docs/models.md says, or as `lmc explain --cost` takes."
)
@fallback_option
@api_fuse_option
@arguments_option
@learn_option
@limit_option
@closed_option
@level_option
@click.option("--format", "format", type=click.Choice(("text", "json")), default="text", help="text or json.")
@width_option
@reported
def cost_command(
    program: str,
    model: str,
    backend: str | None,
    args_file: str | None,
    tokenizer: str | None,
    prices: str | None,
    fallback: str | None,
    fuse: str | None,
    arguments: tuple[str, ...],
    learn: str | None,
    max_new_tokens: int | None,
    closed: bool,
    level: int,
    format: str,
    width: int | None,
) -> None:
    """Say what a program will cost on a model behind an API: the least, what is expected, and the most.

    \b
    lmc cost prog.py --model gpt-6-luna --arg topic=cats
    lmc cost prog.py --model claude-haiku-5-5 --args-file rows.jsonl
    lmc cost prog.py --model Qwen3-8B --backend vllm --tokenizer ./Qwen3-8B --prices ours.toml
    """
    from lmc.cli.api_bill import bill_of
    from lmc.cli.arguments import parse_arguments
    from lmc.cli.loading import load_program

    known = model_of(backend or _dialect_of(model), model)
    prog = load_program(program)
    values = parse_arguments(prog, arguments)
    items = [values] if args_file is None else _rows(prog, args_file, values)
    bill = bill_of(
        prog,
        items,
        known,
        tokenizer=tokenizer,
        prices=prices,
        fallback="emulate" if fallback else None,
        fuse=fuse_of(fuse),
        learn=learn,
        max_new_tokens=max_new_tokens,
        is_closed=closed,
        level=level,
    )
    if format == "json":
        echo_json(json.dumps(as_json(bill), ensure_ascii=False, indent=2))
    else:
        click.echo(rendered(bill, terminal_for(width, None)), nl=False)


def _dialect_of(model: str) -> str:
    """The API that has the model, by the table. Raises UsageError where that is none, or several."""
    from lmc.backend.api.abilities import HOSTED, abilities

    found = [dialect for dialect in HOSTED if abilities(dialect, model).is_known]
    if len(found) != 1:
        raise click.UsageError(f"no API of the table has a model `{model}`: name one, as in --backend openai")
    return found[0]


def _rows(prog: Any, file: str, given: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The arguments of each row of a file. Raises ArgumentError for one that cannot be an item."""
    from lmc.cli.read_rows import RowReader
    from lmc.errors import ArgumentError
    from lmc.tables import BadItem

    items: list[Mapping[str, Any]] = []
    for row in RowReader(prog, given, carries=True).rows(file):
        if isinstance(row.item, BadItem):
            raise ArgumentError(f"{row.place}: {row.item.error}", help="such a row fails in a run; take it out here")
        items.append(row.item)
    if not items:
        raise ArgumentError(f"`{file}` has no items", help="one JSON object a line, or a table with a row an item")
    return items


# --- what is printed -------------------------------------------------------------------------------------


def rendered(bill: ApiBill, terminal: Terminal) -> str:
    """A row for each way to run the program, and what stands behind the numbers."""
    from lmc.viz.text_table import heading, wrapped

    of = f", {bill.num_items} items" if bill.num_items > 1 else ""
    title = f"{bill.program} on {bill.known.called}: what it will cost{of}"
    body = _table(bill, terminal) if bill.ways[0].calls.most != 0 else "no model calls\n"
    notes = "".join(wrapped(note, terminal.width) for note in bill.notes)
    return f"{heading(title, terminal)}\n{body}\n{notes}"


TITLES = ("", "calls", "prompt", "cached", "written", "generated", "money")


def _table(bill: ApiBill, terminal: Terminal) -> str:
    """A line a way where the terminal has room for it, else a paragraph a way."""
    from lmc.viz.text_table import GAP, Column, grid, indented, widths, wrapped

    columns = [Column(title, "right" if title else "left", "" if title else "cyan") for title in TITLES]
    rows = [_cells(way) for way in bill.ways]
    if sum(widths(columns, rows)) + GAP * (len(columns) - 1) <= terminal.width:
        return grid(columns, rows, terminal)
    told = []
    for name, *cells in rows:
        sums = ", ".join(f"{title} {cell}" for title, cell in zip(TITLES[1:], cells) if cell)
        told.append(f"{name}\n" + indented(wrapped(sums, terminal.width - GAP), " " * GAP))
    return "".join(told)


def _cells(way: BilledWay) -> list[str]:
    from lmc.viz.cost import money

    paid = "unknown" if way.money is None else money(way.money)
    cached = "" if way.cached is None else f"{way.cached:.0f}"
    written = "" if way.written is None else f"{way.written:.0f}"
    return [way.name, str(way.calls), str(way.prompt), cached, written, str(way.output), paid]


def as_json(bill: ApiBill) -> dict[str, Any]:
    """The same as data; money that is not known is null, as is what has no bound."""
    return {
        "program": bill.program,
        "backend": bill.known.dialect,
        "model": bill.known.model,
        "items": bill.num_items,
        "tokens": "counted" if bill.is_counted else "estimated",
        "rule": bill.rule,
        "currency": None if bill.price is None else bill.price.currency,
        "price_as_of": None if bill.price is None else bill.price.as_of.isoformat(),
        "price_source": None if bill.price is None else bill.price.source,
        "ways": [_way_json(way) for way in bill.ways],
        "notes": list(bill.notes),
    }


def _way_json(way: BilledWay) -> dict[str, Any]:
    told: dict[str, Any] = {"name": way.name}
    for name in ("calls", "prompt", "output"):
        interval = getattr(way, name)
        told[name] = {"least": interval.least, "expected": round(interval.expected, 3), "most": interval.most}
    told |= {"cached": way.cached, "written": way.written, "money": None}
    if way.money is not None:
        told["money"] = {"least": way.money.least, "expected": way.money.expected, "most": way.money.most}
    return told
