"""What each generation of a form wrote, given the whole text.

Where a text can be split in several ways, the meaning is the leftmost-shortest split: each generation in order takes
the shortest text with which the rest of the form can still make up the rest of the text. Time and memory are linear in
the text (times the positions that fit one place): once forwards for the positions that fit, once backwards for those
that reach the end, once along the split.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lmc.ir.automaton.part_automata import FormAutomata, Position
from lmc.ir.automaton.parts import Part


def captures(parts: Sequence[Part], text: str) -> tuple[str, ...] | None:
    """The text of each generation under the leftmost-shortest split; None where the form does not accept the text."""
    return Splits(FormAutomata(parts), text).shortest()


class Splits:
    """All splits of one text into a form's parts: by place the positions that lie on one of them."""

    def __init__(self, automata: FormAutomata, text: str) -> None:
        self._automata = automata
        self._text = text
        self._classes = automata.classes(text)
        self._alive: list[set[Position]] = [set() for _ in range(len(text) + 1)]
        if not automata.is_empty:
            self._keep(self._fitting())

    @property
    def is_empty(self) -> bool:
        """Whether the form does not accept the text."""
        return not self._alive[0]

    def shortest(self) -> tuple[str, ...] | None:
        """The captures where each part in order takes the shortest text that it can."""
        return self._along(lambda place, position: self._ends(place, position))

    def longest(self) -> tuple[str, ...] | None:
        """The captures where each part in order takes the longest text that it can."""
        return self._along(lambda place, position: not self._goes_on(place, position))

    def _fitting(self) -> list[set[Position]]:
        """By place the positions that the text before it leads to."""
        fitting = [set(self._automata.opened(self._automata.start))]
        for cls in self._classes:
            fitting.append(self._automata.read(fitting[-1], cls))
        return fitting

    def _keep(self, fitting: list[set[Position]]) -> None:
        """Keep by place those positions from which the text after it leads to the end."""
        self._alive[-1] = fitting[-1] & {self._automata.end}
        for place in range(len(self._text), -1, -1):
            for position in sorted(fitting[place], reverse=True):  # later parts first
                if self._goes_on(place, position) or self._ends(place, position):
                    self._alive[place].add(position)

    def _goes_on(self, place: int, position: Position) -> bool:
        """Whether the part can read the next character on a way to the end."""
        return place < len(self._text) and self._automata.step(position, self._classes[place]) in self._alive[place + 1]

    def _ends(self, place: int, position: Position) -> bool:
        """Whether the part can end at the place on a way to the end."""
        return self._automata.may_end(position) and self._automata.begin(position[0] + 1) in self._alive[place]

    def _along(self, ends: Callable[[int, Position], bool]) -> tuple[str, ...] | None:
        """The captures of the split on which a part ends where `ends` says so."""
        if self.is_empty:
            return None
        automata, found = self._automata, []
        place = begin = 0
        position: Position | None = automata.start
        while position != automata.end:
            assert position is not None
            if ends(place, position):
                if automata.is_capture(position[0]):
                    found.append(self._text[begin:place])
                position, begin = automata.begin(position[0] + 1), place
            else:
                position, place = automata.step(position, self._classes[place]), place + 1
        return tuple(found)
