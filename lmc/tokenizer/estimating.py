"""A tokenizer that no model has: it cuts text into about as many tokens as one would, for prompts that none can count.

A word with the space before it is one token for every so many bytes, one at least; a turn begins and ends with two.
What prompts begin with alike has the same tokens, so that sharing and caches can be foretold too. Whatever is said of
such tokens is an estimate, and has to say so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from lmc.ir.chat import ChatTemplate
from lmc.ir.prompt import Control, Ids, Piece, Text, well_formed
from lmc.ir.runs import joined, runs, text_of

WORD = re.compile(r"\s*\S+|\s+")
TURN_BEGINS, TURN_ENDS = (1, 16), (0, 8)  # tokens of what a template writes around a turn: the fewest, and the most
ROLES = ("developer", "system", "user", "assistant", "tool")
MESSAGES = ChatTemplate(
    name="messages",
    begins=tuple(((before, role), f"<{role}>") for before in ("", *ROLES) for role in ROLES),
    ends=tuple((role, f"</{role}>") for role in ROLES),
)


class EstimatingTokenizer:
    """Tokens of about `bytes_a_token` bytes; `key` names it in caches."""

    vocab_size: int = 1 << 31
    eos_ids: frozenset[int] = frozenset()
    is_byte_level = False
    begin_ids: tuple[int, ...] = ()
    chat: ChatTemplate | None = MESSAGES

    def __init__(self, bytes_a_token: float) -> None:
        self.bytes_a_token = bytes_a_token
        self.key = f"estimate {bytes_a_token:g}"
        self._ids: dict[tuple[str, int], int] = {}
        self._texts: list[str] = []
        self._most: list[int] = []  # tokens of a model that an id may stand for
        self._fewest: list[int] = []

    @property
    def rule(self) -> str:
        """How it counts, as people are told."""
        each = f"a token for every {self.bytes_a_token:g} bytes of a word, one at least, and four for a turn"
        return f"{each}; bounds are of a token a word and of a token a byte"

    def encode(self, text: str, *, control: bool = False) -> list[int]:
        """The tokens of a text."""
        return [token for word in WORD.findall(well_formed(text)) for token in self._word(word)]

    def encode_pieces(self, pieces: Iterable[Piece], *, after: Ids | None = None) -> list[int]:
        """The tokens of a prompt's pieces; what a model generated keeps its own."""
        ids: list[int] = []
        for run in runs(pieces):
            if isinstance(run, Ids):
                ids += run.ids
            elif not any(isinstance(piece, Control) for piece in run):
                ids += self.encode(text_of(run))
            else:
                for is_control, text in joined(run):
                    ids += self._control(text) if is_control else self.encode(text)
        return ids

    def decode(self, ids: Iterable[int]) -> str:
        """The text of tokens."""
        return "".join(self._texts[id] for id in ids)

    def control_tokens(self) -> dict[str, int]:
        """None: no text of a prompt is one."""
        return {}

    def render(self, turns: list[tuple[str, str]], *, open_role: str | None) -> list[Piece]:
        """A conversation of (role, text); `open_role` begins one more turn at the end and leaves it open."""
        pieces: list[Piece] = []
        for role, text in turns:
            pieces += [Control(f"<{role}>", role, opens=True), Text(text), Control(f"</{role}>", role)]
        return [*pieces, Control(f"<{open_role}>", open_role, opens=True)] if open_role is not None else pieces

    def spread(self, ids: Iterable[int]) -> tuple[int, int]:
        """The fewest and the most tokens of a model that these may stand for: a word has one, a byte is one at most."""
        most, fewest = self._most, self._fewest
        told = list(ids)
        return sum(fewest[id] for id in told), sum(most[id] for id in told)

    def _word(self, word: str) -> list[int]:
        size = len(word.encode())
        return self._cut(word, max(1, round(size / self.bytes_a_token)), int(bool(word.strip())), size)

    def _control(self, text: str) -> list[int]:
        fewest, most = TURN_BEGINS if not text.startswith("</") else TURN_ENDS
        return self._cut(text, 2, fewest, most)

    def _cut(self, text: str, num: int, fewest: int, most: int) -> list[int]:
        """A text as so many tokens; the first of them spells it."""
        each, more = divmod(most, num)
        return [
            self._id(text if at == 0 else "", (text, at), fewest if at == 0 else 0, each + (at < more))
            for at in range(num)
        ]

    def _id(self, text: str, key: tuple[str, int], fewest: int, most: int) -> int:
        if key not in self._ids:
            self._ids[key] = len(self._texts)
            self._texts.append(text)
            self._fewest.append(fewest)
            self._most.append(most)
        return self._ids[key]
