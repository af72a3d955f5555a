"""Program state to prompt, by the one rule for tokens (`ir.prompt`).

What stands before the last generation is final and never encoded again. The run behind it is open: its last tokens may
become others when text is appended, so it is encoded as a whole at each call, and nothing of it is kept in the state.
Forks that go on from it differ in what they append, each prompt is encoded as it is written out.
"""

from __future__ import annotations

from collections.abc import Iterable

from lmc.backend.base import Prompt
from lmc.executor.state import ProgramState, pieces_since
from lmc.ir.prompt import GENERATED, Control, Encode, Ids, Piece, Text, Tokenizer
from lmc.ir.runs import merged
from lmc.ir.strand import Strand
from lmc.recent import Recent

CACHED_RUNS = 1024
MAX_CACHED_BYTES = 32 << 20

_Key = tuple[tuple[Piece, ...], Ids | None]


def _bytes_of(key: _Key, ids: tuple[int, ...]) -> int:
    """Texts and ids, each of which is an object of its own; a generated value is held by the program anyway."""
    texts = sum(100 + 4 * len(piece.text) for piece in key[0] if isinstance(piece, Text | Control))
    return texts + 36 * len(ids) + 300


class Prompts:
    """Makes prompts with one tokenizer, and remembers what it encoded lately.

    encode  the tokenizer's `encode_pieces`
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.begin_ids = tuple(tokenizer.begin_ids)

        kept: Recent[_Key, tuple[int, ...]] = Recent(
            "runs of prompts", CACHED_RUNS, size=_bytes_of, max_bytes=MAX_CACHED_BYTES
        )

        def encode(pieces: tuple[Piece, ...], after: Ids | None = None) -> tuple[int, ...]:
            ids = kept.get((pieces, after))
            if ids is None:
                ids = tuple(tokenizer.encode_pieces(pieces, after=after))
                kept.put((pieces, after), ids)
            return ids

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
