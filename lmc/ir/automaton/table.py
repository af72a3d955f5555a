"""A finished automaton over bytes as a table, minimised: equal languages give equal tables.

Made from a lazy ByteDfa of which every state is reached; states are numbered breadth first, so that a table is a
value: its digest names the language.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from lmc.ir.automaton.algebra import states
from lmc.ir.automaton.bytes import ByteDfa
from lmc.ir.automaton.dfa import DEAD


@dataclass(frozen=True, slots=True)
class ByteTable:
    """States from 1, DEAD is 0; `next[state][class_of[byte]]`, row 0 is DEAD throughout.

    class_of   [256] byte -> class, numbered by first byte
    start      1, or DEAD where nothing is accepted
    """

    class_of: bytes
    next: tuple[tuple[int, ...], ...]
    accepting: frozenset[int]

    @property
    def start(self) -> int:
        return 1 if len(self.next) > 1 else DEAD

    def moves(self, state: int) -> list[tuple[int, int]]:
        """(byte class, next state) for every class that leads on."""
        return [(cls, target) for cls, target in enumerate(self.next[state]) if target != DEAD]

    def step(self, state: int, byte: int) -> int:
        """The state after one more byte."""
        return self.next[state][self.class_of[byte]]

    def is_accepting(self, state: int) -> bool:
        """Whether a text may end here."""
        return state in self.accepting

    def accepts(self, text: bytes) -> bool:
        """Whether these bytes are in the language."""
        state = self.start
        for byte in text:
            state = self.step(state, byte)
        return state in self.accepting

    def digest(self) -> str:
        """SHA-256 of the language: the same for every automaton of it."""
        content = repr((self.class_of, self.next, sorted(self.accepting)))
        return hashlib.sha256(content.encode()).hexdigest()


def minimise(dfa: ByteDfa) -> ByteTable:
    """The one smallest automaton of the language (Moore: split groups until no byte tells two states apart).

    Raises ConstraintError (LMC-CN004) where there are too many states.
    """
    live = list(states(dfa))
    rows = {state: tuple(dfa.row(state)) for state in live}
    group = _groups(dfa, live, rows)
    members: dict[int, int] = {}  # one state of each group
    for state in live:
        members.setdefault(group[state], state)
    columns = [tuple(group.get(rows[m][cls], DEAD) for m in members.values()) for cls in range(dfa.num_classes)]
    class_of, kept = _merged_classes(dfa.class_of, columns)
    order = {group[state]: number for number, state in enumerate(members.values(), 1)}
    order = {DEAD: DEAD, **order}
    table = [tuple(DEAD for _ in kept)]
    table += [tuple(order[group.get(rows[m][cls], DEAD)] for cls in kept) for m in members.values()]
    accepting = frozenset(order[g] for g, m in members.items() if dfa.is_accepting(m))
    return _breadth_first(ByteTable(class_of, tuple(table), accepting))


def _groups(dfa: ByteDfa, live: list[int], rows: dict[int, tuple[int, ...]]) -> dict[int, int]:
    """By state the number of its group, from 1; DEAD is in group 0."""
    group = {DEAD: DEAD, **{state: 1 + dfa.is_accepting(state) for state in live}}
    count = len(set(group.values()))
    while True:
        names: dict[tuple[int, ...], int] = {}
        split = {DEAD: DEAD}
        for state in live:
            signature = (group[state], *(group[target] for target in rows[state]))
            split[state] = names.setdefault(signature, len(names) + 1)
        group = split
        if len(names) + 1 == count:
            return group
        count = len(names) + 1


def _merged_classes(class_of: bytes, columns: list[tuple[int, ...]]) -> tuple[bytes, list[int]]:
    """Byte classes with equal columns made one: class by byte, and an old class of each new one."""
    names: dict[tuple[int, ...], int] = {}
    kept: list[int] = []
    merged = []
    for byte in range(256):
        cls = class_of[byte]
        if columns[cls] not in names:
            names[columns[cls]] = len(names)
            kept.append(cls)
        merged.append(names[columns[cls]])
    return bytes(merged), kept


def _breadth_first(table: ByteTable) -> ByteTable:
    """A table with its states numbered in the order in which a walk by classes first meets them."""
    order = {DEAD: DEAD}
    for number, state in enumerate(states(table), 1):
        order[state] = number
    rows = sorted((new, old) for old, new in order.items())
    next = tuple(tuple(order[target] for target in table.next[old]) for _, old in rows)
    return ByteTable(table.class_of, next, frozenset(order[state] for state in table.accepting))
