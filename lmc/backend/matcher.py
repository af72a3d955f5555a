"""What the engine asks of a constraint: which tokens may come next, and where the text may end.

Implemented by backend.masks; the engine never looks inside.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from lmc.backend.base import Filled, FinishReason
from lmc.ir.constraint import Constraint, Fused

Int32 = npt.NDArray[np.int32]


class Matcher(Protocol):
    """One generation under a constraint, as far as it has come."""

    def mask(self) -> Int32 | None:
        """[ceil(V / 32)] int32 bitmask of the tokens allowed next, 1 = allowed; None where all are.

        End tokens are allowed only where the constraint may be complete.
        """

    @property
    def has_mask(self) -> bool:
        """False where `mask` may take a while, as nobody has asked for it in this state."""

    @property
    def may_force(self) -> bool:
        """False where `forced` never gives a token, so that the engine may run ahead of what is sampled."""

    def accept(self, id: int) -> bool:
        """Take one token that is not an end token; False where the constraint does not allow it."""

    def continued(self, id: int) -> bool:
        """Take a token after which text must or may come, none of it forced; False, and nothing done, else.

        It may be False where it need not: `accept`, `is_done` and `forced` say all.
        """

    def is_done(self) -> bool:
        """True where nothing but an end token may follow."""

    def can_stop(self) -> bool:
        """True where the text so far satisfies the constraint."""

    def forced(self, ids: Sequence[int]) -> tuple[int, ...]:
        """The tokens that come next whatever the model says, none where nothing is certain; `ids` are those so far.

        They are the tokenizer's own for every text that may follow, and are accepted one after the other.
        """

    def fork(self) -> Matcher:
        """An independent matcher in the same state."""


class FormMatcher(Matcher, Protocol):
    """A Matcher of a fused form, which knows its generations by number."""

    @property
    def blank(self) -> int:
        """The generation that the next token begins in, or else the last one before; the first, before all."""

    @property
    def is_in_blank(self) -> bool:
        """Whether the next token begins in a generation, not in a literal."""

    @property
    def may_end(self) -> bool:
        """Whether an end token may end the generation under way here."""

    @property
    def lacks_text(self) -> bool:
        """Whether more is missing than the end of the last generation."""

    def end(self, reason: FinishReason) -> None:
        """End the generation under way here: the form goes on with what comes after it."""

    def filled(self) -> tuple[Filled, ...]:
        """What each generation wrote so far."""


class MaskFactory(Protocol):
    """Compiles constraints for one tokenizer."""

    def make(self, constraint: Constraint | Fused) -> Matcher:
        """A matcher at the start of the text. Raises ConstraintError where the constraint cannot be followed."""

    def is_quick(self, constraint: Constraint | Fused) -> bool:
        """Whether `make` is done in a moment: it has been compiled, or is small."""
