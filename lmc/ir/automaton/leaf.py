"""Where a node has a part that is the same in many constraints: a string up to its quote, a number up to its end.

A node is a chain of parts. `Leaves.split` cuts it into a head with a language of its own and the rest after it: a token
is a beginning of the node exactly where it is one of the head, or a text of the head and then a beginning of the rest.
What the head says of a vocabulary does not depend on the rest, so it can be learnt once, for all rests and all
constraints; `Moved` says heads over the classes that they tell apart themselves, in which equal heads are one.
"""

from __future__ import annotations

from typing import NamedTuple

from lmc.ir.automaton.alphabet import NO_CLASS, Alphabet
from lmc.ir.automaton.heads import ENDLESS, MAX_DEPTH, HeadNodes
from lmc.ir.automaton.linear import split
from lmc.ir.automaton.nodes import Nodes, RegexNode
from lmc.ir.ranges import LAST

QUOTE = '"'
ESCAPE = "\\"
NUMBER = "+-.0123456789eE"
WIDE = 8  # characters of ASCII that may begin a head: below, its tokens are few
MAX_CHAIN = 40  # parts of a chain that are looked through for a quote


class HeadAndRest(NamedTuple):
    """A node as a head, which ends with a quote where it is a string, and the rest after it."""

    head: RegexNode
    rest: RegexNode
    is_string: bool


class Coarse(NamedTuple):
    """The classes that some sets tell apart.

    key      equal for equal sets of characters, whatever alphabet they were made of
    classes  the new class by old class
    """

    key: tuple[tuple[int, ...], tuple[int, ...]]
    alphabet: Alphabet
    classes: list[int]


class Leaves:
    """The heads of nodes of one alphabet and one maker of nodes."""

    def __init__(self, alphabet: Alphabet, nodes: Nodes) -> None:
        self._alphabet = alphabet
        self._nodes = nodes
        self._quote = _mask_within(alphabet, QUOTE)
        self._escape = _mask_within(alphabet, ESCAPE)
        self._number = _mask_within(alphabet, NUMBER)
        self._ascii = [0] * alphabet.num_classes
        for code in range(128):
            self._ascii[alphabet.class_of(code)] += 1
        self._wide: dict[int, bool] = {}
        self._firsts: dict[RegexNode, int] = {}
        self._masks: dict[RegexNode, frozenset[int] | None] = {}
        self._found: dict[RegexNode, HeadAndRest | None] = {}
        self._coarse: dict[frozenset[int], Coarse] = {}
        self._longest: dict[RegexNode, int | None] = {}

    def split(self, node: RegexNode) -> HeadAndRest | None:
        """The wide head of a node that ends with a quote or is a number, and the rest; None where it has none."""
        if node not in self._found:
            self._found[node] = None if node.behinds else self._split(node)
        return self._found[node]

    def is_wide(self, mask: int) -> bool:
        """Whether classes hold many characters."""
        found = self._wide.get(mask)
        if found is None:
            count = sum(count for cls, count in enumerate(self._ascii) if mask >> cls & 1)
            found = self._wide[mask] = count >= WIDE
        return found

    def coarse(self, head: RegexNode) -> Coarse:
        """The classes that a head tells apart."""
        masks = self._masks_of(head)
        assert masks is not None
        if masks not in self._coarse:
            self._coarse[masks] = _merged(self._alphabet, masks)
        return self._coarse[masks]

    def longest(self, head: RegexNode) -> int:
        """Characters of a head's longest text without a backslash, or more."""
        found = self._longest_of(head)
        return 0 if found is None else found

    def _longest_of(self, node: RegexNode) -> int | None:
        """The same of any part of one; None where each of its texts has a backslash."""
        if node not in self._longest:
            self._longest[node] = self._measured(node)
        return self._longest[node]

    def _measured(self, node: RegexNode) -> int | None:
        if node.kind == "chars":
            return None if node.value == self._escape else 1
        if node.kind in ("empty", "not"):
            return 0 if node.kind == "empty" else ENDLESS
        found = [self._longest_of(part) for part in node.parts]
        known = [longest for longest in found if longest is not None]
        match node.kind:
            case "alt":
                return max(known, default=None)
            case "repeat":
                low, high, _ = node.bounds
                turns = ENDLESS if high is None else high
                return min(ENDLESS, turns * known[0]) if known else None if low else 0
            case _ if len(known) < len(found):
                return None
            case "and":
                return min(known)
            case _:
                return min(ENDLESS, sum(known))

    def _split(self, node: RegexNode) -> HeadAndRest | None:
        first = node.parts[0] if node.kind == "cat" else node
        if not self._is_quote(first) and not self.is_wide(self._first(first)):
            return None  # as most are
        parts = _chain(node)
        quoted = self._up_to_quote(parts)
        found = quoted or self._up_to_number(parts)
        if not found or any(self._masks_of(part) is None for part in parts[:found]):
            return None
        rest = self._nodes.empty
        for part in reversed(parts[found:]):
            rest = self._nodes.cat(part, rest)
        head = self._nodes.empty
        for part in reversed(parts[:found]):
            head = self._nodes.cat(part, head)
        return HeadAndRest(head, rest, quoted > 0)

    def _up_to_quote(self, parts: list[RegexNode]) -> int:
        """How many parts a string has up to its closing quote; the first of them may be its opening one."""
        begin = 1 if self._is_quote(parts[0]) else 0
        if begin >= len(parts) or not self.is_wide(self._first(parts[begin])):
            return 0
        ends = (at + 1 for at in range(begin + 1, len(parts)) if self._is_quote(parts[at]))
        return next(ends, 0)

    def _up_to_number(self, parts: list[RegexNode]) -> int:
        """How many parts are a number, where what comes after them begins with no character that numbers have."""
        end = next((at for at, part in enumerate(parts) if not self._is_numeric(part)), len(parts))
        if not end or not self.is_wide(self._first(parts[0])):
            return 0
        for part in parts[end:]:
            if self._first(part) & self._number:
                return 0
            if part.nullable is False:
                break
        return end

    def _is_quote(self, part: RegexNode) -> bool:
        return self._quote != 0 and part.kind == "chars" and part.value == self._quote

    def _is_numeric(self, part: RegexNode) -> bool:
        if self._first(part) | self._number != self._number:
            return False  # before all that it has is looked through
        masks = self._masks_of(part)
        return masks is not None and part.plain and all(mask | self._number == self._number for mask in masks)

    def _first(self, node: RegexNode) -> int:
        """The classes that may begin a text of a node, or more."""
        found = self._firsts.get(node)
        if found is None:
            found = self._firsts[node] = self._begins(node)
        return found

    def _begins(self, node: RegexNode) -> int:
        match node.kind:
            case "chars":
                assert isinstance(node.value, int)
                return node.value
            case "cat":
                found = self._first(node.parts[0])
                while node.kind == "cat" and node.parts[0].nullable is not False:
                    node = node.parts[1]
                    found |= self._first(node.parts[0] if node.kind == "cat" else node)
                return found
            case "alt":
                found = 0
                for part in node.parts:
                    found |= self._first(part)
                return found
            case "repeat" | "atomic":
                return self._first(node.parts[0])
            case "and":
                return self._first(node.parts[0]) & self._first(node.parts[1])
            case "empty" | "look":
                return 0
            case _:
                return self._nodes.full

    def _masks_of(self, node: RegexNode) -> frozenset[int] | None:
        """The sets of characters in a node; None where a part of it means something only where it stands."""
        if node not in self._masks:
            self._masks[node] = self._sets(node)
        return self._masks[node]

    def _sets(self, node: RegexNode) -> frozenset[int] | None:
        if node.kind in ("look", "atomic", "whole") or node.depth > MAX_DEPTH:
            return None
        if node.kind == "chars":
            assert isinstance(node.value, int)
            return frozenset((node.value,)) if node.value else frozenset()
        found: frozenset[int] = frozenset()
        for part in node.parts:
            masks = self._masks_of(part)
            if masks is None:
                return None
            if not masks <= found:
                found |= masks
        return found


class Moved:
    """Nodes of one maker said by another, over coarser classes, with no more counts than they need."""

    def __init__(self, coarse: Coarse, made: HeadNodes) -> None:
        self._classes = coarse.classes
        self._made = made
        self._masks: dict[int, int] = {}
        self._done: dict[RegexNode, RegexNode] = {}

    def node(self, node: RegexNode) -> RegexNode:
        """The node over the new classes."""
        found = self._done.get(node)
        if found is None:
            if node.kind == "chars":
                assert isinstance(node.value, int)
                found = self._made.nodes.chars(self._mask(node.value))
            else:
                found = self._made.of(node, list(map(self.node, node.parts)))
            self._done[node] = found
        return found

    def _mask(self, mask: int) -> int:
        found = self._masks.get(mask)
        if found is None:
            found = 0
            for cls, coarse in enumerate(self._classes):
                if mask >> cls & 1:
                    found |= 1 << coarse
            self._masks[mask] = found
        return found


def _chain(node: RegexNode) -> list[RegexNode]:
    """The first parts of a node, and the rest as the last one."""
    parts: list[RegexNode] = []
    while node.kind == "cat" and len(parts) < MAX_CHAIN:
        parts.append(node.parts[0])
        node = node.parts[1]
    return [*parts, node]


def _mask_within(alphabet: Alphabet, chars: str) -> int:
    """The classes that hold none but these characters."""
    codes = frozenset(map(ord, chars))
    inside = {alphabet.class_of(code) for code in codes} - {NO_CLASS}
    for start, end, cls in zip(alphabet.starts, [*alphabet.starts[1:], LAST + 1], alphabet.classes):
        if cls in inside and (end - start > len(codes) or any(code not in codes for code in range(start, end))):
            inside.discard(cls)
    found = 0
    for cls in inside:
        found |= 1 << cls
    return found


def _merged(alphabet: Alphabet, masks: frozenset[int]) -> Coarse:
    """The coarsest classes of which each of the masks is made."""
    parts = split(alphabet.full, sorted(masks))
    part_of = [0] * alphabet.num_classes
    for at, part in enumerate(parts):
        while part:
            part_of[(part & -part).bit_length() - 1] = at
            part &= part - 1
    numbers: dict[int, int] = {}
    starts: list[int] = []
    classes: list[int] = []
    for start, cls in zip(alphabet.starts, alphabet.classes):
        found = NO_CLASS if cls == NO_CLASS else numbers.setdefault(part_of[cls], len(numbers))
        if not classes or classes[-1] != found:
            starts.append(start)
            classes.append(found)
    coarse = [numbers[part] for part in part_of]
    return Coarse((tuple(starts), tuple(classes)), Alphabet.of_classes(starts, classes), coarse)
