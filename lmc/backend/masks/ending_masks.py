"""The masks of one constraint as the engine asks for them: with end tokens, and with what is forced."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from lmc.backend.masks.call_masks import CallMasks
from lmc.backend.masks.jumps import Jump, Jumps
from lmc.backend.masks.stable import Encoder
from lmc.backend.masks.token_masks import TokenMasks
from lmc.backend.masks.trie import TokenTrie
from lmc.backend.matcher import Int32
from lmc.ir.automaton.calls import CallDfa
from lmc.ir.automaton.walk import ByteWalk
from lmc.ir.regex import RegexTree


@dataclass(frozen=True, slots=True)
class Ends:
    """What the masks of all constraints share: end tokens, how text is cut, and how what is forced is jumped over."""

    eos_ids: frozenset[int]
    eos_mask: Int32
    encoder: Encoder
    jump: Jump


class EndingMasks(ABC):
    """The masks of one constraint, with the end tokens where the text may be complete, and its jumps.

    start   the state before any token; DEAD (0) where no text is accepted
    """

    start: int

    def __init__(self, trie: TokenTrie, walk: ByteWalk, ends: Ends) -> None:
        self.jumps = Jumps(walk, ends.encoder, trie, ends.jump)
        self.eos_ids, self.eos_mask = ends.eos_ids, ends.eos_mask
        self.num_ids = trie.size
        self._ending: dict[int, Int32] = {}
        self._is_free: dict[int, bool] = {}
        self._asked: set[int] = set()

    @property
    @abstractmethod
    def is_worn(self) -> bool:
        """Whether it has so many states that the next text should begin with a new automaton."""

    @property
    @abstractmethod
    def num_bytes(self) -> int:
        """What it takes, about."""

    @abstractmethod
    def mask(self, state: int) -> Int32:
        """[ceil(V / 32)] int32, bit i % 32 of word i // 32 set where token i may come next; not to be written to."""

    @abstractmethod
    def next(self, state: int, token: int) -> int:
        """The state after a token; DEAD where it may not come."""

    @abstractmethod
    def spelling(self, token: int) -> bytes:
        """The bytes of a token, none for those that are not text."""

    @abstractmethod
    def is_accepting(self, state: int) -> bool:
        """Whether the text may end here."""

    def with_ends(self, state: int) -> Int32:
        """[ceil(V / 32)] int32, `mask` and the end tokens; not to be written to."""
        self._asked.add(state)
        return self.ending(state) if self.is_accepting(state) else self.mask(state)

    def has_mask(self, state: int) -> bool:
        """Whether its mask has been asked for, with end tokens or without."""
        return state in self._asked

    def goes_on_freely(self, state: int) -> bool:
        """Whether text may come next, and none of it is forced."""
        found = self._is_free.get(state)
        if found is None:
            found = bool(self.mask(state).any()) and not self.jumps.may_jump(state)
            self._is_free[state] = found
        return found

    def ending(self, state: int) -> Int32:
        """[ceil(V / 32)] int32, `mask` with the end tokens, whether the text may end here or not."""
        self._asked.add(state)
        found = self._ending.get(state)
        if found is None:
            found = self._ending[state] = self.mask(state) | self.eos_mask
            found.setflags(write=False)
        return found


class RegularMasks(TokenMasks, EndingMasks):
    """Of a regular constraint."""

    def __init__(self, trie: TokenTrie, tree: RegexTree, ends: Ends) -> None:
        TokenMasks.__init__(self, trie, tree)
        EndingMasks.__init__(self, trie, self.dfa, ends)

    @property
    def num_bytes(self) -> int:
        """What it takes, about."""
        return super().num_bytes + len(self._ending) * self.num_ids // 8


class PlacesMasks(CallMasks, EndingMasks):
    """Of a schema whose places call each other."""

    def __init__(self, trie: TokenTrie, chars: CallDfa, ends: Ends) -> None:
        CallMasks.__init__(self, trie, chars)
        EndingMasks.__init__(self, trie, self.dfa, ends)
