"""Looks said by intersections and complements: the same texts, and none is left where it is plain."""

from __future__ import annotations

import random
import re
from itertools import product

import pytest

from lmc.ir.automaton.dfa import CharDfa
from lmc.ir.automaton.looks import has_looks, without_looks
from lmc.parser.regex.parse import parse_regex
from lmc.parser.schema.pattern import pattern_tree

TEXTS = ["".join(each) for length in range(6) for each in product("a-\n", repeat=length)]
LOOKS = ["(?!a)", "(?=a)", "(?!a-)", "(?=.*-)", "(?!.*aa)", "(?<!a)", "(?<=-)", "(?<!a-)", r"\b", r"\B", "^", "$",
         "(?!$)", "(?!.*(^|-)a(-|$))", "(?=(?!-).)", "(?<=a)(?!a)"]  # fmt: skip
PARTS = ["a", "-", "a*", ".", ".+", "(a|-a)", "(a|)", "a{1,3}", r"[\s\S]*"]


def pattern(rng: random.Random, depth: int = 2) -> str:
    pieces = [rng.choice(rng.choice([LOOKS, PARTS, PARTS])) for _ in range(rng.randrange(1, 5))]
    if depth and rng.random() < 0.5:
        options = "|".join(pattern(rng, depth - 1) for _ in range(2))
        pieces.insert(rng.randrange(len(pieces) + 1), f"({options})" + rng.choice(["", "", "", "?", "*"]))
    return "".join(pieces)


@pytest.mark.parametrize("seed", [*range(30), *(pytest.param(n, marks=pytest.mark.slow) for n in range(30, 2000))])
def test_the_texts_are_the_same(seed: int) -> None:
    """Random patterns against `re`, over all texts of three characters that are not long."""
    written = pattern(random.Random(seed))
    tree = without_looks(parse_regex(written).tree)
    dfa = CharDfa(tree)

    wanted = [text for text in TEXTS if re.fullmatch(written, text)]
    assert [text for text in TEXTS if dfa.accepts(text)] == wanted, written


@pytest.mark.parametrize(
    "written",
    ["(?!aws:)(?!memorydb:)[a-z:]{1,8}", r"[a-z.]*(?<!\.)", r"arn:\b(aws|aws-cn)\b:[a-z]*", "(?!.*(^|/)a(/|$))[a-z/]*",
     "(?=.*a)(?=.*b)[ab]{2,}", "(a|(?!b)[a-c])(?<=c)"],
)  # fmt: skip
def test_no_look_is_left(written: str) -> None:
    """What people write in schemas."""
    tree = pattern_tree(written)
    assert not isinstance(tree, str) and not has_looks(without_looks(tree))


@pytest.mark.parametrize("written", ["(a(?!b))*", r"(\ba|-)+", "a(?!bx)[a-z]*(?<=.b)[a-z]*"])
def test_looks_that_see_further_are_left(written: str) -> None:
    """Within repeats, and where a look at one side stands in the view of one at the other."""
    tree = parse_regex(written).tree
    assert without_looks(tree) is tree
