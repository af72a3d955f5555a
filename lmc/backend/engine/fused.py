"""A fused row under way: one generation for the engine, several for the program.

Each of the program's generations keeps its own sampling: temperature, penalties over its own tokens, and max_tokens,
which ends it where it is and lets the row go on behind it.
"""

from __future__ import annotations

from typing import Any, cast

from lmc.backend.base import Capture, FinishReason, TokenLogprob
from lmc.backend.engine.batch import Draw
from lmc.backend.engine.generation import Generation, sample_seed
from lmc.backend.engine.masks import RowMatcher


class FusedGeneration(Generation):
    """Tokens of a fused row.

    blank, used, begin   the program's generation that the last token was in, its tokens so far, and the first of them
    """

    __slots__ = ("begin", "blank", "row", "sample", "used")

    def __init__(self, *args: Any, sample: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.row = cast(RowMatcher, self.matcher)
        self.sample = sample
        self.blank = self.used = self.begin = 0

    def draw(self, position: int) -> Draw:
        """How to sample the next token: as the generation says that it begins in."""
        sampling = self.gen.blanks[self.row.blank]
        own = self.ids[self.begin :] if self.row.blank == self.blank else ()
        return Draw(sampling, sample_seed(sampling.seed, self.sample), position, own, (), self.row.mask())

    def push(self, chosen: TokenLogprob) -> FinishReason | None:
        """Take a token; the reason if it ends the row. Raises ConstraintError if none was allowed."""
        blank, is_inside = self.row.blank, self.row.is_in_blank
        reason = super().push(chosen)
        if reason is not None or not is_inside:
            return reason
        if blank != self.blank or not self.used:
            self.blank, self.used, self.begin = blank, 0, len(self.ids) - 1
        self.used += 1
        if self.used < self.gen.blanks[blank].max_tokens or not (self.row.is_in_blank and self.row.blank == blank):
            return None
        self.row.cut()
        self.cuts += 1
        return "constraint" if self.row.is_done() else None

    def captures(self) -> tuple[Capture, ...]:
        """What each of the program's generations wrote."""
        return self.row.captures()
