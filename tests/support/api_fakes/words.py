"""Rules by which tokens are counted, for brains that have no tokenizer of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lmc.tokenizer import FolderTokenizer


class FourBytes:
    """Four bytes of UTF-8 a token, the last one shorter: characters may be cut. An id holds its own bytes."""

    def encode(self, text: str) -> list[int]:
        """The ids of a text."""
        raw = text.encode("utf-8", "replace")
        return [int.from_bytes(b"\1" + raw[at : at + 4], "big") for at in range(0, len(raw), 4)]

    def spell(self, token: int) -> bytes:
        """The bytes of a token."""
        return token.to_bytes((token.bit_length() + 7) // 8, "big")[1:]

    def count(self, text: str) -> int:
        """How many tokens a text is."""
        size = len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
        return (size + 3) // 4


class OneByte:
    """A byte of UTF-8 a token."""

    def encode(self, text: str) -> list[int]:
        """The ids of a text."""
        return list(text.encode("utf-8", "replace"))

    def spell(self, token: int) -> bytes:
        """The bytes of a token."""
        return bytes((token,))

    def count(self, text: str) -> int:
        """How many tokens a text is."""
        return len(text.encode("utf-8", "replace"))


class Folder:
    """The tokenizer of a checkpoint folder, as lmc reads it."""

    def __init__(self, tokenizer: FolderTokenizer) -> None:
        self.tokenizer = tokenizer
        self._names = {number: name.encode() for name, number in tokenizer.control_tokens().items()}
        self._bytes = tokenizer.vocab_bytes()

    def encode(self, text: str) -> list[int]:
        """The ids of a text, control tokens read."""
        return list(self.tokenizer.encode(text, control=True))

    def spell(self, token: int) -> bytes:
        """The bytes of a token; a control token is spelt as its name."""
        return self._names[token] if token in self._names else self._bytes[token]

    def count(self, text: str) -> int:
        """How many tokens a text is."""
        return len(self.encode(text))
