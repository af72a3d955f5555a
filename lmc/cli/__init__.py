"""The command line: a row a command in COMMANDS. Each command's file loads on use.

Only click is imported here; what a command needs is imported inside it, so that `lmc --help` is quick.
"""

from __future__ import annotations

import importlib
import io
import sys
from typing import Any

import click

from lmc.cli.streams import open_closed, written_out

COMMANDS: dict[str, str] = {
    "compile": "lmc.cli.compile:compile_command",
    "explain": "lmc.cli.explain:explain_command",
    "lint": "lmc.cli.lint:lint_command",
    "check": "lmc.cli.check:check_command",
    "diff": "lmc.cli.diff:diff_command",
    "opt": "lmc.cli.opt:opt_command",
    "reduce": "lmc.cli.reduce:reduce_command",
    "run": "lmc.cli.run:run_command",
    "cost": "lmc.cli.cost:cost_command",
    "passes": "lmc.cli.listing:passes_command",
    "backends": "lmc.cli.backends:backends_command",
    "knobs": "lmc.cli.listing:knobs_command",
    "completion": "lmc.cli.completion:completion_command",
}


class Commands(click.Group):
    """Finds a command by its row in COMMANDS."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """The command, from streams that are open to streams that have been written out."""
        open_closed()
        with written_out():
            return super().main(*args, **kwargs)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All commands, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported; None for an unknown name."""
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name].split(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is meant; an unknown one is refused with what to write instead."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            raise click.UsageError(error.format_message() + _instead(args[0]), ctx) from None


def _instead(name: str) -> str:
    from lmc.errors import did_you_mean

    if name.partition(":")[0].endswith(".py"):
        return f" `lmc run {name}` runs a program."
    near = did_you_mean(name, COMMANDS)
    return f" {near[:1].upper()}{near[1:]}" if near else ""


def _version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value:
        from lmc import __version__

        click.echo(f"lmc {__version__}")
        ctx.exit()


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "-V",
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_version,
    help="Print the version and exit.",
)
def main() -> None:
    """A compiler from LM programs to an execution graph, with its own engine.

    \b
    lmc compile prog.py --emit-graph              what calls what, and what shares which prompt
    lmc explain prog.py --constraints             what may come out, and what of it is forced
    lmc run prog.py --arg topic=cats              run it on lmc-tiny, the small model that lmc ships
    lmc run prog.py --arg topic=cats --model DIR  run it on a checkpoint
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a redirect may have an encoding without what trees are drawn with
