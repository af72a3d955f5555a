"""Small tokenizers trained on the spot, of three makes, and a vocabulary with every odd kind of token."""

from __future__ import annotations

import argparse
import inspect
import json.decoder
import random
import textwrap
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from lmc.tokenizer import load_tokenizer
from lmc.tokenizer.folder import FolderTokenizer

SIZE = 1500
SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
MAKES = ("byte-level", "split like Llama 3", "sentencepiece-style")


def corpus() -> list[str]:
    """Python source and prose, some of it not in English."""
    text = inspect.getsource(argparse) + inspect.getsource(json.decoder) + inspect.getsource(textwrap)
    return [text, "Été à Zürich, naïve façade; 日本語の文章。 " * 20]


def trained(make: str, folder: Path) -> FolderTokenizer:
    """A tokenizer of SIZE tokens."""
    bpe = Tokenizer(models.BPE(byte_fallback=make == MAKES[2]))
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    special = ["<|end|>", "<|im_start|>"]
    if make == MAKES[0]:
        bpe.pre_tokenizer, bpe.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    elif make == MAKES[1]:
        spell = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
        bpe.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(SPLIT), "isolated"), spell])
        bpe.decoder = decoders.ByteLevel()
    else:
        bpe.pre_tokenizer = pre_tokenizers.Metaspace()  # for training alone
        bpe.decoder = decoders.Sequence(
            [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
        )
        alphabet = []
        special += [f"<0x{byte:02X}>" for byte in range(256)]
    trainer = trainers.BpeTrainer(
        vocab_size=SIZE, special_tokens=special, initial_alphabet=alphabet, show_progress=False, max_token_length=24
    )
    bpe.train_from_iterator(corpus(), trainer)
    folder.mkdir(parents=True, exist_ok=True)
    saved = json.loads(bpe.to_str())
    if make == MAKES[2]:  # the bytes are ordinary tokens
        saved["added_tokens"] = saved["added_tokens"][:2]
        saved["pre_tokenizer"] = None
        bpe.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
        saved["normalizer"] = json.loads(bpe.to_str())["normalizer"]
    (folder / "tokenizer.json").write_text(json.dumps(saved))
    (folder / "tokenizer_config.json").write_text('{"eos_token": "<|end|>"}')
    return load_tokenizer(folder)


def odd_vocabulary(seed: int = 1) -> list[bytes | None]:
    """All bytes, no bytes, long runs, tokens that begin or end within a character, and tokens that are no UTF-8."""
    rng = random.Random(seed)
    vocab: list[bytes | None] = [bytes((byte,)) for byte in range(256)]
    vocab += [None, b"", b"\xff\xfe", b"a\xffb", b"\xc0\x80", b"\xed\xa0\x80", b"\x80\x80\x80\x80", b"a", b"a"]
    for _ in range(700):
        spelt = "".join(rng.choices("aabbcB1é\n_ -Ac日🙂", k=rng.choice([1, 2, 3, 4, 5, 8, 20, 40]))).encode()
        begin = rng.randint(0, 3) if rng.random() < 0.2 else 0
        end = len(spelt) - (rng.randint(1, 3) if rng.random() < 0.2 else 0)
        vocab.append(spelt[:1] * rng.randint(1, 50) if rng.random() < 0.1 else spelt[begin:end])
    return vocab
