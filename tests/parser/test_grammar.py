"""EBNF and Lark grammars where they are written: what cannot be one says where; what may be one is let through."""

import re
import runpy

import pytest

import lmc
from lmc.backend.masks.factory import ConstraintMasks
from lmc.errors import ConstraintError
from lmc.ir.constraint import Grammar
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
        'start: a\na[max_tokens=5]: "x"',
        'start: a\na: %json {"type": "object"}',
        'start: "//" /x\\/:y/ "b: #"',
        '?start: a -> b\n!a: "x"~2..3',
    ],
)
def test_lark_that_may_be_one(text):
    """Parts of llguidance's dialect that lark does not know are xgrammar's to judge."""
    assert parse_lark(text).text == text


def accepts(masks, constraint, text):
    matcher = masks.make(constraint)
    return all(matcher.accept(byte) for byte in text.encode()) and matcher.can_stop()


@pytest.fixture(scope="module")
def masks():
    """Over a vocabulary of bytes."""
    return ConstraintMasks(ByteVocabulary(), 257, "off")


class ByteVocabulary:
    eos_ids, turn_ids = frozenset({256}), frozenset()

    def vocab_bytes(self):
        return [*(bytes((byte,)) for byte in range(256)), b""]

    def control_tokens(self):
        return {}

    def encode(self, text):
        return list(text.encode())


@pytest.mark.parametrize(
    "pattern", [r"\d", r"\w", r"\s", r"\D", r"[\w-]", "(?i)ß|k", "(?i:é)x", r"(?!if|a)[a-f]{1,2}", r"\bé\b", "."]
)
def test_a_terminal_means_what_the_regex_means(masks, pattern):
    """Unicode classes, flags and looks: the terminal's texts are those of `re.fullmatch`."""
    terminal = parse_lark(f"start: T\nT: /{pattern}/")
    for text in (
        "3",
        "٣",
        "é",
        "É",
        "a",
        "-",
        "\u2003",
        " ",
        "\n",
        "K",
        "\u212a",
        "ß",
        "éx",
        "ÉX",
        "if",
        "ab",
        "fe",
        "日",
    ):
        assert accepts(masks, terminal, text) == bool(re.fullmatch(pattern, text)), text


@pytest.mark.parametrize(
    "text, yes, no",
    [
        ('start: /abc/i "x"i', ["aBcX", "abcx"], ["abc"]),
        ("start: /a.b/s /c.d/", ["a\nbc-d"], ["a\nbc\nd"]),
        ('_s{x, y}: x (y x)*\nstart: _s{N, ","} ";" _s{/[0-9]/, "-"}\nN: /[a-z]/', ["a,b;1-2", "a;1"], ["a;", "a-b;1"]),
        ('%import common (INT, WS)\n%ignore WS\nstart: INT ("+" INT)*', ["1 + 23 ", "1"], ["+", "1 +"]),
        ('start: start "a" | "b"~2..3', ["bba", "bbb"], ["b", "ba"]),
        ('start: "x" [A]\nA: "a".."c" | D+\nD: /[0-9]/', ["x", "xb", "x12"], ["xd", "xab"]),
        ('start: A | "b"\nA: /a(?=b)/', ["b"], ["a", "ab"]),
    ],
)
def test_lark_is_followed(masks, text, yes, no):
    """Templates, imports, ignored text, repeats, left recursion; a terminal without a text is no way on."""
    constraint = parse_lark(text)
    assert [each for each in yes if not accepts(masks, constraint, each)] == []
    assert [each for each in no if accepts(masks, constraint, each)] == []


@pytest.mark.parametrize(
    "line, column, problem",
    [
        ("A.2: /x/\nstart: A", 3, "a priority (`.2`) chooses between parses"),
        ("%declare A\nstart: A", 10, "`%declare` leaves a terminal to a lexer"),
        ("start: /a(b/", 8, "missing"),
        ("start: /(a)\\1/", 8, "back-reference"),
        ("start: FOO\n%import common.FOO", 16, "lark's `common` has no terminal `FOO`"),
        ("start: X\n%import pyth.X", 14, "there is no grammar `pyth` to import from"),
        ("start: <|end|>", 8, "a control token is no text"),
        ("start: @other", 8, "a grammar by name"),
        ("start: A & B\nA: /a/\nB: /b/", 10, "`&` is not supported"),
        ('start: "a" start', 1, "the rule `start` never ends"),
    ],
)
def test_what_will_fail_in_lark_says_where(line, column, problem):
    """When it is read, with a caret, and with nothing of another project's."""
    with pytest.raises(ConstraintError) as error:
        parse_lark(line)
    said = str(error.value)
    assert problem in said and f"column {column}" in said
    assert ".cc" not in said and not re.search(r"\d\d:\d\d:\d\d", said)


@pytest.mark.parametrize(
    "text, place, problem",
    [
        ('root ::= "a"\nroot ::= "b"', (2, 1), "the rule `root` is defined more than once"),
        ('root ::= "a"{3,2}', (1, 13), "`{3,2}` has a greatest number below its least"),
        ('root ::= * "a"', (1, 10), "`*` cannot stand here"),
        ('root ::= ("a"', (1, 14), "`)` is missing"),
        ('root ::= "a")', (1, 13), "`)` cannot stand where a rule begins"),
        (r'root ::= "\q"', (1, 11), r"the escape `\q` is not known"),
        (r"root ::= [a\d]", (1, 12), r"the escape `\d` is not known"),
        ("root ::= [z-a]", (1, 10), "a range that ends before it begins"),
        ('root ::= "a" | ', (1, 15), "a part is missing"),
        ('root ::= (= "a") "b"', (1, 10), "a lookahead"),
        ('root ::= "x" y\ny ::= "a" y', (2, 1), "the rule `y` never ends"),
    ],
)
def test_what_will_fail_in_ebnf_says_where(masks, text, place, problem):
    """Whatever xgrammar would refuse is refused before."""
    with pytest.raises(ConstraintError) as error:
        parse_ebnf(text)
    assert problem in str(error.value)
    assert error.value.origin == (text, place) or place == (1, 15)
    with pytest.raises(ConstraintError):
        masks.make(Grammar(text))


@pytest.mark.parametrize(
    "text",
    [
        r'root ::= "\x41\u00e9\n\"" [\]\-a^-] [^\x00-\x1f] () | "" # b ::= c',
        'root ::= (a | "b"){2,} a? (= "x")\na ::= [a-]* root{0,3} "."',
        'root ::= root "a" | "b"',
    ],
)
def test_ebnf_that_is_read_compiles(masks, text):
    """What has rules here is what xgrammar takes too."""
    constraint = parse_ebnf(text)
    assert constraint.rules is not None and masks.make(constraint) is not None


def test_the_error_of_a_grammar_points_into_the_file(tmp_path):
    """At the line of the string that holds the grammar, wherever in the file it is."""
    lines = ["import lmc", 'G = r"""', "start: item", r"item: /\d+/ | value", '"""', "@lmc.function", "def ask(s):"]
    path = tmp_path / "ask.py"
    path.write_text("\n".join([*lines, "    s += lmc.gen('x', grammar=lmc.lark(G))"]) + "\n")
    module = runpy.run_path(str(path))
    with pytest.raises(ConstraintError) as error:
        lmc.compile(module["ask"])
    span = error.value.span
    assert (span.file, span.line, span.col) == (str(path), 4, 15)
    assert error.value.notes == ()
