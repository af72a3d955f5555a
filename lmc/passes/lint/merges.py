"""A text right before a value, with nothing between them: the tokenizer reads its end and the value as one token.

Calls that differ in the value then share fewer tokens than the text has. A space at the end is not such a case: it goes
with the word behind it, wherever it is written, and the text before it keeps its tokens.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lmc.codes import MERGES
from lmc.ir.graph import Atom, Node, Value
from lmc.ir.prompt import GENERATED, Control, Encode, Ids, Text
from lmc.ir.runs import Run
from lmc.ir.types import FLOAT, INT
from lmc.passes.base import Inputs, Note, called
from lmc.passes.flat_prompts import FlatPrompts, PromptHole, Stretch, is_hole
from lmc.passes.lint.call import quoted
from lmc.passes.open_end import WORDS, num_kept

END = 12  # characters of the text that a note shows
WRITE = "put a space between them, or let the value bring the last word along"
NUMBERS = ("1", "23", "456")


def merges(calls: Sequence[Node], prompts: FlatPrompts, inputs: Inputs) -> Iterator[Note]:
    """One note for each value behind such a text, at the place where it is appended."""
    seen: set[tuple[str, str]] = set()
    encode = inputs.encode
    if encode is None:
        return
    for call in calls:
        for i, stretch in enumerate(prompts.stretches(call.inputs[0])):
            for run, after, value in _before_values(stretch, None if i == 0 else GENERATED):
                key = (value.name, run[-1].text[-END:])
                if key not in seen:
                    seen.add(key)
                    place, is_number = _appended(value, prompts) or call, _is_number(value, prompts)
                    yield from _note(run, after, value, place, is_number, encode)


def _before_values(stretch: Stretch, after: Ids | None) -> Iterator[tuple[Run, Ids | None, Value]]:
    """The known text right before a value, where all of the run up to there is known; and that value."""
    run: list[Text | Control] = []
    for piece in stretch.pieces:
        if not isinstance(piece, PromptHole):
            run.append(piece)
        elif is_hole(piece, "text"):
            if run and isinstance(run[-1], Text) and isinstance(piece.atom, Value):
                yield tuple(run), after, piece.atom
            return  # what stands behind a value is encoded with it
        else:  # a prompt that came in, or a turn that is not known yet
            run, after = [], GENERATED


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


def _appended(value: Atom, prompts: FlatPrompts) -> Node | None:
    """The node that puts a value into a prompt."""
    return next((n for n in prompts.makers.values() if n.op == "append" and value in n.inputs[1:]), None)


def _is_number(value: Value, prompts: FlatPrompts) -> bool:
    """Whether a text is surely a number, written out."""
    node = prompts.makers.get(value.name)
    source = node.inputs[0] if node is not None and node.op in ("format", "as_text") else None
    return isinstance(source, Value) and source.type in (INT, FLOAT)
