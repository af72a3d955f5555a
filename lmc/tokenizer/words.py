"""Ids of words that come again, so that a text is looked up rather than encoded: what `blocks` may cut, word by word.

    "Once the old man, said"     ->     "Once", " the", " old", " man, said"

A text of many new words is encoded as a whole, and some of those are learnt on the way, so that a text of words that
never come again costs twice its encoding at the most, and that only until there is no room. Then all is forgotten.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from itertools import chain, islice

from lmc.caches import CacheInfo, register

WORD = re.compile(r"(?s).[^ ]*+(?:(?:(?<![a-z]) | (?![a-z]))[^ ]*+)*+")  # what lies between two cuts of `blocks`
MAX_WORDS = 1 << 15
MAX_CHARS = 48  # a longer word is seldom met again
LEARNT = 8  # one of so many words of a text may be new, and is encoded by itself; a whole text takes about as long

Ids = tuple[int, ...]


class WordIds:
    """Encodes texts with one encoder, which must keep its tokens where `blocks` cuts. For any thread."""

    def __init__(self, encode: Callable[[str], Ids]) -> None:
        self._encode = encode
        self._known: dict[str, Ids] = {}
        register(self, WordIds.info)

    def __call__(self, text: str) -> Ids:
        """The ids of a text."""
        words, known = WORD.findall(text), self._known
        try:
            return tuple(chain.from_iterable(map(known.__getitem__, words)))
        except KeyError:
            return self._with_new(text, words, known)

    def _with_new(self, text: str, words: Sequence[str], known: dict[str, Ids]) -> Ids:
        new = [word for word in words if word not in known]
        for word in islice(dict.fromkeys(new), 1 + len(words) // LEARNT):
            if len(word) <= MAX_CHARS:
                self._learn(word)
        if len(new) > 1 + len(words) // LEARNT:
            return self._encode(text)
        found = (known.get(word) for word in words)
        return tuple(chain.from_iterable(self._encode(w) if ids is None else ids for w, ids in zip(words, found)))

    def _learn(self, word: str) -> None:
        if len(self._known) >= MAX_WORDS:
            self._known = {}  # who reads the old one goes on with it
        self._known[word] = self._encode(word)

    def info(self) -> CacheInfo:
        """What `lmc.cache_info` says of it."""
        known = self._known
        some = list(islice(known.items(), 1000))
        num_bytes = sum(sys.getsizeof(word) + sys.getsizeof(ids) + 28 * len(ids) for word, ids in some)
        scaled = num_bytes * len(known) // max(1, len(some)) + sys.getsizeof(known)
        return CacheInfo("words of a tokenizer", len(known), MAX_WORDS, scaled, is_estimate=True)
