"""Captures are those of the leftmost-shortest split, and ambiguity is decided: against trying every split."""

from __future__ import annotations

import random
from itertools import islice

import pytest

from lmc.ir.automaton.ambiguity import Ambiguity, Undecided, ambiguity
from lmc.ir.automaton.captures import Splits, captures
from lmc.ir.automaton.part_automata import FormAutomata
from lmc.ir.automaton.parts import Hole, Literal, Part, Until
from lmc.parser.regex.parse import parse_regex
from tests.support.random_form import RandomForm, captures_of, random_form, splits_of, texts_up_to


def hole(pattern: str) -> Hole:
    return Hole(parse_regex(pattern).tree)


NAME, AGE = hole("[A-Z][a-z]{2,8}"), hole("[0-9]{1,2}")
RECORD = [Literal('{"name": "'), NAME, Literal('", "age": '), AGE, Literal("}")]

# --- captures ------------------------------------------------------------------------------------------------


def test_a_record_is_taken_apart() -> None:
    """One capture a generation, none for a literal."""
    assert captures(RECORD, '{"name": "Ada", "age": 36}') == ("Ada", "36")
    assert captures(RECORD, '{"name": "Ada", "age": 36') is None


@pytest.mark.parametrize(
    ("parts", "text", "expected"),
    [
        ([hole("[a-z]+"), Literal("n"), hole("[a-z]*")], "banana", ("ba", "ana")),
        ([hole("[a-z]+"), Literal("n"), hole("a?")], "banana", ("bana", "a")),  # the shortest that can be completed
        ([hole("a*"), hole("a*"), hole("a*")], "aaa", ("", "", "aaa")),
        ([hole("a*"), hole("a{1,2}"), hole("a?b?")], "aaaa", ("a", "aa", "a")),
        ([Until(" - "), Literal(" - "), hole(".*")], "a -- - b - c", ("a --", "b - c")),
        ([Until("ab", parse_regex("[a-c]{2,}").tree), Literal("ab")], "acab", ("ac",)),
        ([Literal("x")], "x", ()),
        ([], "", ()),
        ([], "x", None),
        ([hole("a*"), hole("a(?!a)a")], "aa", None),
        ([hole("(?s).*")], "\ud800", None),
        ([hole("é*"), hole("[é日]")], "éé日", ("éé", "日")),
    ],
)
def test_captures_are_leftmost_shortest(parts: list[Part], text: str, expected: tuple[str, ...] | None) -> None:
    """Each in order as short as the rest allows; None for what the form does not accept."""
    assert captures(parts, text) == expected


def test_a_long_text_costs_no_backtracking() -> None:
    """Ten generations that could each take any of it, and then nothing fits, but for the last letter."""
    automata = FormAutomata([hole("[ab]*") for _ in range(10)] + [Literal("b")])

    assert Splits(automata, "a" * 3000).shortest() is None
    assert Splits(automata, "a" * 3000 + "b").shortest() == ("",) * 9 + ("a" * 3000,)
    assert Splits(automata, "a" * 3000 + "b").longest() == ("a" * 3000,) + ("",) * 9


# --- ambiguity -----------------------------------------------------------------------------------------------


def test_an_ambiguous_form_has_a_witness() -> None:
    """A shortest text, its two splits, and the two parts that share it."""
    found = ambiguity([hole("[a-z]+"), Literal("n"), hole("[a-z]*")])

    assert found == Ambiguity("ann", captures=(("a", "n"), ("an", "")), parts=(0, 2))


AMBIGUOUS: list[list[Part]] = [
    [hole("a*"), hole("a*b")],
    [hole("a?"), Literal("a"), hole("a?")],
    [hole("[^,]*"), Literal(", "), hole(".*"), Literal(", "), hole(".*")],
    [hole("(?:ab)*"), hole("(?:abab)*"), Literal("c")],
    [Literal("x"), hole("a|ab"), Literal("b"), hole("b*")],
    [hole("a|aa"), hole("b?"), hole("a?")],
    [hole("a*"), Until("b"), Literal("b")],
]
UNAMBIGUOUS: list[list[Part]] = [
    RECORD,
    [],
    [hole("a*")],
    [hole("a*"), Literal("a")],  # what is the generation's is known at the end alone, but then it is
    [hole("[^,]*"), Literal(","), hole(".*")],
    [Until(", "), Literal(", "), Until(", "), Literal(", "), hole(".*")],
    [hole("[ab]{3}"), hole("[ab]*")],
    [hole("a|ab"), Literal("c"), hole("a|ab")],
    [hole("a+"), hole("a(?!a)a"), hole("a*"), hole("a*")],  # of no text at all
    [hole("[a-z]{1,40}"), Literal(" "), hole("[a-z]{1,40}"), Literal(" "), hole("[a-z ]{1,40}")],
]


@pytest.mark.parametrize("parts", AMBIGUOUS)
def test_ambiguous(parts: list[Part]) -> None:
    """Both captures are those of splits of the text, and differ."""
    found = ambiguity(parts)

    assert isinstance(found, Ambiguity)
    assert found.captures[0] == captures(parts, found.text) != found.captures[1]


@pytest.mark.parametrize("parts", UNAMBIGUOUS)
def test_unambiguous(parts: list[Part]) -> None:
    """One split for every text."""
    assert ambiguity(parts) is None


def test_what_takes_too_long_is_undecided() -> None:
    """Too many pairs, or too many states of one part; never an endless search, never a guess."""
    parts = [hole("(?:a|b)*a(?:a|b){6}"), hole("(?:a|b){6}b"), Literal("!")]

    assert ambiguity(parts) is None
    assert ambiguity(parts, max_pairs=20) == Undecided(20)
    assert ambiguity([hole("a*") for _ in range(500)], max_pairs=20) == Undecided(20)
    assert isinstance(ambiguity([hole("(?:a|b)*a(?:a|b){40}"), Literal("c")], max_pairs=2000), Undecided)


# --- random forms ---------------------------------------------------------------------------------------------

LONGEST = 5


def wrong_captures(form: RandomForm) -> list[str]:
    """Texts whose captures are not those of the first split that trying finds."""
    automata = FormAutomata(form.parts)
    wrong = []
    for text in texts_up_to("ab", LONGEST):
        first = next(splits_of(form, text), None)
        expected = None if first is None else captures_of(form, text, first)
        if Splits(automata, text).shortest() != expected:
            wrong.append(text)
    return wrong


def is_wrong(form: RandomForm) -> bool:
    """Whether what `ambiguity` says is not what trying says, of all texts up to LONGEST."""
    found = ambiguity(form.parts)
    assert not isinstance(found, Undecided)
    shortest = next((t for t in texts_up_to("ab", LONGEST) if len(list(islice(splits_of(form, t), 2))) > 1), None)
    if found is None:
        return shortest is not None
    if len(found.text) != len(shortest) if shortest is not None else len(found.text) <= LONGEST:
        return True
    every = [captures_of(form, found.text, ends) for ends in splits_of(form, found.text)]
    return found.captures[0] != every[0] or found.captures[1] not in every[1:]


def forms(seeds: range) -> list[RandomForm]:
    return [random_form(random.Random(seed)) for seed in seeds]


@pytest.mark.slow
def test_random_captures_are_those_of_the_first_split() -> None:
    """On every text, accepted or not."""
    assert [(form.patterns, wrong) for form in forms(range(800)) if (wrong := wrong_captures(form))] == []


def test_random_ambiguity_is_what_trying_says() -> None:
    """A text with two splits is found exactly where there is one, and none is shorter."""
    assert [form.patterns for form in forms(range(3000, 4500)) if is_wrong(form)] == []


@pytest.mark.slow
def test_ten_thousand_forms_are_taken_apart() -> None:
    """Both, for the record."""
    assert [form.patterns for form in forms(range(20_000, 30_000)) if is_wrong(form) or wrong_captures(form)] == []
