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
class FsmEdge:
    """From `source` by a character of `first` (where it has any), then exactly `rest`, to `target`.

    times  "", or how often: `{3}` one after another, of which only the last has `rest`; `{,3}` for a loop
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

    def then(self, edge: FsmEdge) -> How | None:
        """By what texts this edge and the next one go, where the next one goes by one text."""
        first = edge.first
        is_one = len(first) == 1 and first[0][0] == first[0][1]
        return (self.first, self.rest + chr(first[0][0]) + edge.rest) if is_one and not edge.times else None


def joined_runs(edges: Iterable[FsmEdge], accepting: Collection[int], start: int) -> list[FsmEdge]:
    """The edges with runs of alike ones made one; states that only counted are gone."""
    runs = _Runs(edges, accepting, start)
    for state in list(runs.edges):
        runs.join_loop(state)
    for state in list(runs.edges):
        runs.join_chains(state)
    return [edge for leaving in runs.edges.values() for edge in leaving]


class _Runs:
    """The edges by state, while they are joined."""

    def __init__(self, edges: Iterable[FsmEdge], accepting: Collection[int], start: int) -> None:
        self.edges: dict[int, list[FsmEdge]] = {}
        for edge in edges:
            self.edges.setdefault(edge.source, []).append(edge)
        self.accepting = accepting
        self.start = start
        self.entries = Counter(edge.target for leaving in self.edges.values() for edge in leaving)

    def leaving(self, state: int) -> list[FsmEdge]:
        """The edges from a state."""
        return self.edges.get(state, [])

    # --- loops ---------------------------------------------------------------------------------------------

    def join_loop(self, state: int) -> None:
        """States that all lead to the same places, and each on to the next: one state with a bounded loop."""
        for edge in self.leaving(state):
            gone, turns = self._loop(state, edge)
            if turns >= MIN_LOOP:
                loop = replace(edge, target=state, times=f"{{,{turns}}}")
                self.edges[state] = [loop, *(each for each in self.edges[state] if each is not edge)]
                for each in gone:
                    self.edges.pop(each, None)
                return

    def _loop(self, state: int, edge: FsmEdge) -> tuple[list[int], int]:
        """The states behind `state` that are like it, and how many turns they make; no turn where they end in none."""
        exits = _ways(self.leaving(state), edge)
        gone: list[int] = []
        at = state
        while self._is_inner(edge.target, at in self.accepting) and edge.target != state:
            at = edge.target
            gone.append(at)
            leaving = self.leaving(at)
            if _ways(leaving) == exits:
                return gone, len(gone)
            onward = next((each for each in leaving if _ways(leaving, each) == exits), None)
            if onward is None:
                break
            if any(edge.then(leave) == onward.how and leave.target == onward.target for leave in leaving):
                return gone, len(gone) + 1
            if onward.how != edge.how:
                break
            edge = onward
        return [], 0

    # --- chains --------------------------------------------------------------------------------------------

    def join_chains(self, state: int) -> None:
        """States with one way in and the same one way on: one arrow."""
        if state in self.edges:
            self.edges[state] = [self._chained(edge) for edge in self.edges[state]]

    def _chained(self, edge: FsmEdge) -> FsmEdge:
        count, last = 1, edge
        while not last.rest and not last.times and last.target != edge.source and self._is_inner(last.target, False):
            leaving = self.leaving(last.target)
            if len(leaving) != 1 or leaving[0].first != edge.first or leaving[0].times:
                break
            del self.edges[last.target]
            count, last = count + 1, leaving[0]
        return edge if count == 1 else FsmEdge(edge.source, edge.first, last.rest, last.target, f"{{{count}}}")

    def _is_inner(self, state: int, is_accepting: bool) -> bool:
        """Whether a state can only be reached from the one before it, and ends a text where that one does."""
        return self.entries[state] == 1 and state != self.start and (state in self.accepting) == is_accepting


def _ways(leaving: Iterable[FsmEdge], but: FsmEdge | None = None) -> frozenset[tuple[How, int]]:
    """Where a state's edges lead, and how."""
    return frozenset((edge.how, edge.target) for edge in leaving if edge is not but)
