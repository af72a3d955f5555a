"""Which tokens may come next in a text of places that call each other: exact masks, made when a state is first visited.

A token mostly stays in one place: for each state of a place its tokens are found once, by one walk through the
vocabulary, whatever the stack is. Where a walk comes to a call, the place that is called goes on through the rest of
the tokens, and behind it the one that called: that is in the place still, and found once. Only a token in which the
place is over depends on the stack: at which nodes of the vocabulary that happens is remembered, and from there the
walk goes on for each stack.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lmc.backend.masks.call_walk import BOTTOM, CallWalk
from lmc.backend.masks.class_trie import ROOT_NODE, ClassTrie
from lmc.backend.masks.trie import TokenTrie
from lmc.backend.masks.walks import LazyWalk
from lmc.backend.masks.words import Bools, Ints, packed
from lmc.ir.automaton.calls import CallDfa
from lmc.ir.automaton.dfa import DEAD, MAX_STATES

WORN = MAX_STATES // 2  # states of places, or of texts
STATE_BYTES = 2_500


@dataclass(frozen=True, slots=True)
class _Reached:
    """From a state at a node of the vocabulary: the nodes and tails that are reached in the place and what it calls.

    over   the nodes where the place may be over
    """

    nodes: tuple[int, ...]
    tails: tuple[int, ...]
    over: tuple[int, ...]


class CallMasks:
    """The masks of one schema's places over one vocabulary, as `TokenMasks` has them. For one thread at a time."""

    def __init__(self, trie: TokenTrie, chars: CallDfa) -> None:
        self.chars = chars
        self.dfa = CallWalk(chars)
        self.start = self.dfa.start
        self._trie = trie
        self._classes = ClassTrie(trie, chars.alphabet, chars.used)
        self._walk = LazyWalk(self._classes, chars)
        self._may_leave = np.zeros(0, dtype=np.int8)  # by state of the places: 1 no, 2 yes, 0 not known
        self._whole: dict[int, tuple[Bools, tuple[int, ...]]] = {}
        self._reached: dict[tuple[int, int], _Reached] = {}
        self._masks: dict[int, Ints] = {}
        self._known: dict[bytes, Ints] = {}
        self._child_lists: dict[int, list[tuple[int, int]]] = {}

    @property
    def is_worn(self) -> bool:
        """Whether it has so many states that the next text should begin with a new automaton."""
        return len(self.chars) > WORN or len(self.dfa) > WORN

    @property
    def num_bytes(self) -> int:
        """What it takes, about."""
        states = STATE_BYTES * (20 + len(self.chars)) + 600 * len(self.dfa)
        return states + len(self._known) * self._trie.size // 8 + len(self._whole) * self._trie.size

    def mask(self, state: int) -> Ints:
        """[ceil(V / 32)] int32, bit i % 32 of word i // 32 set where token i may come next; not to be written to."""
        found = self._masks.get(state)
        if found is None:
            made = packed(self._made(state))
            # many states differ in a stack that no token sees
            found = self._masks[state] = self._known.setdefault(made.tobytes(), made)
        return found

    def allowed(self, state: int) -> Bools:
        """[V] whether each token may come next."""
        bits = np.unpackbits(self.mask(state).view(np.uint8), bitorder="little")
        return bits[: self._trie.size].astype(bool)

    def next(self, state: int, token: int) -> int:
        """The state after a token; DEAD where it may not come."""
        spelt = self._trie.vocab[token]
        return self.dfa.run(spelt, state) if spelt else DEAD

    def spelling(self, token: int) -> bytes:
        """The bytes of a token, none for those that are not text."""
        return self._trie.vocab[token] or b""

    def is_accepting(self, state: int) -> bool:
        """Whether the text may end here."""
        return self.dfa.is_accepting(state)

    # --- masks -----------------------------------------------------------------------------------------------

    def _made(self, state: int) -> Bools:
        if not self.dfa.is_whole(state):
            return self._within(state)
        live = np.zeros(self._trie.size, dtype=bool)
        nodes: set[int] = set()
        tails: set[int] = set()
        pending: list[tuple[int, int, int]] = []  # state, context, node
        for at, context in self.dfa.items(state):
            own, over = self._from_root(at)
            live |= own
            pending += self._behind(context, over)
        seen = set(pending)
        while pending:
            at, context, node = pending.pop()
            reached = self._from(at, node)
            nodes.update(reached.nodes)
            tails.update(reached.tails)
            new = [each for each in self._behind(context, reached.over) if each not in seen]
            seen.update(new)
            pending += new
        live[self._tokens(nodes, tails)] = True
        return live

    def _behind(self, context: int, over: tuple[int, ...]) -> list[tuple[int, int, int]]:
        """What goes on in a context at the nodes where its place is over."""
        if context == BOTTOM or not over:
            return []
        return [(at, outer, node) for at, outer in self.dfa.behind(context) for node in over]

    def _from_root(self, at: int) -> tuple[Bools, tuple[int, ...]]:
        """[V] the tokens that stay in the place of a state or what it calls, and the nodes where it may be over.

        A call or an end right here is not among them: those are items of their own.
        """
        found = self._whole.get(at)
        if found is None:
            char_state = self.dfa.dfa.char_state(at)
            assert char_state is not None
            reached = self._walk.reached(char_state)
            live = (reached != DEAD).take(self._walk.of_token)
            nodes: set[int] = set()
            tails = set(self._live_tails(reached))
            over: list[int] = []
            for node in self._leaving(reached):
                inner = self._leave(self.dfa.dfa.at_char(int(reached[node])), node)
                nodes.update(inner.nodes)
                tails.update(inner.tails)
                over += inner.over
            live[self._tokens(nodes, tails)] = True
            found = self._whole[at] = live, tuple(dict.fromkeys(over))
        return found

    def _live_tails(self, reached: Ints) -> list[int]:
        live_classes = self.chars.live_classes
        places = enumerate(self._classes.tails)
        return [n for n, tail in places if (s := int(reached[tail.node])) and live_classes(s) & tail.mask]

    def _leaving(self, reached: Ints) -> list[int]:
        """The nodes further in at which a place may be called or be over, and tokens go on."""
        flags = np.zeros(len(self.chars) + 1, dtype=bool)
        flags[reached] = True
        if len(flags) > len(self._may_leave):
            more = np.zeros(2 * len(flags) - len(self._may_leave), dtype=np.int8)
            self._may_leave = np.concatenate([self._may_leave, more])
        for state in np.flatnonzero(flags).tolist():
            if not self._may_leave[state]:
                calls, may_be_over = self.dfa.exits(self.dfa.dfa.at_char(state)) if state else ((), False)
                self._may_leave[state] = 2 if calls or may_be_over else 1
        leaving = np.flatnonzero((self._may_leave.take(reached) == 2) & self._goes_on)
        return [node for node in leaving.tolist() if node != ROOT_NODE]

    def _from(self, at: int, node: int) -> _Reached:
        """What is reached below a node from a state there."""
        found = self._reached.get((at, node))
        if found is None:
            found = self._reached[at, node] = self._down(at, node)
        return found

    def _down(self, at: int, node: int) -> _Reached:
        """The walk of `LazyWalk` below one node, which has few below it."""
        char_state = self.dfa.dfa.char_state(at)
        assert char_state is not None
        nodes: list[int] = []
        tails: set[int] = set()
        over: list[int] = []
        pending = [(char_state, node)]
        while pending:
            state, here = pending.pop()
            tails.update(t for t in self._tails_at.get(here, ()) if self._is_live(state, t))
            left = self._leave(self.dfa.dfa.at_char(state), here)
            nodes += left.nodes
            tails.update(left.tails)
            over += left.over
            row = self.chars.row(state)
            for cls, child in self._children(here):
                if row[cls] != DEAD:
                    nodes.append(child)
                    pending.append((row[cls], child))
        return _Reached(tuple(dict.fromkeys(nodes)), tuple(tails), tuple(dict.fromkeys(over)))

    def _is_live(self, state: int, tail: int) -> bool:
        return bool(self.chars.live_classes(state) & self._classes.tails[tail].mask)

    def _leave(self, at: int, node: int) -> _Reached:
        """What is reached from a node by the calls that may stand there; and whether the place may be over."""
        calls, may_be_over = self.dfa.exits(at)
        nodes: list[int] = []
        tails: set[int] = set()
        over = [node] if may_be_over else []
        for start, behind in calls:
            called = self._from(start, node)
            parts = [called, *(self._from(behind, after) for after in called.over)]
            for part in parts:
                nodes += part.nodes
                tails.update(part.tails)
            over += (each for part in parts[1:] for each in part.over)
        return _Reached(tuple(nodes), tuple(tails), tuple(over))

    def _within(self, state: int) -> Bools:
        """Within a character: only tokens that begin there go on."""
        live = np.zeros(self._trie.size, dtype=bool)
        for token in self._trie.heads:
            live[token] = self.next(state, token) != DEAD
        return live

    # --- the vocabulary --------------------------------------------------------------------------------------

    def _tokens(self, nodes: set[int], tails: set[int]) -> list[int]:
        found = [token for node in nodes for token in self._tokens_at(node)]
        return found + [token for tail in tails for token in self._classes.tails[tail].tokens]

    def _tokens_at(self, node: int) -> list[int]:
        order, begins = self._by_node
        tokens: list[int] = order[begins[node] : begins[node + 1]].tolist()
        return tokens

    @cached_property
    def _by_node(self) -> tuple[Ints, Ints]:
        """The tokens sorted by the node where they end, and where those of each node begin."""
        ends = self._classes.nodes
        order = np.argsort(ends, kind="stable").astype(np.int32)
        begins = np.searchsorted(ends.take(order), np.arange(self._classes.num_nodes + 1)).astype(np.int32)
        return order, begins

    def _children(self, node: int) -> list[tuple[int, int]]:
        """(class, node) right below a node."""
        found = self._child_lists.get(node)
        if found is None:
            found = list(self._classes.children.get(node, ()))
            below = bisect_right(self._firsts, node)  # levels begin one after another, the root before all
            if below < len(self._classes.levels):
                level = self._classes.levels[below]
                low, high = np.searchsorted(level.parents, [node, node + 1]).tolist()
                found += zip(level.classes[low:high].tolist(), range(level.first + low, level.first + high))
            self._child_lists[node] = found
        return found

    @cached_property
    def _firsts(self) -> list[int]:
        return [level.first for level in self._classes.levels]

    @cached_property
    def _goes_on(self) -> Bools:
        """[nodes] whether a token goes on below."""
        found = np.zeros(self._classes.num_nodes, dtype=bool)
        for level in self._classes.levels:
            found[level.parents] = True
        found[list(self._classes.children)] = True
        found[list(self._tails_at)] = True
        return found

    @cached_property
    def _tails_at(self) -> dict[int, list[int]]:
        """The tails by the node where they begin."""
        found: dict[int, list[int]] = {}
        for number, tail in enumerate(self._classes.tails):
            found.setdefault(tail.node, []).append(number)
        return found
