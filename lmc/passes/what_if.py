"""What runs of a program would find in the cache, with sample texts in the place of what only the run knows.

Not a pass: a change of the program is measured by it, before and after. A sample is the same in every run where the
value is, and another one in each where a clock, a set's order or an argument may be. Samples stand on both sides of
such a comparison, so that what they come to cancels out. What a run generated may be given in place of its sample.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field

from lmc.ir.graph import Atom, Graph, Lit, Node
from lmc.ir.ops import OPS
from lmc.ir.plan import Plan
from lmc.ir.prompt import Ids
from lmc.passes.base import ArgPath, Inputs
from lmc.passes.flat_prompts import FlatPrompts
from lmc.passes.known_values import KnownValues
from lmc.passes.plain_values import PlainValues
from lmc.passes.prompt_ids import PromptIdsBuilder
from lmc.passes.reasons import SETS, Reasons, is_changing

Row = Mapping[ArgPath, object]


@dataclass(frozen=True, slots=True)
class Found:
    """Prompt tokens of some runs, one after another, and how many of them the cache has by then."""

    prompt_tokens: int
    cached_tokens: int


@dataclass(frozen=True, slots=True)
class OneRun:
    """A run: its arguments, and the calls that it does not come to, by their numbers in the program."""

    row: Row
    skipped: Set[int] = frozenset()


@dataclass(frozen=True, slots=True)
class KnownOfRuns:
    """What is known besides: objects behind externs, and what calls generated, by the name of the value.

    has_long_samples  what is not known is a longer text: more is gained then where it is what is shared
    """

    objects: Mapping[str, object] = field(default_factory=dict)
    generated: Mapping[str, Ids] = field(default_factory=dict)
    has_long_samples: bool = False


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
        facts: KnownOfRuns,
    ) -> None:
        super().__init__(graph, makers, arguments)
        self._known |= {name: (ids.text,) for name, ids in facts.generated.items()}
        self._reasons, self._run, self._names = reasons, run, names
        self._rest = " and so on" * 4 if facts.has_long_samples else ""
        self._plain = PlainValues(graph, makers, facts.objects, is_backwards=bool(run % 2))

    def text(self, atom: Atom) -> str:
        """The text of an atom, or its sample."""
        known = super().text(atom)
        if known is not None or isinstance(atom, Lit):
            return known or ""
        match self._plain.of(atom):
            case (str() as text,):
                return text
        number = self._names.setdefault(atom.name, len(self._names))
        begin = chr(ord("0") + self._run % 10) if self._differs(atom) else "x"
        return f"{begin}{number}{self._rest}"

    def _differs(self, atom: Atom) -> bool:
        """Whether another run may have another value there."""
        for kind, what in self._reasons.sources(atom):
            if kind in ("argument", "generated") or (kind in ("call", "object") and is_changing(what)) or what in SETS:
                return True
        return False


NOTHING = KnownOfRuns()


def found_in_runs(plan: Plan, inputs: Inputs, runs: Sequence[OneRun], facts: KnownOfRuns = NOTHING) -> Found:
    """Of these runs, one after another, beginning with an empty cache. Needs a tokenizer."""
    flat, nodes = FlatPrompts(plan.graph), plan.graph.nodes
    builder, reasons = PromptIdsBuilder(inputs, flat.makers, facts.generated), Reasons(plan.graph, flat.makers)
    names: dict[str, int] = {}
    calls = [(step.id, flat.of(nodes[step.node].inputs[0])) for step in plan.steps if OPS[step.op].kind == "model"]
    prompts = []
    for number, run in enumerate(runs):
        known = SampledValues(plan.graph, flat.makers, run.row, reasons, number, names, facts)
        prompts += [builder.of(step, number, prompt, known) for i, (step, prompt) in enumerate(calls)
                    if i not in run.skipped]  # fmt: skip
    total = sum(prompt.node.num_known for prompt in prompts)
    distinct = builder.tree.num_distinct
    repeats = len(prompts) - len({id(prompt.node) for prompt in prompts})  # of each its last token is computed
    return Found(total, total - distinct - repeats)
