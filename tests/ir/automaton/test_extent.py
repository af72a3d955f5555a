"""How long texts are, and which there are: the tree's own answer is the automaton's."""

from __future__ import annotations

import random
import re

import pytest

from lmc.ir.automaton.algebra import longest, shortest
from lmc.ir.automaton.dfa import CharDfa
from lmc.ir.automaton.extent import Extent, extent, shortest_text, texts
from lmc.ir.regex import And, Chars, Not, Repeat, Seq, Whole, is_plain
from lmc.parser.regex.parse import parse_regex
from tests.support.random_regex import random_pattern

SURROGATE = Chars(((0xD800, 0xDFFF),))


def tree(pattern: str):
    return parse_regex(pattern).tree


@pytest.mark.parametrize(
    "pattern, least, most",
    [
        ("", 0, 0),
        ("abc", 3, 3),
        ("a|bcd", 1, 3),
        ("[0-9]{2,5}x?", 2, 6),
        ("(ab)*", 0, None),
        ("(|a*){3}", 0, None),
        ("(){5,}", 0, 0),
        ("a(?!b).{2}", 3, 3),
        ("(?=abc)a.*", 3, None),
    ],
)
def test_extent_is_read_off(pattern, least, most):
    """Plain trees, and trees with looks."""
    assert extent(tree(pattern)) == Extent(least, most)


@pytest.mark.parametrize("seed", range(40))
def test_extent_is_that_of_the_automaton(seed):
    """For any pattern, plain or not."""
    rng = random.Random(seed)
    patterns = [random_pattern(rng, 3, looks=seed % 2 == 0, atomic=seed % 2 == 0) for _ in range(10)]
    for pattern in patterns:
        dfa = CharDfa(tree(pattern))
        least = shortest(dfa)
        expected = None if least is None else Extent(least, longest(dfa))
        assert extent(tree(pattern)) == expected, pattern


def test_what_no_text_matches_has_no_extent():
    """A set without characters, one of surrogates alone, and what needs one."""
    for empty in (Chars(()), SURROGATE, Seq((tree("a"), SURROGATE)), Repeat(SURROGATE, 1, None)):
        assert is_plain(empty)
        assert extent(empty) is None
    assert extent(Repeat(SURROGATE, 0, 3)) == Extent(0, 0)


@pytest.mark.parametrize(
    "pattern, found",
    [
        ("yes|no", ("yes", "no")),
        ("a(b|c)d|e", ("abd", "acd", "e")),
        ('"(true|false)"', ('"true"', '"false"')),
        ("x", ("x",)),
        ("a|a", ("a",)),
        ("[ab]|c", None),
        ("ab?", None),
        ("a+|b", None),
        ("(?!x)a|b", None),
    ],
)
def test_alternatives_are_listed(pattern, found):
    """Where the tree is alternatives of fixed texts, and no other."""
    assert texts(tree(pattern)) == found
    assert all(re.fullmatch(pattern, text) for text in found or ())


def test_too_many_alternatives_are_none():
    """Two to the twelfth would be 4,096."""
    assert texts(tree("(a|b)" * 12)) is None
    assert len(texts(tree("(a|b)" * 10)) or ()) == 1024


@pytest.mark.parametrize(
    "pattern, expected",
    [
        ("(abc|ab|(?!a)[a-c]{3})+", "ab"), ("(?:x|yy){3}z*", "xxx"), ("a(?=b)[a-z]{2}", "aba"), ("(?>a|ab)c?b", "ab"),
        ("a(?!b).|(?<=a)b", "aa"), ("[a-z]{400,900}(?!x)[xy]", "a" * 400 + "y"),
    ],
)  # fmt: skip
def test_a_shortest_text_of_parts_is_one_of_the_whole(pattern, expected):
    """Oracle: the whole automaton; and Python takes it."""
    whole = tree(pattern)
    found = shortest_text(whole)

    assert found is not None and re.fullmatch(pattern, found)
    assert len(found) == len(expected) == shortest(CharDfa(whole))


def test_a_shortest_text_of_what_is_too_large_for_an_automaton():
    """As many states as its parts have together would be millions."""
    part = Whole(And((tree("[a-z]{300,600}"), Not(tree("a*")))))
    found = shortest_text(Seq((part,) * 50), 5_000)

    assert found is not None and len(found) == 50 * 300
    assert all(set(found[at : at + 300]) != {"a"} for at in range(0, 15_000, 300))
    assert shortest_text(Seq((part, Chars(())))) is None
    assert shortest_text(Repeat(Chars(()), 0, None)) == ""
