"""What the calls of rows cost where a row is asked for in one call (passes/api_fuse.py).

At best the first call of a row is the only one, and its answer is the values and the texts between them. At worst each
call is asked all the same, and each but the last writes up to all that the rest of its row may come to, in vain. What
is expected lies between: the model writes each text of the program as often as MATCH says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from lmc.ir.caps import Speculates
from lmc.ir.graph import Lit, Node
from lmc.ir.plan import Plan, Step
from lmc.ir.rows import Behind, rows_of
from lmc.ir.sampling import Sampling
from lmc.passes.cost.charge import Cost
from lmc.passes.cost.interval import Interval

MATCH = 0.9  # of the texts between values, those that the model writes as the program has them
FIELD = Interval(4, 6.0, 12)  # tokens of an object's field beside its value
OBJECT = Interval(16, 40.0, 1000)  # tokens of a schema, beside the texts and names in it
ESCAPED = 2  # a value may be written in so many times its tokens


def with_rows(plan: Plan, steps: Mapping[int, Cost], defaults: Sampling, by: Speculates) -> dict[int, Cost] | None:
    """The costs by step with rows in one call; None where there are none."""
    rows = {step.node: _row(step) for step in plan.steps if _row(step) is not None}
    if not rows:
        return None
    behind = rows_of(plan.graph, {node: row for node, row in rows.items() if row is not None})
    found = dict(steps)
    for row in _rows(plan):
        calls = [(step.id, plan.graph.nodes[step.node]) for step in row]
        if all(number in steps for number, _ in calls):
            make = _as_object if by == "schema" else _left_to_right
            found |= make([steps[number] for number, _ in calls], calls, behind, defaults)
    return found


def _row(step: Step) -> int | None:
    return next((hint.target for hint in step.hints if hint.kind == "row"), None)


def _rows(plan: Plan) -> Iterator[list[Step]]:
    in_rows = [step for step in plan.steps if _row(step) is not None]
    for _, row in groupby(sorted(in_rows, key=lambda step: (_row(step) or 0, step.node)), key=_row):
        yield list(row)


Calls = Sequence[tuple[int, Node]]  # of a row, the steps with their nodes


def _left_to_right(
    costs: Sequence[Cost], calls: Calls, behind: Mapping[int, tuple[Behind, ...]], defaults: Sampling
) -> dict[int, Cost]:
    found = {}
    for number, ((step, node), cost) in enumerate(zip(calls, costs)):
        share = 1.0 if number == 0 else 1 - MATCH
        asked, prompt = _seldom(cost.calls, share), _seldom(cost.prompt, share)
        rest = behind.get(id(node), ())
        output = cost.output
        if number + 1 < len(calls):
            between = max(0.0, costs[number + 1].prompt.expected - cost.prompt.expected - cost.output.expected)
            most = _most_in_vain(rest, defaults)
            in_all = None if most is None or cost.calls.most is None else most * cost.calls.most
            output += Interval.between(0, in_all, between * MATCH)
        found[step] = Cost(asked, prompt, _seldom(cost.cached, share), _seldom(cost.computed, share), output)
    return found


def _seldom(interval: Interval, share: float) -> Interval:
    return interval if share == 1.0 else interval.maybe(share)


def _most_in_vain(rest: Sequence[Behind], defaults: Sampling) -> int | None:
    """Tokens that may be written behind a value, as the call leaves room for them; None where a text is not known."""
    most = 0
    for each in rest:
        limit = dict(each.call.attrs).get("max_tokens", defaults.max_tokens)
        if not isinstance(limit, int) or not all(isinstance(atom, Lit) for atom in each.atoms):
            return None
        texts = (str(atom.value) for atom in each.atoms if isinstance(atom, Lit))
        most += limit + sum(len(text.encode("utf-8", "replace")) for text in texts)
    return most + MARGIN


MARGIN = 16  # that is asked for beside them


def _as_object(
    costs: Sequence[Cost], calls: Calls, behind: Mapping[int, tuple[Behind, ...]], defaults: Sampling
) -> dict[int, Cost]:
    """One call, always: the prompt with a schema, and an object of all values."""
    first, last = costs[0], costs[-1]
    texts = max(0.0, last.prompt.expected - first.prompt.expected)
    most = None if last.prompt.most is None else max(0, last.prompt.most - first.prompt.least)
    schema = first.calls.times(OBJECT) + Interval.between(0, most, texts)
    output = Interval()
    for cost in costs:
        doubled = None if cost.output.most is None else cost.output.most * ESCAPED
        output += Interval.between(0, doubled, cost.output.expected) + cost.calls.times(FIELD)
    prompt = Interval(first.prompt.least, first.prompt.expected, first.prompt.most) + schema
    found = {step: Cost() for step, _ in calls[1:]}
    return {calls[0][0]: Cost(first.calls, prompt, first.cached, prompt, output), **found}
