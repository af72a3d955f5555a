"""Jump-forward: the tokens that must come next in a generation, whatever the model would say.

`exact` jumps over the tokens that stay as they are whatever follows (see stable.py); the rest of the forced text is
left to the masks, so that a token may begin in it and end behind it. `naive` jumps over all of it at once, as the
first published engines did: about one time in four its last token is not one that the tokenizer would write there.

After Zheng et al., SGLang (arXiv 2312.07104), section 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

from lmc.backend.masks.stable import MAX_KEPT, Encoder, StableTokens
from lmc.backend.masks.trie import TokenTrie
from lmc.ir.automaton.compress import forced, forced_byte
from lmc.ir.automaton.walk import ByteWalk

Jump = Literal["exact", "naive", "off"]
JUMPS: tuple[str, ...] = get_args(Jump)
CONTEXT = 4  # tokens looked back at: what is forced must be what the tokenizer writes behind them


class Jumps:
    """The forced tokens in the states of one automaton under one tokenizer. For one thread at a time."""

    def __init__(self, dfa: ByteWalk, encoder: Encoder, trie: TokenTrie, jump: Jump) -> None:
        self._dfa = dfa
        self._encoder = encoder
        self._jump = jump
        self._stable = StableTokens(dfa, encoder, trie)
        self._found: dict[tuple[int, tuple[int, ...]], tuple[int, ...]] = {}

    @property
    def may_force(self) -> bool:
        """False where nothing is ever jumped over."""
        return self._jump != "off"

    def may_jump(self, state: int) -> bool:
        """Whether anything is certain of what comes next: where not, no tokens are."""
        return self._jump != "off" and forced_byte(self._dfa, state) is not None

    def after(self, state: int, ids: Sequence[int]) -> tuple[int, ...]:
        """The tokens that come next in a state that was reached by `ids`; none where nothing is certain."""
        if not self.may_jump(state):
            return ()
        key = (state, tuple(ids[-CONTEXT:]))
        found = self._found.get(key)
        if found is None:
            if len(self._found) >= MAX_KEPT:
                self._found.clear()
            found = self._found[key] = self._exact(*key) if self._jump == "exact" else self._naive(state)
        return found

    def _exact(self, state: int, recent: tuple[int, ...]) -> tuple[int, ...]:
        return self._stable.after(state, self._before(recent)).tokens

    def _before(self, recent: tuple[int, ...]) -> str:
        """The text of the last tokens, as many of them as are what the tokenizer would write for that text."""
        for first in range(len(recent)):
            ids = recent[first:]
            try:
                text = b"".join(map(self._stable.bytes_of, ids)).decode()
            except UnicodeDecodeError:
                continue
            if tuple(self._encoder.encode(text)) == ids:
                return text
        return ""

    def _naive(self, state: int) -> tuple[int, ...]:
        label, _ = forced(self._dfa, state)
        try:
            tokens = tuple(self._encoder.encode(label.decode()))
        except UnicodeDecodeError:
            return ()
        spelt = b"".join(map(self._stable.bytes_of, tokens))
        return tokens if spelt == label else ()
