"""Some texts of an automaton, drawn to find what goes wrong with them: short ones, at the borders of its sets, and any.

The same texts for the same automaton. Nothing is said of how likely they are.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterator

from lmc.ir.automaton.dfa import DEAD, CharDfa
from lmc.ir.ranges import Ranges

LONG = 24  # characters after which a text is ended as soon as it can be
PLAIN = "a0zA9 -/."


def drawn(dfa: CharDfa, count: int) -> Iterator[str]:
    """`count` texts, with repeats; none where there is none. Raises ConstraintError where it is too large."""
    rng = random.Random(0)
    for number in range(count if dfa.start != DEAD else 0):
        yield _text(dfa, rng, number)


def _text(dfa: CharDfa, rng: random.Random, number: int) -> str:
    """The first ends as soon as it can, the next two keep to the first and to the last characters of each set."""
    text, state = "", dfa.start
    room = 0 if not number else LONG
    while len(text) < room:
        moves = list(dfa.moves(state))
        if not moves or (dfa.is_accepting(state) and rng.random() < 0.3):
            break
        label, state = moves[0] if number == 1 else moves[-1] if number == 2 else rng.choice(moves)
        text += _char(dfa.alphabet.ranges(label), rng, number)
    for label in _way_out(dfa, state):
        text += _char(dfa.alphabet.ranges(label), rng, number)
    return text


def _char(ranges: Ranges, rng: random.Random, number: int) -> str:
    if number in (1, 2):
        return chr(ranges[0][0] if number == 1 else ranges[-1][1])
    low, high = rng.choice(ranges)
    plain = [char for char in PLAIN if low <= ord(char) <= high]
    return rng.choice(plain) if plain and rng.random() < 0.5 else chr(rng.randint(low, high))


def _way_out(dfa: CharDfa, state: int) -> list[int]:
    """The labels of a shortest way from a state to the end of a text."""
    ways: dict[int, tuple[int, ...]] = {state: ()}
    pending = deque([state])
    while pending:
        at = pending.popleft()
        if dfa.is_accepting(at):
            return list(ways[at])
        for label, target in dfa.moves(at):
            if target not in ways:
                ways[target] = (*ways[at], label)
                pending.append(target)
    raise AssertionError("a live state has an end")
