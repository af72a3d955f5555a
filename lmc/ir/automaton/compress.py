"""The compressed automaton: chains of states with one way on become edges labelled with byte strings.

A state is singular where no text may end and exactly one byte leads on: what comes next is forced, and need not be
asked of a model. `forced` says so of any state, within characters too; the compressed automaton has the decisions
between them, and those are taken among characters: a set of letters is one edge, not a fan of first bytes.

After Zheng et al., SGLang (arXiv 2312.07104), section 4.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from lmc.ir.automaton.bytes import ByteDfa
from lmc.ir.automaton.dfa import DEAD, CharDfa
from lmc.ir.automaton.walk import ByteWalk
from lmc.ir.ranges import Ranges


@dataclass(frozen=True, slots=True)
class Edge:
    """From `source` by any character of `first`, then exactly `rest`, to `target`."""

    source: int
    first: Ranges
    rest: bytes
    target: int


@dataclass(frozen=True, slots=True)
class CompressedDfa:
    """Nodes are the states of a CharDfa where something is decided or a text may end, and the end of `begin`."""

    begin: bytes
    start: int
    accepting: frozenset[int]
    edges: tuple[Edge, ...]

    @property
    def num_states(self) -> int:
        """States; where a text begins is one, and the end of `begin` another."""
        return len({self.start, *(edge.target for edge in self.edges)}) + bool(self.begin)

    @property
    def num_edges(self) -> int:
        """Edges, `begin` among them."""
        return len(self.edges) + bool(self.begin)


def forced_byte(dfa: ByteWalk, state: int) -> int | None:
    """The one byte that can come next; None where there are several, or a text may end."""
    if dfa.is_accepting(state) or (isinstance(dfa, ByteDfa) and dfa.is_open(state)):
        return None
    ways = dfa.ways(state)
    return ways[0][0] if len(ways) == 1 and len(ways[0]) == 1 else None


def forced(dfa: ByteWalk, state: int, limit: int = 1 << 16) -> tuple[bytes, int]:
    """The bytes that must come next, at most `limit`, and the state after them."""
    label = bytearray()
    while len(label) < limit and (byte := forced_byte(dfa, state)) is not None:
        label.append(byte)
        state = dfa.step(state, byte)
    return bytes(label), state


def compress(chars: CharDfa) -> CompressedDfa:
    """All of the automaton, compressed. Raises ConstraintError (LMC-CN004) where it has too many states."""
    begin, start = _chain(chars, chars.start)
    edges: list[Edge] = []
    seen = {start} - {DEAD}
    pending = deque(seen)
    while pending:
        source = pending.popleft()
        for mask, after in chars.moves(source):
            rest, target = _chain(chars, after)
            edges.append(Edge(source, chars.alphabet.ranges(mask), rest, target))
            if target not in seen:
                seen.add(target)
                pending.append(target)
    return CompressedDfa(begin, start, frozenset(filter(chars.is_accepting, seen)), tuple(edges))


def _chain(chars: CharDfa, state: int) -> tuple[bytes, int]:
    """The characters that must come next, encoded, and the state after them."""
    text, end = forced_text(chars, state)
    return text.encode(), end


def forced_text(chars: CharDfa, state: int, limit: int | None = None) -> tuple[str, int]:
    """The characters that must come next, at most `limit`, and the state after them."""
    found: list[str] = []
    while (limit is None or len(found) < limit) and (char := forced_char(chars, state)) is not None:
        found.append(char)
        state = chars.moves(state)[0][1]
    return "".join(found), state


def forced_char(chars: CharDfa, state: int) -> str | None:
    """The one character that can come next; None where there are several, or a text may end."""
    moves = chars.moves(state)
    if len(moves) != 1 or chars.is_accepting(state):
        return None
    ranges = chars.alphabet.ranges(moves[0][0])
    low, high = ranges[0]
    return chr(low) if len(ranges) == 1 and low == high else None
