"""Where a node has a part that is the same in many constraints: a string up to its quote, a number up to its end.

A node is a chain of parts. `Leaves.split` cuts it into a head with a language of its own and the rest after it: a token
is a beginning of the node exactly where it is one of the head, or a text of the head and then a beginning of the rest.
What the head says of a vocabulary does not depend on the rest, so it can be learnt once, for all rests and all
constraints; `Moved` says heads over the classes that they tell apart themselves, in which equal heads are one.
"""

from __future__ import annotations

from typing import NamedTuple

from lmc.ir.automaton.alphabet import NO_CLASS, Alphabet
from lmc.ir.automaton.dfa import CharDfa
from lmc.ir.automaton.ends import FarthestEnds
from lmc.ir.automaton.linear import split
from lmc.ir.automaton.nodes import Nodes, RegexNode
from lmc.ir.ranges import LAST

QUOTE = '"'
ESCAPE = "\\"
NUMBER = "+-.0123456789eE"
WIDE = 8  # characters of ASCII that may begin a head: below, its tokens are few
REACH = 33  # characters of a token beyond which it is looked at by itself
ENDLESS = 1 << 30
MAX_DEPTH = 200  # of parts within one another, or in a row, in a head
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
    """Nodes of one maker said by another, over coarser classes, as far as one token sees them.

    A token of up to REACH characters does not see where a long count ends: counts that are not near their end are one.
    What is said so holds no text less, and for tokens of as many characters as `slack` says it holds the same.
    """

    def __init__(self, coarse: Coarse, chars: CharDfa, ends: FarthestEnds) -> None:
        self._classes = coarse.classes
        self._chars = chars
        self._ends = ends
        self._nodes = chars.nodes
        self._masks: dict[int, int] = {}
        self._done: dict[RegexNode, tuple[RegexNode, int]] = {}
        self._exact: dict[RegexNode, RegexNode] = {}

    def node(self, node: RegexNode) -> tuple[RegexNode, int]:
        """The node over the new classes, and the slack."""
        found = self._done.get(node)
        if found is None:
            found = self._said(node) if node.plain or node.kind == "cat" else self._unbounded(node)
            self._done[node] = found
        return found

    def _said(self, node: RegexNode) -> tuple[RegexNode, int]:
        """A plain node, or a chain, whose parts stand each for itself."""
        parts = [self.node(part) for part in node.parts]
        slack = min((inner for _, inner in parts), default=ENDLESS)
        if node.kind != "repeat":
            return self._made(node, [part for part, _ in parts]), slack
        low, high, lazy = node.bounds
        if high is not None and high > REACH:
            slack, high = min(slack, high - 1), None
        if low > REACH + 1:
            low, slack = REACH + 1, min(slack, REACH)
        return self._nodes.repeat(parts[0][0], low, high, lazy), slack

    def _unbounded(self, node: RegexNode) -> tuple[RegexNode, int]:
        """A node with complements or intersections, of which anything may depend on a count.

        Its long counts are left unbounded where each text of it can be ended before the first of them would end: no
        text is longer then than what it counts.
        """
        loose, bound = self._loosely(node)
        if bound < ENDLESS:
            farthest = self._ends.of(self._chars.at((loose,)))
            if farthest is None or bound - farthest < REACH:
                return self._exactly(node), ENDLESS
        return loose, bound - (0 if bound == ENDLESS else farthest or 0)

    def _loosely(self, node: RegexNode) -> tuple[RegexNode, int]:
        """The node without the ends of long counts, and the least of these."""
        if node.kind == "not":
            return self._exactly(node), ENDLESS  # there it would hold less
        found = [self._loosely(part) for part in node.parts]
        bound = min((inner for _, inner in found), default=ENDLESS)
        parts = [part for part, _ in found]
        if node.kind != "repeat":
            return self._made(node, parts), bound
        low, high, lazy = node.bounds
        if high is not None and high > REACH:
            bound, high = min(bound, high), None
        return self._nodes.repeat(parts[0], low, high, lazy), bound

    def _exactly(self, node: RegexNode) -> RegexNode:
        """The node with all that it counts."""
        found = self._exact.get(node)
        if found is None:
            found = self._exact[node] = self._made(node, [self._exactly(part) for part in node.parts])
        return found

    def _made(self, node: RegexNode, parts: list[RegexNode]) -> RegexNode:
        nodes = self._nodes
        match node.kind:
            case "chars":
                assert isinstance(node.value, int)
                return nodes.chars(self._mask(node.value))
            case "empty":
                return nodes.empty
            case "cat":
                return self._cat(*parts)
            case "alt":
                return nodes.alt(parts)
            case "repeat":
                return nodes.repeat(parts[0], *node.bounds)
            case "and":
                return self._both(*parts)
            case "not":
                return nodes.negate(parts[0])
            case _:
                raise AssertionError(node.kind)

    def _cat(self, head: RegexNode, tail: RegexNode) -> RegexNode:
        """One after the other. Beside any number of items, a count of some of them is its least: `.*a{1,9}` is `.*a`."""
        second = tail.parts[0] if tail.kind == "cat" else tail
        if head.kind == second.kind == "repeat":
            if self._is_any_of(second, head.parts[0]):
                head = self._nodes.repeat(head.parts[0], head.bounds[0], head.bounds[0])
            elif self._is_any_of(head, second.parts[0]):
                second = self._nodes.repeat(second.parts[0], second.bounds[0], second.bounds[0])
                tail = self._nodes.cat(second, tail.parts[1]) if tail.kind == "cat" else second
        return self._nodes.cat(head, tail)

    def _is_any_of(self, repeat: RegexNode, item: RegexNode) -> bool:
        """Whether it is any number of items, of which one is as good as another `item`."""
        return repeat.bounds[:2] == (0, None) and _is_among(item, repeat.parts[0])

    def _both(self, left: RegexNode, right: RegexNode) -> RegexNode:
        """Both, without a side that the other one implies: a count of items of what has as many."""
        for kept, other in ((left, right), (right, left)):
            if other.kind == "repeat" and other.bounds[1] is None and self._is_counted(kept, other):
                return kept
            if (wanted := self._within_rows(kept, other)) is not None:
                return self._both(kept, wanted)
        return self._nodes.both(left, right)

    def _within_rows(self, kept: RegexNode, other: RegexNode) -> RegexNode | None:
        """What `other` asks of a row of items where it is `no row of them, or this`, and `kept` is such rows."""
        inner = other.parts[0] if other.kind == "not" else other
        if inner.kind != "and" or other.kind != "not":
            return None
        for rows, refused in (inner.parts, inner.parts[::-1]):
            if refused.kind == "not" and rows.kind == "repeat" and rows.bounds[:2] == (0, None):
                return refused.parts[0] if self._is_counted(kept, rows) else None
        return None

    def _is_counted(self, kept: RegexNode, count: RegexNode) -> bool:
        item = count.parts[0]
        if not count.plain or item.nullable is not False or kept.depth > MAX_DEPTH:
            return False
        least = self._chars.least_items(kept, item)
        return least is not None and count.bounds[0] <= least

    def _mask(self, mask: int) -> int:
        found = self._masks.get(mask)
        if found is None:
            found = 0
            for cls, coarse in enumerate(self._classes):
                if mask >> cls & 1:
                    found |= 1 << coarse
            self._masks[mask] = found
        return found


def _is_among(item: RegexNode, items: RegexNode) -> bool:
    """Whether every text of one node is one of the other's, where that is plain."""
    return all(
        any(_is_writing_of(ours, theirs) for theirs in (items.parts if items.kind == "alt" else (items,)))
        for ours in (item.parts if item.kind == "alt" else (item,))
    )


def _is_writing_of(ours: RegexNode, theirs: RegexNode) -> bool:
    """The same of one option each: characters, or a row of them."""
    while ours.kind == theirs.kind == "cat":
        if not _is_writing_of(ours.parts[0], theirs.parts[0]):
            return False
        ours, theirs = ours.parts[1], theirs.parts[1]
    if ours.kind != "chars" or theirs.kind != "chars":
        return False
    assert isinstance(ours.value, int) and isinstance(theirs.value, int)
    return ours.value | theirs.value == theirs.value


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
