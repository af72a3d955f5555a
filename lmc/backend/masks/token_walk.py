"""The mask of one state: down the vocabulary's tree beside the automaton, over what strings and numbers have said.

A state whose rest is a string (or a number) and then something takes the tokens that stay in the string from what is
known of it (see leaf_masks.py), and asks only of those that leave it whether what they go on with may come. A state
that many characters lead from into another one, which they do not leave, has what that one has. A state where few
characters lead on is walked node by node. For others, and where such a walk grows long, all tokens are swept at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lmc.backend.masks.char_tree import CharNode
from lmc.backend.masks.cuts import RestNode
from lmc.backend.masks.leaf_masks import LeafMasks, LeafWalk
from lmc.backend.masks.trie import TokenTrie
from lmc.backend.masks.visits import Visits
from lmc.backend.masks.words import Ints, of_ids, packed
from lmc.ir.automaton.bytes import ByteDfa
from lmc.ir.automaton.dfa import DEAD
from lmc.ir.automaton.heads import ENDLESS
from lmc.ir.automaton.leaf import Coarse, Leaves, Moved
from lmc.ir.automaton.nodes import RegexNode

MAX_VISITS = 2000  # nodes seen for one mask
MANY = 400  # nodes below first characters, above which all tokens are swept at once
TOGETHER = 400  # texts behind several first characters, above which they are looked at together
SMALL = 24  # texts below a node, up to which they are looked at one by one


class LeafAt(NamedTuple):
    """A string or a number, as a state of its walk, and the state after it."""

    walk: LeafWalk
    state: int
    rest: int


class Pieces(NamedTuple):
    """A state as strings and numbers, each with what comes after it, and what is left over.

    slack    characters of the tokens for which that is exact; of longer ones it may allow too many
    longest  characters of a token from which on it is in none of them, if it has neither a quote nor a backslash
    """

    leaves: tuple[LeafAt, ...]
    residue: int
    slack: int = ENDLESS
    longest: int = ENDLESS


class Split(NamedTuple):
    """The head of a node as a state of its walk, what it is exact for, its longest text, and the rest."""

    walk: LeafWalk
    state: int
    slack: int
    longest: int
    rest: RegexNode


class Gathered:
    """The tokens found so far."""

    def __init__(self) -> None:
        self.ids: list[int] = []
        self.arrays: list[Ints] = []
        self.words: list[Ints] = []
        self.slack = ENDLESS

    def made(self, size: int) -> Ints:
        """All of them as words."""
        if self.ids or self.arrays or not self.words:
            self.words.append(of_ids(size, self.ids, self.arrays))
        found = self.words[0]
        for other in self.words[1:]:
            found = found | other
        found.setflags(write=False)
        return found


class TokenWalk:
    """Walks beside one automaton over one vocabulary. `sweep` gives the mask of any state of the characters."""

    def __init__(self, trie: TokenTrie, dfa: ByteDfa, leaves: LeafMasks, sweep: Callable[[int], Ints]) -> None:
        self._sweep = sweep
        self._trie = trie
        self._dfa = dfa
        self._chars = dfa.chars
        self._visits = Visits(dfa.chars, trie.distinct_prefixes)
        self._leaves = Leaves(dfa.chars.alphabet, dfa.chars.nodes)
        self._masks = leaves
        self._plans: dict[int, Pieces] = {}
        self._split: dict[RegexNode, Split | None] = {}
        self._moved: dict[int, tuple[LeafWalk, Moved]] = {}
        self._words: dict[int, Ints] = {}
        self._busy: set[int] = set()  # states whose masks are being made
        self._loops: dict[int, int] = {}
        self._lively: dict[int, npt.NDArray[np.bool_]] = {}

    def words(self, state: int) -> Ints:
        """The mask in a state of the characters."""
        found = self._words.get(state)
        if found is None:
            self._busy.add(state)
            gathered = self._made(state)
            found = self._sweep(state) if gathered is None else self._checked(state, gathered)
            self._words[state] = found
            self._busy.discard(state)
        return found

    def _checked(self, state: int, gathered: Gathered) -> Ints:
        """What was found, without long tokens that lead to nothing after all."""
        words = gathered.made(self._trie.size)
        longer = self._trie.longer(gathered.slack)
        if longer:
            at, longest = self._dfa.at_char(state), self._plan(state).longest
            there = [id for id in longer if words[id >> 5] >> (id & 31) & 1]
            wrong = [id for id in there if self._trie.plain_length(id) >= longest or not self._leads_on(id, at)]
            if wrong:
                words = words & ~of_ids(self._trie.size, wrong, ())
                words.setflags(write=False)
        return words

    def _leads_on(self, token: int, at: int) -> bool:
        return self._dfa.run(self._trie.vocab[token] or b"", at) != DEAD

    def _made(self, state: int) -> Gathered | None:
        """What this way finds; None where it would take long."""
        root = self._trie.root
        gathered = Gathered()
        gathered.ids += self._visits.ending(root, state)
        loop = None if self._plan(state).leaves else self._loop(state)
        if loop is not None and (words := self._like(state, *loop)) is not None:
            gathered.words.append(words)
            steps = self._beside(state, loop[0])
            for node, after in steps:
                self._visit(gathered, node, after)
            steps = self._behind_firsts(gathered, steps)
        elif self._is_long(root, self._plan(state).residue):
            return None
        else:
            steps = [(root, state)]
        return self._walked(gathered, steps)

    def _walked(self, gathered: Gathered, pending: list[tuple[CharNode, int]]) -> Gathered | None:
        """With what comes below some nodes, each with the state there."""
        left = MAX_VISITS
        while pending:
            node, at = pending.pop()
            if node.size > SMALL:
                plan = self._plan(at)
                gathered.slack = min(gathered.slack, plan.slack)
                for leaf in plan.leaves:
                    self._take(gathered, node, leaf)
                at = plan.residue
            more: list[tuple[CharNode, int]] = []
            for child, after in self._visits.below(node, at) if at != DEAD else ():
                left -= 1
                self._visit(gathered, child, after)
                if not child.is_leaf:
                    more.append((child, after))
            pending += self._behind_firsts(gathered, more) if node is self._trie.root else more
            if left < 0:
                return None
        return gathered

    def _visit(self, gathered: Gathered, node: CharNode, state: int) -> None:
        """The tokens that end at a node."""
        gathered.ids += node.tokens
        if node.tails:
            gathered.ids += self._visits.ending(node, state)

    # --- states that are mostly like another one -------------------------------------------------------------

    def _loop(self, state: int) -> tuple[int, int] | None:
        """Many classes that lead to a state from which they lead nowhere else, and that state.

        A token that begins with one of them may come here exactly where it may come there.
        """
        for mask, target in self._chars.moves(state):
            if target not in self._busy and self._leaves.is_wide(mask):
                row = self._chars.row(target)
                mask &= self._looping(target, row)
                if self._leaves.is_wide(mask):
                    return mask, target
        return None

    def _looping(self, state: int, row: Sequence[int]) -> int:
        found = self._loops.get(state)
        if found is None:
            found = self._loops[state] = sum(1 << cls for cls, after in enumerate(row) if after == state)
        return found

    def _like(self, state: int, mask: int, target: int) -> Ints | None:
        """The tokens that begin with classes after which the state is another one, or None where they are not few."""
        others = self._chars.alphabet.few(self._chars.live_classes(target) & ~mask)
        if others is None:
            return None
        words = self.words(target)
        for char in others:
            words = words & ~self._trie.beginning(char)
        return words & ~self._trie.beginning("")

    def _beside(self, state: int, mask: int) -> list[tuple[CharNode, int]]:
        """The nodes after the first characters that are not of some classes."""
        found = []
        for classes, after in self._chars.moves(state):
            rest = classes & ~mask
            chars = self._chars.alphabet.few(rest) if rest else ""
            if chars is None:
                return [each for each in self._visits.below(self._trie.root, state) if not self._is_of(each[0], mask)]
            kids = self._trie.root.kids
            found += [(kids[char], after) for char in chars if char in kids]
        return found

    def _is_of(self, node: CharNode, mask: int) -> bool:
        """Whether a node is below a first character of some classes."""
        return bool(mask >> self._chars.alphabet.class_of(ord(node.first)) & 1)

    # --- strings and numbers ---------------------------------------------------------------------------------

    def _is_long(self, root: CharNode, state: int) -> bool:
        """Whether a walk would see many nodes: below first characters after which no string or number begins."""
        seen = 0
        for child, after in self._visits.below(root, state) if state != DEAD else ():
            if self._visits.few(after) is None and (child.size <= SMALL or not self._plan(after).leaves):
                seen += child.size
                if seen > MANY:
                    return True
        return False

    def _behind_firsts(self, gathered: Gathered, steps: list[tuple[CharNode, int]]) -> list[tuple[CharNode, int]]:
        """What is left of steps to first characters when what strings and numbers allow behind them is taken.

        Where many characters lead to one state, as the letters of a word do, what comes then is asked for once.
        """
        behind: dict[LeafAt, list[CharNode]] = {}
        left: list[tuple[CharNode, int]] = []
        for node, at in steps:
            if node.size > SMALL:
                plan = self._plan(at)
                gathered.slack = min(gathered.slack, plan.slack)
                for leaf in plan.leaves:
                    behind.setdefault(leaf, []).append(node)
                at = plan.residue
            if at != DEAD:
                left.append((node, at))
        for leaf, nodes in behind.items():
            if len(nodes) > 1 and sum(node.size for node in nodes) > TOGETHER:
                self._take_behind(gathered, "".join(node.first for node in nodes), leaf)
                continue
            for node in nodes:
                self._take(gathered, node, leaf)
        return left

    def _take(self, gathered: Gathered, node: CharNode, leaf: LeafAt) -> None:
        """What a string or a number allows at a node."""
        found = leaf.walk.tokens(node, leaf.state)
        if found.words is not None:
            gathered.words.append(found.words)
        elif len(found.ids):
            gathered.arrays.append(found.ids)
        self._take_pairs(gathered, found.pairs, leaf.rest)

    def _take_behind(self, gathered: Gathered, firsts: str, leaf: LeafAt) -> None:
        """The same behind each of some first characters."""
        found = leaf.walk.tokens_behind_first(leaf.state)
        begins = self._trie.begin_with(firsts)
        assert found.words is not None
        gathered.words.append(found.words & packed(begins))
        self._take_pairs(gathered, found.pairs[begins.take(self._trie.cuts.token.take(found.pairs))], leaf.rest)

    def _take_pairs(self, gathered: Gathered, pairs: Ints, rest: int) -> None:
        """The tokens that leave a string or a number, where `rest` goes on with them."""
        if len(pairs):
            cuts = self._trie.cuts
            kept = self._live_rests(rest).take(cuts.rest.take(pairs))
            gathered.arrays.append(cuts.token.take(pairs[kept]))

    def _live_rests(self, state: int) -> npt.NDArray[np.bool_]:
        """[rests] whether each of Cuts.rests may come next."""
        found = self._lively.get(state)
        if found is None:
            found = self._lively[state] = np.zeros(len(self._trie.cuts.rests), dtype=bool)
            ends: list[int] = []
            pending: list[tuple[RestNode, int]] = [(self._trie.cuts.tree, self._dfa.at_char(state))]
            while pending:
                node, at = pending.pop()
                for byte, child in node.ways.items():
                    after = self._dfa.step(at, byte)
                    if after != DEAD:
                        pending.append((child, after))
                        if child.end >= 0:
                            ends.append(child.end)
            found[ends] = True
        return found

    def _plan(self, state: int) -> Pieces:
        found = self._plans.get(state)
        if found is None:
            found = self._plans[state] = self._made_plan(state)
        return found

    def _made_plan(self, state: int) -> Pieces:
        leaves: list[LeafAt] = []
        residue: list[RegexNode] = []
        slack, longest = ENDLESS, 0
        for node in self._chars.alternatives(state) or ():
            split = self._split_node(node)
            if split is None:
                residue.append(node)
                continue
            rest = self._chars.at((split.rest,))
            if rest != DEAD and split.state != DEAD:
                leaves.append(LeafAt(split.walk, split.state, rest))
                slack, longest = min(slack, split.slack), max(longest, split.longest)
                if split.walk.is_accepting(split.state):
                    residue.append(split.rest)
        if not leaves:
            return Pieces((), state)
        left = self._chars.at(residue)
        return Pieces(tuple(leaves), left, slack, ENDLESS if left != DEAD else longest)

    def _split_node(self, node: RegexNode) -> Split | None:
        """The head of a node as its walk knows it, and the rest."""
        if node not in self._split:
            leaf = self._leaves.split(node)
            if leaf is None:
                self._split[node] = None
            else:
                walk, moved = self._walk(self._leaves.coarse(leaf.head))
                longest = self._leaves.longest(leaf.head) if leaf.is_string else ENDLESS
                self._split[node] = Split(walk, *walk.begin(moved, leaf.head), longest, leaf.rest)
        return self._split[node]

    def _walk(self, coarse: Coarse) -> tuple[LeafWalk, Moved]:
        key = id(coarse)  # kept by `_leaves` as long as this is
        if key not in self._moved:
            walk = self._masks.walk(coarse)
            self._moved[key] = (walk, Moved(coarse, walk.made))
        return self._moved[key]
