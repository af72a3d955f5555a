"""Masks of regular constraints: a token is allowed exactly where its bytes lead on."""

from __future__ import annotations

import gc
import random
import tracemalloc

import numpy as np
import pytest

import lmc.backend.masks.token_table
from lmc.backend.masks.token_masks import TokenMasks
from lmc.backend.masks.token_table import token_table
from lmc.backend.masks.trie import DEPTH, TokenTrie
from lmc.errors import ConstraintError
from lmc.parser.regex.parse import parse_regex
from scripts.support.vocabularies import odd_vocabulary
from tests.support.random_regex import random_pattern

VOCAB = odd_vocabulary()
HARD = [r"[^b]{0,300}", r"(?:[^a-z]|é)*", r"\w{1,40}", r"(?s).*END", "[a-c]{1,10}( [a-z]{1,10}){0,5}", "", "(é|è)x|日+"]


@pytest.fixture(scope="module")
def trie() -> TokenTrie:
    return TokenTrie(VOCAB)


def by_bytes(masks: TokenMasks, state: int) -> list[int]:
    """The allowed ids, one token after another."""
    return [i for i, spelt in enumerate(VOCAB) if spelt and masks.dfa.run(spelt, state)]


def unpacked(mask) -> list[int]:
    return np.flatnonzero(np.unpackbits(mask.view(np.uint8), bitorder="little")).tolist()


@pytest.mark.parametrize("seed", range(40))
def test_masks_are_what_bytes_say(trie: TokenTrie, seed: int) -> None:
    """Along a random walk of tokens, within characters too."""
    rng = random.Random(seed)
    pattern = HARD[seed] if seed < len(HARD) else random_pattern(rng, 3)
    masks = TokenMasks(trie, parse_regex(pattern).tree)
    state = masks.start
    for _ in range(5):
        allowed = unpacked(masks.mask(state))
        assert allowed == by_bytes(masks, state)
        if not allowed:
            break
        state = masks.next(state, rng.choice(allowed))


def test_the_vocabulary_has_every_kind_of_token(trie: TokenTrie) -> None:
    """Or the tests above would show less than they say."""
    assert trie.longs and trie.heads and trie.prefixes
    assert max(len(spelt or b"") for spelt in VOCAB) > DEPTH
    assert (trie.nodes == -1).sum() > len(trie.longs) + len(trie.heads)
    assert len(trie.cuts.rests) > 1


def test_a_mask_is_made_once(trie: TokenTrie) -> None:
    """And cannot be written to."""
    masks = TokenMasks(trie, parse_regex("[ab]+").tree)

    assert masks.mask(masks.start) is masks.mask(masks.start)
    with pytest.raises(ValueError, match="read-only"):
        masks.mask(masks.start)[0] = 0


def test_control_tokens_and_dead_states_allow_nothing(trie: TokenTrie) -> None:
    """No bytes, no move."""
    masks = TokenMasks(trie, parse_regex("(?s).*").tree)

    assert masks.next(masks.start, VOCAB.index(None)) == 0
    assert not masks.allowed(masks.start)[VOCAB.index(None)]
    assert masks.is_accepting(masks.start)
    assert not masks.mask(0).any() and not masks.is_accepting(0)


# --- tables --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(25))
def test_table_says_what_masks_say(trie: TokenTrie, seed: int) -> None:
    """Every token from every state of a random walk."""
    rng = random.Random(seed)
    pattern = HARD[seed] if seed < len(HARD) else random_pattern(rng, 3)
    tree = parse_regex(pattern.replace("{1,40}", "{1,3}").replace("300", "30")).tree
    masks, table = TokenMasks(trie, tree), token_table(trie, tree)
    state, row = masks.start, table.start
    for _ in range(5):
        allowed = np.flatnonzero(masks.allowed(state)).tolist()
        assert np.flatnonzero(table.allowed(np.array([row]))[0]).tolist() == allowed
        assert bool(table.accepting[row]) == masks.is_accepting(state)
        if not allowed:
            break
        token = rng.choice(allowed)
        state = masks.next(state, token)
        row = int(table.advance(np.array([row]), np.array([token]))[0])


def test_table_is_laid_out_for_a_device(trie: TokenTrie) -> None:
    """int32 throughout, row 0 dead, few classes."""
    table = token_table(trie, parse_regex(r"\d{4}-\d{2}").tree)

    assert table.class_of.dtype == table.next.dtype == np.int32
    assert table.class_of.shape == (len(VOCAB),)
    assert not table.next[0].any() and not table.next[:, 0].any()
    assert table.next.shape[1] < 120


def test_a_table_that_is_too_large_is_refused(trie: TokenTrie, monkeypatch) -> None:
    """With a typed error."""
    monkeypatch.setattr(lmc.backend.masks.token_table, "MAX_CHAR_STATES", 100)
    with pytest.raises(ConstraintError) as caught:
        token_table(trie, parse_regex("(a|b)*a(a|b){16}").tree)
    assert caught.value.code == "LMC-CN004"


@pytest.mark.parametrize("pattern", [r"\w+", r"\w{1,40}", r"(\w+ ){3}\w+\.", r"\d+", "[a-z]{1,60}", r"\S+@[à-ÿ]+"])
def test_what_it_takes_is_counted(trie: TokenTrie, pattern: str) -> None:
    """Large sets of characters too: what Python says was allocated, or somewhat more: parts are shared with others."""

    def walked() -> TokenMasks:
        masks, rng = TokenMasks(trie, parse_regex(pattern).tree), random.Random(1)
        for _ in range(20):
            state = masks.start
            for _ in range(30):
                allowed = unpacked(masks.mask(state))
                state = masks.next(state, rng.choice(allowed)) if allowed else masks.start
        return masks

    walked()  # what all automata share is made
    gc.collect()
    tracemalloc.start()
    try:
        masks = walked()
        gc.collect()
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken / 2 < masks.num_bytes < taken * 3
