"""`lmc passes`, `lmc backends` and `lmc knobs`: what there is to choose from."""

from __future__ import annotations

import click

from lmc.cli.failing import reported


@click.command("passes", short_help="List the passes.")
@reported
def passes_command() -> None:
    """List the passes in the order they run, and what each level runs.

    \b
    lmc compile prog.py -p dce,cse,schedule
    """
    from lmc.passes import LEVELS, PASSES
    from lmc.passes.schedule import PASS as SCHEDULE

    width, room = max(map(len, PASSES)), len(" -O0") * len(LEVELS) - 1
    for each in PASSES.values():
        levels = " ".join(f"-O{level}" for level, row in LEVELS.items() if each.name in row.split(","))
        click.echo(f"{each.name:<{width}}  {each.level:<5}  {levels:<{room}}  {each.summary}")
    click.echo(f"\n`{SCHEDULE.name}` is put in where a pipeline leaves it out, as it makes the plan.")


@click.command("backends", short_help="List the backends.")
@reported
def backends_command() -> None:
    """List the backends.

    \b
    lmc run prog.py --backend echo
    """
    from lmc.backend import BACKENDS

    width = max(map(len, BACKENDS))
    for name, place in BACKENDS.items():
        click.echo(f"{name:<{width}}  {_summary(*place.split(':'))}")


@click.command("knobs", short_help="List the environment variables that lmc reads.")
@reported
def knobs_command() -> None:
    """List the environment variables that lmc reads: the name, what it is now, and what it means."""
    from lmc.knobs import KNOBS

    values = {knob: knob.read() or "(not set)" for knob in KNOBS}
    width, room = max(len(knob.name) for knob in KNOBS), max(map(len, values.values()))
    for knob, value in values.items():
        click.echo(f"{knob.name:<{width}}  {value:<{room}}  {knob.meaning}")


def _summary(module: str, factory: str) -> str:
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
            return _summary(node.module, factory)
    return ""
