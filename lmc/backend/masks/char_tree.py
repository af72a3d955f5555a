"""A vocabulary's tree of characters, node by node, for walks that see little of it; made as it is walked."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping

from lmc.giving_way import give_way


class CharNode:
    """Where some characters lead.

    tokens   that end here
    tails    tokens that end within the next character, by its first bytes
    cut      the number of the cut that is here (see cuts.py), or -1
    size     of texts from here on
    """

    __slots__ = ("_depth", "_high", "_kids", "_low", "_tree", "cut", "size", "tails", "tokens")

    def __init__(self, tree: _Texts, low: int, high: int, depth: int) -> None:
        self._tree, self._low, self._high, self._depth = tree, low, high, depth
        self._kids: dict[str, CharNode] | None = None
        self.size = high - low
        text = tree.texts[low] if high > low else ""
        ends = len(text) == depth
        self.tokens = tree.tokens.get(text, ()) if ends else ()
        self.tails = tree.tails.get(text, ()) if ends else ()
        self.cut = tree.cuts.get(text[:depth], -1)

    @property
    def first(self) -> str:
        """The first of the characters that lead here."""
        return self._tree.texts[self._low][0]

    @property
    def text(self) -> str:
        """The characters that lead here."""
        return self._tree.texts[self._low][: self._depth]

    @property
    def is_leaf(self) -> bool:
        """Whether nothing comes after it."""
        return self.size == 0 or (self.size == 1 and len(self._tree.texts[self._low]) == self._depth)

    @property
    def kids(self) -> dict[str, CharNode]:
        """The nodes after one more character."""
        if self._kids is None:
            self._kids = self._made()
        return self._kids

    def _made(self) -> dict[str, CharNode]:
        texts, depth, low = self._tree.texts, self._depth, self._low
        if self.size and len(texts[low]) == depth:
            low += 1
        kids = {}
        while low < self._high:
            begin = texts[low][: depth + 1]
            if low + 1 < self._high and texts[low + 1].startswith(begin):
                after = begin[:-1] + chr(ord(begin[-1]) + 1) if begin[-1] < "\U0010ffff" else None
                end = self._high if after is None else bisect_left(texts, after, low, self._high)
            else:
                end = low + 1
            kids[begin[-1]] = CharNode(self._tree, low, end, depth + 1)
            low = end
        return kids


class _Texts:
    """Every text of a vocabulary once, sorted, and what ends with it."""

    def __init__(self, texts: Mapping[int, str], prefixes: Mapping[int, bytes], cuts: Mapping[str, int]) -> None:
        self.texts = sorted(set(texts.values()))
        self.cuts = cuts
        tokens: dict[str, list[int]] = {}
        tails: dict[str, dict[bytes, list[int]]] = {}
        for token, text in texts.items():
            give_way()
            if (prefix := prefixes.get(token)) is None:
                tokens.setdefault(text, []).append(token)
            else:
                tails.setdefault(text, {}).setdefault(prefix, []).append(token)
        self.tokens = {text: tuple(found) for text, found in tokens.items()}
        self.tails = {text: tuple((p, tuple(ids)) for p, ids in found.items()) for text, found in tails.items()}


def char_tree(texts: Mapping[int, str], prefixes: Mapping[int, bytes], cuts: Mapping[str, int]) -> CharNode:
    """The root."""
    found = _Texts(texts, prefixes, cuts)
    return CharNode(found, 0, len(found.texts), 0)
