"""Prompts as integers: what is known of one before it is known whole, and which text some of its tokens stand for."""

from __future__ import annotations

import random
from dataclasses import replace
from functools import lru_cache

import pytest

from lmc.compiler import inputs_of
from lmc.ir.graph import Graph, Lit, Value
from lmc.ir.prompt import GENERATED, Control, Text
from lmc.ir.strand import Strand
from lmc.ir.types import STR
from lmc.parser.irtext.parse import parse_graph
from lmc.passes import Inputs
from lmc.passes.flat_prompts import FlatPiece, PromptHole
from lmc.passes.known_values import KnownValues
from lmc.passes.prompt_ids import PromptIds, PromptIdsBuilder
from tests.support.token_kinds import CONTROL, KINDS
from tests.tokenizer.test_token_law import TEXTS, ours

EMPTY: Graph = parse_graph("program p() {\n  %s = begin\n  return %s, none\n}\n")
X = PromptHole("text", Value("x", STR))
SAID = PromptHole("made", Value("said", STR))
VALUES = (*TEXTS, "a", "n", "word", "The", " word", "1", "\n\n\n", "---", ")", "日")
LITERALS = ("hello ", "hello", "the word is ", "x\n", "\n", "(", "user: the", "  ", "é", "1")


@lru_cache(maxsize=64)
def builder_of(kind: str) -> tuple[PromptIdsBuilder, Inputs]:
    inputs = inputs_of(ours(kind))
    return PromptIdsBuilder(inputs, {}), inputs


def prompt(kind: str, *pieces: FlatPiece) -> PromptIds:
    return builder_of(kind)[0].of(0, 0, Strand(None, pieces), KnownValues(EMPTY, {}, {}))


@pytest.mark.parametrize("kind", KINDS)
def test_known_pieces_are_encoded_as_one_run(kind: str) -> None:
    """Template text and text together, with what stands before a prompt; nothing is left open."""
    pieces = (Control("<|im_start|>user\n"), Text("\n\nhello"), Text(" world"), Control("<|im_end|>\n"))
    tokenizer = ours(kind)

    assert prompt(kind, *pieces).ids == tuple(tokenizer.encode_pieces(pieces))
    assert prompt(kind, *pieces[1:]).ids == (*tokenizer.begin_ids, *tokenizer.encode_pieces(pieces[1:]))
    assert prompt(kind, *pieces).is_exact


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("literal", LITERALS)
def test_tokens_before_a_hole_stay_whatever_it_is(kind: str, literal: str) -> None:
    """Those that are counted are the first ones of the whole prompt, for every value."""
    found = prompt(kind, Control("<|im_start|>"), Text(literal), X)
    known = found.ids[:-1]

    assert not found.is_exact and found.ids[-1] < 0 and min(known) >= 0
    for value in VALUES:
        whole = ours(kind).encode_pieces([Control("<|im_start|>"), Text(literal), Text(value)])
        assert tuple(whole[: len(known)]) == known, value


@pytest.mark.parametrize("kind", KINDS)
def test_tokens_behind_the_next_control_token_are_known(kind: str) -> None:
    """A value changes none of them."""
    end = (Control("<|im_end|>\n<|head|>"), Text("hello world"))
    found = prompt(kind, Text("the"), X, Text("!"), Control(" ." + end[0].text), end[1])
    known = tuple(ours(kind).encode_pieces(end))

    assert found.ids[-len(known) :] == known
    assert found.ids[-len(known) - 1] < 0, "what stands before it is not known"
    for value in VALUES:
        whole = ours(kind).encode_pieces([Text("the"), Text(value), Text("!"), Control(" ." + end[0].text), end[1]])
        assert tuple(whole[-len(known) :]) == known, value


def test_a_generated_value_is_a_boundary() -> None:
    """Behind it tokens are known again."""
    found = prompt("bpe, first", Text("hello"), SAID, Text("hello world"))
    behind = tuple(ours("bpe, first").encode_pieces([Text("hello world")], after=GENERATED))

    assert found.ids[-len(behind) :] == behind
    assert found.ids[-len(behind) - 1] < 0


def test_equal_holes_behind_equal_texts_have_equal_numbers() -> None:
    """And the text that goes with the hole counts: `un` and `in` before a value are two things."""
    tokenizer = "byte-level"

    assert prompt(tokenizer, Text("hello "), X).ids == prompt(tokenizer, Text("hel"), Text("lo "), X).ids
    assert prompt(tokenizer, Text("h"), X).ids[-1] != prompt(tokenizer, Text("w"), X).ids[-1]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("has_inverse", [True, False])
def test_first_tokens_stand_for_a_beginning_of_the_text(kind: str, has_inverse: bool) -> None:
    """Whatever the cut: the text shown has these tokens, or fewer where they end within a character."""
    rng, tokenizer = random.Random(kind), ours(kind)
    inputs = builder_of(kind)[1]
    builder = PromptIdsBuilder(inputs if has_inverse else replace(inputs, decode=None), {})
    for _ in range(12):
        texts = [text for text in rng.choices(TEXTS, k=3) if "\ud800" not in text]
        pieces = [Control(CONTROL[3] + "user\n"), *map(Text, texts), Control("<|im_end|>")]
        found = builder.of(0, 0, Strand(None, pieces), KnownValues(EMPTY, {}, {}))
        whole = "".join(piece.text for piece in pieces)
        lengths = []
        for end in range(len(found.ids) + 1):
            atoms = builder.atoms(found.fragments, 0, end)
            shown = "".join(str(atom.value) for atom in atoms if isinstance(atom, Lit))

            assert whole.startswith(shown)
            lengths.append(len(shown))
        assert lengths[-1] == len(whole) and lengths[0] == 0
        assert tokenizer.encode_pieces(pieces) == list(found.ids)
