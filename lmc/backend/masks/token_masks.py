"""Which tokens may come next under a regular constraint: exact masks, made when a state is first visited.

States are those of the byte automaton, so that a token may end anywhere, within a character too. End tokens are not
in these masks; where a text may end is `is_accepting`.
"""

from __future__ import annotations

import numpy as np

from lmc.backend.masks.class_trie import ClassTrie
from lmc.backend.masks.trie import Ints, TokenTrie
from lmc.backend.masks.walks import Bools, LazyWalk, TokenClasses, Walk
from lmc.ir.automaton.algebra import states
from lmc.ir.automaton.alphabet import used_classes
from lmc.ir.automaton.bytes import ByteDfa
from lmc.ir.automaton.dfa import DEAD, MAX_STATES, CharDfa
from lmc.ir.regex import RegexTree

MAX_TOGETHER = 512  # states of an automaton that is walked all at once
WORN = MAX_STATES // 2  # of an automaton that many texts have walked
STATE_BYTES = 2_500  # measured of JSON schemas
MIN_TOGETHER = 4_000  # nodes of a class trie for which that pays


class TokenMasks:
    """The masks of one constraint over one vocabulary. For one thread at a time.

    start   the state before any token; DEAD (0) where no text is accepted
    """

    def __init__(self, trie: TokenTrie, tree: RegexTree) -> None:
        self.chars = CharDfa(tree)
        self.dfa = ByteDfa(self.chars)
        self.start = self.dfa.start
        self._trie = trie
        self._classes = ClassTrie(trie, self.chars.alphabet, used_classes(tree, self.chars.alphabet))
        self._walk = self._chosen_walk()
        self._masks: dict[int, Ints] = {}
        self._known: dict[tuple[bytes, tuple[int, ...]], Ints] = {}

    @property
    def is_worn(self) -> bool:
        """Whether it has so many states that the next text should begin with a new automaton."""
        return len(self.chars) > WORN

    @property
    def num_bytes(self) -> int:
        """What it takes, about: its states with their ways and regexes, and its masks."""
        masks = (len(self._known) + len(self._masks)) * self._trie.size // 8
        return STATE_BYTES * (20 + len(self.chars)) + self.dfa.num_bytes + masks

    def mask(self, state: int) -> Ints:
        """[ceil(V / 32)] int32, bit i % 32 of word i // 32 set where token i may come next; not to be written to."""
        found = self._masks.get(state)
        if found is None:
            found = self._masks[state] = self._made(state)
        return found

    def allowed(self, state: int) -> Bools:
        """[V] whether each token may come next."""
        bits = np.unpackbits(self.mask(state).view(np.uint8), bitorder="little")
        return bits[: self._trie.size].astype(bool)

    def _made(self, state: int) -> Ints:
        char_state = self.dfa.char_state(state)
        if char_state is None:
            return packed(self._within(state))
        groups, at = self._walk.from_state(char_state)
        live_classes = self.chars.live_classes
        tails = self._classes.tails
        ends = [n for n, before in enumerate(at) if before != DEAD and live_classes(before) & tails[n].mask]
        # states that count differ in little that one token can see: many have equal masks
        key = (groups.tobytes(), tuple(ends))
        found = self._known.get(key)
        if found is None:
            live = groups.take(self._walk.of_token)
            live[[token for end in ends for token in tails[end].tokens]] = True
            found = self._known[key] = packed(live)
        return found

    def next(self, state: int, token: int) -> int:
        """The state after a token; DEAD where it may not come."""
        spelt = self._trie.vocab[token]
        return self.dfa.run(spelt, state) if spelt else DEAD

    def spelling(self, token: int) -> bytes:
        """The bytes of a token, none for those that are not text."""
        return self._trie.vocab[token] or b""

    def is_accepting(self, state: int) -> bool:
        """Whether the text may end here."""
        return self.dfa.is_accepting(state)

    def _chosen_walk(self) -> Walk:
        if self._classes.num_nodes < MIN_TOGETHER:
            return LazyWalk(self._classes, self.chars)
        for count, _ in enumerate(states(self.chars)):
            if count == MAX_TOGETHER:
                return LazyWalk(self._classes, self.chars)
        return TokenClasses(self._classes, self.chars, len(self.chars))

    def _within(self, state: int) -> Bools:
        """Within a character: only tokens that begin there go on."""
        live = np.zeros(self._trie.size, dtype=bool)
        for token in self._trie.heads:
            live[token] = self.next(state, token) != DEAD
        return live


def packed(live: Bools) -> Ints:
    bits = np.zeros(-(-len(live) // 32) * 32, dtype=bool)
    bits[: len(live)] = live
    words = np.packbits(bits, bitorder="little").view(np.int32)
    words.setflags(write=False)
    return words
