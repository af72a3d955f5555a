"""From regex trees to nodes over one alphabet; look-behinds are numbered, inner ones first."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce

from lmc.ir.automaton.alphabet import Alphabet
from lmc.ir.automaton.multiples import MultiplesDfa
from lmc.ir.automaton.nodes import ALWAYS, InnerAutomaton, Nodes, RegexNode
from lmc.ir.ranges import Ranges
from lmc.ir.regex import Alt, And, Atomic, Chars, Look, Multiples, Not, RegexTree, Repeat, Seq, Whole
from lmc.ir.work import steps


class TreeLowering:
    """Makes nodes of trees; `behinds` are the bodies of the look-behinds met so far.

    `automaton` makes an automaton over the alphabet for what is a text of its own.
    """

    def __init__(self, alphabet: Alphabet, nodes: Nodes, automaton: Callable[[RegexTree], InnerAutomaton]) -> None:
        self.behinds: list[RegexNode] = []
        self._alphabet = alphabet
        self._nodes = nodes
        self._automaton = automaton
        self._numbers: dict[RegexNode, int] = {}
        self._singles: dict[Ranges, RegexNode] = {}
        self._wholes: dict[RegexTree, RegexNode] = {}
        # by identity: a tree may hold one part in many places, and hashing it would walk them all
        self._done: dict[tuple[int, bool], tuple[RegexTree, RegexNode]] = {}

    def node(self, tree: RegexTree, in_atomic: bool = False) -> RegexNode:
        """The node of a tree. Inside an atomic group preferences are kept, elsewhere they mean nothing."""
        found = self._done.get((id(tree), in_atomic))
        if found is None:
            found = self._done[id(tree), in_atomic] = (tree, self._node(tree, in_atomic))
        return found[1]

    def _node(self, tree: RegexTree, in_atomic: bool) -> RegexNode:
        nodes = self._nodes
        steps(2)
        match tree:
            case Chars(ranges):
                return self._chars(ranges)
            case Seq(items):
                return self._row(items, in_atomic)
            case Alt(options):
                return nodes.alt([self.node(option, in_atomic) for option in options])
            case Repeat(item, low, high, lazy):
                inner = self.node(item, in_atomic)
                free = inner.nullable and not in_atomic  # turns that match nothing make up any least number
                return nodes.repeat(inner, 0 if free else low, high, lazy and in_atomic)
            case And(parts):
                return reduce(nodes.both, [self.node(part) for part in parts])
            case Not(item):
                return nodes.negate(self.node(item))
            case Look():
                return self._look(tree)
            case Atomic(item):
                return nodes.atomic(self.node(item, in_atomic=True))
            case Whole(item):
                assert not in_atomic  # an automaton has no order of preference
                return self._whole(item)
            case Multiples():
                return self._whole(tree)

    def _row(self, items: tuple[RegexTree, ...], in_atomic: bool) -> RegexNode:
        """Items one after another: most are single characters, and those are made together."""
        nodes, singles = self._nodes, self._singles
        steps(len(items))
        tail = nodes.empty
        text: list[RegexNode] = []  # the characters before the tail, the last one first
        for item in reversed(items):
            if isinstance(item, Chars):
                found = singles.get(item.ranges) or self._chars(item.ranges)
                if found is not nodes.fail:
                    text.append(found)
                    continue
            else:
                found = self.node(item, in_atomic)
            tail = nodes.cat(found, nodes.text(text, tail))
            text = []
        return nodes.text(text, tail)

    def _chars(self, ranges: Ranges) -> RegexNode:
        """One character: most parts of a schema's texts are, and few of them differ."""
        found = self._singles.get(ranges)
        if found is None:
            found = self._singles[ranges] = self._nodes.chars(self._alphabet.mask(ranges))
        return found

    def _whole(self, item: RegexTree) -> RegexNode:
        """Equal texts of their own are one node, in whatever trees they stand."""
        if item not in self._wholes:
            automaton = self._inner(item)
            self._wholes[item] = self._nodes.whole(automaton, automaton.start)
        return self._wholes[item]

    def _inner(self, item: RegexTree) -> InnerAutomaton:
        return MultiplesDfa(item, self._alphabet) if isinstance(item, Multiples) else self._automaton(item)

    def _look(self, look: Look) -> RegexNode:
        body = self.node(look.body)
        if not look.behind:
            begin = frozenset(((self._nodes.cat(body, self._nodes.any), ALWAYS),))
            return self._nodes.look(not look.negated, begin, body.behinds)
        if body not in self._numbers:
            self._numbers[body] = len(self.behinds)
            self.behinds.append(body)
        number = self._numbers[body]
        return self._nodes.look(not look.negated, number, body.behinds | 1 << number)
