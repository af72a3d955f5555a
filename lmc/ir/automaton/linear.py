"""Linear forms: what a node can do next, as a list of items in the order in which backtracking would try them.

An item is a character and the rest after it, or the empty match, each under a condition on the text around the
place. They are Antimirov's partial derivatives with three things added: conditions (looks), order (atomic groups),
and rules for `&` and `~`. The form of a node is computed once and kept on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import product

from lmc.errors import ConstraintError
from lmc.ir.automaton.nodes import ALWAYS, Assertion, Condition, InnerAutomaton, Item, Nodes, RegexNode, State

MAX_SPLIT = 10  # conditional parts under one complement: each way they can hold is a case of its own
MAX_PAIRS = 4  # of ways that two sides of an intersection can go on, above which each side is made one
MAX_COUNTED_PAIRS = 64  # the same beside a count, which is known again only where it stands by itself
ACCEPT: Item = (ALWAYS, 0, None)


class LinearForms:
    """The linear forms of nodes from one maker."""

    def __init__(self, nodes: Nodes) -> None:
        self.nodes = nodes

    def items(self, node: RegexNode) -> tuple[Item, ...]:
        """The linear form of a node, without repetitions."""
        if node.items is None:
            node.items = tuple(dict.fromkeys(self._items(node)))
        return node.items

    def _items(self, node: RegexNode) -> Iterable[Item]:
        match node.kind:
            case "empty":
                return (ACCEPT,)
            case "chars":
                assert isinstance(node.value, int)
                return ((ALWAYS, node.value, self.nodes.empty),) if node.value else ()
            case "cat":
                return self._cat(*node.parts)
            case "alt":
                return (item for option in node.parts for item in self.items(option))
            case "repeat":
                return self._repeat(node)
            case "look":
                return ((frozenset((node.value,)), 0, None),)  # type: ignore[arg-type]
            case "atomic":
                return self._atomic(node.parts[0])
            case "and":
                return self._and(*node.parts)
            case "not":
                return self._not(node.parts[0])
            case "whole":
                return self._whole(*node.value)  # type: ignore[misc]
            case _:
                raise AssertionError(node.kind)

    def _cat(self, head: RegexNode, tail: RegexNode) -> Iterator[Item]:
        for condition, mask, rest in self.items(head):
            if rest is not None:
                yield condition, mask, self.nodes.cat(rest, tail)
            else:
                yield from _under(condition, self.items(tail))

    def _repeat(self, node: RegexNode) -> Iterator[Item]:
        """One turn more, or no turn more; a turn that matches nothing ends the loop, as in `re`."""
        (item,) = node.parts
        low, high, lazy = node.bounds
        rest = self.nodes.repeat(item, max(low - 1, 0), None if high is None else high - 1, lazy)
        if lazy and not low:
            yield ACCEPT
        for condition, mask, after in self.items(item):
            if after is not None:
                yield condition, mask, self.nodes.cat(after, rest)
            elif low:
                yield from _under(condition, self.items(rest))
            else:
                yield condition, 0, None
        if not lazy and not low:
            yield ACCEPT

    def _atomic(self, item: RegexNode) -> Iterator[Item]:
        """Each item where no earlier one leads to a match of any prefix of the text."""
        blocked: Condition = ALWAYS
        for condition, mask, rest in self.items(item):
            both = conjunction(condition, blocked)
            if both is not None:
                yield both, mask, None if rest is None else self.nodes.atomic(rest)
            if rest is None and condition == ALWAYS:
                return
            blocked = _also(blocked, self._not_first(condition, mask, rest))

    def _not_first(self, condition: Condition, mask: int, rest: RegexNode | None) -> Assertion:
        """The claim that an item does not match a prefix of the text from here."""
        nodes = self.nodes
        prefix = nodes.any if rest is None else nodes.cat(nodes.chars(mask), nodes.cat(rest, nodes.any))
        return False, frozenset(((prefix, condition),))

    def _and(self, left: RegexNode, right: RegexNode) -> Iterator[Item]:
        ours, theirs = self.items(left), self.items(right)
        most = MAX_COUNTED_PAIRS if _counts(left) or _counts(right) else MAX_PAIRS
        if len(ours) * len(theirs) > most and not any(condition for condition, _, _ in (*ours, *theirs)):
            yield from self._and_by_class(ours, theirs)
            return
        for (a, mask_a, rest_a), (b, mask_b, rest_b) in product(ours, theirs):
            both = conjunction(a, b)
            if both is None:
                continue
            if rest_a is None and rest_b is None:
                yield both, 0, None
            elif rest_a is not None and rest_b is not None and mask_a & mask_b:
                yield both, mask_a & mask_b, self.nodes.both(rest_a, rest_b)

    def _and_by_class(self, left: tuple[Item, ...], right: tuple[Item, ...]) -> Iterator[Item]:
        """The linear form of both, one pair a class: all that a side can go on to after a character is one node."""
        if ACCEPT in left and ACCEPT in right:
            yield ACCEPT
        for part in split(self.nodes.full, [mask for _, mask, rest in (*left, *right) if rest is not None]):
            a, b = (
                self.nodes.alt([rest for _, mask, rest in side if rest is not None and mask & part])
                for side in (left, right)
            )
            both = self.nodes.both(a, b)
            if both is not self.nodes.fail:
                yield ALWAYS, part, both

    def _not(self, item: RegexNode) -> Iterator[Item]:
        items = self.items(item)
        moves = [(condition, mask, rest) for condition, mask, rest in items if rest is not None]
        for part in split(self.nodes.full, [mask for _, mask, _ in moves]):
            yield from self._not_after([(c, rest) for c, mask, rest in moves if mask & part], part)
        yield from ((c, 0, None) for c in self._none_of([c for c, _, rest in items if rest is None]))

    def _not_after(self, moves: list[tuple[Condition, RegexNode]], part: int) -> Iterator[Item]:
        """After a character of `part`: the complement of all rests whose conditions hold, case by case."""
        conditions = list(dict.fromkeys(c for c, _ in moves if c != ALWAYS))
        if len(conditions) > MAX_SPLIT:
            raise ConstraintError(
                f"a complement `~(...)` holds more than {MAX_SPLIT} looks that are met at once",
                help="take look-ahead, look-behind and word boundaries out of `~(...)`",
            )
        for cases in product((True, False), repeat=len(conditions)):
            holding = {ALWAYS, *(c for c, holds in zip(conditions, cases, strict=True) if holds)}
            rest = self.nodes.negate(self.nodes.alt([r for c, r in moves if c in holding]))
            failing = [c for c, holds in zip(conditions, cases, strict=True) if not holds]
            case: Condition | None = ALWAYS
            for condition in holding:
                case = None if case is None else conjunction(case, condition)
            for none in self._none_of(failing):
                both = None if case is None else conjunction(case, none)
                if both is not None and rest is not self.nodes.fail:
                    yield both, part, rest

    def _whole(self, automaton: InnerAutomaton, state: int) -> Iterator[Item]:
        for mask, target in automaton.moves(state):
            yield ALWAYS, mask, self.nodes.whole(automaton, target)
        if automaton.is_accepting(state):
            yield ACCEPT

    def _none_of(self, conditions: list[Condition]) -> Iterator[Condition]:
        """The condition under which none of `conditions` holds; nothing where one always does."""
        if ALWAYS not in conditions:
            state: State = frozenset((self.nodes.any, c) for c in conditions)
            yield frozenset(((False, state),)) if state else ALWAYS


def _counts(node: RegexNode) -> bool:
    """Whether it is a count of items."""
    return node.kind == "repeat" and (node.bounds[0] > 1 or node.bounds[1] not in (1, None))


def split(full: int, masks: Iterable[int]) -> list[int]:
    """The coarsest partition of `full` in which each mask is a union of parts."""
    parts = [full]
    for mask in dict.fromkeys(masks):
        parts = [piece for part in parts for piece in (part & mask, part & ~mask) if piece]
    return parts


def conjunction(left: Condition, right: Condition) -> Condition | None:
    """Both conditions; None where they contradict each other literally."""
    if not left or not right:
        return left or right
    both = left | right
    return None if any((not sign, what) in both for sign, what in both) else both


def _under(condition: Condition, items: Iterable[Item]) -> Iterator[Item]:
    for other, mask, rest in items:
        both = conjunction(condition, other)
        if both is not None:
            yield both, mask, rest


def _also(condition: Condition, literal: Assertion) -> Condition:
    """The condition and one more negative claim; negative claims are kept as one."""
    joined: State = frozenset().union(
        *(what for sign, what in (*condition, literal) if not sign and not isinstance(what, int))
    )
    return frozenset((*((s, w) for s, w in condition if s or isinstance(w, int)), (False, joined)))
