"""lint: says what in a program's constraints and prompts will not do what it seems to; changes nothing.

    %c, %x = select %s {choices=["A", "A+"]}   ->   LMC-CN011: the choice `A` is how `A+` begins ...

One file an idea, one row in LINTS. A note says what, why it matters and what to write instead, and never stands where
it is not true: what is not known is not said. A constraint that nothing fits is an error (LMC-CN001).
Tokens are looked at where a tokenizer is given, behind `chat_template`, so that the end of each prompt is known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain

from lmc.ir.graph import Graph
from lmc.ir.ops import OPS
from lmc.passes.base import Inputs, Note, Pass, Report
from lmc.passes.divergence import Divergences
from lmc.passes.flat_prompts import FlatPrompts
from lmc.passes.lint.alike import alike
from lmc.passes.lint.boundary import boundary
from lmc.passes.lint.call import LintedCall, call_of
from lmc.passes.lint.decided import decided
from lmc.passes.lint.empty import refuse_empty
from lmc.passes.lint.ends import idle_stop, refuse_ends
from lmc.passes.lint.failing import failing
from lmc.passes.lint.first_token import first_token
from lmc.passes.lint.grammar import grammar, refuse_textless
from lmc.passes.lint.limits import too_short, unbounded
from lmc.passes.lint.merges import merges
from lmc.passes.lint.prefix import prefix
from lmc.passes.lint.schema import schema
from lmc.passes.lint.two_calls import two_calls
from lmc.passes.lint.two_runs import two_runs
from lmc.passes.lint.type_gaps import type_gaps
from lmc.passes.lint.whitespace import whitespace

LINTS: tuple[Callable[[LintedCall], Iterator[Note]], ...] = (
    grammar,
    prefix,
    first_token,
    boundary,
    too_short,
    unbounded,
    whitespace,
    schema,
    idle_stop,
    type_gaps,
)


def run(graph: Graph, inputs: Inputs) -> tuple[Graph, Report]:
    """The graph as it was, and the notes on its model calls."""
    prompts = FlatPrompts(graph)
    nodes = [node for node in graph.nodes if OPS[node.op].kind == "model"]
    calls = [call_of(node, prompts, inputs) for node in nodes]
    for call in calls:
        refuse_empty(call)
        refuse_ends(call)
        refuse_textless(call)
    about_calls = (note for call in calls for lint in LINTS for note in lint(call))
    divergences = Divergences(graph, inputs, prompts)
    shared = (*two_runs(nodes, prompts, inputs, divergences), *two_calls(nodes, prompts, inputs, divergences))
    shared += tuple(alike(nodes, prompts, inputs, divergences))
    about_ways = chain(failing(graph), decided(graph, prompts, inputs))
    notes = _distinct(chain(about_ways, about_calls, merges(nodes, prompts, inputs), shared))
    return graph, Report("lint", (("notes", len(notes)),), notes)


def _distinct(notes: Iterable[Note]) -> tuple[Note, ...]:
    """A loop that was unrolled says the same of each turn: the first one stands for all."""
    first: dict[object, Note] = {}
    for note in notes:
        first.setdefault((note.code, note.span, note.text.partition(": ")[2]) if note.span else note, note)
    return tuple(first.values())


PASS = Pass(name="lint", level="graph", run=run, doc=__doc__)
