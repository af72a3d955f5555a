"""api_fuse: generations of a turn with text between them, which an API may be asked for in one call.

    #0 gen %name ... stop="\\n"                      #0 gen %name ... hints row 0
    #1 gen %age after #0 prompt #0 %name "\\nAge:"   ->   #1 gen %age after #0 ... hints row 0

Behind the first value the model often writes what the program would have appended, and goes on to the next value. So
the first call of a row is asked without an end. A later call whose prompt is, to the token, what the model has written
so far has its answer there, and any other is asked as it would be anyway: nothing is drawn twice.

A row goes on while calls say what ends them: a generation that has none of its own behind its stop text, and text that
begins with that stop text and is known before the row begins. All are sampled alike, without a constraint. It is done
by backends whose caps say how (`speculates`), and the report says of each row what ended it.

Hints only. Keeps: the graph, the steps and their order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

from lmc.ir.caps import Caps
from lmc.ir.graph import Lit, Node, Value
from lmc.ir.hints import Hint
from lmc.ir.output import DTYPES
from lmc.ir.plan import Plan
from lmc.ir.rows import Behind, StateUsers, blocks_of
from lmc.ir.sampling import SAMPLING_FIELDS, Sampling
from lmc.passes.base import Inputs, Note, Pass, Report, called
from lmc.passes.fuse_constraints import ALONE

# what counts tokens that were generated before: it counts others where several calls are one
COUNTING = ("frequency_penalty", "presence_penalty", "repetition_penalty")
OWN = frozenset(("max_tokens", "stop", "seed"))  # what calls of a row may differ in
_PLAIN = Sampling()
Known = Callable[[Value], bool]  # whether a value is there before the row begins


def run(plan: Plan, inputs: Inputs) -> tuple[Plan, Report]:
    """The plan with its rows."""
    caps = inputs.caps
    if caps is None or not caps.speculates:
        return plan, Report("api_fuse")
    finder = RowFinder(plan, inputs.sampling, caps)
    rows = list(finder.rows())
    numbers = {id(node): number for number, row in enumerate(rows) for node in row}
    nodes = plan.graph.nodes
    steps = tuple(
        replace(step, hints=(*step.hints, Hint("row", numbers[id(nodes[step.node])])))
        if id(nodes[step.node]) in numbers
        else step
        for step in plan.steps
    )
    counts = (("rows", len(rows)), ("calls that may be saved", sum(len(row) - 1 for row in rows)))
    return replace(plan, steps=steps) if rows else plan, Report("api_fuse", counts, tuple(finder.notes))


HOW = {
    "tokens": "its answers are cut by the tokens that it tells",
    "text": "its answers are cut by their text, as it tells no tokens: limits are kept by estimate",
    "schema": "as the fields of one JSON object, which is another prompt than the program's",
}


class RowFinder:
    """Looks for rows, block by block."""

    def __init__(self, plan: Plan, defaults: Sampling, caps: Caps) -> None:
        self._plan, self._defaults, self._caps = plan, defaults, caps
        self.notes: list[Note] = []

    def rows(self) -> Iterator[list[Node]]:
        """Rows of two calls and more; notes what ended them."""
        for block in blocks_of(self._plan.graph.body):
            users, taken = StateUsers(block), set[int]()
            places = {id(node): place for place, node in enumerate(block.body)}
            made = {value.name: place for place, node in enumerate(block.body) for value in node.outputs}
            for node in block.body:
                if node.op != "gen" or id(node) in taken:
                    continue
                row, why = self._row(node, users, partial(_is_made_before, made, places[id(node)]))
                taken.update(map(id, row))
                if len(row) > 1:
                    self._note(row, why)
                    yield row
                elif users.behind(node) is not None:
                    self.notes.append(Note(f"{called(node)} stays alone because {why}", node.span))

    def _row(self, first: Node, users: StateUsers, is_known: Known) -> tuple[list[Node], str]:
        """The longest row that begins with a call, and what ended it."""
        row = [first]
        why = self.why_alone(first)
        while not why:
            last = row[-1]
            behind = users.behind(last)
            if behind is None:
                return row, f"{called(last)} is not followed by text and another generation alone"
            why = (
                self.why_alone(behind.call)
                or self._why_not_alike(first, behind.call)
                or self._why_no_end(last, behind, is_known)
            )
            if not why:
                row.append(behind.call)
        return row, why

    def why_alone(self, node: Node) -> str:
        """Why a call is in no row, "" where it may be in one."""
        if node.keys:
            return f"{called(node)} has parameters known only when the program runs: {', '.join(node.keys)}"
        if node.has("constraint"):
            return f"{called(node)} has a constraint, which would be put on all that is written"
        if node.has("fn") or node.has("reasoning") or node.attr("dtype") in DTYPES:
            return f"the value of {called(node)} is not its text"
        for name in (*ALONE, *COUNTING):
            if self._given(node, name) != getattr(_PLAIN, name):
                return f"{called(node)} is asked for alone, with {name}"
        if self._given(node, "seed") is not None:
            return f"{called(node)} has a seed of its own"
        return ""

    def _why_not_alike(self, first: Node, node: Node) -> str:
        for name in SAMPLING_FIELDS:
            if name not in OWN and self._given(first, name) != self._given(node, name):
                return f"{called(node)} is sampled with another {name} than {called(first)}"
        return ""

    def _why_no_end(self, node: Node, behind: Behind, is_known: Known) -> str:
        """Why nobody could tell where a generation ends that another one follows."""
        stops, needs_stop = self._stops(node), self._caps.speculates != "schema"
        if not stops and needs_stop:
            return f"nothing but the model ends {called(node)}: give it a stop text"
        for atom in behind.atoms:
            if isinstance(atom, Value) and not is_known(atom):
                return f"%{atom.name} stands behind {called(node)}, and is not known before the row begins"
        text = _beginning(behind)
        if needs_stop and not any(text.startswith(stop) for stop in stops):
            shown = " or ".join(map(repr, stops))
            return f"the text behind {called(node)} does not begin with its stop text {shown}"
        return ""

    def _stops(self, node: Node) -> tuple[str, ...]:
        stop = self._given(node, "stop")
        return (stop,) if isinstance(stop, str) else tuple(stop or ())  # type: ignore[arg-type]

    def _given(self, node: Node, name: str) -> object:
        found = dict(node.attrs).get(name)
        return getattr(self._defaults, name) if found is None else found

    def _note(self, row: Sequence[Node], why: str) -> None:
        what = f"{called(row[0])} to {called(row[-1])}: {len(row)} generations may be one call"
        how = HOW[self._caps.speculates]
        self.notes.append(Note(f"{what}, {how}; the row ends there because {why}", row[0].span))


def _is_made_before(made: Mapping[str, int], place: int, value: Value) -> bool:
    return made.get(value.name, -1) < place


def _beginning(behind: Behind) -> str:
    """The text behind a call, up to the first of it that only the run knows."""
    text = ""
    for atom in behind.atoms:
        if not isinstance(atom, Lit):
            break
        text += str(atom.value)
    return text


PASS = Pass(name="api_fuse", level="plan", takes="plan", run=run, doc=__doc__)
