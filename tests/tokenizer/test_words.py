"""Words that are looked up: the ids are those of the whole text, and what is encoded is what is new."""

from __future__ import annotations

import random

import pytest

from lmc.ir.prompt import Text
from lmc.tokenizer import words
from lmc.tokenizer.blocks import CUT
from lmc.tokenizer.words import WORD, WordIds
from tests.support import token_kinds
from tests.support.token_kinds import KINDS
from tests.tokenizer.test_token_law import HARMLESS, ours

ODD = ("", " ", "a", "Zoë", "x.", "end.\n", "don't", "12", "42nd", "(so", "it)", "naïve", "ﬁ", "e\u0301", "…", "日本")


def text_of(rng: random.Random, num: int) -> str:
    plain = [chr(rng.randrange(97, 123)) * rng.randrange(1, 4) for _ in range(8)]
    return " ".join(rng.choice((*plain, *plain, *ODD, *HARMLESS)) for _ in range(num))


@pytest.mark.parametrize("kind", KINDS)
def test_a_text_of_known_words_is_encoded_as_the_tokenizer_does(kind: str) -> None:
    """Some words new, some met in other texts, whatever stands between them."""
    rng = random.Random(kind)
    for _ in range(12):
        text = text_of(rng, 400)
        assert ours(kind).encode_pieces([Text(text)]) == token_kinds.expected(kind, [Text(text)])


def test_words_lie_between_the_cuts_of_blocks() -> None:
    rng = random.Random(0)
    for text in (*(text_of(rng, 60) for _ in range(200)), " ", "  a", "a ", "a b", "A b c", "a\nb c"):
        assert WORD.findall(text) == CUT.split(text)


def counted() -> tuple[WordIds, list[str]]:
    asked: list[str] = []

    def encode(text: str) -> tuple[int, ...]:
        asked.append(text)
        return tuple(text.encode())

    return WordIds(encode), asked


def test_a_text_of_known_words_is_not_encoded_again() -> None:
    ids, asked = counted()
    text = "the old man and the sea " * 40 + "again"
    for _ in range(3):
        assert ids(text) == tuple(text.encode())
    del asked[:]
    other = "the sea and the old man and a new boat" + " and the sea" * 40
    assert ids(other) == tuple(other.encode())
    assert asked == [" a", " new", " boat"]


def test_a_text_of_new_words_is_encoded_as_a_whole() -> None:
    """And a few of them by themselves."""
    ids, asked = counted()
    text = " ".join(f"w{chr(97 + i % 26)}{chr(97 + i // 26)}" for i in range(400))
    assert ids(text) == tuple(text.encode())
    assert asked.count(text) == 1
    assert len(asked) <= 2 + 400 // words.LEARNT


def test_so_many_words_are_kept_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "MAX_WORDS", 50)
    ids, _ = counted()
    rng = random.Random(1)
    for _ in range(100):
        text = " ".join("".join(rng.choices("abcd", k=4)) for _ in range(40))
        assert ids(text) == tuple(text.encode())
        assert 0 < ids.info().entries <= 50
