"""Masks for every constraint: regular ones by our own automata, grammars and schemas that recur by xgrammar.

A regular constraint is compiled once per content and shared by all its matchers; a mask is made when its state is
first visited and kept. A JSON schema is regular where it does not contain itself, and its automaton is not too large.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from functools import cached_property

from lmc.backend.constraint.disk import DiskCache
from lmc.backend.constraint.ebnf import choices_tree
from lmc.backend.constraint.token_masks import TokenMasks
from lmc.backend.constraint.trie import TokenTrie
from lmc.backend.constraint.xgrammar import Int32, Vocabulary, XGrammarMasks, empty
from lmc.backend.engine.masks import Matcher
from lmc.errors import ConstraintError
from lmc.ir.automaton.algebra import states
from lmc.ir.automaton.dfa import DEAD, TOO_LARGE, CharDfa
from lmc.ir.constraint import Choices, Constraint, Grammar, JsonSchema, Regex
from lmc.ir.json_schema.findings import Finding, NotRegular, SchemaError
from lmc.ir.json_schema.lower import lower
from lmc.ir.regex import RegexTree

MAX_COMPILED = 256
MAX_SCHEMA_STATES = 15_000


class ConstraintMasks:
    """A MaskFactory for one tokenizer and one width of logits. Any thread may make matchers; one thread moves them.

    vocab_size   width of the logits; ids past the vocabulary are padding and never allowed
    """

    def __init__(self, tokenizer: Vocabulary, vocab_size: int, disk: DiskCache | None = None) -> None:
        self.vocab_size = vocab_size
        self.grammars = XGrammarMasks(tokenizer, vocab_size, disk)
        self.eos_ids, self.eos_mask = self.grammars.eos_ids, self.grammars.eos_mask
        self._compiled: OrderedDict[Constraint, EndingMasks | NotRegular] = OrderedDict()
        self._lock = threading.Lock()

    def make(self, constraint: Constraint) -> Matcher:
        """A matcher at the start of the text.

        Raises ConstraintError where no text satisfies the constraint or where it cannot be followed exactly.
        """
        if isinstance(constraint, Grammar):
            return self.grammars.make(constraint)
        made = self._made(constraint)
        if isinstance(made, EndingMasks):
            return AutomatonMatcher(made)
        try:
            return self.grammars.make(constraint)
        except SchemaError as error:
            error.notes += (f"xgrammar was asked because of {made.finding}",)
            raise

    def _made(self, constraint: Regex | Choices | JsonSchema) -> EndingMasks | NotRegular:
        """The masks of a regular constraint, or why a schema is none."""
        with self._lock:
            if constraint not in self._compiled:
                self._compiled[constraint] = self._checked(constraint)
            self._compiled.move_to_end(constraint)
            if len(self._compiled) > MAX_COMPILED:
                self._compiled.popitem(last=False)
            return self._compiled[constraint]

    @property
    def spellings(self) -> list[bytes]:
        """The bytes of each id that text may be made of; b"" for control, end and padding ids."""
        return self.grammars.spellings

    def _checked(self, constraint: Regex | Choices | JsonSchema) -> EndingMasks | NotRegular:
        try:
            tree = _regular_tree(constraint)
        except NotRegular as reason:
            return reason
        made = EndingMasks(self._trie, tree, self.eos_ids, self.eos_mask)
        if made.start == DEAD or not made.with_ends(made.start).any():
            raise empty(constraint)
        return made

    @cached_property
    def _trie(self) -> TokenTrie:
        return TokenTrie(self.spellings)


def _regular_tree(constraint: Regex | Choices | JsonSchema) -> RegexTree:
    """The tree of a constraint. Raises NotRegular for a schema that recurs or has too many states."""
    match constraint:
        case Regex(_, tree):
            return tree
        case Choices(options):
            return choices_tree(options)
        case JsonSchema():
            return _schema_tree(constraint)


def _schema_tree(schema: JsonSchema) -> RegexTree:
    tree = lower(schema).tree
    try:
        for _ in states(CharDfa(tree, max_states=MAX_SCHEMA_STATES)):
            pass
    except ConstraintError as error:
        if error.code != TOO_LARGE:
            raise
        raise NotRegular(Finding("#", "(size)", "exact", error.message)) from None
    return tree


class EndingMasks(TokenMasks):
    """The masks of one constraint, with the end tokens where the text may be complete."""

    def __init__(self, trie: TokenTrie, tree: RegexTree, eos_ids: frozenset[int], eos_mask: Int32) -> None:
        super().__init__(trie, tree)
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

    def fork(self) -> AutomatonMatcher:
        """An independent matcher in the same state."""
        return AutomatonMatcher(self._masks, self._state)
