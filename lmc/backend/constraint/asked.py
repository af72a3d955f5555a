"""What one text costs under a constraint: which of its tokens are forced, and for which the model is asked.

The model is taken to spell the text as the tokenizer does. Each token that it is asked for takes a forward pass; the
forced ones are computed along with the next of those.
"""

from __future__ import annotations

from dataclasses import dataclass

from lmc.backend.constraint.jumps import Jumps
from lmc.backend.constraint.stable import Encoder
from lmc.backend.constraint.trie import TokenTrie
from lmc.ir.automaton.bytes import ByteDfa
from lmc.ir.automaton.dfa import DEAD, CharDfa
from lmc.ir.regex import RegexTree


@dataclass(frozen=True, slots=True)
class Asked:
    """One text.

    tokens   its tokens, and for each whether it is forced
    is_open  True where the text might go on, so that the model is asked for the end too
    """

    tokens: tuple[tuple[int, bool], ...]
    is_open: bool

    @property
    def num_forced(self) -> int:
        """Tokens that come without a question."""
        return sum(is_forced for _, is_forced in self.tokens)

    @property
    def num_asked(self) -> int:
        """Forward passes that draw a token, the end of the text among them."""
        return len(self.tokens) - self.num_forced + self.is_open

    @property
    def num_unforced(self) -> int:
        """The same, if nothing were forced."""
        return len(self.tokens) + self.is_open


def asked(tree: RegexTree, encoder: Encoder, trie: TokenTrie, text: str) -> Asked | None:
    """What a text of the tree costs, as the engine jumps; None where the tokenizer's own tokens do not spell it."""
    dfa = ByteDfa(CharDfa(tree))
    jumps = Jumps(dfa, encoder, trie, "exact")
    ids = tuple(encoder.encode(text))
    state, at = dfa.start, 0
    tokens: list[tuple[int, bool]] = []
    while at < len(ids):
        forced = jumps.after(state, ids[:at])
        is_forced = bool(forced) and ids[at : at + len(forced)] == forced
        step = ids[at : at + (len(forced) if is_forced else 1)]
        label = b"".join(trie.vocab[token] or b"" for token in step)
        state = dfa.run(label, state)
        if not label or state == DEAD:
            return None
        at += len(step)
        tokens += ((token, is_forced) for token in step)
    return Asked(tuple(tokens), bool(dfa.moves(state))) if dfa.is_accepting(state) else None
