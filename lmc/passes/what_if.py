"""What runs of a program would find in the cache, with sample texts in the place of what only the run knows.

Not a pass: a change of the program is measured by it, before and after. A sample is the same in every run where the
value is, and another one in each where a clock, a set's order or an argument may be. Samples stand on both sides of
such a comparison, so that what they come to cancels out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lmc.ir.graph import Atom, Graph, Lit, Node
from lmc.ir.ops import OPS
from lmc.ir.plan import Plan
from lmc.passes.base import ArgPath, Inputs
from lmc.passes.flat_prompts import FlatPrompts
from lmc.passes.known_values import KnownValues
from lmc.passes.prompt_ids import PromptIdsBuilder
from lmc.passes.reasons import SETS, Reasons, is_changing

Row = Mapping[ArgPath, object]


@dataclass(frozen=True, slots=True)
class Found:
    """Prompt tokens of some runs, one after another, and how many of them the cache has by then."""

    prompt_tokens: int
    cached_tokens: int


class SampledValues(KnownValues):
    """The values of one run: what is not known is a sample."""

    def __init__(
        self,
        graph: Graph,
        makers: Mapping[str, Node],
        arguments: Row,
        reasons: Reasons,
        run: int,
        names: dict[str, int],
    ) -> None:
        super().__init__(graph, makers, arguments)
        self._reasons, self._run, self._names = reasons, run, names

    def text(self, atom: Atom) -> str:
        """The text of an atom, or its sample."""
        known = super().text(atom)
        if known is not None or isinstance(atom, Lit):
            return known or ""
        number = self._names.setdefault(atom.name, len(self._names))
        begin = chr(ord("0") + self._run % 10) if self._differs(atom) else "x"
        return f"{begin}{number}"

    def _differs(self, atom: Atom) -> bool:
        """Whether another run may have another value there."""
        for kind, what in self._reasons.sources(atom):
            if kind in ("argument", "generated") or (kind == "call" and is_changing(what)) or what in SETS:
                return True
        return False


def found_in_runs(plan: Plan, inputs: Inputs, rows: Sequence[Row]) -> Found:
    """Of a run with each of these arguments, beginning with an empty cache. Needs a tokenizer."""
    flat, nodes = FlatPrompts(plan.graph), plan.graph.nodes
    builder, reasons = PromptIdsBuilder(inputs, flat.makers), Reasons(plan.graph, flat.makers)
    names: dict[str, int] = {}
    calls = [(step.id, flat.of(nodes[step.node].inputs[0])) for step in plan.steps if OPS[step.op].kind == "model"]
    prompts = []
    for run, row in enumerate(rows):
        known = SampledValues(plan.graph, flat.makers, row, reasons, run, names)
        prompts += [builder.of(step, run, prompt, known) for step, prompt in calls]
    total = sum(prompt.node.num_known for prompt in prompts)
    repeats = len(prompts) - len({id(prompt.node) for prompt in prompts})  # of each its last token is computed
    return Found(total, total - builder.tree.num_distinct - repeats)
