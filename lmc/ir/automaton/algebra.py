"""Questions about languages: their states, lengths, distances, and a shortest way.

Union, concatenation, intersection, complement and difference are trees (`Alt`, `Seq`, `And`, `Not`), and cost nothing
until an automaton of them is asked. A complement is taken in the texts of Unicode scalar values, so its bytes are
valid UTF-8. Answers that need every state raise ConstraintError (LMC-CN004) where there are too many.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from heapq import heappop, heappush
from typing import Protocol

from lmc.ir.automaton.alphabet import Alphabet
from lmc.ir.automaton.dfa import DEAD
from lmc.ir.regex import Alt, Chars, RegexTree, Seq


class Dfa(Protocol):
    """What a CharDfa and a ByteDfa have in common; labels are theirs to read."""

    @property
    def start(self) -> int: ...

    def moves(self, state: int) -> list[tuple[int, int]]: ...

    def is_accepting(self, state: int) -> bool: ...


# --- trees ----------------------------------------------------------------------------------------------------


def literal(text: str) -> RegexTree:
    """Exactly this text."""
    return Seq(tuple(map(_char, text)))


@lru_cache(maxsize=4096)
def _char(char: str) -> Chars:
    """One object wherever it stands, so that later walks meet it once."""
    return Chars(((ord(char), ord(char)),))


def one_of(texts: Iterable[str]) -> RegexTree:
    """Exactly these texts."""
    return Alt(tuple(map(literal, texts)))


# --- states ---------------------------------------------------------------------------------------------------


def states(dfa: Dfa) -> Iterator[int]:
    """Every live state, breadth first from the start."""
    seen = {dfa.start}
    pending = deque(seen - {DEAD})
    while pending:
        state = pending.popleft()
        yield state
        for _, target in dfa.moves(state):
            if target not in seen:
                seen.add(target)
                pending.append(target)


def distances(dfa: Dfa, cost: Callable[[int], int] = lambda label: 1) -> dict[int, int]:
    """By live state, the least total cost of labels to an accepting one; every label costs at least 1."""
    into: dict[int, list[tuple[int, int]]] = {}
    pending = []
    for state in states(dfa):
        for label, target in dfa.moves(state):
            into.setdefault(target, []).append((cost(label), state))
        if dfa.is_accepting(state):
            pending.append((0, state))
    found: dict[int, int] = {}
    while pending:
        distance, state = heappop(pending)
        if state not in found:
            found[state] = distance
            for step, before in into.get(state, ()):
                heappush(pending, (distance + step, before))
    return found


def shortest(dfa: Dfa) -> int | None:
    """The length of a shortest accepted text, in the automaton's symbols; None where none is accepted."""
    path = shortest_path(dfa)
    return None if path is None else len(path)


def longest(dfa: Dfa) -> int | None:
    """The length of a longest accepted text; None where there is no bound, -1 where none is accepted."""
    order = _sorted(dfa)
    if order is None:
        return None
    best: dict[int, int] = {}
    for state in reversed(order):  # every state's successors come before it
        ends = [best[target] + 1 for _, target in dfa.moves(state)]
        best[state] = max([0, *ends] if dfa.is_accepting(state) else ends)
    return best[dfa.start] if order else -1


def _sorted(dfa: Dfa) -> list[int] | None:
    """Live states, each before its successors; None where there is a cycle."""
    degrees = {dfa.start: 0}
    for state in states(dfa):
        for _, target in dfa.moves(state):
            degrees[target] = degrees.get(target, 0) + 1
    order = [dfa.start] if dfa.start != DEAD and not degrees[dfa.start] else []
    for state in order:
        for _, target in dfa.moves(state):
            degrees[target] -= 1
            if not degrees[target]:
                order.append(target)
    return order if len(order) == len(degrees) or dfa.start == DEAD else None


def shortest_path(dfa: Dfa) -> list[int] | None:
    """The labels along a shortest way to an accepting state; None where there is none."""
    before: dict[int, tuple[int, int]] = {}
    for state in states(dfa):
        if dfa.is_accepting(state):
            return _labels(before, dfa.start, state)
        for label, target in dfa.moves(state):
            if target not in before and target != dfa.start:
                before[target] = (state, label)
    return None


def _labels(before: dict[int, tuple[int, int]], start: int, state: int) -> list[int]:
    path = []
    while state != start:
        state, label = before[state]
        path.append(label)
    return path[::-1]


def readable(alphabet: Alphabet, mask: int) -> str:
    """A character of some classes that people can read: a letter where there is one, else the lowest one."""
    ranges = alphabet.ranges(mask)
    for least, most in ((0x61, 0x7A), (0x41, 0x5A)):
        for low, high in ranges:
            if max(low, least) <= min(high, most):
                return chr(max(low, least))
    return sample(alphabet, mask)


def sample(alphabet: Alphabet, mask: int) -> str:
    """The lowest printable character of some classes, or else the lowest one."""
    ranges = alphabet.ranges(mask)
    for low, high in ranges:
        if max(low, 0x21) <= min(high, 0x7E):
            return chr(max(low, 0x21))
    return chr(ranges[0][0])
