"""A constraint as one table over tokens: state and token class to state, for masks and moves without any automaton.

Tokens that do the same in every state are one class, so that a table for 128 k tokens is small enough to be held by a
device. Made ahead of time from automata with few states; `TokenMasks` is for all others.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lmc.backend.masks.class_trie import ClassTrie
from lmc.backend.masks.trie import TokenTrie
from lmc.backend.masks.walks import TokenClasses
from lmc.backend.masks.words import Ints
from lmc.codes import TOO_LARGE
from lmc.errors import ConstraintError
from lmc.ir.automaton.algebra import states
from lmc.ir.automaton.alphabet import used_classes
from lmc.ir.automaton.bytes import ByteDfa
from lmc.ir.automaton.dfa import DEAD, CharDfa
from lmc.ir.regex import RegexTree

MAX_CELLS = 1 << 26  # 256 MiB as int32
MAX_CHAR_STATES = 20_000


@dataclass(frozen=True, slots=True, eq=False)
class TokenTable:
    """Row 0 is DEAD and leads nowhere, class 0 holds the tokens that never fit.

    class_of   [V] int32
    next       [states, classes] int32, DEAD where the token may not come
    accepting  [states] bool, where the text may end
    start      the state before any token
    """

    class_of: Ints
    next: Ints
    accepting: npt.NDArray[np.bool_]
    start: int

    def allowed(self, states: Ints) -> npt.NDArray[np.bool_]:
        """[B, V] whether each token may come next in each of [B] states."""
        live: npt.NDArray[np.bool_] = self.next.take(states, axis=0) != DEAD
        return live.take(self.class_of, axis=1)

    def advance(self, states: Ints, tokens: Ints) -> Ints:
        """[B] the states after one token each."""
        return self.next[states, self.class_of.take(tokens)]


def token_table(trie: TokenTrie, tree: RegexTree) -> TokenTable:
    """The table of a constraint. Raises ConstraintError (LMC-CN004) where it would be too large."""
    chars = CharDfa(tree, max_states=MAX_CHAR_STATES)
    for _ in states(chars):
        pass
    return _Builder(trie, tree, chars).table()


class _Builder:
    """Columns of a table as they are found: the byte state after each row's state, by kind of token."""

    def __init__(self, trie: TokenTrie, tree: RegexTree, chars: CharDfa) -> None:
        self._trie = trie
        self._dfa = ByteDfa(chars)
        self._count = len(chars)
        self._class_trie = ClassTrie(trie, chars.alphabet, used_classes(tree, chars.alphabet))
        self._classes = TokenClasses(self._class_trie, chars, self._count)
        self._rows = [DEAD, *(self._dfa.at_char(state) for state in range(1, self._count))]
        self._row_of = {state: row for row, state in enumerate(self._rows)}

    def table(self) -> TokenTable:
        nodes = {token: tail.node for tail in self._class_trie.tails for token in tail.tokens}
        tails = {token: self._tail(node, self._trie.prefixes[token]) for token, node in nodes.items()}
        heads = {token: [DEAD] * self._count for token in self._trie.heads}
        self._finish_characters(heads)
        size = len(self._rows)
        if size * len(self._classes.vectors) > MAX_CELLS:
            raise ConstraintError(
                f"a table of this constraint would have {size:,} states, and too many classes of tokens for them",
                code=TOO_LARGE,
                help="use masks made state by state",
            )
        class_of, columns = self._distinct(tails, heads, size)
        accepting = np.array([state != DEAD and self._dfa.is_accepting(state) for state in self._rows])
        return TokenTable(class_of, columns.T.copy(), accepting, self._row_of[self._dfa.start])

    def _tail(self, node: int, prefix: bytes) -> list[int]:
        """The rows after whole characters and the first bytes of one more."""
        ends = self._classes.vectors[self._classes.of_node[node]].tolist()
        return [self._row(self._dfa.run(prefix, self._rows[end])) for end in ends]

    def _row(self, state: int) -> int:
        found = self._row_of.get(state)
        if found is None:
            found = self._row_of[state] = len(self._rows)
            self._rows.append(state)
        return found

    def _finish_characters(self, heads: dict[int, list[int]]) -> None:
        """Rows within a character, and what the tokens that begin there do from each; that may add rows."""
        row = self._count
        while row < len(self._rows):
            for token, column in heads.items():
                column.append(self._row(self._dfa.run(self._trie.vocab[token] or b"", self._rows[row])))
            row += 1

    def _distinct(self, tails: dict[int, list[int]], heads: dict[int, list[int]], size: int) -> tuple[Ints, Ints]:
        """The class of each token, and the column of each class."""
        found: list[Ints] = []
        names: dict[bytes, int] = {}

        def name(column: list[int] | Ints) -> int:
            whole = np.zeros(size, dtype=np.int32)
            whole[: len(column)] = column
            key = whole.tobytes()
            if key not in names:
                names[key] = len(found)
                found.append(whole)
            return names[key]

        of_element = np.zeros(len(self._classes.vectors), dtype=np.int32)
        name([])
        for element in np.unique(self._classes.of_token).tolist():
            of_element[element] = name(self._classes.vectors[element])
        class_of = of_element.take(self._classes.of_token)
        for token, column in (*tails.items(), *heads.items()):
            class_of[token] = name(column)
        return class_of, np.array(found)
