"""Where a string or a number may end within a token: behind a quote, and before the first character of no number.

A mask of a string is made of what stays in it, which is the same for all constraints, and of tokens that leave it: of
those it says where they leave, and a constraint what may come then. The ends are few, and are laid out here once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from lmc.giving_way import give_way

_NUMBER = re.compile(r"[-+.0-9eE]*[0-9](?![-+.0-9eE])")
_BEGINS = frozenset("-+.0123456789eE")


class Cuts:
    """The cuts of a vocabulary.

    texts    what is before each cut, without repetition
    numbers  the number of each of them
    rests    what comes after a cut, sorted and without repetition, as bytes
    of       [pairs] int32, the cut of each pair of a token and a place in it; sorted
    rest     [pairs] int32, in `rests`
    token    [pairs] int32
    begins   [cuts + 1] where the pairs of each cut are
    tree     the rests by their bytes
    """

    def __init__(self, vocab: Sequence[bytes | None], texts: Mapping[int, str]) -> None:
        found = [(before, after, token) for token, text in texts.items()
                 for before, after in _cut(text, vocab[token] or b"")]  # fmt: skip
        found.sort()
        self.numbers = {text: at for at, text in enumerate(dict.fromkeys(before for before, _, _ in found))}
        self.texts = list(self.numbers)
        self.rests = sorted({after for _, after, _ in found})
        places = {after: at for at, after in enumerate(self.rests)}
        self.of = np.array([self.numbers[before] for before, _, _ in found], dtype=np.int32)
        self.rest = np.array([places[after] for _, after, _ in found], dtype=np.int32)
        self.token = np.array([token for _, _, token in found], dtype=np.int32)
        self.begins: npt.NDArray[np.intp] = np.searchsorted(self.of, np.arange(len(self.texts) + 1))
        self.tree = RestNode()
        for at, after in enumerate(self.rests):
            self.tree.add(after, at)


class RestNode:
    """Bytes that may come after a cut; `end` is the number of those that end here."""

    __slots__ = ("end", "ways")

    def __init__(self) -> None:
        self.end = -1
        self.ways: dict[int, RestNode] = {}

    def add(self, rest: bytes, number: int) -> None:
        """One more."""
        node = self
        for byte in rest:
            if byte not in node.ways:
                node.ways[byte] = RestNode()
            node = node.ways[byte]
        node.end = number


def _cut(text: str, spelt: bytes) -> Iterator[tuple[str, bytes]]:
    """The cuts of one token: what is before each, and what is after it."""
    give_way()
    at = text.find('"')
    while at >= 0:
        before = text[: at + 1]
        if rest := spelt[len(before.encode()) :]:
            yield before, rest
        at = text.find('"', at + 1)
    if text and text[0] in _BEGINS and (number := _NUMBER.match(text)) and (rest := spelt[number.end() :]):
        yield number[0], rest
