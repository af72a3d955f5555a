"""The mask of one state: down the vocabulary's tree beside the automaton, over what strings and numbers have said.

A state whose rest is a string (or a number) and then something takes the tokens that stay in the string from what is
known of it (see leaf_masks.py), and asks only of those that leave it whether what they go on with may come. A state
where few characters lead on is walked node by node. For others, and where such a walk grows long, there is no answer
here.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lmc.backend.masks.char_tree import CharNode
from lmc.backend.masks.cuts import RestNode
from lmc.backend.masks.leaf_masks import LeafMasks, LeafWalk
from lmc.backend.masks.trie import Ints, TokenTrie
from lmc.backend.masks.visits import Visits
from lmc.backend.masks.words import of_ids
from lmc.ir.automaton.bytes import ByteDfa
from lmc.ir.automaton.dfa import DEAD
from lmc.ir.automaton.leaf import Coarse, Leaves, Moved
from lmc.ir.automaton.nodes import RegexNode

MAX_VISITS = 4000  # nodes seen for one mask
SMALL = 24  # texts below a node, up to which they are looked at one by one


class Plan(NamedTuple):
    """A state as strings and numbers, each with the state after it, and what is left over."""

    leaves: tuple[tuple[LeafWalk, int, int], ...]
    residue: int


class Gathered:
    """The tokens found so far."""

    def __init__(self) -> None:
        self.ids: list[int] = []
        self.arrays: list[Ints] = []
        self.words: list[Ints] = []

    def made(self, size: int) -> Ints:
        """All of them as words."""
        if self.ids or self.arrays or not self.words:
            self.words.append(of_ids(size, self.ids, self.arrays))
        found = self.words[0]
        for other in self.words[1:]:
            found = found | other
        found.setflags(write=False)
        return found


class TokenWalk:
    """Walks beside one automaton over one vocabulary."""

    def __init__(self, trie: TokenTrie, dfa: ByteDfa, leaves: LeafMasks) -> None:
        self._trie = trie
        self._dfa = dfa
        self._chars = dfa.chars
        self._visits = Visits(dfa.chars)
        self._leaves = Leaves(dfa.chars.alphabet, dfa.chars.nodes)
        self._masks = leaves
        self._plans: dict[int, Plan] = {}
        self._split: dict[RegexNode, tuple[LeafWalk, int, RegexNode] | None] = {}
        self._moved: dict[tuple[int, int], tuple[LeafWalk, Moved]] = {}
        self._lively: dict[int, npt.NDArray[np.bool_]] = {}

    def words(self, state: int) -> Ints | None:
        """The mask in a state of the characters; None where another way is quicker."""
        root = self._trie.root
        if self._is_long(root, self._plan(state).residue):
            return None
        gathered = Gathered()
        gathered.ids += self._visits.ending(root, state)
        pending, left = [(root, state)], MAX_VISITS
        while pending:
            node, at = pending.pop()
            if node.size > SMALL:
                plan = self._plan(at)
                for walk, inner, rest in plan.leaves:
                    self._take(gathered, node, walk, inner, rest)
                at = plan.residue
            for child, after in self._visits.below(node, at) if at != DEAD else ():
                left -= 1
                gathered.ids += child.tokens
                if child.tails:
                    gathered.ids += self._visits.ending(child, after)
                if not child.is_leaf:
                    pending.append((child, after))
            if left < 0:
                return None
        return gathered.made(self._trie.size)

    def _is_long(self, root: CharNode, state: int) -> bool:
        """Whether a walk would see many nodes: below first characters after which no string or number begins."""
        seen = 0
        for child, after in self._visits.below(root, state) if state != DEAD else ():
            if child.size <= SMALL or not self._plan(after).leaves:
                seen += child.size
                if seen > MAX_VISITS:
                    return True
        return False

    def _take(self, gathered: Gathered, node: CharNode, walk: LeafWalk, inner: int, rest: int) -> None:
        """What a string or a number allows at a node, with `rest` after it."""
        found = walk.tokens(node, inner)
        if found.words is not None:
            gathered.words.append(found.words)
        elif len(found.ids):
            gathered.arrays.append(found.ids)
        if len(found.pairs):
            cuts = self._trie.cuts
            kept = self._live_rests(rest).take(cuts.rest.take(found.pairs))
            gathered.arrays.append(cuts.token.take(found.pairs[kept]))

    def _live_rests(self, state: int) -> npt.NDArray[np.bool_]:
        """[rests] whether each of Cuts.rests may come next."""
        found = self._lively.get(state)
        if found is None:
            found = self._lively[state] = np.zeros(len(self._trie.cuts.rests), dtype=bool)
            ends: list[int] = []
            pending: list[tuple[RestNode, int]] = [(self._trie.cuts.tree, self._dfa.at_char(state))]
            while pending:
                node, at = pending.pop()
                for byte, child in node.ways.items():
                    after = self._dfa.step(at, byte)
                    if after != DEAD:
                        pending.append((child, after))
                        if child.end >= 0:
                            ends.append(child.end)
            found[ends] = True
        return found

    def _plan(self, state: int) -> Plan:
        found = self._plans.get(state)
        if found is None:
            found = self._plans[state] = self._made_plan(state)
        return found

    def _made_plan(self, state: int) -> Plan:
        leaves: list[tuple[LeafWalk, int, int]] = []
        residue: list[RegexNode] = []
        for node in self._chars.alternatives(state) or ():
            split = self._split_node(node)
            rest = DEAD if split is None else self._chars.at((split[2],))
            if split is None:
                residue.append(node)
            elif rest != DEAD and split[1] != DEAD:
                leaves.append((split[0], split[1], rest))
                if split[0].is_accepting(split[1]):
                    residue.append(split[2])
        if not leaves:
            return Plan((), state)
        return Plan(tuple(leaves), self._chars.at(residue))

    def _split_node(self, node: RegexNode) -> tuple[LeafWalk, int, RegexNode] | None:
        """The walk of a node's head, the head's state in it, and the rest."""
        if node not in self._split:
            leaf = self._leaves.split(node)
            if leaf is None:
                self._split[node] = None
            else:
                walk, moved = self._walk(self._leaves.coarse(leaf.head))
                self._split[node] = (walk, walk.begin(moved, leaf.head), leaf.rest)
        return self._split[node]

    def _walk(self, coarse: Coarse) -> tuple[LeafWalk, Moved]:
        key = id(coarse), coarse.used  # kept by `_leaves` as long as this is
        if key not in self._moved:
            walk = self._masks.walk(coarse)
            self._moved[key] = (walk, Moved(coarse, walk.chars.nodes))
        return self._moved[key]
