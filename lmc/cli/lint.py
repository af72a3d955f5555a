"""`lmc lint`: what in a program surely fails, or will not do what it seems to. Runs nothing."""

from __future__ import annotations

import click

from lmc.cli.compile import compiled, terminal_for
from lmc.cli.failing import reported
from lmc.cli.notes import by_place, notes_of, told
from lmc.cli.options import ProgramCommand, arguments_option, closed_option, model_or_name_option, width_option
from lmc.cli.remote import api_option, asked_of, fallback_option, tokenizer_option
from lmc.codes import with_footer


@click.command(
    "lint", short_help="Say what in a program surely fails, or will not do what it seems to.", cls=ProgramCommand
)
@click.argument("program", metavar="PROG.PY[:FN]")
@arguments_option
@model_or_name_option
@api_option
@tokenizer_option
@fallback_option
@closed_option
@click.option("--strict", is_flag=True, help="Exit with 1 where there is a note.")
@width_option
@reported
def lint_command(
    program: str,
    arguments: tuple[str, ...],
    model: str | None,
    backend: str | None,
    tokenizer: str | None,
    fallback: str | None,
    closed: bool,
    strict: bool,
    width: int | None,
) -> None:
    """Say what in a program surely fails, or will not do what it seems to, with its place and what to write instead.

    \b
    lmc lint prog.py
    lmc lint prog.py:judge --model lmc-tiny --strict
    lmc lint prog.py --backend anthropic --model claude-opus-5-5
    """
    from lmc.cli.arguments import parse_arguments
    from lmc.cli.loading import load_program
    from lmc.passes.lint.unread import unread

    prog = load_program(program)
    values = parse_arguments(prog, arguments)
    counts, caps = asked_of(backend, model, tokenizer, fallback)
    done = compiled(prog, values, 2, counts, is_closed=closed, caps=caps)
    notes = notes_of(done)
    if any(report.count("calls dropped") for report in done.reports):
        notes = by_place([*notes, *unread(compiled(prog, values, 0, counts, is_closed=closed).planned)])
    room = terminal_for(width, None).width
    said = "\n".join(told(note, room) for note in notes)
    click.echo(with_footer(said or f"{done.plan.graph.name}: no notes\n"), nl=False)
    if notes and strict:
        raise click.exceptions.Exit(1)
