"""What a prompt is made of, and what turns it into token ids: one family of pieces and one rule for all who ask.

**The rule.** A *run* is a longest stretch of pieces without `Ids` in it. Its ids are those of its whole text encoded at
once by the tokenizer itself, control tokens recognised only where `Control` spells them. How a text is cut into pieces
therefore changes no id; what a model generated keeps its own ids and is the only boundary. `Tokenizer.encode_pieces`
is that rule, and nothing else makes a prompt's ids.

A piece that is not text (an image) will be one more class here: a boundary like `Ids`, with ids outside the vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from lmc.ir.chat import ChatTemplate


@dataclass(frozen=True, slots=True)
class Text:
    """Ordinary text: it can forge no control token."""

    text: str


@dataclass(frozen=True, slots=True)
class Control:
    """Text of a chat template: the only text in which control tokens are recognised.

    role   whose turn it opens or closes, "" where that is not known
    opens  True where it opens that turn, so that messages can be told from a prompt's pieces
    """

    text: str
    role: str = ""
    opens: bool = False


@dataclass(frozen=True, slots=True)
class Ids:
    """Tokens a model generated, with the text they stand for; a boundary of tokenisation on both sides."""

    ids: tuple[int, ...]
    text: str


Piece = Text | Control | Ids


def well_formed(text: str) -> str:
    """`text` with lone surrogates, which have no UTF-8, as U+FFFD: what any model reads of it."""
    try:
        text.isascii() or text.encode()
    except UnicodeEncodeError:
        return "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in text)
    return text


GENERATED = Ids((), "")  # stands for what was generated before a run, where its tokens do not matter


class Encode(Protocol):
    """`Tokenizer.encode_pieces` as a function."""

    def __call__(self, pieces: tuple[Piece, ...], after: Ids | None = None) -> tuple[int, ...]:
        """Token ids of the pieces, as `Tokenizer.encode_pieces` gives them."""


class Tokenizer(Protocol):
    """Text to token ids and back; `key` identifies it in caches."""

    key: str
    vocab_size: int
    eos_ids: frozenset[int]  # tokens that end a generation
    is_byte_level: bool  # a token is the same bytes wherever it stands, and a text is its tokens' bytes joined
    begin_ids: tuple[int, ...]  # put before a prompt that does not begin with a template's literal
    chat: ChatTemplate | None  # None where the tokenizer has no template

    def encode_pieces(self, pieces: Iterable[Piece], *, after: Ids | None = None) -> list[int]:
        """Token ids of pieces by the rule above, `begin_ids` not added.

        after  the generated value that stands before them, None where they begin a prompt
        """

    def encode(self, text: str, *, control: bool = False) -> list[int]:
        """Token ids of a text that is not a prompt, nothing added; control tokens are read only when `control`."""

    def decode(self, ids: list[int] | tuple[int, ...]) -> str:
        """The text of `ids`, control tokens left out; bytes that are not UTF-8 become U+FFFD."""

    def control_tokens(self) -> dict[str, int]:
        """The ids of control tokens by their text."""

    def render(self, turns: list[tuple[str, str]], *, open_role: str | None) -> list[Piece]:
        """A whole conversation of (role, text) through the template; `open_role` leaves that last turn open."""
