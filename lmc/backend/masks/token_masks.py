"""Which tokens may come next under a regular constraint: exact masks, made when a state is first visited.

States are those of the byte automaton, so that a token may end anywhere, within a character too. End tokens are not
in these masks; where a text may end is `is_accepting`.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from lmc.backend.masks.leaf_masks import leaves_of
from lmc.backend.masks.shape_walk import ShapeWalk
from lmc.backend.masks.shapes import shapes_of
from lmc.backend.masks.token_walk import TokenWalk
from lmc.backend.masks.trie import TokenTrie
from lmc.backend.masks.words import Bools, Ints, packed
from lmc.collector import collector_paused
from lmc.ir.automaton.bytes import ByteDfa
from lmc.ir.automaton.dfa import DEAD, MAX_STATES, CharDfa
from lmc.ir.regex import RegexTree

WORN = MAX_STATES // 2  # of an automaton that many texts have walked
MAX_NODES = 60_000  # that the states of one more mask or token may have: a few seconds
STATE_BYTES = 2_500  # measured of JSON schemas
BESIDE = 24  # what is there beside the states takes as much as these
NODE_BYTES = 400  # of the trees of the states


class TokenMasks:
    """The masks of one constraint over one vocabulary. For one thread at a time.

    start   the state before any token; DEAD (0) where no text is accepted
    """

    def __init__(self, trie: TokenTrie, tree: RegexTree) -> None:
        self.chars = CharDfa(tree)
        self.dfa = ByteDfa(self.chars)
        self.start = self.dfa.start
        self._trie = trie
        self._walk = TokenWalk(trie, self.dfa, leaves_of(trie), self._swept)
        self._masks: dict[int, Ints] = {}
        self._known: dict[bytes, Ints] = {}

    @property
    def is_worn(self) -> bool:
        """Whether it has so many states that the next text should begin with a new automaton."""
        return len(self.chars) > WORN

    @property
    def num_bytes(self) -> int:
        """What it takes, about: its states with their ways and regexes, and its masks."""
        masks = (len(self._known) + len(self._masks)) * self._trie.size // 8
        nodes = NODE_BYTES * len(self.chars.nodes)
        return STATE_BYTES * (BESIDE + len(self.chars)) + nodes + self.dfa.num_bytes + masks

    def mask(self, state: int) -> Ints:
        """[ceil(V / 32)] int32, bit i % 32 of word i // 32 set where token i may come next; not to be written to."""
        found = self._masks.get(state)
        if found is None:
            self.chars.allow(MAX_NODES)
            with collector_paused():  # what is made here is kept
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
        return self._walk.words(char_state)

    def _swept(self, char_state: int) -> Ints:
        """The mask in a state, by all tokens at once."""
        made = packed(self._shapes.live(self._shapes.ends(char_state)))
        # states that count differ in little that one token can see: many have equal masks
        return self._known.setdefault(made.tobytes(), made)

    @cached_property
    def _shapes(self) -> ShapeWalk:
        return ShapeWalk(shapes_of(self._trie), self.chars)

    def next(self, state: int, token: int) -> int:
        """The state after a token; DEAD where it may not come."""
        spelt = self._trie.vocab[token]
        self.chars.allow(MAX_NODES)  # tokens that are forced, or were written before, come without a mask each
        return self.dfa.run(spelt, state) if spelt else DEAD

    def spelling(self, token: int) -> bytes:
        """The bytes of a token, none for those that are not text."""
        return self._trie.vocab[token] or b""

    def is_accepting(self, state: int) -> bool:
        """Whether the text may end here."""
        return self.dfa.is_accepting(state)

    def _within(self, state: int) -> Bools:
        """Within a character: only tokens that begin there go on."""
        live = np.zeros(self._trie.size, dtype=bool)
        for token in self._trie.heads:
            live[token] = self.next(state, token) != DEAD
        return live
