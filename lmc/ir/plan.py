"""The plan: when things happen. A graph, and beside it one Step for each call or control region.

The plan is what runs: of the calls that are ready at once, the one whose step stands first is submitted first, with
its hints. That decides speed alone: a plan with its steps in another order that keeps `after`, without a single
prefix or hint, gives the same results. Plans print, and round-trip.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from lmc.ir.graph import Atom, Graph
from lmc.ir.hints import Hint
from lmc.ir.strand import Strand, equal_strands
from lmc.notebook import pre

MAX_NAMED = 64  # calls that a prefix names by itself; more are named by the prefixes under it


@dataclass(frozen=True, slots=True)
class Step:
    """One model call, host call or control region of the graph.

    node    which node: its number, an index into `graph.nodes`
    inside  the step (a region) it stands in, None at the top
    wave    how many model calls in a row must have ended before it can start, counted inside its region
    after   the steps of the same region that it waits for
    prompt  a model call's flat prompt; a Value is a hole, a state Value is a prompt that came into the region. A pass
            makes it a Strand, so that calls share what their prompts have in common
    prefix  the deepest shared prefix it starts with, None where it shares nothing
    hints   advice for whoever runs a model call (ir/hints.py)
    """

    id: int
    node: int
    op: str
    inside: int | None = None
    wave: int = 0
    after: tuple[int, ...] = ()
    prompt: Sequence[Atom] = ()
    prefix: int | None = None
    hints: tuple[Hint, ...] = ()


@dataclass(frozen=True, slots=True)
class Prefix:
    """A node of the prefix tree: a stretch of prompt that two or more calls begin with.

    pieces  what it adds to its parent: Lit strings and holes
    tokens  how many tokens that is, None where no tokenizer was given or a hole is in it
    steps   the calls that begin with it; where these are more than MAX_NAMED, those that begin with nothing deeper
    calls   how many calls begin with it, over all items of a batch
    """

    id: int
    parent: int | None
    pieces: tuple[Atom, ...]
    tokens: int | None
    steps: tuple[int, ...]
    calls: int


@dataclass(frozen=True, slots=True, repr=False)
class Plan:
    """A graph with its order and its hints."""

    graph: Graph
    steps: tuple[Step, ...]
    prefixes: tuple[Prefix, ...] = ()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Plan) or len(self.steps) != len(other.steps):
            return False
        known: set[tuple[int, int]] = set()
        steps = zip(self.steps, other.steps)
        rest = (self.prefixes, self.graph) == (other.prefixes, other.graph)
        return self is other or (rest and all(_equal_steps(a, b, known) for a, b in steps))

    def __str__(self) -> str:
        from lmc.ir.printer import print_plan

        return print_plan(self)

    def __repr__(self) -> str:
        return f"<lmc plan {self.graph.name}, {len(self.steps)} steps>"

    def _repr_html_(self) -> str:
        return pre(str(self), "print(...) shows them")


def _equal_steps(a: Step, b: Step, known: set[tuple[int, int]]) -> bool:
    """Compares steps of two plans; `known` are the parts of prompts that were compared before."""
    rest = replace(a, prompt=()) == replace(b, prompt=())
    return rest and equal_strands(Strand.of(a.prompt), Strand.of(b.prompt), known)
