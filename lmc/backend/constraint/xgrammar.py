"""Token masks for constraints, by xgrammar: compiled once per content, walked token by token.

xgrammar's front ends are kept at a distance: regexes and choices go in as EBNF that we write (`ebnf`), schemas are
audited and rewritten first (`schema`), and whatever it warns about is refused. Control tokens have no bytes here,
so no mask allows one; end tokens are allowed only where the text may be complete.
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from lmc.backend.constraint.ebnf import choices_tree, tree_ebnf
from lmc.backend.constraint.schema import lower_schema
from lmc.backend.constraint.stderr import caught_warnings
from lmc.errors import ConstraintError
from lmc.ir.constraint import Choices, Constraint, Fused, Grammar, JsonSchema, Regex

Int32 = npt.NDArray[np.int32]
Compiled = Any  # xgrammar.CompiledGrammar; xgrammar is imported on use and has no types
Handle = Any  # xgrammar.GrammarMatcher

MAX_COMPILED = 256
MAX_THREADS = 8
_PLACE = re.compile(r"^\[\d\d:\d\d:\d\d\] \S+:\d+: ")

EMPTY, INVALID, UNSUPPORTED = "LMC-CN001", "LMC-CN002", "LMC-CN003"


class Vocabulary(Protocol):
    """What masks need of a tokenizer."""

    eos_ids: frozenset[int]

    def vocab_bytes(self) -> list[bytes]:
        """The bytes of each token by id, b"" for control tokens."""


class XGrammarMasks:
    """A MaskFactory: makes matchers for one tokenizer and one width of logits. Any thread may call it.

    vocab_size   width of the logits; ids past the vocabulary are padding and never allowed
    """

    def __init__(self, tokenizer: Vocabulary, vocab_size: int) -> None:
        self.vocab_size = vocab_size
        self.eos_ids = frozenset(i for i in tokenizer.eos_ids if 0 <= i < vocab_size)
        self._tokenizer = tokenizer
        self._compiled: OrderedDict[tuple[str, str | tuple[str, ...]], Compiled] = OrderedDict()
        self._lock = threading.Lock()

    def make(self, constraint: Constraint) -> XGrammarMatcher:
        """A matcher at the start of the text.

        Raises ConstraintError where no text satisfies the constraint, where it is not well formed, or where
        xgrammar would follow only a part of it.
        """
        import xgrammar

        return XGrammarMatcher(self, xgrammar.GrammarMatcher(self._compile(constraint)))

    def _compile(self, constraint: Constraint) -> Compiled:
        key = _key(constraint)
        with self._lock:  # one compilation at a time: it uses all cores by itself
            if key not in self._compiled:
                self._compiled[key] = self._checked(constraint)
            self._compiled.move_to_end(key)
            if len(self._compiled) > MAX_COMPILED:
                self._compiled.popitem(last=False)
            return self._compiled[key]

    def _checked(self, constraint: Constraint) -> Compiled:
        """The compiled constraint, of which at least one first token (or the empty text) is possible."""
        import xgrammar

        compiled = self._lowered(constraint)
        start = XGrammarMatcher(self, xgrammar.GrammarMatcher(compiled))
        mask = start.mask()
        if start.can_stop() or mask is None or mask.any():
            return compiled
        raise empty(constraint)

    def _lowered(self, constraint: Constraint) -> Compiled:
        match constraint:
            case Regex(_, tree):
                return self._from_ebnf(tree_ebnf(tree), constraint)
            case Choices(options):
                return self._from_ebnf(tree_ebnf(choices_tree(options)), constraint)
            case Grammar(text):
                return self._from_ebnf(text, constraint)
            case JsonSchema(_, schema):
                return self._from_schema(lower_schema(schema), constraint)

    def _from_ebnf(self, text: str | None, constraint: Constraint) -> Compiled:
        if text is None:
            raise empty(constraint)
        return _refusing(lambda: self._compiler.compile_grammar(text), constraint)

    def _from_schema(self, text: str, constraint: Constraint) -> Compiled:
        # strict mode closes open objects, which changes what a schema means
        compile = self._compiler.compile_json_schema
        return _refusing(lambda: compile(text, any_whitespace=False, strict_mode=False), constraint)

    @cached_property
    def spellings(self) -> list[bytes]:
        """The bytes of each id that text may be made of; b"" for control, end and padding ids."""
        spelt = self._tokenizer.vocab_bytes()[: self.vocab_size]
        spelt += [b""] * (self.vocab_size - len(spelt))
        return [b"" if i in self.eos_ids else text for i, text in enumerate(spelt)]

    @cached_property
    def eos_mask(self) -> Int32:
        """[ceil(V / 32)] int32, a bit for each end token."""
        return _bitmask(sorted(self.eos_ids), self.vocab_size)

    @cached_property
    def tail_mask(self) -> Int32:
        """[ceil(V / 32)] int32, a bit for each id: xgrammar sets the bits past the last id too."""
        return _bitmask(slice(self.vocab_size), self.vocab_size)

    @cached_property
    def _compiler(self) -> Any:  # xgrammar.GrammarCompiler
        import xgrammar

        vocabulary = xgrammar.TokenizerInfo(
            self.spellings,
            xgrammar.VocabType.RAW,
            vocab_size=self.vocab_size,
            stop_token_ids=sorted(self.eos_ids),
        )
        return xgrammar.GrammarCompiler(vocabulary, max_threads=MAX_THREADS, cache_enabled=False)


class XGrammarMatcher:
    """A Matcher: one text under a constraint, as far as it has come. For one thread."""

    def __init__(self, masks: XGrammarMasks, handle: Handle, mask: Int32 | None = None) -> None:
        self._masks = masks
        self._handle = handle
        self._mask = mask  # of the state now, None until asked for

    def mask(self) -> Int32:
        """[ceil(V / 32)] int32, bit i % 32 of word i // 32 set where token i may come next; not to be written to."""
        if self._mask is None:
            mask = np.zeros((1, -(-self._masks.vocab_size // 32)), dtype=np.int32)
            self._handle.fill_next_token_bitmask(mask, 0)
            mask &= self._masks.tail_mask
            mask.setflags(write=False)
            self._mask = mask[0]
        return self._mask

    def accept(self, id: int) -> bool:
        """Take a token; False, and no change, where it is not allowed. An end token changes nothing either way."""
        if id in self._masks.eos_ids:
            return self.can_stop()
        if not 0 <= id < self._masks.vocab_size or not self._masks.spellings[id]:
            return False  # xgrammar would refuse it too, and print a warning
        if not self._handle.accept_token(id):
            return False
        self._mask = None
        return True

    def is_done(self) -> bool:
        """True where the text is complete and nothing but an end token may follow."""
        return self.can_stop() and not (self.mask() & ~self._masks.eos_mask).any()

    def can_stop(self) -> bool:
        """True where the text so far satisfies the constraint."""
        return bool(self._handle.is_completed())

    def forced(self, ids: Sequence[int]) -> tuple[int, ...]:
        """Nothing: what a grammar forces is left to its masks, since its continuations cannot all be looked at."""
        return ()

    def fork(self) -> XGrammarMatcher:
        """An independent matcher in the same state."""
        return XGrammarMatcher(self._masks, self._handle.fork(), self._mask)


def _bitmask(ids: list[int] | slice, width: int) -> Int32:
    bits = np.zeros(-(-width // 32) * 32, dtype=np.uint8)
    bits[ids] = 1
    return np.packbits(bits, bitorder="little").view(np.int32)


def _key(constraint: Constraint) -> tuple[str, str | tuple[str, ...]]:
    match constraint:
        case Regex(pattern):
            return "regex", pattern
        case Choices(options):
            return "choices", options
        case JsonSchema(text) | Grammar(text):
            return type(constraint).__name__, text


def _refusing(compile: Callable[[], Compiled], constraint: Constraint) -> Compiled:
    """What `compile` makes. Raises ConstraintError where xgrammar complains, even if it would go on."""
    try:
        with caught_warnings() as warnings:
            compiled = compile()
    except RuntimeError as error:
        message = _PLACE.sub("", str(error)).strip()
        raise ConstraintError(f"{_named(constraint)} is not valid: {message}", code=INVALID) from error
    if warnings:
        raise ConstraintError(
            f"{_named(constraint)} would be followed only in part",
            code=UNSUPPORTED,
            notes=tuple(f"xgrammar: {warning}" for warning in warnings),
            help="remove the part, or check it after the generation",
        )
    return compiled


def empty(constraint: Constraint | Fused) -> ConstraintError:
    """The error of a constraint that nothing satisfies."""
    return ConstraintError(
        f"no text satisfies {_named(constraint)}",
        code=EMPTY,
        help="a generation under it could not begin; allow at least one text that the vocabulary can spell",
    )


def _named(constraint: Constraint | Fused) -> str:
    match constraint:
        case Regex(pattern):
            return f"the regex {pattern!r}"
        case Fused(parts):
            return f"the fused row {parts!r}"
        case Choices(options):
            return f"the choices {options!r}"
        case JsonSchema():
            return "the JSON schema"
        case Grammar():
            return "the grammar"
