"""What a string or a number says of a vocabulary, learnt once for all constraints that have it (see automaton/leaf.py).

Equal heads are states of one automaton, whatever constraints they came from: what they allow is kept by state. Any
thread may ask; one at a time learns.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from lmc.backend.masks.char_tree import CharNode
from lmc.backend.masks.kept import Arrays
from lmc.backend.masks.shape_walk import ShapeWalk
from lmc.backend.masks.shapes import shapes_of
from lmc.backend.masks.trie import TokenTrie
from lmc.backend.masks.visits import Visits
from lmc.backend.masks.words import Ints, packed
from lmc.giving_way import PressingLock
from lmc.ir.automaton.alphabet import Alphabet
from lmc.ir.automaton.dfa import DEAD, CharDfa
from lmc.ir.automaton.heads import HeadNodes, LooseHeads
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

    words  of the whole vocabulary: a mask of those that stay in it, or end with it
    ids    below a node: the same as ids
    pairs  where others leave it, as places in `Cuts`
    """

    words: Ints | None
    ids: Ints
    pairs: Ints


class LeafWalk:
    """Heads over one alphabet, as states of one automaton; `made` makes its nodes."""

    def __init__(self, trie: TokenTrie, alphabet: Alphabet) -> None:
        self.chars = CharDfa(alphabet=alphabet)
        self.made = HeadNodes(self.chars)
        self._loose = LooseHeads(self.chars, self.made)
        self._trie = trie
        self._visits = Visits(self.chars, trie.distinct_prefixes)
        self._known: dict[tuple[CharNode | None, int], LeafTokens] = {}
        self._lock = PressingLock()

    @property
    def is_worn(self) -> bool:
        """Whether it has so many states that another is to be begun."""
        return len(self.chars) > WORN

    def begin(self, moved: Moved, head: RegexNode) -> tuple[int, int]:
        """The state of a head, DEAD where it has no text, and its slack."""
        with self._lock:
            node, slack = self._loose.node(moved.node(head))
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
                is_root = node is self._trie.root
                found = self._of_all("part", state) if is_root else self._below(node, state)
                self._keep(node, state, found)
        return found

    def tokens_behind_first(self, state: int) -> LeafTokens:
        """What comes next after the first character of each token, whatever that is."""
        found = self._known.get((None, state))
        if found is None:
            with self._lock:
                found = self._of_all("behind first", state)
                self._keep(None, state, found)
        return found

    def _keep(self, node: CharNode | None, state: int, found: LeafTokens) -> None:
        if len(self._known) >= MAX_KEPT:
            self._known.clear()
        self._known[node, state] = found

    @cached_property
    def _shapes(self) -> ShapeWalk:
        return ShapeWalk(shapes_of(self._trie), self.chars)

    def _of_all(self, kind: str, state: int) -> LeafTokens:
        """What is said of the whole vocabulary, or what an earlier process found."""
        name = self._names.of(state) if self._trie.kept.is_on else None

        def make() -> Arrays:
            ends = self._shapes.ends(state) if kind == "part" else self._shapes.ends_behind_first(state)
            return {"words": packed(self._shapes.live(ends)), "pairs": self._pairs(ends[self._trie.size :])}

        found = make() if name is None else self._trie.kept.arrays(make, kind, name)
        return LeafTokens(found["words"], _NONE, found["pairs"])

    @cached_property
    def _names(self) -> StateNames:
        return StateNames(self.chars)

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
            found = LeafWalk(self._trie, coarse.alphabet)
            self._walks.put(coarse.key, found)
        return found


@lru_cache(maxsize=4)
def leaves_of(trie: TokenTrie) -> LeafMasks:
    """What strings and numbers say of a vocabulary, kept for all of its constraints."""
    return LeafMasks(trie)


_NONE = np.zeros(0, dtype=np.int32)
