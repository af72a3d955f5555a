"""Every program of the corpus prints, and parses back to an equal graph, before and after every pass."""

from __future__ import annotations

import pytest

from lmc.arguments import bind, shape_of
from lmc.errors import LMError
from lmc.ir.graph import Graph
from lmc.ir.plan import Plan
from lmc.parser.capture.trace import Trace, trace
from lmc.parser.irtext.parse import parse_graph, parse_plan
from lmc.passes import PIPELINE, run_pipeline
from tests.oracle.programs import all_cases
from tests.oracle.programs.case import Case
from tests.support.sampled import one_in


def traced(case: Case, arguments: dict[str, object]) -> Trace | None:
    """The captured program, None where it breaks."""
    given = bind(case.fn, {}, (), arguments)
    try:
        return trace(case.fn, {name: shape_of(value) for name, value in given.items()})
    except LMError:
        return None


def check(ir: Graph | Plan) -> None:
    """Printing loses nothing but spans."""
    back = parse_graph(str(ir)) if isinstance(ir, Graph) else parse_plan(str(ir))
    assert back == ir


@pytest.mark.parametrize("case", one_in(14, all_cases()))
def test_graphs_and_plans_round_trip(case: Case):
    """Argument structures differ, so each set of arguments is a graph of its own."""
    for arguments in case.args or [{}]:
        made = traced(case, arguments)
        if made is None:
            continue
        check(made.graph)
        plan = run_pipeline(made.graph, PIPELINE, on_change=lambda each, ir: check(ir)).plan
        check(plan)
