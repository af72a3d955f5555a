"""The language of a form is the concatenation of languages, whatever the parts look at."""

from __future__ import annotations

import random
import re

import pytest

from lmc.ir.automaton.dfa import CharDfa
from lmc.ir.automaton.parts import Hole, Literal, Until, fused_tree, is_form, language
from lmc.ir.regex import RegexTree, is_plain
from lmc.parser.regex.parse import parse_regex
from tests.support.languages import distinguishing, example
from tests.support.random_form import random_form, splits_of, texts_up_to


def hole(pattern: str) -> Hole:
    return Hole(parse_regex(pattern).tree)


def accepted(tree: RegexTree, texts: list[str]) -> list[str]:
    dfa = CharDfa(tree)
    return [text for text in texts if dfa.accepts(text)]


# --- one part ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stop", ["a", "ab", "aa", "aba", "aab", "abab", "aaa", "abb", "b", "ba"])
def test_until_is_what_comes_before_the_first_occurrence(stop: str) -> None:
    """Also where the end of the text and the stop string make an earlier one."""
    texts = texts_up_to("abc", 7)

    assert accepted(language(Until(stop)), texts) == [t for t in texts if (t + stop).find(stop) == len(t)]


def test_until_keeps_to_its_tree() -> None:
    """Both must hold."""
    part = Until("ab", parse_regex("[ab]{2,3}").tree)

    assert accepted(language(part), texts_up_to("ab", 4)) == ["aa", "ba", "bb", "aaa", "baa", "bba", "bbb"]


def test_a_stop_string_begins_the_next_literal() -> None:
    """They are not a form otherwise."""
    assert is_form([Until("ab"), Literal("abc"), hole("x"), Until("\n"), Literal("\n")])
    assert not is_form([Until("ab"), Literal("a")])
    assert not is_form([Until("ab"), hole("abc")])
    assert not is_form([Until("ab")])
    assert not is_form([Until(""), Literal("a")])


# --- forms ----------------------------------------------------------------------------------------------------


def test_a_record_is_fused() -> None:
    """And stays plain, so that it is as cheap as if it had been written as one pattern."""
    parts = [Literal('{"name": "'), hole("[A-Z][a-z]{2,8}"), Literal('", "age": '), hole("[0-9]{1,2}"), Literal("}")]
    tree = fused_tree(parts)

    assert is_plain(tree)
    assert distinguishing(tree, parse_regex(r'\{"name": "[A-Z][a-z]{2,8}", "age": [0-9]{1,2}\}').tree) is None


@pytest.mark.parametrize(
    ("left", "literal", "right", "yes", "no"),
    [
        ("a*+", "a", "b", ["ab", "aaab"], ["b", "aa"]),  # it leaves the literal its a
        ("(?>a|ab)", "c", "", ["ac"], ["abc"]),
        (r"\w+\b", "x", r"\bx*", ["axx", "aaxx"], ["xx", "ax"]),  # an end of the text for the part alone
        ("a(?!.)", "b", "(?<!b)c", ["abc"], ["ac"]),
        ("[ab]+$", "", "^c", ["ac", "abc"], ["c"]),
        ("(?&)~(.*b.*)", "b", "(?&)[a-c]*&~(a.*)", ["b", "aabc", "cb"], ["ba", "aabab"]),
    ],
)
def test_a_part_sees_nothing_of_the_others(left: str, literal: str, right: str, yes: list[str], no: list[str]) -> None:
    """Looks and atomic groups mean in the form what they mean in the generation alone."""
    tree = fused_tree([hole(left), Literal(literal), hole(right)])

    assert accepted(tree, yes) == yes
    assert accepted(tree, no) == []


def test_a_suffix_of_a_form_begins_in_the_same_automaton() -> None:
    """Where a run goes on after a generation that was cut; no state is made twice."""
    parts = [hole("[ab]{2}"), Literal("-"), hole("(?=b)[ab]+"), Literal("."), hole("c*")]
    dfa = CharDfa(*(fused_tree(parts[at:]) for at in range(len(parts))))

    assert dfa.run("ab") == dfa.starts[1]
    assert dfa.run("ab-") == dfa.starts[2]
    assert dfa.run("ab-b.") == dfa.starts[4]
    assert dfa.is_accepting(dfa.run("bb.cc", dfa.starts[2]))


def test_a_fused_automaton_has_no_dead_ends_in_it() -> None:
    """Stop strings are complements; many in a row must not multiply what could have been."""
    parts = [part for _ in range(12) for part in (Until("; \n"), Literal("; \n"))]
    dfa = CharDfa(fused_tree(parts))
    dfa.run("x; y; \n" * 12)

    assert dfa.accepts("x; y; \n" * 12)
    assert len(dfa) < 100


def test_a_form_with_an_impossible_part_is_empty() -> None:
    """As is the text of no parts, which is not."""
    assert example(fused_tree([hole("a*"), hole("a(?!a)a")])) is None
    assert example(fused_tree([])) == ""


# --- random forms ---------------------------------------------------------------------------------------------


def differing(seeds: range) -> list[tuple[object, str]]:
    """Random forms and texts on which the fused automaton and the parts, one after another, disagree."""
    found = []
    for seed in seeds:
        form = random_form(random.Random(seed))
        dfa = CharDfa(fused_tree(form.parts))
        pattern = re.compile("".join(f"(?:{written})" for written in form.patterns)) if form.is_isolated else None
        for text in texts_up_to("ab", 5):
            expected = any(True for _ in splits_of(form, text)) if pattern is None else bool(pattern.fullmatch(text))
            if dfa.accepts(text) != expected:
                found.append((form.patterns, text))
    return found


def test_random_forms_accept_the_concatenation() -> None:
    """By `re` on the joined pattern, or part by part where a part looks around."""
    assert differing(range(700)) == []


@pytest.mark.slow
def test_ten_thousand_forms_accept_the_concatenation() -> None:
    """For the record."""
    assert differing(range(10_000, 20_000)) == []


# --- lengths -------------------------------------------------------------------------------------------------
