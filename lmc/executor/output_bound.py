"""How long an answer can get because of its constraint: what a scheduler may count on where max_tokens says little.

Only where it costs nothing to know: a list of texts, and a pattern of characters, choices and repetitions. No automaton
is made for it.
"""

from __future__ import annotations

from functools import lru_cache

from lmc.backend.base import Gen, Segment
from lmc.ir.automaton.extent import extent
from lmc.ir.constraint import Choices, Constraint, Fused, Regex
from lmc.ir.regex import RegexTree, is_plain

BYTES_OF_A_CHARACTER = 4  # the most that UTF-8 takes


def most_tokens(out: tuple[Segment, ...]) -> int | None:
    """The most tokens of a request's output by its constraint; None where that says nothing, or is not simple.

    A token is a byte of text at least.
    """
    if len(out) != 1 or not isinstance(out[0], Gen) or out[0].constraint is None:
        return None
    return _longest(out[0].constraint)


@lru_cache(maxsize=1024)
def _longest(constraint: Constraint | Fused) -> int | None:
    match constraint:
        case Choices(options):
            return max(len(option.encode()) for option in options)
        case Regex(_, tree) if is_plain(tree):
            return _longest_of(tree)
    return None


def _longest_of(tree: RegexTree) -> int | None:
    found = extent(tree)
    return None if found is None or found.longest is None else found.longest * BYTES_OF_A_CHARACTER
