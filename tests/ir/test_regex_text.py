"""A tree as a pattern: read back, it is the same language."""

from __future__ import annotations

import random
import re

import pytest

from lmc.ir.regex_text import pattern_of
from lmc.parser.regex.parse import parse_regex
from tests.support.random_regex import ALPHABET, random_pattern


@pytest.mark.parametrize("seed", range(150))
def test_a_pattern_and_its_tree_match_the_same_texts(seed: int) -> None:
    rng = random.Random(seed)
    pattern = random_pattern(rng, 3, atomic=False)
    again = pattern_of(parse_regex(pattern).tree)
    texts = ["", *("".join(rng.choices(ALPHABET, k=rng.randrange(1, 6))) for _ in range(60))]
    for text in texts:
        assert bool(re.fullmatch(again, text)) == bool(re.fullmatch(pattern, text)), (pattern, again, text)


@pytest.mark.parametrize(
    "pattern",
    ["(?&)a&[ab]", "(?&)~(ab)", "(?&)(?:a|b)&~(b)c", r"(?&)\&\~[&~]", "(?>a|ab)c", r"[\]\-^\\]", "a{3,}b{2}c??"],
)
def test_trees_come_back(pattern: str) -> None:
    tree = parse_regex(pattern).tree
    assert pattern_of(parse_regex(pattern_of(tree)).tree) == pattern_of(tree)
    assert parse_regex(pattern_of(tree)).tree == tree
