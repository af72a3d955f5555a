"""A prompt of messages as one text, the places in it where a mark may stand, and its messages cut there into parts.

    \\0system\\0You translate. ...\\0user\\0Example 1 ...\\nQ: cats     a mark behind "...\\n", where the questions part

Parts joined are the message as it was. A part that says nothing is sent to nobody: no place is where one would be left.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise

from lmc.backend.api.ask import Cut, Turn

NEAR = 200  # characters that a place moves back for: to the beginning of its turn, else to a line's or a word's end


class MarkedPrompt:
    """The turns of a call as one text: equal beginnings of it are equal beginnings of what is sent.

    goes_on  other calls are going to begin with all of it
    """

    __slots__ = ("_begins", "goes_on", "text", "turns")

    def __init__(self, turns: Sequence[Turn], goes_on: bool = False) -> None:
        self.turns, self.goes_on = turns, goes_on
        parts, begins, size = list[str](), list[int](), 0
        for turn in turns:
            head = f"\0{turn.role}\0"
            begins.append(size + len(head))
            parts += (head, turn.text)
            size += len(head) + len(turn.text)
        self.text = "".join(parts)
        self._begins = begins

    def place(self, end: int) -> int:
        """The last place at or before `end` where a mark may stand; 0 where there is none."""
        at = bisect_right(self._begins, end) - 1
        while at >= 0:
            text, inside = self.turns[at].text, end - self._begins[at]
            if inside >= len(text):
                inside = len(text)
            else:  # a few words more are worth less than that all who go on behind the turn before find the same place
                inside = _between_words(text, inside) if inside >= NEAR or not at else 0
            if _says(text[:inside]) and (inside == len(text) or _says(text[inside:])):
                return self._begins[at] + inside
            at -= 1
            end = len(self.text)
        return 0

    def end_of_role(self, roles: Sequence[str]) -> int:
        """Where the last turn of one of these roles ends; 0 where there is none."""
        for at in range(len(self.turns) - 1, -1, -1):
            if self.turns[at].role in roles:
                return self._begins[at] + len(self.turns[at].text)
        return 0

    def can_cut(self, ends: Sequence[int]) -> bool:
        """Whether each of these places has something said on both sides of it."""
        return all(_says(part) for at in range(len(self.turns)) for part in self._parts(at, ends))

    def blocks_before(self, end: int, ends: Sequence[int]) -> int:
        """How many parts stand before a place, where the messages are cut at `ends`."""
        whole = sum(begin + len(turn.text) <= end for begin, turn in zip(self._begins, self.turns))
        return whole + sum(each <= end and not self._is_end(each) for each in ends)

    def cuts(self, ends: Sequence[int], marked: Sequence[int]) -> tuple[Cut, ...]:
        """The places as cuts of turns."""
        found = []
        for end in sorted({*ends, *marked}):
            at = bisect_right(self._begins, end) - 1
            found.append(Cut(at, end - self._begins[at], end in marked))
        return tuple(found)

    def _is_end(self, end: int) -> bool:
        at = bisect_right(self._begins, end) - 1
        return at >= 0 and end == self._begins[at] + len(self.turns[at].text)

    def _parts(self, at: int, ends: Sequence[int]) -> list[str]:
        """A turn cut at the places inside of it, nothing where none is."""
        begin, text = self._begins[at], self.turns[at].text
        inside = sorted(end - begin for end in ends if 0 <= end - begin < len(text))
        bounds = [0, *inside, len(text)]
        return [text[low:high] for low, high in pairwise(bounds)] if inside else []


def _says(text: str) -> bool:
    return bool(text.strip())


def _between_words(text: str, at: int) -> int:
    """Behind the last line before `at`, or before the last space: tokens on both sides stay what they were."""
    low = max(0, at - NEAR)
    line = text.rfind("\n", low, at)
    if line >= 0:
        return line + 1
    space = text.rfind(" ", low, at)
    return space if space > 0 else at
