"""Where a stop pattern begins in a text that grows, found in one pass over it however the pattern is written.

Python's `re` tries one way after another, and `(a|aa)+b` has more ways through 60 times `a` than anybody can wait for.
All that is asked of a stop pattern is where the leftmost text begins that it matches, and that does not depend on which
way is tried first: so an automaton can say it, which goes all ways at once. What it does not know (what looks around,
back references, anchors, atomic groups) is left to `re`, and so is all where Python's own parser of patterns is not
where it was.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from importlib import import_module
from typing import Any

MAX_STATES = 4_000  # of an automaton: counted repeats are written out
MAX_SETS = 2_000  # sets of states that are kept, with where they lead

States = frozenset[int]


class PatternSearch:
    """Looks for one pattern in one text that grows. Raises what `re.compile` raises."""

    __slots__ = ("_at", "_automaton", "_begin", "_pattern", "_states")

    def __init__(self, pattern: str) -> None:
        self._pattern = re.compile(pattern)
        self._automaton = automaton_of(pattern)
        self._begin = self._at = 0
        self._states: States = self._automaton.start if self._automaton else frozenset()

    def find(self, text: str, old: int, begin: int) -> int | None:
        """Where the leftmost match from `begin` on starts; `text` has grown since, and none starts before `old`.

        begin  never less than the one before
        """
        if self._automaton is None:
            found = self._pattern.search(text, max(begin, old))
            return found.start() if found else None
        if begin > self._begin:
            self._begin = self._at = begin
            self._states = self._automaton.start
        for char in text[self._at :]:
            if self._automaton.end in self._states:
                break
            self._states = self._automaton.after(self._states, char)
        self._at = max(self._at, len(text))
        return self._automaton.leftmost(text, self._begin) if self._automaton.end in self._states else None


class StopAutomaton:
    """A pattern as states between which characters lead; for any thread.

    start, end   the states without any character, and the one at which a match is complete
    """

    def __init__(self, parsed: Any) -> None:  # re._parser's SubPattern
        self._leads: list[list[tuple[Any, int]]] = []  # by state: (test of a character, None for none; where to)
        first, self.end = self._state(), self._state()
        self._row(parsed, parsed.state.flags, first, self.end)
        self.start: States = self._closed([first])
        self._next: dict[States, dict[str, States]] = {}

    def after(self, states: States, char: str) -> States:
        """The states behind one more character; a match may begin at every one."""
        row = self._next.get(states)
        if row is None:
            if len(self._next) >= MAX_SETS:
                self._next.clear()
            row = self._next[states] = {}
        found = row.get(char)
        if found is None:
            found = row[char] = self._closed(self._step(states, char)) | self.start
        return found

    def leftmost(self, text: str, begin: int) -> int | None:
        """Where the leftmost match from `begin` on starts, in one pass: each state remembers its earliest start."""
        best: int | None = None
        starts: dict[int, int] = {}
        for at in range(begin, len(text) + 1):
            if best is None:
                for state in self.start:
                    starts.setdefault(state, at)
            if self.end in starts:
                best = min(starts[self.end], len(text) if best is None else best)
            if at == len(text) or (best is not None and not starts):
                break
            moved: dict[int, int] = {}
            for state, start in starts.items():
                if best is None or start < best:
                    for each in self._closed(self._step((state,), text[at])):
                        moved[each] = min(start, moved.get(each, start))
            starts = moved
        return best

    def _step(self, states: Iterable[int], char: str) -> list[int]:
        leads = (lead for state in states for lead in self._leads[state])
        return [to for test, to in leads if test is not None and test(char) is not None]

    def _closed(self, states: Iterable[int]) -> States:
        """These states and all that no character leads to from them."""
        found, left = set(states), list(states)
        while left:
            for test, to in self._leads[left.pop()]:
                if test is None and to not in found:
                    found.add(to)
                    left.append(to)
        return frozenset(found)

    # --- from the parsed pattern -------------------------------------------------------------------------------

    def _state(self) -> int:
        if len(self._leads) >= MAX_STATES:
            raise _Unknown
        self._leads.append([])
        return len(self._leads) - 1

    def _row(self, parts: Any, flags: int, first: int, last: int) -> None:
        """Ways from `first` to `last` through one part after another."""
        for op, what in parts:
            after = self._state()
            self._part(str(op), op, what, flags, first, after)
            first = after
        self._leads[first].append((None, last))

    def _part(self, name: str, op: Any, what: Any, flags: int, first: int, last: int) -> None:
        match name:
            case "LITERAL" | "NOT_LITERAL" | "ANY" | "IN":
                self._leads[first].append((_test(op, what, flags), last))
            case "BRANCH":
                for way in what[1]:
                    self._row(way, flags, first, last)
            case "SUBPATTERN":
                _, added, taken, inner = what
                self._row(inner, (flags | added) & ~taken, first, last)
            case "MAX_REPEAT" | "MIN_REPEAT":
                least, most, inner = what
                self._repeat(least, most, inner, flags, first, last)
            case _:
                raise _Unknown

    def _repeat(self, least: int, most: Any, inner: Any, flags: int, first: int, last: int) -> None:
        for _ in range(least):
            after = self._state()
            self._row(inner, flags, first, after)
            first = after
        if most == import_module("re._constants").MAXREPEAT:
            again = self._state()
            self._leads[first].append((None, again))
            self._row(inner, flags, again, again)
            self._leads[again].append((None, last))
            return
        for _ in range(int(most) - least):
            self._leads[first].append((None, last))
            after = self._state()
            self._row(inner, flags, first, after)
            first = after
        self._leads[first].append((None, last))


class _Unknown(Exception):
    """No automaton can say it, or it would be too large."""


def _test(op: Any, what: Any, flags: int) -> Any:
    """Whether a character is one of them, as `re` has it."""
    parser = import_module("re._parser")
    one = parser.SubPattern(parser.State(), [(op, what)])
    one.state.flags = flags
    return import_module("re._compiler").compile(one).match


@lru_cache(maxsize=256)
def automaton_of(pattern: str) -> StopAutomaton | None:
    """The automaton of a pattern, None where it has to be left to `re`."""
    try:
        return StopAutomaton(import_module("re._parser").parse(pattern))
    except (_Unknown, ImportError, AttributeError, RecursionError):
        return None
