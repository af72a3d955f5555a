"""A tokenizer on which the place of a boundary shows: pairs of letters are one token, so "ab" is not "a" + "b".

With the byte tokenizer every cut of a text gives the same ids; with this one a run encoded in two halves does not.
"""

from __future__ import annotations

from collections.abc import Iterable

from lmc.tokenizer.byte_tokenizer import ByteTokenizer

FIRST_PAIR = 512
_LETTERS = "abcdefghijklmnopqrstuvwxyz ."


class PairTokenizer(ByteTokenizer):
    """Ids 512 and up are two of the 28 commonest characters, taken greedily from the left."""

    vocab_size = FIRST_PAIR + len(_LETTERS) ** 2

    def __init__(self) -> None:
        super().__init__(bos=True)
        self.key = "pairs"

    def encode(self, text: str, *, control: bool = False) -> list[int]:
        """Ids of `text`; where a pair does not fit, its first byte stands alone."""
        ids = super().encode(text, control=control)
        paired: list[int] = []
        while ids:
            pair = _pair(ids[:2])
            paired.append(ids[0] if pair is None else pair)
            del ids[: 1 if pair is None else 2]
        return paired

    def decode(self, ids: Iterable[int]) -> str:
        """The text of `ids`, control tokens left out."""
        return super().decode(_bytes(ids))

    def show(self, ids: Iterable[int]) -> str:
        """The text of `ids` with control tokens written out."""
        return super().show(_bytes(ids))


def _pair(ids: list[int]) -> int | None:
    if len(ids) < 2 or max(ids) > 127:
        return None
    first, second = (_LETTERS.find(chr(i)) for i in ids)
    return None if first < 0 or second < 0 else FIRST_PAIR + first * len(_LETTERS) + second


def _bytes(ids: Iterable[int]) -> list[int]:
    spelt: list[int] = []
    for i in ids:
        if i < FIRST_PAIR:
            spelt.append(i)
        else:
            spelt += [ord(_LETTERS[k]) for k in divmod(i - FIRST_PAIR, len(_LETTERS))]
    return spelt
