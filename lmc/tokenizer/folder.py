"""A checkpoint's tokenizer, of a folder or a GGUF file: text to token ids and back.

With the light `tokenizers` library only.

A *control* token is an added token that does not read as ordinary text: every special one, and `<think>` or
`<tool_call>` too; an added run of spaces or a word is ordinary. Control tokens come out of `encode` only with
`control=True`. `decode` leaves the special ones out and keeps `<think>`, which programs read.

A SentencePiece tokenizer puts a space before a text. `encode` never does, because it is asked for texts in the middle
of something; `encode_pieces` knows where each run stands and does what the tokenizer does there. Likewise `decode`
keeps a leading space, so that the texts of a prompt's parts add up.

A prompt that grows costs what is new in it: between control tokens a text is encoded in blocks (see `blocks`), and
those are kept by their text. Of a long one the words that were met before are looked up (see `words`).
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache, cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from lmc.errors import ChatTemplateError, ModelLoadError
from lmc.gguf import is_gguf
from lmc.ir.chat import ChatTemplate
from lmc.ir.prompt import Control, Ids, Piece, well_formed
from lmc.ir.runs import Run, runs, text_of
from lmc.recent import Recent
from lmc.tokenizer.blocks import blocks, may_be_cut
from lmc.tokenizer.chat import probe_template
from lmc.tokenizer.chat_pieces import render_pieces
from lmc.tokenizer.control_spans import ControlFinder
from lmc.tokenizer.control_tokens import may_be_spelt, renamed, separate_control_tokens
from lmc.tokenizer.files import TokenizerFiles, read_files
from lmc.tokenizer.gguf_vocabulary import read_gguf_files
from lmc.tokenizer.jinja import Template
from lmc.tokenizer.leading_space import puts_space, state, without_leading_space
from lmc.tokenizer.vocabulary import is_byte_level, vocab_bytes
from lmc.tokenizer.words import WordIds

if TYPE_CHECKING:
    import tokenizers

MAX_CACHED_TEXTS = 16_384
MAX_CACHED_BYTES = 32 << 20
MIN_WORDS_CHARS = 256  # of a text whose words are looked up
MAX_CACHED_CHARS = 1 << 16  # a longer text is encoded anew each time


def load_tokenizer(folder: Path, chat_kwargs: Mapping[str, object] | None = None) -> FolderTokenizer:
    """The tokenizer saved in `folder` by transformers, or that of a GGUF file.

    `chat_kwargs` is what its chat template is given besides turns.
    Raises ModelLoadError where it is missing or unreadable.
    """
    read = read_gguf_files if is_gguf(folder) else read_files
    files = replace(read(folder), chat_kwargs=dict(chat_kwargs or {}))
    return FolderTokenizer(files, _load(files))


class FolderTokenizer:
    """An `ir.prompt.Tokenizer` read from a folder; safe to use from several threads.

    control_ids   tokens that ordinary text never encodes to
    special_ids   of those, the ones that `decode` leaves out
    """

    key: str
    vocab_size: int
    eos_ids: frozenset[int]
    is_byte_level: bool
    begin_ids: tuple[int, ...]
    chat: ChatTemplate | None
    control_ids: frozenset[int]
    special_ids: frozenset[int]

    def __init__(self, files: TokenizerFiles, tokenizer: tokenizers.Tokenizer) -> None:
        self.key = _key(files)
        self._whole = tokenizer
        self.special_ids, self.control_ids = separate_control_tokens(tokenizer, files)
        self._puts_space = puts_space(tokenizer)
        has_copy = self._puts_space or may_be_spelt(tokenizer, self.control_ids)
        self._first = renamed(tokenizer, self.control_ids) if has_copy else tokenizer  # at the beginning of a prompt
        self._middle = without_leading_space(self._first) if self._puts_space else self._first
        self._finder = ControlFinder(tokenizer, self.control_ids)
        self._texts: Recent[tuple[str, bool], tuple[int, ...]] = Recent(
            "texts of a tokenizer", MAX_CACHED_TEXTS, size=_bytes_of, max_bytes=MAX_CACHED_BYTES
        )
        self._by_words = WordIds(partial(self._encode, whole=False))
        self._is_spaced_after = cache(self._spaced_after)
        self.is_byte_level = is_byte_level(state(tokenizer.decoder))
        self.vocab_size = 1 + max(tokenizer.get_vocab(with_added_tokens=True).values(), default=-1)
        self.begin_ids = _begin_ids(tokenizer)
        for ordinary in (self._first, self._middle):
            ordinary.encode_special_tokens = True
        source, given = files.chat_template, files.chat_kwargs
        self._template = Template(source, files.named_tokens, given) if source else None
        self.chat = probe_template(self._template, name=files.folder.name) if self._template else None
        self.eos_ids = self._eos_ids(files)

    def encode(self, text: str, *, control: bool = False) -> list[int]:
        """Token ids of `text`, nothing added; control tokens are recognised only when `control`."""
        if control:
            return self._encode_run((Control(text),), is_first=True)
        return self._between(well_formed(text), False)

    def decode(self, ids: list[int] | tuple[int, ...]) -> str:
        """The text of `ids`, special tokens left out; bytes that are not UTF-8 become U+FFFD."""
        kept = list(ids)
        if kept and not (self.special_ids.isdisjoint(kept) and min(kept) >= 0 and max(kept) < self.vocab_size):
            kept = [i for i in ids if i not in self.special_ids and 0 <= i < self.vocab_size]
        if self._anchor is None:
            return self._decode(kept)
        return self._decode([self._anchor, *kept])[1:]

    def encode_pieces(self, pieces: Iterable[Piece], *, after: Ids | None = None) -> list[int]:
        """Token ids of a prompt's pieces, begin_ids not added: those of each run's whole text encoded at once.

        after  the generated value that stands before them, None where they begin a prompt
        """
        ids: list[int] = []
        for run in runs(pieces):
            if isinstance(run, Ids):
                ids += run.ids
                after = run
            else:
                ids += self._encode_run(run, is_first=after is None)
        return ids

    def render(self, turns: list[tuple[str, str]], *, open_role: str | None) -> list[Piece]:
        """The conversation through the template, texts as Text pieces; `open_role` opens one more turn at the end.

        Raises ChatTemplateError with the template's own message where it refuses the turns.
        """
        if self._template is None:
            raise ChatTemplateError("the tokenizer has no chat template", help="write the prompt without roles")
        ends = dict(self.chat.ends) if self.chat else {}
        return render_pieces(self._template, turns, open_role=open_role, ends=ends)

    def vocab_bytes(self) -> list[bytes]:
        """The bytes of each token by id; b"" for a control token and for an id without a token."""
        names = (None if i in self.control_ids else self._whole.id_to_token(i) for i in range(self.vocab_size))
        return vocab_bytes(names, state(self._whole.decoder))

    def control_tokens(self) -> dict[str, int]:
        """The ids of control tokens by their text."""
        # as it was written: `id_to_token` gives what a normalizer makes of it, a space mark in front and all
        added = self._whole.get_added_tokens_decoder()
        names = {i: added[i].content if i in added else self._whole.id_to_token(i) for i in self.control_ids}
        return {name: i for i, name in names.items() if name}

    @cached_property
    def turn_ids(self) -> frozenset[int]:
        """The special tokens that the chat template writes around the texts of a plain conversation."""
        found = set[int]()
        for system in ((), (("system", "a"),)):
            turns = [*system, ("user", "b"), ("assistant", "c"), ("user", "d")]
            try:
                pieces = self.render(turns, open_role="assistant") if self._template else []
            except ChatTemplateError:
                continue
            literals = "".join(piece.text for piece in pieces if isinstance(piece, Control))
            found.update(self.encode(literals, control=True))
        return frozenset(found & self.special_ids)

    def _encode_run(self, run: Run, is_first: bool) -> list[int]:
        """What stands between two control tokens is encoded by itself, as the tokenizer does."""
        ids: list[int] = []
        whole, at = is_first, 0
        text = text_of(run)
        if well_formed(text) is not text:
            run = tuple(replace(piece, text=well_formed(piece.text)) for piece in run)
            text = text_of(run)
        for start, end, token in self._finder.spans(run):
            ids += self._between(text[at:start], whole)
            ids.append(token)
            whole, at = self._is_spaced_after(token), end
        ids += self._between(text[at:], whole)
        return ids

    def _between(self, text: str, whole: bool) -> list[int]:
        """Ids of ordinary text; `whole` where the tokenizer would put a space before it."""
        ids: list[int] = []
        whole = whole and self._puts_space
        for block in blocks(text) if self._may_be_cut else (text,):
            encode = self._cached if len(block) <= MAX_CACHED_CHARS else self._encode
            ids += encode(block, whole) if block else ()
            whole = False
        return ids

    def _cached(self, text: str, whole: bool) -> tuple[int, ...]:
        ids = self._texts.get((text, whole))
        if ids is None:
            by_words = not whole and len(text) > MIN_WORDS_CHARS and self._may_be_cut
            ids = self._by_words(text) if by_words else self._encode(text, whole)
            self._texts.put((text, whole), ids)
        return ids

    def _encode(self, text: str, whole: bool) -> tuple[int, ...]:
        return tuple((self._first if whole else self._middle).encode(text, add_special_tokens=False).ids)

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

    def _spaced_after(self, token: int) -> bool:
        """Whether the tokenizer puts a space before a text behind a control token, as it does at the beginning."""
        if not self._puts_space:
            return False
        name = self._whole.id_to_token(token) or ""
        for text in ("a", "."):  # a token may stand for whole words only
            behind = tuple(self._whole.encode(name + text, add_special_tokens=False).ids)
            if behind[0] == token:
                return behind[1:] == self._encode(text, True)
        return False

    @cached_property
    def _may_be_cut(self) -> bool:
        return may_be_cut(self._whole, self.vocab_bytes, spaced=self._puts_space)

    def _eos_ids(self, files: TokenizerFiles) -> frozenset[int]:
        named = self._whole.token_to_id(files.named_tokens.get("eos_token", ""))
        found = {*files.eos_ids, *([] if named is None else [named]), *self._end_of_turn()}
        return frozenset(i for i in found if 0 <= i < self.vocab_size)

    def _end_of_turn(self) -> list[int]:
        """The control token that closes an assistant's turn, if the template has one."""
        end = dict(self.chat.ends).get("assistant", "") if self.chat else ""
        return [i for i in self.encode(end, control=True) if i in self.control_ids][:1]


def _bytes_of(key: tuple[str, bool], ids: tuple[int, ...]) -> int:
    """A text and its ids, each of which is an object of its own."""
    return sys.getsizeof(key[0]) + 36 * len(ids) + 300


def _load(files: TokenizerFiles) -> tokenizers.Tokenizer:
    import tokenizers

    try:
        tokenizer = tokenizers.Tokenizer.from_buffer(files.tokenizer_json)
    except Exception as error:  # the library raises bare Exception
        file = files.folder / "tokenizer.json" if files.folder.is_dir() else files.folder
        raise ModelLoadError(
            f"the tokenizer in `{file}` cannot be read: {error}",
            help="save it again with transformers' `save_pretrained`, or convert the model again",
        ) from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _key(files: TokenizerFiles) -> str:
    """A digest of all that decides on ids: what was compiled for one template is not for another."""
    kwargs = repr(sorted(files.chat_kwargs.items()))
    named = json.dumps([files.chat_template, sorted(files.named_tokens.items()), sorted(files.eos_ids), kwargs])
    return hashlib.blake2b(files.tokenizer_json + named.encode(), digest_size=16).hexdigest()


def _begin_ids(tokenizer: tokenizers.Tokenizer) -> tuple[int, ...]:
    """What the post-processor puts before a text."""
    plain = tokenizer.encode("a", add_special_tokens=False).ids
    full = tokenizer.encode("a", add_special_tokens=True).ids
    starts = (at for at in range(len(full) - len(plain) + 1) if full[at : at + len(plain)] == plain)
    return tuple(full[: next(starts, 0)])
