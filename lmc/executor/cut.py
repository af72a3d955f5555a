"""What a text that its length has cut short would have needed at least: the shortest text of its constraint, in tokens.

Asked only where a call fails for it, and once for a constraint.
"""

from __future__ import annotations

from functools import lru_cache

from lmc.backend.base import Gen, Segment
from lmc.errors import ConstraintError
from lmc.ir.automaton.algebra import one_of
from lmc.ir.automaton.calls import call_dfa, shortest_call
from lmc.ir.automaton.extent import shortest_text
from lmc.ir.constraint import Choices, JsonSchema, Regex
from lmc.ir.json_schema.regular import texts_of
from lmc.ir.prompt import Text, Tokenizer

MAX_STATES = 5_000  # of an automaton that is searched for it
MAX_SHOWN = 60


def least_of(segment: Segment, tokenizer: Tokenizer) -> str:
    """A sentence on how many tokens a generation needs at least; empty where that is not known."""
    if not isinstance(segment, Gen) or not isinstance(segment.constraint, Regex | Choices | JsonSchema):
        return ""
    text = _shortest(segment.constraint)
    if text is None:
        return ""
    count = len(tokenizer.encode_pieces((Text(text),)))
    what = "JSON schema" if isinstance(segment.constraint, JsonSchema) else "constraint"
    shown = text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + "…"
    return f"the shortest text of its {what} has {count} tokens, so give at least {count}: {shown}"


@lru_cache(maxsize=256)
def _shortest(constraint: Regex | Choices | JsonSchema) -> str | None:
    try:
        match constraint:
            case Regex(_, tree):
                return shortest_text(tree, MAX_STATES)
            case Choices(options):
                return shortest_text(one_of(options), MAX_STATES)
            case JsonSchema():
                texts = texts_of(constraint)
                if texts.places:
                    return shortest_call(call_dfa(texts.places, max_states=MAX_STATES))
                return shortest_text(texts.tree, MAX_STATES)
    except ConstraintError:
        return None
