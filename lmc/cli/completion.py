"""`lmc completion`: what a shell reads to complete commands, options and their values."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

SHELLS = ("bash", "zsh", "fish")


@click.command("completion", short_help="What a shell reads to complete lmc's commands and options.")
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion_command(ctx: click.Context, shell: str) -> None:
    """Print what a shell reads to complete lmc's commands and options.

    \b
    eval "$(lmc completion bash)"              in ~/.bashrc
    eval "$(lmc completion zsh)"               in ~/.zshrc
    lmc completion fish | source               in ~/.config/fish/config.fish
    """
    made = get_completion_class(shell)
    assert made is not None
    click.echo(made(ctx.find_root().command, {}, "lmc", "_LMC_COMPLETE").source())
