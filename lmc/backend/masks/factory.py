"""Masks for every constraint: regular ones and JSON schemas by our own automata, grammars by xgrammar.

A constraint is compiled once per content and shared by all its matchers; a mask is made when its state is first
visited and kept. A JSON schema that contains itself, or has too large an automaton, is many of them, which call each
other.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import cached_property
from typing import Protocol, TypeVar

from lmc.backend.masks.disk import DiskCache
from lmc.backend.masks.ending_masks import EndingMasks, Ends, PlacesMasks, RegularMasks
from lmc.backend.masks.fused_matcher import FusedMasks, FusedMatcher
from lmc.backend.masks.grammar_jumps import GrammarJumps
from lmc.backend.masks.jumps import Jump, Jumps
from lmc.backend.masks.matcher import AutomatonMatcher
from lmc.backend.masks.stable import Encoder
from lmc.backend.masks.trie import TokenTrie
from lmc.backend.masks.xgrammar import Vocabulary, XGrammarMasks, empty
from lmc.backend.matcher import Matcher
from lmc.codes import TOO_LARGE
from lmc.errors import ConstraintError
from lmc.giving_way import turn_ends
from lmc.ir.automaton.algebra import one_of
from lmc.ir.automaton.calls import CallDfa, call_dfa
from lmc.ir.automaton.dfa import DEAD
from lmc.ir.automaton.walk import ByteWalk
from lmc.ir.constraint import (
    Blank,
    Choices,
    Constraint,
    Fused,
    Grammar,
    JsonSchema,
    Lark,
    Regex,
    StructuralTag,
    ToolCalls,
)
from lmc.ir.json_schema.regular import placed, texts_of
from lmc.ir.regex import RegexTree
from lmc.recent import Recent

MAX_COMPILED = 256
MAX_COMPILED_BYTES = 128 << 20
SMALL = 1000  # characters of a constraint that is compiled in some milliseconds

M = TypeVar("M", EndingMasks, FusedMasks)


class TextVocabulary(Vocabulary, Encoder, Protocol):
    """What constraints need of a tokenizer."""


class ConstraintMasks:
    """A MaskFactory for one tokenizer and one width of logits. Any thread may make matchers; one thread moves them.

    vocab_size   width of the logits; ids past the vocabulary are padding and never allowed
    jump         how forced text is jumped over (see jumps.py)
    disk         keeps compiled grammars, and what is worked out of the vocabulary, where there is one
    """

    def __init__(
        self,
        tokenizer: TextVocabulary,
        vocab_size: int,
        jump: Jump = "exact",
        disk: DiskCache | None = None,
    ) -> None:
        self.vocab_size = vocab_size
        self._disk = disk
        self.jump = jump
        self.encoder: Encoder = tokenizer
        jumps = None if jump == "off" else GrammarJumps(self._jumps)
        self.grammars = XGrammarMasks(tokenizer, vocab_size, disk, jumps=jumps)
        self.eos_ids, self.eos_mask = self.grammars.eos_ids, self.grammars.eos_mask
        self._compiled: Recent[Constraint | Fused, EndingMasks | FusedMasks] = Recent(
            "automata of constraints", MAX_COMPILED, size=_bytes_of, max_bytes=MAX_COMPILED_BYTES
        )
        self._making: dict[Constraint | Fused, threading.Lock] = {}  # those that a thread is compiling
        self._lock = threading.Lock()  # never held while anything is compiled

    def make(self, constraint: Constraint | Fused) -> Matcher:
        """A matcher at the start of the text.

        Raises ConstraintError where no text satisfies the constraint or where it cannot be followed exactly.
        """
        if isinstance(constraint, Grammar | Lark | StructuralTag | ToolCalls):
            return self.grammars.make(constraint)
        made = self._made(constraint)
        return FusedMatcher(made) if isinstance(made, FusedMasks) else AutomatonMatcher(made)

    def is_quick(self, constraint: Constraint | Fused) -> bool:
        """Whether `make` is done in a moment: it has been compiled, or is small."""
        if isinstance(constraint, Grammar | Lark | StructuralTag | ToolCalls):
            return self.grammars.is_quick(constraint)
        if constraint in self._compiled:
            return True
        return "trie" in vars(self) and _length(constraint) <= SMALL

    def regular(self, tree: RegexTree) -> AutomatonMatcher:
        """A matcher at the start of a text of a regular language, whose masks are not kept."""
        return AutomatonMatcher(self._ending(tree))

    def _made(self, constraint: Regex | Choices | JsonSchema | Fused) -> EndingMasks | FusedMasks:
        with self._lock:
            known = self._known(constraint)
            if known is not None:
                return known
            making = self._making.setdefault(constraint, threading.Lock())
        with making:
            # by the thread that was here before
            with self._lock:
                known = self._known(constraint)
            if known is None:
                known = self._keep(constraint)
        return known

    def _known(self, constraint: Constraint | Fused) -> EndingMasks | FusedMasks | None:
        known = self._compiled.get(constraint)
        if known is None or known.is_worn:
            return None
        self._compiled.put(constraint, known)  # it grows while it is used
        return known

    def _keep(self, constraint: Regex | Choices | JsonSchema | Fused) -> EndingMasks | FusedMasks:
        try:
            made = self._checked(constraint)
            with self._lock:
                self._compiled.put(constraint, made)
            return made
        finally:
            with self._lock:
                self._making.pop(constraint, None)
            turn_ends()

    @property
    def spellings(self) -> list[bytes]:
        """The bytes of each id that text may be made of; b"" for control, end and padding ids."""
        return self.grammars.spellings

    def _checked(self, constraint: Regex | Choices | JsonSchema | Fused) -> EndingMasks | FusedMasks:
        if isinstance(constraint, Fused):
            form = self._of_form(constraint)
            return self._not_empty(form, *form.at(0), constraint)
        made = self._of_one(constraint)
        return self._not_empty(made, made, made.start, constraint)

    def _of_form(self, form: Fused) -> FusedMasks:
        """One automaton, or places where a schema of it is written in places by itself."""
        schemas = dict.fromkeys(_schemas_of(form))
        in_places = [schema for schema in schemas if isinstance(self._made(schema), PlacesMasks)]
        return FusedMasks(form, self._ending, self._calling, in_places)

    def _of_one(self, constraint: Regex | Choices | JsonSchema) -> EndingMasks:
        match constraint:
            case Regex(_, tree):
                return self._ending(tree)
            case Choices(options):
                return self._ending(one_of(options))
            case JsonSchema():
                return self._of_schema(constraint)

    def _of_schema(self, schema: JsonSchema) -> EndingMasks:
        """One automaton where that is small enough to begin with, else places that call each other."""
        texts = texts_of(schema)
        if not texts.places:
            try:
                made = self._ending(texts.tree)
                made.mask(made.start)
                return made
            except ConstraintError as error:
                if error.code != TOO_LARGE:
                    raise
                texts = placed(schema)
        return self._calling(call_dfa(texts.places))

    def _not_empty(self, made: M, masks: EndingMasks, start: int, constraint: Constraint | Fused) -> M:
        if start == DEAD or not masks.with_ends(start).any():
            raise empty(constraint)
        # while it is nobody's yet: what is forced at the start takes long to find in a large automaton
        masks.jumps.after(start, ())
        return made

    def _calling(self, chars: CallDfa) -> PlacesMasks:
        return PlacesMasks(self.trie, chars, self._ends)

    def _ending(self, tree: RegexTree) -> EndingMasks:
        return RegularMasks(self.trie, tree, self._ends)

    @cached_property
    def _ends(self) -> Ends:
        return Ends(self.eos_ids, self.eos_mask, self.encoder, self.jump)

    def _jumps(self, walk: ByteWalk) -> Jumps:
        return Jumps(walk, self.encoder, self.trie, self.jump)

    @cached_property
    def trie(self) -> TokenTrie:
        """The vocabulary as a tree."""
        return TokenTrie(self.spellings, self._disk)


def _bytes_of(constraint: Constraint | Fused, made: EndingMasks | FusedMasks) -> int:
    return made.num_bytes


def _schemas_of(form: Fused) -> Iterator[JsonSchema]:
    for part in form.parts:
        if isinstance(part, Blank) and isinstance(part.constraint, JsonSchema):
            yield part.constraint


def _length(constraint: Regex | Choices | JsonSchema | Fused) -> int:
    """Characters that say a constraint."""
    match constraint:
        case Regex(pattern):
            return len(pattern)
        case Choices(options):
            return sum(map(len, options))
        case JsonSchema(text):
            return len(text)
        case Fused():
            return len(repr(constraint))
