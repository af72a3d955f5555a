"""analysis: what was foretold of each call beside what the run counted, the worst misestimates first.

#  call       where      calls      computed      generated   seconds
2  gen hard   tips.py:9  1 of 0..1  9 of 4 (0..8) 3 of 6 (0..8)  0.12
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lmc.passes.cost import COUNTS, Cost, Interval, ProgramCost
from lmc.viz.cost import ABOUT, SHOWN, fitted, no_bound
from lmc.viz.text_table import Column, heading, keep_ends, wrapped
from lmc.viz.view import View
from lmc.viz.wording import numbered

if TYPE_CHECKING:
    from lmc.passes.planned import Planned
    from lmc.viz.terminal import Terminal

MAX_CALL, MAX_PLACE = 32, 24
HOW = "`9 of 6 (0..8)`: 9 were counted, 6 expected, between 0 and 8; a number alone is what was foretold exactly"


@dataclass(frozen=True, slots=True)
class Actual:
    """What calls came to; `seconds` that they took, added up."""

    calls: int = 0
    prompt: int = 0
    cached: int = 0
    computed: int = 0
    output: int = 0
    seconds: float = 0.0

    def __add__(self, other: Actual) -> Actual:
        return Actual(*(getattr(self, name) + getattr(other, name) for name in (*COUNTS, "seconds")))


@dataclass(frozen=True, slots=True)
class Analysis:
    """One plan that ran.

    steps    what the calls of each step came to; None: of no step, as those of a program called inside this one
    total    of all, as the engine counted it
    passes   forward passes
    cost     what was foretold; None where there is no estimate, and `why` says why
    """

    planned: Planned
    steps: Mapping[int | None, Actual]
    total: Actual
    passes: int
    cost: ProgramCost | None
    why: str = ""


def render(analysis: Analysis, terminal: Terminal, learnt: str = "") -> str:
    """The calls, the sums, and what of them was foretold."""
    view = View(analysis.planned)
    columns = [Column("#", "right", "dim"), Column("call", "left", "cyan"), Column("where", "left", "dim")]
    columns += [*(Column(SHOWN[name], "right") for name in COUNTS), Column("seconds", "right")]
    rows = list(_rows(analysis, view))
    body = fitted(columns, rows, terminal) if view.calls else "no model calls\n"
    notes = "".join(wrapped(note, terminal.width) for note in _notes(analysis, view, learnt))
    title = f"{view.title}: what was foretold, and what it came to"
    return heading(title, terminal) + "\n" + body + "\n" + notes


def _rows(analysis: Analysis, view: View) -> Iterator[list[str]]:
    calls = [(_misestimate(analysis, call.step.id), call) for call in view.calls]
    for _, call in sorted(calls, key=lambda each: -each[0]):
        actual = analysis.steps.get(call.step.id)
        label = keep_ends(f"{call.step.op} {view.name(call)}", MAX_CALL)
        cost = analysis.cost.steps[call.step.id] if analysis.cost is not None else None
        yield [str(call.step.id), label, keep_ends(call.place, MAX_PLACE), *_cells(actual, cost)]
    if (others := analysis.steps.get(None)) is not None:
        yield ["", "other calls", "", *_cells(others, None)]
    yield ["", "all", "", *_cells(analysis.total, analysis.cost.total if analysis.cost is not None else None)]


def _misestimate(analysis: Analysis, step: int) -> float:
    """Tokens by which a call's work was not as expected."""
    actual = analysis.steps.get(step)
    if analysis.cost is None:
        return 0.0 if actual is None else actual.computed + actual.output
    cost = analysis.cost.steps[step]
    counted = (0, 0) if actual is None else (actual.computed, actual.output)
    return abs(counted[0] - cost.computed.expected) + abs(counted[1] - cost.output.expected)


def _cells(actual: Actual | None, cost: Cost | None) -> list[str]:
    cells = []
    for name in COUNTS:
        counted = 0 if actual is None else getattr(actual, name)
        cells.append(str(counted) if cost is None else beside(counted, getattr(cost, name)))
    return [*cells, f"{0.0 if actual is None else actual.seconds:.2f}"]


def beside(counted: int, interval: Interval) -> str:
    """A count and what was foretold of it."""
    if interval.is_exact and counted == interval.least:
        return str(counted)
    return f"{counted}{'' if interval.holds(counted) else '!'} of {interval}"


def _notes(analysis: Analysis, view: View, learnt: str) -> Iterator[str]:
    passes = numbered(analysis.passes, "forward pass", "forward passes")
    yield f"{passes}; the calls took {analysis.total.seconds:.2f} s added up"
    cost = analysis.cost
    if cost is None:
        yield f"no estimate: {analysis.why}"
        return
    exact = [name for name in COUNTS if getattr(cost.total, name).is_exact]
    kept = [name for name in exact if getattr(cost.total, name).holds(getattr(analysis.total, name))]
    if kept:
        yield f"predicted: {', '.join(f'{SHOWN[name]} {getattr(cost.total, name).least}' for name in kept)}"
    for name in COUNTS:
        counted, interval = getattr(analysis.total, name), getattr(cost.total, name)
        if not interval.holds(counted):
            why = _why(name, counted, interval)
            yield f"outside its bounds (!): {SHOWN[name]} {counted}, foretold {interval}: {why}"
    if any(getattr(cost.total, name).most is None for name in COUNTS):
        yield no_bound(cost)
    if not view.calls:
        return
    if learnt:
        yield f"expected: {learnt}"
    yield HOW
    yield ABOUT


def _why(name: str, counted: int, interval: Interval) -> str:
    if name in ("cached", "computed"):
        is_more_cached = (name == "cached") == (counted > (interval.most or 0))
        held = "the cache held what other runs had computed"
        return held if is_more_cached else "keys and values were evicted, or the backend keeps none"
    return "an error, a call that was asked again, or a mistake of lmc's"
