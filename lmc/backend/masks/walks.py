"""From a state of an automaton, through all tokens at once: the state after each node of a class trie.

Two ways with one result. `LazyWalk` goes down the tree level by level from one state and makes only states that some
token reaches. `TokenClasses` needs an automaton with few states: it sends all of them down the tree together; what a
node does to every state is one element of the automaton's transition monoid, and there are few.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from lmc.backend.masks.class_trie import DEAD_NODE, ROOT_NODE, ClassLevel, ClassTrie
from lmc.backend.masks.words import Bools, Ints
from lmc.ir.automaton.dfa import DEAD, CharDfa

Places = npt.NDArray[np.intp]

SPARSE = 8  # a level this many times wider than what is live above it is looked up, not swept
UNKNOWN = -1


class Walk(Protocol):
    """Where tokens lead from a state of the characters.

    of_token   [V] the group of each token that ends at a node; group 0 is never live
    """

    of_token: Places

    def from_state(self, state: int) -> tuple[Bools, list[int]]:
        """[groups] whether the tokens of each group are live; [tails] the state at the node of each tail."""


class LazyWalk:
    """One state at a time. Groups are the nodes of the class trie."""

    def __init__(self, trie: ClassTrie, dfa: CharDfa) -> None:
        self._trie = trie
        self._dfa = dfa
        self._count = dfa.alphabet.num_classes
        self._next = np.zeros(0, dtype=np.int32)  # [states * classes], rows as they are filled
        self._filled = np.zeros(0, dtype=bool)
        self._tail_nodes = np.array([tail.node for tail in trie.tails], dtype=np.int32)
        self._tops = np.array(trie.tops(), dtype=np.int32)
        self.of_token = trie.nodes.astype(np.intp)  # what `take` would make of it each time

    def from_state(self, state: int) -> tuple[Bools, list[int]]:
        at = self.reached(state)
        return at != DEAD, at.take(self._tail_nodes).tolist()

    def reached(self, state: int) -> Ints:
        """[nodes] the state at each node."""
        at = np.zeros(self._trie.num_nodes, dtype=np.int32)
        at[ROOT_NODE] = state
        live = np.array([ROOT_NODE], dtype=np.int32)
        for level in self._trie.levels:
            live = self._down(level, at, live)
            if not len(live):
                break
        self._down_narrow(at)
        return at

    def _down_narrow(self, at: Ints) -> None:
        """Walks the levels below the wide ones, node by node."""
        row, children = self._dfa.row, self._trie.children
        tops = self._tops[at.take(self._tops) != DEAD]
        pending = list(zip(tops.tolist(), at.take(tops).tolist(), strict=True))
        nodes, found = [], []
        while pending:
            node, state = pending.pop()
            after = row(state)
            for cls, child in children[node]:
                target = after[cls]
                if target != DEAD:
                    nodes.append(child)
                    found.append(target)
                    if child in children:
                        pending.append((child, target))
        at[nodes] = found

    def _down(self, level: ClassLevel, at: Ints, live: Ints) -> Ints:
        """Set the states of a level's nodes; returns its live nodes. `live` are those above."""
        if len(live) * SPARSE < len(level.parents):
            nodes = _children(level, live)
        else:
            nodes = np.flatnonzero(at.take(level.parents))
        before = at.take(level.parents.take(nodes))
        after = self._step(before, level.classes.take(nodes))
        kept = np.flatnonzero(after)
        found = (nodes.take(kept) + level.first).astype(np.int32)
        at[found] = after.take(kept)
        return found

    def _step(self, states: Ints, classes: Ints) -> Ints:
        self._fill(states)
        return self._next.take(states.astype(np.int64) * self._count + classes)

    def _fill(self, states: Ints) -> None:
        """Make sure that the rows of these states are in the table."""
        if len(states) and int(states.max()) >= len(self._filled):
            self._grow(int(states.max()) + 1)
        if self._filled.take(states).all():
            return
        for state in np.unique(states).tolist():
            if not self._filled[state]:
                begin = state * self._count
                self._next[begin : begin + self._count] = self._dfa.row(state)
                self._filled[state] = True

    def _grow(self, size: int) -> None:
        size = max(2 * len(self._filled), size, 64)
        self._next = np.concatenate([self._next, np.zeros(size * self._count - len(self._next), dtype=np.int32)])
        self._filled = np.concatenate([self._filled, np.zeros(size - len(self._filled), dtype=bool)])


def _children(level: ClassLevel, nodes: Ints) -> npt.NDArray[np.int64]:
    """Where in the level the children of these nodes are."""
    begin = np.searchsorted(level.parents, nodes, side="left")
    counts = np.searchsorted(level.parents, nodes, side="right") - begin
    offsets = np.cumsum(counts) - counts
    places: npt.NDArray[np.int64] = np.repeat(begin - offsets, counts) + np.arange(int(counts.sum()))
    return places


class TokenClasses:
    """All states at once. Groups are elements.

    vectors    [elements, states] int32, the state after each state; element 0 is DEAD throughout, 1 is the identity
    of_node    [nodes] int32, the element of each node
    of_token   [V] the element of each token that ends at a node, else 0
    """

    def __init__(self, trie: ClassTrie, dfa: CharDfa, num_states: int) -> None:
        self._columns = np.array([dfa.row(state) for state in range(num_states)], dtype=np.int32).T.copy()
        self._count = dfa.alphabet.num_classes
        self._list = [np.zeros(num_states, dtype=np.int32), np.arange(num_states, dtype=np.int32)]
        self._known = {vector.tobytes(): number for number, vector in enumerate(self._list)}
        self._products = np.full(256 * self._count, UNKNOWN, dtype=np.int32)
        self._products[: self._count] = 0
        self.of_node = self._elements(trie)
        self.of_token = self.of_node.take(trie.nodes).astype(np.intp)
        self.vectors = np.array(self._list)
        self._by_state = (self.vectors != DEAD).T.copy()
        self._tail_elements = self.of_node.take(np.array([tail.node for tail in trie.tails], dtype=np.int32))

    def from_state(self, state: int) -> tuple[Bools, list[int]]:
        at_tails = self.vectors[:, state].take(self._tail_elements).tolist()
        return self._by_state[state], at_tails

    def _elements(self, trie: ClassTrie) -> Ints:
        of_node = np.zeros(trie.num_nodes, dtype=np.int32)
        of_node[ROOT_NODE] = 1
        for level in trie.levels:
            keys = of_node.take(level.parents) * self._count + level.classes
            found = self._products.take(keys)
            missing = np.flatnonzero(found == UNKNOWN)
            if len(missing):
                for key in np.unique(keys.take(missing)).tolist():
                    self._multiply(key)
                found = self._products.take(keys)
            of_node[level.first : level.first + len(found)] = found
        of_node[DEAD_NODE] = 0
        self._elements_narrow(trie, of_node)
        return of_node

    def _elements_narrow(self, trie: ClassTrie, of_node: Ints) -> None:
        pending = [(node, int(of_node[node])) for node in trie.tops()]
        while pending:
            node, element = pending.pop()
            for cls, child in trie.children[node] if element else ():
                of_node[child] = found = self._product(element * self._count + cls)
                if child in trie.children:
                    pending.append((child, found))

    def _product(self, key: int) -> int:
        if self._products[key] == UNKNOWN:
            self._multiply(key)
        return int(self._products[key])

    def _multiply(self, key: int) -> None:
        element, cls = divmod(key, self._count)
        vector = self._columns[cls].take(self._list[element])
        name = vector.tobytes()
        number = self._known.get(name)
        if number is None:
            number = self._known[name] = len(self._list)
            self._list.append(vector)
            if (number + 1) * self._count > len(self._products):
                grown = np.full(2 * len(self._products), UNKNOWN, dtype=np.int32)
                grown[: len(self._products)] = self._products
                self._products = grown
        self._products[key] = number
