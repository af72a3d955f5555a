"""Pieces of a prompt as an API takes them: messages with the text exactly as written, or one text.

    <|im_start|>user\\n "What is 2+2?" <|im_end|>\\n <|im_start|>assistant\\n      user: What is 2+2?

Text outside of any turn is a message of the user's where there are turns, and all of the prompt where there are none.
A turn of the assistant's that is open and has text already is the last message, which the answer goes on from.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lmc.backend.api.ask import Turn
from lmc.ir.prompt import Control, Piece


@dataclass(frozen=True, slots=True)
class Conversation:
    """What a prompt says.

    turns      None where it has none: then `text` is all of it
    open_role  whose turn is open at its end, "" where none is; if it has text, it is the last of `turns`
    continues  True where the open turn has text
    """

    turns: tuple[Turn, ...] | None
    text: str
    open_role: str
    continues: bool


def conversation(pieces: Iterable[Piece]) -> Conversation:
    """The messages of a prompt's pieces."""
    turns: list[Turn] = []
    role, texts, has_turns = "", list[str](), False

    def close() -> None:
        text = "".join(texts)
        texts.clear()
        # an empty message says that somebody said nothing, and an empty stretch between two says nothing at all
        if text or role:
            turns.append(Turn(role or "user", text))

    for piece in pieces:
        if not isinstance(piece, Control):
            texts.append(piece.text)
            continue
        if not piece.role:  # text of a template that opens and closes nothing
            continue
        has_turns = True
        close()
        role = piece.role if piece.opens else ""
    if not has_turns:
        return Conversation(None, "".join(texts), "", bool(texts))
    continues = bool(role) and any(texts)
    if continues or not role:
        close()
    return Conversation(tuple(turns), "", role, continues)
