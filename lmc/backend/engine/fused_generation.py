"""A fused form under way: one generation for the engine, several for the program.

Each of the program's generations keeps its own sampling: temperature, penalties over its own tokens, and max_tokens,
which ends it where it is and lets the form go on behind it. So does an end token where the generation may end: unfused
it would have ended there too.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

from lmc.backend.base import Filled, FinishReason, TokenLogprob
from lmc.backend.engine.generation import Generation, sample_seed
from lmc.backend.matcher import FormMatcher
from lmc.backend.runner.batch import TokenDraws
from lmc.errors import ConstraintError


class FusedGeneration(Generation):
    """Tokens of a fused form.

    blank, begin   the program's generation that the last token was in, and the first of its tokens
    used           by generation of the program, the tokens that began in it so far
    """

    __slots__ = ("begin", "blank", "form", "sample", "used")

    def __init__(self, *args: Any, sample: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.form = cast(FormMatcher, self.matcher)
        self.sample = sample
        self.blank = self.begin = 0
        self.used = [0] * len(self.gen.blanks)

    def draw(self, draws: TokenDraws, position: int) -> None:
        """Add how to sample the next token: as the generation says that it begins in."""
        sampling = self.gen.blanks[self.form.blank]
        own = self.ids[self.begin :] if self.form.blank == self.blank else ()
        draws.add(sampling, sample_seed(sampling.seed, self.sample), position, output=own, mask=self.form.mask())

    def push(self, id: int, record: TokenLogprob | None = None) -> FinishReason | None:
        """Take a token; the reason if it ends the form. Raises ConstraintError if none was allowed."""
        blank, is_inside = self.form.blank, self.form.is_in_blank
        if id in self._eos_ids and self.form.may_end:
            self.used[blank] += 1
            if self._end("eos") is not None:
                return super().push(id, record)
            self.num_tokens += 1
            return None
        reason = super().push(id, record)
        if reason is not None or not is_inside:
            self.used[blank] += is_inside
            return reason
        if not self.used[blank]:
            self.blank, self.begin = blank, len(self.ids) - 1
        self.used[blank] += 1
        has_ended = not self.form.is_in_blank or self.form.blank != blank
        if has_ended or self.used[blank] < self.gen.blanks[blank].max_tokens:
            return None
        return self._end("length")

    def filled(self) -> tuple[Filled, ...]:
        """What each of the program's generations wrote. Raises ConstraintError where the form had no room."""
        if self.form.lacks_text:
            raise ConstraintError(
                f"the model's length leaves {self.num_tokens} tokens to a form, which needs more",
                help="shorten the prompt, lower max_tokens, or use a model of more context",
            )
        filled = zip(self.form.filled(), self.used, strict=True)
        return tuple(replace(each, num_tokens=used) for each, used in filled)

    def _end(self, reason: FinishReason) -> FinishReason | None:
        """The generation of the program that is under way ends here; a reason if that ends the form."""
        self.form.end(reason)
        self.num_skips += 1
        return "constraint" if self.form.is_done() else None
