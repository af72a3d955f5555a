"""Lints of grammars: what they say, of what, and where; and what they keep silent about."""

import re

import pytest

import lmc
from lmc.codes import EMPTY, NO_TEXT, RUNS_OVER, UNREACHED
from lmc.errors import ConstraintError


def notes(grammar):
    @lmc.function
    def ask(s):
        s += "Say: " + lmc.gen("x", max_tokens=9, grammar=grammar)

    reports = lmc.compile(ask).reports
    return [note for report in reports if report.name == "lint" for note in report.notes]


@pytest.mark.parametrize(
    "text, code, said",
    [
        ('start: "a"\nb: "c"', UNREACHED, "the rule `b`"),
        ('start: a\na: "x" b?\nb: "y"\nc: d\nd: "z"', UNREACHED, "the rule `c`"),
        ('start: A | "b"\nA: /a(?=b)/', NO_TEXT, "`A` matches no text"),
        ('start: NAME "s"\nNAME: /[a-z]+/', RUNS_OVER, "in `as` a lexer takes `s` for more of `NAME`"),
        ("start: INT+\nINT: /[0-9]+/", RUNS_OVER, "in `00`"),
        ('start: n "."? i\nn: NAME\ni: "1"\nNAME: /[a-z]\\w*/', RUNS_OVER, "in `a1`"),
        ('start: A "c"\nA: "ab" | "abc"', RUNS_OVER, "in `abc`"),
    ],
)
def test_a_lark_grammar_says_what_is_odd(text, code, said):
    """With the code of its page."""
    found = [note for note in notes(lmc.lark(text)) if note.code == code]
    assert found and said in found[0].text, found


@pytest.mark.parametrize(
    "text, code, said",
    [
        ('root ::= "a"\nb ::= "c"', UNREACHED, "the rule `b`"),
        ("root ::= [^\\U00000000-\\U0010ffff] | [a]", NO_TEXT, "matches no text"),
        ("root ::= word num\nword ::= [a-z0-9]+\nnum ::= [0-9]+", RUNS_OVER, "`word` and `num`"),
        ('root ::= ("x" ws)* ws "."\nws ::= [ ]*', RUNS_OVER, "`ws` and `ws`"),
        ('root ::= [a-z]* root "!" | "z"', RUNS_OVER, "`[a-z]*`"),
    ],
)
def test_an_ebnf_grammar_says_what_is_odd(text, code, said):
    """Its terminals are rules that call none, and what is repeated."""
    found = [note for note in notes(text) if note.code == code]
    assert found and said in found[0].text, found


@pytest.mark.parametrize(
    "grammar",
    [
        lmc.lark('start: NAME "-" INT ("," start)?\nNAME: /[a-z]+/\nINT: /[0-9]+/'),
        lmc.lark('start: "a" "a" | A B\nA: /a{2}/\nB: /a+/'),
        'root ::= "(" root ")" | [a-z]+ ("," [a-z]+)*',
        'root ::= [a-z] [a-z] [0-9]{2} "."',
    ],
)
def test_a_plain_grammar_says_nothing(grammar):
    """Where what follows cannot be taken for more."""
    assert notes(grammar) == []


def test_what_runs_over_is_a_text_of_both():
    """The text that is shown is of the first terminal, with what it holds of the second and without."""
    (note,) = notes(lmc.lark("start: A B\nA: /x(yz)*/\nB: /y[a-z]+/"))
    whole, more = re.search("in `(.*?)` a lexer takes `(.*?)` for", note.text).groups()
    assert whole.endswith(more)
    assert all(re.fullmatch("x(yz)*", text) for text in (whole, whole.removesuffix(more)))


def test_a_grammar_without_a_text_is_an_error():
    """As every constraint is that nothing fits."""
    with pytest.raises(ConstraintError) as error:
        notes(lmc.lark('start: "x" A\nA: /a(?=b)/'))
    assert error.value.code == EMPTY
