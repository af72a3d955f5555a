"""Masks for every constraint: regular ones by our own automata, schemas and grammars by xgrammar.

A regular constraint is compiled once per content and shared by all its matchers; a mask is made when its state is
first visited and kept.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from functools import cached_property
from typing import Protocol

from lmc.backend.constraint.ebnf import choices_tree
from lmc.backend.constraint.jumps import Boundary, Jumps
from lmc.backend.constraint.stable import Encoder
from lmc.backend.constraint.token_masks import TokenMasks
from lmc.backend.constraint.trie import TokenTrie
from lmc.backend.constraint.xgrammar import Int32, Vocabulary, XGrammarMasks, empty
from lmc.backend.engine.masks import Matcher
from lmc.ir.automaton.dfa import DEAD
from lmc.ir.constraint import Choices, Constraint, Regex
from lmc.ir.regex import RegexTree

MAX_COMPILED = 256


class TextVocabulary(Vocabulary, Encoder, Protocol):
    """What constraints need of a tokenizer."""


class ConstraintMasks:
    """A MaskFactory for one tokenizer and one width of logits. Any thread may make matchers; one thread moves them.

    vocab_size   width of the logits; ids past the vocabulary are padding and never allowed
    boundary     how forced text is jumped over (see jumps.py)
    """

    def __init__(self, tokenizer: TextVocabulary, vocab_size: int, boundary: Boundary = "exact") -> None:
        self.vocab_size = vocab_size
        self.boundary = boundary
        self.encoder: Encoder = tokenizer
        self.grammars = XGrammarMasks(tokenizer, vocab_size)
        self.eos_ids, self.eos_mask = self.grammars.eos_ids, self.grammars.eos_mask
        self._compiled: OrderedDict[Constraint, EndingMasks] = OrderedDict()
        self._lock = threading.Lock()

    def make(self, constraint: Constraint) -> Matcher:
        """A matcher at the start of the text.

        Raises ConstraintError where no text satisfies the constraint or where it cannot be followed exactly.
        """
        if not isinstance(constraint, Regex | Choices):
            return self.grammars.make(constraint)
        with self._lock:
            if constraint not in self._compiled:
                self._compiled[constraint] = self._checked(constraint)
            self._compiled.move_to_end(constraint)
            if len(self._compiled) > MAX_COMPILED:
                self._compiled.popitem(last=False)
            return AutomatonMatcher(self._compiled[constraint])

    @property
    def spellings(self) -> list[bytes]:
        """The bytes of each id that text may be made of; b"" for control, end and padding ids."""
        return self.grammars.spellings

    def _checked(self, constraint: Regex | Choices) -> EndingMasks:
        tree = constraint.tree if isinstance(constraint, Regex) else choices_tree(constraint.options)
        made = EndingMasks(self._trie, tree, self.eos_ids, self.eos_mask, self.encoder, self.boundary)
        if made.start == DEAD or not made.with_ends(made.start).any():
            raise empty(constraint)
        return made

    @cached_property
    def _trie(self) -> TokenTrie:
        return TokenTrie(self.spellings)


class EndingMasks(TokenMasks):
    """The masks of one constraint, with the end tokens where the text may be complete, and its jumps."""

    def __init__(
        self,
        trie: TokenTrie,
        tree: RegexTree,
        eos_ids: frozenset[int],
        eos_mask: Int32,
        encoder: Encoder,
        boundary: Boundary,
    ) -> None:
        super().__init__(trie, tree)
        self.jumps = Jumps(self.dfa, encoder, trie, boundary)
        self.eos_ids, self.eos_mask = eos_ids, eos_mask
        self.num_ids = trie.size
        self._ending: dict[int, Int32] = {}

    def with_ends(self, state: int) -> Int32:
        """[ceil(V / 32)] int32, `mask` and the end tokens; not to be written to."""
        if not self.is_accepting(state):
            return self.mask(state)
        found = self._ending.get(state)
        if found is None:
            found = self._ending[state] = self.mask(state) | self.eos_mask
            found.setflags(write=False)
        return found


class AutomatonMatcher:
    """A Matcher: one text under a regular constraint, as far as it has come. For one thread."""

    def __init__(self, masks: EndingMasks, state: int | None = None) -> None:
        self._masks = masks
        self._state = masks.start if state is None else state

    def mask(self) -> Int32:
        """[ceil(V / 32)] int32, bit i % 32 of word i // 32 set where token i may come next; not to be written to."""
        return self._masks.with_ends(self._state)

    def accept(self, id: int) -> bool:
        """Take a token; False, and no change, where it is not allowed. An end token changes nothing either way."""
        if id in self._masks.eos_ids:
            return self.can_stop()
        if not 0 <= id < self._masks.num_ids:
            return False
        state = self._masks.next(self._state, id)
        if state == DEAD:
            return False
        self._state = state
        return True

    def is_done(self) -> bool:
        """True where the text is complete and nothing but an end token may follow."""
        return self.can_stop() and not self._masks.mask(self._state).any()

    def can_stop(self) -> bool:
        """True where the text so far satisfies the constraint."""
        return self._masks.is_accepting(self._state)

    def forced(self, ids: Sequence[int]) -> tuple[int, ...]:
        """The tokens that come next whatever the model says, `ids` being those so far."""
        return self._masks.jumps.after(self._state, ids)

    def fork(self) -> AutomatonMatcher:
        """An independent matcher in the same state."""
        return AutomatonMatcher(self._masks, self._state)
