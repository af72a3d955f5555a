"""Why two calls share no more than they do: what both begin with, and what each goes on with in which line.

#2 gen judgment and #6 gen verdict
both begin with 99 characters: "You are a strict but fair judge..."
#2 goes on with "Judge its clarity..."
  judge.py:32:9
...
why: text: the program says other text
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from lmc.errors import ArgumentError, did_you_mean
from lmc.ir.graph import Value
from lmc.passes.divergence import Divergence, Divergences, Rows, Side
from lmc.passes.flat_prompts import PromptHole, is_hole, known_text
from lmc.passes.reasons import SAYS
from lmc.viz.json import json_pieces, json_span
from lmc.viz.text_table import heading, keep_end, keep_ends, wrapped
from lmc.viz.view import View
from lmc.viz.wording import prompt_text

if TYPE_CHECKING:
    from lmc.passes.flat_prompts import FlatPiece
    from lmc.passes.planned import Planned
    from lmc.viz.terminal import Terminal
    from lmc.viz.view import StepView

SETS_ORDER = "a set has another order in each process"
MAX_TEXT = 60  # columns of a prompt that a line quotes


def render(planned: Planned, a: str, b: str, terminal: Terminal, *, rows: Rows | None = None) -> str:
    """Where and why the prompts of two calls part, each given by its number or name; of one call in two runs.

    rows  the arguments of these two runs
    Raises ArgumentError for a name that no call has.
    """
    told = _Told(planned, a, b, rows)
    head, *rest = told.lines(terminal.width)
    return heading(head, terminal) + "\n" + "\n".join(rest) + "\n"


def render_json(
    planned: Planned, a: str, b: str, *, rows: Rows | None = None, ran: Sequence[dict[str, Any]] | None = None
) -> str:
    """The same for other programs to read; `ran` is what a run counted of these calls."""
    told = _Told(planned, a, b, rows).json() | ({} if ran is None else {"run": list(ran)})
    return json.dumps(told, ensure_ascii=False, indent=2) + "\n"


def call_named(view: View, name: str) -> StepView:
    """The call of that number (`3` or `#3`) or name. Raises ArgumentError where there is none."""
    number = name.removeprefix("#")
    for call in view.calls:
        if number == str(call.step.id) if number.isdigit() else name in (view.name(call), call.node.attr("name")):
            return call
    if not view.calls:
        raise ArgumentError(f"{view.plan.graph.name} has no model calls: there is no `{name}`")
    names = {view.name(call): f"#{call.step.id} {view.name(call)}" for call in view.calls}
    near = did_you_mean(name, names)
    help = f"{near} its calls are" if near else "its calls are"
    raise ArgumentError(f"no call of {view.plan.graph.name} is `{name}`", help=f"{help} {', '.join(names.values())}")


class _Told:
    """A divergence with the names of the calls."""

    def __init__(self, planned: Planned, a: str, b: str, rows: Rows | None) -> None:
        self.rows = rows
        self.view = View(planned)
        self.calls = [call_named(self.view, name) for name in (a, b)]
        divergences = Divergences(self.view.plan.graph, planned.inputs, self.view.prompts, rows)
        self.reasons = divergences.reasons
        self.found: Divergence = divergences.of(*(call.node for call in self.calls))
        self.unit = "tokens" if planned.inputs.encode is not None else "characters"

    def lines(self, width: int) -> Iterator[str]:
        found, names = self.found, [self._name(call) for call in self.calls]
        runs = "runs" if self.rows is None else "rows"
        yield f"two {runs} of {names[0]}" if found.is_two_runs else " and ".join(names)
        whole = f": {self._quoted(found.common)}" if found.common else ""
        begun = f"both begin with {found.shared} {self.unit}{whole}"
        if not found.common and any(side.rest and is_hole(side.pieces[0], "state") for side in (found.a, found.b)):
            begun = "what both begin with is known only when the program runs"
        yield from wrapped(begun, width).splitlines()
        if found.reason is None:
            yield from wrapped(self._all_of_one(names), width).splitlines()
            return
        is_one = found.is_two_runs and self.rows is None  # both go on with the same words
        for call, side in zip(self.calls, (found.a,) if is_one else (found.a, found.b)):
            yield from ("", *self._side(call, side))
        yield ""
        for sentence in self._why():
            yield from wrapped(sentence, width).splitlines()

    def json(self) -> dict[str, Any]:  # Any: what json.dumps takes
        found = self.found
        sides = zip(self.calls, (found.a, found.b))
        return {
            "calls": [call.step.id for call in self.calls],
            "two_runs": found.is_two_runs,
            "two_rows": self.rows is not None,
            "reason": found.reason,
            "unit": self.unit,
            "common": json_pieces(found.common),
            "size": found.size,
            "shared": found.shared,
            "behind": found.behind,
            "goes_on": [{"with": json_pieces(side.pieces), "place": json_span(side.span)} for _, side in sides],
        }

    def _name(self, call: StepView) -> str:
        return f"#{call.step.id} {call.step.op} {self.view.name(call)}"

    def _all_of_one(self, names: Sequence[str]) -> str:
        a, b = self.found.a, self.found.b
        if self.found.is_two_runs or not (a.rest or b.rest):
            return "the prompts are the same"
        return f"that is all of {names[1] if a.rest else names[0]}"

    def _side(self, call: StepView, side: Side) -> Iterator[str]:
        yield f"#{call.step.id} goes on with {self._quoted(side.pieces) if side.rest else 'nothing more'}"
        if side.span is not None:
            yield f"  {side.span}"
            yield from side.span.caret().splitlines()

    def _quoted(self, pieces: Sequence[FlatPiece]) -> str:
        return f'"{keep_ends(prompt_text(pieces, self.view), MAX_TEXT)}"'

    def _why(self) -> Iterator[str]:
        found = self.found
        assert found.reason is not None
        said = SETS_ORDER if found.is_two_runs and found.reason == "order" else SAYS[found.reason]
        yield f"why: {found.reason}: {said}{self._made_from()}"
        if lost := found.size - found.shared:
            yield f"their tokens part {lost} before their texts do: what follows changes them"
        if found.behind:
            yield f"behind it both say {found.behind} {self.unit} again, which could be shared if they stood before it"

    def _made_from(self) -> str:
        """What the first hole there is made from."""
        for side in (self.found.a, self.found.b):
            hole = side.pieces[0] if side.rest else None
            if isinstance(hole, PromptHole) and hole.kind == "text" and known_text(hole) is None:
                made = dict.fromkeys(f"{kind} {self._source(what)}" for kind, what in self.reasons.sources(hole.atom))
                return f"; {self.view.hole(hole)} is made from {keep_end(', '.join(made), MAX_TEXT)}" if made else ""
        return ""

    def _source(self, what: object) -> str:
        return self.view.value(what) if isinstance(what, Value) else str(what)
