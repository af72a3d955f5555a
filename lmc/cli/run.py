"""`lmc run`: run a program, or a batch of items, and print the values by name, what it returned, and what it cost."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from lmc.cli.failing import fail, reported, told
from lmc.cli.options import arguments_option, level_option, passes_option

if TYPE_CHECKING:
    from lmc.launch import Mode
    from lmc.result import Result


@click.command("run", short_help="Run a program, or a batch of items.")
@click.argument("program", metavar="PROG.PY[:FN]")
@arguments_option
@click.option("--args-file", metavar="ITEMS.JSONL", help="A batch: one JSON object of arguments a line.")
@click.option("--model", metavar="DIR", help="A checkpoint folder; lmc-tiny, which lmc ships, if none is named.")
@click.option("--backend", default="auto", show_default=True, metavar="NAME", help="See `lmc backends`.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of every sampled call that names none.")
@click.option("--max-new-tokens", type=click.IntRange(min=1), metavar="N", help="For the calls that do not say.")
@click.option(
    "--temperature", type=click.FloatRange(min=0), metavar="T", help="For the calls that do not say; 0 is greedy."
)
@click.option(
    "--mode",
    type=click.Choice(("auto", "compiled", "eager")),
    default="auto",
    show_default=True,
    help="A graph where the program has one, and Python elsewhere; a graph only; or Python only.",
)
@click.option("--fullgraph", is_flag=True, help="A program without a graph is an error, as with --mode compiled.")
@level_option
@passes_option
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object.")
@reported
def run_command(
    program: str,
    arguments: tuple[str, ...],
    args_file: str | None,
    model: str | None,
    backend: str,
    seed: int,
    max_new_tokens: int | None,
    temperature: float | None,
    mode: Mode,
    fullgraph: bool,
    level: int,
    passes: str | None,
    is_json: bool,
) -> None:
    """Run a program and print its values, what it returned, and what it cost.

    \b
    lmc run prog.py --arg topic=cats
    lmc run prog.py --arg topic=cats --model ./Qwen3-0.6B --backend cpu
    lmc run prog.py:judge --arg dims='["clarity", "style"]' --backend echo --json
    lmc run prog.py --args-file items.jsonl --model ./Qwen3-0.6B
    """
    from lmc.cli.arguments import parse_arguments, read_items
    from lmc.cli.loading import load_program
    from lmc.errors import ArgumentError

    prog = load_program(program)
    values = parse_arguments(prog, arguments)
    items = [{**values, **item} for item in read_items(args_file)] if args_file is not None else [values]
    if not items:
        raise ArgumentError(f"`{args_file}` has no items", help="one JSON object a line, with the arguments by name")
    settings: dict[str, Any] = {
        "backend": backend,
        "model": model,
        "seed": seed,
        "opt_level": passes if passes is not None else level,
        "mode": mode,
        "fullgraph": fullgraph,
    }
    settings |= {"max_new_tokens": max_new_tokens, "temperature": temperature}
    with contextlib.redirect_stdout(sys.stderr) if is_json else contextlib.nullcontext():
        results = prog.run_batch(items, **settings)
    _show(results, is_batch=args_file is not None, is_json=is_json)


def _show(results: Sequence[Result], *, is_batch: bool, is_json: bool) -> None:
    """Values to stdout, errors to stderr; exits with 1 where an item failed."""
    if is_json:
        _show_json(results, is_batch)
    failed = [result.error for result in results if result.error is not None]
    if not is_batch and failed:
        fail(failed[0])
    if not is_json:
        for number, result in enumerate(results):
            _show_item(result, f"item {number}" if is_batch else "")
        click.echo(f"\n{results[0].report}")
    if failed:
        click.echo(f"{len(failed)} of {len(results)} items failed", err=True)
        raise click.exceptions.Exit(1)


def _show_item(result: Result, title: str) -> None:
    if title:
        click.echo(f"--- {title}{': failed' if result.error is not None else ''} ---")
    if result.error is not None:
        click.echo(f"{title}: {told(result.error)}" if title else told(result.error), err=True)
        return
    values = {name: _shown(value) for name, value in result.variables().items()}
    if (returned := result.ret_value) is not None:
        values["-> returned"] = _shown(_plain(returned))
    width = max(map(len, values), default=0)
    for name, text in values.items():
        click.echo(f"{name:<{width}}  {text}".replace("\n", "\n" + " " * (width + 2)).rstrip())
    if not values:
        click.echo(result.text())


def _shown(value: object) -> str:
    """Text as it is, other values as Python writes them."""
    return value if isinstance(value, str) else repr(value)


def _show_json(results: Sequence[Result], is_batch: bool) -> None:
    report = asdict(results[0].report) if results[0].report is not None else None
    items = [_as_json(result) for result in results]
    whole = {"items": items, "report": report} if is_batch else {**items[0], "report": report}
    click.echo(json.dumps(whole, ensure_ascii=False, indent=2, default=repr))


def _as_json(result: Result) -> dict[str, Any]:
    if result.error is not None:
        return {"error": {"type": type(result.error).__name__, "message": told(result.error)}}
    values = {name: _plain(value) for name, value in result.variables().items()}
    return {
        "values": values,
        "returned": _plain(result.ret_value),
        "text": result.text(),
        "usage": asdict(result.usage),
    }


def _plain(value: object) -> object:
    """A value for printing: a program state that was returned is its values and its text."""
    from lmc.result import Result

    if isinstance(value, Result):
        return {"values": {name: _plain(v) for name, v in value.variables().items()}, "text": value.text()}
    return [_plain(v) for v in value] if isinstance(value, list | tuple) else value
