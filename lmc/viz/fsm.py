"""What is drawn of a compressed automaton: numbered states and labelled arrows, the same for every format.

A run of states that only counts is one arrow or one loop: `[a-z]{8}`, and `[a-z]{,50}` for a loop that may be left
after each turn. Where more is left than can be looked at, the first part is kept.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from lmc.errors import ArgumentError, did_you_mean
from lmc.ir.ranges import union
from lmc.viz.fsm_runs import FsmEdge, joined_runs
from lmc.viz.text_table import ELLIPSIS

if TYPE_CHECKING:
    from lmc.ir.automaton.compress import CompressedDfa
    from lmc.viz.constraints import Constraints

MAX_STATES = 60  # that are drawn


@dataclass(frozen=True, slots=True)
class Arrow:
    """From state to state by texts that `label` describes; `target` is None where that state is not drawn."""

    source: int
    label: str
    target: int | None


@dataclass(frozen=True, slots=True)
class Fsm:
    """An automaton to draw: states are numbered from 0, where a text begins, breadth first.

    num_states, num_edges  of the compressed automaton
    num_hidden             states that are not drawn, as there are too many
    """

    title: str
    accepting: frozenset[int]
    arrows: tuple[Arrow, ...]
    num_drawn: int
    num_states: int
    num_edges: int
    num_hidden: int = 0

    @property
    def heading(self) -> str:
        """`gen age, prog.py:9: 3 states, 4 edges`."""
        counts = f"{_num(self.num_states, 'state')}, {_num(self.num_edges, 'edge')}"
        drawn = f"; the first {self.num_drawn} are drawn, {self.num_hidden:,} more are not"
        return f"{self.title}: {counts}" + (drawn if self.num_hidden else "")


def fsm_of(compressed: CompressedDfa, title: str, limit: int = MAX_STATES) -> Fsm:
    """The automaton as it is drawn."""
    start = -1 if compressed.begin else compressed.start
    begin = [FsmEdge(start, (), compressed.begin.decode(), compressed.start)] if compressed.begin else []
    edges = joined_runs([*begin, *_edges(compressed)], compressed.accepting, start)
    numbers = _numbers(edges, start)
    return Fsm(
        title,
        frozenset(number for state in compressed.accepting if (number := numbers.get(state, limit)) < limit),
        tuple(dict.fromkeys(_arrows(edges, numbers, limit))),
        min(len(numbers), limit),
        compressed.num_states,
        compressed.num_edges,
        max(0, len(numbers) - limit),
    )


def fsm_of_call(constraints: Constraints, name: str) -> Fsm:
    """The automaton of the constrained call of that name. Raises ArgumentError where there is none."""
    calls = {constraints.view.name(call.step_view): call for call in constraints.calls}
    if name not in calls:
        help = did_you_mean(name, calls) or f"the constrained calls are: {', '.join(calls) or 'none'}"
        raise ArgumentError(f"there is no constrained call `{name}`", help=help)
    step_view, automaton = calls[name].step_view, calls[name].automaton
    if automaton is None:
        raise ArgumentError(f"the constraint of `{name}` has no automaton: {calls[name].why}", span=step_view.node.span)
    place = f", {step_view.place}" if step_view.place else ""
    return fsm_of(automaton.compressed, f"{step_view.step.op} {name}{place}")


def _edges(compressed: CompressedDfa) -> Iterator[FsmEdge]:
    """One edge for those that differ in their first character alone."""
    for source, leaving in groupby(compressed.edges, key=lambda edge: edge.source):
        firsts: dict[tuple[bytes, int], list[tuple[int, int]]] = {}
        for edge in leaving:
            firsts.setdefault((edge.rest, edge.target), []).extend(edge.first)
        for (rest, target), ranges in firsts.items():
            yield FsmEdge(source, union(ranges), rest.decode(), target)


def _numbers(edges: Iterable[FsmEdge], start: int) -> dict[int, int]:
    """By state its number, breadth first."""
    targets: dict[int, list[int]] = {}
    for edge in edges:
        targets.setdefault(edge.source, []).append(edge.target)
    numbers = {start: 0}
    pending = deque(numbers)
    while pending:
        for target in targets.get(pending.popleft(), ()):
            if target not in numbers:
                numbers[target] = len(numbers)
                pending.append(target)
    return numbers


def _arrows(edges: Iterable[FsmEdge], numbers: dict[int, int], limit: int) -> Iterator[Arrow]:
    """The arrows between drawn states, by number; those that lead out of the picture go to None."""
    for edge in sorted(edges, key=lambda edge: numbers[edge.source]):
        source, target = numbers[edge.source], numbers[edge.target]
        if source < limit:
            yield Arrow(source, edge.label, target) if target < limit else Arrow(source, ELLIPSIS, None)


def _num(count: int, word: str) -> str:
    return f"{count:,} {word}" + ("s" if count != 1 else "")
