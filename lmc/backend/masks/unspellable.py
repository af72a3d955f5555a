"""What a vocabulary cannot produce: characters that no tokens spell, and the edges of an automaton that need them.

A character comes out as part of a token, or byte by byte where tokens end and begin within characters. Where even its
bytes are missing, an edge that must have it is never taken, and a text that needs the edge never comes out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from lmc.backend.masks.trie import TokenTrie
from lmc.ir.automaton.compress import CompressedDfa, Edge
from lmc.ir.ranges import Ranges, complement, intersection, union

MAX_TRIED = 4096  # characters of a set that are tried one by one; a larger one is taken to have a spelling


class Spelling:
    """The characters that a vocabulary can spell."""

    def __init__(self, trie: TokenTrie) -> None:
        self._whole: Ranges = union((code, code) for code in trie.codes.tolist())
        parts = [*trie.prefixes.values(), *(trie.vocab[head] or b"" for head in trie.heads)]
        parts += [spelt for spelt in trie.spellings if len(spelt) == 1]
        self._bytes = frozenset(byte for part in parts for byte in part)

    def spells(self, char: str) -> bool:
        """Whether the character may come out; False only where it surely cannot."""
        code = ord(char)
        return self._bytes.issuperset(char.encode()) or bool(intersection(self._whole, ((code, code),)))

    def spells_one(self, chars: Ranges) -> bool:
        """Whether one of the characters may come out."""
        if intersection(chars, self._whole):
            return True
        missing = intersection(chars, complement(self._whole))
        if not self._bytes or not missing:
            return False
        if sum(high - low + 1 for low, high in missing) > MAX_TRIED:
            return True
        return any(self.spells(chr(code)) for low, high in missing for code in range(low, high + 1))


@dataclass(frozen=True, slots=True)
class Unspellable:
    """What a vocabulary lacks for an automaton.

    edges      that no tokens can go along
    chars      that stand alone in the automaton and cannot come out, in order
    is_all     True where no text of the automaton can come out
    """

    edges: tuple[Edge, ...]
    chars: str
    is_all: bool


def unspellable(compressed: CompressedDfa, trie: TokenTrie) -> Unspellable:
    """What of an automaton the vocabulary cannot produce."""
    spelling = Spelling(trie)
    edges = tuple(edge for edge in compressed.edges if not _goes(edge, spelling))
    begins = all(map(spelling.spells, compressed.begin.decode()))
    chars = "".join(char for char in sorted(set(_single(compressed))) if not spelling.spells(char))
    return Unspellable(edges, chars, not (begins and _ends(compressed, frozenset(edges))))


def _single(compressed: CompressedDfa) -> Iterator[str]:
    """The characters that stand alone."""
    yield from compressed.begin.decode()
    for edge in compressed.edges:
        yield from edge.rest.decode()
        if len(edge.first) == 1 and edge.first[0][0] == edge.first[0][1]:
            yield chr(edge.first[0][0])


def _ends(compressed: CompressedDfa, blocked: frozenset[Edge]) -> bool:
    """Whether a text may end somewhere along the edges that are not blocked."""
    targets: dict[int, list[int]] = {}
    for edge in compressed.edges:
        if edge not in blocked:
            targets.setdefault(edge.source, []).append(edge.target)
    seen = {compressed.start}
    pending = deque(seen)
    while pending:
        fresh = set(targets.get(pending.popleft(), ())) - seen
        seen |= fresh
        pending += sorted(fresh)
    return not seen.isdisjoint(compressed.accepting)


def _goes(edge: Edge, spelling: Spelling) -> bool:
    return spelling.spells_one(edge.first) and all(map(spelling.spells, edge.rest.decode()))
