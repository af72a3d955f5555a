"""Two calls that say nearly the same: in another order, with other spaces, in another turn, with more examples.

What follows is said by both, and computed twice. Calls are held against the one above them, as far as both prompts are
made of text and arguments alone; where little follows nothing is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from lmc.codes import MORE_EXAMPLES, OTHER_ORDER, OTHER_SPACES, OTHER_TURN
from lmc.common_prefix import common_len
from lmc.ir.graph import Node
from lmc.ir.prompt import GENERATED, Control, Text
from lmc.passes.base import Inputs, Note, called
from lmc.passes.divergence import Divergences, Side
from lmc.passes.fixits import LEAST
from lmc.passes.flat_prompts import FlatPrompts, known_text
from lmc.passes.lint.two_calls import plain_calls

BEGIN = 24  # characters by which a text is known again
HOLE = "\ufffc"


def alike(calls: Sequence[Node], prompts: FlatPrompts, inputs: Inputs, divergences: Divergences) -> Iterator[Note]:
    """One note for each call that could go on as the one above it does."""
    unit = "tokens" if inputs.encode is not None else "characters"
    for above, call in pairwise(plain_calls(calls, prompts)):
        (a, b), reason = divergences.told(above, call)
        if not a.rest or not b.rest:
            continue
        s, t = _ahead(a), _ahead(b)
        match reason:
            case "whitespace":
                code, what, again = OTHER_SPACES, "has other spaces or line ends", _common(s.lstrip(), t.lstrip())
            case "order":
                code, what = OTHER_ORDER, "has the same words in another order"
                again = _common(s.partition("\n")[2], t.partition("\n")[2])
            case "template":
                code, what, again = OTHER_TURN, "says the same text in another turn", _common(_turn(a), _turn(b))
            case "text":
                code, what, again = MORE_EXAMPLES, "has more or fewer examples, or the like,", _skipped(s, t)
            case _:
                continue
        size = _size(again, inputs)
        if size >= LEAST[unit]:
            why = f"the {size} {unit} behind it, which both say, are computed twice; say both alike up to there"
            yield Note(f"{called(call)}: its prompt {what} than that of {called(above)}: {why}", b.span, code)


def _ahead(side: Side) -> str:
    """The text up to the next turn, a hole as one character."""
    found = []
    for piece in side.pieces:
        if isinstance(piece, Control):
            break
        found.append(known_text(piece) or HOLE)
    return "".join(found)


def _turn(side: Side) -> str:
    """What the first turn says from there on."""
    texts = [(known_text(piece) or HOLE, isinstance(piece, Control)) for piece in side.pieces]
    begun = next((i for i, (_, is_turn) in enumerate(texts) if not is_turn and texts[i][0] != HOLE), len(texts))
    end = next((i for i in range(begun, len(texts)) if texts[i][1]), len(texts))
    return "".join(text for text, _ in texts[begun:end])


def _common(s: str, t: str) -> str:
    return s[: common_len(s, t)]


def _skipped(s: str, t: str) -> str:
    """What both say, once the one is past what the other does not say."""
    for more, less in ((s, t), (t, s)):
        at = more.find(less[:BEGIN]) if len(less) >= BEGIN else -1
        if at > 0:
            return _common(more[at:], less)
    return ""


def _size(text: str, inputs: Inputs) -> int:
    said = text.replace(HOLE, "")
    return len(said) if inputs.encode is None else len(inputs.encode((Text(said),), GENERATED)) if said else 0
