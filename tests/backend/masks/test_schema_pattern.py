"""A JSON schema's pattern, rewritten to match the whole string."""

import random
import re

import pytest

from lmc.backend.masks.xgrammar_pattern import full_match


@pytest.mark.parametrize(
    "pattern, whole",
    [
        ("b", "^(?:.*b.*)$"),
        ("^b", "^(?:b.*)$"),
        ("^a|b$", "^(?:a.*|.*b)$"),
        ("^(a|b)$", "^(?:(a|b))$"),
        ("", "^(?:.*.*)$"),
        (r"^[^\]|$]\|$", r"^(?:[^\]|$]\|)$"),
    ],
)
def test_a_search_becomes_a_full_match(pattern, whole):
    """An open end may be followed by anything; `|` in a group or class parts no alternatives."""
    assert full_match(pattern) == whole


REFUSED = r"""a(?=b) (?P<x>a) \bx (a)\1 \p{L} a++ a$b (^a|b) a{,2} a{b} []a] ( a) * " \n \\ \x41 \cA \Z x** (?i)a"""


@pytest.mark.parametrize("pattern", [*REFUSED.split(), "a\n"])
def test_what_the_readings_differ_on_is_refused(pattern):
    """Or what no reading accepts, or a character that must be escaped in JSON."""
    assert full_match(pattern) is None


def test_random_patterns_find_what_python_finds():
    """Oracle: re.search against re.fullmatch of the rewritten pattern."""
    rng = random.Random(3)
    bits = ["a", "b", "[^a]", r"\d", "(?:", "(", ")", "|", "*", "+?", "{2}", "^", "$", r"\.", "."]
    taken = 0
    for _ in range(3000):
        pattern = "".join(rng.choices(bits, k=rng.randint(1, 6)))
        whole = full_match(pattern)
        if whole is None:
            continue
        taken += 1
        for text in ("", "a", "ab", "ba", "1a.", "aab", "b1b"):
            assert bool(re.fullmatch(whole, text)) == bool(re.search(pattern, text)), (pattern, whole, text)

    assert taken > 300
