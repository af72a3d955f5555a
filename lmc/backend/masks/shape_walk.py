"""From a state of an automaton through all tokens at once, by their shapes.

Where a state treats the characters of a group alike, which is nearly everywhere, all tokens of a shape go on together.
Where it does not, the tokens below are followed one by one from there.
"""

from __future__ import annotations

import numpy as np

from lmc.backend.masks.class_trie import prefix_mask
from lmc.backend.masks.shapes import NUM_SYMBOLS, ROOT, ShapeLevel, ShapeTrie
from lmc.backend.masks.trie import Ints
from lmc.ir.automaton.dfa import DEAD, CharDfa

APART = -1  # in a row: the characters of a group lead to different states
SPARSE = 8  # a level this many times wider than what is live above it is looked up, not swept
MAX_APART = 3000  # tokens that are followed one by one


class ShapeWalk:
    """Walks beside one automaton."""

    def __init__(self, trie: ShapeTrie, chars: CharDfa) -> None:
        self._trie = trie
        self._chars = chars
        class_of = chars.alphabet.class_of
        groups = [sorted({class_of(ord(char)) for char in members}) for members in trie.members]
        self._single = np.array([found[0] if found else -1 for found in groups])
        self._groups = [(symbol, found) for symbol, found in enumerate(groups) if len(found) > 1]
        self._next = np.zeros(0, dtype=np.int32)  # [states * symbols], rows as they are filled
        self._filled = np.zeros(0, dtype=bool)
        self._prefixes: dict[bytes, int] = {}
        self._beyond = chars.alphabet.beyond_ascii
        self._within = np.fromiter(trie.trie.prefixes, dtype=np.int32)  # tokens that end within a character

    def ends(self, state: int) -> Ints | None:
        """[V + cuts] the state after the whole characters of each token or cut; None where too many stand apart."""
        at = np.zeros(self._trie.num_nodes, dtype=np.int32)
        at[ROOT] = state
        live = np.array([ROOT], dtype=np.int32)
        apart: list[tuple[int, int]] = []
        for level in self._trie.levels:
            live = self._down(level, at, live, apart)
            if not len(live):
                break
        self._down_narrow(at, apart)
        found = at.take(self._trie.ends)
        return found if self._follow(apart, found) else None

    def ends_below(self, text: str, state: int, most: int) -> Ints | None:
        """The same of the tokens and cuts that begin with a text and go on, from the state after that text.

        None also where more than `most` are of that text's shape.
        """
        top = self._trie.node(text)
        if top is None or self._trie.num_below(top) > most:
            return None
        at = np.zeros(self._trie.num_nodes, dtype=np.int32)
        at[top] = state
        live = np.array([top], dtype=np.int32)
        apart: list[tuple[int, int]] = []
        for level in self._trie.levels[len(text) :]:
            live = self._down(level, at, live, apart)
            if not len(live):
                break
        self._down_narrow(at, apart)
        at[top] = DEAD  # what ends with the text does not go on
        found = at.take(self._trie.ends)
        if not self._follow(apart, found):
            return None
        for id in np.flatnonzero(found).tolist() if self._trie.is_shared(text) else ():
            if not self._trie.text(id).startswith(text):
                found[id] = DEAD
        return found

    def live(self, ends: Ints) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """[V] whether each token may come, by the states at the ends of their whole characters."""
        trie = self._trie.trie
        live: np.ndarray[tuple[int], np.dtype[np.bool_]] = ends[: trie.size] != DEAD
        before = ends.take(self._within)
        for state in np.unique(before).tolist():
            classes = self._chars.live_classes(state) & self._beyond
            if state != DEAD and classes != self._beyond:  # else all live: each prefix is of a character after ASCII
                tokens = self._within[before == state].tolist()
                live[tokens] = [bool(classes & self._prefix(trie.prefixes[token])) for token in tokens]
        return live

    def _prefix(self, prefix: bytes) -> int:
        found = self._prefixes.get(prefix)
        if found is None:
            found = self._prefixes[prefix] = prefix_mask(self._chars.alphabet, prefix)
        return found

    def _down(self, level: ShapeLevel, at: Ints, live: Ints, apart: list[tuple[int, int]]) -> Ints:
        """Set the states of a level's nodes; returns its live nodes. `live` are those above."""
        if len(live) * SPARSE < len(level.parents):
            nodes = _children(level, live)
        else:
            nodes = np.flatnonzero(at.take(level.parents)).astype(np.int32)
        before = at.take(level.parents.take(nodes))
        self._fill(before)
        after = self._next.take(before * NUM_SYMBOLS + level.symbols.take(nodes))
        kept = np.flatnonzero(after)
        found, after = (nodes.take(kept) + level.first).astype(np.int32), after.take(kept)
        if len(after) and int(after.min()) == APART:
            odd = after == APART
            apart += zip(found[odd].tolist(), before.take(kept)[odd].tolist(), strict=True)
            found, after = found[~odd], after[~odd]
        at[found] = after
        return found

    def _down_narrow(self, at: Ints, apart: list[tuple[int, int]]) -> None:
        """Walks the levels below the wide ones, node by node."""
        children = self._trie.children
        tops = self._trie.tops[at.take(self._trie.tops) != DEAD]
        pending = list(zip(tops.tolist(), at.take(tops).tolist(), strict=True))
        nodes, found = [], []
        rows: dict[int, list[int]] = {}
        while pending:
            node, state = pending.pop()
            row = rows.get(state)
            if row is None:
                row = rows[state] = self._row(state).tolist()
            for symbol, child in children[node]:
                after = row[symbol]
                if after == APART:
                    apart.append((child, state))
                elif after != DEAD:
                    nodes.append(child)
                    found.append(after)
                    if child in children:
                        pending.append((child, after))
        at[nodes] = found

    def _follow(self, apart: list[tuple[int, int]], ends: Ints) -> bool:
        """What becomes of the tokens below nodes whose last character is read from a state; False: too many."""
        left = MAX_APART
        class_of, row = self._chars.alphabet.class_of, self._chars.row
        for node, before in apart:
            ids = self._trie.below(node)
            left -= len(ids)
            if left < 0:
                return False
            depth = int(self._trie.depths[node]) - 1
            for id in ids:
                state = before
                for char in self._trie.text(id)[depth:]:
                    state = row(state)[class_of(ord(char))]
                    if state == DEAD:
                        break
                ends[id] = state
        return True

    # --- rows ------------------------------------------------------------------------------------------------

    def _row(self, state: int) -> Ints:
        begin = state * NUM_SYMBOLS
        self._fill(np.array([state], dtype=np.int32))
        return self._next[begin : begin + NUM_SYMBOLS]

    def _fill(self, states: Ints) -> None:
        """Make sure that the rows of these states are in the table."""
        if len(states) and int(states.max()) >= len(self._filled):
            self._grow(int(states.max()) + 1)
        if self._filled.take(states).all():
            return
        for state in np.unique(states).tolist():
            if not self._filled[state]:
                row = self._chars.row(state)
                begin = state * NUM_SYMBOLS
                self._next[begin : begin + NUM_SYMBOLS] = np.array([*row, DEAD], dtype=np.int32).take(self._single)
                for symbol, classes in self._groups:
                    first = row[classes[0]]
                    if any(row[cls] != first for cls in classes):
                        self._next[begin + symbol] = APART
                self._filled[state] = True

    def _grow(self, size: int) -> None:
        size = max(2 * len(self._filled), size, 64)
        self._next = np.concatenate([self._next, np.zeros(size * NUM_SYMBOLS - len(self._next), dtype=np.int32)])
        self._filled = np.concatenate([self._filled, np.zeros(size - len(self._filled), dtype=bool)])


def _children(level: ShapeLevel, nodes: Ints) -> Ints:
    """Where in the level the children of these nodes are."""
    begin = np.searchsorted(level.parents, nodes, side="left")
    counts = np.searchsorted(level.parents, nodes, side="right") - begin
    offsets = np.cumsum(counts) - counts
    found: Ints = (np.repeat(begin - offsets, counts) + np.arange(int(counts.sum()))).astype(np.int32)
    return found
