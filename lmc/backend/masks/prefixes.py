"""First bytes of characters, with which tokens end: which of them an automaton can go on with."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from lmc.backend.masks.words import Bools
from lmc.ir.automaton.alphabet import Alphabet
from lmc.ir.automaton.bytes import LENGTHS


class Prefixes:
    """The prefixes of a vocabulary.

    numbers        the number of each
    firsts, lasts  by number the characters that begin so: one after another
    """

    def __init__(self, prefixes: Iterable[bytes]) -> None:
        self.numbers = {prefix: number for number, prefix in enumerate(dict.fromkeys(prefixes))}
        spans = list(map(span, self.numbers))
        self.firsts = np.array([first for first, _ in spans], dtype=np.int64)
        self.lasts = np.array([last for _, last in spans], dtype=np.int64)


class LivePrefixes:
    """Prefixes by the classes of an alphabet."""

    def __init__(self, prefixes: Prefixes, alphabet: Alphabet) -> None:
        self.numbers = prefixes.numbers
        starts = np.array(alphabet.starts)
        self._classes = alphabet.classes
        self._first = np.searchsorted(starts, prefixes.firsts, side="right") - 1
        self._behind = np.searchsorted(starts, prefixes.lasts, side="right")
        self._known: dict[int, Bools] = {}

    def of(self, classes: int) -> Bools:
        """By number, whether a character of some classes begins so."""
        found = self._known.get(classes)
        if found is None:
            counts = np.zeros(len(self._classes) + 1, dtype=np.int64)
            np.cumsum([cls >= 0 and classes >> cls & 1 for cls in self._classes], out=counts[1:])
            found = self._known[classes] = counts.take(self._behind) > counts.take(self._first)
        return found


def span(prefix: bytes) -> tuple[int, int]:
    """The first and the last character whose encoding begins so."""
    low, high, lead, left = next(row for row in reversed(LENGTHS) if prefix[0] >= row[2])
    base = prefix[0] - lead
    for byte in prefix[1:]:
        base = base * 64 + byte - 0x80
    size = 64 ** (left + 1 - len(prefix))
    return max(base * size, low), min(base * size + size - 1, high)
