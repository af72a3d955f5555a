"""A run that is over, as a graph with its plan: what a program did that ran as Python, for all that draws programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmc.compiler import Compiled, inputs_of
from lmc.parser.capture.trace import Trace

if TYPE_CHECKING:
    from lmc.eager import ProgramRecord
    from lmc.ir.prompt import Tokenizer

NOTE = (
    "one run as Python, straight on: text is as it was appended, and a value is known as one where it was "
    "appended as it is"
)


def compiled_record(
    name: str, record: ProgramRecord, tokenizer: Tokenizer | None, error: BaseException | None
) -> Compiled:
    """What a program of that name did, planned as it ran; `error` is what it ended in."""
    from lmc.eager import recorded
    from lmc.ir.plan import Plan
    from lmc.passes import PASSES, Note, Planned, Report, run_passes
    from lmc.passes.as_it_ran import as_it_ran

    made = recorded(name, record, error)
    passes = (PASSES["chat_template"], PASSES["lint"], as_it_ran(made.after), PASSES["hoist_prefix"])
    inputs = inputs_of(tokenizer)
    plan, reports = run_passes(made.graph, passes, inputs)
    assert isinstance(plan, Plan)
    about = Report("recorded", (("nodes", len(made.graph.nodes)), ("calls", len(made.after))), (Note(NOTE),))
    return Compiled(Trace(made.graph, made.objects, ()), Planned(plan, (about, *reports), inputs))
