"""Counting, drawn as counting: in `[a-z]{10,60}` are fifty states and more that all look alike.

q0 -L-> q1 -L-> q2          with nothing else on q1      q0 -L{2}-> q2
q0 -L-> q1 -L-> q2          and all of them -M-> t       q0 -L{,2}-> q0 -M-> t
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from lmc.ir.ranges import Ranges
from lmc.viz.fsm_label import edge_label

How = tuple[Ranges, str]
MIN_LOOP = 3  # turns that a bounded loop stands for at least


@dataclass(frozen=True, slots=True)
class Step:
    """From `source` by a character of `first` (where it has any), then exactly `rest`, to `target`.

    times  "", or how often: `{3}` in a row, of which only the last has `rest`; `{,3}` for a loop
    """

    source: int
    first: Ranges
    rest: str
    target: int
    times: str = ""

    @property
    def label(self) -> str:
        """What the arrow says."""
        return edge_label(self.first, self.rest, self.times)

    @property
    def how(self) -> How:
        """By what texts it goes."""
        return self.first, self.rest

    def then(self, step: Step) -> How | None:
        """By what texts this step and the next one go, where the next one goes by one text."""
        first = step.first
        is_one = len(first) == 1 and first[0][0] == first[0][1]
        return (self.first, self.rest + chr(first[0][0]) + step.rest) if is_one and not step.times else None


def joined_runs(steps: Iterable[Step], accepting: Collection[int], start: int) -> list[Step]:
    """The steps with rows of alike ones made one; states that only counted are gone."""
    runs = _Runs(steps, accepting, start)
    for state in list(runs.rows):
        runs.join_loop(state)
    for state in list(runs.rows):
        runs.join_chains(state)
    return [step for row in runs.rows.values() for step in row]


class _Runs:
    """The steps by state, while they are joined."""

    def __init__(self, steps: Iterable[Step], accepting: Collection[int], start: int) -> None:
        self.rows: dict[int, list[Step]] = {}
        for step in steps:
            self.rows.setdefault(step.source, []).append(step)
        self.accepting = accepting
        self.start = start
        self.entries = Counter(step.target for row in self.rows.values() for step in row)

    def row(self, state: int) -> list[Step]:
        """The steps from a state."""
        return self.rows.get(state, [])

    # --- loops ---------------------------------------------------------------------------------------------

    def join_loop(self, state: int) -> None:
        """States that all lead to the same places, and each on to the next: one state with a bounded loop."""
        for step in self.row(state):
            gone, turns = self._loop(state, step)
            if turns >= MIN_LOOP:
                loop = replace(step, target=state, times=f"{{,{turns}}}")
                self.rows[state] = [loop, *(each for each in self.rows[state] if each is not step)]
                for each in gone:
                    self.rows.pop(each, None)
                return

    def _loop(self, state: int, step: Step) -> tuple[list[int], int]:
        """The states behind `state` that are like it, and how many turns they make; no turn where they end in none."""
        exits = _ways(self.row(state), step)
        gone: list[int] = []
        at = state
        while self._is_inner(step.target, at in self.accepting) and step.target != state:
            at = step.target
            gone.append(at)
            row = self.row(at)
            if _ways(row) == exits:
                return gone, len(gone)
            onward = next((each for each in row if _ways(row, each) == exits), None)
            if onward is None:
                break
            if any(step.then(leave) == onward.how and leave.target == onward.target for leave in row):
                return gone, len(gone) + 1
            if onward.how != step.how:
                break
            step = onward
        return [], 0

    # --- chains --------------------------------------------------------------------------------------------

    def join_chains(self, state: int) -> None:
        """States with one way in and the same one way on: one arrow."""
        if state in self.rows:
            self.rows[state] = [self._chained(step) for step in self.rows[state]]

    def _chained(self, step: Step) -> Step:
        count, last = 1, step
        while not last.rest and not last.times and last.target != step.source and self._is_inner(last.target, False):
            row = self.row(last.target)
            if len(row) != 1 or row[0].first != step.first or row[0].times:
                break
            del self.rows[last.target]
            count, last = count + 1, row[0]
        return step if count == 1 else Step(step.source, step.first, last.rest, last.target, f"{{{count}}}")

    def _is_inner(self, state: int, is_accepting: bool) -> bool:
        """Whether a state can only be reached from the one before it, and ends a text where that one does."""
        return self.entries[state] == 1 and state != self.start and (state in self.accepting) == is_accepting


def _ways(row: Iterable[Step], but: Step | None = None) -> frozenset[tuple[How, int]]:
    """Where a state's steps lead, and how."""
    return frozenset((step.how, step.target) for step in row if step is not but)
