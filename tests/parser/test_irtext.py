"""IR text that is not well formed: where, what, and what was expected. And literals, which always come back."""

from __future__ import annotations

import math
import random
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmc.errors import ParseError
from lmc.ir.graph import UNSET, Block, Graph, Lit, Node, Param, Value
from lmc.ir.literal import literal
from lmc.ir.types import DATA, STATE, STR
from lmc.ir.verify import MAX_DEPTH
from lmc.parser.irtext.parse import parse_graph, parse_plan
from tests.support.ir_programs import PLAN, TIPS
from tests.support.random_graph import random_graph

BEGIN = "program p(%a: str) {\n  %s0 = begin\n"

# what follows the two lines of BEGIN, and the whole message
MESSAGES = {
    "  %s1 = append %s0 $\n}": """\
<ir>:3:20: ParseError: unexpected character '$'
  3 |   %s1 = append %s0 $
    |                    ^
  expected one of: `,`, `at`, `do`, `{`, the end of the line""",
    "  %s1 = append %s0,\n}": """\
<ir>:3:20: ParseError: the line ends too early
  3 |   %s1 = append %s0,
    |                    ^
  expected one of: `[`, a name, a number, a string, a value (%x), an extern (@f), an integer, bytes, none, true, """
    "false or unset",
    "  %s1 = append %s0": """\
<ir>:3:19: ParseError: the text ends too early
  3 |   %s1 = append %s0
    |                   ^
  expected one of: `for`, `if`, `loop`, `try`, `}`, a name, a string, a value (%x)""",
    "  return %s0, none }": """\
<ir>:3:20: ParseError: unexpected `}`
  3 |   return %s0, none }
    |                    ^
  expected one of: `,`, `at`, `do`, `{`, the end of the line""",
    "  %t = concat %aa\n}": """\
<ir>:3:15: ParseError: `%aa` is not defined before this line
  3 |   %t = concat %aa
    |               ^^^
  help: did you mean `%a`?""",
    "  %s0 = begin\n}": """\
<ir>:3:3: ParseError: `%s0` is defined twice
  3 |   %s0 = begin
    |   ^^^""",
    "  %x = item %a, 0\n}": """\
<ir>:3:3: ParseError: the type of `%x` is missing
  3 |   %x = item %a, 0
    |   ^^
  help: write it behind the name: `%x: str`""",
    "  %x: strr = item %a, 0\n}": """\
<ir>:3:7: ParseError: unknown type `strr`; did you mean `str`?
  3 |   %x: strr = item %a, 0
    |       ^^^^""",
    '  %s1 = append %s0, "abc\n}': """\
<ir>:3:21: ParseError: this string does not end on its line
  3 |   %s1 = append %s0, "abc
    |                     ^
  expected one of: `[`, a name, a number, a string, a value (%x), an extern (@f), an integer, bytes, none, true, """
    "false or unset",
    '  %s1 = append %s0, "\\q"\n}': """\
<ir>:3:21: ParseError: unknown escape `\\q`
  3 |   %s1 = append %s0, "\\q"
    |                     ^^^^""",
    '  %s1, %x = gen %s0 {constraint=regex("a(")}\n}': """\
<ir>:3:39: ParseError: in this regex, missing ), unterminated subpattern at position 1
  3 |   %s1, %x = gen %s0 {constraint=regex("a(")}
    |                                       ^^^^
  help: lmc reads Python's `re` syntax""",
    '  %s1, %x = gen %s0 {constraint=pattern("a")}\n}': """\
<ir>:3:33: ParseError: unknown constraint `pattern`
  3 |   %s1, %x = gen %s0 {constraint=pattern("a")}
    |                                 ^^^^^^^
  help: there are regex, choices, json_schema, grammar, lark, structural_tag, tool_calls""",
    "  %s1, %x = gen %s0 {constraint=choices([1])}\n}": """\
<ir>:3:33: ParseError: `choices` takes a list of strings
  3 |   %s1, %x = gen %s0 {constraint=choices([1])}
    |                                 ^^^^^^^""",
    "  %s1, %x = gen %s0 {n=1, n=2}\n}": """\
<ir>:3:27: ParseError: attribute `n` is given twice
  3 |   %s1, %x = gen %s0 {n=1, n=2}
    |                           ^""",
    "  %s1, %x = gen n=1, %s0\n}": """\
<ir>:3:22: ParseError: an operand without a name follows one that has a name
  3 |   %s1, %x = gen n=1, %s0
    |                      ^^^""",
    "  yield 1, @f\n}": """\
<ir>:3:12: ParseError: an extern must be the first operand
  3 |   yield 1, @f
    |            ^^""",
}


@pytest.mark.parametrize("text", MESSAGES)
def test_error_message(text: str) -> None:
    """Place, sentence, caret and what was expected."""
    with pytest.raises(ParseError) as caught:
        parse_graph(BEGIN + text)

    assert str(caught.value) == MESSAGES[text]


def test_error_in_an_empty_text() -> None:
    """Nothing at all is a text that ends too early."""
    for text in ("", "\n\n", "// only a comment"):
        with pytest.raises(ParseError, match="the text ends too early"):
            parse_graph(text)


def test_error_in_a_file_shows_the_file_once(tmp_path: Path) -> None:
    """With a real file the span draws the line."""
    path = tmp_path / "a.lmir"
    path.write_text(BEGIN + "  yield $\n}\n")

    with pytest.raises(ParseError) as caught:
        parse_graph(path.read_text(), file=str(path))

    assert str(caught.value).startswith(f"{path}:3:9: ParseError: unexpected character '$'\n  3 |   yield $\n")
    assert str(caught.value).count("yield") == 1


PLAN_MESSAGES = {
    ("node 4 inside", "node 5 inside"): "step `#1` is not called by the last result of node 5",
    ("#2 gen %easy", "#2 gen"): "step `#2` is not called by the last result of node 6",
    ("plan share", "plan other"): "the plan is for `other`, the program is `share`",
    ("wave 2", "wave"): "unexpected `after`",
    ("p0 calls 11", "p0"): "unexpected `tokens`",
    ("gang g1", "gnag g1"): "there is no hint `gnag`",
    ("gang g1", "gang p1"): "`gang` names a gang: `gang g0`",
    ("pin p1 for", "pin 1 for"): "`pin` names a prefix: `pin p0`",
    ("release p1", "release g1"): "`release` names a prefix: `release p0`",
    ("prefetch p0", "prefetch 0"): "`prefetch` names a prefix: `prefetch p0`",
    ("priority -2", "priority p2"): "`priority` names a number: `priority 0`",
    ("pin p1 for 2.5", "pin p1 for"): "unexpected `,`",
}


@pytest.mark.parametrize("change", PLAN_MESSAGES)
def test_plan_error(change: tuple[str, str]) -> None:
    """A plan's lines must agree with its program."""
    with pytest.raises(ParseError) as caught:
        parse_plan(PLAN.replace(*change))

    assert caught.value.message == PLAN_MESSAGES[change]


# --- hostile text ---


HOSTILE = {
    "regions": BEGIN + "  if true {\n" * 100_000,
    "lists": BEGIN + "  yield " + "[" * 100_000,
    "closed lists": BEGIN + "  yield " + "[" * 5_000 + "]" * 5_000 + "\n}",
    "constraints": BEGIN + "  %s1, %x = gen %s0 {constraint=" + "regex(" * 50_000,
    "digits": BEGIN + "  yield " + "9" * 100_000 + "\n}",
    "control characters": "\x00\x01\x02",
    "braces": "{" * 100_000,
    "an open string": BEGIN + '  yield "' + "\\" * 100_000,
    "a huge escape": BEGIN + '  yield "\\Uffffffff"\n}',
    "bytes above 255": BEGIN + '  yield b"é€"\n}',
    "a plan": PLAN,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_is_a_parse_error_in_short_time(name: str) -> None:
    """No hang, no RecursionError, and a message of bounded length."""
    start = time.perf_counter()

    with pytest.raises(ParseError) as caught:
        parse_graph(HOSTILE[name])

    assert time.perf_counter() - start < 10
    assert len(caught.value.render()) < 1_500 or "digits" in name


def test_mutated_text_parses_or_is_a_parse_error() -> None:
    """Garbage at any place: never another exception."""
    rng = random.Random(1)
    pieces = [*'{}[](),=:%@"\\#?\n ', "none", "if", "do", "for", "%s0", "0x", 'b"', "...", "\ud800", "regex("]
    for _ in range(400):
        at, cut = rng.randrange(len(TIPS)), rng.randrange(4)
        try:
            parse_graph(TIPS[:at] + rng.choice(pieces) + TIPS[at + cut :])
        except ParseError as error:
            assert error.span


def test_parsing_runs_nothing_and_imports_nothing() -> None:
    """An extern is a symbol; its label is never looked up."""
    text = 'program p() {\n  extern @e = "no.such.module" ordered raises any\n  %s = begin\n  return %s, none\n}\n'

    assert parse_graph(text).externs[0].label == "no.such.module"


# --- text that comes back ---


def test_comments_blank_lines_and_windows_lines() -> None:
    """Comments end with their line; line ends may be of either kind."""
    text = (
        '// title\n\nprogram p() { // head\r\n\r\n  %s = begin // "begin"\n  // alone\n  return %s, "//"\n}\n// the end'
    )

    assert str(parse_graph(text)) == 'program p() {\n  %s = begin\n  return %s, "//"\n}\n'


def test_deep_regions_round_trip() -> None:
    """Up to the verifier's limit, within Python's recursion limit."""
    block = Block((), (Node("yield"),))
    for _ in range(MAX_DEPTH):
        block = Block((), (Node("if", (Lit(True),), regions=(block, Block((), ()))), Node("yield")))
    graph = Graph("p", (), (), block)

    assert parse_graph(str(graph)) == graph


texts = st.text(st.characters(codec=None, exclude_categories=()))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts | st.binary() | st.just(...) | st.just(UNSET),
    lambda children: st.lists(children).map(tuple),
    max_leaves=8,
)


def _back(value: Any) -> Any:
    graph = parse_graph(f"program p() {{\n  %s = begin\n  return %s, {literal(value)}\n}}\n")
    atom = graph.body.end.inputs[1]
    assert isinstance(atom, Lit)
    return atom


@settings(max_examples=300, deadline=None)
@given(texts)
def test_every_string_comes_back(text: str) -> None:
    """Lone surrogates, controls and quotes included."""
    assert _back(text) == Lit(text)


@settings(max_examples=200, deadline=None)
@given(values)
def test_every_literal_comes_back(value: Any) -> None:
    """With its exact type, in tuples too."""
    assert _back(value) == Lit(value)


def test_surrogate_pair_stays_a_pair() -> None:
    """Two lone surrogates side by side are not one character."""
    assert _back("\ud83d\ude00") == Lit("\ud83d\ude00")


def test_huge_numbers_come_back() -> None:
    """Integers beyond Python's limit on decimal digits; infinities; nan."""
    for value in (10**4_000, -(10**5_000), 5e-324, 1e308):
        assert _back(value).value == value
    for special in (math.inf, -math.inf, math.nan, -0.0):
        assert _back(special) == Lit(special)


@settings(max_examples=200, deadline=None)
@given(texts, texts, texts, texts)
def test_every_name_comes_back(name: str, value: str, key: str, path: str) -> None:
    """Names of programs, values, keys, attributes and arguments, empty ones too."""
    state, other = Value("s" + value, STATE), Value(value, STR)
    node = Node("call", (other,), (key,), (("fn", name), (key + "x", 1)), outputs=(Value(value + "'", DATA),))
    body = Block((), (Node("begin", outputs=(state,)), node, Node("return", (state, Lit(None)))))
    graph = Graph(name, (Param(other, (path, 0, path)),), (), body)

    if key + "x" > "fn":
        assert parse_graph(str(graph)) == graph


def test_parsing_a_thousand_nodes_is_quick() -> None:
    """About 70 us a node."""
    graph = random_graph(1, size=1_000)
    text = str(graph)
    start = time.perf_counter()

    assert parse_graph(text) == graph
    assert time.perf_counter() - start < 10
