"""The masks of one automaton as the engine asks for them: with end tokens, and with what is forced."""

from __future__ import annotations

from lmc.backend.masks.jumps import Jump, Jumps
from lmc.backend.masks.stable import Encoder
from lmc.backend.masks.token_masks import TokenMasks
from lmc.backend.masks.trie import TokenTrie
from lmc.backend.matcher import Int32
from lmc.ir.regex import RegexTree


class EndingMasks(TokenMasks):
    """The masks of one constraint, with the end tokens where the text may be complete, and its jumps."""

    def __init__(
        self,
        trie: TokenTrie,
        tree: RegexTree,
        eos_ids: frozenset[int],
        eos_mask: Int32,
        encoder: Encoder,
        jump: Jump,
    ) -> None:
        super().__init__(trie, tree)
        self.jumps = Jumps(self.dfa, encoder, trie, jump)
        self.eos_ids, self.eos_mask = eos_ids, eos_mask
        self.num_ids = trie.size
        self._ending: dict[int, Int32] = {}
        self._is_free: dict[int, bool] = {}

    @property
    def num_bytes(self) -> int:
        """What it takes, about."""
        return super().num_bytes + len(self._ending) * self.num_ids // 8

    def with_ends(self, state: int) -> Int32:
        """[ceil(V / 32)] int32, `mask` and the end tokens; not to be written to."""
        return self.ending(state) if self.is_accepting(state) else self.mask(state)

    def goes_on_freely(self, state: int) -> bool:
        """Whether text may come next, and none of it is forced."""
        found = self._is_free.get(state)
        if found is None:
            found = bool(self.mask(state).any()) and not self.jumps.may_jump(state)
            self._is_free[state] = found
        return found

    def ending(self, state: int) -> Int32:
        """[ceil(V / 32)] int32, `mask` with the end tokens, whether the text may end here or not."""
        found = self._ending.get(state)
        if found is None:
            found = self._ending[state] = self.mask(state) | self.eos_mask
            found.setflags(write=False)
        return found
