"""What to move or change in a program so that its prompts share more: as data, from what the divergences say.

Not a pass. How the source is changed, and what that gains, is for who has the source (cli/explain_fix.py): there each
change is tried, and what is printed is what the changed program's own tree says.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from lmc.ir.graph import Graph, Node
from lmc.ir.ops import OPS
from lmc.passes.base import Inputs
from lmc.passes.divergence import Divergence, Divergences, Rows
from lmc.passes.flat_prompts import FlatPrompts, is_hole, known_text
from lmc.passes.reasons import Reason
from lmc.source import Span

Keeps = Literal["keeps every byte", "needs order_free", "changes meaning"]
Change = Literal["later", "sorted", "alike"]
LEAST = {"tokens": 8, "characters": 32}  # of text said again that is worth a change

SAYS: dict[Change, str] = {
    "later": "say it behind the text that is the same in every run",
    "sorted": "sort the set: its order is another one in each process",
    "alike": "say there what the other call says",
}


@dataclass(frozen=True, slots=True)
class Fixit:
    """One change of the source.

    change  `later`: what stands at `span` goes behind the constant text that follows; `sorted`: the set there is
            sorted; `alike`: the text there becomes that at `like`
    keeps   what becomes of the prompts: their order of texts alone changes, or the model reads other text
    is_of_runs  what it gains it gains in each further run; else in each run
    behind  how much text comes again behind the place, by the compiler's count
    """

    change: Change
    reason: Reason
    keeps: Keeps
    call: Node
    span: Span
    like: Span | None
    is_of_runs: bool
    behind: int

    @property
    def says(self) -> str:
        """What to do, in words."""
        return SAYS[self.change]

    @property
    def is_free(self) -> bool:
        """Whether it may be applied without anybody's word: a set has no order that a program could mean."""
        return self.keeps == "keeps every byte" or self.change == "sorted"


def fixits(graph: Graph, inputs: Inputs, rows: Rows | None = None) -> list[Fixit]:
    """All that are worth it, one for each place, in the order of the program; `rows` are two runs' arguments."""
    prompts = FlatPrompts(graph)
    divergences = Divergences(graph, inputs, prompts)
    runs = Divergences(graph, inputs, prompts, rows) if rows is not None else divergences
    least = LEAST["tokens" if inputs.encode is not None else "characters"]
    calls = [node for node in graph.nodes if OPS[node.op].kind == "model"]
    found: dict[object, Fixit] = {}
    for each in (*_of_two_runs(calls, runs), *_of_two_calls(calls, prompts, divergences)):
        if each.behind >= least:
            found.setdefault((each.change, each.span), each)
    return list(found.values())


def _of_two_runs(calls: Sequence[Node], divergences: Divergences) -> Iterator[Fixit]:
    for call in calls:
        parted = divergences.of(call, call)
        span = parted.a.span
        if span is None or not parted.a.rest:
            continue
        match parted.reason:
            case "nondeterministic-text" | "hole" if not is_hole(parted.a.pieces[0], "made", "state", "role"):
                yield Fixit("later", parted.reason, "needs order_free", call, span, None, True, parted.behind)
            case "order":
                yield Fixit("sorted", parted.reason, "needs order_free", call, span, None, True, parted.behind)


def _of_two_calls(calls: Sequence[Node], prompts: FlatPrompts, divergences: Divergences) -> Iterator[Fixit]:
    """Of two calls that follow each other, and differ in spaces or in order alone."""
    for above, call in pairwise(calls):
        a, b = divergences.sides(above, call)
        if not a.rest or not b.rest or None in (known_text(a.pieces[0]), known_text(b.pieces[0])):
            continue
        parted = divergences.of(above, call)
        if parted.reason in ("whitespace", "order") and b.span is not None and a.span is not None:
            keeps: Keeps = "needs order_free" if parted.reason == "order" else "changes meaning"
            yield Fixit("alike", parted.reason, keeps, call, b.span, a.span, False, _again(parted))


def _again(parted: Divergence) -> int:
    """Characters that both say, at most: the trial counts them."""
    texts = [sum(len(known_text(piece) or "") for piece in side.pieces) for side in (parted.a, parted.b)]
    return min(texts)
