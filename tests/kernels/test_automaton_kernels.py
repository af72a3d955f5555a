"""Masks and steps of automata against their references and against Python's own regular expressions."""

from __future__ import annotations

import re

import pytest
import torch

from lmc.kernels.automaton import Automata, advance, advance_reference, automaton_words, automaton_words_reference
from lmc.kernels.errors import KernelError
from lmc.kernels.sample import sample
from lmc.kernels.sampling_rules import Bitmask
from tests.kernels.sampling_cases import draws

# tokens 0..4 are "a", "b", "ab", "c", the end; the two automata are a(ba)*c and b*c, states 1, 2 | 4, 5; 3 and 6 end
TEXTS = ["a", "b", "ab", "c", ""]
CLASSES = [[0, 1, 2, 3, 4], [1, 0, 1, 3, 4]]
NEXT = [
    [0, 0, 0, 0, 0],
    [2, 0, 1, 0, 0],
    [0, 1, 0, 3, 0],
    [0, 0, 0, 0, 3],
    [4, 0, 0, 5, 0],
    [0, 0, 0, 0, 5],
]


def automata(device: torch.device, dtype: torch.dtype = torch.int16) -> Automata:
    return Automata(
        torch.tensor(CLASSES, dtype=dtype, device=device), torch.tensor(NEXT, dtype=torch.int32, device=device)
    )


def int32(values: list[int], device: torch.device) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.int32, device=device)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32])
@pytest.mark.parametrize("vocab", [5, 64, 2100])
def test_automaton_words_match_reference(dtype, vocab, device):
    """Random tables, a row without a constraint, a dead one; the bits past the vocabulary are 0."""

    tables = Automata(
        torch.randint(0, 7, (3, vocab), device=device).to(dtype),
        torch.randint(0, 3, (9, 7), device=device).to(torch.int32),
    )
    states, which = int32([5, -1, 0, 8], device), int32([2, 99, 1, 0], device)
    found = automaton_words(states, which, tables)
    assert found.tolist() == automaton_words_reference(states, which, tables).tolist()
    assert not found[2].any()
    tokens = torch.tensor([vocab - 1, 1, 2, -1], device=device)
    ours, theirs = states.clone(), states.clone()
    advance(ours, which, tokens, tables)
    advance_reference(theirs, which, tokens, tables)
    assert ours.tolist() == theirs.tolist()
    assert ours[1:].tolist() == [-1, 0, 8]


def test_texts_drawn_under_automata_match_their_patterns(device):
    """Mask, draw, step, without a look at a token in between; two automata in one batch."""

    tables, states, which = automata(device), int32([1, 4, 1, 4], device), int32([0, 1, 0, 1], device)
    drawn = []
    for position in range(8):
        words = automaton_words(states, which, tables)
        logits = torch.zeros(4, 5, device=device)
        drawn.append(sample(logits, draws(4, device, first_position=position * 4), bitmask=Bitmask(words)))
        advance(states, which, drawn[-1], tables)
    for row, pattern in zip(torch.stack(drawn, 1).tolist(), ("a(ba)*c", "b*c") * 2):
        text, is_ended = "".join(TEXTS[id] for id in row), 4 in row
        assert re.fullmatch(pattern, text) if is_ended else re.fullmatch(r"[abc]{8,}", text)
    assert any(4 in row for row in torch.stack(drawn, 1).tolist())


@pytest.mark.parametrize(
    "states, tokens, message",
    [
        (torch.ones(2).long(), torch.ones(2).long(), "states is int64; it must be int32"),
        (torch.ones(2).int(), torch.ones(2).int(), "tokens is int32; it must be int64"),
        (torch.ones(2).int(), torch.ones(3).long(), "tokens has the shape"),
    ],
)
def test_advance_refuses(states, tokens, message):
    with pytest.raises(KernelError, match=message):
        advance(states, torch.ones(2).int(), tokens, automata(torch.device("cpu")))


@pytest.mark.gpu
def test_automaton_words_on_a_gpu_match_reference(gpu):
    tables = Automata(
        torch.randint(0, 300, (4, 151_936), device=gpu).to(torch.int16),
        torch.randint(0, 4, (1000, 300), device=gpu).to(torch.int32),
    )
    states, which = torch.randint(-1, 1000, (64,), device=gpu), torch.randint(0, 4, (64,), device=gpu)
    found = automaton_words(states.int(), which.int(), tables)
    assert torch.equal(found, automaton_words_reference(states.int(), which.int(), tables))
