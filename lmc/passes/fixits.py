"""What to move or change in a program so that its prompts share more: as data, from what the divergences say.

Not a pass. How the source is changed, and what that gains, is for who has the source (cli/explain_fix.py): there each
change is tried, and what is printed is what the changed program's own tree says.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from itertools import pairwise, takewhile
from typing import Literal

from lmc.ir.graph import Graph, Node
from lmc.ir.ops import OPS
from lmc.ir.prompt import Control
from lmc.passes.base import Inputs
from lmc.passes.divergence import Divergence, Divergences, Rows
from lmc.passes.flat_prompts import FlatPiece, FlatPrompts, is_hole, known_text
from lmc.passes.reasons import Reason
from lmc.source import Span

Keeps = Literal["keeps every byte", "needs order_free", "changes meaning"]
Change = Literal["later", "sorted", "alike", "first", "forked"]
Apart = tuple[frozenset[int], frozenset[int]]
MAX_READ = 4_000  # characters in which the same text is looked for
LEAST = {"tokens": 8, "characters": 32}  # of text said again that is worth a change

SAYS: dict[Change, str] = {
    "later": "say it behind the text that is the same in every run",
    "sorted": "sort the set: its order is another one in each process",
    "alike": "say there what the other call says",
    "first": "say what both say before that in which they differ",
    "forked": "copy the state behind what it generated, which keeps the tokens",
}


@dataclass(frozen=True, slots=True)
class Fixit:
    """One change of the source.

    change  `later`: what stands at `span` goes behind the constant text that follows; `sorted`: the set there is
            sorted; `alike`: the text there becomes that at `like`; `first`: what the statements at both say goes
            before that in which they differ; `forked`: the state that says it again is copied from the one that
            generated it
    keeps   what becomes of the prompts: all texts are the same, or their order alone changes, or the model reads
            other text
    is_of_runs  what it gains it gains in each further run; else in each run
    behind  how much text comes again behind the place, by the compiler's count
    apart   of two arms: the calls of the one and of the other, by their numbers; it gains in a run through the other
    """

    change: Change
    reason: Reason
    keeps: Keeps
    call: Node
    span: Span
    like: Span | None
    is_of_runs: bool
    behind: int
    apart: Apart | None = None

    @property
    def when(self) -> str:
        """In which runs it gains."""
        if self.apart is not None:
            return "in a run through the other arm"
        return "in each further run" if self.is_of_runs else "in each run"

    @property
    def says(self) -> str:
        """What to do, in words."""
        return SAYS[self.change]

    @property
    def is_free(self) -> bool:
        """Whether it may be applied without anybody's word: a set has no order that a program could mean."""
        return self.keeps == "keeps every byte" or self.change == "sorted"


def fixits(graph: Graph, inputs: Inputs, rows: Rows | None = None) -> list[Fixit]:
    """All that may be worth it, one for each place, in the order of the program; `rows` are two runs' arguments."""
    prompts = FlatPrompts(graph)
    divergences = Divergences(graph, inputs, prompts)
    runs = Divergences(graph, inputs, prompts, rows) if rows is not None else divergences
    least = LEAST["tokens" if inputs.encode is not None else "characters"]
    calls = [node for node in graph.nodes if OPS[node.op].kind == "model"]
    found: dict[object, Fixit] = {}
    for each in (*_of_two_runs(calls, runs), *_of_two_calls(calls, prompts, divergences)):
        if each.behind >= least or each.change in ("first", "forked"):
            found.setdefault((each.change, each.span, each.like), each)
    return list(found.values())


def _of_two_runs(calls: Sequence[Node], divergences: Divergences) -> Iterator[Fixit]:
    for call in calls:
        parted = divergences.of(call, call)
        span = parted.a.span
        if span is None or not parted.a.rest or _is_cue(parted.a.pieces):
            continue
        match parted.reason:
            case "nondeterministic-text" | "hole" if not is_hole(parted.a.pieces[0], "made", "state", "role"):
                yield Fixit("later", parted.reason, "needs order_free", call, span, None, True, parted.behind)
            case "order":
                yield Fixit("sorted", parted.reason, "needs order_free", call, span, None, True, parted.behind)


def _is_cue(pieces: Sequence[FlatPiece]) -> bool:
    """Whether nothing follows the first hole but what the model goes on with: a line that is not ended."""
    texts = [known_text(piece) or "" for piece in pieces[1:] if not isinstance(piece, Control)]
    if not texts or any(isinstance(piece, Control) for piece in pieces[-1:]):
        return False
    return len("".join(texts[:-1]) + texts[-1].rpartition("\n")[0]) < LEAST["tokens"]


def _of_two_calls(calls: Sequence[Node], prompts: FlatPrompts, divergences: Divergences) -> Iterator[Fixit]:
    """Of two calls that follow each other: one says what the other says, or both say first what both say."""
    for above, call in pairwise(calls):
        parted = divergences.of(above, call)
        a, b = parted.a, parted.b
        if not a.rest or not b.rest or a.span is None or b.span is None or parted.reason is None:
            continue
        behind = _again(parted, divergences)
        made = Fixit("alike", parted.reason, "changes meaning", call, b.span, a.span, False, behind)
        match parted.reason:
            case "order":
                yield replace(made, keeps="needs order_free")
            case "whitespace" | "template":
                yield made
            case "text":
                yield made
                yield replace(made, change="first", keeps="needs order_free")
            case "hole":
                yield replace(made, change="first", keeps="needs order_free")
            case "branch":
                apart = _apart(calls, above, call, divergences)
                yield replace(made, change="first", keeps="needs order_free", apart=apart)
            case "retokenise" if is_hole(b.pieces[0], "text"):
                yield replace(made, change="forked", keeps="keeps every byte")


def _apart(calls: Sequence[Node], above: Node, call: Node, divergences: Divergences) -> Apart | None:
    """The calls of the two arms in which two calls stand; None where they write into a prompt behind the branch."""
    reasons = divergences.reasons
    found = reasons.apart(above, call)
    if found is None:
        return None
    region, here, there = found
    return tuple(
        frozenset(i for i, each in enumerate(calls) if reasons.is_in_arm(each, region, arm)) for arm in (here, there)
    )  # type: ignore[return-value]  # one for each of two arms


def _again(parted: Divergence, divergences: Divergences) -> int:
    """How much text both say again, in one piece, up to the next hole: at least so much may be shared."""
    s, t = (_ahead(side.pieces)[:MAX_READ] for side in (parted.a, parted.b))
    match = SequenceMatcher(None, s, t, autojunk=False).find_longest_match()
    return max(parted.behind, divergences.text_size(s[match.a : match.a + match.size]))


def _ahead(pieces: Sequence[FlatPiece]) -> str:
    """The text up to the next hole or turn, past one that begins it."""
    first = 1 if pieces and (isinstance(pieces[0], Control) or is_hole(pieces[0], "role")) else 0
    texts = takewhile(lambda piece: known_text(piece) is not None and not isinstance(piece, Control), pieces[first:])
    return "".join(known_text(piece) or "" for piece in texts)
