"""What differs from run to run and stands before text that does not: the text behind it is computed anew each time.

Only a prompt's first hole is looked at, and each hole once: what one call of a conversation loses, those behind it lose
at the same place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import takewhile

from lmc.codes import CHANGES_EACH_RUN, LATE_CONSTANT, SET_IN_PROMPT
from lmc.ir.graph import Node, Value
from lmc.ir.strand import Strand
from lmc.passes.base import Inputs, Note, called
from lmc.passes.divergence import Divergence, Divergences
from lmc.passes.flat_prompts import FlatPiece, FlatPrompts, PromptHole, is_hole
from lmc.passes.reasons import is_changing

SHORT = {"tokens": 8, "characters": 32}  # what is not worth a note
LONG = {"tokens": 64, "characters": 300}  # a text behind an argument that is worth being said before it
Hole = PromptHole | None


def two_runs(calls: Sequence[Node], prompts: FlatPrompts, inputs: Inputs, divergences: Divergences) -> Iterator[Note]:
    """One note for each hole before text that all runs have in common."""
    firsts, seen = dict[int, Hole](), set[Hole]()
    unit = "tokens" if inputs.encode is not None else "characters"
    for call in calls:
        hole = _first_hole(prompts.of(call.inputs[0]), firsts)
        if hole is not None and hole.kind == "text" and hole not in seen:
            seen.add(hole)
            yield from _note(call, divergences.of(call, call), divergences, unit)


def _first_hole(prompt: Strand[FlatPiece], firsts: dict[int, Hole]) -> Hole:
    """The first piece of a prompt that two runs may differ in."""
    new = list(takewhile(lambda part: id(part) not in firsts, prompt.parts()))
    for part in reversed(new):
        found = firsts[id(part.before)] if part.before is not None else None
        firsts[id(part)] = found or next((p for p in part.tail if is_hole(p, "text", "made", "state")), None)
    return firsts[id(prompt)]


def _note(call: Node, found: Divergence, divergences: Divergences, unit: str) -> Iterator[Note]:
    if found.behind < SHORT[unit]:
        return
    hole = found.a.pieces[0]
    assert isinstance(hole, PromptHole)
    made = list(divergences.reasons.sources(hole.atom))
    again = f"the {found.behind} {unit} behind it, the same in every run, are computed anew"
    match found.reason:
        case "nondeterministic-text":
            label = next(str(what) for kind, what in made if kind in ("call", "object") and is_changing(what))
            what = f"its prompt has what `{label}` gives, which may be another text at each run"
            yield Note(f"{called(call)}: {what}: {again}; say it behind them", found.a.span, CHANGES_EACH_RUN)
        case "order":
            what = f"its prompt has a set in it, whose order is another one in each process: {again}; sort it"
            yield Note(f"{called(call)}: {what}", found.a.span, SET_IN_PROMPT)
        case "hole" if made and all(kind == "argument" for kind, _ in made):
            if found.behind >= LONG[unit] and found.behind > found.size:
                names = ", ".join(f"`{what.name}`" for _, what in made if isinstance(what, Value))
                what = f"its prompt says the argument {names} first: {again} where it differs; say it behind them"
                yield Note(f"{called(call)}: {what}", found.a.span, LATE_CONSTANT)
