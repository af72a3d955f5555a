"""The compressed automaton: chains of states with one way on become edges labelled with byte strings.

A state is singular where no text may end and exactly one byte leads on: what comes next is forced, and need not be
asked of a model. After Zheng et al., SGLang (arXiv 2312.07104), section 4.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from lmc.ir.automaton.bytes import ByteDfa
from lmc.ir.automaton.dfa import DEAD


@dataclass(frozen=True, slots=True)
class Edge:
    """From `source` by any byte of `first`, then exactly `rest`, to `target`."""

    source: int
    first: bytes
    rest: bytes
    target: int


@dataclass(frozen=True, slots=True)
class CompressedDfa:
    """Nodes are the states of a ByteDfa where something is decided or a text may end, and its start."""

    start: int
    accepting: frozenset[int]
    edges: tuple[Edge, ...]


def forced_byte(dfa: ByteDfa, state: int) -> int | None:
    """The one byte that can come next; None where there are several, or a text may end."""
    if dfa.is_accepting(state):
        return None
    moves = dfa.moves(state)
    if len(moves) != 1:
        return None
    found = dfa.bytes_of(moves[0][0])
    return found[0] if len(found) == 1 else None


def forced(dfa: ByteDfa, state: int, limit: int = 1 << 16) -> tuple[bytes, int]:
    """The bytes that must come next, at most `limit`, and the state after them."""
    label = bytearray()
    while len(label) < limit and (byte := forced_byte(dfa, state)) is not None:
        label.append(byte)
        state = dfa.step(state, byte)
    return bytes(label), state


def compress(dfa: ByteDfa) -> CompressedDfa:
    """All of the automaton, compressed. Raises ConstraintError (LMC-CN004) where it has too many states."""
    edges: list[Edge] = []
    seen = {dfa.start}
    pending = deque(seen - {DEAD})
    while pending:
        source = pending.popleft()
        for first, after in _branches(dfa, source):
            rest, target = forced(dfa, after)
            edges.append(Edge(source, first, rest, target))
            if target not in seen:
                seen.add(target)
                pending.append(target)
    return CompressedDfa(dfa.start, frozenset(s for s in seen if dfa.is_accepting(s)), tuple(edges))


def _branches(dfa: ByteDfa, state: int) -> list[tuple[bytes, int]]:
    """The ways on: by next state, all bytes that lead there."""
    ways: dict[int, bytes] = {}
    for cls, target in dfa.moves(state):
        ways[target] = bytes(sorted(ways.get(target, b"") + dfa.bytes_of(cls)))
    return [(first, target) for target, first in ways.items()]
