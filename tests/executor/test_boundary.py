"""Where the prompt meets a choice: what is taken off the prompt, and what is scored."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

import lmc
from lmc.backend.base import Prompt, Request, Score
from lmc.backend.echo import EchoBackend
from lmc.executor.boundary import healed
from lmc.ir.prompt import Control, Ids, Piece, Text
from lmc.ir.scoring import CHOICES_METHODS
from lmc.tokenizer.byte_tokenizer import CHATML, ByteTokenizer

WORDS = (" yes", " no", " nothing", "is ", "is", " a", "ab", "abc", "bc")


class Words(ByteTokenizer):
    """Bytes, and a few words with the space in front; the longest word first."""

    def encode(self, text: str, *, control: bool = False) -> list[int]:
        if control:
            return super().encode(text, control=True)
        ids, ordered = [], sorted(WORDS, key=len, reverse=True)
        while text:
            word = next((w for w in ordered if text.startswith(w)), text[0])
            ids += [1000 + WORDS.index(word)] if word in WORDS else super().encode(word)
            text = text[len(word) :]
        return ids


TOKENIZER = Words()


def ids_of(text: str) -> tuple[int, ...]:
    return tuple(TOKENIZER.encode(text))


def encode(pieces: tuple[Piece, ...], after: Ids | None = None) -> tuple[int, ...]:
    return tuple(TOKENIZER.encode_pieces(pieces, after=after))


def prompt(*pieces: Piece) -> Prompt:
    """As the executor makes one."""
    return Prompt(encode(pieces), pieces)


def heal(of: Prompt, *choices: str) -> tuple[tuple[int, ...], tuple[tuple[int, ...], ...] | None]:
    cut, score = healed(of, Score("x", choices, "exact"), encode)
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


@pytest.mark.parametrize("end", [Ids(ids_of(" "), " "), Control("<|end|>")])
def test_generated_and_control_tokens_stay(end: Piece) -> None:
    """However well a choice would go with what is there."""
    given = prompt(Text("Q"), end)
    assert heal(given, "yes") == (given.ids, (ids_of("yes"),))


def test_a_choice_goes_with_the_ordinary_text_of_a_template() -> None:
    """The template's text and the choice are one run."""
    assert heal(prompt(Control("<|end|> ")), "yes", "no") == ((259,), (ids_of(" yes"), ids_of(" no")))


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


# --- in programs -----------------------------------------------------------------------------------------

REWRITING = replace(CHATML, append_only=False, reason="it drops the thoughts of earlier turns.")


def asked(program: Any, tokenizer: Words = TOKENIZER) -> tuple[Any, list[Request]]:
    """The result of a run, and its requests in order."""
    backend = EchoBackend(record=True, tokenizer=tokenizer)
    return lmc.run(program, backend=backend), backend.log


def test_the_program_goes_on_with_the_tokens_that_were_scored() -> None:
    """The state holds the text as written, its prompts the tokens that the choice made with the end of it."""

    @lmc.function
    def answers(s):
        s += "Q: "
        with s.var_scope("said"):
            s += lmc.select("a", ["yes", "no"], choices_method="exact")
        s += "?" + lmc.gen("b", max_tokens=4)

    result, (select, gen) = asked(answers)
    score = select.out[0]
    assert isinstance(score, Score)
    assert (select.prompt.ids, score.ids) == (ids_of("Q:"), (ids_of(" yes"), ids_of(" no")))
    assert gen.prompt.ids == ids_of("Q:") + ids_of(" " + result["a"]) + ids_of("?")
    assert (result["said"], result.text()) == (result["a"], f"Q: {result['a']}?{result['b']}")
    assert result.get_meta_info("a")["boundary"] == "exact"


@pytest.mark.parametrize("method", CHOICES_METHODS)
@pytest.mark.parametrize("boundary", [None, "exact", "naive"])
def test_each_method_has_the_boundary_it_is_given(method: str, boundary: str | None) -> None:
    """Without one `exact` has the exact one; SGLang's methods score each choice as encoded by itself."""

    @lmc.function
    def answers(s):
        s += "Q: " + lmc.select("a", ["yes", "no"], choices_method=method, boundary=boundary)
        s += lmc.gen("b", max_tokens=4)

    result, (select, gen) = asked(answers)
    used = boundary or ("exact" if method == "exact" else "naive")
    said = ids_of("Q:" + " " + result["a"]) if used == "exact" else ids_of("Q: ") + ids_of(result["a"])
    assert gen.prompt.ids == said
    assert select.prompt.ids == (ids_of("Q:") if used == "exact" else ids_of("Q: "))
    assert result.get_meta_info("a")["boundary"] == used


def test_a_template_that_rewrites_turns_has_the_choice_by_itself() -> None:
    """The conversation is encoded anew at each call: the scores are healed, the choice keeps tokens of its own."""

    class Rewriting(Words):
        def __init__(self) -> None:
            super().__init__(chat=REWRITING)

    @lmc.function
    def answers(s):
        with s.user():
            s += "Q"
        with s.assistant():
            s += "A: " + lmc.select("a", ["yes", "no"], choices_method="exact")
            s += lmc.gen("b", max_tokens=4)

    result, (select, gen) = asked(answers, Rewriting())
    score = select.out[0]
    assert isinstance(score, Score) and score.ids == (ids_of(" yes"), ids_of(" no"))
    assert gen.prompt.ids == select.prompt.ids + ids_of(" ") + ids_of(result["a"])


def test_the_distribution_is_in_the_result() -> None:
    """One row a choice, in order; they sum to 1, and the best of them is what was said."""

    @lmc.function
    def answers(s):
        s += "Q" + lmc.select("a", ["yes", "no", "yes, but", "no"], choices_method=lmc.exact)

    result, _ = asked(answers)
    meta = result.get_meta_info("a")
    assert [choice for choice, _ in meta["distribution"]] == ["yes", "no", "yes, but"] == meta["choices"]
    assert sum(p for _, p in meta["distribution"]) == pytest.approx(1.0, abs=1e-12)
    assert max(meta["distribution"], key=lambda row: row[1])[0] == result["a"]
