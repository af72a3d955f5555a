"""An automaton begun elsewhere, for what asks from its start on."""

from __future__ import annotations

from dataclasses import dataclass

from lmc.ir.automaton.dfa import CharDfa


@dataclass(frozen=True, slots=True)
class Begun:
    """The same automaton with another start."""

    dfa: CharDfa
    start: int

    def moves(self, state: int) -> list[tuple[int, int]]:
        return self.dfa.moves(state)

    def is_accepting(self, state: int) -> bool:
        return self.dfa.is_accepting(state)
