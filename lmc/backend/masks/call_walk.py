"""The bytes of places that call each other as one lazy automaton, each text with a stack of what it goes back to.

A state is a set of items: a state of one place's automaton, and its context. A context is all that may go on behind
the place: pairs of a state and the context of that, or nothing behind the whole text. So two calls of a place at one
byte share one stack, and what is alike further down is one context: a list of any length is in a few states, only
depth makes new ones. (Tomita's graph-structured stack, 1985, read from above.)
"""

from __future__ import annotations

from dataclasses import dataclass, field

from lmc.ir.automaton.bytes import ByteDfa
from lmc.ir.automaton.calls import CallDfa
from lmc.ir.automaton.dfa import DEAD

BOTTOM = 0  # the context of the whole text

Item = tuple[int, int]  # state of the bytes of a place, context
Items = frozenset[Item]


@dataclass(slots=True)
class _State:
    """One state, and what is known of it so far.

    kernel   what the last byte led to
    items    with the places that those call, and what goes on behind those that may be over
    """

    kernel: Items
    items: tuple[Item, ...] | None = None
    is_accepting: bool = False
    targets: dict[int, int] = field(default_factory=dict)
    ways: list[bytes] | None = None


class CallWalk:
    """A ByteWalk over the texts of a place. For one thread at a time."""

    def __init__(self, chars: CallDfa) -> None:
        self.chars = chars
        self.dfa = ByteDfa(chars)
        self._states = [_State(frozenset(), ())]
        self._numbers: dict[Items, int] = {frozenset(): DEAD}
        self._contexts: list[Items] = [frozenset()]
        self._context_numbers: dict[Items, int] = {}
        self._exits: dict[int, tuple[tuple[Item, ...], bool]] = {}
        self.start = self.at_place(0)

    def __len__(self) -> int:
        """States made so far, DEAD among them."""
        return len(self._states)

    @property
    def class_of(self) -> bytes:
        """By byte its class; bytes of one class lead to the same."""
        return self.dfa.class_of

    def at_place(self, place: int) -> int:
        """The state before any byte of a text of one of the places."""
        start = self.chars.starts[place]
        return self._number(frozenset(((self.dfa.at_char(start), BOTTOM),))) if start != DEAD else DEAD

    def step(self, state: int, byte: int) -> int:
        """The state after one more byte, DEAD where no text goes on so."""
        targets = self._states[state].targets
        cls = self.dfa.class_of[byte]
        found = targets.get(cls)
        if found is None:
            step = self.dfa.step
            after = ((step(at, byte), context) for at, context in self.items(state))
            found = targets[cls] = self._number(frozenset(item for item in after if item[0] != DEAD))
        return found

    def run(self, text: bytes, state: int | None = None) -> int:
        """The state after some bytes."""
        at = self.start if state is None else state
        for byte in text:
            at = self.step(at, byte)
        return at

    def is_accepting(self, state: int) -> bool:
        """Whether a text may end here."""
        self.items(state)
        return self._states[state].is_accepting

    def goes_on(self, state: int) -> bool:
        """Whether any byte may come next."""
        return any(self.dfa.goes_on(at) for at, _ in self.items(state))

    def is_whole(self, state: int) -> bool:
        """Whether what led here ends where a character does."""
        return all(self.dfa.is_whole(at) for at, _ in self._states[state].kernel)

    def ways(self, state: int) -> list[bytes]:
        """The bytes that may come next, those that lead to the same together."""
        known = self._states[state]
        if known.ways is None:
            rows = [self.dfa.row(at) for at, _ in self.items(state)]
            groups: dict[tuple[int, ...], bytes] = {}
            for cls, targets in enumerate(zip(*rows)):
                if any(targets):
                    groups[targets] = groups.get(targets, b"") + self.dfa.bytes_of(cls)
            known.ways = list(groups.values())
        return known.ways

    def items(self, state: int) -> tuple[Item, ...]:
        """All that may be going on in a state."""
        known = self._states[state]
        if known.items is None:
            known.items, known.is_accepting = self._closed(known.kernel)
        return known.items

    def behind(self, context: int) -> Items:
        """What may go on where a place in this context is over."""
        return self._contexts[context]

    def exits(self, at: int) -> tuple[tuple[Item, ...], bool]:
        """(state in which a place begins that may come next, state behind it); and whether this place may be over."""
        found = self._exits.get(at)
        if found is None:
            char_state = self.dfa.char_state(at)
            if char_state is None:
                found = ((), False)
            else:
                calls = self.chars.calls(char_state)
                number = self.dfa.at_char
                begun = tuple((number(self.chars.starts[place]), number(behind)) for place, behind in calls)
                found = begun, self.chars.is_accepting(char_state)
            self._exits[at] = found
        return found

    def _closed(self, kernel: Items) -> tuple[tuple[Item, ...], bool]:
        """The items of a kernel with those that they lead to without a byte; whether the whole text may be over."""
        items = dict.fromkeys(sorted(kernel))
        calls: dict[int, set[Item]] = {}
        pending, is_accepting = list(items), False
        for at, context in pending:  # grows
            calls_here, may_be_over = self.exits(at)
            for start, behind in calls_here:
                calls.setdefault(start, set()).add((behind, context))
            if may_be_over:
                is_accepting = is_accepting or context == BOTTOM
                new = [item for item in sorted(self._contexts[context]) if item not in items]
                items |= dict.fromkeys(new)
                pending += new
        # no place that is called begins with a call, so that these call nothing themselves
        for start, returns in calls.items():
            items[start, self._context(frozenset(returns))] = None
        return tuple(items), is_accepting

    def _context(self, behind: Items) -> int:
        found = self._context_numbers.get(behind)
        if found is None:
            found = self._context_numbers[behind] = len(self._contexts)
            self._contexts.append(behind)
        return found

    def _number(self, kernel: Items) -> int:
        found = self._numbers.get(kernel)
        if found is None:
            found = self._numbers[kernel] = len(self._states)
            self._states.append(_State(kernel))
        return found
