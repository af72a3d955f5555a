"""Tokenizers of five kinds, templates of several shapes, and what the ids of a prompt should be by a way of its own.

The reference for a prompt in which texts spell control tokens: the same tokenizer with its control tokens renamed, and
the new names written where the template spells the old ones. Then no text can spell one, and the library encodes the
whole prompt at once.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from lmc.ir.prompt import Control, Piece

CONTROL = ("<unk>", "<s>", "</s>", "<|im_start|>", "<|im_end|>", "<|head|>", "<|/head|>")
NAMED = {"unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>"}
CORPUS = [
    "the user said hello world to the assistant\n\nand the assistant said: hello, user\n",
    "system prompts  and tools, é 日本 <tag> im_start im_end\n\n\nnew line\n",
    "It's 12345 o'clock. [INST] answer [/INST] in a word or two.\n\n\t tab",
    "User: one\n\nAssistant: two\n\n",
] * 4
LETTERS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"
LLAMA3_SPLIT = LETTERS + r"\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"

# (before a turn's text, after it); {r} is the role
SHAPES = {
    "chatml": ("<|im_start|>{r}\n", "<|im_end|>\n"),
    "llama3": ("<|head|>{r}<|/head|>\n\n", "<|im_end|>"),
    "tight": ("<|im_start|>", "<|im_end|>"),
    "inst": ("<s>[INST] ", " [/INST]</s>"),
    "newline": ("\n<|head|> {r}:", "\n\n<|/head|>\n"),
    "words": ("\n\n{r}: ", "\n"),
}


def template(shape: str) -> str:
    """A Jinja template of that shape, which changes no text."""
    before, after = (json.dumps(part).replace("{r}", '" + m.role + "') for part in SHAPES[shape])
    opening = before.replace("m.role", '"assistant"')
    turns = f"{{% for m in messages %}}{{{{ {before} + m.content + {after} }}}}{{% endfor %}}"
    return f"{turns}{{% if add_generation_prompt %}}{{{{ {opening} }}}}{{% endif %}}"


def _added(stripping: bool = False) -> list[AddedToken]:
    return [AddedToken(n, normalized=False, special=True, lstrip=stripping, rstrip=stripping) for n in CONTROL]


def _trained(tokenizer: Tokenizer, alphabet: Iterable[str] = (), size: int = 520) -> Tokenizer:
    trainer = trainers.BpeTrainer(vocab_size=size, initial_alphabet=list(alphabet), show_progress=False)
    tokenizer.train_from_iterator(CORPUS, trainer)
    return tokenizer


def byte_level() -> Tokenizer:
    """GPT-2's kind."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer = _trained(tokenizer, pre_tokenizers.ByteLevel.alphabet())
    tokenizer.add_special_tokens(_added())
    tokenizer.add_tokens([AddedToken("    ", normalized=False)])
    return tokenizer


def split(stripping: bool = False) -> Tokenizer:
    """Llama 3's kind: its regex in front of a byte-level BPE that takes whole words as they are."""
    tokenizer = Tokenizer(models.BPE(ignore_merges=True))
    cut = pre_tokenizers.Split(Regex(LLAMA3_SPLIT), "isolated")
    spell = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([cut, spell])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer = _trained(tokenizer, pre_tokenizers.ByteLevel.alphabet())
    tokenizer.add_special_tokens(_added(stripping))
    return tokenizer


def sentencepiece(prefix: str, *, unigram: bool = False, cuts: bool = False) -> Tokenizer:
    """`▁` for a space, bytes for what has no token. prefix: "normalizer" (Llama 2), or a scheme of Metaspace.

    cuts  Metaspace cuts at spaces; else tokens may reach across them
    """
    if unigram:
        trained = Tokenizer(models.Unigram())
        trained.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always", split=True)
        trainer = trainers.UnigramTrainer(vocab_size=160, unk_token="<unk>", special_tokens=["<unk>"])
        trained.train_from_iterator(CORPUS, trainer)
        vocab = json.loads(trained.to_str())["model"]["vocab"]
        own = [[name, -9.0] for name in (*CONTROL[1:], *_bytes())]  # the model's own vocabulary spells control tokens
        model = models.Unigram([tuple(pair) for pair in (*vocab, *own)], unk_id=0, byte_fallback=True)
    else:
        trained = Tokenizer(models.BPE())
        trained.normalizer = normalizers.Replace(" ", "▁")
        trained = _trained(trained, "▁\n", 400)
        spec = json.loads(trained.to_str())["model"]
        vocab = {name: i for i, name in enumerate((*CONTROL, *_bytes(), *spec["vocab"]))}
        merges = [tuple(pair) for pair in spec["merges"]]
        model = models.BPE(vocab, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True)
    tokenizer = Tokenizer(model)
    if prefix == "normalizer":
        tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=prefix, split=cuts)
    strip = [] if prefix == "never" else [decoders.Strip(" ", 1, 0)]
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), *strip]
    )
    tokenizer.add_special_tokens(_added())
    return tokenizer


def _bytes() -> list[str]:
    return [f"<0x{i:02X}>" for i in range(256)]


KINDS = {
    "byte-level": byte_level,
    "split": split,
    "split, stripping": lambda: split(stripping=True),
    "bpe, normalizer": lambda: sentencepiece("normalizer"),
    "bpe, always": lambda: sentencepiece("always"),
    "bpe, first": lambda: sentencepiece("first", cuts=True),
    "bpe, never": lambda: sentencepiece("never"),
    "unigram, always": lambda: sentencepiece("always", unigram=True, cuts=True),
    "unigram, first": lambda: sentencepiece("first", unigram=True),
}


@lru_cache(maxsize=64)
def raw(kind: str) -> Tokenizer:
    """The library's own tokenizer of a kind."""
    return KINDS[kind]()


def save(folder: Path, kind: str, shape: str) -> Path:
    """A folder with a tokenizer of a kind and a template of a shape, as transformers writes it."""
    raw(kind).save(str(folder / "tokenizer.json"))
    config = {**NAMED, "chat_template": template(shape)}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return folder


# --- what should come out ------------------------------------------------------------------------------------


def _renamed(name: str) -> str:
    return "\ue000" + "\ue001" * CONTROL.index(name) + "\ue002"


@lru_cache(maxsize=64)
def _with_secret_names(kind: str) -> Tokenizer:
    spec: Any = json.loads(raw(kind).to_str())
    for token in spec["added_tokens"]:
        token["content"] = _renamed(token["content"]) if token["content"] in CONTROL else token["content"]
    vocab = spec["model"]["vocab"]
    if spec["model"].get("unk_token"):
        spec["model"]["unk_token"] = _renamed(spec["model"]["unk_token"])
    if isinstance(vocab, list):
        spec["model"]["vocab"] = [[_renamed(n) if n in CONTROL else n, score] for n, score in vocab]
    else:
        spec["model"]["vocab"] = {(_renamed(n) if n in CONTROL else n): i for n, i in vocab.items()}
    return Tokenizer.from_str(json.dumps(spec))


def expected(kind: str, pieces: Iterable[Piece]) -> list[int]:
    """The ids of pieces without generated values, by the library alone."""
    whole = ""
    for piece in pieces:
        text = piece.text
        for name in CONTROL if isinstance(piece, Control) else ():
            text = text.replace(name, _renamed(name))
        whole += "".join("\ufffd" if "\ud800" <= char <= "\udfff" else char for char in text)
    return list(_with_secret_names(kind).encode(whole, add_special_tokens=False).ids)
