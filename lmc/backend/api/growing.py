"""The text of one sample as it comes: cut at a stop that the server does not know, told as soon as it is certain."""

from __future__ import annotations

from lmc.backend.api.ask import Chunk, Ending, Likely
from lmc.backend.stops import Stops


class Growing:
    """What one sample of one call has said.

    told      characters that were told already, which are never taken back
    ending    why it ended, None where it has not
    was_cut   it was cut here, at a stop that the server was not told
    """

    __slots__ = ("_stops", "ending", "likely", "matched", "refusal", "text", "told", "was_cut")

    def __init__(self, stops: Stops | None) -> None:
        self._stops = stops
        self.text = ""
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
        self.refusal += chunk.refusal
        self.likely += chunk.likely
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

    def _untold(self, end: int) -> str:
        begin, self.told = self.told, max(self.told, end)
        return self.text[begin:end]
