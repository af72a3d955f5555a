"""One step of a walk over a vocabulary's characters beside an automaton of characters: what goes on on both sides."""

from __future__ import annotations

from collections.abc import Iterator

from lmc.backend.masks.char_tree import CharNode
from lmc.backend.masks.prefixes import LivePrefixes, Prefixes
from lmc.ir.automaton.dfa import DEAD, CharDfa

FEW = 12  # characters that lead on from a state, up to which they are looked up one by one


class Visits:
    """Steps beside one automaton; what is learnt of its states is kept."""

    def __init__(self, chars: CharDfa, prefixes: Prefixes) -> None:
        self._chars = chars
        self._beyond = chars.alphabet.beyond_ascii
        self._class_of: dict[str, int] = {}
        self._few: dict[int, tuple[tuple[str, int], ...] | None] = {}
        self._prefixes = LivePrefixes(prefixes, chars.alphabet)

    def below(self, node: CharNode, state: int) -> Iterator[tuple[CharNode, int]]:
        """The nodes one character on, each with the state there, which is not DEAD."""
        kids = node.kids
        few = self.few(state)
        if few is not None and len(few) < len(kids):
            for char, after in few:
                child = kids.get(char)
                if child is not None:
                    yield child, after
            return
        row, class_of = self._chars.row(state), self._class_of
        for char, child in kids.items():
            cls = class_of.get(char)
            if cls is None:
                cls = class_of[char] = self._chars.alphabet.class_of(ord(char))
            after = row[cls]
            if after != DEAD:
                yield child, after

    def few(self, state: int) -> tuple[tuple[str, int], ...] | None:
        """The characters that lead on and the states after them; None where they are many."""
        if state not in self._few:
            self._few[state] = self._made_few(state)
        return self._few[state]

    def ending(self, node: CharNode, state: int) -> list[int]:
        """The tokens that end within the character after a node, where one like it leads on."""
        live = self._chars.live_classes(state) & self._beyond
        if not live or live == self._beyond:  # none, or all: each prefix is of some character after ASCII
            return [id for _, ids in node.tails for id in ids] if live else []
        alive, number = self._prefixes.of(live), self._prefixes.numbers
        return [id for prefix, ids in node.tails if alive[number[prefix]] for id in ids]

    def _made_few(self, state: int) -> tuple[tuple[str, int], ...] | None:
        found: list[tuple[str, int]] = []
        for mask, target in self._chars.moves(state):
            chars = self._chars.alphabet.few(mask)
            if chars is None or len(found) + len(chars) > FEW:
                return None
            found += [(char, target) for char in chars]
        return tuple(found)
