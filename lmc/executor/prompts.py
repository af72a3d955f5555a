"""Program state to prompt, by the one rule for tokens (`ir.prompt`).

What stands before the last generation is final and never encoded again. The run behind it is open: its last tokens may
become others when text is appended, so it is encoded as a whole at each call, and nothing of it is kept in the state.
Forks that go on from it differ in what they append, each prompt is encoded as it is written out.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from lmc.backend.base import Prompt
from lmc.executor.state import ProgramState, pieces_since
from lmc.ir.prompt import GENERATED, Control, Encode, Ids, Piece, Text, Tokenizer
from lmc.ir.runs import merged
from lmc.ir.strand import Strand

CACHED_RUNS = 1024


class Prompts:
    """Makes prompts with one tokenizer, and remembers what it encoded lately.

    encode  the tokenizer's `encode_pieces`
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.begin_ids = tuple(tokenizer.begin_ids)

        @lru_cache(CACHED_RUNS)
        def encode(pieces: tuple[Piece, ...], after: Ids | None = None) -> tuple[int, ...]:
            return tuple(tokenizer.encode_pieces(pieces, after=after))

        self.encode: Encode = encode

    def prompt(self, state: ProgramState) -> Prompt:
        """What the model reads in this state."""
        if state.turns.rendered:
            return self._from_start(self._rendered(state))
        final = state.final
        if final is None:
            return self._from_start(state.since(None))
        pieces = merged(state.since(final.link))
        return Prompt(Strand(final.tokens, self.encode(pieces, GENERATED)), Strand(final.parts, pieces))

    def encode_text(self, text: str) -> tuple[int, ...]:
        """The ids of a text behind a generated value."""
        return self.encode((Text(text),), GENERATED) if text else ()

    def _from_start(self, of: Iterable[Piece]) -> Prompt:
        pieces = merged(of)
        ids = self.encode(pieces)
        return Prompt(ids if pieces and isinstance(pieces[0], Control) else self.begin_ids + ids, pieces)

    def _rendered(self, state: ProgramState) -> list[Piece]:
        """The whole conversation through a template that rewrites earlier turns."""
        turns = state.turns
        rendered = self.tokenizer.render(list(turns.closed), open_role=turns.role)
        return [*pieces_since(turns.lead, None), *rendered, *state.since(turns.start)]
