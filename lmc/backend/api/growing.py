"""The text of one sample as it comes: cut at a stop that the server does not know, told as soon as it is certain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lmc.backend.api.ask import Chunk, Ending, Likely
from lmc.backend.stops import Stops
from lmc.ir.prompt import Tokenizer


class Growing:
    """What one sample of one call has said.

    is_held   nothing is told before its end, which decides whether it stands
    told      characters that were told already, which are never taken back
    ending    why it ended, None where it has not
    was_cut   it was cut here, at a stop that the server was not told
    """

    __slots__ = ("_stops", "ending", "ids", "is_held", "likely", "matched", "refusal", "text", "told", "was_cut")

    def __init__(self, stops: Stops | None, *, is_held: bool = False) -> None:
        self._stops = stops
        self.is_held = is_held
        self.text = ""
        self.ids: list[int] = []
        self.told = 0
        self.likely: list[Likely] = []
        self.ending: Ending | None = None
        self.matched: str | None = None
        self.refusal = ""
        self.was_cut = False

    def take(self, chunk: Chunk) -> str:
        """Note what a frame says; the text that is certain now and was not before. What comes late says nothing."""
        if self.ending is not None:
            return ""
        if chunk.is_all:
            chunk = self._added(chunk)
        if chunk.refusal:
            self.refusal += chunk.refusal
        if chunk.likely:
            self.likely += chunk.likely
        if chunk.ids:
            self.ids += chunk.ids
        if chunk.text:
            old = len(self.text)
            self.text += chunk.text
            cut = self._stops.find(self.text, old, 0) if self._stops else None
            if cut is not None:
                self.text = self.text[:cut]
                self.ending, self.was_cut = "stop", True
                return self._untold(cut)
        if chunk.ending is not None:
            self.ending, self.matched = chunk.ending, chunk.matched
            return self._untold(len(self.text))
        return self._untold(self._stops.safe(self.text) if self._stops else len(self.text))

    def _added(self, chunk: Chunk) -> Chunk:
        """What a frame that repeats all so far adds to it; a character that was cut in two is waited for."""
        text = chunk.text if chunk.ending is not None else chunk.text.rstrip("\ufffd")
        return replace(
            chunk, text=text[len(self.text) :], ids=chunk.ids[len(self.ids) :], likely=chunk.likely[len(self.likely) :]
        )

    def _untold(self, end: int) -> str:
        if self.is_held:
            return ""
        begin, self.told = self.told, max(self.told, end)
        return self.text[begin:end]

    def tokens(self, tokenizer: Tokenizer) -> tuple[tuple[int, ...], str]:
        """The tokens that stand for the text, and its end that is only a part of one.

        Those that the server tells, where it tells them; else the text's own.
        """
        ids = _whole(self.ids, self.text, tokenizer) if self.ids else None
        if ids is None:
            return tuple(tokenizer.encode(self.text)), ""
        return ids, self.text[len(tokenizer.decode(ids)) :]


def _whole(ids: Sequence[int], text: str, tokenizer: Tokenizer) -> tuple[int, ...] | None:
    """The longest beginning of the tokens whose text the text begins with, without the end of the model's turn."""
    num = len(ids)
    while num and ids[num - 1] in tokenizer.eos_ids:
        num -= 1
    while num and not text.startswith(tokenizer.decode(ids[:num] if isinstance(ids, tuple) else list(ids[:num]))):
        num -= 1
    return tuple(ids[:num]) if num or not text else None
