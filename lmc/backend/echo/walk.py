"""What a constraint lets come next, as an automaton: the one that engines make their masks of.

What is regular goes character by character and needs the standard library alone. Grammars, structural tags, tool calls
and schemas that recur go byte by byte, by `backend.masks`, which is loaded when the first of them is met. Echo's
tokens are bytes; a control token is MARK and its name, and those that end a generation take no part: they are spelt.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Protocol

from lmc.codes import EMPTY
from lmc.errors import ConstraintError
from lmc.ir.automaton.algebra import one_of
from lmc.ir.automaton.dfa import DEAD, CharDfa
from lmc.ir.constraint import Choices, Constraint, JsonSchema, Regex
from lmc.ir.json_schema.findings import NotRegular
from lmc.ir.ranges import SURROGATES
from lmc.ir.regex import RegexTree
from lmc.tokenizer.byte_tokenizer import ByteTokenizer

if TYPE_CHECKING:
    from lmc.backend.masks.factory import ConstraintMasks
    from lmc.backend.masks.grammar_bytes import GrammarBytes
    from lmc.backend.matcher import Matcher

MARK = 0xFF  # in no UTF-8; masks spell control tokens so
# bytes that are alike enough where nothing says which lead to the same
_ALL = range(256)
_ALIKE = (range(0x61, 0x7B), range(0x30, 0x3A), range(0x41, 0x5B), range(0x80, 0xC0), range(0xC0, 0x100))


class TextWalk(Protocol):
    """An automaton over characters or bytes, made as it is walked; states are numbers, DEAD is 0."""

    @property
    def start(self) -> int:
        """The state before any text."""

    def step(self, state: int, symbol: int) -> int:
        """The state after one more character or byte, DEAD where no text goes on so."""

    def is_accepting(self, state: int) -> bool:
        """Whether a text may end here."""

    def ways(self, state: int) -> Sequence[Sequence[int]]:
        """What may come next, in groups of what is alike; of characters, those of ASCII where a group has any."""

    def rest(self, state: int) -> bytes | None:
        """A shortest way to an end; None where it is not known."""

    def spell(self, symbol: int) -> bytes:
        """The bytes of a character or byte."""


class Walks:
    """Makes the walks of constraints, for one thread at a time."""

    def __init__(self, tokenizer: ByteTokenizer) -> None:
        self._tokenizer = _Vocabulary(tokenizer)
        self._masks: ConstraintMasks | None = None

    def of(self, constraint: Constraint) -> TextWalk:
        """The walk of a constraint. Raises ConstraintError where no text satisfies it or it cannot be followed."""
        if isinstance(constraint, Regex | Choices | JsonSchema):
            try:
                walk = CharWalk(CharDfa(_tree(constraint)))
            except NotRegular:
                return self._by_masks(constraint)
            if walk.start == DEAD:
                raise _empty(constraint)
            return walk
        return self._by_masks(constraint)

    def _by_masks(self, constraint: Constraint) -> TextWalk:
        from lmc.backend.masks.factory import ConstraintMasks

        if self._masks is None:
            self._masks = ConstraintMasks(self._tokenizer, len(self._tokenizer.vocab_bytes()), "off")
        matcher = self._masks.make(constraint)
        walk = self._masks.grammars.walk(constraint)
        return MatcherWalk(matcher, self._tokenizer.control_tokens()) if walk is None else GrammarWalk(walk)


class CharWalk:
    """A regular language, character by character."""

    def __init__(self, dfa: CharDfa) -> None:
        self._dfa = dfa
        self._said: dict[int, Sequence[int]] = {}  # by mask
        self.start = dfa.start

    def step(self, state: int, symbol: int) -> int:
        """The state after one more character."""
        cls = self._dfa.alphabet.class_of(symbol)
        return self._dfa.row(state)[cls] if cls >= 0 else DEAD

    def is_accepting(self, state: int) -> bool:
        """Whether a text may end here."""
        return self._dfa.is_accepting(state)

    def ways(self, state: int) -> Sequence[Sequence[int]]:
        """The characters of each way: those of ASCII, or else one."""
        found = [self._of(mask) for mask, _ in self._dfa.moves(state)]
        return [group for group in found if group]

    def rest(self, state: int) -> None:
        """Not known without looking for it."""

    def spell(self, symbol: int) -> bytes:
        """The bytes of a character."""
        return chr(symbol).encode()

    def _of(self, mask: int) -> Sequence[int]:
        found = self._said.get(mask)
        if found is None:
            found = self._said[mask] = _sample(self._dfa.alphabet.ranges(mask))
        return found


class GrammarWalk:
    """A grammar, byte by byte."""

    def __init__(self, walk: GrammarBytes) -> None:
        from lmc.backend.masks.grammar_ends import GrammarEnds

        self.start, self.step, self.is_accepting, self.ways = walk.start, walk.step, walk.is_accepting, walk.ways
        self.rest = GrammarEnds(walk).rest

    def spell(self, symbol: int) -> bytes:
        """The byte."""
        return bytes((symbol,))


class MatcherWalk:
    """A matcher as an automaton: a state for every text."""

    def __init__(self, matcher: Matcher, controls: dict[str, int]) -> None:
        self._controls = {id: bytes((MARK,)) + name.encode() for name, id in controls.items()}
        self._matchers: list[Matcher] = [matcher, matcher]
        self._targets: list[dict[int, int]] = [{}, {}]
        self.start = 1

    def step(self, state: int, symbol: int) -> int:
        """The state after one more byte."""
        found = self._targets[state].get(symbol)
        if found is None:
            after = self._matchers[state].fork()
            found = self._targets[state][symbol] = len(self._matchers) if after.accept(symbol) else DEAD
            if found != DEAD:
                self._matchers.append(after)
                self._targets.append({})
        return found

    def is_accepting(self, state: int) -> bool:
        """Whether a text may end here."""
        return self._matchers[state].can_stop()

    def ways(self, state: int) -> Sequence[Sequence[int]]:
        """The bytes that may come next; letters together, and digits."""
        mask = self._matchers[state].mask()
        allowed = _ALL if mask is None else _allowed(mask.tobytes())
        groups: dict[int, list[int]] = {}
        for id in allowed:
            if id < 256 or id in self._controls:
                alike = next((number for number, one in enumerate(_ALIKE) if id in one), 256 + id)
                groups.setdefault(alike, []).append(id)
        return list(groups.values())

    def rest(self, state: int) -> None:
        """Not known without looking for it."""

    def spell(self, symbol: int) -> bytes:
        """The bytes of a token."""
        return self._controls.get(symbol) or bytes((symbol,))


class _Vocabulary:
    """Echo's tokens as masks see them."""

    turn_ids: frozenset[int] = frozenset()

    def __init__(self, tokenizer: ByteTokenizer) -> None:
        self.eos_ids = tokenizer.eos_ids
        self.encode = tokenizer.encode
        self._controls = {name: id for name, id in tokenizer.control_tokens().items() if id not in self.eos_ids}
        self._size = tokenizer.vocab_size

    def vocab_bytes(self) -> list[bytes]:
        return [bytes((id,)) if id < 256 else b"" for id in range(self._size)]

    def control_tokens(self) -> dict[str, int]:
        return self._controls


def _sample(ranges: Iterable[tuple[int, int]]) -> Sequence[int]:
    """The characters of ASCII, or else the first one; none where there are surrogates alone."""
    spans = [part for low, high in ranges for part in _without_surrogates(low, high)]
    found = [code for low, high in spans for code in range(low, min(high, 0x7F) + 1)]
    return found or [spans[0][0]] if spans else ()


def _without_surrogates(low: int, high: int) -> list[tuple[int, int]]:
    first, last = SURROGATES
    return [(a, b) for a, b in ((low, min(high, first - 1)), (max(low, last + 1), high)) if a <= b]


def _allowed(mask: bytes) -> Sequence[int]:
    bits = int.from_bytes(mask, "little")
    return [id for id in range(8 * len(mask)) if bits >> id & 1]


def _tree(constraint: Regex | Choices | JsonSchema) -> RegexTree:
    match constraint:
        case Regex(_, tree):
            return tree
        case Choices(options):
            return one_of(options)
        case JsonSchema():
            from lmc.ir.json_schema.regular import regular_tree

            return regular_tree(constraint)


def _empty(constraint: Regex | Choices | JsonSchema) -> ConstraintError:
    what = f"the pattern {constraint.pattern!r}" if isinstance(constraint, Regex) else "the JSON schema"
    return ConstraintError(f"no text satisfies {what}", code=EMPTY, help="allow at least one text")
