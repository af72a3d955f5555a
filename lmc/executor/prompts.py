"""Program state to prompt: the one tokenisation rule.

A maximal run of ordinary text is encoded as one string; a template's literal is encoded with control tokens; a
generated value keeps its own ids. What stands before the last generation is final and never encoded again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

from lmc.backend.base import Control, Ids, Piece, Prompt, Text, Tokenizer
from lmc.executor.state import Entry, ProgramState, entries_since

Encode = Callable[[str], tuple[int, ...]]
Encoded = tuple[tuple[int, ...], tuple[Piece, ...]]

CACHED_STRINGS = 8192
ONLY_TEXT = frozenset((str,))


class Prompts:
    """Makes prompts with one tokenizer, and remembers what it encoded lately."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.begin_ids = tuple(tokenizer.begin_ids)

        @lru_cache(CACHED_STRINGS)
        def encode_text(text: str) -> tuple[int, ...]:
            return tuple(tokenizer.encode(text))

        @lru_cache(CACHED_STRINGS)
        def encode_control(text: str) -> tuple[int, ...]:
            return tuple(tokenizer.encode(text, control=True))

        self.encode_text: Encode = encode_text
        self.encode_control: Encode = encode_control

    def prompt(self, state: ProgramState) -> Prompt:
        """What the model reads in this state."""
        if state.turns.rendered:
            return Prompt(*self._from_start(self._rendered(state)))
        final = state.final
        if final is None:
            return Prompt(*self._from_start(state.since(None)))
        ids, pieces = self.encode(state.since(final.cell))
        return Prompt(final.ids + ids, final.pieces + pieces)

    def encode(self, entries: Sequence[Entry | Text]) -> Encoded:
        """Ids and pieces of entries in a row, each run of text as one piece."""
        if entries and ONLY_TEXT.issuperset(map(type, entries)):
            text = "".join(entries)  # type: ignore[arg-type]
            return self.encode_text(text), (Text(text),)
        ids: list[int] = []
        pieces: list[Piece] = []
        run: list[str] = []
        for entry in entries:
            if isinstance(entry, str):
                run.append(entry)
            elif isinstance(entry, Text):
                run.append(entry.text)
            else:
                self._end_run(run, ids, pieces)
                ids += entry.ids if isinstance(entry, Ids) else self.encode_control(entry.text)
                pieces.append(entry)
        self._end_run(run, ids, pieces)
        return tuple(ids), tuple(pieces)

    def _end_run(self, run: list[str], ids: list[int], pieces: list[Piece]) -> None:
        if run:
            text = "".join(run)
            ids += self.encode_text(text)
            pieces.append(Text(text))
            run.clear()

    def _from_start(self, entries: Sequence[Entry | Text]) -> Encoded:
        ids, pieces = self.encode(entries)
        if pieces and isinstance(pieces[0], Control):
            return ids, pieces
        return self.begin_ids + ids, pieces

    def _rendered(self, state: ProgramState) -> list[Entry | Text]:
        """The whole conversation through a template that rewrites earlier turns."""
        turns = state.turns
        lead: list[Entry | Text] = [*entries_since(turns.lead, None)]
        rendered = self.tokenizer.render(list(turns.closed), open_role=turns.role)
        return [*lead, *rendered, *state.since(turns.start)]
