"""The bytes of a grammar as a lazy automaton: where two texts may go on alike, they are mostly in one state.

A state is what the last byte led to: nodes of rules, each with what comes after its rule, its context. A context is the
state and the rule that was called there; and where a rule ends with a call, the called one's context is its own. So a
string of any length is in one state, a list of any length too; only depth makes new states. All texts of a grammar
share them. That is Earley's parser with Leo's right recursion (1991), the columns named by what is in them.

No more is known of a grammar than its masks know: an alternative that cannot end counts as a way on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

from lmc.backend.masks.grammar_nfa import Nfa
from lmc.codes import TOO_LARGE
from lmc.errors import ConstraintError
from lmc.ir.automaton.dfa import DEAD

MAX_STATES = 20_000  # of one grammar
STATE_BYTES, NODE_BYTES = 2_500, 500  # measured
ROOT = 0  # the context of the whole text

Item = tuple[int, int]  # node, context
Kernel = frozenset[Item]


@dataclass(slots=True)
class _Column:
    """All that may be going on in one state.

    edges    (first byte, last byte, next node, context)
    returns  by rule called here: the items that follow it
    """

    is_accepting: bool = False
    edges: list[tuple[int, int, int, int]] = field(default_factory=list)
    returns: dict[int, list[Item]] = field(default_factory=dict)


@dataclass(slots=True)
class _State:
    """One state.

    left     bytes that its last character lacks
    column   made when first asked for
    ways     the bytes that may come next, those of one kernel together
    kernels  what each of them leads to
    """

    kernel: Kernel
    left: int
    column: _Column | None = None
    ways: list[bytes] | None = None
    kernels: list[Kernel] = field(default_factory=list)
    targets: dict[int, int] = field(default_factory=dict)


class GrammarBytes:
    """A ByteWalk over the texts of a grammar. For one thread at a time."""

    def __init__(self, nfa: Nfa) -> None:
        self.nfa = nfa
        self._states = [_State(frozenset(), 0)]
        self._numbers: dict[tuple[int, Kernel], int] = {(0, frozenset()): DEAD}
        self._contexts: dict[tuple[int, int], int] = {(DEAD, DEAD): ROOT}
        self._places: list[tuple[int, int]] = [(DEAD, DEAD)]  # state and rule by context
        self.start = self._number(frozenset({(nfa.starts[nfa.root], ROOT)}), 0)

    def __len__(self) -> int:
        """States made so far, DEAD among them."""
        return len(self._states)

    @property
    def num_bytes(self) -> int:
        """What it takes, about."""
        return STATE_BYTES * len(self) + NODE_BYTES * len(self.nfa.edges)

    @property
    def is_full(self) -> bool:
        """Whether no more states may be made."""
        return len(self._states) >= MAX_STATES

    def step(self, state: int, byte: int) -> int:
        """The state after one more byte, DEAD where no text goes on so."""
        known = self._states[state]
        found = known.targets.get(byte)
        if found is None:
            number = next((n for n, group in enumerate(self.ways(state)) if byte in group), None)
            left = _left(known.left, byte)
            found = DEAD if number is None else self._number(known.kernels[number], left)
            known.targets[byte] = found
        return found

    def run(self, text: bytes, state: int | None = None) -> int:
        """The state after some bytes."""
        at = self.start if state is None else state
        for byte in text:
            at = self.step(at, byte)
        return at

    def is_accepting(self, state: int) -> bool:
        """Whether a text may end here."""
        return self._column(state).is_accepting

    def is_whole(self, state: int) -> bool:
        """Whether what led here ends where a character does."""
        return not self._states[state].left

    def ways(self, state: int) -> list[bytes]:
        """The bytes that may come next, those that lead to the same together."""
        known = self._states[state]
        if known.ways is None:
            groups: dict[Kernel, bytearray] = {}
            for low, high, kernel in _segments(self._column(state).edges):
                groups.setdefault(kernel, bytearray()).extend(range(low, high + 1))
            known.ways, known.kernels = list(map(bytes, groups.values())), list(groups)
        return known.ways

    def kernel(self, state: int) -> Kernel:
        """The nodes that the last byte led to, with their contexts."""
        return self._states[state].kernel

    def behind(self, context: int) -> list[Item]:
        """What goes on where the rule of a context is over."""
        called_in, rule = self._places[context]
        return self._column(called_in).returns[rule]

    def _number(self, kernel: Kernel, left: int) -> int:
        found = self._numbers.get((left, kernel))
        if found is None:
            if self.is_full:
                raise ConstraintError(
                    f"the texts of this grammar came to more than {MAX_STATES:,} states",
                    code=TOO_LARGE,
                    help="nothing more is forced in this text",
                )
            found = self._numbers[left, kernel] = len(self._states)
            self._states.append(_State(kernel, left))
        return found

    def _column(self, state: int) -> _Column:
        """What may be going on in a state: its kernel, the rules that it calls, and those that go on where one ends."""
        known = self._states[state]
        if known.column is None:
            known.column = column = _Column()
            pending = list(known.kernel)  # grows
            seen = set(pending)
            for node, context in pending:
                more = self._after(column, state, node, context)
                pending += [item for item in dict.fromkeys(more) if item not in seen]
                seen.update(more)
        return known.column

    def _after(self, column: _Column, state: int, node: int, context: int) -> list[Item]:
        """What an item leads to without a byte."""
        nfa = self.nfa
        column.edges += [(low, high, target, context) for low, high, target in nfa.edges[node]]
        more = [(target, context) for target in nfa.silent[node]]
        for rule, target in nfa.calls[node]:
            if nfa.is_last[target]:
                more.append((nfa.starts[rule], context))
                continue
            column.returns.setdefault(rule, []).append((target, context))
            more.append((nfa.starts[rule], self._context(state, rule)))
            if rule in nfa.nullable:
                more.append((target, context))
        return more + self._ended(column, state, context) if nfa.is_end[node] else more

    def _ended(self, column: _Column, state: int, context: int) -> list[Item]:
        """What goes on where a rule is over."""
        if context == ROOT:
            column.is_accepting = True
            return []
        called_in, rule = self._places[context]
        # a rule that is over where it began was empty, and the call has seen to that
        return [] if called_in == state else self._column(called_in).returns[rule]

    def _context(self, state: int, rule: int) -> int:
        found = self._contexts.get((state, rule))
        if found is None:
            found = self._contexts[state, rule] = len(self._places)
            self._places.append((state, rule))
        return found


def _segments(edges: list[tuple[int, int, int, int]]) -> list[tuple[int, int, Kernel]]:
    """(first byte, last byte, the items that they lead to), in order."""
    cuts = sorted({low for low, *_ in edges} | {high + 1 for _, high, *_ in edges})
    found = []
    for low, after in pairwise(cuts):
        kernel = frozenset((target, context) for first, last, target, context in edges if first <= low <= last)
        if kernel:
            found.append((low, after - 1, kernel))
    return found


def _left(before: int, byte: int) -> int:
    """How many bytes a character lacks after one more."""
    if byte < 0x80:
        return 0
    if byte < 0xC0:
        return max(0, before - 1)
    return 1 if byte < 0xE0 else 2 if byte < 0xF0 else 3
