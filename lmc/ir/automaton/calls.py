"""Automata that call each other: each is of one place, and a text of another place may stand in its texts.

A call is a character beyond Unicode, a mark, one for each place: so union, intersection and complement of trees hold
for calls as they do for characters, where the texts of two marks that may stand in one position have none in common.
All places are one lazy automaton over one alphabet; where the rest of two places is alike, it is the same state.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from heapq import heappop, heappush
from itertools import count
from operator import is_

from lmc.ir.automaton.alphabet import Alphabet, sets_of, used_classes
from lmc.ir.automaton.dfa import DEAD, MAX_STATES, CharDfa, bits
from lmc.ir.automaton.extent import plainest
from lmc.ir.ranges import EVERYTHING, LAST, Ranges
from lmc.ir.regex import Alt, And, Chars, Not, RegexTree, Repeat, Seq, Whole
from lmc.ir.work import MAX_STEPS, bounded, steps

NOTHING = Chars(())


def mark(place: int) -> Chars:
    """Any text of a place."""
    return marks((place,))


def marks(places: Iterable[int]) -> Chars:
    """Any text of one of some places."""
    return Chars(tuple((LAST + 1 + place, LAST + 1 + place) for place in sorted(places)))


def places_of(ranges: Ranges) -> list[int]:
    """The places that a set of marks calls; none for a set of characters."""
    if not ranges or ranges[-1][1] <= LAST:
        return []
    return [low - LAST - 1 for low, _ in ranges if low > LAST]


def called(tree: RegexTree) -> list[int]:
    """The places that a tree calls."""
    return list(dict.fromkeys(place for ranges in sets_of(tree) for place in places_of(ranges)))


def has_marks(tree: RegexTree) -> bool:
    """Whether a tree calls anything."""
    return any(low > LAST for ranges in sets_of(tree) for low, _ in ranges)


def rewritten(
    tree: RegexTree,
    of: Callable[[list[int]], RegexTree],
    known: dict[int, RegexTree] | None = None,
    plain: dict[int, RegexTree] | None = None,
) -> RegexTree:
    """A tree with other calls in place of its own; what has none stays the very same.

    known  of trees rewritten before with the same `of`: what they have in common they have in common after
    plain  parts without calls, met before
    """
    # by identity, as a tree may hold one part in many places
    known = {} if known is None else known
    plain = {} if plain is None else plain

    def inner(part: RegexTree) -> RegexTree:
        if isinstance(part, Chars):  # most parts are
            called = places_of(part.ranges)
            return of(called) if called else part
        if id(part) in plain:
            return part
        found = known.get(id(part))
        if found is None:
            found = known[id(part)] = new(part)
            if found is part:
                plain[id(part)] = part
        return found

    def new(part: RegexTree) -> RegexTree:
        steps()
        match part:
            case Seq(parts):
                steps(len(parts) // 8)
                # nearly all of a schema's tree is rows of characters: none of them is looked up
                others = tuple([each if is_plain(each) else inner(each) for each in parts])
                return part if all(map(is_, parts, others)) else Seq(others)
            case Alt(parts) | And(parts):
                others = tuple(map(inner, parts))
                # what calls nothing stays what it is, so that trees have it in common
                return part if all(map(is_, parts, others)) else type(part)(others)
            case Repeat(item, low, high, lazy):
                other = inner(item)
                return part if other is item else Repeat(other, low, high, lazy)
            case Not(item) | Whole(item):
                other = inner(item)
                return part if other is item else type(part)(other)
            case _:
                return part  # looks and atomic groups are about strings alone

    return inner(tree) if has_marks(tree) else tree


def is_plain(part: RegexTree) -> bool:
    """Whether a part of a tree is a character."""
    return type(part) is Chars and bool(part.ranges) and part.ranges[-1][1] <= LAST


class CallAlphabet(Alphabet):
    """Classes of characters, as many as it says, and behind them in masks a class for each mark.

    chars   mask of the classes of characters
    """

    def __init__(self, sets: Iterable[Ranges], num_places: int) -> None:
        super().__init__([EVERYTHING, *(ranges for ranges in sets if not places_of(ranges))])
        self.chars = self.full
        self.full = (1 << self.num_classes + num_places) - 1

    def mask(self, ranges: Ranges) -> int:
        """The classes that make up one of the sets."""
        called = places_of(ranges)
        return sum(1 << self.num_classes + place for place in called) if called else super().mask(ranges)


class MarkedDfa(CharDfa):
    """An automaton with calls in it."""

    alphabet: CallAlphabet

    def row(self, state: int) -> Sequence[int]:
        """The next state by class of characters; calls have no place in it, as there may be many."""
        found = self._rows[state]
        if found is None:
            found = [DEAD] * self.alphabet.num_classes
            for mask, target in self.moves(state):
                for cls in bits(mask & self.alphabet.chars):
                    found[cls] = target
            self._rows[state] = found
        return found

    def _of_its_own(self, tree: RegexTree) -> CharDfa:
        return MarkedDfa(tree, max_states=self.max_states, alphabet=self.alphabet)


class CallDfa(MarkedDfa):
    """The automata of some places, `starts` by place.

    used   mask of the classes of characters that texts may hold
    """

    def __init__(self, trees: Sequence[RegexTree], *, max_states: int = MAX_STATES) -> None:
        alphabet = CallAlphabet((ranges for tree in trees for ranges in sets_of(tree)), len(trees))
        self.trees = tuple(trees)
        super().__init__(*trees, max_states=max_states, alphabet=alphabet)
        self.used = 0
        for tree in trees:
            self.used |= used_classes(tree, alphabet) & alphabet.chars
        self._calls: dict[int, tuple[tuple[int, int], ...]] = {}

    def calls(self, state: int) -> tuple[tuple[int, int], ...]:
        """(place, state behind it) for each text of another place that may come next."""
        found = self._calls.get(state)
        if found is None:
            ways = ((mask >> self.alphabet.num_classes, target) for mask, target in self.moves(state))
            found = self._calls[state] = tuple((place, target) for mask, target in ways for place in bits(mask))
        return found


def call_dfa(trees: Sequence[RegexTree], max_states: int = MAX_STATES) -> CallDfa:
    """The automata of some places, without the calls of those that have no text: whatever is begun can be ended."""
    with bounded("making the automata of a JSON schema", MAX_STEPS // 3):
        return _call_dfa(trees, max_states)


def _call_dfa(trees: Sequence[RegexTree], max_states: int) -> CallDfa:
    dfa = CallDfa(trees, max_states=max_states)
    first = dfa.alphabet.num_classes
    allowed = dfa.alphabet.chars
    left, size = list(range(len(trees))), -1
    while size != len(left):
        size = len(left)
        for place in left[::-1]:
            if _has_text(dfa, dfa.starts[place], allowed):
                allowed |= 1 << first + place
                left.remove(place)
    if not left:
        return dfa
    empty = set(left)

    def kept(called: list[int]) -> RegexTree:
        return marks(place for place in called if place not in empty)

    known: dict[int, RegexTree] = {}
    others = [NOTHING if at in empty else rewritten(tree, kept, known) for at, tree in enumerate(trees)]
    return CallDfa(others, max_states=max_states)


def shortest_call(dfa: CallDfa, place: int = 0) -> str | None:
    """A shortest text of a place; None where it has none. Raises ConstraintError where it is too large to be known."""
    callers: dict[int, list[int]] = {}
    for at, tree in enumerate(dfa.trees):
        for inner in called(tree):
            callers.setdefault(inner, []).append(at)
    found: dict[int, str] = {}
    pending = dict.fromkeys(range(len(dfa.trees)))
    while pending:  # a shorter text of a place makes shorter ones of those that call it
        at, _ = pending.popitem()  # the last ones first: those further in
        text = _shortest(dfa, dfa.starts[at], found)
        if text is not None and (at not in found or len(text) < len(found[at])):
            found[at] = text
            pending |= dict.fromkeys(callers.get(at, ()))
    return found.get(place)


def _shortest(dfa: CallDfa, start: int, known: dict[int, str]) -> str | None:
    """A shortest text from a state, of the places' texts that are known."""
    pending = [(0, "", start)]
    seen = {DEAD}
    while pending:
        length, text, state = heappop(pending)
        if state in seen:
            continue
        if dfa.is_accepting(state):
            return text
        seen.add(state)
        chars = ((mask & dfa.alphabet.chars, after) for mask, after in dfa.moves(state))
        ways = [(plainest(dfa.alphabet.ranges(mask)), after) for mask, after in chars if mask]
        ways += [(known[place], after) for place, after in dfa.calls(state) if place in known]
        for more, after in ways:
            heappush(pending, (length + len(more), text + more, after))
    return None


def _has_text(dfa: CharDfa, start: int, allowed: int) -> bool:
    """Whether a text of some classes is accepted, by turns depth first and breadth first, as in `CharDfa`."""
    seen = {start, DEAD}
    pending = deque(seen - {DEAD})
    for turn in count():
        if not pending:
            return False
        at = pending.pop() if turn % 2 else pending.popleft()
        if dfa.is_accepting(at):
            return True
        for mask, target in dfa.moves(at):
            if mask & allowed and target not in seen:
                seen.add(target)
                pending.append(target)
    raise AssertionError
