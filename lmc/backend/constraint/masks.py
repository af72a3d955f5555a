"""Masks for every constraint: regular ones by our own automata, schemas and grammars by xgrammar.

A regular constraint is compiled once per content and shared by all its matchers; a mask is made when its state is
first visited and kept.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from functools import cached_property
from typing import Protocol

from lmc.backend.constraint.ebnf import choices_tree
from lmc.backend.constraint.ending_masks import EndingMasks
from lmc.backend.constraint.fused import FusedMasks, FusedMatcher
from lmc.backend.constraint.jumps import Boundary
from lmc.backend.constraint.matcher import AutomatonMatcher
from lmc.backend.constraint.stable import Encoder
from lmc.backend.constraint.trie import TokenTrie
from lmc.backend.constraint.xgrammar import Vocabulary, XGrammarMasks, empty
from lmc.backend.engine.masks import Matcher
from lmc.ir.automaton.dfa import DEAD
from lmc.ir.constraint import Choices, Constraint, Fused, Regex
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
        self._compiled: OrderedDict[Constraint | Fused, EndingMasks | FusedMasks] = OrderedDict()
        self._lock = threading.Lock()

    def make(self, constraint: Constraint | Fused) -> Matcher:
        """A matcher at the start of the text.

        Raises ConstraintError where no text satisfies the constraint or where it cannot be followed exactly.
        """
        if not isinstance(constraint, Regex | Choices | Fused):
            return self.grammars.make(constraint)
        with self._lock:
            if constraint not in self._compiled:
                self._compiled[constraint] = self._checked(constraint)
            self._compiled.move_to_end(constraint)
            if len(self._compiled) > MAX_COMPILED:
                self._compiled.popitem(last=False)
            made = self._compiled[constraint]
        return FusedMatcher(made) if isinstance(made, FusedMasks) else AutomatonMatcher(made)

    @property
    def spellings(self) -> list[bytes]:
        """The bytes of each id that text may be made of; b"" for control, end and padding ids."""
        return self.grammars.spellings

    def _checked(self, constraint: Regex | Choices | Fused) -> EndingMasks | FusedMasks:
        made: EndingMasks | FusedMasks
        if isinstance(constraint, Fused):
            made = FusedMasks(constraint, self._ending)
            whole = made.at(0)
        else:
            made = whole = self._ending(
                constraint.tree if isinstance(constraint, Regex) else choices_tree(constraint.options)
            )
        if whole.start == DEAD or not whole.with_ends(whole.start).any():
            raise empty(constraint)
        return made

    def _ending(self, tree: RegexTree) -> EndingMasks:
        return EndingMasks(self._trie, tree, self.eos_ids, self.eos_mask, self.encoder, self.boundary)

    @cached_property
    def _trie(self) -> TokenTrie:
        return TokenTrie(self.spellings)
