"""One training or test item: turns of a conversation (or bare text), and which parts of it the model writes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scripts.tiny.world import World


@dataclass(frozen=True, slots=True)
class Gen:
    """Text that the model writes, and what a test constrains it to.

    choices   a test selects among these
    regex     a test generates what matches this
    schema    a test generates JSON that fits this schema (JSON text)
    stop      without a constraint, a test generates up to this text; "" is the end of the turn
    """

    text: str
    choices: tuple[str, ...] = ()
    regex: str = ""
    schema: str = ""
    stop: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """Known text, as the label of a worked example is, that training also asks for: cut into tokens with what is around it."""

    text: str


Piece = str | Gen | Shown


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn; the role "text" is bare text outside any turn."""

    role: str
    pieces: tuple[Piece, ...]

    def text(self) -> str:
        """The whole turn as text."""
        return "".join(piece if isinstance(piece, str) else piece.text for piece in self.pieces)


@dataclass(frozen=True, slots=True)
class Item:
    """Turns of one conversation. A test asks for the last `Gen` only, and gives everything before it."""

    task: str
    turns: tuple[Turn, ...]

    def answer(self) -> Gen:
        """The last thing that the model writes."""
        return [piece for turn in self.turns for piece in turn.pieces if isinstance(piece, Gen)][-1]

    def text(self) -> str:
        """The item for a reader, with what the model writes in brackets."""
        lines = []
        for turn in self.turns:
            shown = "".join(piece if isinstance(piece, str) else f"[{piece.text}]" for piece in turn.pieces)
            lines.append(shown if turn.role == "text" else f"{turn.role.upper()}: {shown}")
        return "\n".join(lines)


Task = Callable[["World"], Item]


def system(*pieces: Piece) -> Turn:
    return Turn("system", pieces)


def user(*pieces: Piece) -> Turn:
    return Turn("user", pieces)


def assistant(*pieces: Piece) -> Turn:
    return Turn("assistant", pieces)


def tool(*pieces: Piece) -> Turn:
    """What a tool gave back."""
    return Turn("tool", pieces)


def bare(*pieces: Piece) -> Turn:
    """Text without a role."""
    return Turn("text", pieces)


def generated(item: Item) -> Iterator[Gen]:
    """Everything that the model writes in an item."""
    for turn in item.turns:
        yield from (piece for piece in turn.pieces if isinstance(piece, Gen))
