"""From a state of an automaton through all tokens at once, by their shapes.

Where a state treats the characters of a group alike, which is nearly everywhere, all tokens of a shape go on together.
Where it does not, the tokens below are followed from there by their own characters.
"""

from __future__ import annotations

import numpy as np

from lmc.backend.masks.prefixes import LivePrefixes
from lmc.backend.masks.row_table import RowTable
from lmc.backend.masks.shapes import NUM_SYMBOLS, ROOT, ShapeLevel, ShapeTrie, ranges
from lmc.backend.masks.words import Ints
from lmc.ir.automaton.dfa import DEAD, CharDfa

APART = -1  # in a row: the characters of a group lead to different states
SPARSE = 8  # a level this many times wider than what is live above it is looked up, not swept


class ShapeWalk:
    """Walks beside one automaton."""

    def __init__(self, trie: ShapeTrie, chars: CharDfa) -> None:
        self._trie = trie
        self._chars = chars
        alphabet = chars.alphabet
        pieces = np.searchsorted(np.array(alphabet.starts), trie.trie.codes, side="right") - 1
        self._class_of = np.array(alphabet.classes, dtype=np.int32).take(pieces)  # by character of the vocabulary
        groups = [np.unique(self._class_of.take(members)).tolist() for members in trie.members]
        self._single = np.array([found[0] if found else -1 for found in groups])
        self._groups = [(symbol, found) for symbol, found in enumerate(groups) if len(found) > 1]
        self._shapes = RowTable(NUM_SYMBOLS, self._by_symbol)
        self._classes = RowTable(alphabet.num_classes, chars.row)
        self._prefixes = LivePrefixes(trie.trie.distinct_prefixes, alphabet)
        self._beyond = alphabet.beyond_ascii
        self._within, self._prefix = trie.trie.within

    def ends(self, state: int) -> Ints:
        """[V + cuts] the state after the whole characters of each token or cut."""
        return self._swept(np.array([ROOT], dtype=np.int32), state, 0)

    def ends_behind_first(self, state: int) -> Ints:
        """The same from the state after the first character of each, whatever that is."""
        return self._swept(self._trie.firsts, state, 1)

    def ends_below(self, text: str, state: int, most: int) -> Ints | None:
        """The same of the tokens and cuts that begin with a text and go on, from the state after that text.

        None where more than `most` are of that text's shape.
        """
        top = self._trie.node(text)
        if top is None or self._trie.num_below(top) > most:
            return None
        found = self._swept(np.array([top], dtype=np.int32), state, len(text), DEAD)
        for id in np.flatnonzero(found).tolist() if self._trie.is_shared(text) else ():
            if not self._trie.text(id).startswith(text):
                found[id] = DEAD
        return found

    def _swept(self, nodes: Ints, state: int, depth: int, at_nodes: int | None = None) -> Ints:
        """What comes of a state at some nodes of one depth; `at_nodes`: what is said of those that end there."""
        at = np.zeros(self._trie.num_nodes, dtype=np.int32)
        at[nodes] = state
        live = nodes
        apart: list[tuple[Ints, Ints]] = []
        for level in self._trie.levels[depth:]:
            live = self._down(level, at, live, apart)
            if not len(live):
                break
        self._down_narrow(at, self._trie.tops if self._trie.levels else nodes, apart)
        if at_nodes is not None:
            at[nodes] = at_nodes
        found = at.take(self._trie.ends)
        self._follow(apart, found)
        return found

    def live(self, ends: Ints) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """[V] whether each token may come, by the states at the ends of their whole characters."""
        trie = self._trie.trie
        live: np.ndarray[tuple[int], np.dtype[np.bool_]] = ends[: trie.size] != DEAD
        before = ends.take(self._within)
        for state in np.unique(before).tolist():
            classes = self._chars.live_classes(state) & self._beyond
            if state != DEAD and classes != self._beyond:  # else all live: each prefix is of a character after ASCII
                at = before == state
                live[self._within[at]] = self._prefixes.of(classes).take(self._prefix[at])
        return live

    def _down(self, level: ShapeLevel, at: Ints, live: Ints, apart: list[tuple[Ints, Ints]]) -> Ints:
        """Set the states of a level's nodes; returns its live nodes. `live` are those above."""
        if len(live) * SPARSE < len(level.parents):
            nodes = _children(level, live)
        else:
            nodes = np.flatnonzero(at.take(level.parents)).astype(np.int32)
        before = at.take(level.parents.take(nodes))
        after = self._shapes.after(before, level.symbols.take(nodes))
        kept = np.flatnonzero(after)
        found, after = (nodes.take(kept) + level.first).astype(np.int32), after.take(kept)
        if len(after) and int(after.min()) == APART:
            odd = after == APART
            apart.append((found[odd], before.take(kept)[odd]))
            found, after = found[~odd], after[~odd]
        at[found] = after
        return found

    def _down_narrow(self, at: Ints, tops: Ints, apart: list[tuple[Ints, Ints]]) -> None:
        """Walks the levels below the wide ones, node by node."""
        children = self._trie.children
        tops = tops[at.take(tops) != DEAD]
        pending = list(zip(tops.tolist(), at.take(tops).tolist(), strict=True))
        nodes, found = [], []
        odd: list[tuple[int, int]] = []
        rows: dict[int, list[int]] = {}
        while pending:
            node, state = pending.pop()
            row = rows.get(state)
            if row is None:
                row = rows[state] = self._shapes.row(state).tolist()
            for symbol, child in children.get(node, ()):
                after = row[symbol]
                if after == APART:
                    odd.append((child, state))
                elif after != DEAD:
                    nodes.append(child)
                    found.append(after)
                    if child in children:
                        pending.append((child, after))
        at[nodes] = found
        if odd:
            pairs = np.array(odd, dtype=np.int32)
            apart.append((pairs[:, 0], pairs[:, 1]))

    def _follow(self, apart: list[tuple[Ints, Ints]], ends: Ints) -> None:
        """What becomes of the tokens below nodes whose last character is read from a state, each for itself."""
        if not apart:
            return
        nodes, states = (np.concatenate(each) for each in zip(*apart, strict=True))
        ids, counts = self._trie.all_below(nodes)
        trie = self._trie.trie
        at = trie.begins.take(ids) + np.repeat(self._trie.depths.take(nodes) - 1, counts)
        left = trie.stops.take(ids) - at
        states = np.repeat(states, counts)
        while len(ids):
            states = self._classes.after(states, self._class_of.take(trie.chars.take(at)))
            at, left = at + 1, left - 1
            done = left == 0
            ends[ids[done]] = states[done]
            kept = np.flatnonzero((states != DEAD) & ~done)
            ids, at, left, states = ids.take(kept), at.take(kept), left.take(kept), states.take(kept)

    def _by_symbol(self, state: int) -> Ints:
        """The next state by symbol."""
        row = self._chars.row(state)
        found = np.array([*row, DEAD], dtype=np.int32).take(self._single)
        for symbol, classes in self._groups:
            first = row[classes[0]]
            if any(row[cls] != first for cls in classes):
                found[symbol] = APART
        return found


def _children(level: ShapeLevel, nodes: Ints) -> Ints:
    """Where in the level the children of these nodes are."""
    begin = np.searchsorted(level.parents, nodes, side="left")
    counts = np.searchsorted(level.parents, nodes, side="right") - begin
    return ranges(begin, counts).astype(np.int32)
