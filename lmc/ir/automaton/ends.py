"""How far from an end of the text an automaton may come."""

from __future__ import annotations

from collections import deque

from lmc.ir.automaton.dfa import DEAD, CharDfa

MAX_SEEN = 250  # states looked at for one question


class FarthestEnds:
    """Of one automaton. What is known of a state holds for all that are reached from it."""

    def __init__(self, chars: CharDfa) -> None:
        self._chars = chars
        self._known: dict[int, int | None] = {DEAD: 0}

    def of(self, state: int) -> int | None:
        """Characters within which a text can be ended, wherever from the state on; None where it has many states."""
        if state not in self._known:
            self._look(state)
        return self._known[state]

    def _look(self, state: int) -> None:
        before: dict[int, list[int]] = {state: []}
        waiting = [state]
        while waiting:
            at = waiting.pop()
            for _, after in self._chars.moves(at):
                if after not in before:
                    before[after] = []
                    waiting.append(after)
                before[after].append(at)
            if len(before) > MAX_SEEN:
                self._known[state] = None
                return
        farthest = self._farthest(before)
        for each in before:
            if self._known.get(each) is None:
                self._known[each] = farthest

    def _farthest(self, before: dict[int, list[int]]) -> int:
        """Of states with those that lead to each: the most characters that one of them needs."""
        steps = {state: 0 for state in before if self._chars.is_accepting(state)}
        waiting = deque(steps)
        while waiting:
            at = waiting.popleft()
            for each in before[at]:
                if each not in steps:
                    steps[each] = steps[at] + 1
                    waiting.append(each)
        return max(steps.values())
