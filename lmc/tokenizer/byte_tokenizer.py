"""A tokenizer without a model: one token a byte, a few control tokens above them, a ChatML-like template.

Standard library only. The echo backend and tests use it; its template is built as literals, never probed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from zlib import crc32

from lmc.ir.chat import ChatTemplate
from lmc.ir.prompt import Control, Ids, Piece, Text, well_formed
from lmc.ir.runs import Run, joined, runs, text_of

CONTROL_TOKENS: tuple[str, ...] = ("<|bos|>", "<|im_start|>", "<|im_end|>", "<|end|>")
ROLES: tuple[str, ...] = ("system", "user", "assistant", "tool")

_CONTROL_IDS: dict[str, int] = {token: 256 + i for i, token in enumerate(CONTROL_TOKENS)}
_CONTROL = re.compile("(" + "|".join(map(re.escape, CONTROL_TOKENS)) + ")")
_SPELLINGS = (*(bytes((byte,)) for byte in range(256)), *(name.encode() for name in CONTROL_TOKENS))

CHATML = ChatTemplate(
    name="chatml",
    begins=tuple(((before, role), f"<|im_start|>{role}\n") for before in ("", *ROLES) for role in ROLES),
    ends=tuple((role, "<|im_end|>\n") for role in ROLES),
)


class ByteTokenizer:
    """Ids 0-255 are bytes, 256 and up the control tokens; `bos` puts `<|bos|>` before a prompt without a template."""

    key: str
    vocab_size: int = 256 + len(CONTROL_TOKENS)
    is_byte_level = True
    eos_ids: frozenset[int] = frozenset((_CONTROL_IDS["<|im_end|>"], _CONTROL_IDS["<|end|>"]))
    begin_ids: tuple[int, ...]
    chat: ChatTemplate | None

    def __init__(self, *, bos: bool = False, chat: ChatTemplate | None = CHATML) -> None:
        self.key = f"byte{'+bos' * bos}+{crc32(repr(chat).encode())}"
        self.begin_ids = (_CONTROL_IDS["<|bos|>"],) if bos else ()
        self.chat = chat

    def encode(self, text: str, *, control: bool = False) -> list[int]:
        """The bytes of `text`; control tokens are one id each only when `control`. Lone surrogates become U+FFFD."""
        if not control:
            return list(well_formed(text).encode())
        return [token for part in _CONTROL.split(text) for token in self._encode_part(part)]

    def encode_pieces(self, pieces: Iterable[Piece], *, after: Ids | None = None) -> list[int]:
        """Token ids of a prompt's pieces; what stands between two control tokens is encoded as one text."""
        ids: list[int] = []
        for run in runs(pieces):
            ids += run.ids if isinstance(run, Ids) else self._encode_run(run)
        return ids

    def _encode_run(self, run: Run) -> list[int]:
        if not any(isinstance(piece, Control) for piece in run):
            return self.encode(text_of(run))
        ids, text = list[int](), ""
        for is_control, each in joined(run):
            for part in _CONTROL.split(each) if is_control else (each,):
                token = _CONTROL_IDS.get(part) if is_control else None
                if token is None:
                    text += part
                    continue
                ids += self.encode(text)
                ids.append(token)
                text = ""
        return ids + self.encode(text)

    def decode(self, ids: Iterable[int]) -> str:
        """The text of `ids`, control tokens left out; bytes that are not UTF-8 become U+FFFD."""
        return bytes(i for i in ids if i < 256).decode("utf-8", "replace")

    def control_tokens(self) -> dict[str, int]:
        """The ids of control tokens by their text."""
        return dict(_CONTROL_IDS)

    def show(self, ids: Iterable[int]) -> str:
        """The text of `ids` with control tokens written out: what a test compares a prompt with."""
        return b"".join(map(_SPELLINGS.__getitem__, ids)).decode("utf-8", "replace")

    def render(self, turns: list[tuple[str, str]], *, open_role: str | None) -> list[Piece]:
        """A conversation of (role, text); `open_role` begins one more turn at the end and leaves it open."""
        chat = self.chat or CHATML
        pieces = [piece for turn in _with_previous(turns) for piece in _turn(chat, *turn)]
        if open_role is not None:
            pieces.append(Control(chat.begin(turns[-1][0] if turns else "", open_role) or "", open_role, opens=True))
        return pieces

    def _encode_part(self, part: str) -> Iterable[int]:
        token = _CONTROL_IDS.get(part)
        return well_formed(part).encode() if token is None else (token,)


def _with_previous(turns: list[tuple[str, str]]) -> Iterator[tuple[str, str, str]]:
    previous = ""
    for role, text in turns:
        yield previous, role, text
        previous = role


def _turn(chat: ChatTemplate, previous: str, role: str, text: str) -> tuple[Piece, Piece, Piece]:
    begin, end = Control(chat.begin(previous, role) or "", role, opens=True), Control(chat.end(role), role)
    return begin, Text(text), end
