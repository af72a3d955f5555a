"""Maximal runs: prompts cut where the rule of `ir.prompt` lets them be cut, at generated values and nowhere else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from lmc.ir.prompt import Control, Ids, Piece, Text

Run = tuple[Text | Control, ...]


def runs(pieces: Iterable[Piece]) -> Iterator[Run | Ids]:
    """The pieces as runs and the generated values between them; pieces without text are left out."""
    run: list[Text | Control] = []
    for piece in pieces:
        if not isinstance(piece, Ids):
            run += [piece] if piece.text else []
            continue
        if run:
            yield tuple(run)
        run = []
        yield piece
    if run:
        yield tuple(run)


def last_run(pieces: Sequence[Piece]) -> tuple[Run, Ids | None]:
    """The run that pieces end in, () where they end in a generated value; and that value, None where there is none."""
    run: list[Text | Control] = []
    before = None
    for piece in reversed(pieces):
        if isinstance(piece, Ids):
            before = piece
            break
        run += [piece] if piece.text else []
    return tuple(reversed(run)), before


def text_of(pieces: Iterable[Piece]) -> str:
    """What pieces read as."""
    return "".join([piece.text for piece in pieces])


def merged(pieces: Iterable[Piece]) -> tuple[Piece, ...]:
    """Pieces with neighbouring texts as one, those without text left out; generated values stay."""
    found: list[Piece] = []
    texts: list[Text] = []
    for piece in pieces:
        if isinstance(piece, Text):
            if piece.text:
                texts.append(piece)
        elif piece.text or isinstance(piece, Ids):
            found += _as_one(texts)
            found.append(piece)
            texts.clear()
    return (*found, *_as_one(texts))


def _as_one(texts: list[Text]) -> list[Text]:
    return [Text(text_of(texts))] if len(texts) > 1 else texts


def joined(run: Iterable[Text | Control]) -> list[tuple[bool, str]]:
    """(whether it is a template's, its text) for neighbouring pieces of one kind, joined."""
    kinds = groupby(run, key=lambda piece: isinstance(piece, Control))
    return [(is_control, text_of(pieces)) for is_control, pieces in kinds]
