"""`lmc run --analyze`: what was foretold of a run beside what it came to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lmc.cli.forecast import told_of, with_limit

if TYPE_CHECKING:
    from lmc.compiler import Compiled
    from lmc.observe.report import RunReport
    from lmc.program import Program
    from lmc.result import Result
    from lmc.viz import Terminal
    from lmc.viz.analysis import Analysis
    from lmc.viz.cost import Told

SEVERAL = "its items have several shapes of arguments, each with a plan of its own; the first one's calls are shown"
AS_PYTHON = "it ran as Python, and what else it may do is not known"
FAILED = "an error ended it"


def analyzed(
    prog: Program,
    results: Sequence[Result],
    report: RunReport,
    items: Mapping[int, Any],
    terminal: Terminal,
    *,
    learn: str | None = None,
    max_new_tokens: int | None = None,
    caches: bool = True,
) -> str:
    """The analysis of what ran as text; `items` are the arguments by number. Raises ArgumentError for `learn`."""
    from lmc.viz import analysis as view

    first = next(result for result in results if result.has_graph)
    told = None
    why = _why(results, first)
    if not why:
        compiled = with_limit(first.compiled, max_new_tokens)
        told = _told(prog, compiled, [items[result.item] for result in results], learn, caches)
    found = _analysis([result for result in results if result.has_graph], first, report, told, why)
    return view.render(found, terminal, "" if told is None else told.learnt)


def _why(results: Sequence[Result], first: Result) -> str:
    """Why there is no estimate; "" where there is one."""
    if any(result.error is not None for result in results):
        return FAILED
    if first.compiled.planned.report("recorded") is not None or not all(result.has_graph for result in results):
        return AS_PYTHON
    return SEVERAL if any(result.compiled.plan is not first.compiled.plan for result in results) else ""


def _told(prog: Program, compiled: Compiled, items: Sequence[Any], learn: str | None, caches: bool) -> Told:
    from lmc.observe.analysis import leaves_of

    leaves = [leaves_of(prog, compiled, item) for item in items]
    return told_of(compiled, learn=learn, items=leaves, caches=caches, prog=prog)


def _analysis(results: Sequence[Result], first: Result, report: RunReport, told: Told | None, why: str) -> Analysis:
    from lmc.observe.analysis import analysis_of

    same = [result for result in results if result.compiled.plan is first.compiled.plan]
    return analysis_of(same, report, None if told is None else told.cost, why)
