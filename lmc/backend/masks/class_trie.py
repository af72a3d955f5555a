"""A vocabulary's tree as one alphabet sees it: characters of a class are one, and so are tokens of equal classes.

Made once for a constraint. Classes that no accepted text can hold are left out, with every token that needs them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lmc.backend.masks.prefixes import span
from lmc.backend.masks.trie import Level, TokenTrie
from lmc.backend.masks.words import Ints
from lmc.ir.automaton.alphabet import Alphabet

DEAD_NODE = 0
ROOT_NODE = 1
SPARSE = 4  # a table of all (parent, class) pairs is used up to this many times the nodes it sorts
NARROW = 48  # nodes of a level below which they are visited one by one


@dataclass(frozen=True, slots=True)
class ClassLevel:
    """Nodes first .. first + len(parents) - 1, sorted by parent: the parent of each (a node), and its class."""

    first: int
    parents: Ints
    classes: Ints


@dataclass(frozen=True, slots=True)
class Tail:
    """Tokens that end within a character: their whole ones end at `node`, then comes one of the classes `mask`."""

    node: int
    mask: int
    tokens: tuple[int, ...]


class ClassTrie:
    """The tree of TokenTrie under an alphabet. Nodes are numbered from the root on; DEAD_NODE is 0, ROOT_NODE is 1.

    used       mask of the classes that texts may hold
    levels     the wide levels, from depth 1
    children   (class, node) by node, for everything below them
    nodes      [V] int32, where each token ends; DEAD_NODE for tokens that never fit and those that `tails` have
    cut_nodes  [cuts] int32, where what is before each cut ends; DEAD_NODE for what never fits
    tails      tokens that end within a character
    """

    def __init__(self, trie: TokenTrie, alphabet: Alphabet, used: int) -> None:
        self.trie = trie
        self.alphabet = alphabet
        self.used = used
        self.levels: list[ClassLevel] = []
        self.children: dict[int, list[tuple[int, int]]] = {}
        self._class_of = self._classes()
        mapped = self._compressed()
        self.num_nodes = max(ROOT_NODE + 1, *(level.first + len(level.parents) for level in self.levels), 0)
        self._ends = mapped.take(trie.nodes)
        self._ends[trie.nodes < 0] = DEAD_NODE
        self._add_longs(mapped)
        self.nodes, self.cut_nodes = self._ends[: trie.size], self._ends[trie.size :]
        self.tails = self._tails()
        self._narrow()

    def tops(self) -> list[int]:
        """The nodes of the wide levels (or the root) that have `children`."""
        end = self.levels[-1].first + len(self.levels[-1].parents) if self.levels else ROOT_NODE + 1
        return [node for node in self.children if node < end]

    def _classes(self) -> npt.NDArray[np.int16]:
        """[U] the class of each character of the vocabulary, -1 for those left out."""
        alphabet = self.alphabet
        pieces = np.searchsorted(np.array(alphabet.starts), self.trie.codes, side="right") - 1
        kept = [cls if cls >= 0 and self.used >> cls & 1 else -1 for cls in alphabet.classes]
        return np.array(kept, dtype=np.int16)[pieces]

    def _compressed(self) -> Ints:
        """Fills `levels`; returns the node here by node of the vocabulary's tree."""
        above = np.array([ROOT_NODE], dtype=np.int32)
        mapped = np.zeros(1 + sum(len(level.parents) for level in self.trie.levels), dtype=np.int32)
        mapped[0] = ROOT_NODE
        at, first, width = 1, ROOT_NODE + 1, 1
        for level in self.trie.levels:
            above, added = self._merged(level, above, first - width, first, width)
            if added is None:
                break
            mapped[at : at + len(above)] = above
            at += len(above)
            self.levels.append(added)
            first, width = first + len(added.parents), len(added.parents)
        return mapped

    def _merged(
        self, level: Level, above: Ints, above_first: int, first: int, width: int
    ) -> tuple[Ints, ClassLevel | None]:
        """One level: the new node of each old one, and the new nodes."""
        parents = above.take(level.parents)
        classes = self._class_of.take(level.chars)
        live = np.flatnonzero((parents != DEAD_NODE) & (classes >= 0))
        result = np.zeros(len(parents), dtype=np.int32)
        if not len(live):
            return result, None
        count = self.alphabet.num_classes
        keys = (parents.take(live) - above_first).astype(np.int64) * count + classes.take(live)
        found, place = _distinct(keys, width * count)
        result[live] = place + first
        parents = (found // count + above_first).astype(np.int32)
        return result, ClassLevel(first, parents, (found % count).astype(np.int32))

    def _add_longs(self, mapped: Ints) -> None:
        """Nodes for what is longer than the levels."""
        longs = self.trie.longs
        if not longs:
            return
        begin = longs[0].begin
        classes = self._class_of.take(self.trie.chars[begin:])
        known: dict[tuple[int, bytes], int] = {}
        for long in longs:
            node = int(mapped[long.node])
            rest = classes[long.begin - begin : long.end - begin]
            if node == DEAD_NODE or rest.min() < 0:
                continue
            key = (node, rest.tobytes())
            if key not in known:
                known[key] = self._chain(node, rest.tolist())
            self._ends[long.token] = known[key]

    def _chain(self, node: int, classes: list[int]) -> int:
        for cls in classes:
            ways = self.children.setdefault(node, [])
            child = next((child for other, child in ways if other == cls), None)
            if child is None:
                child = self.num_nodes
                self.num_nodes += 1
                ways.append((cls, child))
            node = child
        return node

    def _tails(self) -> list[Tail]:
        """The tokens that end within a character, taken out of `nodes`."""
        masks = {prefix: self.used & prefix_mask(self.alphabet, prefix) for prefix in set(self.trie.prefixes.values())}
        groups: dict[tuple[int, int], list[int]] = {}
        for token, prefix in self.trie.prefixes.items():
            node, mask = int(self.nodes[token]), masks[prefix]
            if node != DEAD_NODE and mask:
                groups.setdefault((node, mask), []).append(token)
            self.nodes[token] = DEAD_NODE
        return [Tail(node, mask, tuple(tokens)) for (node, mask), tokens in groups.items()]

    def _narrow(self) -> None:
        """Move the levels below the last wide one to `children`."""
        while self.levels and len(self.levels[-1].parents) < NARROW:
            level = self.levels.pop()
            ways = zip(level.parents.tolist(), level.classes.tolist(), strict=True)
            for node, (parent, cls) in enumerate(ways, level.first):
                self.children.setdefault(parent, []).append((cls, node))


def _distinct(keys: npt.NDArray[np.int64], bound: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The distinct keys, sorted, and where each key is among them; keys are below `bound`."""
    if bound > SPARSE * len(keys) + 4096:
        return np.unique(keys, return_inverse=True)
    flags = np.zeros(bound, dtype=bool)
    flags[keys] = True
    found = np.flatnonzero(flags)
    places = np.empty(bound, dtype=np.int64)
    places[found] = np.arange(len(found))
    return found, places.take(keys)


def prefix_mask(alphabet: Alphabet, prefix: bytes) -> int:
    """The classes of the characters whose encoding begins so."""
    return sum(1 << cls for cls in {cls for _, _, cls in alphabet.intervals(*span(prefix)) if cls >= 0})
