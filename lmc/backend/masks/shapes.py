"""A vocabulary as a tree of shapes: letters are one, digits are one, as most automata see them.

`the`, `and` and `for` have one shape, so that 128 k tokens are a tree of 42 k nodes. Where an automaton tells the
characters of a group apart after all, a walk leaves the tree there (see shape_walk.py). Within an escape sequence
characters stay what they are, as JSON reads some of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from lmc.backend.masks.kept import Arrays
from lmc.backend.masks.trie import TokenTrie
from lmc.backend.masks.words import Ints
from lmc.giving_way import give_way

LOWER, UPPER, DIGIT, DECIMAL, WORD, SPACE, OTHER = range(128, 135)  # symbols below are characters of ASCII
APART = {"\u2028": 135, "\u2029": 136, "\ufeff": 137}  # in no group: patterns of ECMA name them
NUM_SYMBOLS = 138
SEPARATOR = 255  # no symbol
ESCAPE = 6  # characters after a backslash that stay what they are
NARROW = 48  # nodes of a level below which they are visited one by one
ROOT = 1  # node 0 is none


@dataclass(frozen=True, slots=True)
class ShapeLevel:
    """Nodes first .. first + len(parents) - 1, sorted by parent: the parent of each (a node), and its symbol."""

    first: int
    parents: Ints
    symbols: Ints


class ShapeTrie:
    """The shapes of a vocabulary and of what is before its cuts.

    levels    the wide levels, from depth 1
    children  (symbol, node) by node, for everything below them
    tops      the nodes of the wide levels (or the root) that have `children`
    ends      [V + cuts] int32, the node at which the whole characters of a token or cut end; 0 for heads
    members   by symbol the characters of the vocabulary that it stands for, as numbers in TokenTrie.codes
    """

    def __init__(self, trie: TokenTrie) -> None:
        self.trie = trie
        members: list[list[int]] = [[] for _ in range(NUM_SYMBOLS)]
        self._symbols = symbols = _Symbols()
        for number, code in enumerate(trie.codes.tolist()):
            symbols[code] = _symbol(chr(code))
            for symbol in {symbols[code], code} if code < 128 else (symbols[code],):
                members[symbol].append(number)
        self.members = [np.array(numbers, dtype=np.intp) for numbers in members]
        texts = trie.texts | dict(enumerate(trie.cuts.texts, trie.size))
        tables = trie.kept.arrays(lambda: _tables(texts.values(), symbols), "shapes")
        of_text = tables["of_text"]
        distinct = bytes(tables["distinct"]).decode("latin-1").split(chr(SEPARATOR))
        ids = np.fromiter(texts, dtype=np.int64, count=len(texts))
        self.levels: list[ShapeLevel] = []
        self.children: dict[int, list[tuple[int, int]]] = {}
        low, high, ends = self._leveled(distinct)
        self.ends = np.zeros(trie.size + len(trie.cuts.texts), dtype=np.int32)
        self.ends[ids] = ends.take(of_text)
        order = np.argsort(of_text, kind="stable")
        self._order = ids.take(order).astype(np.int32)
        begins = np.searchsorted(of_text.take(order), np.arange(len(distinct) + 1))
        self._low, self._high = begins.take(low), begins.take(high)
        self.depths = np.zeros(len(low), dtype=np.int32)
        for depth, level in enumerate(self.levels, 1):
            self.depths[level.first : level.first + len(level.parents)] = depth
        self._narrow()
        tops = [node for node in self.children if node < self._wide_end]
        self.tops = np.array(tops, dtype=np.int32)

    @property
    def num_nodes(self) -> int:
        """Nodes, the one that is none among them."""
        return len(self._low)

    def all_below(self, nodes: Ints) -> tuple[Ints, Ints]:
        """The tokens and cuts whose shape goes through each of some nodes, one node after another; how many of each."""
        begins = self._low.take(nodes)
        counts = self._high.take(nodes) - begins
        return self._order.take(ranges(begins, counts)), counts

    @property
    def firsts(self) -> Ints:
        """The nodes after one character."""
        ways = [np.array([node for _, node in self.children.get(ROOT, ())], dtype=np.int32)]
        ways += [level.first + np.arange(len(level.parents), dtype=np.int32) for level in self.levels[:1]]
        return np.concatenate(ways)

    def node(self, text: str) -> int | None:
        """The node of a text's shape; None for one that is not on a wide level."""
        node = ROOT
        if len(text) > len(self.levels):
            return None
        for level, symbol in zip(self.levels, _shape(text, self._symbols), strict=False):
            begin, end = (int(np.searchsorted(level.parents, node, side)) for side in ("left", "right"))
            at = np.flatnonzero(level.symbols[begin:end] == ord(symbol))
            if not len(at):
                return None
            node = level.first + begin + int(at[0])
        return node

    def num_below(self, node: int) -> int:
        """How many tokens and cuts have a shape that goes through a node."""
        return int(self._high[node] - self._low[node])

    def is_shared(self, text: str) -> bool:
        """Whether other texts may have the shape of this one."""
        return any(len(self.members[ord(symbol)]) > 1 for symbol in _shape(text, self._symbols))

    def text(self, id: int) -> str:
        """The whole characters of a token, or what is before a cut."""
        return self.trie.texts[id] if id < self.trie.size else self.trie.cuts.texts[id - self.trie.size]

    def _leveled(self, shapes: list[str]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Ints]:
        """Fills `levels`; by node the first and the last shape through it (and one more), by shape where it ends."""
        lengths = np.fromiter(map(len, shapes), dtype=np.int64, count=len(shapes))
        flat = np.frombuffer("".join(shapes).encode("latin-1"), dtype=np.uint8)
        starts = np.cumsum(lengths) - lengths
        at = np.full(len(shapes), ROOT, dtype=np.int64)
        lows, highs = [np.array([0, 0])], [np.array([0, len(shapes)])]
        first = ROOT + 1
        for depth in range(int(lengths.max(initial=0))):
            longer = np.flatnonzero(lengths > depth)
            keys = at[longer] * 256 + flat[starts[longer] + depth]
            found, begin, place, count = np.unique(keys, return_index=True, return_inverse=True, return_counts=True)
            self.levels.append(ShapeLevel(first, (found // 256).astype(np.int32), (found % 256).astype(np.int32)))
            lows.append(longer[begin])
            highs.append(longer[begin + count - 1] + 1)
            at[longer] = place + first
            first += len(found)
        return np.concatenate(lows), np.concatenate(highs), at.astype(np.int32)

    def _narrow(self) -> None:
        """Move the levels below the last wide one to `children`."""
        while self.levels and len(self.levels[-1].parents) < NARROW:
            level = self.levels.pop()
            ways = zip(level.parents.tolist(), level.symbols.tolist(), strict=True)
            for node, (parent, symbol) in enumerate(ways, level.first):
                self.children.setdefault(parent, []).append((symbol, node))
        self._wide_end = self.levels[-1].first + len(self.levels[-1].parents) if self.levels else ROOT + 1


def ranges(begins: npt.NDArray[np.signedinteger[Any]], counts: npt.NDArray[np.signedinteger[Any]]) -> Ints:
    """The numbers from each begin on, as many as it counts."""
    offsets = np.cumsum(counts) - counts
    found: Ints = np.repeat(begins - offsets, counts) + np.arange(int(counts.sum()))
    return found


@lru_cache(maxsize=4)
def shapes_of(trie: TokenTrie) -> ShapeTrie:
    """The shapes of a vocabulary, made once."""
    return ShapeTrie(trie)


class _Symbols(dict[int, int]):
    """Symbols by code point, as `str.translate` reads them."""


def _symbol(char: str) -> int:
    if char < "\x80":
        return LOWER if "a" <= char <= "z" else UPPER if "A" <= char <= "Z" else DIGIT if char.isdigit() else ord(char)
    if char in APART:
        return APART[char]
    if char.isdecimal():
        return DECIMAL
    return WORD if char.isalnum() else SPACE if char.isspace() else OTHER


def _tables(texts: Iterable[str], symbols: dict[int, int]) -> Arrays:
    """The distinct shapes of texts, sorted, and by text the number of its own."""
    shapes = [_shape(text, symbols) for text in texts]
    distinct = sorted(set(shapes))
    place = {shape: at for at, shape in enumerate(distinct)}
    of_text = np.fromiter((place[shape] for shape in shapes), dtype=np.int64, count=len(shapes))
    joined = chr(SEPARATOR).join(distinct).encode("latin-1")
    return {"of_text": of_text, "distinct": np.frombuffer(joined, np.uint8)}


def _shape(text: str, symbols: dict[int, int]) -> str:
    give_way()
    if "\\" not in text:
        return text.translate(symbols)
    found, left = [], 0
    for char in text:
        is_kept = left > 0 and char < "\x80"
        found.append(char if is_kept else chr(symbols[ord(char)]))
        left = ESCAPE if char == "\\" else left - 1
    return "".join(found)
