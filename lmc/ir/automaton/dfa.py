"""A deterministic automaton over character classes, whose states are made when they are first reached.

States are numbers: DEAD is 0 and leads nowhere; the others are places (see derive.py) from which some text is
accepted. Crossing `max_states` is an error of the user's pattern, not a crash.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from functools import lru_cache
from heapq import heappop, heappush
from itertools import count
from typing import NamedTuple

from lmc.codes import TOO_LARGE
from lmc.errors import ConstraintError
from lmc.ir.automaton.alphabet import Alphabet, sets_of
from lmc.ir.automaton.counted import ItemRows, counted
from lmc.ir.automaton.derive import Configuration, Derivation
from lmc.ir.automaton.lower import TreeLowering
from lmc.ir.automaton.nodes import Nodes, RegexNode
from lmc.ir.ranges import EVERYTHING
from lmc.ir.regex import RegexTree
from lmc.ir.work import steps

DEAD = 0
MAX_STATES = 100_000


class CharDfa:
    """The lazy automaton of some trees over their common alphabet (or `alphabet`, where it is to be that one).

    `starts[i]` is where tree i begins. `nodes` makes what the rest of a text may be.

    Raises ConstraintError (LMC-CN004) where a question needs more than `max_states` states, or states that have more
    than `max_nodes` nodes together: what a state costs grows with them.
    """

    def __init__(
        self,
        *trees: RegexTree,
        max_states: int = MAX_STATES,
        max_nodes: int | None = None,
        alphabet: Alphabet | None = None,
    ) -> None:
        sets = (ranges for tree in trees for ranges in sets_of(tree))
        self.alphabet = Alphabet([EVERYTHING, *sets]) if alphabet is None else alphabet
        self.max_states = max_states
        self._nodes_left = max_nodes
        self.nodes = Nodes(self.alphabet.full)
        lowering = TreeLowering(self.alphabet, self.nodes, self._of_its_own)
        roots = [lowering.node(tree) for tree in trees]
        self._derivation = Derivation(self.nodes, lowering.behinds)
        self._places: list[Configuration | None] = [None]
        self._numbers: dict[Configuration, int] = {}
        self._moves: list[list[tuple[int, int]] | None] = [[]]  # (classes, state), dead ends not yet left out
        self._rows: list[list[int] | None] = [[DEAD] * self.alphabet.num_classes]
        self._accepts: list[bool | None] = [False]
        self._live: list[bool | None] = [False]
        self._live_nodes: dict[RegexNode, bool] = {}
        self._live_moves: dict[int, list[tuple[int, int]]] = {}
        self._live_classes: dict[int, int] = {}
        self._made: dict[RegexNode, ItemRows] = {}
        self.starts = tuple(self._number(self._derivation.begin(root)) for root in roots)
        self.starts = tuple(s if self.is_live(s) else DEAD for s in self.starts)

    @property
    def start(self) -> int:
        """Where the first tree begins; DEAD where it accepts nothing."""
        return self.starts[0]

    def __len__(self) -> int:
        """States made so far, DEAD among them."""
        return len(self._places)

    def row(self, state: int) -> Sequence[int]:
        """The next state by character class, DEAD where no accepted text goes on so."""
        found = self._rows[state]
        if found is None:
            found = [DEAD] * self.alphabet.num_classes
            for mask, target in self.moves(state):
                for cls in bits(mask):
                    found[cls] = target
            self._rows[state] = found
        return found

    def moves(self, state: int) -> list[tuple[int, int]]:
        """The next states with the classes that lead to each, as masks; disjoint."""
        found = self._live_moves.get(state)
        if found is None:
            found = [way for way in self._moves_from(state) if self.is_live(way[1])]
            self._live_moves[state] = found
        return found

    def live_classes(self, state: int) -> int:
        """The mask of the classes that lead on."""
        found = self._live_classes.get(state)
        if found is None:
            found = 0
            for mask, _ in self.moves(state):
                found |= mask
            self._live_classes[state] = found
        return found

    def is_accepting(self, state: int) -> bool:
        """Whether a text may end in the state."""
        found = self._accepts[state]
        if found is None:
            place = self._places[state]
            assert place is not None
            found = self._accepts[state] = self._derivation.accepts(place)
        return found

    def is_live(self, state: int) -> bool:
        """Whether any text is accepted from the state on."""
        if self._live[state] is None:
            self._settle(state)
        found = self._live[state]
        assert found is not None
        return found

    def alternatives(self, state: int) -> tuple[RegexNode, ...] | None:
        """What the rest of a text may be, as nodes; None where anything else is asked of it."""
        place = self._places[state]
        return None if place is None else self._derivation.alternatives(place)

    def at(self, alternatives: Iterable[RegexNode]) -> int:
        """The state in which the rest may be any of these nodes, which meet no look-behind; DEAD where none can."""
        state = self._number(self._derivation.among(alternatives))
        return state if self.is_live(state) else DEAD

    def allow(self, num_nodes: int) -> None:
        """From here on, states may have so many nodes together."""
        self._nodes_left = num_nodes

    def run(self, text: str, state: int | None = None) -> int:
        """The state after a text, DEAD for one with surrogates."""
        at = self.start if state is None else state
        for char in text:
            cls = self.alphabet.class_of(ord(char))
            at = self.row(at)[cls] if cls >= 0 else DEAD
        return at

    def accepts(self, text: str) -> bool:
        """Whether the first tree accepts the text."""
        return self.is_accepting(self.run(text))

    def _of_its_own(self, tree: RegexTree) -> CharDfa:
        return CharDfa(tree, max_states=self.max_states, alphabet=self.alphabet)

    # --- making states ---------------------------------------------------------------------------------------

    def _number(self, place: Configuration) -> int:
        if not place.state:
            return DEAD
        found = self._numbers.get(place)
        if found is None:
            found = self._numbers[place] = len(self._places)
            steps(4 + len(place.state))
            if found > self.max_states:
                raise _too_large(f"more than {self.max_states:,} states")
            if self._nodes_left is not None:
                self._nodes_left -= len(place.state)
                if self._nodes_left < 0:
                    raise _too_large("states that are too large")
            self._places.append(place)
            self._moves.append(None)
            self._rows.append(None)
            self._accepts.append(None)
            # some node that matches something and nothing asked of the text beside it
            plain = any(node.plain and not duties for node, duties in place.state)
            self._live.append(True if plain else None)
        return found

    def _moves_from(self, state: int) -> list[tuple[int, int]]:
        found = self._moves[state]
        if found is None:
            place = self._places[state]
            assert place is not None
            joined: dict[int, int] = {}
            for mask, successor in self._derivation.successors(place):
                target = self._number(successor)
                joined[target] = joined.get(target, 0) | mask
            joined.pop(DEAD, None)
            found = self._moves[state] = [(mask, target) for target, mask in joined.items()]
        return found

    def _settle(self, state: int) -> None:
        """Find out whether a state is live: from its nodes where each stands for itself, else by what it leads to."""
        place = self._places[state]
        assert place is not None
        if len(place.state) == 1:
            (node, duties), *_ = place.state
            if not duties and _is_apart(node):
                self._live[state] = self._is_live_node(node)
                return
        alone = [node for node, duties in place.state if not duties and _is_apart(node)]
        if any(map(self._is_live_node, alone)):
            self._live[state] = True
        elif len(alone) == len(place.state):
            self._live[state] = False
        else:
            self._search(state)

    def _is_live_node(self, node: RegexNode) -> bool:
        """Whether a node that is apart matches anything: of a chain that is asked part by part."""
        if node.plain:
            return True
        found = self._live_nodes.get(node)
        if found is None:
            found = self._live_nodes[node] = self._found_live(node)
        return found

    def _found_live(self, node: RegexNode) -> bool:
        match node.kind:
            case "cat" if node.parts[0].free:
                return self._is_live_chain(node)
            case "alt" if node.free:
                return any(map(self._is_live_node, node.parts))
            case "repeat" if node.free:
                return node.bounds[0] == 0 or self._is_live_node(node.parts[0])
            case "chars":
                return False  # of no class: else it is plain
            case "and" if (rest := self._behind_chars(node)) is not node:
                return self._is_live_node(rest)
            case "and" if self._has_counted(node):
                return True
            case _:
                state = self._number(self._derivation.among((node,)))
                if self._live[state] is None:
                    self._search(state)
                return self._live[state] is True

    def _is_live_chain(self, node: RegexNode) -> bool:
        """The same of a chain, which may be long."""
        passed = []
        while node.kind == "cat" and node.parts[0].free and not node.plain and node not in self._live_nodes:
            if not self._is_live_node(node.parts[0]):
                return False
            passed.append(node)
            node = node.parts[1]
        found = self._is_live_node(node)
        self._live_nodes.update(dict.fromkeys(passed, found))
        return found

    def _behind_chars(self, node: RegexNode) -> RegexNode:
        """What is left of an intersection behind characters with which both sides begin, as they do in an escape."""
        left, right = node.parts
        while left.kind == right.kind == "cat":
            ours, theirs = left.parts[0], right.parts[0]
            if ours.kind != "chars" or theirs.kind != "chars":
                break
            assert isinstance(ours.value, int) and isinstance(theirs.value, int)
            if not ours.value & theirs.value:
                return self.nodes.fail
            left, right = left.parts[1], right.parts[1]
        return self.nodes.both(left, right)

    def _has_counted(self, node: RegexNode) -> bool:
        """Whether it is plain that an intersection has a text of the length that it wants."""
        found = counted(node)
        if found is None:
            return False
        least = self.least_items(found.node, found.item)
        if least is not None and found.low <= least and (found.high is None or found.node.least <= found.high):
            return True
        counts = self._items(found.item).counts(found.node)
        if counts is None or (found.high is not None and counts[0] > found.high):
            return False
        return counts[1] is None or counts[1] >= found.low

    def least_items(self, node: RegexNode, item: RegexNode) -> int | None:
        """How many items each text of a node without looks has at least; None where it may have others than rows."""
        made = self._items(item)
        return made.least(node) if made.of(node) else None

    def _items(self, item: RegexNode) -> ItemRows:
        if item not in self._made:
            rows = _Rows(self, self.at((self.nodes.repeat(item, 0, None),)))
            self._made[item] = ItemRows(item, rows, self.at((item,)))
        return self._made[item]

    def _search(self, state: int) -> None:
        """Find out which states reached from here are live, until this one is known to be.

        Those that seem nearest to an end come first, and now and then the one that has waited longest.
        """
        before: dict[int, int | None] = {state: None}  # how each was reached
        nearest, waiting = [(0, state)], deque((state,))
        done: set[int] = set()
        for turn in count():
            if not waiting:
                break
            at = heappop(nearest)[1] if turn % 4 and nearest else waiting.popleft()
            if at in done:
                continue
            done.add(at)
            if self._live[at] or self.is_accepting(at):
                back: int | None = at
                while back is not None:
                    self._live[back] = True
                    back = before[back]
                return
            for _, target in self._moves_from(at):
                if target not in before and self._live[target] is not False:
                    before[target] = at
                    heappush(nearest, (self._least(target), target))
                    waiting.append(target)
        for found in before:
            self._live[found] = False

    def _least(self, state: int) -> int:
        """Characters up to an end, or fewer."""
        place = self._places[state]
        return 0 if place is None else min(node.least for node, _ in place.state)


class _Rows(NamedTuple):
    """An automaton begun elsewhere."""

    dfa: CharDfa
    start: int

    def row(self, state: int) -> Sequence[int]:
        return self.dfa.row(state)

    def is_accepting(self, state: int) -> bool:
        return self.dfa.is_accepting(state)


def _is_apart(node: RegexNode) -> bool:
    """Whether what a node matches does not depend on the text before it: it looks at no more than what it ends with."""
    return node.free or (node.kind == "cat" and node.parts[0].free and not node.behinds)


@lru_cache(maxsize=4096)
def bits(mask: int) -> list[int]:
    """The numbers of the bits that are set, the lowest first."""
    found = []
    while mask:
        low = mask & -mask
        found.append(low.bit_length() - 1)
        mask ^= low
    return found


def _too_large(what: str) -> ConstraintError:
    return ConstraintError(
        f"the automaton of this constraint needs {what}",
        code=TOO_LARGE,
        help="count less, or avoid parts that must remember what came long before",
    )
