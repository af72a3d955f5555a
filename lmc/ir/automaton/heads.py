"""Heads of nodes, with no more counts than a token sees.

`HeadNodes` makes nodes and leaves out what the rest of them implies. `LooseHeads` leaves out the ends of long counts.
"""

from __future__ import annotations

from lmc.ir.automaton.dfa import CharDfa
from lmc.ir.automaton.ends import FarthestEnds
from lmc.ir.automaton.nodes import RegexNode

REACH = 33  # characters of a token beyond which it is looked at by itself
ENDLESS = 1 << 30
MAX_DEPTH = 200  # of parts within one another, or in a row, that are looked through


class HeadNodes:
    """Makes nodes of one automaton that have no looks and no atomic groups."""

    def __init__(self, chars: CharDfa) -> None:
        self._chars = chars
        self.nodes = chars.nodes

    def of(self, node: RegexNode, parts: list[RegexNode]) -> RegexNode:
        """A node of the kind of another one, of these parts."""
        nodes = self.nodes
        match node.kind:
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
        """One after the other. A count beside any number of such items is its least: `.*a{1,9}` is `.*a`."""
        second = tail.parts[0] if tail.kind == "cat" else tail
        if head.kind == second.kind == "repeat":
            if self._is_any_of(second, head.parts[0]):
                head = self.nodes.repeat(head.parts[0], head.bounds[0], head.bounds[0])
            elif self._is_any_of(head, second.parts[0]):
                second = self.nodes.repeat(second.parts[0], second.bounds[0], second.bounds[0])
                tail = self.nodes.cat(second, tail.parts[1]) if tail.kind == "cat" else second
        return self.nodes.cat(head, tail)

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
        return self.nodes.both(left, right)

    def _within_rows(self, kept: RegexNode, other: RegexNode) -> RegexNode | None:
        """What `other` asks of a row of items where it is `no row of them, or this`, and `kept` is such rows."""
        inner = other.parts[0] if other.kind == "not" else None
        if inner is None or inner.kind != "and":
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


class LooseHeads:
    """Heads of one automaton as far as one token sees them.

    A token of up to REACH characters does not see where a long count ends: counts that are not near their end are one.
    What is said so holds no text less, and for tokens of as many characters as its slack says it holds the same.
    """

    def __init__(self, chars: CharDfa, made: HeadNodes) -> None:
        self._chars = chars
        self._made = made
        self._ends = FarthestEnds(chars)
        self._done: dict[RegexNode, tuple[RegexNode, int]] = {}

    def node(self, node: RegexNode) -> tuple[RegexNode, int]:
        """The node as it is said, and the slack."""
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
            return self._of(node, [part for part, _ in parts]), slack
        low, high, lazy = node.bounds
        if high is not None and high > REACH:
            slack, high = min(slack, high - 1), None
        if low > REACH + 1:
            low, slack = REACH + 1, min(slack, REACH)
        return self._made.nodes.repeat(parts[0][0], low, high, lazy), slack

    def _unbounded(self, node: RegexNode) -> tuple[RegexNode, int]:
        """A node with complements or intersections, of which anything may depend on a count.

        Its long counts are left unbounded where each text of it can be ended before the first of them would end: no
        text is longer then than what it counts.
        """
        loose, bound = self._loosely(node)
        if bound < ENDLESS:
            farthest = self._ends.of(self._chars.at((loose,)))
            if farthest is None or bound - farthest < REACH:
                return node, ENDLESS
        return loose, bound - (0 if bound == ENDLESS else farthest or 0)

    def _loosely(self, node: RegexNode) -> tuple[RegexNode, int]:
        """The node without the ends of long counts, and the least of these."""
        if node.kind == "not":
            return node, ENDLESS  # there it would hold less
        found = [self._loosely(part) for part in node.parts]
        bound = min((inner for _, inner in found), default=ENDLESS)
        parts = [part for part, _ in found]
        if node.kind != "repeat":
            return self._of(node, parts), bound
        low, high, lazy = node.bounds
        if high is not None and high > REACH:
            bound, high = min(bound, high), None
        return self._made.nodes.repeat(parts[0], low, high, lazy), bound

    def _of(self, node: RegexNode, parts: list[RegexNode]) -> RegexNode:
        return self._made.of(node, parts) if parts else node


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
