"""ForcedTokens text as tokens: of what must come next, the tokens that stay as they are whatever comes after it.

ForcedTokens bytes F are certain, their tokens are not: the last of them may merge with what follows, and that may move
earlier ones. What may be emitted is the longest common prefix of encode(F + e) over all continuations e, the end of
the text among them. There are too many e to try, but few ways in which they matter: some token lies across the end of
F, or none does. For each cut c of F where that token can begin, texts that put it there are looked for (witnesses);
each is a real e, and so is its say. Where all that is known is that a token could begin at c, the tokens before it are
taken to be those of F[:c] alone: true of every tokenizer whose pieces do not depend on text behind them. That can
make the answer shorter than it might be, not longer. So it is where a search has walked MAX_STEPS bytes: whatever it
has not ruled out is possible.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from lmc.backend.masks.trie import TokenTrie
from lmc.common_prefix import common_len
from lmc.ir.automaton.compress import forced
from lmc.ir.automaton.dfa import DEAD
from lmc.ir.automaton.walk import ByteWalk

MAX_FORCED = 1024  # bytes of one forced text that are looked at
MAX_WITNESSES = 32  # tokens tried at one cut before the cut is taken for possible
LOOKAHEAD = 40  # characters of a witness after the token that lies across
MAX_STEPS = 20_000  # bytes walked behind one forced text
MAX_KEPT = 20_000  # answers


class Encoder(Protocol):
    """What is needed of a tokenizer; control tokens are never read from text."""

    def encode(self, text: str) -> list[int]: ...


@dataclass(frozen=True, slots=True)
class ForcedTokens:
    """Tokens that come next whatever the model says, and the state after them. Without tokens nothing is certain."""

    tokens: tuple[int, ...]
    state: int


class StableTokens:
    """The forced tokens of an automaton's states under one tokenizer, whose vocabulary `trie` has."""

    def __init__(self, dfa: ByteWalk, encoder: Encoder, trie: TokenTrie) -> None:
        self.dfa = dfa
        self.spellings = trie.spellings
        self._encoder = encoder
        self._vocab = trie.vocab
        self._found: dict[tuple[int, str], ForcedTokens] = {}

    def after(self, state: int, before: str = "") -> ForcedTokens:
        """What is forced from a state reached after the text `before`, whose tokens are final."""
        key = (state, before)
        if key not in self._found:
            if len(self._found) >= MAX_KEPT:
                self._found.clear()
            self._found[key] = self._after(state, before)
        return self._found[key]

    def _after(self, state: int, before: str) -> ForcedTokens:
        label, end = forced(self.dfa, state, MAX_FORCED)
        tokens: tuple[int, ...] = ()
        if label and self.dfa.is_whole(state):
            tokens = _Search(self, label, end, before).tokens()
        length = sum(map(self.length, tokens))
        return ForcedTokens(tokens, self.dfa.run(label[:length], state))

    def bytes_of(self, token: int) -> bytes:
        """The bytes that a token stands for; none for what text cannot hold, or logits have no place for."""
        return (self._vocab[token] or b"") if token < len(self._vocab) else b""

    def length(self, token: int) -> int:
        """How many bytes a token stands for."""
        return len(self.bytes_of(token))

    def tokens_of(self, text: str) -> list[int]:
        """The tokenizer's own tokens of a text."""
        return self._encoder.encode(text)

    def within(self, tokens: Sequence[int], label: bytes) -> list[int]:
        """The first tokens of a text that begins with `label`, as far as they end in it at a character's end."""
        kept, at, whole = [], 0, 0
        for token in tokens:
            spelt = self.bytes_of(token)
            at += len(spelt)
            if not spelt or label[at - len(spelt) : at] != spelt:
                break
            kept.append(token)
            whole = len(kept) if _ends_char(label, at) else whole
        return kept[:whole]


class _Search:
    """One forced text and all that may come after it."""

    def __init__(self, owner: StableTokens, label: bytes, end: int, before: str) -> None:
        self._owner = owner
        self._label = label
        self._end = end
        self._before = before
        self._dfa = owner.dfa
        self._left = MAX_STEPS
        self._known = owner.tokens_of(before) if before else []

    def tokens(self) -> tuple[int, ...]:
        first = self._witness(b"", self._end, 0)
        if first is None:
            return ()
        common = self._owner.within(first, self._label)
        for cut in range(len(self._label), -1, -1):
            if not common:
                break
            common = self._common_at(cut, common)
        return tuple(common)

    def _common_at(self, cut: int, common: list[int]) -> list[int]:
        """What is left of the common tokens where a token may begin at `cut` and end behind the label."""
        alone = self._alone(self._label[:cut])
        if alone is not None and _shared(common, alone) == common:
            return common
        if cut == len(self._label) and self._dfa.is_accepting(self._end):
            return _shared(common, alone or [])
        possible = False
        for number, more in enumerate(self._across(self._label[cut:], self._end)):
            if number == MAX_WITNESSES or not common:
                possible = True
                break
            common, seen = self._heard(cut, more, common)
            possible = possible or seen
            if alone is not None and _shared(common, alone) == common:
                return common
        possible = possible or self._left <= 0
        return _shared(common, alone or []) if possible else common

    def _heard(self, cut: int, more: bytes, common: list[int]) -> tuple[list[int], bool]:
        """The common tokens after witnesses for one token across the end, and whether it can be there at all."""
        after = self._dfa.run(more, self._end)
        whole = self._alone(self._label + more)
        possible = whole is None or self._begins_at(whole, cut)
        for variant in range(2):
            found = self._witness(more, after, variant)
            if found is None:
                return (common if self._left <= 0 else []), True
            common = _shared(common, self._owner.within(found, self._label))
        return common, possible

    def _begins_at(self, tokens: list[int], cut: int) -> bool:
        """Whether the last of these tokens begins at the cut."""
        return sum(map(self._owner.length, tokens[:-1])) == cut

    def _witness(self, more: bytes, state: int, variant: int) -> list[int] | None:
        """The tokens of a text that goes on with `more`; None where it has none that go on from `before`."""
        rest = self._continuation(state, variant)
        return None if rest is None else self._alone(self._label + more + rest)

    def _across(self, begin: bytes, state: int) -> Iterator[bytes]:
        """The tokens that begin with `begin` and go on, as an accepted text may after it: what they add.

        Not all of them where no steps are left.
        """
        spellings = self._owner.spellings
        pending = [(begin, state, bisect_left(spellings, begin), len(spellings))]
        while pending and self._left > 0:
            spelt, at, low, high = pending.pop()
            low, high = _range(spellings, spelt, low, high)
            if low < high and spellings[low] == spelt:
                if len(spelt) > len(begin):
                    yield spelt[len(begin) :]
                low += 1
            while low < high:
                byte = spellings[low][len(spelt)]
                after = self._dfa.step(at, byte)
                self._left -= 1
                longer = spelt + bytes((byte,))
                end = _range(spellings, longer, low, high)[1]
                if after != DEAD:
                    pending.append((longer, after, low, end))
                low = end

    def _continuation(self, state: int, variant: int) -> bytes | None:
        """Some bytes that may come next, up to a place where the text may end or LOOKAHEAD characters further.

        None where that is far away, or no steps are left.
        """
        spelt = bytearray()
        for _ in range(min(4 * LOOKAHEAD, self._left)):
            self._left -= 1
            is_whole = self._dfa.is_whole(state)
            if self._dfa.is_accepting(state) or (is_whole and len(spelt) >= LOOKAHEAD):
                return bytes(spelt)
            ways = self._dfa.ways(state)
            if not ways:  # a grammar may begin what it cannot end
                return None
            group = ways[(variant * 7) % len(ways)] if variant else ways[-1 if not is_whole else 0]
            spelt.append(group[-1])
            state = self._dfa.step(state, group[-1])
        return None

    def _alone(self, text: bytes) -> list[int] | None:
        """The tokens of a text after `before`; None where that ends within a character, or moves earlier tokens."""
        try:
            tokens = self._owner.tokens_of(self._before + text.decode())
        except UnicodeDecodeError:
            return None
        known = len(self._known)
        return tokens[known:] if tokens[:known] == self._known else None


def _range(spellings: Sequence[bytes], begin: bytes, low: int, high: int) -> tuple[int, int]:
    """Where the spellings that begin with `begin` are, between two places of a sorted list."""
    low = bisect_left(spellings, begin, low, high)
    end = begin.rstrip(b"\xff")
    after = end[:-1] + bytes((end[-1] + 1,)) if end else b""
    return low, bisect_left(spellings, after, low, high) if end else high


def _shared(left: list[int], right: list[int]) -> list[int]:
    """The longest common prefix."""
    return left[: common_len(left, right)]


def _ends_char(text: bytes, at: int) -> bool:
    """Whether a character ends at the place; at the end of a text that its last bytes make one."""
    if at < len(text):
        return not 0x80 <= text[at] < 0xC0
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True
