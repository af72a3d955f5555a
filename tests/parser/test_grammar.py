"""EBNF and Lark grammars where they are written: what cannot be one says where; what may be one is let through."""

import pytest

from lmc.errors import ConstraintError
from lmc.parser.grammar import parse_ebnf, parse_lark


@pytest.mark.parametrize(
    "text, message",
    [
        ('root ::= "x" b', 'the rule `b` is not defined, at line 1 column 14\n  root ::= "x" b\n               ^'),
        ('root ::= a\na ::= "x', '`"` is not closed, at line 2 column 7\n  a ::= "x\n        ^'),
        ("root ::= [ab", "`[` is not closed, at line 1 column 10"),
        ("start: a", "no rule `root`, which is where it begins\n  help: write `root ::= ...`; for a Lark grammar"),
        ("", "no rule `root`"),
        (3, "an EBNF grammar is text, not int"),
    ],
)
def test_ebnf_that_is_none(text, message):
    """With the line of the grammar, and a caret."""
    with pytest.raises(ConstraintError) as error:
        parse_ebnf(text)
    assert message in str(error.value)


@pytest.mark.parametrize(
    "text",
    [
        'root ::= "a" root | ""',
        'root ::= x{2,3} (= "b")\nx ::= [^"\\]] # a comment: y ::= "',
        'root[max_tokens=3] ::= "a" b\nb ::= "b"',
        'root ::= TagDispatch(("<a>", x), excludes=("y"))\nx ::= "a"',
        'root ::= "b\\"c" x-y.z\nx-y.z ::= "::= nothing"',
    ],
)
def test_ebnf_that_may_be_one(text):
    """What xgrammar says about it comes when the program runs."""
    assert parse_ebnf(text).text == text


@pytest.mark.parametrize(
    "text, message",
    [
        ('start: "a" b', '`b` is not defined, at line 1 column 12\n  start: "a" b\n             ^'),
        ('start: X "a"\nX: /[a-z]+/ Y', "`Y` is not defined, at line 2 column 13"),
        ('start: "a" (b\nb: "c"', "the end of the line cannot stand here, at line 1 column 14"),
        ('start: "a', "unexpected input, at line 1 column 8"),
        ('start: a\na: "x"\na: "y"', "rule 'a' defined more than once"),
        ("start: A\nA: B\nB: A", "recursion in terminal 'A'"),
        ('root: "a"', "no rule `start`, which is where it begins"),
        (None, "a Lark grammar is text, not NoneType"),
    ],
)
def test_lark_that_is_none(text, message):
    """lark's own reading of it, with the place."""
    with pytest.raises(ConstraintError) as error:
        parse_lark(text)
    assert message in str(error.value)


@pytest.mark.parametrize(
    "text",
    [
        'start: "yes" | "no" X?\nX: /[a-c]{2}/i // b: c\n',
        '%import common.INT\n%ignore / +/\nstart: INT ("," INT)*',
        'start: a <tool_call>\na: "x"',
        'start: a\na[max_tokens=5]: "x"',
        'start: a\na: %json {"type": "object"}',
        'start: "//" /x\\/:y/ "b: #"',
        '?start: a -> b\n!a: "x"~2..3',
    ],
)
def test_lark_that_may_be_one(text):
    """Parts of llguidance's dialect that lark does not know are xgrammar's to judge."""
    assert parse_lark(text).text == text
