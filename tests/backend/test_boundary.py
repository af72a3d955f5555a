"""Where the prompt meets a choice: what is taken off the prompt, and what is scored."""

from __future__ import annotations

import random

import pytest

from lmc.backend.base import Control, Ids, Piece, Prompt, Score, Text
from lmc.backend.echo.byte_tokenizer import ByteTokenizer
from lmc.backend.executor.boundary import healed

WORDS = (" yes", " no", " nothing", "is ", "is", " a", "ab", "abc", "bc")


class Words(ByteTokenizer):
    """Bytes, and a few words with the space in front; the longest word first."""

    def encode(self, text: str, *, control: bool = False) -> list[int]:
        ids, ordered = [], sorted(WORDS, key=len, reverse=True)
        while text:
            word = next((w for w in ordered if text.startswith(w)), text[0])
            ids += [1000 + WORDS.index(word)] if word in WORDS else super().encode(word)
            text = text[len(word) :]
        return ids


TOKENIZER = Words()


def ids_of(text: str) -> tuple[int, ...]:
    return tuple(TOKENIZER.encode(text))


def prompt(*pieces: Piece) -> Prompt:
    """As the executor makes one."""
    ids = [piece.ids if isinstance(piece, Ids) else ids_of(piece.text) for piece in pieces]
    return Prompt(tuple(token for row in ids for token in row), pieces)


def heal(of: Prompt, *choices: str) -> tuple[tuple[int, ...], tuple[tuple[int, ...], ...] | None]:
    cut, score = healed(of, Score("x", choices, "exact"), TOKENIZER.encode)
    assert (score.choices, score.method, cut.pieces) == (choices, "exact", of.pieces)
    return cut.ids, score.ids


def test_a_space_goes_with_the_word_behind_it() -> None:
    """ "Q " and "yes" are "Q" + " yes": the space leaves the prompt."""
    assert heal(prompt(Text("Q ")), "yes", "no") == (ids_of("Q"), (ids_of(" yes"), ids_of(" no")))


def test_all_choices_start_where_the_first_one_parts() -> None:
    """ "x" would stay behind the space, but is compared with "yes", so its tokens begin with the space."""
    assert heal(prompt(Text("Q ")), "x", "yes") == (ids_of("Q"), (ids_of(" ") + ids_of("x"), ids_of(" yes")))


def test_nothing_is_taken_off_where_nothing_changes() -> None:
    """The prompt is whole, the choices stand for themselves."""
    assert heal(prompt(Text("Q:")), "x", " yes") == (ids_of("Q:"), (ids_of("x"), ids_of(" yes")))


@pytest.mark.parametrize("end", [Ids(ids_of(" "), " "), Control(" ")])
def test_generated_and_control_tokens_stay(end: Piece) -> None:
    """Only known text is encoded anew, however well a choice would go with what is there."""
    assert heal(prompt(Text("Q"), end), "yes") == (ids_of("Q") + ids_of(" "), (ids_of("yes"),))


def test_only_the_run_behind_a_generation_is_encoded_anew() -> None:
    """A token across the generated one's edge is never made."""
    of = prompt(Text("Q"), Ids((97,), "a"), Text("b"))
    assert heal(of, "c") == ((*ids_of("Q"), 97), (ids_of("bc"),))


def test_the_first_token_stays_where_it_is_all_there_is() -> None:
    """Nothing could be scored in front of it: the choices are left to be encoded by themselves."""
    assert heal(prompt(Text("a")), "bc") == (ids_of("a"), None)
    begun = Prompt((7, *ids_of("a")), (Text("a"),))
    assert heal(begun, "bc") == ((7,), (ids_of("abc"),))


@pytest.mark.parametrize("seed", range(5))
def test_prompt_and_choice_are_the_text_as_it_is_encoded(seed: int) -> None:
    """Random texts: each choice behind the prompt is the whole text's encoding, and no shorter prompt is needed."""
    rng = random.Random(seed)
    for _ in range(200):
        parts = [*WORDS, *"abcisynoQ "]
        text = "Q" + "".join(rng.choices(parts, k=rng.randrange(5)))
        choices = tuple({"".join(rng.choices(parts, k=rng.randrange(1, 4))) for _ in range(3)})
        ids, scored = heal(Prompt((7, *ids_of(text)), (Text(text),)), *choices)

        assert scored is not None
        assert [ids + own for own in scored] == [(7, *ids_of(text + choice)) for choice in choices]
        if len(ids) <= len(ids_of(text)):
            assert any(own[0] != ids_of(text)[len(ids) - 1] for own in scored)
