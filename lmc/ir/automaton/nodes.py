"""What is left to match: regex nodes over character classes, normalised and shared, so that equal is identical.

A node is the rest of a pattern: a sequence is a chain of pairs (head, tail). Order of alternatives is kept, since an
atomic group can tell; whatever is rewritten here keeps that order's first success too.
"""

from __future__ import annotations

from itertools import count
from typing import Final, Protocol

from lmc.giving_way import give_way

# a claim on the text around a place: its sign, and the number of a look-behind or the state of a look-ahead
Assertion = tuple[bool, "int | State"]
Condition = frozenset[Assertion]  # all of them hold
# what the rest of a text may be: one of these nodes up to its end, where the condition holds as well
State = frozenset[tuple["RegexNode", Condition]]
ALWAYS: Final[Condition] = frozenset()


class InnerAutomaton(Protocol):
    """What a node needs of an automaton that stands in a pattern: 0 is dead, every other state is live."""

    @property
    def start(self) -> int: ...

    def moves(self, state: int) -> list[tuple[int, int]]: ...

    def is_accepting(self, state: int) -> bool: ...


class RegexNode:
    """One of the kinds below; compared by identity, made by `Nodes` alone.

    serial     counts the nodes of one maker
    nullable   whether it matches the empty text: True or False everywhere, None where that depends on its place
    plain      made of characters, choice, repetition and live states alone, so that it matches something
    depth      parts within one another, or in a row, at most
    least      characters of a text that it matches, or fewer: no shorter one is
    free       without looks and atomic groups, so that what it matches depends on no text around it
    behinds    bit n: look-behind n can be met in it
    items      its linear form, once asked for (see linear.py)
    frame      what it is without the bounds of its repeats, once asked for (see counts.py)
    """

    __slots__ = (
        "behinds",
        "depth",
        "frame",
        "free",
        "items",
        "kind",
        "least",
        "nullable",
        "parts",
        "plain",
        "serial",
        "value",
    )

    behinds: int
    depth: int
    free: bool
    least: int

    def __init__(
        self, serial: int, kind: str, parts: tuple[RegexNode, ...], value: object, nullable: bool | None, plain: bool
    ) -> None:
        self.serial = serial
        self.kind = kind
        self.parts = parts
        self.value = value
        self.nullable = nullable
        self.plain = plain
        if kind == "cat":  # most are
            head, tail = parts
            self.behinds = head.behinds | tail.behinds
            self.depth = 1 + (head.depth if head.depth > tail.depth else tail.depth)
            self.free = head.free and tail.free
            self.least = head.least + tail.least
        else:
            self.behinds = 0
            self.depth = 1
            self.free = kind not in ("look", "atomic")
            for part in parts:
                self.behinds |= part.behinds
                self.free = self.free and part.free
                self.depth = max(self.depth, part.depth + 1)
            self.least = _least(kind, parts, value, nullable)
        self.items: tuple[Item, ...] | None = None
        self.frame: tuple[tuple[object, ...], tuple[tuple[int, float], ...]] | None = None

    def __hash__(self) -> int:
        return self.serial  # not the address: sets of nodes are in the same order in every process

    @property
    def bounds(self) -> tuple[int, int | None, bool]:
        """Of a repeat: least, most, and whether fewer are preferred."""
        assert self.kind == "repeat"
        return self.value  # type: ignore[return-value]


# (condition, classes, rest): under the condition a character of these classes leads to the rest;
# without classes and rest: under the condition the node matches the empty text
Item = tuple[Condition, int, RegexNode | None]


class Nodes:
    """Makes nodes over one alphabet; two equal calls give the same node."""

    def __init__(self, full: int) -> None:
        self._known: dict[tuple[object, ...], RegexNode] = {}
        self._chains: dict[int, RegexNode] = {}  # of two, by their numbers
        self._next = count().__next__
        self.full = full
        self.fail = self._make("chars", (), 0, False, False)
        self.empty = self._make("empty", (), None, True, True)
        self.any = self.repeat(self.chars(full), 0, None)

    def __len__(self) -> int:
        """Nodes made so far."""
        return len(self._known) + len(self._chains)

    def _make(
        self, kind: str, parts: tuple[RegexNode, ...], value: object, nullable: bool | None, plain: bool
    ) -> RegexNode:
        key = (kind, value, *[part.serial for part in parts])  # numbers: nodes would be hashed one by one, in Python
        found = self._known.get(key)
        if found is None:
            give_way()
            found = self._known[key] = RegexNode(self._next(), kind, parts, value, nullable, plain)
        return found

    def _chain(self, head: RegexNode, tail: RegexNode, nullable: bool | None) -> RegexNode:
        """Most nodes are these: they are told apart by one number."""
        key = head.serial << 40 | tail.serial
        found = self._chains.get(key)
        if found is None:
            give_way()
            plain = head.plain and tail.plain
            found = self._chains[key] = RegexNode(self._next(), "cat", (head, tail), None, nullable, plain)
        return found

    def chars(self, mask: int) -> RegexNode:
        """One character of the classes in `mask`; none matches nothing."""
        return self._make("chars", (), mask, False, True) if mask else self.fail

    def cat(self, head: RegexNode, tail: RegexNode) -> RegexNode:
        """One after the other."""
        if head is self.fail or tail is self.fail:
            return self.fail
        if head.kind == "chars":
            return head if tail is self.empty else self._chain(head, tail, False)
        if head is self.empty or (tail is self.any and head.nullable and head.plain):
            return tail
        if head.kind == "cat":
            return self._chained(head, tail)
        if tail is self.empty:
            return head
        if tail.kind == "cat" and tail.parts[0] is self.any and head.nullable and head.plain:
            return tail
        return self._chain(head, tail, _all(head.nullable, tail.nullable))

    def text(self, backwards: list[RegexNode], tail: RegexNode) -> RegexNode:
        """Characters and then a tail: what `cat` makes of them. The last character comes first; none is `fail`."""
        if tail is self.fail or not backwards:
            return tail
        give_way()
        chains = self._chains
        for head in backwards:
            if tail is self.empty:
                tail = head
                continue
            key = head.serial << 40 | tail.serial
            found = chains.get(key)
            if found is None:
                found = chains[key] = RegexNode(self._next(), "cat", (head, tail), None, False, tail.plain)
            tail = found
        return tail

    def _chained(self, chain: RegexNode, tail: RegexNode) -> RegexNode:
        heads = []
        while chain.kind == "cat":
            heads.append(chain.parts[0])
            chain = chain.parts[1]
        tail = self.cat(chain, tail)
        for head in reversed(heads):
            tail = self.cat(head, tail)
        return tail

    def alt(self, options: list[RegexNode]) -> RegexNode:
        """Any of them, an earlier one preferred."""
        flat: list[RegexNode] = []
        for option in options:
            for part in option.parts if option.kind == "alt" else (option,):
                if part.kind == "chars" and flat and flat[-1].kind == "chars":
                    flat[-1] = self.chars(_mask_of(flat[-1]) | _mask_of(part))
                elif part is not self.fail:
                    flat.append(part)
        kept = tuple(dict.fromkeys(flat))
        if len(kept) < 2:
            return kept[0] if kept else self.fail
        nullable = _any(*(option.nullable for option in kept))
        return self._make("alt", kept, None, nullable, all(option.plain for option in kept))

    def repeat(self, item: RegexNode, low: int, high: int | None, lazy: bool = False) -> RegexNode:
        """`item` from `low` to `high` times, more preferred unless `lazy`."""
        if high == 0 or item is self.empty:
            return self.empty
        if item is self.fail:
            return self.fail if low else self.empty
        if low == high == 1:
            return item
        if item.kind == "repeat" and low < 2 and high is None and item.value == (0, None, False) and not lazy:
            return item
        nullable = True if low == 0 else item.nullable
        return self._make("repeat", (item,), (low, high, lazy), nullable, item.plain)

    def both(self, left: RegexNode, right: RegexNode) -> RegexNode:
        """What both match."""
        if left is right or right is self.any or left is self.fail:
            return left
        if left is self.any or right is self.fail:
            return right
        return self._make("and", (left, right), None, _all(left.nullable, right.nullable), False)

    def negate(self, item: RegexNode) -> RegexNode:
        """Every text that `item` does not match."""
        if item is self.fail:
            return self.any
        if item is self.any:
            return self.fail
        if item.kind == "not":
            return item.parts[0]
        nullable = None if item.nullable is None else not item.nullable
        return self._make("not", (item,), None, nullable, False)

    def look(self, sign: bool, what: int | State, behinds: int) -> RegexNode:
        """The empty text where a look holds (`sign`) or does not."""
        node = self._make("look", (), (sign, what), None, False)
        node.behinds = behinds
        return node

    def whole(self, automaton: InnerAutomaton, state: int) -> RegexNode:
        """What an automaton over the same alphabet accepts from a state on."""
        if not state:
            return self.fail
        return self._make("whole", (), (automaton, state), automaton.is_accepting(state), True)

    def atomic(self, item: RegexNode) -> RegexNode:
        """The first success of `item` alone."""
        if item.kind in ("chars", "empty", "atomic"):
            return item
        return self._make("atomic", (item,), None, False if item.nullable is False else None, False)


def _least(kind: str, parts: tuple[RegexNode, ...], value: object, nullable: bool | None) -> int:
    match kind:
        case "alt":
            return min(part.least for part in parts)
        case "and":
            return max(parts[0].least, parts[1].least)
        case "repeat":
            return parts[0].least * value[0]  # type: ignore[index, no-any-return]
        case "atomic":
            return parts[0].least
        case _:
            return 1 if nullable is False else 0


def _mask_of(node: RegexNode) -> int:
    assert isinstance(node.value, int)
    return node.value


def _all(*claims: bool | None) -> bool | None:
    return False if False in claims else None if None in claims else True


def _any(*claims: bool | None) -> bool | None:
    return True if True in claims else None if None in claims else False
