"""Constraints on a device: their tables, masked and stepped by the kernels, say what the host's matchers say."""

from __future__ import annotations

import random

import pytest
import torch

from lmc.backend.masks.device_automata import device_automata
from lmc.backend.masks.factory import ConstraintMasks
from lmc.backend.masks.token_table import token_table
from lmc.kernels.automaton import advance, automaton_words
from lmc.parser.regex.parse import parse_regex
from lmc.tokenizer import load_tokenizer
from tests.support.random_regex import random_pattern
from tests.support.tokenizer_folder import byte_tokenizer_folder

PATTERNS = ("a(ba)*c", "[b-é]{0,3}!", "yes|no|yesterday", "")


@pytest.fixture(scope="module")
def masks(tmp_path_factory: pytest.TempPathFactory) -> ConstraintMasks:
    """Of a tokenizer of one token a byte, with an end token."""
    tokenizer = load_tokenizer(byte_tokenizer_folder(tmp_path_factory.mktemp("bytes")))
    return ConstraintMasks(tokenizer, len(tokenizer.vocab_bytes()))


@pytest.mark.parametrize("seed", range(3))
def test_kernels_walk_as_matchers_do(masks: ConstraintMasks, seed: int, device: torch.device):
    """A batch of different constraints, one token each at a time: the same masks, end tokens and all."""

    rng = random.Random(seed)
    patterns = [*PATTERNS, *(random_pattern(rng, 2, looks=False) for _ in range(3))]
    trees = [parse_regex(pattern).tree for pattern in patterns]
    matchers = [masks.regular(tree) for tree in trees]
    rows = [i for i, matcher in enumerate(matchers) if matcher.mask().any()]
    automata, starts = device_automata([token_table(masks.trie, tree) for tree in trees], masks.eos_ids, device)
    states = torch.tensor([starts[i] for i in rows], dtype=torch.int32, device=device)
    which = torch.tensor(rows, dtype=torch.int32, device=device)
    for _ in range(5):
        words = automaton_words(states, which, automata).cpu().tolist()
        assert words == [matchers[i].mask().tolist() for i in rows]
        drawn = [rng.choice(allowed(matchers[i].mask().tolist())) for i in rows]
        assert all(matchers[i].accept(token) for i, token in zip(rows, drawn))
        advance(states, which, torch.tensor(drawn, device=device), automata)


def allowed(words: list[int]) -> list[int]:
    """The ids whose bits are set."""
    return [32 * at + bit for at, word in enumerate(words) for bit in range(32) if word >> bit & 1]


def test_a_dead_language_starts_dead(masks: ConstraintMasks, device: torch.device):
    """Beside one that is not."""

    trees = [parse_regex(pattern).tree for pattern in ("a(?!a)a", "b")]
    automata, starts = device_automata([token_table(masks.trie, tree) for tree in trees], masks.eos_ids, device)
    states = torch.tensor(starts, dtype=torch.int32, device=device)
    words = automaton_words(states, torch.arange(2, dtype=torch.int32, device=device), automata)
    assert starts[0] == 0 and not words[0].any()
    assert allowed(words[1].tolist()) == [token for token, spelt in enumerate(masks.spellings) if spelt == b"b"]
