"""Token masks for constraints, by xgrammar: compiled once per content, walked token by token.

What goes in is written by `lowering`, and whatever xgrammar warns about is refused. Control tokens have no bytes here,
so no mask allows one, but for those that a structural tag names: it has a vocabulary in which they have bytes that no
text has. End tokens are allowed only where the text may be complete.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable, Sequence
from functools import cached_property
from importlib.metadata import version
from typing import Any, Protocol

import numpy as np

from lmc.backend.masks.disk import DiskCache
from lmc.backend.masks.grammar_bytes import GrammarBytes
from lmc.backend.masks.grammar_jumps import Forcing, GrammarJumps
from lmc.backend.masks.grammar_nfa import Unread, nfa_of
from lmc.backend.masks.lowering import NO_CONTROLS, Controls, compile_source, source_of
from lmc.backend.masks.productive import endless_rule
from lmc.backend.masks.stderr import caught_warnings
from lmc.backend.matcher import Int32
from lmc.codes import EMPTY, ENDLESS, INVALID, UNSUPPORTED
from lmc.errors import ConstraintError
from lmc.ir.constraint import (
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
from lmc.recent import Recent

Compiled = Any  # xgrammar.CompiledGrammar; xgrammar is imported on use and has no types
Handle = Any  # xgrammar.GrammarMatcher

Key = tuple[str, str | tuple[str, ...]]  # kind and content

NO_TEXT = b"\xff"  # in no UTF-8: no character of a grammar is spelt with it
MAX_COMPILED = 256
MAX_COMPILED_BYTES = 128 << 20
MAX_THREADS = 8
_PLACE = re.compile(r"\[\d\d:\d\d:\d\d\] \S+:\d+: ")


class Vocabulary(Protocol):
    """What masks need of a tokenizer; `turn_ids` are the control tokens that turns of a conversation are made of."""

    eos_ids: frozenset[int]

    @property
    def turn_ids(self) -> frozenset[int]: ...

    def vocab_bytes(self) -> list[bytes]:
        """The bytes of each token by id, b"" for control tokens."""

    def control_tokens(self) -> dict[str, int]:
        """The ids of control tokens by their text."""


class XGrammarMasks:
    """A MaskFactory: makes matchers for one tokenizer and one width of logits. Any thread may call it.

    vocab_size      width of the logits; ids past the vocabulary are padding and never allowed
    jumps           what is forced; nothing, where there is none
    with_controls   whether constraints may ask for control tokens by id; structural tags are made by such masks
    """

    def __init__(
        self,
        tokenizer: Vocabulary,
        vocab_size: int,
        disk: DiskCache | None = None,
        *,
        jumps: GrammarJumps | None = None,
        with_controls: bool = False,
    ) -> None:
        self.vocab_size = vocab_size
        self._with_controls = with_controls
        self.eos_ids = frozenset(i for i in tokenizer.eos_ids if 0 <= i < vocab_size)
        self._tokenizer = tokenizer
        self._disk = disk
        self._jumps = jumps
        self._compiled: Recent[Key, Compiled] = Recent(
            "grammars of xgrammar", MAX_COMPILED, size=_bytes_of, max_bytes=MAX_COMPILED_BYTES
        )
        self._compiling = threading.Lock()

    def make(self, constraint: Constraint) -> XGrammarMatcher:
        """A matcher at the start of the text.

        Raises ConstraintError where no text satisfies the constraint, where it is not well formed, or where
        xgrammar would follow only a part of it.
        """
        import xgrammar

        if isinstance(constraint, StructuralTag | ToolCalls) and not self._with_controls:
            return self._for_tags.make(constraint)
        compiled = self._compile(constraint)
        forcing = None if self._jumps is None else self._jumps.of(_key(constraint), compiled)
        return XGrammarMatcher(self, xgrammar.GrammarMatcher(compiled), forcing=forcing)

    def is_quick(self, constraint: Constraint) -> bool:
        """Whether it has been compiled."""
        if isinstance(constraint, StructuralTag | ToolCalls) and not self._with_controls:
            return self._for_tags.is_quick(constraint)
        return _key(constraint) in self._compiled

    def walk(self, constraint: Constraint) -> GrammarBytes | None:
        """The bytes of a constraint as an automaton; None where there is none. Raises as `make` does."""
        masks = self._for_tags if isinstance(constraint, StructuralTag | ToolCalls) else self
        try:
            return GrammarBytes(nfa_of(masks._compile(constraint).grammar))
        except (Unread, RuntimeError):  # also what xgrammar raises
            return None

    def _compile(self, constraint: Constraint) -> Compiled:
        key = _key(constraint)
        found = self._compiled.get(key)
        if found is None:
            with self._compiling:  # one compilation at a time: it uses all cores by itself
                found = self._compiled.get(key) or self._checked(constraint)
                self._compiled.put(key, found)
        return found

    def _checked(self, constraint: Constraint) -> Compiled:
        """The compiled constraint, of which at least one first token (or the empty text) is possible."""
        import xgrammar

        compiled = self._from_disk(constraint)
        if compiled is not None:
            return compiled
        compiled = self._lowered(constraint)
        rule = endless_rule(str(compiled.grammar))
        if rule is not None:
            raise endless(constraint, rule)
        start = XGrammarMatcher(self, xgrammar.GrammarMatcher(compiled))
        mask = start.mask()
        if not start.can_stop() and not mask.any():
            raise empty(constraint)
        if self._disk is not None:
            text = compiled.serialize_json()
            self._disk.put([_sha256(text), text], *self._disk_key(constraint))
        return compiled

    def _from_disk(self, constraint: Constraint) -> Compiled | None:
        """What was compiled before; only what passed all checks was kept, and what cannot be read is a miss."""
        import xgrammar

        kept = None if self._disk is None else self._disk.get(*self._disk_key(constraint))
        if not isinstance(kept, list) or len(kept) != 2 or kept[0] != _sha256(str(kept[1])):
            return None
        try:
            return xgrammar.CompiledGrammar.deserialize_json(kept[1], self._info)
        except RuntimeError:
            return None

    def _disk_key(self, constraint: Constraint) -> tuple[str, ...]:
        kind, content = _key(constraint)
        return "xgrammar", version("xgrammar"), self._digest, kind, repr(content)

    @cached_property
    def _digest(self) -> str:
        return _sha256(repr((self.spellings, sorted(self.eos_ids), self.vocab_size)))

    def _lowered(self, constraint: Constraint) -> Compiled:
        def compile() -> Compiled:
            source = source_of(constraint, self._controls)
            if source is None:
                raise empty(constraint)
            return compile_source(source, self._compiler)

        return _refusing(compile, constraint)

    @cached_property
    def _controls(self) -> Controls:
        """The control tokens that constraints may ask for by id."""
        if not self._with_controls:
            return NO_CONTROLS
        found = {name: id for name, id in self._tokenizer.control_tokens().items() if id < self.vocab_size}
        # an end token is refused where a tag holds it
        return Controls(found, self.eos_ids, self._tokenizer.turn_ids - self.eos_ids)

    @cached_property
    def _for_tags(self) -> XGrammarMasks:
        """Masks that may ask for control tokens by id: these have another vocabulary."""
        return XGrammarMasks(self._tokenizer, self.vocab_size, self._disk, jumps=self._jumps, with_controls=True)

    @cached_property
    def spellings(self) -> list[bytes]:
        """The bytes of each id that text may be made of; b"" for control, end and padding ids."""
        spelt = self._tokenizer.vocab_bytes()[: self.vocab_size]
        spelt += [b""] * (self.vocab_size - len(spelt))
        for name, id in self._controls.ids.items():
            spelt[id] = NO_TEXT + name.encode()
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

        return xgrammar.GrammarCompiler(self._info, max_threads=MAX_THREADS, cache_enabled=False)

    @cached_property
    def _info(self) -> Any:  # xgrammar.TokenizerInfo
        import xgrammar

        return xgrammar.TokenizerInfo(
            self.spellings,
            xgrammar.VocabType.RAW,
            vocab_size=self.vocab_size,
            stop_token_ids=sorted(self.eos_ids),
        )


class XGrammarMatcher:
    """A Matcher: one text under a constraint, as far as it has come. For one thread."""

    def __init__(
        self, masks: XGrammarMasks, handle: Handle, *, mask: Int32 | None = None, forcing: Forcing | None = None
    ) -> None:
        self._masks = masks
        self._handle = handle
        self._mask = mask  # of the state now, None until asked for
        self._forcing = forcing  # None where nothing is ever forced

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
        if self._forcing is not None:
            self._forcing.write(self._masks.spellings[id])
        return True

    def continued(self, id: int) -> bool:
        """False: only after a token has been taken does xgrammar know whether text may follow."""
        return False

    def is_done(self) -> bool:
        """True where the text is complete and nothing but an end token may follow."""
        return self.can_stop() and not (self.mask() & ~self._masks.eos_mask).any()

    def can_stop(self) -> bool:
        """True where the text so far satisfies the constraint."""
        return bool(self._handle.is_completed())

    @property
    def has_mask(self) -> bool:
        """True: each is made anew."""
        return True

    @property
    def may_force(self) -> bool:
        """False where nothing is ever jumped over."""
        return self._forcing is not None

    def forced(self, ids: Sequence[int]) -> tuple[int, ...]:
        """The tokens that come next whatever the model says, `ids` being those so far."""
        return () if self._forcing is None else self._forcing.tokens(ids)

    def fork(self) -> XGrammarMatcher:
        """An independent matcher in the same state."""
        forcing = None if self._forcing is None else self._forcing.fork()
        return XGrammarMatcher(self._masks, self._handle.fork(), mask=self._mask, forcing=forcing)


def _bytes_of(key: Key, compiled: Compiled) -> int:
    return int(compiled.memory_size_bytes)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _bitmask(ids: list[int] | slice, width: int) -> Int32:
    bits = np.zeros(-(-width // 32) * 32, dtype=np.uint8)
    bits[ids] = 1
    return np.packbits(bits, bitorder="little").view(np.int32)


def _key(constraint: Constraint) -> Key:
    match constraint:
        case Regex(pattern):
            return "regex", pattern
        case Choices(options):
            return "choices", options
        case JsonSchema(text, spacing=spacing, closed=closed):
            return "schema", (spacing, "closed" if closed else "open", text)
        case Grammar(text):
            return "grammar", text
        case Lark(text, rules):
            return "lark", (text, "by xgrammar" if rules is None else "by rules")
        case StructuralTag(text, spacing=spacing, closed=closed):
            return "tag", (spacing, "closed" if closed else "open", text)
        case ToolCalls(text):
            return "tools", text


def _refusing(compile: Callable[[], Compiled], constraint: Constraint) -> Compiled:
    """What `compile` makes. Raises ConstraintError where xgrammar complains, even if it would go on."""
    try:
        with caught_warnings() as warnings:
            compiled = compile()
    except (RuntimeError, UnicodeDecodeError) as error:
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


CLOSED = ", closed as it is: objects have only the properties that it tells"


def empty(constraint: Constraint | Fused) -> ConstraintError:
    """The error of a constraint that nothing satisfies."""
    is_closed = isinstance(constraint, JsonSchema) and constraint.closed
    return ConstraintError(
        f"no text satisfies {_named(constraint)}" + (CLOSED if is_closed else ""),
        code=EMPTY,
        help="a generation under it could not begin; allow at least one text that the vocabulary can spell",
    )


def endless(constraint: Constraint, rule: str) -> ConstraintError:
    """The error of a grammar in which a rule never ends."""
    return ConstraintError(
        f"{_named(constraint)} leads to the rule `{rule}`, which never ends",
        code=ENDLESS,
        help="give the recursion a way out: another alternative, or a part that may be absent",
    )


def _named(constraint: Constraint | Fused) -> str:
    match constraint:
        case Regex(pattern):
            return f"the regex {pattern!r}"
        case Fused(parts):
            return f"the fused form {parts!r}"
        case Choices(options):
            return f"the choices {options!r}"
        case JsonSchema():
            return "the JSON schema"
        case Grammar():
            return "the grammar"
        case Lark():
            return "the Lark grammar"
        case StructuralTag():
            return "the structural tag"
        case ToolCalls(format=format):
            return f"the tool format {format!r}"
