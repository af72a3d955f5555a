"""`lmc lint`: what in a program surely fails, or will not do what it seems to. Runs nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from lmc.cli.compile import compiled, terminal_for, tokenizer_of
from lmc.cli.failing import reported
from lmc.cli.options import arguments_option, model_option, width_option
from lmc.codes import ABOUT_CONSTRAINTS, ABOUT_PROGRAMS, ABOUT_TOKENS, with_footer

if TYPE_CHECKING:
    from lmc.compiler import Compiled
    from lmc.passes import Note


@click.command("lint", short_help="Say what in a program surely fails, or will not do what it seems to.")
@click.argument("program", metavar="PROG.PY[:FN]")
@arguments_option
@model_option
@click.option("--strict", is_flag=True, help="Exit with 1 where there is a note.")
@width_option
@reported
def lint_command(program: str, arguments: tuple[str, ...], model: str | None, strict: bool, width: int | None) -> None:
    """Say what in a program surely fails, or will not do what it seems to, with its place and what to write instead.

    \b
    lmc lint prog.py
    lmc lint prog.py:judge --model lmc-tiny --strict
    """
    from lmc.cli.arguments import parse_arguments
    from lmc.cli.loading import load_program

    prog = load_program(program)
    done = compiled(prog, parse_arguments(prog, arguments), 2, tokenizer_of(model), False)
    notes = notes_of(done)
    room = terminal_for(width, None).width
    said = "\n".join(told(note, room) for note in notes)
    click.echo(with_footer(said or f"{done.plan.graph.name}: no notes\n"), nl=False)
    if notes and strict:
        raise click.exceptions.Exit(1)


def notes_of(done: Compiled) -> list[Note]:
    """What there is to say of the program, its constraints and tokens, by place."""
    families = (ABOUT_CONSTRAINTS, ABOUT_TOKENS, ABOUT_PROGRAMS)
    notes = [note for report in done.reports for note in report.notes if (note.code or "").startswith(families)]
    notes += done.lost
    return sorted(notes, key=lambda note: (note.span.file, note.span.line, note.span.col) if note.span else ("", 0, 0))


def told(note: Note, room: int) -> str:
    """A note as people see it."""
    return "".join(f"{line}\n" for line in _lines(note, room))


def _lines(note: Note, room: int) -> Iterator[str]:
    """Place and code, the sentence, and the source line with carets."""
    from lmc.viz.text_table import wrapped

    place = f"{note.span}: " if note.span else ""
    yield f"{place}{note.code}"
    yield from (f"  {line}" for line in wrapped(note.text, room - 2).splitlines())
    if note.span and (caret := note.span.caret()):
        yield caret
