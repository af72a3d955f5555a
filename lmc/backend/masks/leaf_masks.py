"""What a string or a number says of a vocabulary, learnt once for all constraints that have it (see automaton/leaf.py).

Equal heads are states of one automaton, whatever constraints they came from: what they allow is kept by state. Any
thread may ask; one at a time learns.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from lmc.backend.masks.char_tree import CharNode
from lmc.backend.masks.class_trie import ClassTrie
from lmc.backend.masks.kept import Arrays
from lmc.backend.masks.shape_walk import ShapeWalk
from lmc.backend.masks.shapes import shapes_of
from lmc.backend.masks.trie import Ints, TokenTrie
from lmc.backend.masks.visits import Visits
from lmc.backend.masks.walks import LazyWalk
from lmc.backend.masks.words import packed
from lmc.giving_way import PressingLock
from lmc.ir.automaton.alphabet import Alphabet
from lmc.ir.automaton.dfa import DEAD, CharDfa
from lmc.ir.automaton.leaf import Coarse, Moved
from lmc.ir.automaton.names import StateNames
from lmc.ir.automaton.nodes import RegexNode
from lmc.recent import Recent

MAX_WALKS = 48  # alphabets of heads that are kept, 2 MB each at 128 k tokens
MAX_KEPT = 1000  # answers of one of them, 16 kB each
LARGE = 200  # texts below a node, from which on they are looked at by their shapes
OTHERS = 8  # times as many may be of these shapes
WORN = 20_000  # states of an automaton, above which it is begun anew


@dataclass(frozen=True, slots=True)
class LeafTokens:
    """Tokens that begin a head from some state on.

    words  at the root of the vocabulary: a mask of those that stay in it, or end with it
    ids    elsewhere: the same as ids
    pairs  where others leave it, as places in `Cuts`
    """

    words: Ints | None
    ids: Ints
    pairs: Ints


class LeafWalk:
    """Heads over one alphabet, as states of one automaton."""

    def __init__(self, trie: TokenTrie, alphabet: Alphabet, used: int) -> None:
        self.chars = CharDfa(alphabet=alphabet)
        self._trie = trie
        self._used = used
        self._visits = Visits(self.chars)
        self._known: dict[tuple[CharNode, int], LeafTokens] = {}
        self._lock = PressingLock()

    @property
    def is_worn(self) -> bool:
        """Whether it has so many states that another is to be begun."""
        return len(self.chars) > WORN

    def begin(self, moved: Moved, head: RegexNode) -> tuple[int, int]:
        """The state of a head, DEAD where it has no text, and its slack."""
        with self._lock:
            node, slack = moved.node(head)
            return self.chars.at((node,)), slack

    def is_accepting(self, state: int) -> bool:
        """Whether a head may end in the state."""
        with self._lock:
            return self.chars.is_accepting(state)

    def tokens(self, node: CharNode, state: int) -> LeafTokens:
        """What comes next at a node of the vocabulary."""
        found = self._known.get((node, state))
        if found is None:
            with self._lock:
                found = self._kept_at_root(state) if node is self._trie.root else self._below(node, state)
                if len(self._known) >= MAX_KEPT:
                    self._known.clear()
                self._known[node, state] = found
        return found

    @cached_property
    def _shapes(self) -> ShapeWalk:
        return ShapeWalk(shapes_of(self._trie), self.chars)

    @cached_property
    def _classes(self) -> ClassTrie:
        return ClassTrie(self._trie, self.chars.alphabet, self._used)

    @cached_property
    def _sweep(self) -> LazyWalk:
        return LazyWalk(self._classes, self.chars)

    def _kept_at_root(self, state: int) -> LeafTokens:
        """The same, or what an earlier process found."""
        name = self._names.of(state) if self._trie.kept.is_on else None
        if name is None:
            return self._at_root(state)

        def make() -> Arrays:
            made = self._at_root(state)
            assert made.words is not None
            return {"words": made.words, "pairs": made.pairs}

        found = self._trie.kept.arrays(make, "part", name)
        return LeafTokens(found["words"], _NONE, found["pairs"])

    @cached_property
    def _names(self) -> StateNames:
        return StateNames(self.chars)

    def _at_root(self, state: int) -> LeafTokens:
        ends = self._shapes.ends(state)
        if ends is None:
            return self._swept(state)
        return LeafTokens(packed(self._shapes.live(ends)), _NONE, self._pairs(ends[self._trie.size :]))

    def _swept(self, state: int) -> LeafTokens:
        """The same where this automaton tells more characters apart than shapes do."""
        at = self._sweep.reached(state)
        live = (at != DEAD).take(self._sweep.of_token)
        for tail in self._classes.tails:
            before = int(at[tail.node])
            if before != DEAD and self.chars.live_classes(before) & tail.mask:
                live[list(tail.tokens)] = True
        return LeafTokens(packed(live), _NONE, self._pairs(at.take(self._classes.cut_nodes)))

    def _pairs(self, ends: Ints) -> Ints:
        """The pairs of the cuts at which the head may end; `ends` has the state at each cut."""
        accepting = [end for end in np.unique(ends).tolist() if end != DEAD and self.chars.is_accepting(end)]
        if not accepting:
            return _NONE
        return np.flatnonzero(np.isin(ends, accepting).take(self._trie.cuts.of)).astype(np.int32)

    def _below(self, node: CharNode, state: int) -> LeafTokens:
        if node.size < LARGE or (ends := self._shapes.ends_below(node.text, state, OTHERS * node.size)) is None:
            return self._visited(node, state)
        ids = np.flatnonzero(self._shapes.live(ends)).astype(np.int32)
        return LeafTokens(None, ids, self._pairs(ends[self._trie.size :]))

    def _visited(self, node: CharNode, state: int) -> LeafTokens:
        """The same, node by node."""
        ids: list[int] = []
        cuts: list[int] = []
        pending = [(node, state)]
        while pending:
            above, before = pending.pop()
            for child, after in self._visits.below(above, before):
                ids += child.tokens
                if child.tails:
                    ids += self._visits.ending(child, after)
                if child.cut >= 0 and self.chars.is_accepting(after):
                    cuts.append(child.cut)
                if not child.is_leaf:
                    pending.append((child, after))
        begins = self._trie.cuts.begins
        pairs = [np.arange(begins[cut], begins[cut + 1], dtype=np.int32) for cut in cuts]
        return LeafTokens(None, np.array(ids, dtype=np.int32), np.concatenate(pairs) if pairs else _NONE)


class LeafMasks:
    """The walks of one vocabulary, by what their alphabets tell apart."""

    def __init__(self, trie: TokenTrie) -> None:
        self._trie = trie
        self._walks: Recent[object, LeafWalk] = Recent("parts of constraints", MAX_WALKS)

    def walk(self, coarse: Coarse) -> LeafWalk:
        """The walk over some classes."""
        found = self._walks.get(coarse.key)
        if found is None or found.is_worn:
            found = LeafWalk(self._trie, coarse.alphabet, coarse.used)
            self._walks.put(coarse.key, found)
        return found


@lru_cache(maxsize=4)
def leaves_of(trie: TokenTrie) -> LeafMasks:
    """What strings and numbers say of a vocabulary, kept for all of its constraints."""
    return LeafMasks(trie)


_NONE = np.zeros(0, dtype=np.int32)
