"""A call that nothing reads: `dce` drops it; as Python, and at -O0, it is made, and this is what it costs there.

Not in LINTS: behind `dce` there is none. It is asked of a plan that was made without it.
"""

from __future__ import annotations

from collections.abc import Iterator

from lmc.codes import UNREAD
from lmc.passes.base import Note, called
from lmc.passes.cost import Cost, Interval, cost_of
from lmc.passes.dce import dead_calls
from lmc.passes.planned import Planned


def unread(planned: Planned) -> Iterator[Note]:
    """One note for each call of a plan that `dce` would drop, with its cost."""
    graph = planned.plan.graph
    dead = dead_calls(graph)
    if not dead:
        return
    numbers = {id(node): number for number, node in enumerate(graph.nodes)}
    steps = {step.node: step.id for step in planned.plan.steps}
    costs, has_tokens = cost_of(planned.plan, planned.inputs).steps, planned.inputs.encode is not None
    for node in dead:
        what = "nothing reads what it gives, so the call is dropped; run as Python, or at -O0, it takes"
        cost = _said(costs[steps[numbers[id(node)]]], has_tokens)
        yield Note(f"{called(node)}: {what} {cost}; read it, or take it out", node.span, UNREAD)


def _said(cost: Cost, has_tokens: bool) -> str:
    """`8 computed and 1 to 4 generated tokens`; prompts are counted where there is a tokenizer."""
    computed = f"{_range(cost.computed)} computed and " if has_tokens else ""
    return f"{computed}{_range(cost.output)} generated tokens"


def _range(size: Interval) -> str:
    if size.most is None:
        return f"{size.least} or more"
    return str(size.least) if size.is_exact else f"{size.least} to {size.most}"
