"""`lmc passes` and `lmc knobs`: what there is to choose from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from lmc.cli.compile import terminal_for
from lmc.cli.failing import reported
from lmc.viz.text_table import listed, reflowed

if TYPE_CHECKING:
    from lmc.passes import Pass


@click.command("passes", short_help="List the passes.")
@reported
def passes_command() -> None:
    """List the passes in the order they run, and what each level runs.

    \b
    lmc compile prog.py -p dce,cse,schedule
    """
    from lmc.passes import LEVELS, PASSES
    from lmc.passes.schedule import PASS as SCHEDULE

    rows = [(each.name, each.level, _levels(each, LEVELS), each.summary) for each in PASSES.values()]
    show(rows, f"\n`{SCHEDULE.name}` is put in where a pipeline leaves it out, as it makes the plan.\n")


@click.command("knobs", short_help="List the environment variables that lmc reads.")
@reported
def knobs_command() -> None:
    """List the environment variables that lmc reads: the name, what it is now, and what it means."""
    from lmc.knobs import KNOBS

    show([(knob.name, knob.shown() or "(not set)", knob.meaning) for knob in KNOBS])


def show(rows: Sequence[Sequence[str]], foot: str = "") -> None:
    """Print names and what is said of each, and a foot below them."""
    width = terminal_for(None, None).width
    click.echo(listed(rows, width) + reflowed(foot, width), nl=False)


def _levels(each: Pass, levels: Mapping[int, str]) -> str:
    """Which levels run a pass: `-O2 -O3`."""
    return " ".join(f"-O{level}" for level, row in levels.items() if each.name in row.split(","))


def summary_of(module: str, factory: str) -> str:
    """The first line of a factory's docstring, read from its source: importing it could take seconds."""
    import ast
    import importlib.util
    from pathlib import Path

    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        return "(not part of this installation)"
    tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == factory:
            return (ast.get_docstring(node) or "").partition("\n")[0]
        if isinstance(node, ast.ImportFrom) and node.module and any(alias.name == factory for alias in node.names):
            return summary_of(node.module, factory)
    return ""
