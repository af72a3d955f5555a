"""Where a long text may be cut without changing a token, so that a text that grows is not encoded from its start.

A cut falls between a small letter and a space with a small letter behind it, and only in tokenizers of which it can be
shown that nothing there depends on both sides: each component must be one that is known (by kind, a regex by its
alternatives), and either the pre-tokenizer cuts there or no token of a BPE vocabulary reaches across. Elsewhere a
text is one block: right, and slower.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import tokenizers

BLOCK_CHARS = 1024  # a block has at least as many, so that few tokens are looked up by themselves
CUT = re.compile(r"(?<=[a-z])(?= [a-z])")
_ACROSS = re.compile(rb"[a-z] ")

_SPLITS = frozenset(("WhitespaceSplit", "Whitespace", "BertPreTokenizer"))
_LOCAL = frozenset(("Digits", "Punctuation"))  # they cut more, and look at one character at a time
_NORMALIZERS = frozenset(("NFC", "NFD", "NFKC", "NFKD", "Lowercase", "Prepend"))
_CONTRACTIONS = "'s|'t|'re|'ve|'m|'ll|'d"
_UPPER, _LOWER = r"\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}", r"\p{Ll}\p{Lm}\p{Lo}\p{M}"
# What the splitting regexes of GPT-2, GPT-4, Llama 3, Qwen and their like are made of. None of these goes on from a
# letter to a space, or looks past a space that follows a letter.
_ALTERNATIVES = frozenset(
    (
        *_CONTRACTIONS.split("|"),
        f"(?i:{_CONTRACTIONS})", r"'(?:[sdmt]|ll|ve|re)", "'(?i:[sdmt]|ll|ve|re)",
        r" ?\p{L}+", r" ?[\p{L}]+", r"[^\r\n\p{L}\p{N}]?\p{L}+", r"[^\r\n\p{L}\p{N}]?+\p{L}+",
        rf"[^\r\n\p{{L}}\p{{N}}]?[{_UPPER}]*[{_LOWER}]+(?i:{_CONTRACTIONS})?",
        rf"[^\r\n\p{{L}}\p{{N}}]?[{_UPPER}]+[{_LOWER}]*(?i:{_CONTRACTIONS})?",
        r"\p{N}", r" ?\p{N}+", r"\p{N}{1,3}", "[0-9]",
        r" ?[^\s\p{L}\p{N}]+", r" ?[^\s\p{L}0-9]+", r" ?[^\s\p{L}\p{N}]+[\r\n]*", r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
        r" ?[^\s\p{L}\p{N}]++[\r\n]*",
        r"\s*[\r\n]+", r"\s*[\r\n]", r"\s+(?!\S)", r"\s+(?=\S)", r"\s+",
    )
)  # fmt: skip


def blocks(text: str) -> Iterable[str]:
    """A text cut into blocks, each as long as it was when the text was shorter, but for the last one."""
    start = 0
    while len(text) - start > BLOCK_CHARS and (cut := CUT.search(text, start + BLOCK_CHARS)):
        yield text[start : cut.start()]
        start = cut.start()
    yield text[start:]


def may_be_cut(tokenizer: tokenizers.Tokenizer, spellings: Iterable[bytes], *, spaced: bool) -> bool:
    """Whether `blocks` keeps a tokenizer's tokens.

    spellings  the bytes of its tokens, b"" for control tokens
    spaced     it puts a space before a text: it may then do so behind each of its added tokens
    """
    spec = json.loads(tokenizer.to_str())
    spelt = list(spellings)
    added = [token for token in spec["added_tokens"] if spelt[token["id"]]]
    if (spaced and added) or any(token["lstrip"] or token["rstrip"] or token["single_word"] for token in added):
        return False
    if any(map(_ACROSS.search, spelt)) or not _is_known_normalizer(spec["normalizer"]):
        return False
    return _cuts(spec["pre_tokenizer"]) or (_is_transparent(spec) and _merges_apart(spec["model"], spelt))


def _is_known_normalizer(part: Any) -> bool:  # JSON, as all of these
    match part:
        case None:
            return True
        case {"type": "Sequence", "normalizers": inner}:
            return all(map(_is_known_normalizer, inner))
        case {"type": "Replace", "pattern": {"String": " "}}:
            return True
    return part["type"] in _NORMALIZERS


def _cuts(part: Any) -> bool:
    """Whether a pre-tokenizer surely cuts between a letter and a space."""
    match part:
        case {"type": "Sequence", "pretokenizers": inner}:
            first = next((each for each in inner if each["type"] not in _LOCAL), None)
            return _cuts(first)
        case {"type": "Split", "pattern": {"Regex": regex}, "behavior": "Isolated", "invert": False}:
            return _ALTERNATIVES.issuperset(_alternatives(regex))
        case {"type": "ByteLevel", "use_regex": True} | {"type": "Metaspace", "split": True}:
            return True
        case {"type": kind}:
            return kind in _SPLITS
    return False


def _alternatives(regex: str) -> list[str]:
    """A regex at its outer bars."""
    found, depth, start = [], 0, 0
    for match in re.finditer(r"\\.|\[(?:\\.|[^\]])*\]|[()|]", regex):
        depth += {"(": 1, ")": -1}.get(match[0], 0)
        if match[0] == "|" and not depth:
            found.append(regex[start : match.start()])
            start = match.end()
    return [*found, regex[start:]]


def _is_transparent(spec: Any) -> bool:
    """Whether the pre-tokenizer cuts nothing, so that only the model decides."""
    match spec["pre_tokenizer"]:
        case None | {"type": "Metaspace", "split": False}:
            return True
        case {"type": "Split", "pattern": {"String": " "}}:  # the normalizer left no space
            return '"pattern": {"String": " "}' in json.dumps(spec["normalizer"])
    return False


def _merges_apart(model: Any, spelt: list[bytes]) -> bool:
    """Whether a BPE model merges on both sides of a place that no token reaches across as if the other were not there.

    A Unigram model would too, but for how sums of its scores are rounded.
    """
    whole_words = model.get("ignore_merges") or model.get("dropout")
    affixes = model.get("continuing_subword_prefix") or model.get("end_of_word_suffix")
    return model["type"] == "BPE" and not whole_words and not affixes and b" " in spelt
