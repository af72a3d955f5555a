"""Where long texts are cut, and in which tokenizers."""

from __future__ import annotations

from typing import Any

import pytest
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers

from lmc.tokenizer.blocks import BLOCK_CHARS, END_CHARS, blocks, may_be_cut

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"


def allowed(tokenizer: Tokenizer, spelt: tuple[bytes, ...] = (b"a", b" ", b" a"), *, spaced: bool = False) -> bool:
    return may_be_cut(tokenizer, lambda: list(spelt), spaced=spaced)


def with_parts(**parts: Any) -> Tokenizer:
    tokenizer = Tokenizer(parts.pop("model", models.BPE()))
    for name, part in parts.items():
        setattr(tokenizer, name, part)
    return tokenizer


def test_blocks_of_a_text_that_grows_stay() -> None:
    """All but the last one, of which an end may be cut off; together they are the text."""
    text = "some words and 1 more. " * 400
    before, after = list(blocks(text[:5000])), list(blocks(text))

    assert "".join(after) == text and len(after) > 6
    assert after[: len(before) - 2] == before[:-2]
    assert all(BLOCK_CHARS <= len(block) < BLOCK_CHARS + 40 for block in after[:-2])
    assert list(blocks("x" * 5000)) == ["x" * 5000]


def test_what_follows_a_text_is_encoded_with_its_end_only() -> None:
    """Its last words: the block before them is the same for all that may follow."""
    text = "some words and then, 1 more: " * 12
    known, *end = blocks(text)
    assert 0 < len("".join(end)) <= END_CHARS
    for more in ("a", "er", "The", "1", " ", "\n", '"'):
        assert list(blocks(text + more)) == [known, "".join(end) + more]
    assert list(blocks(text[:END_CHARS])) == [text[:END_CHARS]]


@pytest.mark.parametrize("regex", [GPT2, GPT2.replace("'s|'t|'re|'ve|'m|'ll|'d", "(?i:'s|'t|'re|'ve|'m|'ll|'d)")])
def test_known_regexes_are_cut(regex: str) -> None:
    """Alternative by alternative, whatever is in front of or behind the splitting."""
    cut = pre_tokenizers.Split(Regex(regex), "isolated")
    spell = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)

    assert allowed(with_parts(pre_tokenizer=cut))
    assert allowed(with_parts(pre_tokenizer=pre_tokenizers.Sequence([pre_tokenizers.Digits(), cut, spell])))
    assert not allowed(with_parts(pre_tokenizer=pre_tokenizers.Sequence([spell, cut])))


@pytest.mark.parametrize(
    "parts",
    [
        {"pre_tokenizer": pre_tokenizers.Split(Regex(GPT2 + "|.{3}"), "isolated")},
        {"pre_tokenizer": pre_tokenizers.Split(Regex(r"\w+ ?"), "isolated")},
        {"pre_tokenizer": pre_tokenizers.Split(Regex(GPT2), "removed")},
        {"pre_tokenizer": pre_tokenizers.Split(" ", "merged_with_previous")},
        {"pre_tokenizer": pre_tokenizers.ByteLevel(), "normalizer": normalizers.Strip()},
        {"pre_tokenizer": pre_tokenizers.ByteLevel(), "normalizer": normalizers.Replace(Regex("d e"), "x")},
        {"model": models.Unigram([("a", 0.0)])},
        {"model": models.BPE(ignore_merges=True)},
    ],
    ids=str,
)
def test_what_is_not_known_is_not_cut(parts: dict[str, Any]) -> None:
    """A text is then one block."""
    assert not allowed(with_parts(**parts))


def test_a_vocabulary_decides_where_nothing_else_cuts() -> None:
    """A BPE merges apart what no token joins."""
    assert allowed(with_parts())
    assert not allowed(with_parts(), (b"a", b" ", b"a b"))
    assert not allowed(with_parts(), (b"a",))


def test_added_tokens_may_forbid_it() -> None:
    """Where they take the spaces beside them, or the tokenizer puts some there."""
    tokenizer = with_parts(pre_tokenizer=pre_tokenizers.ByteLevel())
    tokenizer.add_tokens([AddedToken("    ")])
    assert allowed(tokenizer) and not allowed(tokenizer, spaced=True)
    tokenizer.add_tokens([AddedToken("word", lstrip=True)])
    assert not allowed(tokenizer)
