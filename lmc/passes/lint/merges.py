"""A text right before a value, with nothing between them: the tokenizer reads its end and the value as one token.

Calls that differ in the value then share fewer tokens than the text has. A space at the end is not such a case: it goes
with the word behind it, wherever it is written, and the text before it keeps its tokens.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from lmc.codes import MERGES
from lmc.ir.graph import Node, Value
from lmc.ir.prompt import GENERATED, Control, Encode, Ids, Text
from lmc.ir.runs import Run
from lmc.ir.strand import Strand
from lmc.ir.types import FLOAT, INT
from lmc.passes.base import Inputs, Note, called
from lmc.passes.flat_prompts import FlatPiece, FlatPrompts, PromptHole, is_hole
from lmc.passes.lint.call import quoted
from lmc.passes.open_end import WORDS, num_kept

END = 12  # characters of the text that a note shows
WRITE = "put a space between them, or let the value bring the last word along"
NO_RUN: Strand[Text | Control] = Strand(None, ())
NUMBERS = ("1", "23", "456")


def merges(calls: Sequence[Node], prompts: FlatPrompts, inputs: Inputs) -> Iterator[Note]:
    """One note for each value behind such a text, at the place where it is appended."""
    seen: set[tuple[str, str]] = set()
    encode = inputs.encode
    if encode is None:
        return
    ends, places = dict[int, _End](), _places(prompts)
    for call in calls:
        for run, after, value in _before_values(prompts.of(call.inputs[0]), ends):
            key = (value.name, run[-1].text[-END:])
            if key not in seen:
                seen.add(key)
                place, is_number = places.get(value, call), _is_number(value, prompts)
                yield from _note(tuple(run), after, value, place, is_number, encode)


@dataclass(frozen=True, slots=True)
class _End:
    """How a prompt ends so far: its last run; is_open: all of that is known."""

    run: Strand[Text | Control] = NO_RUN
    after: Ids | None = None
    is_open: bool = True


Found = tuple[Strand[Text | Control], Ids | None, Value]


def _before_values(prompt: Strand[FlatPiece], ends: dict[int, _End]) -> Iterator[Found]:
    """The known text right before a value, where all of the run up to there is known; and that value.

    ends  of the parts of prompts that were looked at before: what is in them was told
    """
    new = list(takewhile(lambda part: id(part) not in ends, prompt.parts()))
    for part in reversed(new):
        end = ends[id(part.before)] if part.before is not None else _End()
        for piece in part.tail:
            is_next = is_hole(piece, "text") and end.is_open and end.run and isinstance(end.run[-1], Text)
            if is_next and isinstance(piece, PromptHole) and isinstance(piece.atom, Value):
                yield end.run, end.after, piece.atom
            end = _behind(end, piece)
        ends[id(part)] = end


def _behind(end: _End, piece: FlatPiece) -> _End:
    if not isinstance(piece, PromptHole):
        return replace(end, run=Strand(end.run, (piece,))) if end.is_open else end
    if is_hole(piece, "text"):
        return replace(end, is_open=False)  # what stands behind a value is encoded with it
    return _End(after=GENERATED)  # a prompt that came in, or a turn that is not known yet


def _note(run: Run, after: Ids | None, value: Value, place: Node, is_number: bool, encode: Encode) -> Iterator[Note]:
    whole = (*run[:-1], Text(run[-1].text.rstrip(" ")))
    following = NUMBERS if is_number else WORDS
    num, kept = len(encode(whole, after)), num_kept(run, after, encode, following)
    if kept >= num:
        return
    end = run[-1].text
    what = f"the text before {value} ends in {quoted(end if len(end) <= END else '…' + end[-END:])}"
    kind = "number" if is_number else "word"
    why = f"the tokenizer reads its end and a {kind} as one token, so calls that differ there share {kept} of its {num}"
    gain = f"{num - kept} more {'is' if num - kept == 1 else 'are'} then computed once for all"
    yield Note(f"{called(place)}: {what}: {why} tokens; {WRITE}: {gain}", place.span, MERGES)


def _places(prompts: FlatPrompts) -> dict[Value, Node]:
    """The node that puts a value into a prompt first."""
    places: dict[Value, Node] = {}
    for node in prompts.makers.values():
        for atom in node.inputs[1:] if node.op == "append" else ():
            if isinstance(atom, Value):
                places.setdefault(atom, node)
    return places


def _is_number(value: Value, prompts: FlatPrompts) -> bool:
    """Whether a text is surely a number, written out."""
    node = prompts.makers.get(value.name)
    source = node.inputs[0] if node is not None and node.op in ("format", "as_text") else None
    return isinstance(source, Value) and source.type in (INT, FLOAT)
