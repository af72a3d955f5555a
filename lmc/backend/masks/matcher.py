"""One text under an automaton: what may come next, what must, and where it may end."""

from __future__ import annotations

from collections.abc import Sequence

from lmc.backend.masks.ending_masks import EndingMasks
from lmc.backend.matcher import Int32
from lmc.ir.automaton.dfa import DEAD


class AutomatonMatcher:
    """A Matcher: one text under a regular constraint, as far as it has come. For one thread."""

    def __init__(self, masks: EndingMasks, state: int | None = None) -> None:
        self._masks = masks
        self._state = masks.start if state is None else state

    def mask(self) -> Int32:
        """[ceil(V / 32)] int32, bit i % 32 of word i // 32 set where token i may come next; not to be written to."""
        return self._masks.with_ends(self._state)

    @property
    def has_mask(self) -> bool:
        """False where the mask is to be made."""
        return self._masks.has_mask(self._state)

    def accept(self, id: int) -> bool:
        """Take a token; False, and no change, where it is not allowed. An end token changes nothing either way."""
        if id in self._masks.eos_ids:
            return self.can_stop()
        if not 0 <= id < self._masks.num_ids:
            return False
        state = self._masks.next(self._state, id)
        if state == DEAD:
            return False
        self._state = state
        return True

    def continued(self, id: int) -> bool:
        """Take a token after which text must or may come, none of it forced; False, and nothing done, else."""
        masks = self._masks
        if id in masks.eos_ids or not 0 <= id < masks.num_ids:
            return False
        state = masks.next(self._state, id)
        # a mask is not made here: one step makes so many and no more
        if not masks.has_mask(state) or not masks.goes_on_freely(state):
            return False
        self._state = state
        return True

    def is_done(self) -> bool:
        """True where the text is complete and nothing but an end token may follow."""
        return self.can_stop() and not self._masks.mask(self._state).any()

    def can_stop(self) -> bool:
        """True where the text so far satisfies the constraint."""
        return self._masks.is_accepting(self._state)

    @property
    def may_force(self) -> bool:
        """False where nothing is ever jumped over."""
        return self._masks.jumps.may_force

    def forced(self, ids: Sequence[int]) -> tuple[int, ...]:
        """The tokens that come next whatever the model says, `ids` being those so far."""
        return self._masks.jumps.after(self._state, ids)

    def fork(self) -> AutomatonMatcher:
        """An independent matcher in the same state."""
        return AutomatonMatcher(self._masks, self._state)
