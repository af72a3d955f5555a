"""A checkpoint folder's tokenizer: text to token ids and back, with the light `tokenizers` library only.

A *control* token is an added token that does not read as ordinary text: every special one, and `<think>` or
`<tool_call>` too; an added run of spaces or a word is ordinary. Control tokens come out of `encode` only with
`control=True`. `decode` leaves the special ones out and keeps `<think>`, which programs read.

A SentencePiece tokenizer puts a space before a text. `encode` never does, because a text is mostly the middle of a
prompt; `encode_pieces` knows where each run stands and does what the tokenizer does there. Likewise `decode`
keeps a leading space, so that the texts of a prompt's parts add up.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterable, Iterator
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from lmc.backend.base import Control, Ids, Piece
from lmc.errors import ChatTemplateError, ModelLoadError
from lmc.ir.chat import ChatTemplate
from lmc.tokenizer.chat import probe_template
from lmc.tokenizer.chat_pieces import render_pieces
from lmc.tokenizer.control_tokens import separate_control_tokens, unknown_token
from lmc.tokenizer.files import TokenizerFiles, read_files
from lmc.tokenizer.jinja import Template
from lmc.tokenizer.leading_space import state, without_leading_space
from lmc.tokenizer.vocabulary import vocab_bytes

if TYPE_CHECKING:
    import tokenizers

MAX_CACHED_TEXTS = 2048
MAX_CACHED_CHARS = 1 << 16  # a longer text is encoded anew each time


def load_tokenizer(folder: Path) -> FolderTokenizer:
    """The tokenizer saved in `folder` by transformers. Raises ModelLoadError where it is missing or unreadable."""
    files = read_files(folder)
    return FolderTokenizer(files, _load(files))


class FolderTokenizer:
    """A `base.Tokenizer` read from a folder; safe to use from several threads.

    control_ids   tokens that ordinary text never encodes to
    special_ids   of those, the ones that `decode` leaves out
    """

    key: str
    vocab_size: int
    eos_ids: frozenset[int]
    begin_ids: tuple[int, ...]
    chat: ChatTemplate | None
    control_ids: frozenset[int]
    special_ids: frozenset[int]

    def __init__(self, files: TokenizerFiles, tokenizer: tokenizers.Tokenizer) -> None:
        self.key = hashlib.blake2b(files.tokenizer_json, digest_size=16).hexdigest()
        self._lock = threading.Lock()  # encode_special_tokens is a switch on the shared object
        self._whole = tokenizer
        self.special_ids, self.control_ids = separate_control_tokens(tokenizer, files)
        self._middle = without_leading_space(tokenizer)
        self._unknown = unknown_token(tokenizer, files)
        self._cached = lru_cache(MAX_CACHED_TEXTS)(self._encode)
        self.vocab_size = 1 + max(tokenizer.get_vocab(with_added_tokens=True).values(), default=-1)
        self.begin_ids = _begin_ids(tokenizer)
        self._template = Template(files.chat_template, files.named_tokens) if files.chat_template else None
        self.chat = probe_template(self._template, name=files.folder.name) if self._template else None
        self.eos_ids = self._eos_ids(files)

    def encode(self, text: str, *, control: bool = False) -> list[int]:
        """Token ids of `text`, nothing added; control tokens are recognised only when `control`."""
        return list(self._run(text, self._whole if control else self._middle, control))

    def decode(self, ids: list[int] | tuple[int, ...]) -> str:
        """The text of `ids`, special tokens left out; bytes that are no UTF-8 become U+FFFD."""
        kept = [i for i in ids if i not in self.special_ids and 0 <= i < self.vocab_size]
        if self._anchor is None:
            return self._decode(kept)
        return self._decode([self._anchor, *kept])[1:]

    def encode_pieces(self, pieces: Iterable[Piece]) -> list[int]:
        """Token ids of a prompt's pieces, begin_ids not added.

        What is ordinary text in a Control piece is encoded as one run with the text beside it, so the ids are
        those of the whole prompt encoded at once, whatever the pieces; only control tokens and Ids are boundaries.
        """
        ids: list[int] = []
        tokenizer = self._whole
        for part in _merged(self._parts(pieces)):
            if isinstance(part, str):
                ids += self._run(part, tokenizer, False)
            else:
                ids += part
                tokenizer = self._after_control if self.control_ids.issuperset(part) else self._middle
        return ids

    def render(self, turns: list[tuple[str, str]], *, open_role: str | None) -> list[Piece]:
        """The conversation through the template, texts as Text pieces; `open_role` opens one more turn at the end.

        Raises ChatTemplateError with the template's own message where it refuses the turns.
        """
        if self._template is None:
            raise ChatTemplateError("the tokenizer has no chat template", help="write the prompt without roles")
        return render_pieces(self._template, turns, open_role=open_role)

    def vocab_bytes(self) -> list[bytes]:
        """The bytes of each token by id; b"" for a control token and for an id without a token."""
        names = (None if i in self.control_ids else self._whole.id_to_token(i) for i in range(self.vocab_size))
        return vocab_bytes(names, state(self._whole.decoder))

    def control_tokens(self) -> dict[str, int]:
        """The ids of control tokens by their text."""
        return {name: i for i in self.control_ids if (name := self._whole.id_to_token(i))}

    def _run(self, text: str, tokenizer: tokenizers.Tokenizer, control: bool) -> tuple[int, ...]:
        encode = self._cached if len(text) <= MAX_CACHED_CHARS else self._encode
        return encode(text, tokenizer is self._whole, control)

    def _encode(self, text: str, whole: bool, control: bool) -> tuple[int, ...]:
        tokenizer = self._whole if whole else self._middle
        with self._lock:
            tokenizer.encode_special_tokens = not control
            encoding = tokenizer.encode(_well_formed(text), add_special_tokens=False)
        if control or self.control_ids.isdisjoint(encoding.ids) or (span := self._forged(text, encoding)) is None:
            return tuple(encoding.ids)
        start, end = span
        cut, rest = (start, end) if end - start <= 1 else (start + 1, start + 1)
        return self._encode(text[:cut], whole, False) + self._encode(text[rest:], False, False)

    def _forged(self, text: str, encoding: tokenizers.Encoding) -> tuple[int, int] | None:
        """Where the model's own vocabulary matched a control token (Unigram can): the text must be cut inside it.

        The unknown token stands for what has no token, so it counts only where the text spells its name.
        """
        for token, (start, end) in zip(encoding.ids, encoding.offsets):
            if token in self.control_ids and (token != self._unknown[0] or self._unknown[1] in text[start:end]):
                return start, end
        return None

    def _decode(self, ids: list[int]) -> str:
        return str(self._whole.decode(ids, skip_special_tokens=False))

    @cached_property
    def _anchor(self) -> int | None:
        """A one-letter token to put before the ids, where the decoder would strip their leading space."""
        letters = (i for c in "abcdefghijklmnopqrstuvwxyz" if (i := self._whole.token_to_id(c)) is not None)
        anchor = next((i for i in letters if len(self._decode([i])) == 1), None)
        spaced = next((i for i in range(self.vocab_size) if self._is_spaced(i)), None)
        if anchor is None or spaced is None or self._decode([spaced]).startswith(" "):
            return None
        return anchor

    def _is_spaced(self, token: int) -> bool:
        name = self._whole.id_to_token(token) or ""
        return len(name) > 1 and name[0] in "▁Ġ " and name[1].isalpha() and token not in self.control_ids

    @cached_property
    def _after_control(self) -> tokenizers.Tokenizer:
        """Some tokenizers put a space before every run (not only the first): ask this one."""
        marker = next((self._whole.id_to_token(i) for i in sorted(self.special_ids)), None)
        if self._whole is self._middle or marker is None:
            return self._middle
        with self._lock:
            self._whole.encode_special_tokens = False
            after = self._whole.encode(marker + "a", add_special_tokens=False).ids[1:]
        return self._whole if tuple(after) == self._encode("a", True, False) else self._middle

    def _parts(self, pieces: Iterable[Piece]) -> Iterator[str | tuple[int, ...]]:
        for piece in pieces:
            match piece:
                case Control(text):
                    yield from self._control_parts(text)
                case Ids(ids):
                    yield ids
                case _:
                    yield piece.text

    def _control_parts(self, text: str) -> Iterator[str | tuple[int, ...]]:
        for part in self._control_token.split(text):
            token = self._whole.token_to_id(part.strip()) if self._control_token.fullmatch(part) else None
            yield part if token is None else (token,)

    @cached_property
    def _control_token(self) -> re.Pattern[str]:
        """Matches one control token, with the whitespace that the tokenizer strips around it."""
        added = self._whole.get_added_tokens_decoder()
        tokens = sorted((added[i] for i in self.control_ids), key=lambda t: -len(t.content))
        spelt = [r"\s*" * t.lstrip + re.escape(t.content) + r"\s*" * t.rstrip for t in tokens]
        return re.compile("(" + ("|".join(spelt) or "(?!)") + ")")

    def _eos_ids(self, files: TokenizerFiles) -> frozenset[int]:
        named = self._whole.token_to_id(files.named_tokens.get("eos_token", ""))
        found = {*files.eos_ids, *([] if named is None else [named]), *self._end_of_turn()}
        return frozenset(i for i in found if 0 <= i < self.vocab_size)

    def _end_of_turn(self) -> list[int]:
        """The control token that closes an assistant's turn, if the template has one."""
        end = dict(self.chat.ends).get("assistant", "") if self.chat else ""
        return [i for i in self.encode(end, control=True) if i in self.control_ids][:1]


def _load(files: TokenizerFiles) -> tokenizers.Tokenizer:
    import tokenizers

    try:
        tokenizer = tokenizers.Tokenizer.from_buffer(files.tokenizer_json)
    except Exception as error:  # the library raises bare Exception
        raise ModelLoadError(
            f"`{files.folder / 'tokenizer.json'}` cannot be read: {error}",
            help="save the tokenizer again with transformers' `save_pretrained`",
        ) from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _begin_ids(tokenizer: tokenizers.Tokenizer) -> tuple[int, ...]:
    """What the post-processor puts before a text."""
    plain = tokenizer.encode("a", add_special_tokens=False).ids
    full = tokenizer.encode("a", add_special_tokens=True).ids
    starts = (at for at in range(len(full) - len(plain) + 1) if full[at : at + len(plain)] == plain)
    return tuple(full[: next(starts, 0)])


def _merged(parts: Iterable[str | tuple[int, ...]]) -> Iterator[str | tuple[int, ...]]:
    """Neighbouring texts joined into maximal runs, empty parts dropped."""
    run = ""
    for part in parts:
        if isinstance(part, str):
            run += part
        elif part:
            if run:
                yield run
            run = ""
            yield part
    if run:
        yield run


def _well_formed(text: str) -> str:
    """`text` with lone surrogates, which have no UTF-8, as U+FFFD."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in text)
    return text
