"""What there is to say of a program: its notes by place, each as people see it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from lmc.codes import ABOUT_APIS, ABOUT_CONSTRAINTS, ABOUT_PROGRAMS, ABOUT_SHARING, ABOUT_TOKENS

if TYPE_CHECKING:
    from lmc.compiler import Compiled
    from lmc.passes import Note


def notes_of(done: Compiled) -> list[Note]:
    """What there is to say of the program, its constraints, tokens and sharing, by place."""
    families = (ABOUT_CONSTRAINTS, ABOUT_TOKENS, ABOUT_SHARING, ABOUT_PROGRAMS, ABOUT_APIS)
    notes = [note for report in done.reports for note in report.notes if (note.code or "").startswith(families)]
    return by_place([*notes, *done.lost])


def by_place(notes: Iterable[Note]) -> list[Note]:
    """Notes in the order of their places."""
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
