"""An argument that two calls have in their prompts, behind text in which they differ: each computes it anew.

Said before that text it would be computed once. Calls are held against the one above them, as far as both prompts are
made of text and arguments alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise, takewhile

from lmc.codes import LATE_ARGUMENT
from lmc.ir.graph import Node, Value
from lmc.ir.prompt import Text
from lmc.ir.strand import Strand
from lmc.ir.types import STR
from lmc.passes.base import Inputs, Note, called
from lmc.passes.divergence import Divergences, Side
from lmc.passes.fixits import LEAST
from lmc.passes.flat_prompts import FlatPiece, FlatPrompts, is_hole, known_text
from lmc.passes.known_values import KnownValues
from lmc.passes.prompt_sizes import PromptSizes


def two_calls(calls: Sequence[Node], prompts: FlatPrompts, inputs: Inputs, divergences: Divergences) -> Iterator[Note]:
    """One note for each argument that a call says too late, at the text that stands before it.

    One that is given and short is not worth it; of one that is not given nothing is known but that it comes twice.
    """
    unit = "tokens" if inputs.encode is not None else "characters"
    sizes, given = PromptSizes(inputs), inputs.batch[0] if inputs.batch else {}
    known = KnownValues(divergences.graph, prompts.makers, given)
    seen = set[str]()
    for above, call in pairwise(plain_calls(calls, prompts)):
        a, b = divergences.sides(above, call)
        if not a.rest or not b.rest or None in (known_text(a.pieces[0]), known_text(b.pieces[0])):
            continue
        for name in _arguments(a, divergences):
            if name in _arguments(b, divergences) and name not in seen:
                seen.add(name)
                text = known.text(Value(name, STR))
                size = sizes.size(sizes.at(Strand(None, (Text(text),)))) if text is not None else None
                if size is not None and size < LEAST[unit]:
                    continue
                gain = "as many more as it has" if size is None else f"{size} more {unit}"
                what = f"its prompt says the argument `{name}` behind text in which {called(above)} differs"
                why = f"so that each of them computes it anew; say it before that text, and {gain} are shared"
                yield Note(f"{called(call)}: {what}, {why}", b.span, LATE_ARGUMENT)


def plain_calls(calls: Sequence[Node], prompts: FlatPrompts) -> list[Node]:
    """Those whose prompts are made of text, turns, and what is known before the call."""
    has_other = dict[int, bool]()
    return [call for call in calls if not _has_other(prompts.of(call.inputs[0]), has_other)]


def _has_other(prompt: Strand[FlatPiece], known: dict[int, bool]) -> bool:
    """Whether a prompt has more in it than text, turns, and what is known before its call."""
    new = list(takewhile(lambda part: id(part) not in known, prompt.parts()))
    for part in reversed(new):
        before = part.before is not None and known[id(part.before)]
        known[id(part)] = before or any(is_hole(piece, "made", "state") for piece in part.tail)
    return known[id(prompt)]


def _arguments(side: Side, divergences: Divergences) -> list[str]:
    """The arguments that stand by themselves in what a prompt goes on with, within the turn."""
    found = []
    for piece in side.pieces:
        if is_hole(piece, "text"):  # a turn's marker is made from the prompt, and so from all that stands in it
            made = list(divergences.reasons.sources(piece.atom))
            found += [str(what.name) for kind, what in made if kind == "argument" and isinstance(what, Value)]
    return found
