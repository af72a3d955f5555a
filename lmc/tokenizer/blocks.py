"""Where a long text may be cut without changing a token, so that a text that grows is not encoded from its start.

A cut falls between a small letter and a space with a small letter behind it, and only in tokenizers of which it can be
shown that nothing there depends on both sides: each component must be one that is known (by kind, a regex by its
alternatives), and either the pre-tokenizer cuts there or no token of a BPE vocabulary reaches across. Elsewhere a
text is one block: right, and slower.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from lmc.tokenizer.leading_space import state

if TYPE_CHECKING:
    import tokenizers

BLOCK_CHARS = 1024  # a block has at least as many, so that few tokens are looked up by themselves
END_CHARS = 64  # what follows a text changes the tokens of its end: a cut is looked for in so much of it
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
        rf"[^\r\n\p{{L}}\p{{N}}]?[{_UPPER}]*[{_LOWER}]+", rf"[^\r\n\p{{L}}\p{{N}}]?[{_UPPER}]+[{_LOWER}]*",
        r"\p{N}", r" ?\p{N}+", r"\p{N}{1,3}", "[0-9]",
        r" ?[^\s\p{L}\p{N}]+", r" ?[^\s\p{L}0-9]+", r" ?[^\s\p{L}\p{N}]+[\r\n]*", r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
        r" ?[^\s\p{L}\p{N}]++[\r\n]*",
        r"\s*[\r\n]+", r"\s*[\r\n]", r"\s+(?!\S)", r"\s+(?=\S)", r"\s+",
    )
)  # fmt: skip


def blocks(text: str) -> Iterable[str]:
    """A text cut into blocks, each as long as it was when the text was shorter, but for the last one and its end."""
    start = 0
    while len(text) - start > BLOCK_CHARS and (cut := CUT.search(text, start + BLOCK_CHARS)):
        yield text[start : cut.start()]
        start = cut.start()
    if len(text) - start > 2 * END_CHARS and (end := _last_cut(text)):
        yield text[start:end]
        start = end
    yield text[start:]


def _last_cut(text: str) -> int:
    """Where the end of a text may be cut off, 0 where it cannot be; few texts that may follow move it."""
    return max((cut.start() for cut in CUT.finditer(text, len(text) - END_CHARS)), default=0)


def may_be_cut(tokenizer: tokenizers.Tokenizer, spellings: Callable[[], list[bytes]], *, spaced: bool) -> bool:
    """Whether `blocks` keeps a tokenizer's tokens.

    spellings  gives the bytes of its tokens, b"" for control tokens
    spaced     it puts a space before a text: it may then do so behind each of its added tokens
    """
    ordinary = [token for token in tokenizer.get_added_tokens_decoder().values() if not token.special]
    normalizer, splitter = state(tokenizer.normalizer), state(tokenizer.pre_tokenizer)
    if (spaced and ordinary) or any(map(_looks_around, ordinary)) or not _is_known_normalizer(normalizer):
        return False
    return _cuts(splitter) or (_is_transparent(splitter, normalizer) and _merges_apart(tokenizer.model, spellings()))


def _looks_around(token: tokenizers.AddedToken) -> bool:
    """Whether an added token takes or asks for what stands beside it, or reaches across a cut."""
    return token.lstrip or token.rstrip or token.single_word or bool(CUT.search(token.content))


def _is_known_normalizer(part: Any) -> bool:  # JSON, as the others
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


def _is_transparent(splitter: Any, normalizer: Any) -> bool:
    """Whether the pre-tokenizer cuts nothing, so that only the model decides."""
    match splitter:
        case None | {"type": "Metaspace", "split": False}:
            return True
        case {"type": "Split", "pattern": {"String": " "}}:  # the normalizer left no space
            return '"pattern": {"String": " "}' in json.dumps(normalizer)
    return False


def _merges_apart(model: tokenizers.models.Model, spelt: list[bytes]) -> bool:
    """Whether a BPE model merges on both sides of a place that no token reaches across as if the other were not there.

    A Unigram model would too, but for how sums of its scores are rounded.
    """
    import tokenizers

    if not isinstance(model, tokenizers.models.BPE) or model.ignore_merges or model.dropout:
        return False
    if model.continuing_subword_prefix or model.end_of_word_suffix:
        return False
    return b" " in spelt and not any(map(_ACROSS.search, spelt))
