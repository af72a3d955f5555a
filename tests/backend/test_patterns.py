"""Stop patterns as automata: they find what `re` finds, and end where it would not."""

from __future__ import annotations

import random
import re
import time

import pytest

import lmc
from lmc.backend.patterns import PatternSearch, automaton_of

ATOMS = ["a", "b", ".", "[ab]", "[^a]", r"\d", r"\w", "(?i:A)", "é", r"\s"]
REPEATS = ["*", "+", "?", "{2}", "{1,3}", "{0,2}", "*?", "+?", "{2,}"]


def random_pattern(rng: random.Random, depth: int) -> str:
    """Everything that an automaton knows."""
    kind = rng.randrange(6) if depth else 0
    match kind:
        case 0:
            return rng.choice(ATOMS)
        case 1 | 2:
            return random_pattern(rng, depth - 1) + random_pattern(rng, depth - 1)
        case 3:
            return f"({random_pattern(rng, depth - 1)}|{random_pattern(rng, depth - 1)})"
        case 4:
            return f"(?:{random_pattern(rng, depth - 1)}){rng.choice(REPEATS)}"
    return f"(?:{random_pattern(rng, depth - 1)}|)"


@pytest.mark.parametrize("seed", range(20))
def test_a_text_that_grows_is_cut_where_re_cuts_it(seed: int) -> None:
    """Token by token, from a floor on that may move until the first token behind it."""
    rng = random.Random(seed)
    for _ in range(60):
        pattern = random_pattern(rng, 3)
        assert automaton_of(pattern) is not None
        text = "".join(rng.choice("aabbA1é\n ") for _ in range(14))
        ends = sorted({*rng.sample(range(1, 14), 6), 14})
        search, floor = PatternSearch(pattern), 0
        for number, end in enumerate(ends):
            floor = ends[number - 1] if 0 < number <= seed % 4 else floor
            expected = re.compile(pattern).search(text[:end], floor)
            assert search.find(text[:end], 0, floor) == (expected and expected.start()), (pattern, text[:end], floor)
            if expected:
                break


@pytest.mark.parametrize(
    "pattern", [r"\bab", "^a", "a$", r"(a)\1", "a(?=b)", "(?<!a)b", "(?>a+)b", "(?:a{1000}){1000}"]
)
def test_what_no_automaton_says_is_left_to_re(pattern: str) -> None:
    """With the same answers."""
    assert automaton_of(pattern) is None
    for text in ("ab", "aab b", "xa", "aab"):
        expected = re.search(pattern, text)
        assert PatternSearch(pattern).find(text, 0, 0) == (expected and expected.start())


@pytest.mark.parametrize("pattern", ["(a|aa)+b", "(a*)*b", "(.*a){12}b", "((a+)+)+[bx]"])
def test_no_pattern_tries_for_ever(pattern: str) -> None:
    """As a text grows, and in one that is whole; `re` would take years."""
    begun = time.process_time()
    search, text = PatternSearch(pattern), "a" * 60
    assert [search.find(text[:end], 0, 0) for end in range(1, 61)] == [None] * 60
    assert search.find(text + "ab", 0, 0) == 0
    assert time.process_time() - begun < 5


@pytest.mark.parametrize("backend", ["echo", "cpu"])
def test_a_program_may_stop_at_any_pattern(backend: str) -> None:
    """The whole text has no match, and comes out whole."""

    @lmc.function
    def letters(s, pattern: str):
        s += "Letters: " + lmc.gen("a", stop_regex=pattern or None, max_tokens=40, temperature=0)

    whole = letters.run("", backend=backend)["a"]
    assert whole and not re.search("(q|qq)+#", whole)
    assert letters.run("(q|qq)+#", backend=backend)["a"] == whole
