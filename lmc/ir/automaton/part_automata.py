"""A fused form as one automaton with the boundaries of its parts kept: each part's own states, side by side.

A position is (part, state of that part): what part the text is in, and how far in it. From a position a part reads
one more character; or, where its text may end there, the next part begins. The form is read by sets of positions,
since more than one may fit the same text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lmc.ir.automaton.dfa import DEAD, CharDfa
from lmc.ir.automaton.parts import Literal, Part, is_form, language

Position = tuple[int, int]


class FormAutomata:
    """The automata of a form's parts over one alphabet, all in `chars`. For one thread at a time.

    start     before any text
    end       the position after the last part: (number of parts, DEAD)
    is_empty  whether no text is accepted
    Raises ConstraintError (LMC-CN004) where a part needs too many states.
    """

    def __init__(self, parts: Sequence[Part]) -> None:
        assert is_form(parts)
        self.parts = tuple(parts)
        self.chars = CharDfa(*map(language, self.parts))
        self.end: Position = (len(self.parts), DEAD)
        self.start = self.begin(0)
        self.is_empty = DEAD in self.chars.starts

    def begin(self, part: int) -> Position:
        """Where a part begins; the end, for the one after the last."""
        return (part, self.chars.starts[part]) if part < len(self.parts) else self.end

    def is_capture(self, part: int) -> bool:
        """Whether the part is a generation."""
        return not isinstance(self.parts[part], Literal)

    def may_end(self, position: Position) -> bool:
        """Whether the part's text may end here, so that the next part begins."""
        return position[0] < len(self.parts) and self.chars.is_accepting(position[1])

    def opened(self, *positions: Position) -> list[Position]:
        """The positions, each followed by where it can be without reading: the begins of next parts, in their order."""
        found: dict[Position, None] = {}
        for position in positions:
            while position not in found:
                found[position] = None
                if self.may_end(position):
                    position = self.begin(position[0] + 1)
        return list(found)

    def classes(self, text: str) -> list[int]:
        """The character class of each character; NO_CLASS for a surrogate."""
        return [self.chars.alphabet.class_of(ord(char)) for char in text]

    def step(self, position: Position, cls: int) -> Position | None:
        """The position after a character of a class, in the same part; None where it reads none such."""
        part, state = position
        after = self.chars.row(state)[cls] if cls >= 0 else DEAD
        return None if after == DEAD else (part, after)

    def read(self, positions: Iterable[Position], cls: int) -> set[Position]:
        """All positions after one more character, opened."""
        stepped = (self.step(position, cls) for position in positions)
        return set(self.opened(*(after for after in stepped if after is not None)))
