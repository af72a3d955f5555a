"""The tokenizer that a GGUF file holds, as the files of a checkpoint folder would have it.

Of two kinds: byte-level BPE ("gpt2"), whose rule for cutting a text is named in the file, and SentencePiece's BPE
("llama"), whose merges follow from the scores of its tokens. Where files leave something open, llama.cpp's rule holds:
what a file means is what the program reads in it that it was made for.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lmc.gguf import GgufFile, read_gguf
from lmc.tokenizer.files import TokenizerFiles
from lmc.tokenizer.splits import SPLITTINGS, Splitting

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)
SPACE = "▁"
AGAIN = "convert the model again with a recent llama.cpp"
IDS = {"bos_token": "bos", "eos_token": "eos", "unk_token": "unknown", "pad_token": "padding", "sep_token": "seperator"}
ENDS = ("eos", "eot", "eom")

Json = dict[str, Any]
Merge = tuple[str, str]


def read_gguf_files(path: Path) -> TokenizerFiles:
    """Raises ModelLoadError for a file that is none, or a tokenizer that lmc would not follow faithfully."""
    file = read_gguf(path)
    found = _Vocabulary.of(file)
    template = file.text("tokenizer.chat_template", "")
    ids = {name: found.id_of(key) for name, key in IDS.items()}
    return TokenizerFiles(
        folder=path,
        tokenizer_json=json.dumps(_tokenizer(found), ensure_ascii=False).encode(),
        named_tokens={name: found.tokens[i] for name, i in ids.items() if i is not None},
        eos_ids=frozenset(i for key in ENDS if (i := found.id_of(key)) is not None),
        chat_template=template or None,
    )


@dataclass(frozen=True, slots=True)
class _Vocabulary:
    """The tokens of a file, with the kind of each."""

    file: GgufFile
    tokens: tuple[str, ...]
    kinds: Sequence[int]

    @classmethod
    def of(cls, file: GgufFile) -> _Vocabulary:
        tokens = _named(file.texts("tokenizer.ggml.tokens"))
        if len(set(tokens)) < len(tokens):
            twice = next(token for token in tokens if tokens.count(token) > 1)
            file.refuse(f"has the token {twice!r} twice", AGAIN)
        kinds = file.values.get("tokenizer.ggml.token_type", (NORMAL,) * len(tokens))
        if not isinstance(kinds, tuple) or len(kinds) != len(tokens):
            file.refuse_value("tokenizer.ggml.token_type", f"a list of {len(tokens)} numbers")
        return cls(file, tokens, kinds)  # type: ignore[arg-type]  # one kind for all of a list

    def id_of(self, key: str, default: int | None = None) -> int | None:
        """The id that the file names for a use; `default`, or None where there is no such token, if it names none."""
        name = f"tokenizer.ggml.{key}_token_id"
        if name not in self.file.values:
            return default if default is not None and default < len(self.tokens) else None
        found = self.file.whole(name, least=0)
        if found >= len(self.tokens):
            self.file.refuse(f"has `{name}` = {found}, and {len(self.tokens)} tokens", AGAIN)
        return found

    def added(self) -> list[Json]:
        """Tokens that are found in a text before anything else is done with it."""
        flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
        return [
            {"id": i, "content": token, **flags, "special": kind != USER_DEFINED}
            for i, (token, kind) in enumerate(zip(self.tokens, self.kinds))
            if kind in (CONTROL, USER_DEFINED, UNKNOWN)
        ]


def _named(tokens: tuple[str, ...]) -> tuple[str, ...]:
    """A token without a name gets one that is no text's."""
    return tuple(token or f"[EMPTY_{i}]" for i, token in enumerate(tokens))


def _tokenizer(found: _Vocabulary) -> Json:
    """tokenizer.json"""
    kind = found.file.text("tokenizer.ggml.model")
    match kind:
        case "gpt2":
            return _byte_level(found, _splitting(found.file))
        case "llama":
            return _sentencepiece(found)
    found.file.refuse(
        f"has a tokenizer of the unknown kind '{kind}'",
        "known kinds: gpt2 and llama; give a model that has one of them",
    )


def _splitting(file: GgufFile) -> Splitting:
    name = file.text("tokenizer.ggml.pre")
    if name not in SPLITTINGS:
        file.refuse(f"cuts its texts in the unknown way '{name}'", f"known ways: {', '.join(sorted(SPLITTINGS))}")
    return SPLITTINGS[name]


def _byte_level(found: _Vocabulary, rule: Splitting) -> Json:
    merges = [tuple(pair.split(" ")) for pair in found.file.texts("tokenizer.ggml.merges")]
    if odd := next((pair for pair in merges if len(pair) != 2), None):
        found.file.refuse(f"has the merge {' '.join(odd)!r:.60}, which is not of two tokens", AGAIN)
    return {
        "version": "1.0",
        "added_tokens": found.added(),
        "normalizer": None,
        "pre_tokenizer": rule.pre_tokenizer(),
        "post_processor": _beginning(found, default=rule.begins),
        "decoder": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
        "model": _bpe(found, merges, ignore_merges=rule.whole_words),
    }


def _sentencepiece(found: _Vocabulary) -> Json:
    spaced = found.file.flag("tokenizer.ggml.add_space_prefix", True)
    unknown = found.id_of("unknown", 0)
    before = [{"type": "Prepend", "prepend": SPACE}] if spaced else []
    strip = [{"type": "Strip", "content": " ", "start": 1, "stop": 0}] if spaced else []
    space = {"type": "Replace", "pattern": {"String": " "}, "content": SPACE}
    back = {"type": "Replace", "pattern": {"String": SPACE}, "content": " "}
    return {
        "version": "1.0",
        "added_tokens": found.added(),
        "normalizer": {"type": "Sequence", "normalizers": [*before, space]},
        "pre_tokenizer": None,
        "post_processor": _beginning(found, default=True),
        "decoder": {"type": "Sequence", "decoders": [back, {"type": "ByteFallback"}, {"type": "Fuse"}, *strip]},
        "model": _bpe(
            found,
            _merges_by_score(found),
            unk_token=None if unknown is None else found.tokens[unknown],
            fuse_unk=True,
            byte_fallback=True,
        ),
    }


def _bpe(found: _Vocabulary, merges: Sequence[Sequence[str]], **given: Any) -> Json:
    vocab = {token: i for i, token in enumerate(found.tokens)}
    plain = {"dropout": None, "unk_token": None, "continuing_subword_prefix": None, "end_of_word_suffix": None}
    return {"type": "BPE", **plain, **given, "vocab": vocab, "merges": merges}


def _merges_by_score(found: _Vocabulary) -> list[Merge]:
    """Every way to put a token together out of two others, tokens of the highest score first."""
    tokens, kinds = found.tokens, found.kinds
    scores = found.file.values.get("tokenizer.ggml.scores")
    if not isinstance(scores, tuple) or len(scores) != len(tokens):
        found.file.refuse_value("tokenizer.ggml.scores", f"a list of {len(tokens)} numbers")
    usable = {token for token, kind in zip(tokens, kinds) if kind not in (CONTROL, UNKNOWN, BYTE)}
    ranked: list[tuple[float, int, int, Merge]] = []
    for token, score in zip(tokens, scores):
        if token in usable:
            pairs = [(token[:at], token[at:]) for at in range(1, len(token))]
            ranked += [(-float(score), len(a), len(b), (a, b)) for a, b in pairs if a in usable and b in usable]
    # SentencePiece takes the leftmost of all that make the same token; here the shorter first half goes first, as in
    # the merges that `transformers` derives. They differ where such ways overlap, as in "aaaaa" with "aa" and "aaa".
    return [merge for *_, merge in sorted(ranked, key=lambda each: each[:3])]


def _beginning(found: _Vocabulary, *, default: bool) -> Json | None:
    """What puts the first token of a prompt before it, None where none is put."""
    first = found.id_of("bos", 1 if default else None)
    if first is None or not found.file.flag("tokenizer.ggml.add_bos_token", default):
        return None
    token, text = found.tokens[first], {"Sequence": {"id": "A", "type_id": 0}}
    start = {"SpecialToken": {"id": token, "type_id": 0}}
    return {
        "type": "TemplateProcessing",
        "single": [start, text],
        "pair": [start, text, {"Sequence": {"id": "B", "type_id": 0}}],
        "special_tokens": {token: {"id": token, "ids": [first], "tokens": [token]}},
    }
